/* See carrier.h. */
#include "cli/carrier.h"

#include <poll.h>

#include "cli/interrupt.h"
#include "net/clock.h"

enum {
    RATE_PAUSE_MAX_MS = 1000,
    RATE_BURST_MS = 500 /* an idle spell saves up no more than this */
};

uint64_t
carrier_rate_pause(struct carrier *c, uint64_t now_ms, uint64_t octets)
{
    if (c->octets_per_second == 0)
        return 0;
    if (c->rate_start_ms == 0) {
        c->rate_start_ms = now_ms;
        c->rate_start_octets = octets;
    }
    double moved = (double)(octets - c->rate_start_octets);
    double needed_ms = moved * 1000 / (double)c->octets_per_second;
    double passed_ms = (double)(now_ms - c->rate_start_ms);
    if (needed_ms + RATE_BURST_MS < passed_ms) {
        c->rate_start_ms = now_ms;
        c->rate_start_octets = octets;
        return 0;
    }
    if (needed_ms <= passed_ms)
        return 0;
    double pause = needed_ms - passed_ms;
    return now_ms + (uint64_t)(pause < RATE_PAUSE_MAX_MS ? pause : RATE_PAUSE_MAX_MS);
}

void
carrier_rest_until(uint64_t until_ms)
{
    struct pollfd wake = {.fd = interrupt_fd(), .events = POLLIN};
    uint64_t now = clock_now_ms();
    if (until_ms > now)
        (void)poll(&wake, 1, clock_poll_timeout(until_ms, now));
}
