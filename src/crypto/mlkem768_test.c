/*
 * ML-KEM-768: known answers (computed by two independent implementations that
 * agreed), round trips, and what a hostile key or ciphertext gets.
 */
#include "crypto/pq_test.h"

#include "crypto/mlkem768.h"

/* Everything one exchange makes. */
struct exchange {
    uint8_t d[MLKEM768_SEED_LEN], z[MLKEM768_SEED_LEN], m[MLKEM768_SEED_LEN];
    uint8_t ek[MLKEM768_EK_LEN], dk[MLKEM768_DK_LEN];
    uint8_t ct[MLKEM768_CT_LEN], ss[MLKEM768_SS_LEN];
};

static void
run_exchange(struct exchange *x)
{
    mlkem768_keypair(x->ek, x->dk, x->d, x->z);
    assert_int_equal(mlkem768_encaps(x->ct, x->ss, x->ek, x->m), ERR_NONE);
}

/* d = 00..1f, z = 20..3f, m = 40..5f */
static void
vector_exchange(struct exchange *x)
{
    fill_counting(x->d, sizeof x->d, 0x00);
    fill_counting(x->z, sizeof x->z, 0x20);
    fill_counting(x->m, sizeof x->m, 0x40);
    run_exchange(x);
}

static void
seeded_exchange(struct exchange *x, struct keccak *stream)
{
    keccak_squeeze(stream, x->d, sizeof x->d);
    keccak_squeeze(stream, x->z, sizeof x->z);
    keccak_squeeze(stream, x->m, sizeof x->m);
    run_exchange(x);
}

static void
keypair_matches_the_vector(void **state)
{
    (void)state;
    struct exchange x;
    vector_exchange(&x);
    expect_hex(x.ek, "298aa10d423c8dda069d02bc59e6cdf0");
    expect_sha256(x.ek, sizeof x.ek,
                  "0b7934c83125c788995e2ba6bd761e33046b3e40571be53e023309a29f398cc9");
    expect_sha256(x.dk, sizeof x.dk,
                  "dac268bde6a8dd238e9887117d6b664e7a7a9350ad6b7c08a948e504809572a5");
}

static void
encaps_matches_the_vector(void **state)
{
    (void)state;
    struct exchange x;
    vector_exchange(&x);
    expect_hex(x.ct, "695a60d9c79f08343ed9ff5802582063");
    expect_sha256(x.ct, sizeof x.ct,
                  "dbf4e9aa48b078ad46ec1c9c47bda8c2d2fec9d0e7a21bd48d2238a2abedb856");
    expect_hex(x.ss, "9cddd089ffe70e3996e76f7c8d06746df34d07e8657bc0fcf2bb0e1c3084aea1");
}

static void
decaps_matches_the_vector(void **state)
{
    (void)state;
    struct exchange x;
    uint8_t ss[MLKEM768_SS_LEN];
    vector_exchange(&x);
    mlkem768_decaps(ss, x.ct, x.dk);
    assert_memory_equal(ss, x.ss, sizeof ss);
    x.ct[0] ^= 1;
    mlkem768_decaps(ss, x.ct, x.dk);
    expect_hex(ss, "dcfc80c6db46ff7028e3a4398651c063ae7a42c107a6dc8cb07141861698ab92");
}

static void
fifty_exchanges_accumulate_to_the_vector(void **state)
{
    (void)state;
    struct keccak stream, all;
    struct exchange x;
    uint8_t digest[32];
    shake128_init(&stream);
    shake128_init(&all);
    for (int i = 0; i < 50; i++) {
        seeded_exchange(&x, &stream);
        keccak_absorb(&all, x.ek, sizeof x.ek);
        keccak_absorb(&all, x.dk, sizeof x.dk);
        keccak_absorb(&all, x.ct, sizeof x.ct);
        keccak_absorb(&all, x.ss, sizeof x.ss);
    }
    keccak_squeeze(&all, digest, sizeof digest);
    expect_hex(digest,
               "98a166d7f6cd750fb0b71a41d56678c8b06294a424c0e703e741fccbb67d8ca9");
}

