/*
 * Who may come in: the table of connections and the limits on it (threats T5,
 * section 13). Pure arithmetic on process ids and source keys; the listener
 * does the accepting, forking and reaping. A place is freed when its process
 * has ended, and by nothing else.
 */
#ifndef FERRY_DAEMON_ADMISSION_H
#define FERRY_DAEMON_ADMISSION_H

#include <sys/types.h>

#include "base/bytes.h"
#include "base/rand.h"

enum {
    ADMISSION_CONNECTIONS = 512, /* in all */
    ADMISSION_PER_SOURCE = 10,   /* unauthenticated, from one /32 or /64 */
    /* Unauthenticated in all: from START on some are dropped at random, RATE per
     * cent at first and all of them from FULL on. */
    ADMISSION_START = 20,
    ADMISSION_RATE = 30,
    ADMISSION_FULL = 200,
};

struct admission_place {
    pid_t pid;         /* 0: free */
    uint32_t id;       /* never used twice; names the connection to the monitor */
    uint8_t source[9]; /* net_addr_source */
    bool is_authenticated;
};

struct admission {
    struct admission_place places[ADMISSION_CONNECTIONS];
    unsigned n_used, n_unauthenticated;
    uint32_t last_id;
};

enum admission_verdict {
    ADMISSION_REFUSED_SOURCE,  /* this source has ADMISSION_PER_SOURCE open */
    ADMISSION_REFUSED_STARTUP, /* dropped at random: too many are logging in */
    ADMISSION_REFUSED_FULL,    /* ADMISSION_CONNECTIONS are open */
    ADMISSION_GRANTED,
};

/* dice: a random number, for the early drop. */
enum admission_verdict
admission_judge(const struct admission *a, const uint8_t source[9], uint32_t dice);

/* Take a place, after GRANTED. pid > 0. */
void
admission_enter(struct admission *a, pid_t pid, uint32_t id, const uint8_t source[9]);

/* An id for the next connection. */
uint32_t admission_next_id(struct admission *a);

/* False: no such connection. */
bool admission_authenticated(struct admission *a, uint32_t id);

/* The process of a connection, 0: none. */
pid_t admission_pid(const struct admission *a, uint32_t id);

/* Its process has ended: free the place. False: not one of ours. */
bool admission_leave(struct admission *a, pid_t pid);

#endif
