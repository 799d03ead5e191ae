/*
 * Receiving packets under every protection, with keys that both ends know.
 *
 * Input: suite, options, place (uint16), change; then octets. With
 * OPTION_FORGE they are the wire's and arrive as they are; without it they are
 * a payload, which is sealed, changed at `place` by `change` (0: not at all)
 * and opened: unchanged it must come through, changed it must never, except in
 * clear, where there is nothing to tell the two apart.
 */
#include <stdlib.h>

#include "crypto/rand.h"
#include "ssh/packet.h"
#include "wire/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum option {
    OPTION_FORGE = 1,
    OPTION_SLOW = 2,    /* an octet at a time */
    OPTION_INFLATE = 4, /* the payload arrives compressed */
    OPTION_CUT = 8,     /* the octets end at `place` */
};

enum { WIRE_MAX = PACKET_MAX };

static const struct suite {
    const char *cipher, *mac;
} suites[] = {
    {NULL, NULL},
    {"aes128-gcm@openssh.com", NULL},
    {"aes256-gcm@openssh.com", NULL},
    {"chacha20-poly1305@openssh.com", NULL},
    {"aes128-ctr", "hmac-sha2-256"},
    {"aes192-ctr", "hmac-sha2-512"},
    {"aes256-ctr", "hmac-sha2-256-etm@openssh.com"},
    {"aes128-ctr", "hmac-sha2-512-etm@openssh.com"},
};

struct ends {
    const struct suite *suite;
    unsigned options;
    struct slab_pool pool;
    struct packet_tx tx;
    struct packet_rx rx;
};

static enum err
no_random(void *ctx, uint8_t *p, size_t n)
{
    (void)ctx;
    memset(p, 0, n);
    return ERR_NONE;
}

static const struct rand_source fixed = {no_random, NULL};

static void
must(enum err e)
{
    if (e != ERR_NONE)
        abort();
}

static struct protect *
protection(const struct suite *s, bool is_sealing)
{
    static const uint8_t zeros[128];
    struct protect *p = NULL;
    if (!s->cipher) {
        must(protect_new_none(&p));
        return p;
    }
    const struct cipher_algo *c = cipher_by_name(bytes_str(s->cipher));
    const struct mac_algo *m = s->mac ? mac_by_name(bytes_str(s->mac)) : NULL;
    must(protect_new(c, m, is_sealing, bytes_of(zeros, c->key_len),
                     bytes_of(zeros, c->iv_len), bytes_of(zeros, m ? m->key_len : 0),
                     &p));
    return p;
}

static void
ends_new(struct ends *e)
{
    slab_pool_init(&e->pool, 4096, 4);
    must(packet_tx_init(&e->tx, &e->pool, &fixed));
    must(packet_rx_init(&e->rx));
    protect_free(e->tx.protect);
    protect_free(e->rx.protect);
    e->tx.protect = protection(e->suite, true);
    e->rx.protect = protection(e->suite, false);
    if (e->options & OPTION_INFLATE) {
        must(compress_new(COMPRESS_INFLATE, &e->rx.inflate));
        packet_rx_start_compression(&e->rx);
    }
}

static void
ends_free(struct ends *e)
{
    packet_tx_clear(&e->tx);
    packet_rx_clear(&e->rx);
    slab_pool_clear(&e->pool);
}

/* What came out, as one string a packet; false: refused. */
static bool
open_all(struct ends *e, struct bytes wire, struct buf *out)
{
    while (wire.n != 0) {
        size_t room = 0;
        uint8_t *p = packet_rx_space(&e->rx, &room);
        if (!p || room == 0)
            abort(); /* every packet is taken at once, so there is always room */
        size_t n = e->options & OPTION_SLOW ? 1 : wire.n < room ? wire.n : room;
        memcpy(p, wire.p, n);
        packet_rx_added(&e->rx, n);
        wire = bytes_skip(wire, n);
        struct bytes payload;
        struct fault why = {.code = ERR_NONE};
        do {
            enum err err = packet_rx_next(&e->rx, &payload, &why);
            if ((err == ERR_NONE) != (why.text[0] == '\0') ||
                (err != ERR_NONE && payload.n != 0))
                abort();
            if (err != ERR_NONE)
                return false;
            buf_put(out, payload);
        } while (payload.n != 0);
    }
    return true;
}

static void
forge(struct ends *e, struct bytes wire)
{
    struct buf out;
    buf_init(&out, (size_t)64 * WIRE_MAX);
    bool is_good = open_all(e, wire, &out);
    if (e->suite->cipher && out.n != 0)
        abort(); /* nobody can guess a tag */
    if (is_good && out.n != 0 && e->rx.packets == 0)
        abort();
    buf_clear(&out);
}

static void
change_and_open(struct ends *e, struct bytes payload, size_t place, uint8_t change)
{
    struct buf wire, out;
    struct iovec iov[1];
    buf_init(&wire, WIRE_MAX);
    buf_init(&out, (size_t)64 * WIRE_MAX);
    struct packet *p = packet_copy(&e->pool, payload);
    if (!p)
        abort();
    packet_queue_put(&e->tx.queue, p);
    must(packet_tx_seal(&e->tx, SIZE_MAX));
    if (packet_tx_iov(&e->tx, iov, 1) != 1)
        abort();
    buf_put(&wire, bytes_of(iov[0].iov_base, iov[0].iov_len));
    place %= wire.n;
    wire.p[place] ^= change;
    if (e->options & OPTION_CUT)
        buf_truncate(&wire, place);
    bool is_whole = change == 0 && !(e->options & OPTION_CUT);
    bool is_good = open_all(e, buf_bytes(&wire), &out);
    bool is_plain = !(e->options & OPTION_INFLATE);
    if (is_whole && is_plain && (!is_good || !bytes_eq(buf_bytes(&out), payload)))
        abort();
    if (!is_whole && e->suite->cipher && out.n != 0)
        abort();
    buf_clear(&wire);
    buf_clear(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor in = cursor_of(bytes_of(data, size));
    struct ends e = {.suite = &suites[cursor_u8(&in) % ARRAY_LEN(suites)]};
    e.options = cursor_u8(&in);
    size_t place = (size_t)cursor_u8(&in) << 8;
    place |= cursor_u8(&in);
    uint8_t change = cursor_u8(&in);
    struct bytes octets = cursor_rest(&in);
    if (in.failed || octets.n == 0 || octets.n > PACKET_MAX_BEFORE_AUTH - 64)
        return 0;
    must(crypto_init());
    ends_new(&e);
    if (e.options & OPTION_FORGE)
        forge(&e, octets);
    else
        change_and_open(&e, octets, place, change);
    ends_free(&e);
    return 0;
}
