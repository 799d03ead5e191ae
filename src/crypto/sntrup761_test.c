/*
 * sntrup761: known answers (OpenSSH's implementation gave the same on this
 * random stream), round trips, refused ciphertexts, and a failing rand_source.
 */
#include "crypto/pq_test.h"

#include "crypto/hash.h"
#include "crypto/rand.h"
#include "crypto/sntrup761.h"

/* Everything one exchange makes. */
struct exchange {
    uint8_t pk[SNTRUP761_PK_LEN], sk[SNTRUP761_SK_LEN];
    uint8_t ct[SNTRUP761_CT_LEN], ss[SNTRUP761_SS_LEN];
};

static void
run_exchange(struct exchange *x, const struct rand_source *rand)
{
    assert_int_equal(sntrup761_keypair(x->pk, x->sk, rand), ERR_NONE);
    assert_int_equal(sntrup761_encaps(x->ct, x->ss, x->pk, rand), ERR_NONE);
}

static void
vector_exchange(struct exchange *x)
{
    struct keccak k;
    struct rand_source rand = seeded_source(&k, "sntrup761 kat");
    run_exchange(x, &rand);
}

static void
exchange_matches_the_vector(void **state)
{
    (void)state;
    struct exchange x;
    vector_exchange(&x);
    expect_sha256(x.pk, sizeof x.pk,
                  "408753179cf2267c5fe55f44fb87e1bd10866543fa705c85f0b68ea320c155a6");
    expect_sha256(x.sk, sizeof x.sk,
                  "e9ed5e010a5bbea2edc3d346cb6c78d44e7349d28aae946081353fd343bcc0e4");
    expect_sha256(x.ct, sizeof x.ct,
                  "19882f87835bef9f8016cb87e16f450653940129cdb0e581532be2ca14670aaa");
    expect_hex(x.ss, "b21b1455dc0e0ea2e3efc238d6f54bedb1faf0cda60a9e4567781855adaee2bc");
}

static void
decaps_matches_the_vector(void **state)
{
    (void)state;
    struct exchange x;
    uint8_t ss[SNTRUP761_SS_LEN];
    vector_exchange(&x);
    assert_int_equal(sntrup761_decaps(ss, x.ct, x.sk), ERR_NONE);
    assert_memory_equal(ss, x.ss, sizeof ss);
    x.ct[0] ^= 1;
    assert_int_equal(sntrup761_decaps(ss, x.ct, x.sk), ERR_NONE);
    expect_hex(ss, "4f0986d6b6a18e1dd2c23df1c5d9a30040e2dc5695b6449bb3621d3a661096be");
}

static void
both_ends_agree_for_many_keys(void **state)
{
    (void)state;
    struct keccak k;
    struct exchange x;
    uint8_t ss[SNTRUP761_SS_LEN];
    struct rand_source rand = seeded_source(&k, "sntrup round trips");
    for (int i = 0; i < 100; i++) {
        run_exchange(&x, &rand);
        assert_int_equal(sntrup761_decaps(ss, x.ct, x.sk), ERR_NONE);
        assert_memory_equal(ss, x.ss, sizeof ss);
    }
}

/* Hp(0, Hp(3, rho) || ct), with rho at octet 1540 of sk. */
static void
refusal_secret(uint8_t out[HASH_MAX_LEN], const struct exchange *x)
{
    uint8_t rho[1 + 191] = {3}, all[1 + 32 + SNTRUP761_CT_LEN] = {0};
    uint8_t inner[HASH_MAX_LEN];
    memcpy(rho + 1, x->sk + 1540, 191);
    assert_int_equal(hash_digest(HASH_SHA512, bytes_of(rho, sizeof rho), inner),
                     ERR_NONE);
    memcpy(all + 1, inner, 32);
    memcpy(all + 33, x->ct, sizeof x->ct);
    assert_int_equal(hash_digest(HASH_SHA512, bytes_of(all, sizeof all), out), ERR_NONE);
}

static void
any_changed_octet_of_ct_is_rejected_implicitly(void **state)
{
    (void)state;
    struct exchange x;
    vector_exchange(&x);
    for (size_t i = 0; i < sizeof x.ct; i++) {
        uint8_t ss[SNTRUP761_SS_LEN], want[HASH_MAX_LEN];
        x.ct[i] ^= (uint8_t)(1U << i % 8);
        assert_int_equal(sntrup761_decaps(ss, x.ct, x.sk), ERR_NONE);
        refusal_secret(want, &x);
        assert_memory_equal(ss, want, sizeof ss);
        x.ct[i] ^= (uint8_t)(1U << i % 8);
    }
}

static void
any_octets_serve_as_a_public_key(void **state)
{
    (void)state;
    struct keccak k;
    struct exchange x;
    struct rand_source rand = seeded_source(&k, "any key");
    memset(x.pk, 0xff, sizeof x.pk);
    assert_int_equal(sntrup761_encaps(x.ct, x.ss, x.pk, &rand), ERR_NONE);
}

/* The vector's stream, until it fails after so many draws. */
struct failing {
    struct keccak stream;
    int draws_left;
};

static enum err
failing_fill(void *ctx, uint8_t *p, size_t n)
{
    struct failing *f = ctx;
    if (f->draws_left-- == 0)
        return ERR_IO;
    keccak_squeeze(&f->stream, p, n);
    return ERR_NONE;
}

static struct rand_source
failing_source(struct failing *f, int draws)
{
    seeded_source(&f->stream, "sntrup761 kat");
    f->draws_left = draws;
    return (struct rand_source){failing_fill, f};
}

/* A key pair draws g, f and rho. */
static void
failing_randomness_is_reported_at_every_draw(void **state)
{
    (void)state;
    struct exchange x;
    struct failing f;
    for (int draws = 0; draws < 3; draws++) {
        struct rand_source rand = failing_source(&f, draws);
        assert_int_equal(sntrup761_keypair(x.pk, x.sk, &rand), ERR_IO);
    }
    struct rand_source rand = failing_source(&f, 3);
    assert_int_equal(sntrup761_keypair(x.pk, x.sk, &rand), ERR_NONE);
}

static void
failed_encaps_leaves_a_zero_secret(void **state)
{
    (void)state;
    static const uint8_t zero[SNTRUP761_SS_LEN];
    struct exchange x;
    struct failing f;
    vector_exchange(&x);
    struct rand_source rand = failing_source(&f, 0);
    assert_int_equal(sntrup761_encaps(x.ct, x.ss, x.pk, &rand), ERR_IO);
    assert_memory_equal(x.ss, zero, sizeof zero);
}

static int
load_libcrypto(void **state)
{
    (void)state;
    return crypto_init() == ERR_NONE ? 0 : -1;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exchange_matches_the_vector),
        cmocka_unit_test(decaps_matches_the_vector),
        cmocka_unit_test(both_ends_agree_for_many_keys),
        cmocka_unit_test(any_changed_octet_of_ct_is_rejected_implicitly),
        cmocka_unit_test(any_octets_serve_as_a_public_key),
        cmocka_unit_test(failing_randomness_is_reported_at_every_draw),
        cmocka_unit_test(failed_encaps_leaves_a_zero_secret),
    };
    return cmocka_run_group_tests(tests, load_libcrypto, NULL);
}
