/*
 * A channel's outgoing half: the stream that SFTP writes to, laid out as the
 * CHANNEL_DATA packets that will be sent, and the peer's window.
 *
 * Bulk is reserved as a chain of packets in slabs, whose data parts are the
 * caller's holes; committed, they are queued as they stand and later sealed in
 * place. The peer's maximum packet decides the chopping, its window only when
 * a packet moves on to the connection's queue. A window smaller than the next
 * packet splits it: the first octets are copied out and the head moves forward
 * over their place, the only copy of bulk on this road.
 */
#include "ssh/engine.h"

enum {
    DATA_HEAD = 9,             /* message number, recipient channel, length */
    CHUNK_MAX = 128 * 1024,    /* of data in a packet, whatever the peer would take */
    CONTROL_CHUNK = 16 * 1024, /* small messages share packets up to this */
};

static struct chan *
chan_of(struct stream *s)
{
    return (struct chan *)((char *)s - offsetof(struct chan, stream));
}

static size_t
chunk_max(const struct chan *ch)
{
    return ch->peer_max_packet < CHUNK_MAX ? ch->peer_max_packet : CHUNK_MAX;
}

static uint8_t *
data_of(const struct packet *p)
{
    return packet_payload(p) + DATA_HEAD;
}

/* Write the head for data_len octets behind it. */
static void
set_data_len(const struct chan *ch, struct packet *p, size_t data_len)
{
    uint8_t *head = packet_payload(p);
    head[0] = SSH_MSG_CHANNEL_DATA;
    store_u32(head + 1, ch->peer_id);
    store_u32(head + 5, (uint32_t)data_len);
    p->payload_len = (uint32_t)(DATA_HEAD + data_len);
    p->window = (uint32_t)data_len;
}

static bool
is_discarding(const struct chan *ch)
{
    return ch->peer_closed || ch->sent_close || ch->wants_close || ch->conn->is_dead;
}

/* ---- the stream ---- */

static bool
tx_has_room(struct stream *s)
{
    struct chan *ch = chan_of(s);
    bool is_open = ch->state == CHAN_OPEN; /* before, nobody knows how to chop */
    return is_discarding(ch) || (is_open && !slab_pool_is_full(&ch->conn->pool));
}

static void
free_chain(struct packet *p)
{
    while (p) {
        struct packet *next = p->next;
        packet_free(p);
        p = next;
    }
}

static enum err
tx_reserve(struct stream *s, size_t head_len, size_t want, struct iovec *holes,
           int *n_holes)
{
    struct chan *ch = chan_of(s);
    struct packet **tail = &ch->reserved;
    int n = 0;
    size_t left = head_len + want, skip = head_len;
    if (ch->reserved || ch->state != CHAN_OPEN)
        return ERR_BUG;
    if (slab_pool_is_full(&ch->conn->pool) && !is_discarding(ch))
        return ERR_LIMIT;
    while (left != 0) {
        size_t data_len = left < chunk_max(ch) ? left : chunk_max(ch);
        struct packet *p =
            n < *n_holes ? packet_carve(&ch->conn->pool, DATA_HEAD + data_len) : NULL;
        if (!p) {
            free_chain(ch->reserved);
            ch->reserved = NULL;
            return n < *n_holes ? ERR_NOMEM : ERR_BUG;
        }
        *tail = p;
        tail = &p->next;
        holes[n++] = (struct iovec){data_of(p) + skip, data_len - skip};
        left -= data_len;
        skip = 0;
    }
    *n_holes = n;
    return ERR_NONE;
}

/* Where the newest piece ends that a packet of its present length needs. */
static uint8_t *
packet_end(struct packet *p)
{
    return (uint8_t *)p + packet_footprint(p->payload_len);
}

/* Give back what lies behind the last packet used. What was carved behind it
 * has been freed; a slab begun for that alone starts over by itself. */
static void
shrink_to(struct chan *ch, struct packet *last)
{
    if (last->slab == ch->conn->pool.current)
        slab_shrink(last->slab, packet_end(last));
}

static enum err
tx_commit(struct stream *s, struct bytes head, size_t n)
{
    struct chan *ch = chan_of(s);
    struct packet *p = ch->reserved, *last = NULL;
    size_t left = head.n + n;
    ch->reserved = NULL;
    if (!p)
        return ERR_BUG;
    if (is_discarding(ch)) {
        free_chain(p);
        return ERR_NONE;
    }
    if (head.n != 0)
        memcpy(data_of(p), head.p, head.n);
    while (p && left != 0) {
        struct packet *next = p->next;
        size_t room = p->payload_len - DATA_HEAD;
        size_t used = left < room ? left : room;
        set_data_len(ch, p, used);
        packet_queue_put(&ch->queue, p);
        left -= used;
        last = p;
        p = next;
    }
    free_chain(p);
    if (last) /* else nothing was committed, and all of it is free again */
        shrink_to(ch, last);
    return ERR_NONE;
}

