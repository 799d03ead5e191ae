/*
 * The daemon's log: one event, one encoded line, said at once or not at all: a
 * reader that sleeps never makes a connection wait (threats G1). Lines that
 * could not be said are counted and told later.
 *
 * A line goes to standard error, or as one message to the recorder process
 * (daemon/recorder.h), which gives it its form and puts it where the
 * configuration wants it.
 *
 * Lines about logins have sshd's wording (daemon/log_words.h), so that what
 * reads sshd's log (fail2ban's filter, people) reads ours.
 */
#ifndef FERRY_DAEMON_LOG_H
#define FERRY_DAEMON_LOG_H

#include "base/log.h"
#include "config/server_options.h" /* enum server_log_style */

enum { LOG_SOURCE_MAX = 64, LOG_TEXT_MAX = 1024 }; /* octets with the terminator */

/* To the recorder: this, then the text without terminator. */
struct log_message {
    uint32_t level;
    uint32_t is_trace;
    /* Whose line it is: what follows one connection by the number in the brackets
     * (fail2ban does) wants the connection's. 0: the sender's, as the kernel says;
     * always so for lines from processes that are no part of the trusted ones. */
    uint32_t pid;
    uint32_t n_lost; /* lines of the sender that could not be said before */
    /* The peer that caused the line, when none has vouched for it yet; "" otherwise.
     * Such lines are limited by source. Terminated. */
    char source[LOG_SOURCE_MAX];
};

struct daemon_log {
    struct log_sink sink; /* what the core is given */
    enum log_level level; /* lines above it are left out */
    enum server_log_style style;
    int recorder; /* socket to the recorder, or -1: standard error */
    char source[LOG_SOURCE_MAX];
    char host[65]; /* ours, for the openssh style; asked while that is still possible */
    uint32_t pid;  /* daemon_log_set_subject; 0: our own */
    unsigned n_lost;
};

/* To standard error, as text. trace: parts wanted, as FERRY_TRACE; may be NULL. */
void daemon_log_init(struct daemon_log *log, enum log_level level, const char *trace);

/* From now on to the recorder, through the writing end of one of its log sockets
 * (struct recorder_config). The descriptor stays the caller's. */
void daemon_log_to_recorder(struct daemon_log *log, int fd);

/* From now on every line is about this peer, which nobody vouches for: it will be
 * limited. "": no longer. */
void daemon_log_set_source(struct daemon_log *log, const char *address);

/* Until it is said otherwise, lines are about a connection with this process (0: our
 * own) and from this source, as above. */
void daemon_log_set_subject(struct daemon_log *log, const char *address, uint32_t pid);

/*
 * One line for somebody else: the monitor's about a connection.
 * source: as in struct log_message. pid: of the connection's process; 0: our own.
 */
void daemon_log_about(struct daemon_log *log, enum log_level level, const char *source,
                      uint32_t pid, const char *text);

#endif
