/*
 * The time base of every deadline: monotonic, so that a stepped wall clock
 * moves nothing (threats F6).
 */
#ifndef FERRY_NET_CLOCK_H
#define FERRY_NET_CLOCK_H

#include <stdint.h>

/* Milliseconds since some fixed moment. Never goes back. */
uint64_t clock_now_ms(void);

/*
 * How long poll may wait for `deadline_ms` (UINT64_MAX: no deadline), seen
 * from now_ms: 0 when it has passed, -1 for ever, else milliseconds.
 */
int clock_poll_timeout(uint64_t deadline_ms, uint64_t now_ms);

#endif
