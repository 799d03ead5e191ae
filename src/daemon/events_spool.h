/*
 * The events' spool: what has to be told to a program and has not been yet, one
 * file an event, beneath the daemon's state directory. A file is whole or not
 * there: written under a temporary name, synced, renamed, the directory synced.
 *
 *   events/queue/    to be run; names sort by time
 *   events/intents/  uploads about to be in place, named by device and inode
 *   events/failed/   given up
 *   events/lock      held by the one recorder that runs programs
 */
#ifndef FERRY_DAEMON_EVENTS_SPOOL_H
#define FERRY_DAEMON_EVENTS_SPOOL_H

#include <time.h>

#include "base/buf.h"

enum {
    SPOOL_NAME_MAX = 64,                    /* octets with the terminator */
    SPOOL_FILE_MAX = 96 * 1024,             /* octets of one event */
    SPOOL_QUEUE_MAX = 10 * 1000,            /* events waiting */
    SPOOL_OTHERS_MAX = SPOOL_QUEUE_MAX / 2, /* from there on, uploads only */
    SPOOL_INTENTS_MAX = 4096,               /* uploads between intent and close */
    SPOOL_FAILED_MAX = 1000,                /* kept for people to look at */
};

enum spool_part { SPOOL_QUEUE, SPOOL_INTENTS, SPOOL_FAILED, SPOOL_PARTS };

struct spool {
    int dir[SPOOL_PARTS];
    int lock; /* the file; -1: not open */
    bool has_lock;
    uint32_t count; /* of names made */
};

/* state_dir: exists. Missing directories are made (0700), temporaries of the dead
 * removed. ERR_IO. */
enum err spool_open(struct spool *s, const char *state_dir, struct fault *why) MUST_USE;
void spool_close(struct spool *s);

/* Try to become the one that runs programs. */
bool spool_lock(struct spool *s);
void spool_unlock(struct spool *s);

/* A name that sorts behind earlier ones and that no other recorder makes. */
void spool_name(struct spool *s, struct timespec now, char name[SPOOL_NAME_MAX]);

/* Store, durably. An old file of that name is replaced. */
enum err spool_put(struct spool *s, enum spool_part part, const char *name,
                   struct bytes content) MUST_USE;
enum err spool_get(struct spool *s, enum spool_part part, const char *name,
                   struct buf *content) MUST_USE;
/* For reading, from the start; the caller's. -1: not there. */
int spool_open_file(struct spool *s, enum spool_part part, const char *name);
bool spool_has(struct spool *s, enum spool_part part, const char *name);
void spool_remove(struct spool *s, enum spool_part part, const char *name);

/* Into another part, maybe under another name; durably. */
enum err spool_move(struct spool *s, enum spool_part from, const char *name,
                    enum spool_part to, const char *new_name) MUST_USE;

/* Call for each file, in no order, until it says false. Names of other shape are
 * skipped. */
void spool_each(struct spool *s, enum spool_part part,
                bool (*visit)(void *ctx, const char *name), void *ctx);

/* Seconds since the file's last change; -1: not there. */
int64_t spool_age(struct spool *s, enum spool_part part, const char *name);

#endif
