/*
 * What carries SFTP: an SSH connection (ssh_carrier.h) or a local program's
 * pipes (direct_carrier.h). The session above sees a stream to write to and a
 * turn that moves octets and hands what arrived to the transfer.
 */
#ifndef FERRY_CLI_CARRIER_H
#define FERRY_CLI_CARRIER_H

#include "cli/exit_status.h"

struct carrier;

struct carrier_ops {
    struct stream *(*stream)(struct carrier *c);
    /*
     * Send what is queued, wait until something arrives, time passes or a signal
     * comes, and hand it on. t: may be told that the carrier ended.
     * deadline_ms: monotonic; UINT64_MAX: none.
     */
    void (*turn)(struct carrier *c, struct transfer *t, uint64_t deadline_ms);
    /* Say goodbye and free. */
    void (*close)(struct carrier *c);
};

/* Embedded in its implementation. */
struct carrier {
    const struct carrier_ops *ops;
    enum sftp_symlink_order symlink_order;
    bool is_in_order;   /* the peer is known to run requests of a handle in order */
    unsigned files_max; /* that the peer can have open without mixing them up; 0: many */
    /* -l: octets a second; 0: no limit. rate_*: since when and from how many. */
    uint64_t octets_per_second;
    uint64_t rate_start_ms, rate_start_octets;
};

/*
 * Rate limit: called after each turn with the octets moved so far. Returns when the
 * next turn may begin (monotonic ms; at most a second ahead), 0: now.
 */
uint64_t carrier_rate_pause(struct carrier *c, uint64_t now_ms, uint64_t octets);

/* Wait until then, or until a signal comes. */
void carrier_rest_until(uint64_t until_ms);

#endif
