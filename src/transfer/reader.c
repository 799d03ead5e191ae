/* See reader.h. */
#include "transfer/reader.h"

enum { CHUNK_LEAST = 1024 };

void
reader_init(struct reader *r, struct task *task, struct bytes handle, uint64_t from,
            uint64_t size)
{
    *r = (struct reader){.task = task,
                         .handle_len = handle.n,
                         .size =
                             size != 0 && size < (uint64_t)INT64_MAX ? size : UINT64_MAX,
                         .next = from,
                         .end = UINT64_MAX,
                         .reach = from,
                         .gap = UINT64_MAX,
                         .chunk = task->t->chunk_read};
    memcpy(r->handle, handle.p, handle.n);
    TAILQ_INIT(&r->calls);
}

static uint64_t
least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t
reader_contiguous(const struct reader *r)
{
    const struct call *first = TAILQ_FIRST(&r->calls);
    uint64_t asked = first ? first->req.offset + first->req.got : least(r->next, r->end);
    return least(asked, r->gap);
}

/* Octets for the next READ; 0: none is due now. */
static uint32_t
next_len(const struct reader *r)
{
    uint32_t chunk =
        r->chunk < r->task->t->chunk_read ? r->chunk : r->task->t->chunk_read;
    if (r->end != UINT64_MAX || r->next >= (uint64_t)INT64_MAX - chunk)
        return 0;
    if (r->size == UINT64_MAX)
        return TAILQ_EMPTY(&r->calls) ? chunk : 0; /* step by step towards the end */
    if (r->next > r->size || r->next - reader_contiguous(r) > READER_SPAN)
        return 0;
    uint64_t left = r->size + 1 - r->next;
    return left < chunk ? (uint32_t)left : chunk;
}

static struct bytes
handle_of(const struct reader *r)
{
    return bytes_of(r->handle, r->handle_len);
}

bool
reader_run(struct reader *r)
{
    struct transfer *t = r->task->t;
    uint32_t len;
    while (!t->is_over && (len = next_len(r)) != 0) {
        if (!call_has_room(t, len))
            return true;
        struct call *call = call_new(r->task, READER_STEP);
        enum err e = sftp_client_read(t->client, &call->req, handle_of(r), r->next, len);
        call_sent_bulk(call, e, len);
        if (e != ERR_NONE)
            return false;
        TAILQ_INSERT_TAIL(&r->calls, call, link);
        r->next += len;
    }
    return false;
}

/* The rest of a short reply, in the same place of the order. */
static void
ask_again(struct reader *r, struct call *call)
{
    struct transfer *t = r->task->t;
    struct call *behind = TAILQ_NEXT(call, link);
    uint64_t at = call->req.offset + call->req.got;
    uint32_t len = call->req.len - call->req.got;
    TAILQ_REMOVE(&r->calls, call, link);
    enum err e = sftp_client_read(t->client, &call->req, handle_of(r), at, len);
    call_sent_bulk(call, e, len);
    if (e != ERR_NONE)
        return;
    if (behind)
        TAILQ_INSERT_BEFORE(behind, call, link);
    else
        TAILQ_INSERT_TAIL(&r->calls, call, link);
}

static void
set_end(struct reader *r, uint64_t end)
{
    r->end = least(r->end, end);
}

void
reader_data(struct reader *r, struct call *call, const struct sftp_event *ev)
{
    uint64_t at = ev->offset + ev->data.n;
    if (at > r->reach)
        r->reach = at;
    if (!ev->is_last)
        return;
    bool is_short = call->req.got < call->req.len;
    if (is_short && at != r->size) {
        if (call->req.got < r->chunk)
            r->chunk = call->req.got > CHUNK_LEAST ? call->req.got : CHUNK_LEAST;
        ask_again(r, call);
        return;
    }
    TAILQ_REMOVE(&r->calls, call, link);
    if (is_short)
        set_end(r, at);
    else if (at > r->size)
        r->size = UINT64_MAX; /* it has grown: on to its end */
}

bool
reader_status(struct reader *r, struct call *call, const struct sftp_event *ev)
{
    TAILQ_REMOVE(&r->calls, call, link);
    if (ev->status != SSH_FX_EOF) {
        r->gap = least(r->gap, call->req.offset);
        return false;
    }
    set_end(r, call->req.offset);
    return true;
}

bool
reader_is_done(const struct reader *r)
{
    return TAILQ_EMPTY(&r->calls) && r->end != UINT64_MAX;
}

bool
reader_is_whole(const struct reader *r)
{
    return r->reach == r->end && (r->size == UINT64_MAX || r->end == r->size);
}
