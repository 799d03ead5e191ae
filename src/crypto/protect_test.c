/*
 * Packet protection: vectors, every suite against itself, and every bit of a
 * packet turned over (threats K2).
 */
#include "crypto/protect.h"

#include "base/secret.h"
#include "crypto/crypto_test.h"
#include "wire/put.h"

struct suite {
    const char *cipher, *mac;
    struct protect_shape shape;
};

static const struct suite suites[] = {
    {"chacha20-poly1305@openssh.com", NULL, {4, 16, 8, 4}},
    {"aes256-gcm@openssh.com", NULL, {4, 16, 16, 4}},
    {"aes128-gcm@openssh.com", NULL, {4, 16, 16, 4}},
    {"aes256-ctr", "hmac-sha2-512-etm@openssh.com", {4, 64, 16, 4}},
    {"aes192-ctr", "hmac-sha2-256-etm@openssh.com", {4, 32, 16, 4}},
    {"aes128-ctr", "hmac-sha2-256-etm@openssh.com", {4, 32, 16, 4}},
    {"aes256-ctr", "hmac-sha2-512", {16, 64, 16, 0}},
    {"aes192-ctr", "hmac-sha2-256", {16, 32, 16, 0}},
    {"aes128-ctr", "hmac-sha2-256", {16, 32, 16, 0}},
};

enum { WIRE_LEN_MAX = 1024 };

/* Key octets count from the given values, as in the vectors. */
static struct protect *
protect_for(const struct suite *suite, bool is_sealing, uint8_t key_first,
            uint8_t iv_first, uint8_t mac_first)
{
    const struct cipher_algo *cipher = cipher_by_name(bytes_str(suite->cipher));
    const struct mac_algo *mac = suite->mac ? mac_by_name(bytes_str(suite->mac)) : NULL;
    uint8_t key[64], iv[16], mac_key[64];
    fill_counting(key, sizeof key, key_first);
    fill_counting(iv, sizeof iv, iv_first);
    fill_counting(mac_key, sizeof mac_key, mac_first);
    struct protect *p = NULL;
    assert_non_null(cipher);
    assert_true(cipher->is_aead == (mac == NULL));
    assert_int_equal(protect_new(cipher, mac, is_sealing, bytes_of(key, cipher->key_len),
                                 bytes_of(iv, cipher->iv_len),
                                 bytes_of(mac_key, mac ? mac->key_len : 0), &p),
                     ERR_NONE);
    return p;
}

struct pair {
    struct protect *sealer, *opener;
};

static struct pair
pair_for(const struct suite *suite)
{
    return (struct pair){protect_for(suite, true, 0x00, 0x10, 0x20),
                         protect_for(suite, false, 0x00, 0x10, 0x20)};
}

static void
pair_free(struct pair pair)
{
    protect_free(pair.sealer);
    protect_free(pair.opener);
}

/* A packet in clear whose padded part is n_blocks long; returns its length. */
static size_t
packet_make(struct protect_shape shape, size_t n_blocks, uint8_t *wire)
{
    size_t len = shape.aad + n_blocks * shape.block;
    fill_counting(wire, len, 0x31);
    store_u32(wire, (uint32_t)len - 4);
    wire[4] = 4;
    return len;
}

static enum err
open_packet(struct protect *p, uint32_t seq, uint8_t *wire, size_t len)
{
    uint32_t packet_length = 0;
    enum err e = protect_length(p, seq, wire, &packet_length);
    assert_int_equal(e, ERR_NONE);
    if (packet_length != len - 4)
        return ERR_PROTO; /* packet code would wait for another length */
    return protect_open(p, seq, wire, len);
}

/* ---- vectors: IGNORE "ping", sequence number 7 ---- */

static const char plain20[] = "0000001006020000000470696e67000102030405";

static void
expect_sealed(struct protect *p, const char *plain, const char *sealed)
{
    uint8_t wire[WIRE_LEN_MAX];
    size_t len = unhex(plain, wire, sizeof wire);
    assert_int_equal(protect_seal(p, 7, wire, len), ERR_NONE);
    expect_all_hex(wire, len + protect_shape(p).tail, sealed);
}

static void
expect_opened(struct protect *p, const char *sealed, const char *plain)
{
    uint8_t wire[WIRE_LEN_MAX];
    size_t len = unhex(sealed, wire, sizeof wire) - protect_shape(p).tail;
    assert_int_equal(open_packet(p, 7, wire, len), ERR_NONE);
    expect_all_hex(wire, len, plain);
}

static void
expect_both(const struct suite *suite, uint8_t key, uint8_t iv, uint8_t mac,
            const char *plain, const char *sealed)
{
    struct protect *sealer = protect_for(suite, true, key, iv, mac);
    struct protect *opener = protect_for(suite, false, key, iv, mac);
    expect_sealed(sealer, plain, sealed);
    expect_opened(opener, sealed, plain);
    protect_free(sealer);
    protect_free(opener);
}