static void
tx_abandon(struct stream *s)
{
    struct chan *ch = chan_of(s);
    free_chain(ch->reserved);
    ch->reserved = NULL;
}

/* Append to the packet queued last, if it is a small one that can still grow. */
static bool
append_to_last(struct chan *ch, struct bytes control)
{
    if (!ch->queue.head)
        return false;
    struct packet *p =
        (struct packet *)((char *)ch->queue.tail - offsetof(struct packet, next));
    size_t data_len = p->payload_len - DATA_HEAD;
    if (!p->is_open_ended || control.n > CONTROL_CHUNK - data_len ||
        data_len + control.n > chunk_max(ch))
        return false;
    uint8_t *end = packet_end(p);
    size_t more =
        packet_footprint(p->payload_len + control.n) - packet_footprint(p->payload_len);
    if (more != 0 && !slab_extend(p->slab, end, more))
        return false;
    memcpy(data_of(p) + data_len, control.p, control.n);
    set_data_len(ch, p, data_len + control.n);
    ch->queue.octets += control.n;
    return true;
}

static enum err
tx_write(struct stream *s, struct bytes control)
{
    struct chan *ch = chan_of(s);
    if (is_discarding(ch) || control.n == 0)
        return ERR_NONE;
    if (ch->state != CHAN_OPEN)
        return ERR_BUG;
    if (control.n <= CONTROL_CHUNK && append_to_last(ch, control))
        return ERR_NONE;
    while (control.n != 0) {
        size_t n = control.n < chunk_max(ch) ? control.n : chunk_max(ch);
        struct packet *p = packet_carve(&ch->conn->pool, DATA_HEAD + n);
        if (!p)
            return ERR_NOMEM;
        memcpy(data_of(p), control.p, n);
        set_data_len(ch, p, n);
        p->is_open_ended = n < CONTROL_CHUNK;
        packet_queue_put(&ch->queue, p);
        control = bytes_skip(control, n);
    }
    return ERR_NONE;
}

const struct stream_ops chan_stream_ops = {
    .reserve = tx_reserve,
    .commit = tx_commit,
    .abandon = tx_abandon,
    .write = tx_write,
    .has_room = tx_has_room,
};

void
chan_tx_clear(struct chan *ch)
{
    tx_abandon(&ch->stream);
    packet_queue_clear(&ch->queue);
}

/* ---- the peer's window ---- */

/* The first n data octets of p as a packet of their own; p keeps the rest, its
 * head moved forward over them. */
static struct packet *
split_off(struct chan *ch, struct packet *p, uint32_t n)
{
    struct packet *first = packet_carve(&ch->conn->pool, DATA_HEAD + n);
    if (!first)
        return NULL;
    uint32_t rest = p->window - n;
    memcpy(data_of(first), data_of(p), n);
    set_data_len(ch, first, n);
    p->wire += n;
    set_data_len(ch, p, rest);
    p->is_open_ended = false;
    return first;
}

enum err
chan_pump(struct chan *ch)
{
    while (ch->queue.head && ch->peer_window != 0) {
        struct packet *p = ch->queue.head;
        if (p->window <= ch->peer_window) {
            p = packet_queue_take(&ch->queue);
        } else {
            uint32_t n = (uint32_t)ch->peer_window;
            p = split_off(ch, p, n);
            if (!p)
                return ERR_NOMEM;
            ch->queue.octets -= n;
        }
        ch->peer_window -= p->window;
        p->is_open_ended = false;
        packet_queue_put(&ch->conn->tx.queue, p);
    }
    return ERR_NONE;
}

enum err
chan_on_window_adjust(struct conn *c, const void *msg)
{
    const struct ssh_channel_window_adjust *m = msg;
    struct chan *ch = chan_find(c, m->recipient_channel);
    if (!ch)
        return ERR_NONE; /* late, behind a CLOSE: harmless */
    if (m->bytes_to_add > UINT32_MAX - ch->peer_window)
        return conn_fail_proto(c, "a channel's window was opened beyond 2^32-1 octets");
    ch->peer_window += m->bytes_to_add;
    log_trace(c->log, TRACE_CHAN, "channel %u: window +%u = %llu", ch->local_id,
              m->bytes_to_add, (unsigned long long)ch->peer_window);
    return ERR_NONE;
}
