/*
 * The names in the spool's queue, in memory: in order of their time, each with
 * its tries and when it is due next.
 */
#ifndef FERRY_DAEMON_EVENTS_QUEUE_H
#define FERRY_DAEMON_EVENTS_QUEUE_H

#include "daemon/events_spool.h"

struct queued_event {
    char name[SPOOL_NAME_MAX];
    unsigned n_tries;
    uint64_t due_ms;
    bool is_running;
};

struct events_queue {
    struct queued_event **items; /* sorted by name; owned */
    size_t n, capacity;
};

void events_queue_clear(struct events_queue *q);

/* Due at once. One of that name may be there already: nothing changes. ERR_LIMIT:
 * SPOOL_QUEUE_MAX; ERR_NOMEM. */
enum err events_queue_add(struct events_queue *q, const char *name) MUST_USE;

/* Frees it. */
void events_queue_remove(struct events_queue *q, struct queued_event *item);

/* The first that is due and does not run; NULL: none, and *next_ms says when (UINT64_MAX:
 * never). */
struct queued_event *
events_queue_due(const struct events_queue *q, uint64_t now_ms, uint64_t *next_ms);

#endif
