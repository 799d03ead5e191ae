/*
 * How an account's rates are shared out among its sessions: each gets a share
 * that the sum of never passes the limit. What idle or slow sessions leave is
 * given to the others; an idle one keeps enough to begin with at once.
 */
#ifndef FERRY_DAEMON_RATES_H
#define FERRY_DAEMON_RATES_H

#include "daemon/admission.h"
#include "daemon/board.h"

/* One session, one direction. */
struct rate_share {
    uint64_t moved; /* in: octets in the last second */
    uint64_t share; /* in: what it had, 0 nothing yet; out: octets a second, >= 1 */
};

/*
 * limit: octets a second, >= 1. n: at most ADMISSION_PLACES_MAX. The shares' sum is at
 * most max(limit, n), as no session can have less than one octet (0 means "no limit" on
 * the board).
 */
void rates_share(uint64_t limit, struct rate_share *s, size_t n);

/* What the sessions did lately, by place. */
struct rates;

/* NULL: no memory. */
struct rates *rates_new(void);
void rates_free(struct rates *r); /* NULL allowed */

/*
 * Measure every session's page and write new shares into the pages of those whose
 * account has a limit. To be called every 250 ms or so; sooner than 100 ms
 * after the last call it does nothing.
 */
void rates_turn(struct rates *r, const struct admission *a, struct board_page *pages,
                uint64_t now_ms);

/*
 * Count a connection's last octets, before its place is freed and its page given to
 * another one.
 */
void rates_leave(struct rates *r, const struct admission *a,
                 const struct admission_place *place, struct board_page *pages);

/* Octets a second over the last second, of the connection `id` in a place. */
uint64_t rates_in(const struct rates *r, uint32_t place, uint64_t id);
uint64_t rates_out(const struct rates *r, uint32_t place, uint64_t id);

/* Milliseconds since it last moved an octet of a file or made a request (since it was
 * first measured, if never). */
uint64_t
rates_idle_ms(const struct rates *r, uint32_t place, uint64_t id, uint64_t now_ms);

/* Octets of all sessions since the start, in and out; they never go down. */
void rates_totals(const struct rates *r, uint64_t *in, uint64_t *out);

#endif