static void
chacha20_poly1305_matches_the_vector(void **state)
{
    (void)state;
    expect_both(
        &suites[0], 0, 0, 0, plain20,
        "a39afcba2e4415434e875a37020abbf1d58cd72964537c1743ccf0e8a9b0eefadc523052");
}

static void
aes128_gcm_matches_the_vector_and_counts_invocations(void **state)
{
    (void)state;
    static const char *const sealed[] = {
        "000000101718e6733adc151d5d9b3fb1d503a9723f3cd2fcd2cacccd43d4772c02539aa8",
        "00000010a60747f4d3b5480c959cfebf7ed2cbedcc2312687028bc267ee90185df02d560"};
    struct protect *sealer = protect_for(&suites[2], true, 0x00, 0xf0, 0);
    struct protect *opener = protect_for(&suites[2], false, 0x00, 0xf0, 0);
    for (size_t i = 0; i < ARRAY_LEN(sealed); i++) {
        expect_sealed(sealer, plain20, sealed[i]);
        expect_opened(opener, sealed[i], plain20);
    }
    protect_free(sealer);
    protect_free(opener);
}

static void
aes128_ctr_hmac_etm_matches_the_vector(void **state)
{
    (void)state;
    expect_both(&suites[5], 0x00, 0x10, 0x20, plain20,
                "0000001001fcef74e1d17307fe69ee108c979696157557c606dfcd4a046b215fb74f5b70"
                "886f7b681e77b089d50d8ddede8961a1");
}

static void
aes128_ctr_hmac_matches_the_vector(void **state)
{
    (void)state;
    expect_both(&suites[8], 0x00, 0x10, 0x20,
                "0000001c12020000000470696e67000102030405060708090a0b0c0d0e0f1011",
                "07feef68f3d7036e900a9e78e0f3929290c1c101de0b8a0b4c72716f85f6ce19"
                "7791044815e50d6e596142bd39c3dcec44565a8a86b66a499ec92699caeca32a");
}

/* ---- every suite ---- */

static void
shapes_are_as_declared(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
        struct pair pair = pair_for(&suites[i]);
        struct protect_shape shape = protect_shape(pair.opener);
        assert_int_equal(shape.head, suites[i].shape.head);
        assert_int_equal(shape.tail, suites[i].shape.tail);
        assert_int_equal(shape.block, suites[i].shape.block);
        assert_int_equal(shape.aad, suites[i].shape.aad);
        pair_free(pair);
    }
}

static void
many_packets_pass_in_order(void **state)
{
    (void)state;
    uint8_t wire[WIRE_LEN_MAX], plain[WIRE_LEN_MAX];
    for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
        struct pair pair = pair_for(&suites[i]);
        struct protect_shape shape = protect_shape(pair.sealer);
        /* Past the end of the numbers: they wrap, the suites go on. */
        uint32_t seq = UINT32_MAX - 20;
        for (size_t n = 2; n < 40; n++, seq++) {
            size_t len = packet_make(shape, n, wire);
            memcpy(plain, wire, len);
            assert_int_equal(protect_seal(pair.sealer, seq, wire, len), ERR_NONE);
            assert_memory_not_equal(wire + 4, plain + 4, len - 4);
            assert_int_equal(open_packet(pair.opener, seq, wire, len), ERR_NONE);
            assert_memory_equal(wire, plain, len);
        }
        pair_free(pair);
    }
}

/* A new protection from what p exports, in p's place. */
static void
replace_by_export(const struct suite *suite, bool is_sealing, struct protect **p)
{
    struct protect_keys keys;
    struct protect *next = NULL;
    assert_int_equal(protect_export(*p, &keys), ERR_NONE);
    assert_int_equal(protect_new(cipher_by_name(bytes_str(suite->cipher)),
                                 suite->mac ? mac_by_name(bytes_str(suite->mac)) : NULL,
                                 is_sealing, bytes_of(keys.key, keys.key_len),
                                 bytes_of(keys.iv, keys.iv_len),
                                 bytes_of(keys.mac_key, keys.mac_key_len), &next),
                     ERR_NONE);
    mem_wipe(&keys, sizeof keys);
    protect_free(*p);
    *p = next;
}

