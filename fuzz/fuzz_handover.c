/*
 * The state of a connection as a process in a peer's hands could write it
 * (threats S3), and what that peer then says under keys that it knows.
 *
 * Input: string state, then payloads, a string each. What is taken must come
 * out again as it went in; the payloads are sealed with the state's own keys,
 * so that they reach the connection protocol behind it.
 */
#include <stdlib.h>

#include "crypto/rand.h"
#include "ssh/engine.h"
#include "ssh/handover.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EVENTS_BOUND = 10000, PAYLOADS_BOUND = 64 };
#define NOW_MS ((uint64_t)1 << 34) /* later than any age in a state */

static struct privkey *host_key;

static void
must(bool is_good)
{
    if (!is_good)
        abort();
}

static enum err
import(struct bytes state, struct conn **c, struct fault *why)
{
    struct conn_host_key key = {pubkey_blob(privkey_public(host_key))};
    const struct conn_config config = {
        .role = CONN_SERVER,
        .software = "Fuzz",
        .rand = &rand_system,
        .host_keys = &key,
        .n_host_keys = 1,
        .limits = {.keepalive_ms = 1000, .rekey_ms = 5000},
        .lists = {[ALGO_KEX] = "curve25519-sha256",
                  [ALGO_HOST_KEY] = "ssh-ed25519",
                  [ALGO_CIPHER] = "aes128-gcm@openssh.com,aes128-ctr",
                  [ALGO_MAC] = "hmac-sha2-256",
                  [ALGO_COMPRESSION] = "none,zlib@openssh.com",
                  [ALGO_USER_KEY] = "ssh-ed25519"},
    };
    return conn_import(&config, state, NOW_MS, c, why);
}

/* The state of what a state became; NULL: refused. */
static struct conn *
import_again(struct bytes state, struct buf *again)
{
    struct conn *c = NULL;
    struct fault why = {0};
    enum err e = import(state, &c, &why);
    must((e == ERR_NONE) == (c != NULL) && (e == ERR_NONE || e == ERR_PROTO));
    must((e == ERR_PROTO) == (why.text[0] != '\0'));
    if (!c)
        return NULL;
    must(conn_is_authenticated(c) && !conn_tx_pending(c));
    must(conn_export(c, again) == ERR_NONE);
    conn_free(c);
    c = NULL;
    must(import(buf_bytes(again), &c, &why) == ERR_NONE);
    return c;
}

/* ---- the peer ---- */

static void
start_peer(const struct conn *c, struct slab_pool *pool, struct packet_tx *tx)
{
    struct protect_keys k;
    slab_pool_init(pool, 300 * 1024, 4);
    must(packet_tx_init(tx, pool, &rand_system) == ERR_NONE);
    protect_free(tx->protect);
    tx->protect = NULL;
    must(protect_export(c->rx.protect, &k) == ERR_NONE);
    must(protect_new(c->kex.choice.cipher[DIR_C2S], c->kex.choice.mac[DIR_C2S], true,
                     bytes_of(k.key, k.key_len), bytes_of(k.iv, k.iv_len),
                     bytes_of(k.mac_key, k.mac_key_len), &tx->protect) == ERR_NONE);
    tx->sequence_number = c->rx.sequence_number;
    if (c->rx.inflates)
        must(compress_new(COMPRESS_DEFLATE, &tx->compress) == ERR_NONE);
    tx->compresses = c->rx.inflates;
}

static void
on_event(struct conn *c, const struct conn_event *ev)
{
    switch (ev->type) {
    case CONN_EV_SIGN:
        conn_answer_sign(c, ev->sign.token, BYTES_LIT("\0\0\0\x0bssh-ed25519\0\0\0\0"));
        return;
    case CONN_EV_CHANNEL_REQUEST:
        conn_answer_channel_request(ev->chan, true);
        return;
    case CONN_EV_CHANNEL_DATA:
        (void)!stream_write(conn_channel_stream(ev->chan), ev->channel.data);
        conn_channel_consumed(ev->chan, ev->channel.data.n);
        return;
    case CONN_EV_IDENT:
    case CONN_EV_HOST_KEY:
    case CONN_EV_AUTH_REQUEST:
    case CONN_EV_AUTH_SUCCESS:
        abort(); /* that was before */
    default:
        return;
    }
}

static void
drain(struct conn *c)
{
    struct conn_event ev;
    struct iovec iov[4];
    for (unsigned n = 0; conn_next_event(c, &ev); n++) {
        must(n < EVENTS_BOUND);
        on_event(c, &ev);
    }
    while (conn_tx_iov(c, iov, 4) != 0)
        conn_tx_sent(c, iov[0].iov_len);
}

static void
feed(struct conn *c, struct bytes wire)
{
    while (wire.n != 0) {
        size_t room = 0;
        uint8_t *p = conn_rx_space(c, &room);
        if (!p || room == 0)
            return;
        size_t n = wire.n < room ? wire.n : room;
        memcpy(p, wire.p, n);
        conn_rx_added(c, n);
        wire = bytes_skip(wire, n);
        drain(c);
    }
}

static void
say(struct conn *c, struct packet_tx *tx, struct bytes payload)
{
    struct iovec iov[1];
    struct packet *p = packet_copy(tx->pool, bytes_first(payload, 32 * 1024));
    must(p != NULL);
    packet_queue_put(&tx->queue, p);
    must(packet_tx_seal(tx, SIZE_MAX) == ERR_NONE);
    while (packet_tx_iov(tx, iov, 1) != 0) {
        feed(c, bytes_of(iov[0].iov_base, iov[0].iov_len));
        packet_tx_sent(tx, iov[0].iov_len);
    }
}

/* Time passes, the peer goes: it must end. */
static void
end(struct conn *c)
{
    for (uint64_t now = NOW_MS; now < NOW_MS + 20000; now += 500) {
        conn_tick(c, now);
        drain(c);
        must(conn_fault(c)->code != ERR_NONE || conn_deadline(c) > now);
    }
    conn_rx_end(c, 0);
    drain(c);
    must(conn_is_over(c) && conn_fault(c)->code != ERR_NONE);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor in = cursor_of(bytes_of(data, size));
    struct bytes state = cursor_string(&in);
    struct buf again;
    if (!host_key)
        must(crypto_init() == ERR_NONE &&
             privkey_generate(KEY_ED25519, 0, &host_key) == ERR_NONE);
    buf_init(&again, HANDOVER_MAX);
    struct conn *c = import_again(state, &again);
    buf_clear(&again);
    if (!c)
        return 0;
    struct slab_pool pool;
    struct packet_tx tx;
    start_peer(c, &pool, &tx);
    drain(c);
    for (unsigned n = 0; n < PAYLOADS_BOUND && cursor_left(&in) != 0; n++)
        say(c, &tx, cursor_string(&in));
    end(c);
    packet_tx_clear(&tx);
    slab_pool_clear(&pool);
    conn_free(c);
    return 0;
}
