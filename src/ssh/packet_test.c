/* The packet layer alone, each protection in turn: threats T1, K2, T10. */
#include "base/base_test.h"

#include "crypto/rand.h"
#include "ssh/packet.h"
#include "wire/put.h"

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

static struct protect *
make(const struct suite *s, bool is_sealing)
{
    static const uint8_t zeros[128];
    struct protect *p = NULL;
    if (!s->cipher) {
        assert_int_equal(protect_new_none(&p), ERR_NONE);
        return p;
    }
    const struct cipher_algo *c = cipher_by_name(bytes_str(s->cipher));
    const struct mac_algo *m = s->mac ? mac_by_name(bytes_str(s->mac)) : NULL;
    assert_int_equal(protect_new(c, m, is_sealing, bytes_of(zeros, c->key_len),
                                 bytes_of(zeros, c->iv_len),
                                 bytes_of(zeros, m ? m->key_len : 0), &p),
                     ERR_NONE);
    return p;
}

struct ends {
    struct slab_pool pool;
    struct packet_tx tx;
    struct packet_rx rx;
};

static void
ends_new(struct ends *e, const struct suite *s)
{
    slab_pool_init(&e->pool, 288 * 1024, 4);
    assert_int_equal(packet_tx_init(&e->tx, &e->pool, &rand_system), ERR_NONE);
    assert_int_equal(packet_rx_init(&e->rx), ERR_NONE);
    protect_free(e->tx.protect);
    protect_free(e->rx.protect);
    e->tx.protect = make(s, true);
    e->rx.protect = make(s, false);
}

static void
ends_free(struct ends *e)
{
    packet_tx_clear(&e->tx);
    packet_rx_clear(&e->rx);
    slab_pool_clear(&e->pool);
}

/* Seal one payload; the wire's octets are copied out. */
static size_t
seal(struct ends *e, struct bytes payload, uint8_t *wire)
{
    struct packet *p = packet_copy(&e->pool, payload);
    packet_queue_put(&e->tx.queue, p);
    assert_int_equal(packet_tx_seal(&e->tx, SIZE_MAX), ERR_NONE);
    struct iovec iov[2];
    assert_int_equal(packet_tx_iov(&e->tx, iov, 2), 1);
    size_t n = iov[0].iov_len;
    memcpy(wire, iov[0].iov_base, n);
    packet_tx_sent(&e->tx, n);
    return n;
}

static void
feed(struct ends *e, const uint8_t *wire, size_t n)
{
    while (n != 0) {
        size_t room;
        uint8_t *p = packet_rx_space(&e->rx, &room);
        size_t k = n < room ? n : room;
        memcpy(p, wire, k);
        packet_rx_added(&e->rx, k);
        wire += k;
        n -= k;
    }
}

static void
every_payload_length_comes_through_every_suite(void **state)
{
    (void)state;
    static uint8_t payload[34000], wire[40000];
    for (size_t s = 0; s < ARRAY_LEN(suites); s++) {
        struct ends e;
        ends_new(&e, &suites[s]);
        for (size_t n = 1; n < 34000; n = n < 300 ? n + 1 : n * 3 / 2) {
            memset(payload, (int)n, n);
            size_t len = seal(&e, bytes_of(payload, n), wire);
            struct bytes got;
            struct fault why = {.code = ERR_NONE};
            feed(&e, wire, len - 1);
            assert_int_equal(packet_rx_next(&e.rx, &got, &why), ERR_NONE);
            assert_int_equal(got.n, 0);
            feed(&e, wire + len - 1, 1);
            assert_int_equal(packet_rx_next(&e.rx, &got, &why), ERR_NONE);
            assert_bytes_equal(got, bytes_of(payload, n));
            assert_true(len >= 16);
        }
        ends_free(&e);
    }
}

/* packet_length as a peer would have to write it: in clear, so only where the
 * length is not encrypted. */
static void
bad_lengths_are_refused_before_anything_else(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {0,
                                       1,
                                       4,
                                       5,
                                       7,
                                       9,
                                       11,
                                       13,
                                       15,
                                       17,
                                       PACKET_MAX_BEFORE_AUTH + 1,
                                       (uint32_t)1 << 31,
                                       ((uint32_t)1 << 31) - 1,
                                       ((uint32_t)1 << 31) + 1,
                                       UINT32_MAX - 19,
                                       UINT32_MAX - 4,
                                       UINT32_MAX - 3,
                                       UINT32_MAX};
    for (size_t s = 0; s < ARRAY_LEN(suites); s++) {
        bool is_clear = !suites[s].cipher || strstr(suites[s].cipher, "gcm") ||
                        (suites[s].mac && strstr(suites[s].mac, "etm"));
        for (size_t i = 0; is_clear && i < ARRAY_LEN(lengths); i++) {
            struct ends e;
            uint8_t wire[64] = {0};
            struct bytes got;
            struct fault why = {.code = ERR_NONE};
            ends_new(&e, &suites[s]);
            store_u32(wire, lengths[i]);
            feed(&e, wire, sizeof wire);
            if (packet_rx_next(&e.rx, &got, &why) != ERR_PROTO)
                fail_msg("suite %zu took a packet length of %u", s, lengths[i]);
            assert_int_equal(got.n, 0);
            ends_free(&e);
        }
    }
}

