/*
 * The inside of a running listener, shared by listener.c (connections and
 * processes) and listener_control.c (what the control socket asks).
 */
#ifndef FERRY_DAEMON_LISTENER_IMPL_H
#define FERRY_DAEMON_LISTENER_IMPL_H

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

/* SIGHUP, or an administrator. An error has been logged. */
enum err listener_reload(struct run *r, struct fault *why) MUST_USE;

/* To the processes of a connection, as soon as the spawner takes our word; marks them
 * as ended by us. SIGTERM or SIGKILL. */
void listener_signal(struct run *r, const struct admission_place *p, int signal_number);

#endif
