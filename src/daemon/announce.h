/*
 * What `ferryd serve` says when it is ready: where it is, who may come, by
 * which host key it is known, and lines to copy.
 */
#ifndef FERRY_DAEMON_ANNOUNCE_H
#define FERRY_DAEMON_ANNOUNCE_H

#include "daemon/monitor_process.h"
#include "daemon/settings.h"

struct announcement {
    const struct settings *settings;
    const struct net_addr *bound; /* settings->n_listen */
    const struct monitor_keys *keys;
    const char *password; /* made up for this run; NULL: none was */
};

/* Append the text. Failure latches in out. */
void announcement_put(const struct announcement *a, struct buf *out);

#endif
