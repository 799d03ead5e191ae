/*
 * A transfer session over a program's standard input and output, for tests: the
 * stream below it, and a turn that pumps both pipes with poll. Bulk is laid out in
 * slabs and leaves with one writev, as it would over a channel.
 */
#ifndef FERRY_TESTS_TRANSFER_PIPE_LINK_H
#define FERRY_TESTS_TRANSFER_PIPE_LINK_H

#include <sys/types.h>

#include "base/slab.h"
#include "transfer/session.h"

enum { PIPE_QUEUE_MAX = 4096, PIPE_RX_LEN = 1 << 20 };

struct pipe_piece {
    const uint8_t *p;
    size_t n;
    struct slab *owner;
};

struct pipe_link {
    struct stream stream;
    pid_t pid;
    int in, out; /* our ends: what the program says, what it hears */
    struct slab_pool pool;
    struct pipe_piece queue[PIPE_QUEUE_MAX]; /* a ring */
    size_t first, n_queued;
    uint8_t *reserved; /* head, then the hole */
    struct slab *reserved_owner;
    uint8_t *rx;
    uint32_t delay_ms; /* octets from the server are handed on so much later */
    struct delayed *delayed_first, *delayed_last;
};

/* Start argv (no shell); exits the test program when that is not possible. */
void pipe_link_open(struct pipe_link *l, const char *const *argv);

/* Close both pipes and wait for the program. */
void pipe_link_close(struct pipe_link *l);

/* Monotonic milliseconds. */
uint64_t pipe_now(void);

/* One turn: write what can be written, wait at most so long, read, hand on. */
void pipe_turn(struct pipe_link *l, struct transfer *t, int timeout_ms);

/* Turns until the session is idle or over; false after limit_ms. */
bool pipe_run(struct pipe_link *l, struct transfer *t, uint64_t limit_ms);

#endif
