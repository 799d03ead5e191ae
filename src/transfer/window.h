/*
 * How much may be asked for or sent ahead of the replies: one window over all
 * files of a session, in octets.
 *
 * It starts large enough for a fast local link and grows to twice what the path
 * holds, measured as the best round trip seen times the rate at which octets are
 * answered. Twice, because a window of exactly the product leaves the server
 * idle whenever a reply is late. Doubling follows from the measure itself: while
 * the window is the bottleneck the rate is window / round trip, and the next
 * window is twice that.
 */
#ifndef FERRY_TRANSFER_WINDOW_H
#define FERRY_TRANSFER_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WINDOW_START = 4 << 20,      /* octets */
    WINDOW_START_SAFE = 2 << 20, /* for a server that tells no limits: 64 * 32 KiB */
    WINDOW_MAX = 16 << 20,
    WINDOW_EPOCH_MS = 20, /* least time over which a rate is measured */
};

struct window {
    uint64_t in_flight;  /* octets charged and not credited */
    uint64_t limit, max; /* octets */
    uint64_t epoch_ms;   /* when the running measure began; UINT64_MAX: not yet */
    uint64_t epoch_octets;
    uint64_t round_trip_ms; /* the best seen; UINT64_MAX: none yet */
};

/* max: bound of the limit in octets, 0: WINDOW_MAX. */
void window_init(struct window *w, uint64_t start, uint64_t max);

/* Octets that may be charged now. While nothing is in flight there is always
 * room for one request, however large. */
bool window_has_room(const struct window *w, uint32_t len);

void window_charge(struct window *w, uint32_t len);

/* A reply: len octets charged at sent_ms are done (0: a small request, which
 * tells a round trip only). */
void window_credit(struct window *w, uint64_t now_ms, uint64_t sent_ms, uint32_t len);

#endif
