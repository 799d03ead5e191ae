/*
 * The process that people start and stop: accepts connections, decides who may
 * come in, forks a process for each, and reaps it. It reads no octet of a peer
 * and holds no key (threats S1).
 */
#ifndef FERRY_DAEMON_LISTENER_H
#define FERRY_DAEMON_LISTENER_H

#include "daemon/admission.h"
#include "daemon/session.h"

struct listener {
    const struct settings *settings;
    const struct link_public *public;
    const struct sandbox_plan *plan;
    struct daemon_log *log;
    const char *trace;
    int listen[OPTION_TEXTS_MAX]; /* settings->n_listen of them; closed by the run */
    int root;                     /* the shared folder */
    int link;                     /* to the monitor; daemon/link.h */
    pid_t monitor;
};

/*
 * The signals that the listener takes as descriptors are blocked, for itself
 * and all that it forks. Call before the first fork.
 */
void listener_block_signals(void);

/*
 * Serve until SIGINT, SIGTERM or SIGHUP; then let every connection finish its
 * request, bounded in time. The exit status: 0, or 1 when the monitor died.
 */
int listener_run(struct listener *l) MUST_USE;

#endif
