/* See stream_mem.h. */
#include "sftp/stream_mem.h"

#include <assert.h>
#include <stdlib.h>

static struct mem_stream *
mem_of(struct stream *s)
{
    return (struct mem_stream *)s;
}

struct bytes
mem_stream_pending(const struct mem_stream *m)
{
    return bytes_skip(buf_bytes(&m->sent), m->drained);
}

static bool
mem_has_room(struct stream *s)
{
    return mem_stream_pending(mem_of(s)).n < mem_of(s)->budget;
}

static enum err
mem_reserve(struct stream *s, size_t head_len, size_t want, struct iovec *holes,
            int *n_holes)
{
    struct mem_stream *m = mem_of(s);
    assert(!m->bulk);
    if (!mem_has_room(s))
        return ERR_LIMIT;
    m->bulk = malloc(want ? want : 1);
    if (!m->bulk)
        return ERR_NOMEM;
    m->head_len = head_len;
    m->want = want;
    if (want > m->most_wanted)
        m->most_wanted = want;
    size_t step = m->hole_len ? m->hole_len : want;
    int n = 0;
    for (size_t at = 0; at < want; at += step) {
        assert(n < *n_holes);
        holes[n++] = (struct iovec){m->bulk + at, step < want - at ? step : want - at};
    }
    *n_holes = n;
    return ERR_NONE;
}

static void
mem_abandon(struct stream *s)
{
    struct mem_stream *m = mem_of(s);
    assert(m->bulk);
    free(m->bulk);
    m->bulk = NULL;
}

static enum err
mem_commit(struct stream *s, struct bytes head, size_t n)
{
    struct mem_stream *m = mem_of(s);
    assert(m->bulk && head.n == m->head_len && n <= m->want);
    buf_put(&m->sent, head);
    buf_put(&m->sent, bytes_of(m->bulk, n));
    mem_abandon(s);
    return buf_err(&m->sent);
}

static enum err
mem_write(struct stream *s, struct bytes control)
{
    struct mem_stream *m = mem_of(s);
    assert(!m->bulk);
    buf_put(&m->sent, control);
    return buf_err(&m->sent);
}

static const struct stream_ops mem_ops = {
    .reserve = mem_reserve,
    .commit = mem_commit,
    .abandon = mem_abandon,
    .write = mem_write,
    .has_room = mem_has_room,
};

void
mem_stream_init(struct mem_stream *m, size_t budget, size_t hole_len)
{
    *m = (struct mem_stream){
        .stream.ops = &mem_ops, .budget = budget, .hole_len = hole_len};
    buf_init(&m->sent, budget + (1 << 20));
}

void
mem_stream_clear(struct mem_stream *m)
{
    free(m->bulk);
    m->bulk = NULL;
    buf_clear(&m->sent);
}

void
mem_stream_drain(struct mem_stream *m, size_t n)
{
    assert(n <= mem_stream_pending(m).n);
    m->drained += n;
    if (m->drained == m->sent.n) {
        buf_reset(&m->sent);
        m->drained = 0;
    }
}
