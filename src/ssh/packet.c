/* See packet.h. */
#include "ssh/packet.h"

#include <assert.h>
#include <stdlib.h>

#include "base/secret.h"
#include "ssh/conn.h"
#include "wire/put.h"

/* ---- queues ---- */

void
packet_queue_init(struct packet_queue *q)
{
    *q = (struct packet_queue){.tail = &q->head};
}

void
packet_queue_put(struct packet_queue *q, struct packet *p)
{
    p->next = NULL;
    *q->tail = p;
    q->tail = &p->next;
    q->octets += p->payload_len;
    q->control += p->window ? 0 : p->payload_len;
}

struct packet *
packet_queue_take(struct packet_queue *q)
{
    struct packet *p = q->head;
    if (!p)
        return NULL;
    q->head = p->next;
    if (!q->head)
        q->tail = &q->head;
    q->octets -= p->payload_len;
    q->control -= p->window ? 0 : p->payload_len;
    return p;
}

void
packet_queue_clear(struct packet_queue *q)
{
    for (struct packet *p; (p = packet_queue_take(q)) != NULL;)
        packet_free(p);
}

size_t
packet_footprint(size_t payload_len)
{
    size_t n = sizeof(struct packet) + PACKET_HEAD + payload_len + PACKET_PADDING_ROOM +
               PROTECT_TAIL_MAX;
    return (n + 15) & ~(size_t)15; /* slabs cut at 16 */
}

struct packet *
packet_carve(struct slab_pool *pool, size_t payload_len)
{
    struct slab *slab = NULL;
    struct packet *p = slab_carve(pool, packet_footprint(payload_len), &slab);
    if (!p)
        return NULL;
    *p = (struct packet){
        .slab = slab, .wire = (uint8_t *)(p + 1), .payload_len = (uint32_t)payload_len};
    return p;
}

struct packet *
packet_copy(struct slab_pool *pool, struct bytes payload)
{
    struct packet *p = packet_carve(pool, payload.n);
    if (p && payload.n != 0)
        memcpy(packet_payload(p), payload.p, payload.n);
    return p;
}

void
packet_free(struct packet *p)
{
    slab_unref(p->slab);
}

/* ---- sending ---- */

enum err
packet_tx_init(struct packet_tx *tx, struct slab_pool *pool,
               const struct rand_source *rand)
{
    *tx = (struct packet_tx){.pool = pool, .rand = rand};
    packet_queue_init(&tx->urgent);
    packet_queue_init(&tx->queue);
    packet_queue_init(&tx->sealed);
    buf_init(&tx->scratch, 2 * PACKET_MAX);
    return protect_new_none(&tx->protect);
}

void
packet_tx_clear(struct packet_tx *tx)
{
    if (!tx->pool)
        return;
    packet_queue_clear(&tx->urgent);
    packet_queue_clear(&tx->queue);
    packet_queue_clear(&tx->sealed);
    protect_free(tx->protect);
    protect_free(tx->next_protect);
    compress_free(tx->compress);
    compress_free(tx->next_compress);
    buf_clear(&tx->scratch);
}

/* Random padding octets: drawn 256 at a time, each used once. They hide
 * nothing, RFC 4253 6 only wants them unpredictable. */
static enum err
put_padding(struct packet_tx *tx, uint8_t *p, size_t n)
{
    if (tx->padding_left < n) {
        enum err e = rand_fill(tx->rand, tx->padding, sizeof tx->padding);
        if (e != ERR_NONE)
            return e;
        tx->padding_left = sizeof tx->padding;
    }
    tx->padding_left -= n;
    memcpy(p, tx->padding + tx->padding_left, n);
    return ERR_NONE;
}

/* padding_length for a payload (RFC 4253 6): at least 4, the padded part a
 * multiple of the block, and 16 octets in all at least. */
static size_t
padding_len(struct protect_shape shape, size_t payload_len)
{
    size_t padded = PACKET_HEAD + payload_len - shape.aad;
    size_t pad = shape.block - padded % shape.block;
    while (pad < 4 || PACKET_HEAD + payload_len + pad < 16)
        pad += shape.block;
    return pad;
}

