/*
 * The process behind the trust line: loads host keys and account, walls itself
 * in, and answers the connections' questions until the listener goes away. It
 * never touches the network, and the listener never touches a key.
 */
#ifndef FERRY_DAEMON_MONITOR_PROCESS_H
#define FERRY_DAEMON_MONITOR_PROCESS_H

#include "daemon/log.h"
#include "daemon/sandbox.h"
#include "daemon/settings.h"

struct monitor_process {
    const struct settings *settings;
    const struct net_addr *bound; /* settings->n_listen of them, as bound */
    const struct sandbox_plan *plan;
    struct daemon_log *log;
    int link; /* our end of link_pair; daemon/link.h */
};

/* Runs until the listener's end of the link is closed; the exit status. */
int monitor_process_run(const struct monitor_process *p) MUST_USE;

#endif
