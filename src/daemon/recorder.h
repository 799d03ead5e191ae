/*
 * The recorder: one process that writes down what happened. It keeps the audit
 * log (daemon/audit.h), spools events and runs their programs
 * (daemon/events.h), and writes the log where the configuration wants it
 * (daemon/log_target.h).
 *
 *   listener --control--> recorder      here is a monitor
 *   monitor <--requests--> recorder     struct record in, a receipt out
 *   every process --log lines--> recorder
 *
 * Whoever speaks to it never waits: records and lines are messages on
 * SOCK_SEQPACKET pairs (daemon/link.h). The listener keeps the recorder's ends
 * of all pairs, so that a recorder that died can be replaced by another with
 * the same ends: what was sent meanwhile waits in them, and what was read but
 * not yet receipted is sent again (daemon/recorder_client.h).
 *
 * It meets no octet of a peer but inside struct record and the lines, whose
 * every length it checks. It stays what it was started as (root, to become the
 * events' user and to look whether an upload is in place), and is walled in
 * only as far as the programs that it starts allow: see recorder_walls in
 * recorder.c.
 */
#ifndef FERRY_DAEMON_RECORDER_H
#define FERRY_DAEMON_RECORDER_H

#include "config/server_options.h"
#include "daemon/log.h"
#include "daemon/record.h"

enum { RECORDER_MONITORS_MAX = 16 }; /* generations that may be alive at a time */

/* Listener to recorder, over control, with a descriptor. */
struct recorder_monitor {
    uint32_t generation; /* of the configuration, for the log */
};

/* Monitor to recorder. */
struct recorder_request {
    uint64_t id; /* the monitor's, given back in the receipt; 0: wants none */
    struct record record;
};

enum recorder_result {
    RECORDER_FAILED = 0, /* the event could not be made safe: don't acknowledge */
    RECORDER_STORED, /* in the audit log and, if an event is configured, in its spool */
    RECORDER_NOT_AUDITED, /* the event is safe; the audit line was lost, and counted */
};

/* Recorder to monitor. */
struct recorder_receipt {
    uint64_t id;
    uint32_t result; /* enum recorder_result */
};

/* Log sockets: the recorder believes what comes over the first (which process it
 * is, whom it is about) and nothing of what comes over the second. */
enum recorder_log { RECORDER_LOG_TRUSTED, RECORDER_LOG_PREAUTH, RECORDER_LOGS };

struct recorder_config {
    const struct server_options *options; /* of the daemon: log, audit, events */
    const char *state_dir;                /* absolute; exists, 0700 */
    enum log_level level;                 /* for its own lines */
    /* The recorder's ends of link_pair()s. The caller keeps copies for a successor. */
    int control; /* its own; closed by the listener: run no more events, finish, end */
    int logs[RECORDER_LOGS]; /* of this generation alone: its processes write to them */
    int monitors[RECORDER_MONITORS_MAX]; /* of a predecessor that died */
    uint32_t n_monitors;
};

/*
 * Be the recorder: for a process that was forked for it, with the listener's
 * signals blocked. Returns the exit status when control, logs and monitors are
 * all closed, or when it cannot work.
 *
 * A monitor is announced with a struct recorder_monitor and its pair's end.
 * SIGUSR1: reopen the log file (the audit log notices by itself).
 * Closing control retires it: it runs no more events (a newer recorder may,
 * which waits for it), but serves the monitors it has until they end.
 */
int recorder_run(const struct recorder_config *config);

/* Could that configuration be served? For -t and before a SIGHUP is obeyed: programs
 * are absolute, there and nobody else's to change; files have directories; the user and
 * the facility are known. Changes nothing. ERR_PROTO, ERR_AUTH, ERR_IO with a sentence.
 */
enum err recorder_check(const struct server_options *options, struct fault *why) MUST_USE;

/* Is that request one which an honest monitor sends? */
bool recorder_request_is_valid(const struct recorder_request *request, size_t n);

#endif
