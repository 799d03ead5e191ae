/*
 * The process that people start and stop: accepts connections, decides who may
 * come in, has processes started for them and knows when those have ended. It
 * reads no octet of a peer and holds no key (threats S1).
 */
#ifndef FERRY_DAEMON_LISTENER_H
#define FERRY_DAEMON_LISTENER_H

#include "daemon/admission.h"
#include "daemon/control.h"
#include "daemon/generation.h"
#include "daemon/notify.h"
#include "daemon/penalty.h"
#include "daemon/rates.h"
#include "daemon/spawner.h"

enum {
    LISTENER_SOCKETS_MAX = 64,
    LISTENER_GENERATIONS_MAX = 16, /* that still have connections, with the present one */
};

struct listener;
struct run;

/* What differs between `ferryd serve` and `ferryd run`. NULL members: not done. */
struct listener_hooks {
    /* SIGHUP, `ferryd reload`: another generation, in *g; limits are set as well. */
    enum err (*reload)(void *ctx, struct listener *l, struct generation *g,
                       struct fault *why);
    /* SIGUSR1, `ferryd reopen`. */
    void (*reopen)(void *ctx);
    /* SIGUSR2: start the program anew with our sockets. *ready: a descriptor to read
     * an octet from when it serves. */
    enum err (*restart)(void *ctx, struct listener *l, pid_t *pid, int *ready,
                        struct fault *why);
    /* A process that is none of ours here has ended. True: it was one of the hooks',
     * and without it nothing goes on. */
    bool (*ended)(void *ctx, pid_t pid, int status);
    /* Other things for the status: version, configuration's path, walls. */
    void (*status)(void *ctx, struct control_status *out);
    /* Bans were changed: save them. */
    void (*bans_changed)(void *ctx, const struct bans *bans);
};

/* What the listener knows of a place beside the admission table. */
struct listener_place {
    struct generation *generation;
    struct net_addr peer;
    bool is_proxied;      /* the peer is a trusted proxy */
    bool is_over_limit;   /* its account has as many connections as it may have */
    int socket, handover; /* kept until the session starts; -1 */
    bool is_accepted;     /* the monitor said so: a session was asked for */
    bool is_starting;     /* its session was asked for and not heard of yet */
    bool is_killed;       /* on our word: no crash */
    int signal;           /* for its processes, still to be sent; 0 */
    int last_signal;      /* that they were to get, also those not started yet; 0 */
    bool is_overdue;      /* its login took too long, so its process was killed */
    bool has_failed, was_bad_user;
    pid_t ended_early; /* pre-authentication, before its session was heard of; 0 */
};

struct listener {
    struct daemon_log *log;
    const struct listener_hooks *hooks;
    void *hooks_ctx;

    int listen[LISTENER_SOCKETS_MAX]; /* closed by the run */
    struct net_addr bound[LISTENER_SOCKETS_MAX];
    uint32_t n_listen;
    uint64_t drain_ms;     /* from SIGTERM to force */
    uint64_t login_ms;     /* for a login; a process that stays much longer is killed */
    bool has_no_keepalive; /* TCPKeepAlive no */

    struct generation *generations[LISTENER_GENERATIONS_MAX]; /* [0]: the present one */
    struct admission *admission;
    struct listener_place *places; /* ADMISSION_PLACES_MAX of them */
    struct penalties *penalties;   /* NULL: none */
    struct rates *rates;
    struct board_page *pages;
    int board;
    int spawner; /* link */
    pid_t spawner_pid;
    struct control *control; /* NULL: none */
    struct notify notify;
    struct control_counts counts;
    int64_t started_s, reloaded_s;
    uint64_t started_ms;
    struct run *run;    /* while it runs */
    bool has_successor; /* another program serves in our place */
};

/*
 * The signals that the listener takes as descriptors are blocked, for itself
 * and all that it forks. Call before the first fork.
 */
void listener_block_signals(void);

/* Tables, the board, the spawner: all but sockets, first generation and control.
 * l: zeroed, but for log and hooks. ERR_NOMEM, ERR_IO. */
enum err listener_init(struct listener *l, const struct admission_limits *limits,
                       const struct generation *first, struct fault *why) MUST_USE;

/* Frees what listener_init made, generations but the first, and penalties. */
void listener_clear(struct listener *l);

/* How the control socket sees us. */
void listener_control_host(struct listener *l, struct control_host *host);

/*
 * Serve until SIGINT or SIGTERM (or SIGHUP, when there is nothing to reload); then
 * let every connection finish its request, bounded in time. The exit status: 0,
 * or 1 when a process without which nothing goes on has died.
 */
int listener_run(struct listener *l) MUST_USE;

#endif
