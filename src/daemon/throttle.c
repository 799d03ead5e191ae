/* See throttle.h. */
#include "daemon/throttle.h"

enum { MS = 1000 }; /* octets a second are thousandths of octets a millisecond */

/* Rates above this (a tebibyte a second) are none; products stay within 64 bits. */
static const uint64_t RATE_MAX = UINT64_C(1) << 40;
static const uint64_t MOVED_MAX = UINT64_C(1) << 50; /* between two calls */

static uint64_t
way_turn(struct throttle_way *w, struct throttle_use use, uint64_t elapsed_ms)
{
    uint64_t moved = use.moved - w->seen;
    w->seen = use.moved;
    if (use.rate == 0 || use.rate > RATE_MAX) {
        w->tokens = 0;
        return 0;
    }
    int64_t rate = (int64_t)use.rate;
    int64_t full = rate * THROTTLE_BURST_MS;
    int64_t deepest = -rate * THROTTLE_PAUSE_MAX_MS;
    if (elapsed_ms > THROTTLE_PAUSE_MAX_MS)
        elapsed_ms = THROTTLE_PAUSE_MAX_MS;
    w->tokens += rate * (int64_t)elapsed_ms;
    w->tokens = w->tokens < full ? w->tokens : full;
    w->tokens -= (int64_t)(moved < MOVED_MAX ? moved : MOVED_MAX) * MS;
    w->tokens = w->tokens > deepest ? w->tokens : deepest;
    return w->tokens >= 0 ? 0 : (uint64_t)(-w->tokens / rate + 1);
}

uint64_t
throttle_turn(struct throttle *t, struct throttle_use in, struct throttle_use out,
              uint64_t now_ms)
{
    uint64_t elapsed_ms = t->last_ms && now_ms > t->last_ms ? now_ms - t->last_ms : 0;
    t->last_ms = now_ms;
    uint64_t wait_in = way_turn(&t->in, in, elapsed_ms);
    uint64_t wait_out = way_turn(&t->out, out, elapsed_ms);
    return wait_in > wait_out ? wait_in : wait_out;
}
