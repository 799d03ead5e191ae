/*
 * The inside of a running listener, shared by listener.c (the loop, and the end),
 * listener_places.c (connections and their processes), listener_change.c (reload,
 * restart) and listener_control.c (what the control socket asks).
 */
#ifndef FERRY_DAEMON_LISTENER_IMPL_H
#define FERRY_DAEMON_LISTENER_IMPL_H

#include <unistd.h>

#include "daemon/listener.h"

struct run {
    struct listener *l;
    int signals;
    uint64_t stop_ms;    /* when to use force; UINT64_MAX: not stopping */
    uint64_t accept_ms;  /* no accept before */
    uint64_t overdue_ms; /* when to look for processes that stay too long */
    uint64_t refusal_log_ms;
    unsigned n_refused;  /* since the last line about them */
    bool has_signals;    /* places have signals that the spawner had no room for */
    bool is_vital_gone;  /* a process that all need */
    bool is_retiring;    /* another program serves; the last connection ends us */
    int restart_fd;      /* an octet comes when it does; -1 */
    pid_t restart_pid;   /* 0: none, or it has ended */
    uint64_t restart_ms; /* no longer than that */
};

/* The configuration in force. */
static inline struct generation *
listener_present(const struct run *r)
{
    return r->l->generations[0];
}

static inline struct listener_place *
place_of(const struct run *r, const struct admission_place *p)
{
    return &r->l->places[admission_index(r->l->admission, p)];
}

static inline void
close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* ---- listener_places.c ---- */

/* Some of those who wait at a listening socket. */
void listener_accept(struct run *r, int listen_fd);

/* What a monitor, or the spawner, has to say. */
void listener_take_notices(struct run *r, struct generation *g);
void listener_take_spawner_notices(struct run *r);

/* Signals that the spawner had no room for. */
void listener_send_signals(struct run *r);

/* Kill processes that outlive their login; looked for now and then. */
void listener_end_overdue(struct run *r, uint64_t now);

/* A link says that it has room while most of it is free: what one word leads to later
 * finds its own. */
bool listener_has_room(int link, int timeout_ms);

/* ---- listener_change.c ---- */

/* Generations that nobody needs any more are let go. */
void listener_drop_generations(struct listener *l);

/* SIGUSR2: start the program anew; then it serves, or it never will; or it is not
 * wanted any more. */
void listener_start_restart(struct run *r);
void listener_finish_restart(struct run *r);
void listener_end_restart(struct run *r);

/* SIGHUP, or an administrator. An error has been logged. */
enum err listener_reload(struct run *r, struct fault *why) MUST_USE;

/* To the processes of a connection, as soon as the spawner takes our word; marks them
 * as ended by us. SIGTERM or SIGKILL. */
void listener_signal(struct run *r, const struct admission_place *p, int signal_number);

#endif
