/*
 * Who may come in: the table of connections and the limits on it (threats T5,
 * section 13). Pure arithmetic on sources, ids and process ids; the listener
 * does the accepting, forking and reaping.
 *
 * A connection has a place from before its first process is started until its
 * last one has ended. A place is freed by that and by nothing else, so that
 * what a process says about itself cannot free or hold it.
 */
#ifndef FERRY_DAEMON_ADMISSION_H
#define FERRY_DAEMON_ADMISSION_H

#include <sys/types.h>

#include "account/record.h"
#include "daemon/source.h"

enum {
    ADMISSION_PLACES_MAX = 4096, /* the most that MaxConnections may ask for */
    ADMISSION_NONE = UINT16_MAX, /* no place */
    ADMISSION_METHOD_MAX = 64,
    ADMISSION_CLIENT_MAX = 128,
};

struct admission_limits {
    uint32_t connections; /* MaxConnections; 1..ADMISSION_PLACES_MAX */
    /* MaxStartups: from `begin` unauthenticated ones on some are dropped at random,
     * `rate` per cent at first and all of them from `full` on. */
    uint32_t begin, rate, full;
    uint32_t per_source;   /* unauthenticated, from one source; UINT32_MAX: any number */
    uint32_t bits4, bits6; /* PerSourceNetBlockSize */
};

/* The processes that a connection has during its life. */
enum admission_role { ADMISSION_PRE_AUTH, ADMISSION_SESSION, ADMISSION_ROLES };

struct admission_place {
    uint64_t id; /* 0: free; never used twice; names the connection everywhere */
    pid_t pid[ADMISSION_ROLES]; /* 0: not started, or ended */
    struct address address;
    char host[NET_ADDR_TEXT_MAX]; /* the address as text */
    uint16_t port;                /* the peer's */
    bool is_authenticated;
    char account[ACCOUNT_NAME_MAX + 1];      /* "" before */
    char method[ADMISSION_METHOD_MAX];       /* how it logged in */
    char client[ADMISSION_CLIENT_MAX];       /* printable ASCII; "" before it is known */
    uint64_t connected_ms, authenticated_ms; /* monotonic */
    int64_t connected_s, authenticated_s;    /* seconds since 1970, for people */
    uint64_t upload_rate, download_rate; /* of the account, octets a second; 0: none */
    uint16_t before, after; /* in the list of unauthenticated ones, or of free ones */
};

struct admission {
    struct admission_limits limits;
    uint32_t n_used, n_unauthenticated;
    uint16_t n_touched;             /* places from here on were never used */
    uint16_t free, unauthenticated; /* heads of lists */
    uint64_t last_number;
    struct admission_place places[ADMISSION_PLACES_MAX];
};

/* The clocks at one moment; handed in, as everything here. */
struct admission_time {
    uint64_t now_ms; /* monotonic */
    int64_t wall_s;  /* seconds since 1970 */
};

enum admission_verdict {
    ADMISSION_REFUSED_SOURCE,  /* this source has `per_source` open */
    ADMISSION_REFUSED_STARTUP, /* dropped at random: too many are logging in */
    ADMISSION_REFUSED_FULL,    /* all places are taken */
    ADMISSION_GRANTED,
};

/* a: of the caller, some megabytes (allocate it), any content. */
void admission_init(struct admission *a, const struct admission_limits *limits);

/* After a reload: those who are in stay. Out of range values are clamped. */
void admission_set_limits(struct admission *a, const struct admission_limits *limits);

/* dice: a random number, for the early drop. */
enum admission_verdict
admission_judge(const struct admission *a, const struct net_addr *peer, uint32_t dice);

/*
 * Take a place, after GRANTED, before its first process is started. The place
 * stays where it is until it is free; its id is set. Never NULL after GRANTED.
 */
struct admission_place *admission_enter(struct admission *a, const struct net_addr *peer,
                                        const struct admission_time *now);

/* The index of a place, which is its page's on the board as well. */
uint32_t admission_index(const struct admission *a, const struct admission_place *p);

/* The place of a connection; NULL: it is gone. O(1). */
struct admission_place *admission_find(struct admission *a, uint64_t id);

/* The place that has this process; NULL: none. */
struct admission_place *admission_of_pid(struct admission *a, pid_t pid);

/*
 * A process was started for a connection: the session's before the other one has
 * ended. False: no such connection, or it has such a process.
 */
bool
admission_started(struct admission *a, uint64_t id, enum admission_role role, pid_t pid);

/* No process could be started for it: free its place. Does nothing if it has one. */
void admission_abandon(struct admission *a, uint64_t id);

/*
 * It has logged in. account: valid name, cut at its limit. Counted once, however
 * often it is said. False: no such connection.
 */
bool admission_authenticated(struct admission *a, uint64_t id, const char *account,
                             const char *method, const struct admission_time *now);

/* What the client calls itself, when that is known; made printable and cut. */
bool admission_identified(struct admission *a, uint64_t id, struct bytes client);

/* Connections of an account that are authenticated. */
uint32_t admission_count_account(const struct admission *a, const char *account);

/* A process has ended; with its last one the place is free. False: not one of ours. */
bool admission_ended(struct admission *a, pid_t pid);

/* The next place in use from *cursor (begin with 0), which moves behind it. NULL: end. */
const struct admission_place *admission_next(const struct admission *a, uint32_t *cursor);

#endif
