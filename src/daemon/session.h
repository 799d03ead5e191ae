/*
 * The process of one connection: from the socket to the last channel, inside
 * its walls from before the first octet. Forked from the listener, it holds no
 * key but its own session's and asks the monitor for everything else.
 */
#ifndef FERRY_DAEMON_SESSION_H
#define FERRY_DAEMON_SESSION_H

#include "daemon/link.h"
#include "daemon/log.h"
#include "daemon/sandbox.h"
#include "daemon/settings.h"

struct session_config {
    const struct settings *settings;
    const struct link_public *public;
    const struct sandbox_plan *plan;
    const char *trace; /* NULL: none */
    int root;          /* descriptor of the shared folder */
    int socket;        /* the peer */
    int monitor;       /* our own pair's end */
    struct net_addr peer;
};

/* Runs to the connection's end; the exit status. The descriptors are closed
 * by the process's end. SIGTERM, SIGINT and SIGHUP must be blocked: they ask
 * for an orderly end. */
int session_run(const struct session_config *config) MUST_USE;

#endif
