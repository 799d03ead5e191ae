/*
 * One command's session: a target, a carrier to it, and the transfer that runs
 * jobs over it. All commands are a session, some jobs, and what they do with
 * the events.
 */
#ifndef FERRY_CLI_SESSION_H
#define FERRY_CLI_SESSION_H

#include "cli/carrier.h"
#include "cli/report.h"
#include "cli/settings.h"
#include "cli/ssh_carrier.h"

struct session_config {
    const struct invocation *inv; /* borrowed for the session's life */
    const struct target *target;  /* borrowed for the session's life */
    enum report_direction direction;
    /* The command's own interest in events, behind the report's; event may be NULL. */
    struct transfer_sink sink;
    const struct ssh_observer *observer; /* NULL: none */
};

struct session {
    struct session_config config;
    struct console console;
    struct settings settings;
    struct carrier *carrier;
    struct transfer *transfer;
    struct report report;
    bool is_over; /* the connection is gone */
    /* What came before the jobs at hand, where several batches of them use one session.
     */
    struct transfer_totals totals_before;
    int signals_before;
};

/*
 * Connect, log in, start SFTP. EXIT_OK: the session stands, session_finish ends
 * it. Else what went wrong has been said, and the session is closed.
 */
enum exit_status session_open(struct session *s, const struct session_config *config);

/* Queue a job. A failure is the report's. */
void session_add(struct session *s, const struct transfer_spec *spec);

/* Run until no job is left, the connection ends or a signal stops it. */
void session_run(struct session *s);

/*
 * For a session that is used for one thing after another: conclude what ran so far
 * (its last lines; its status), then begin anew, with nothing failed and nothing done.
 */
enum exit_status session_conclude(struct session *s);
void session_renew(struct session *s, enum report_direction direction);

/* Let the carrier do what is due without waiting: answer the server, change keys. */
void session_breathe(struct session *s);

/* Say goodbye, free, and tell the exit status of everything together. */
enum exit_status session_finish(struct session *s);

#endif