/* Sizes differ, so that counters of blocks and of packets do. */
static void
an_exported_direction_goes_on_where_it_stood(void **state)
{
    (void)state;
    uint8_t wire[WIRE_LEN_MAX], plain[WIRE_LEN_MAX];
    for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
        struct pair pair = pair_for(&suites[i]);
        struct protect_shape shape = protect_shape(pair.sealer);
        for (uint32_t seq = 0; seq < 24; seq++) {
            size_t len = packet_make(shape, 2 + seq, wire);
            memcpy(plain, wire, len);
            if (seq % 3 == 1)
                replace_by_export(&suites[i], true, &pair.sealer);
            if (seq % 4 == 1)
                replace_by_export(&suites[i], false, &pair.opener);
            assert_int_equal(protect_seal(pair.sealer, seq, wire, len), ERR_NONE);
            assert_int_equal(open_packet(pair.opener, seq, wire, len), ERR_NONE);
            assert_memory_equal(wire, plain, len);
        }
        pair_free(pair);
    }
}

static void
gcm_counter_carries_over_its_eight_octets_only(void **state)
{
    (void)state;
    const struct cipher_algo *cipher =
        cipher_by_name(BYTES_LIT("aes128-gcm@openssh.com"));
    uint8_t key[16] = {0}, iv[12], wire[2][64];
    struct protect *p = NULL;
    memset(iv, 0xff, sizeof iv); /* the counter wraps after the first packet */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(protect_new(cipher, NULL, true, bytes_of(key, 16),
                                     bytes_of(iv, 12), (struct bytes){0}, &p),
                         ERR_NONE);
        size_t len = packet_make(protect_shape(p), 1, wire[i]);
        if (i == 0) {
            assert_int_equal(protect_seal(p, 0, wire[i], len), ERR_NONE);
            packet_make(protect_shape(p), 1, wire[i]);
        }
        assert_int_equal(protect_seal(p, 0, wire[i], len), ERR_NONE);
        protect_free(p);
        memset(iv + 4, 0, 8); /* where the second packet must stand */
    }
    assert_memory_equal(wire[0], wire[1], 36);
}

/* One bit of a sealed packet is wrong: nothing of it may come out. */
static void
expect_bit_is_noticed(const struct suite *suite, size_t bit)
{
    uint8_t wire[WIRE_LEN_MAX], plain[WIRE_LEN_MAX];
    struct pair pair = pair_for(suite);
    struct protect_shape shape = protect_shape(pair.sealer);
    size_t len = packet_make(shape, 3, wire);
    memcpy(plain, wire, len);
    assert_int_equal(protect_seal(pair.sealer, 3, wire, len), ERR_NONE);
    assert_true(bit / 8 < len + shape.tail);
    wire[bit / 8] ^= (uint8_t)(1 << bit % 8);
    /* Also where packet code would stop at the length: the tag must not pass. */
    uint32_t packet_length;
    assert_int_equal(protect_length(pair.opener, 3, wire, &packet_length), ERR_NONE);
    if (bit < 32 && packet_length == len - 4)
        fail_msg("%s: length bit %zu makes no difference", suite->cipher, bit);
    enum err e = protect_open(pair.opener, 3, wire, len);
    if (e != ERR_CRYPTO)
        fail_msg("%s %s: bit %zu passed: %s", suite->cipher, suite->mac ? suite->mac : "",
                 bit, err_name(e));
    for (size_t i = 0; i < len; i++)
        assert_int_equal(wire[i], 0);
    pair_free(pair);
}

static void
no_bit_of_a_packet_can_change(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
        const struct protect_shape *shape = &suites[i].shape;
        size_t n_bits = 8 * (shape->aad + 3 * shape->block + shape->tail);
        for (size_t bit = 0; bit < n_bits; bit++)
            expect_bit_is_noticed(&suites[i], bit);
    }
}

static void
a_packet_moved_in_the_sequence_is_refused(void **state)
{
    (void)state;
    uint8_t wire[2][WIRE_LEN_MAX];
    for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
        struct pair pair = pair_for(&suites[i]);
        size_t len = 0;
        for (uint32_t seq = 0; seq < 2; seq++) {
            len = packet_make(protect_shape(pair.sealer), 2, wire[seq]);
            assert_int_equal(protect_seal(pair.sealer, seq, wire[seq], len), ERR_NONE);
        }
        /* The second packet first, as if the first had been cut out. */
        uint32_t packet_length;
        assert_int_equal(protect_length(pair.opener, 0, wire[1], &packet_length),
                         ERR_NONE);
        assert_int_equal(protect_open(pair.opener, 0, wire[1], len), ERR_CRYPTO);
        pair_free(pair);
    }
}

static void
another_key_is_refused(void **state)
{
    (void)state;
    uint8_t wire[WIRE_LEN_MAX];
    for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
        struct protect *sealer = protect_for(&suites[i], true, 0x00, 0x10, 0x20);
        struct protect *opener = protect_for(&suites[i], false, 0x01, 0x10, 0x21);
        size_t len = packet_make(protect_shape(sealer), 2, wire);
        uint32_t packet_length;
        assert_int_equal(protect_seal(sealer, 0, wire, len), ERR_NONE);
        assert_int_equal(protect_length(opener, 0, wire, &packet_length), ERR_NONE);
        assert_int_equal(protect_open(opener, 0, wire, len), ERR_CRYPTO);
        protect_free(sealer);
        protect_free(opener);
    }
}

