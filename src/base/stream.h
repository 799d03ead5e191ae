/*
 * The seam between SFTP and whatever carries it: an SSH channel, a pair of
 * pipes, a test's buffer. This is the outgoing half; incoming bytes are handed
 * to `sftp_server_input` / `sftp_client_input` as slices.
 *
 * Control is copied (`stream_write`); bulk is laid out where it will be sent
 * from (`stream_reserve`, fill the holes, `stream_commit`), so that a file's
 * bytes are copied once, by the system call that reads them.
 */
#ifndef FERRY_BASE_STREAM_H
#define FERRY_BASE_STREAM_H

#include <sys/uio.h>

#include "base/bytes.h"
#include "base/err.h"

/* Enough holes for 261,120 octets in packets of 1 KiB, the least that we accept. */
enum { STREAM_HOLES_MAX = 260 };

struct stream;

struct stream_ops {
    enum err (*reserve)(struct stream *s, size_t head_len, size_t want,
                        struct iovec *holes, int *n_holes);
    enum err (*commit)(struct stream *s, struct bytes head, size_t n);
    void (*abandon)(struct stream *s);
    enum err (*write)(struct stream *s, struct bytes control);
    bool (*has_room)(struct stream *s);
};

/* Embedded in its implementation. */
struct stream {
    const struct stream_ops *ops;
};

/*
 * Make room for one message: head_len octets of head (given at commit), then
 * up to `want` bulk octets, already chopped as the transport will send them.
 * holes[0..*n_holes): where the bulk goes, in order; they sum to `want`.
 *   Borrowed until stream_commit or stream_abandon.
 *   In: *n_holes is the capacity of holes; STREAM_HOLES_MAX always suffices.
 * ERR_LIMIT: the budget is spent; ask again when the stream has room.
 * One reservation at a time per stream; no stream_write in between.
 */
static inline enum err MUST_USE
stream_reserve(struct stream *s, size_t head_len, size_t want, struct iovec *holes,
               int *n_holes)
{
    return s->ops->reserve(s, head_len, want, holes, n_holes);
}

/* Send the reserved message: head.n == head_len, the first n <= want octets of
 * bulk. n may be 0. The rest of the room is given back. */
static inline enum err MUST_USE
stream_commit(struct stream *s, struct bytes head, size_t n)
{
    return s->ops->commit(s, head, n);
}

/* Give the reservation back: nothing is sent. */
static inline void
stream_abandon(struct stream *s)
{
    s->ops->abandon(s);
}

/*
 * Send octets behind everything sent so far; they are copied. Never refused
 * for lack of room (what may be queued is bounded by whoever answers requests:
 * it asks stream_has_room before it takes the next).
 */
static inline enum err MUST_USE
stream_write(struct stream *s, struct bytes control)
{
    return s->ops->write(s, control);
}

/* False: enough is queued; take no further request until it has drained. */
static inline bool
stream_has_room(struct stream *s)
{
    return s->ops->has_room(s);
}

#endif
