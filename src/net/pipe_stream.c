/* See pipe_stream.h. */
#include "net/pipe_stream.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>

/*
 * A slab holds one reply of the largest READ and some small ones. Four in
 * flight keep a pipe of 64 KiB and its reader busy while the next is read.
 */
enum { SLAB_SIZE = (256 << 10) + (16 << 10), SLABS = 4 };
_Static_assert((int)PIPE_PIECES_MAX <= IOV_MAX, "one writev takes the whole queue");

static struct pipe_stream *
pipe_of(struct stream *s)
{
    return (struct pipe_stream *)s;
}

/* Put octets of a slab behind the others; the reference goes along. */
static void
enqueue(struct pipe_stream *p, struct pipe_piece piece)
{
    struct pipe_piece *last = p->n_pieces ? &p->pieces[p->n_pieces - 1] : NULL;
    if (last && last->owner == piece.owner && last->p + last->n == piece.p) {
        last->n += piece.n;
        slab_unref(piece.owner);
        return;
    }
    assert(p->n_pieces < PIPE_PIECES_MAX);
    p->pieces[p->n_pieces++] = piece;
}

static bool
pipe_has_room(struct stream *s)
{
    struct pipe_stream *p = pipe_of(s);
    return !slab_pool_is_full(&p->pool) && p->n_pieces < PIPE_PIECES_MAX / 2;
}

static enum err
pipe_reserve(struct stream *s, size_t head_len, size_t want, struct iovec *holes,
             int *n_holes)
{
    struct pipe_stream *p = pipe_of(s);
    assert(!p->reserved.owner && *n_holes >= 1);
    if (!pipe_has_room(s))
        return ERR_LIMIT;
    struct pipe_piece piece = {.n = head_len + want};
    piece.p = slab_carve(&p->pool, piece.n, &piece.owner);
    if (!piece.p)
        return ERR_NOMEM;
    holes[0] = (struct iovec){piece.p + head_len, want};
    *n_holes = 1;
    p->reserved = piece;
    p->reserved_head = head_len;
    return ERR_NONE;
}

static enum err
pipe_commit(struct stream *s, struct bytes head, size_t n)
{
    struct pipe_stream *p = pipe_of(s);
    struct pipe_piece piece = p->reserved;
    assert(piece.owner && head.n == p->reserved_head && n <= piece.n - head.n);
    memcpy(piece.p, head.p, head.n);
    piece.n = head.n + n;
    slab_shrink(piece.owner, piece.p + piece.n);
    p->reserved = (struct pipe_piece){0};
    enqueue(p, piece);
    return ERR_NONE;
}

static void
pipe_abandon(struct stream *s)
{
    struct pipe_stream *p = pipe_of(s);
    slab_shrink(p->reserved.owner, p->reserved.p);
    slab_unref(p->reserved.owner);
    p->reserved = (struct pipe_piece){0};
}

/* Grow the newest piece by a copy of the octets, when its slab has room. */
static bool
extend_last(struct pipe_stream *p, struct bytes octets)
{
    if (p->n_pieces == 0)
        return false;
    struct pipe_piece *last = &p->pieces[p->n_pieces - 1];
    uint8_t *end = last->p + last->n;
    if (!slab_extend(last->owner, end, octets.n))
        return false;
    memcpy(end, octets.p, octets.n);
    last->n += octets.n;
    return true;
}

static enum err
pipe_write(struct stream *s, struct bytes octets)
{
    struct pipe_stream *p = pipe_of(s);
    assert(!p->reserved.owner);
    if (octets.n == 0 || extend_last(p, octets))
        return ERR_NONE;
    struct pipe_piece piece = {.n = octets.n};
    piece.p = slab_carve(&p->pool, octets.n, &piece.owner);
    if (!piece.p)
        return ERR_NOMEM;
    memcpy(piece.p, octets.p, octets.n);
    enqueue(p, piece);
    return ERR_NONE;
}

static const struct stream_ops pipe_ops = {
    .reserve = pipe_reserve,
    .commit = pipe_commit,
    .abandon = pipe_abandon,
    .write = pipe_write,
    .has_room = pipe_has_room,
};

void
pipe_stream_init(struct pipe_stream *p, int fd)
{
    *p = (struct pipe_stream){.stream.ops = &pipe_ops, .fd = fd};
    slab_pool_init(&p->pool, SLAB_SIZE, SLABS);
}

void
pipe_stream_clear(struct pipe_stream *p)
{
    for (size_t i = 0; i < p->n_pieces; i++)
        slab_unref(p->pieces[i].owner);
    p->n_pieces = 0;
    slab_pool_clear(&p->pool);
}

/* n octets from the front have gone. */
static void
drop_written(struct pipe_stream *p, size_t n)
{
    size_t gone = 0;
    while (gone < p->n_pieces && n >= p->pieces[gone].n) {
        n -= p->pieces[gone].n;
        slab_unref(p->pieces[gone].owner);
        gone++;
    }
    p->n_pieces -= gone;
    memmove(p->pieces, p->pieces + gone, p->n_pieces * sizeof *p->pieces);
    if (p->n_pieces != 0) {
        p->pieces[0].p += n;
        p->pieces[0].n -= n;
    }
}

int
pipe_stream_flush(struct pipe_stream *p)
{
    while (p->n_pieces != 0) {
        struct iovec iov[PIPE_PIECES_MAX];
        for (size_t i = 0; i < p->n_pieces; i++)
            iov[i] = (struct iovec){p->pieces[i].p, p->pieces[i].n};
        ssize_t n = writev(p->fd, iov, (int)p->n_pieces);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? 0 : errno;
        drop_written(p, (size_t)n);
    }
    return 0;
}