/* ---- misuse ---- */

static void
keys_of_another_length_are_refused(void **state)
{
    (void)state;
    const struct cipher_algo *ctr = cipher_by_name(BYTES_LIT("aes128-ctr"));
    const struct mac_algo *mac = mac_by_name(BYTES_LIT("hmac-sha2-256"));
    static const uint8_t zeros[64];
    struct protect *p = NULL;
    struct bytes key = bytes_of(zeros, 16), mac_key = bytes_of(zeros, 32);
    struct bytes longer = bytes_of(zeros, 17);
    assert_int_equal(protect_new(ctr, mac, true, longer, key, mac_key, &p), ERR_BUG);
    assert_int_equal(protect_new(ctr, mac, true, key, longer, mac_key, &p), ERR_BUG);
    assert_int_equal(protect_new(ctr, mac, true, key, key, longer, &p), ERR_BUG);
    assert_int_equal(protect_new(ctr, NULL, true, key, key, mac_key, &p), ERR_BUG);
    assert_null(p);
}

static void
a_direction_does_one_thing(void **state)
{
    (void)state;
    uint8_t wire[WIRE_LEN_MAX] = {0};
    uint32_t packet_length;
    for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
        struct pair pair = pair_for(&suites[i]);
        assert_int_equal(protect_seal(pair.opener, 0, wire, 64), ERR_BUG);
        assert_int_equal(protect_open(pair.sealer, 0, wire, 64), ERR_BUG);
        assert_int_equal(protect_length(pair.sealer, 0, wire, &packet_length), ERR_BUG);
        for (size_t len = 0; len < protect_shape(pair.sealer).head; len++)
            assert_int_equal(protect_seal(pair.sealer, 0, wire, len), ERR_BUG);
        pair_free(pair);
    }
}

static void
none_passes_everything_through(void **state)
{
    (void)state;
    struct protect *p = NULL;
    uint8_t wire[20], plain[20];
    uint32_t packet_length = 0;
    struct protect *opening = NULL;
    assert_int_equal(protect_new_none(&p), ERR_NONE);
    assert_int_equal(protect_new_none(&opening), ERR_NONE);
    struct protect_shape shape = protect_shape(p);
    assert_int_equal(shape.head, 4);
    assert_int_equal(shape.tail, 0);
    assert_int_equal(shape.block, 8);
    assert_int_equal(shape.aad, 0);
    unhex(plain20, plain, sizeof plain);
    memcpy(wire, plain, sizeof wire);
    assert_int_equal(protect_seal(p, 0, wire, sizeof wire), ERR_NONE);
    assert_int_equal(protect_length(opening, 0, wire, &packet_length), ERR_NONE);
    assert_int_equal(packet_length, 16);
    assert_int_equal(protect_open(opening, 0, wire, sizeof wire), ERR_NONE);
    assert_memory_equal(wire, plain, sizeof wire);
    struct protect_keys keys;
    assert_int_equal(protect_export(p, &keys), ERR_BUG);
    protect_free(p);
    protect_free(opening);
}

static void
rekey_bounds_follow_the_block_size(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
        const struct cipher_algo *cipher = cipher_by_name(bytes_str(suites[i].cipher));
        uint64_t blocks_of_16 = (uint64_t)16 << 32;
        assert_true(cipher->rekey_octets ==
                    (suites[i].shape.block < 16 ? (uint64_t)1 << 30 : blocks_of_16));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chacha20_poly1305_matches_the_vector),
        cmocka_unit_test(aes128_gcm_matches_the_vector_and_counts_invocations),
        cmocka_unit_test(aes128_ctr_hmac_etm_matches_the_vector),
        cmocka_unit_test(aes128_ctr_hmac_matches_the_vector),
        cmocka_unit_test(shapes_are_as_declared),
        cmocka_unit_test(many_packets_pass_in_order),
        cmocka_unit_test(an_exported_direction_goes_on_where_it_stood),
        cmocka_unit_test(gcm_counter_carries_over_its_eight_octets_only),
        cmocka_unit_test(no_bit_of_a_packet_can_change),
        cmocka_unit_test(a_packet_moved_in_the_sequence_is_refused),
        cmocka_unit_test(another_key_is_refused),
        cmocka_unit_test(keys_of_another_length_are_refused),
        cmocka_unit_test(a_direction_does_one_thing),
        cmocka_unit_test(none_passes_everything_through),
        cmocka_unit_test(rekey_bounds_follow_the_block_size),
    };
    return cmocka_run_group_tests(tests, load_libcrypto, NULL);
}
