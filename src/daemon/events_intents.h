/*
 * Uploads that are about to be in place: their event is in the spool before the
 * file has its final name, so that none is forgotten when everything is killed
 * in between. What became of an intent whose session is gone shows in the tree:
 * the file lies there with that inode and size, or it does not.
 */
#ifndef FERRY_DAEMON_EVENTS_INTENTS_H
#define FERRY_DAEMON_EVENTS_INTENTS_H

#include "daemon/events_spool.h"
#include "daemon/record.h"

enum {
    INTENT_FIRST_LOOK_MS = 1000,   /* after its session's end or our start */
    INTENT_LOOKS_MS = 5 * 1000,    /* from one look to the next */
    INTENT_GIVE_UP_MS = 60 * 1000, /* a rename does not take so long */
};

struct intents;

/* The intents in the spool are taken as orphans: nobody knows their sessions. */
enum err intents_new(struct spool *spool, uint64_t now_ms, struct intents **in) MUST_USE;
void intents_free(struct intents *in); /* NULL allowed */

/*
 * Store one. event: its JSON object; id: the name its event will have in the queue.
 * ERR_LIMIT: SPOOL_INTENTS_MAX are open; ERR_IO.
 */
enum err intents_add(struct intents *in, const struct record *r, const char *id,
                     struct bytes event) MUST_USE;

/* The id that this upload's intent has; NULL: there was none. Valid until it is
 * removed. */
const char *intents_find(const struct intents *in, const struct record *r);
void intents_remove(struct intents *in, const struct record *r);

/* The session of these is over; connection 0: of all. */
void intents_orphan(struct intents *in, uint64_t connection, uint64_t now_ms);

/*
 * Look after orphans: those in place are moved into the queue and told, one a call;
 * false: no (more) now.
 */
bool intents_next(struct intents *in, uint64_t now_ms, char id[SPOOL_NAME_MAX]);
uint64_t intents_deadline(const struct intents *in); /* UINT64_MAX: no orphans */

#endif
