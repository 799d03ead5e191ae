/*
 * What the recorder writes: the log, the audit log and the events, with the
 * limits for what strangers cause. No sockets here: records and lines come in
 * as they were sent, and are judged.
 */
#ifndef FERRY_DAEMON_RECORDER_BOOKS_H
#define FERRY_DAEMON_RECORDER_BOOKS_H

#include "daemon/audit.h"
#include "daemon/events.h"
#include "daemon/log_limit.h"
#include "daemon/log_target.h"
#include "daemon/recorder.h"

enum { BOOKS_SYNC_MS = 1000 /* an audit line reaches the disk so much later at most */ };

struct books {
    const struct recorder_config *config;
    struct log_target target;
    struct log_limit *line_limit, *audit_limit;
    struct log_sink sink; /* the recorder's own lines */
    struct audit audit;
    bool has_audit, is_audit_failing;
    struct events *events; /* NULL: none is configured */
    uint64_t sync_ms;      /* UINT64_MAX: nothing to sync */
    uint32_t n_invalid;    /* requests and lines that no honest process sends */
};

/* config: borrowed until books_close. */
enum err books_open(struct books *b, const struct recorder_config *config,
                    uint64_t now_ms, struct fault *why) MUST_USE;
void books_close(struct books *b);

/* One message of a log socket. pid: the sender's, from the kernel. */
void books_take_line(struct books *b, enum recorder_log from, struct bytes message,
                     uint32_t pid, uint64_t now_ms);

/* One message of a monitor. False: not a request; there is no receipt. */
bool books_take_request(struct books *b, const struct recorder_request *request, size_t n,
                        struct recorder_receipt *receipt, uint64_t now_ms);

void books_tick(struct books *b, uint64_t now_ms);
uint64_t books_deadline(const struct books *b);

/* Another log file of the same name. */
void books_reopen(struct books *b);

#endif
