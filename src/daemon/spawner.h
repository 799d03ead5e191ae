/*
 * The small parent of all processes that meet peers: started afresh from the
 * program's own file, so that it has no secret and no octet of anybody's in its
 * memory, it sets up once what its children need (algorithms, filters) and then
 * forks them on the listener's word. From time to time, and after a child has
 * crashed, it starts itself anew, so that addresses don't stay the same for
 * somebody who guesses (threats section 12). It stays the parent of its
 * children over that; everything else that it knows lies in descriptors.
 */
#ifndef FERRY_DAEMON_SPAWNER_H
#define FERRY_DAEMON_SPAWNER_H

#include "net/socket.h"

/* Its descriptors, the same in every life. */
enum {
    SPAWNER_FD_LINK = 3,   /* to the listener */
    SPAWNER_FD_PUBLIC = 4, /* public_seal */
    SPAWNER_FD_BOARD = 5,  /* board_new */
    SPAWNER_FD_EXE = 6,    /* the program */
    SPAWNER_FD_LOG = 7,    /* log of sessions; SPAWNER_FD_EXE when there is none */
    SPAWNER_FD_LOG_PRE_AUTH = 8,
    SPAWNER_FD_END
};

/* argv[1] of a spawner; nobody else's business. */
#define SPAWNER_ARGUMENT "--spawner"

enum spawn_op {
    SPAWN_PRE_AUTH = 1, /* descriptors: socket, monitor, hand-over */
    SPAWN_SESSION,      /* the same */
    SPAWN_PUBLIC,       /* descriptors: another sealed struct daemon_public, and when
                           it says so the two logs */
    SPAWN_SIGNAL,       /* pid, signal: to one of its children, if it still is */
};

struct spawn_request {
    uint32_t op;
    uint32_t place; /* page of the board */
    uint64_t id;    /* of the connection */
    struct net_addr peer, local;
    uint32_t is_proxy;      /* the peer is a trusted proxy */
    uint32_t is_over_limit; /* SESSION: to be turned away, its account has too many */
    int32_t pid, signal;
};

enum spawn_notice_type {
    SPAWN_READY = 1, /* once in each life */
    SPAWN_STARTED,   /* id, pid, op */
    SPAWN_FAILED,    /* id, op: no process could be made */
    SPAWN_ENDED,     /* pid, status as of waitpid */
};

struct spawn_notice {
    uint32_t type;
    uint32_t op;
    uint64_t id;
    int32_t pid, status;
};

/* The life of a spawner: main() calls it. The exit status. */
int spawner_main(void) MUST_USE;

struct spawner_fds {
    int public, board;
    int log, log_pre_auth; /* -1: standard error */
};

/*
 * Start one: fork and exec of this program. *link: the listener's end; *pid.
 * ERR_IO.
 */
enum err spawner_start(const struct spawner_fds *fds, int *link, pid_t *pid,
                       struct fault *why) MUST_USE;

#endif
