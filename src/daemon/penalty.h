/*
 * Penalties of sources that misbehaved (PerSourcePenalties) and the
 * administrator's bans: the one judge of who may not even connect, asked
 * before admission.h (threats A5, section 13).
 *
 * Each misdeed costs its source some seconds, which add up to at most `max`. Once
 * they passed `min` the source is refused until they have run out; what never
 * passes `min` runs out without effect. IPv4 and IPv6 sources are kept apart, so that
 * a flood of one family cannot push the other's out; a full table forgets the
 * source whose penalty ends first.
 *
 * Pure: time is an argument, monotonic for penalties, wall clock for bans.
 */
#ifndef FERRY_DAEMON_PENALTY_H
#define FERRY_DAEMON_PENALTY_H

#include "config/server_options.h"
#include "daemon/ban.h"

enum {
    PENALTY_SOURCES_MAX = 1 << 20, /* of one family, whatever the configuration says */
    PENALTY_EXEMPT_MAX = 256,      /* items of PerSourcePenaltyExemptList */
};

enum penalty_kind {
    PENALTY_CRASH,    /* its process was ended by a signal that we did not send */
    PENALTY_AUTHFAIL, /* failed to log in */
    PENALTY_BADUSER,  /* the same, with a name that nobody has */
    PENALTY_NOAUTH,   /* left without having tried */
    PENALTY_GRACE,    /* did not log in within LoginGraceTime */
    PENALTY_KINDS
};

struct penalties;

/* seed: random; nobody outside knows it (it keys the hash). NULL: no memory. */
struct penalties *penalties_new(const uint64_t seed[2]);
void penalties_free(struct penalties *p); /* NULL allowed */

/*
 * Take limits in, at the start and at a reload. bits4, bits6: PerSourceNetBlockSize.
 * exempt: comma-separated CIDR list, NULL: none. Penalties and bans stay; when the
 * size of a block changes, penalties are forgotten, as they mean other sources now.
 * ERR_PROTO: exempt is malformed; nothing changed. ERR_LIMIT: more than
 * PENALTY_EXEMPT_MAX items.
 */
enum err penalties_configure(struct penalties *p, const struct server_penalties *limits,
                             uint32_t bits4, uint32_t bits6, const char *exempt) MUST_USE;

/* The bans, to be listed, changed, loaded and saved. */
struct bans *penalties_bans(struct penalties *p);

enum penalty_verdict { PENALTY_FREE, PENALTY_PENALISED, PENALTY_BANNED };

struct penalty_judgement {
    enum penalty_kind kind; /* PENALISED: the latest misdeed */
    uint64_t left_ms;       /* PENALISED: until it may come back */
    const struct ban *ban;  /* BANNED; borrowed until the bans change */
};

/* May this address connect? A ban outranks the exempt list. */
enum penalty_verdict
penalty_judge(struct penalties *p, const struct address *a, uint64_t now_ms,
              int64_t wall_s, struct penalty_judgement *why);

/*
 * A misdeed. True: with this one the source begins to be refused (say so in the log).
 * Out of memory it is not noted: limits of admission.h still hold.
 */
bool penalty_add(struct penalties *p, const struct address *a, enum penalty_kind kind,
                 uint64_t now_ms);

/* Forgive every source that a block touches. How many there were. */
size_t penalty_forgive(struct penalties *p, const struct block *block);

/* Sources that are refused, and all that are noted; ended ones are dropped first. */
void
penalty_count(struct penalties *p, uint64_t now_ms, size_t *n_refused, size_t *n_noted);

struct penalty_view {
    struct block source;
    enum penalty_kind kind;
    bool is_refused;
    uint64_t left_ms;
};

/*
 * The next noted source from *cursor (begin with 0). False: no more. When the table
 * changes in between, one may be left out or come twice.
 */
bool penalty_next(const struct penalties *p, uint64_t now_ms, size_t *cursor,
                  struct penalty_view *view);

/* "failed logins", ...: for logs and lists. */
const char *penalty_name(enum penalty_kind kind);

#endif