static void
padding_must_be_four_and_leave_a_payload(void **state)
{
    (void)state;
    for (unsigned pad = 0; pad < 256; pad++) {
        struct ends e;
        uint8_t wire[16] = {0, 0, 0, 12, (uint8_t)pad, 2};
        struct bytes got;
        struct fault why = {.code = ERR_NONE};
        ends_new(&e, &suites[0]);
        feed(&e, wire, sizeof wire);
        enum err err = packet_rx_next(&e.rx, &got, &why);
        bool is_fine = pad >= 4 && pad <= 10;
        if ((err == ERR_NONE) != is_fine || (is_fine && got.n != 11 - pad))
            fail_msg("padding %u: err %d, payload %zu", pad, err, got.n);
        ends_free(&e);
    }
}

static void
every_flipped_bit_is_noticed(void **state)
{
    (void)state;
    for (size_t s = 1; s < ARRAY_LEN(suites); s++) {
        uint8_t wire[200];
        struct ends e;
        ends_new(&e, &suites[s]);
        size_t n = seal(&e, BYTES_LIT("\2\0\0\0\7payload"), wire);
        ends_free(&e);
        for (size_t bit = 0; bit < n * 8; bit++) {
            struct bytes got;
            struct fault why = {.code = ERR_NONE};
            ends_new(&e, &suites[s]);
            wire[bit / 8] ^= (uint8_t)(1 << bit % 8);
            feed(&e, wire, n);
            enum err err = packet_rx_next(&e.rx, &got, &why);
            wire[bit / 8] ^= (uint8_t)(1 << bit % 8);
            /* A longer length only makes it wait for more; nothing is given out. */
            if (got.n != 0 || (err == ERR_NONE && bit >= 32))
                fail_msg("suite %zu, bit %zu: err %d, %zu octets", s, bit, err, got.n);
            ends_free(&e);
        }
    }
}

static void
inflating_beyond_a_packet_ends_it(void **state)
{
    (void)state;
    struct ends e;
    struct compress *z;
    struct buf small, zeros;
    static uint8_t wire[PACKET_MAX];
    ends_new(&e, &suites[1]);
    buf_init(&zeros, 4 * PACKET_MAX);
    buf_init(&small, PACKET_MAX);
    memset(buf_extend(&zeros, 2 * PACKET_MAX), 0, 2 * PACKET_MAX);
    assert_int_equal(compress_new(COMPRESS_DEFLATE, &z), ERR_NONE);
    assert_int_equal(compress_payload(z, buf_bytes(&zeros), &small), ERR_NONE);
    assert_true(small.n < 2000);
    assert_int_equal(compress_new(COMPRESS_INFLATE, &e.rx.inflate), ERR_NONE);
    packet_rx_start_compression(&e.rx);
    struct bytes got;
    struct fault why = {.code = ERR_NONE};
    size_t n = seal(&e, buf_bytes(&small), wire);
    feed(&e, wire, n);
    assert_int_equal(packet_rx_next(&e.rx, &got, &why), ERR_LIMIT);
    assert_int_equal(got.n, 0);
    compress_free(z);
    buf_clear(&zeros);
    buf_clear(&small);
    ends_free(&e);
}

static void
broken_compressed_data_ends_it(void **state)
{
    (void)state;
    struct ends e;
    uint8_t wire[200];
    struct bytes got;
    struct fault why = {.code = ERR_NONE};
    ends_new(&e, &suites[1]);
    assert_int_equal(compress_new(COMPRESS_INFLATE, &e.rx.inflate), ERR_NONE);
    packet_rx_start_compression(&e.rx);
    size_t n = seal(&e, BYTES_LIT("this is no zlib stream"), wire);
    feed(&e, wire, n);
    assert_int_equal(packet_rx_next(&e.rx, &got, &why), ERR_PROTO);
    ends_free(&e);
}

static void
held_queue_waits_and_urgent_goes(void **state)
{
    (void)state;
    struct ends e;
    ends_new(&e, &suites[0]);
    packet_queue_put(&e.tx.queue, packet_copy(&e.pool, BYTES_LIT("\5later")));
    packet_queue_put(&e.tx.urgent, packet_copy(&e.pool, BYTES_LIT("\x14now")));
    e.tx.is_held = true;
    assert_int_equal(packet_tx_seal(&e.tx, SIZE_MAX), ERR_NONE);
    struct iovec iov[4];
    assert_int_equal(packet_tx_iov(&e.tx, iov, 4), 1);
    assert_int_equal(((uint8_t *)iov[0].iov_base)[5], 0x14);
    e.tx.is_held = false;
    assert_int_equal(packet_tx_seal(&e.tx, SIZE_MAX), ERR_NONE);
    assert_int_equal(packet_tx_iov(&e.tx, iov, 4), 2);
    packet_tx_sent(&e.tx, iov[0].iov_len + 3);
    assert_int_equal(packet_tx_iov(&e.tx, iov, 4), 1);
    packet_tx_sent(&e.tx, iov[0].iov_len);
    assert_true(packet_tx_is_idle(&e.tx));
    ends_free(&e);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_payload_length_comes_through_every_suite),
        cmocka_unit_test(bad_lengths_are_refused_before_anything_else),
        cmocka_unit_test(padding_must_be_four_and_leave_a_payload),
        cmocka_unit_test(every_flipped_bit_is_noticed),
        cmocka_unit_test(inflating_beyond_a_packet_ends_it),
        cmocka_unit_test(broken_compressed_data_ends_it),
        cmocka_unit_test(held_queue_waits_and_urgent_goes),
    };
    if (crypto_init() != ERR_NONE)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