static void
both_ends_agree_for_many_keys(void **state)
{
    (void)state;
    struct keccak stream;
    struct exchange x;
    uint8_t ss[MLKEM768_SS_LEN];
    seeded_source(&stream, "mlkem round trips");
    for (int i = 0; i < 300; i++) {
        seeded_exchange(&x, &stream);
        mlkem768_decaps(ss, x.ct, x.dk);
        assert_memory_equal(ss, x.ss, sizeof ss);
    }
}

/* Overwrite coefficient i of an encoded key. */
static void
set_coefficient(uint8_t *ek, unsigned i, unsigned value)
{
    uint8_t *t = ek + i / 2 * 3;
    if (i % 2 == 0) {
        t[0] = (uint8_t)value;
        t[1] = (uint8_t)((t[1] & 0xf0) | value >> 8);
    } else {
        t[1] = (uint8_t)((t[1] & 0x0f) | value << 4);
        t[2] = (uint8_t)(value >> 4);
    }
}

static void
encaps_refuses_a_coefficient_of_q_or_more_anywhere(void **state)
{
    (void)state;
    static const unsigned too_large[] = {3329, 3330, 4095};
    struct exchange x;
    vector_exchange(&x);
    for (unsigned i = 0; i < 3 * 256; i++)
        for (size_t v = 0; v < 3; v++) {
            uint8_t ek[MLKEM768_EK_LEN];
            memcpy(ek, x.ek, sizeof ek);
            set_coefficient(ek, i, too_large[v]);
            assert_int_equal(mlkem768_encaps(x.ct, x.ss, ek, x.m), ERR_CRYPTO);
        }
}

static void
encaps_takes_the_largest_reduced_coefficient(void **state)
{
    (void)state;
    struct exchange x;
    vector_exchange(&x);
    for (unsigned i = 0; i < 3 * 256; i++)
        set_coefficient(x.ek, i, 3328);
    assert_int_equal(mlkem768_encaps(x.ct, x.ss, x.ek, x.m), ERR_NONE);
}

static void
refused_encaps_leaves_its_outputs_alone(void **state)
{
    (void)state;
    struct exchange x;
    vector_exchange(&x);
    struct exchange before = x;
    set_coefficient(x.ek, 767, 3329);
    assert_int_equal(mlkem768_encaps(x.ct, x.ss, x.ek, x.m), ERR_CRYPTO);
    assert_memory_equal(x.ct, before.ct, sizeof x.ct);
    assert_memory_equal(x.ss, before.ss, sizeof x.ss);
}

/* The secret must be J(z || ct) exactly, and so be stable and unlike K. */
static void
any_changed_octet_of_ct_is_rejected_implicitly(void **state)
{
    (void)state;
    struct exchange x;
    vector_exchange(&x);
    for (size_t i = 0; i < sizeof x.ct; i++) {
        uint8_t ss[MLKEM768_SS_LEN], want[MLKEM768_SS_LEN];
        struct keccak j;
        x.ct[i] ^= (uint8_t)(1U << i % 8);
        mlkem768_decaps(ss, x.ct, x.dk);
        shake256_init(&j);
        keccak_absorb(&j, x.z, sizeof x.z);
        keccak_absorb(&j, x.ct, sizeof x.ct);
        keccak_squeeze(&j, want, sizeof want);
        assert_memory_equal(ss, want, sizeof ss);
        x.ct[i] ^= (uint8_t)(1U << i % 8);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keypair_matches_the_vector),
        cmocka_unit_test(encaps_matches_the_vector),
        cmocka_unit_test(decaps_matches_the_vector),
        cmocka_unit_test(fifty_exchanges_accumulate_to_the_vector),
        cmocka_unit_test(both_ends_agree_for_many_keys),
        cmocka_unit_test(encaps_refuses_a_coefficient_of_q_or_more_anywhere),
        cmocka_unit_test(encaps_takes_the_largest_reduced_coefficient),
        cmocka_unit_test(refused_encaps_leaves_its_outputs_alone),
        cmocka_unit_test(any_changed_octet_of_ct_is_rejected_implicitly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
