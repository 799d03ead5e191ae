/*
 * The process of a peer who is nobody yet: identification, key exchange and
 * authentication, behind the highest walls: no identity, no files, no key but
 * its own connection's. When the monitor has accepted the login it hands the
 * connection's state over to the session process and ends.
 */
#ifndef FERRY_DAEMON_PRE_AUTH_H
#define FERRY_DAEMON_PRE_AUTH_H

#include "daemon/log.h"
#include "daemon/public.h"
#include "daemon/sandbox.h"
#include "net/socket.h"

struct pre_auth_config {
    const struct daemon_public *public;
    const struct sandbox_plan *plan;
    struct daemon_log *log;
    int socket;   /* the peer */
    int monitor;  /* our own pair's end */
    int handover; /* stream to the session process */
    struct net_addr peer, local;
    bool is_proxy; /* the peer is a trusted proxy and speaks first of another */
};

/* How it ended, as its exit status. */
enum pre_auth_exit {
    PRE_AUTH_HANDED_OVER = 0,
    PRE_AUTH_ERROR = 1,   /* a failure of ours */
    PRE_AUTH_NO_TRY = 10, /* left without having asked for a login */
    PRE_AUTH_FAILED = 11, /* left, or was sent away, after it had asked */
    PRE_AUTH_GRACE = 12,  /* time was up */
};

/* Runs to the hand-over or the connection's end; the exit status. The
 * descriptors are closed by the process's end; when nothing was handed over the
 * peer has been shut out before. SIGTERM ends it at once. */
int pre_auth_run(const struct pre_auth_config *config) MUST_USE;

#endif
