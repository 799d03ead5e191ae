/*
 * How many lines strangers may cause: a bucket a source and one for all of
 * them together, so that neither one peer nor many fill the disk (threats G1).
 * What was left out is counted and told: "suppressed N lines about ...".
 *
 * A source is an IPv4 address or an IPv6 /64. Pure: time is handed in.
 */
#ifndef FERRY_DAEMON_LOG_LIMIT_H
#define FERRY_DAEMON_LOG_LIMIT_H

#include "base/address.h"
#include "base/err.h"

enum {
    LOG_LIMIT_SOURCES = 1024,   /* remembered at a time; the longest silent goes first */
    LOG_LIMIT_BURST = 30,       /* lines of a source */
    LOG_LIMIT_REFILL_MS = 2000, /* one more line */
    LOG_LIMIT_ALL_BURST = 1000, /* lines of all sources */
    LOG_LIMIT_ALL_REFILL_MS = 50,
    LOG_LIMIT_REPORT_MS = 60 * 1000, /* a source is told about once in this time */
};

struct log_limit;

enum err log_limit_new(struct log_limit **limit) MUST_USE;
void log_limit_free(struct log_limit *limit); /* NULL allowed */

/* May a line about source be written? source: as the sender said; texts that are no
 * address share one bucket. */
bool log_limit_allows(struct log_limit *limit, const char *source, uint64_t now_ms);

struct log_limit_report {
    char source[64]; /* "192.0.2.7"; "other addresses" */
    uint32_t n;
};

/* Something to tell? Call until false. */
bool
log_limit_next(struct log_limit *limit, uint64_t now_ms, struct log_limit_report *report);

/* When log_limit_next has something; UINT64_MAX: nothing was suppressed. */
uint64_t log_limit_deadline(const struct log_limit *limit);

#endif
