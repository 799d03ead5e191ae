/* See window.h. */
#include "transfer/window.h"

void
window_init(struct window *w, uint64_t start, uint64_t max)
{
    if (max == 0)
        max = WINDOW_MAX;
    *w = (struct window){.limit = start < max ? start : max,
                         .max = max,
                         .epoch_ms = UINT64_MAX,
                         .round_trip_ms = UINT64_MAX};
}

bool
window_has_room(const struct window *w, uint32_t len)
{
    return w->in_flight == 0 ||
           (w->in_flight < w->limit && len <= w->limit - w->in_flight);
}

void
window_charge(struct window *w, uint32_t len)
{
    w->in_flight += len;
}

/* At the end of an epoch: twice what the path holds, never less than before:
 * a pause in the work says nothing about the path. */
static void
grow(struct window *w, uint64_t elapsed_ms)
{
    uint64_t round_trip = w->round_trip_ms != 0 ? w->round_trip_ms : 1;
    uint64_t product = w->epoch_octets / elapsed_ms * round_trip;
    uint64_t wanted = 2 * product;
    if (wanted > w->max)
        wanted = w->max;
    if (wanted > w->limit)
        w->limit = wanted;
}

void
window_credit(struct window *w, uint64_t now_ms, uint64_t sent_ms, uint32_t len)
{
    w->in_flight -= len < w->in_flight ? len : w->in_flight;
    uint64_t round_trip = now_ms > sent_ms ? now_ms - sent_ms : 0;
    if (round_trip < w->round_trip_ms)
        w->round_trip_ms = round_trip;
    if (w->epoch_ms == UINT64_MAX) {
        w->epoch_ms = sent_ms;
        w->epoch_octets = 0;
    }
    w->epoch_octets += len;
    uint64_t elapsed = now_ms - w->epoch_ms;
    uint64_t least = 2 * w->round_trip_ms;
    if (elapsed < WINDOW_EPOCH_MS || elapsed < least)
        return;
    grow(w, elapsed);
    w->epoch_ms = now_ms;
    w->epoch_octets = 0;
}
