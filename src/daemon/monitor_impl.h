/*
 * The inside of the monitor process, shared by monitor_process.c (its life, its
 * connections), monitor_single.c and monitor_book.c (what stands behind the
 * verdicts of `ferryd serve` and of `ferryd run`).
 */
#ifndef FERRY_DAEMON_MONITOR_IMPL_H
#define FERRY_DAEMON_MONITOR_IMPL_H

#include <poll.h>

#include "account/password_make.h"
#include "daemon/monitor_process.h"
#include "daemon/recorder_client.h"
#include "daemon/steward.h"
#include "daemon/verdict_book.h"
#include "daemon/verdict_single.h"

enum { KEEPER_FDS_MAX = 2 };

struct keeper_slot {
    struct monitor_conn conn;
    int fd[MONITOR_ENDS];          /* -1: none */
    uint32_t pid;                  /* of the process that asked last; for the log */
    uint64_t question;             /* the steward's id of what is awaited */
    struct steward_usage begun;    /* before the tree is counted */
    bool has_quota;                /* charges were made: they must be ended */
    bool is_dropped;               /* nothing of it is heard or answered any more */
    struct login_request *pending; /* method and user of a login that is awaited */
};

struct keeper {
    const struct monitor_process *process;
    struct host_keys keys;
    struct daemon_public public; /* of it only the keys */
    struct monitor monitor;
    struct monitor_backend backend;
    int epoll;
    struct pollfd watched[KEEPER_FDS_MAX]; /* the kind's, as epoll knows them */
    bool is_orphan; /* the listener is gone: end with the last connection */
    uint32_t n_slots;
    struct keeper_slot *slots[ADMISSION_PLACES_MAX]; /* by place; NULL: free */
    _Alignas(uint64_t) union monitor_request message;
    struct monitor_reply reply;

    /* `ferryd serve` */
    struct account account;
    struct grant grant;
    char made_password[PASSWORD_MADE_LEN + 1]; /* "": none was made up */

    /* `ferryd run` */
    struct verdict_book_world world;
    struct steward_client *steward;
    struct recorder_client *recorder;
};

/* What a kind of monitor consists of. */
struct keeper_kind {
    /* Load what needs files, before the walls. keys: filled in for the listener. */
    enum err (*load)(struct keeper *k, struct monitor_keys *keys, struct fault *why);
    /* Everything stands and the walls are closed. */
    enum err (*begin)(struct keeper *k, const struct monitor_keys *keys);
    /* Its own descriptors and what to wait for; -1: none. */
    void (*fds)(const struct keeper *k, struct pollfd fds[KEEPER_FDS_MAX]);
    /* Something is to be read from, or written to, one of them. False: it is gone, and
     * without it nothing goes on. */
    bool (*serve)(struct keeper *k);
    uint64_t (*deadline)(const struct keeper *k); /* for serve, without any event */
    void (*left)(struct keeper *k, struct keeper_slot *slot);
    void (*clear)(struct keeper *k);
};

extern const struct keeper_kind keeper_single, keeper_book;

/* ---- monitor_process.c, for the kinds ---- */

/* The slot of a connection; NULL: it has left. mark: keeper_mark. */
struct keeper_slot *keeper_find(struct keeper *k, uint64_t mark);
uint64_t keeper_mark(const struct monitor_conn *c);

/* Lines of the log are about this connection from now on; NULL: about none. */
void keeper_speak_of(const struct keeper *k, const struct keeper_slot *slot);

/* Answer what a connection awaits. reply->op is set here. */
void
keeper_reply(struct keeper *k, struct keeper_slot *slot, struct monitor_reply *reply);

/* The connection cannot go on: a failure of ours, or misuse. */
void keeper_drop(struct keeper *k, struct keeper_slot *slot);

/* Add a host key's public half for the listener. ERR_LIMIT: too many, or too large. */
enum err keeper_add_key(struct monitor_keys *keys, struct bytes blob, uint32_t signer,
                        struct fault *why);

#endif