/* The payload deflated, in a packet of its own; the original is freed. */
static enum err
deflate_packet(struct packet_tx *tx, struct packet **p)
{
    struct bytes payload = bytes_of(packet_payload(*p), (*p)->payload_len);
    enum err e = compress_payload(tx->compress, payload, &tx->scratch);
    if (e != ERR_NONE)
        return e;
    struct packet *small = packet_copy(tx->pool, buf_bytes(&tx->scratch));
    if (!small)
        return ERR_NOMEM;
    small->mark = (*p)->mark;
    small->window = (*p)->window;
    packet_free(*p);
    *p = small;
    return ERR_NONE;
}

static void
switch_tx_keys(struct packet_tx *tx)
{
    protect_free(tx->protect);
    tx->protect = tx->next_protect;
    tx->next_protect = NULL;
    compress_free(tx->compress);
    tx->compress = tx->next_compress;
    tx->next_compress = NULL;
    tx->compresses = tx->compresses && tx->compress;
    tx->key_octets = tx->key_packets = 0;
    tx->is_held = false;
    if (tx->is_strict)
        tx->sequence_number = 0;
}

/* What comes into force behind this packet. */
static void
apply_mark(struct packet_tx *tx, enum packet_mark mark)
{
    if (mark == PACKET_SWITCHES_KEYS)
        switch_tx_keys(tx);
    if (mark == PACKET_STARTS_COMPRESSION)
        tx->compresses = tx->compress != NULL;
}

static enum err
seal_packet(struct packet_tx *tx, struct packet *p)
{
    struct protect_shape shape = protect_shape(tx->protect);
    size_t pad = padding_len(shape, p->payload_len);
    size_t len = PACKET_HEAD + p->payload_len + pad;
    store_u32(p->wire, (uint32_t)(len - 4));
    p->wire[4] = (uint8_t)pad;
    enum err e = put_padding(tx, p->wire + PACKET_HEAD + p->payload_len, pad);
    if (e == ERR_NONE)
        e = protect_seal(tx->protect, tx->sequence_number, p->wire, len);
    if (e != ERR_NONE)
        return e;
    p->wire_len = (uint32_t)(len + shape.tail);
    tx->sequence_number++;
    tx->key_octets += p->wire_len;
    tx->key_packets++;
    tx->packets++;
    tx->sealed_octets += p->wire_len;
    return ERR_NONE;
}

static struct packet *
next_to_seal(struct packet_tx *tx)
{
    struct packet *p = packet_queue_take(&tx->urgent);
    return p || tx->is_held ? p : packet_queue_take(&tx->queue);
}

enum err
packet_tx_seal(struct packet_tx *tx, size_t octets)
{
    while (tx->sealed_octets < octets) {
        struct packet *p = next_to_seal(tx);
        if (!p)
            return ERR_NONE;
        enum err e = tx->compresses ? deflate_packet(tx, &p) : ERR_NONE;
        if (e == ERR_NONE)
            e = seal_packet(tx, p);
        if (e != ERR_NONE) {
            packet_free(p);
            return e;
        }
        packet_queue_put(&tx->sealed, p);
        apply_mark(tx, p->mark);
    }
    return ERR_NONE;
}

bool
packet_tx_is_idle(const struct packet_tx *tx)
{
    return !tx->sealed.head && !tx->urgent.head && (tx->is_held || !tx->queue.head);
}

int
packet_tx_iov(const struct packet_tx *tx, struct iovec *iov, int max)
{
    int n = 0;
    size_t skip = tx->sealed_sent;
    for (struct packet *p = tx->sealed.head; p && n < max; p = p->next) {
        iov[n++] = (struct iovec){p->wire + skip, p->wire_len - skip};
        skip = 0;
    }
    return n;
}

void
packet_tx_sent(struct packet_tx *tx, size_t n)
{
    assert(n <= tx->sealed_octets);
    tx->octets += n;
    tx->sealed_octets -= n;
    n += tx->sealed_sent;
    while (tx->sealed.head && n >= tx->sealed.head->wire_len) {
        n -= tx->sealed.head->wire_len;
        packet_free(packet_queue_take(&tx->sealed));
    }
    tx->sealed_sent = n;
}

