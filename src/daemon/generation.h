/*
 * One configuration in force: its monitor with what stands behind it, and what
 * every process may know of it. A reload makes a new generation; the old one
 * stays for the connections that it has.
 */
#ifndef FERRY_DAEMON_GENERATION_H
#define FERRY_DAEMON_GENERATION_H

#include "daemon/monitor_process.h"

struct generation {
    uint32_t number;       /* 1, 2, ...: of the daemon's life */
    pid_t monitor;         /* 0: has ended */
    int link;              /* to it; -1 once it is gone */
    int public_fd;         /* public_seal */
    int log, log_pre_auth; /* of the recorder, borrowed; -1: standard error */
    char trusted_proxies[2048];
    uint32_t n_places; /* connections that belong to it */
    bool is_retired;   /* another has taken its place */
};

/*
 * Start the monitor that process describes, and wait until it is ready.
 * public: of it the keys are filled in here; sealed into g->public_fd.
 * keys: what the monitor told.
 * ERR_AUTH: it could not load what it needs and has said so; ERR_BUG: it is gone
 * without a word; ERR_IO.
 */
enum err generation_start(struct generation *g, struct monitor_process *process,
                          struct daemon_public *public, struct fault *why) MUST_USE;

/* Let the monitor go: it ends when its last connection has left. */
void generation_close(struct generation *g);

#endif
