/*
 * The process of one login: takes over the connection where the
 * pre-authentication process left it, becomes the account, and serves its files
 * inside its walls. It holds no key but its own connection's and asks the
 * monitor for everything else.
 */
#ifndef FERRY_DAEMON_SESSION_H
#define FERRY_DAEMON_SESSION_H

#include "daemon/log.h"
#include "daemon/public.h"
#include "daemon/sandbox.h"
#include "net/socket.h"

struct session_config {
    const struct daemon_public *public;
    const struct sandbox_plan *plan;
    struct daemon_log *log;
    int socket;   /* the peer */
    int monitor;  /* our own pair's end */
    int handover; /* stream from the pre-authentication process */
    int board;    /* board_new */
    uint32_t place;
    struct net_addr peer;
    bool is_over_limit; /* its account has as many connections as it may have */
};

/* Runs to the connection's end; the exit status. The descriptors are closed
 * by the process's end. SIGTERM, SIGINT and SIGHUP ask for an orderly end. */
int session_run(const struct session_config *config) MUST_USE;

#endif
