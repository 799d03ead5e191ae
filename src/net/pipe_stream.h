/*
 * A stream (base/stream.h) over a pipe or socket: what carries an SFTP server
 * whose transport is somebody else's. Bulk is laid out in slabs, where the file
 * is read into and writev reads from.
 */
#ifndef FERRY_NET_PIPE_STREAM_H
#define FERRY_NET_PIPE_STREAM_H

#include "base/slab.h"
#include "base/stream.h"

/* As many pieces as one writev takes. Replies share pieces, so that a queue of
 * small ones is short; has_room says no before this is reached. */
enum { PIPE_PIECES_MAX = 1024 };

struct pipe_piece {
    struct slab *owner;
    uint8_t *p;
    size_t n; /* octets not yet written */
};

struct pipe_stream {
    struct stream stream;
    int fd;
    struct slab_pool pool;
    struct pipe_piece pieces[PIPE_PIECES_MAX];
    size_t n_pieces;
    struct pipe_piece reserved; /* owner NULL: no reservation */
    size_t reserved_head;       /* octets of it that are the head's */
};

/* fd: where it goes, non-blocking; borrowed. */
void pipe_stream_init(struct pipe_stream *p, int fd);
void pipe_stream_clear(struct pipe_stream *p);

static inline bool
pipe_stream_is_empty(const struct pipe_stream *p)
{
    return p->n_pieces == 0;
}

/*
 * Write what the descriptor takes now. 0; or errno: the reader is gone
 * (EPIPE), or the descriptor failed.
 */
int pipe_stream_flush(struct pipe_stream *p) MUST_USE;

#endif