/* ---- receiving ---- */

/* The buffer starts small, so that idle and unauthenticated connections are
 * cheap, and grows while reads fill it: fewer system calls for bulk. */
enum { RX_FIRST = 40 * 1024, RX_LARGEST = 1024 * 1024, RX_LEAST_ROOM = 8 * 1024 };
static_assert(PACKET_RX_BEFORE_AUTH == 2 * RX_FIRST, "buffers double");

enum err
packet_rx_init(struct packet_rx *rx)
{
    *rx = (struct packet_rx){.packet_max = PACKET_MAX_BEFORE_AUTH};
    buf_init(&rx->scratch, PACKET_MAX);
    rx->buf = malloc(RX_FIRST);
    if (!rx->buf)
        return ERR_NOMEM;
    rx->cap = RX_FIRST;
    return protect_new_none(&rx->protect);
}

void
packet_rx_clear(struct packet_rx *rx)
{
    if (rx->buf)
        mem_wipe(rx->buf, rx->cap);
    free(rx->buf);
    protect_free(rx->protect);
    protect_free(rx->next_protect);
    compress_free(rx->inflate);
    compress_free(rx->next_inflate);
    buf_clear(&rx->scratch);
    *rx = (struct packet_rx){0};
}

/* Move what is unread to the front of a buffer of `cap` octets. */
static bool
rx_resize(struct packet_rx *rx, size_t cap)
{
    uint8_t *p = malloc(cap);
    if (!p)
        return false;
    memcpy(p, rx->buf + rx->start, rx->end - rx->start);
    free(rx->buf);
    rx->buf = p;
    rx->cap = cap;
    rx->end -= rx->start;
    rx->start = 0;
    return true;
}

static void
drop_taken(struct packet_rx *rx)
{
    rx->start += rx->taken;
    rx->taken = 0;
    if (rx->start == rx->end)
        rx->start = rx->end = 0;
}

/* Octets of the packet at start, tag included, as far as known: at least what
 * is needed to learn its length. */
static size_t
packet_need(const struct packet_rx *rx)
{
    struct protect_shape shape = protect_shape(rx->protect);
    return rx->has_length ? 4 + (size_t)rx->length + shape.tail : shape.head;
}

uint8_t *
packet_rx_space(struct packet_rx *rx, size_t *n)
{
    drop_taken(rx);
    size_t need = packet_need(rx);
    size_t cap = rx->cap;
    size_t largest = rx->packet_max == PACKET_MAX_BEFORE_AUTH
                         ? (size_t)PACKET_RX_BEFORE_AUTH
                         : (size_t)RX_LARGEST;
    if (rx->was_filled && cap < largest)
        cap *= 2;
    while (cap < need + RX_LEAST_ROOM)
        cap *= 2;
    rx->was_filled = false;
    if (cap != rx->cap && !rx_resize(rx, cap) && need > rx->cap) {
        *n = 0;
        return NULL;
    }
    bool is_tight = rx->cap - rx->end < RX_LEAST_ROOM || need > rx->cap - rx->start;
    if (is_tight && rx->start != 0) {
        memmove(rx->buf, rx->buf + rx->start, rx->end - rx->start);
        rx->end -= rx->start;
        rx->start = 0;
    }
    *n = rx->cap - rx->end;
    return rx->buf + rx->end;
}

void
packet_rx_added(struct packet_rx *rx, size_t n)
{
    assert(n <= rx->cap - rx->end);
    rx->end += n;
    rx->octets += n;
    rx->was_filled = rx->end == rx->cap;
}

void
packet_rx_trim(struct packet_rx *rx)
{
    drop_taken(rx);
    if (rx->cap > RX_FIRST && rx->end - rx->start < RX_FIRST / 2 &&
        packet_need(rx) < RX_FIRST / 2)
        (void)rx_resize(rx, RX_FIRST); /* on failure the big one simply stays */
}

struct bytes
packet_rx_raw(const struct packet_rx *rx)
{
    return bytes_of(rx->buf + rx->start, rx->end - rx->start);
}

