/* See clock.h. */
#include "net/clock.h"

#include <assert.h>
#include <limits.h>
#include <time.h>

uint64_t
clock_now_ms(void)
{
    struct timespec ts;
    int rc = clock_gettime(CLOCK_MONOTONIC, &ts);
    assert(rc == 0);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

int
clock_poll_timeout(uint64_t deadline_ms, uint64_t now_ms)
{
    if (deadline_ms == UINT64_MAX)
        return -1;
    if (deadline_ms <= now_ms)
        return 0;
    uint64_t left = deadline_ms - now_ms;
    return left > INT_MAX ? INT_MAX : (int)left;
}
