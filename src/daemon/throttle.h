/*
 * How fast one session may move files: a bucket for each direction, filled at
 * the rate that its page of the board grants it (daemon/board.h). Requests are
 * not taken while a bucket is overdrawn; so a rate holds on average over a
 * second or so, and a request once taken is never cut short. Pure.
 */
#ifndef FERRY_DAEMON_THROTTLE_H
#define FERRY_DAEMON_THROTTLE_H

#include <stdint.h>

enum {
    THROTTLE_BURST_MS = 250,       /* what a full bucket holds, at its rate */
    THROTTLE_PAUSE_MAX_MS = 10000, /* one pause; the debt behind it is forgotten */
};

struct throttle {
    uint64_t last_ms;
    struct throttle_way {
        int64_t tokens; /* thousandths of octets; negative: overdrawn */
        uint64_t seen;  /* octets counted so far */
    } in, out;
};

/* Octets moved so far and octets a second allowed (0: any), one direction. */
struct throttle_use {
    uint64_t moved, rate;
};

/*
 * Account for what moved since the last call. Milliseconds for which no request
 * should be taken; 0: go on.
 */
uint64_t throttle_turn(struct throttle *t, struct throttle_use in,
                       struct throttle_use out, uint64_t now_ms);

#endif