void
packet_rx_drop(struct packet_rx *rx, size_t n)
{
    assert(n <= rx->end - rx->start);
    rx->start += n;
}

/* Learn packet_length and refuse what cannot be one (threats T1). */
static enum err
read_length(struct packet_rx *rx, struct fault *why)
{
    struct protect_shape shape = protect_shape(rx->protect);
    uint32_t length = 0;
    enum err e =
        protect_length(rx->protect, rx->sequence_number, rx->buf + rx->start, &length);
    if (e != ERR_NONE)
        return fault_set(why, e, DISCONNECT_MAC_ERROR,
                         "cannot decrypt a packet's length");
    size_t least = 12 > shape.head - 4 ? 12 : shape.head - 4;
    if (length < least - shape.aad || length > rx->packet_max ||
        (4 - shape.aad + length) % shape.block != 0)
        return fault_set(why, ERR_PROTO, DISCONNECT_PROTOCOL_ERROR,
                         "bad packet length %u (at most %u here)", length,
                         rx->packet_max);
    rx->length = length;
    rx->has_length = true;
    return ERR_NONE;
}

/* The payload of an opened packet, or empty: bad padding. */
static struct bytes
strip_padding(const uint8_t *wire, uint32_t packet_length)
{
    uint32_t pad = wire[4];
    if (pad < 4 || pad >= packet_length - 1)
        return (struct bytes){0};
    return bytes_of(wire + PACKET_HEAD, packet_length - 1 - pad);
}

static enum err
open_packet(struct packet_rx *rx, struct bytes *payload, struct fault *why)
{
    uint8_t *wire = rx->buf + rx->start;
    size_t len = 4 + (size_t)rx->length;
    if (protect_open(rx->protect, rx->sequence_number, wire, len) != ERR_NONE)
        return fault_set(why, ERR_CRYPTO, DISCONNECT_MAC_ERROR,
                         "corrupted packet: its authentication tag is wrong");
    *payload = strip_padding(wire, rx->length);
    if (payload->n == 0)
        return fault_set(why, ERR_PROTO, DISCONNECT_PROTOCOL_ERROR,
                         "bad padding length %u in a packet of %u octets", wire[4],
                         rx->length);
    if (!rx->inflates)
        return ERR_NONE;
    enum err e = compress_payload(rx->inflate, *payload, &rx->scratch);
    *payload = buf_bytes(&rx->scratch);
    if (e == ERR_NONE && payload->n == 0)
        e = ERR_PROTO;
    if (e != ERR_NONE)
        return fault_set(why, e, DISCONNECT_COMPRESSION_ERROR,
                         "compressed data is broken or inflates beyond %d octets",
                         PACKET_MAX);
    return ERR_NONE;
}

enum err
packet_rx_next(struct packet_rx *rx, struct bytes *payload, struct fault *why)
{
    *payload = (struct bytes){0};
    drop_taken(rx);
    size_t have = rx->end - rx->start;
    if (!rx->has_length) {
        if (have < protect_shape(rx->protect).head)
            return ERR_NONE;
        enum err e = read_length(rx, why);
        if (e != ERR_NONE)
            return e;
    }
    size_t need = packet_need(rx);
    if (have < need)
        return ERR_NONE;
    enum err e = open_packet(rx, payload, why);
    if (e != ERR_NONE) {
        *payload = (struct bytes){0};
        return e;
    }
    rx->has_length = false;
    rx->taken = need;
    rx->sequence_number++;
    rx->key_octets += need;
    rx->key_packets++;
    rx->packets++;
    return ERR_NONE;
}

void
packet_rx_switch_keys(struct packet_rx *rx)
{
    protect_free(rx->protect);
    rx->protect = rx->next_protect;
    rx->next_protect = NULL;
    compress_free(rx->inflate);
    rx->inflate = rx->next_inflate;
    rx->next_inflate = NULL;
    rx->inflates = rx->inflates && rx->inflate;
    rx->key_octets = rx->key_packets = 0;
    if (rx->is_strict)
        rx->sequence_number = 0;
}

void
packet_rx_start_compression(struct packet_rx *rx)
{
    rx->inflates = rx->inflate != NULL;
}
