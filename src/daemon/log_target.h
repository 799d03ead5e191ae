/*
 * Where the log goes (LogTarget), for the recorder process alone: standard
 * error, a file, syslog's socket or the journal's. Never waits for a socket's
 * reader; what could not be written is counted and told when it can be again.
 *
 * A socket that is not there is tried again with every line, and meanwhile the
 * line goes to standard error.
 */
#ifndef FERRY_DAEMON_LOG_TARGET_H
#define FERRY_DAEMON_LOG_TARGET_H

#include "daemon/log_format.h"

enum log_target_kind {
    LOG_TARGET_STDERR,
    LOG_TARGET_FILE,
    LOG_TARGET_SYSLOG,
    LOG_TARGET_JOURNAL,
};

struct log_target {
    enum log_target_kind kind;
    enum server_log_style style;
    int facility;
    const char *address; /* path of the file or socket; borrowed */
    int fd;              /* -1: closed */
    uint32_t n_lost;
    bool has_fallen_back; /* it was told that lines go to standard error */
    char host[65];
};

/* Judge the words alone. target, facility: as configured, borrowed; NULL: the defaults.
 * ERR_PROTO: neither a path nor a known word; *why says so. */
enum err
log_target_choose(struct log_target *t, enum server_log_style style, const char *target,
                  const char *facility, struct fault *why) MUST_USE;

/* The same, and open a file. ERR_IO: it cannot be opened. */
enum err
log_target_open(struct log_target *t, enum server_log_style style, const char *target,
                const char *facility, struct fault *why) MUST_USE;
void log_target_close(struct log_target *t);

/* For logrotate: a file of that name again. It keeps the old one when it fails. */
enum err log_target_reopen(struct log_target *t, struct fault *why) MUST_USE;

void log_target_write(struct log_target *t, const struct log_entry *entry);

#endif
