/*
 * The daemon's log: one event, one encoded line on standard error, written at
 * once or not at all: a reader that sleeps never makes a connection wait
 * (threats G1). Lines that could not be written are counted and told later.
 *
 * Lines about logins have sshd's wording, so that what reads sshd's log
 * (fail2ban's filter, people) reads ours.
 */
#ifndef FERRY_DAEMON_LOG_H
#define FERRY_DAEMON_LOG_H

#include "base/log.h"

struct daemon_log {
    struct log_sink sink; /* what the core is given */
    enum log_level level; /* lines above it are left out */
    unsigned n_lost;
};

/* trace: parts wanted, as FERRY_TRACE; may be NULL. */
void daemon_log_init(struct daemon_log *log, enum log_level level, const char *trace);

#endif
