/*
 * The forms that a line of the log can have (LogStyle), and those that syslog
 * and the journal want. Pure: an entry in, octets out.
 *
 *   text     2026-11-22T21:15:01.123Z ferryd[4711]: warning: text
 *   json     {"v":1,"t":"log","time":"...","level":"warning","pid":4711,"text":"..."}
 *   openssh  Nov 22 21:15:01 host sshd[4711]: text      what syslog makes of sshd's
 */
#ifndef FERRY_DAEMON_LOG_FORMAT_H
#define FERRY_DAEMON_LOG_FORMAT_H

#include <time.h>

#include "base/buf.h"
#include "base/log.h"
#include "config/server_options.h"

enum { LOG_LINE_OCTETS = 16 * 1024 }; /* of a whole line; JSON escapes make it long */

struct log_entry {
    struct timespec time; /* since 1970 */
    enum log_level level;
    bool is_trace;
    uint32_t pid;
    const char *host; /* for openssh */
    const char *text; /* encoded: one line */
};

/* RFC 3339, UTC: needs no time zone file inside a sandbox. */
void log_put_time(struct buf *out, struct timespec time);

/* A line of a file or of standard error, with its newline. */
void
log_put_line(struct buf *out, enum server_log_style style, const struct log_entry *entry);

/* A datagram for /dev/log: RFC 3164 without the host, as syslog(3) writes it.
 * facility: 0..23. The json style is the message's text. */
void log_put_syslog(struct buf *out, enum server_log_style style, int facility,
                    const struct log_entry *entry);

/* A datagram for the journal: FIELD=value lines. systemd's "native journal protocol". */
void log_put_journal(struct buf *out, enum server_log_style style, int facility,
                     const struct log_entry *entry);

/* SyslogFacility's words, as sshd has them. -1: unknown. */
int log_facility(const char *word);

#endif
