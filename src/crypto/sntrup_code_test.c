/* The octets of sntrup761's polynomials: round trips and strange input. */
#include "crypto/pq_test.h"

#include "crypto/sntrup_code.h"

static struct ring_q
constant_q(int16_t c)
{
    struct ring_q a;
    for (int i = 0; i < NTRU_P; i++)
        a.c[i] = c;
    return a;
}

static void
expect_round_trip(const struct ring_q *a)
{
    uint8_t out[RING_Q_LEN];
    struct ring_q back;
    ring_q_encode(out, a);
    ring_q_decode(&back, out);
    assert_memory_equal(a, &back, sizeof back);
}

static void
expect_rounded_round_trip(struct ring_q a)
{
    uint8_t out[RING_ROUND_LEN];
    struct ring_q back;
    ring_q_round(&a);
    ring_round_encode(out, &a);
    ring_round_decode(&back, out);
    assert_memory_equal(&a, &back, sizeof back);
}

static void
random_polynomials_round_trip(void **state)
{
    (void)state;
    struct keccak k;
    seeded_source(&k, "codes");
    for (int n = 0; n < 200; n++) {
        struct ring_q a;
        for (int i = 0; i < NTRU_P; i++) {
            uint32_t x;
            keccak_squeeze(&k, (uint8_t *)&x, sizeof x);
            a.c[i] = (int16_t)((int)(x % NTRU_Q) - NTRU_Q_HALF);
        }
        expect_round_trip(&a);
        expect_rounded_round_trip(a);
    }
}

static void
extreme_polynomials_round_trip(void **state)
{
    (void)state;
    static const int16_t values[] = {-NTRU_Q_HALF, -1, 0, 1, NTRU_Q_HALF};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct ring_q a = constant_q(values[i]);
        expect_round_trip(&a);
        expect_rounded_round_trip(a);
    }
}

static void
lowest_polynomial_is_all_zero_octets(void **state)
{
    (void)state;
    static const uint8_t zero[RING_Q_LEN];
    struct ring_q a = constant_q(-NTRU_Q_HALF);
    uint8_t out[RING_Q_LEN], out_round[RING_ROUND_LEN];
    ring_q_encode(out, &a);
    ring_round_encode(out_round, &a);
    assert_memory_equal(out, zero, sizeof out);
    assert_memory_equal(out_round, zero, sizeof out_round);
}

/* A peer may send any octets; all must decode into range. */
static void
any_octets_decode_into_range(void **state)
{
    (void)state;
    struct keccak k;
    uint8_t in[RING_Q_LEN];
    struct ring_q a;
    seeded_source(&k, "any octets");
    for (int n = 0; n < 200; n++) {
        if (n == 0)
            memset(in, 0xff, sizeof in);
        else
            keccak_squeeze(&k, in, sizeof in);
        ring_q_decode(&a, in);
        for (int i = 0; i < NTRU_P; i++)
            assert_in_range(a.c[i] + NTRU_Q_HALF, 0, 2 * NTRU_Q_HALF);
        ring_round_decode(&a, in);
        for (int i = 0; i < NTRU_P; i++) {
            assert_in_range(a.c[i] + NTRU_Q_HALF, 0, 2 * NTRU_Q_HALF);
            assert_int_equal(a.c[i] % 3, 0);
        }
    }
}

static void
small_polynomials_round_trip(void **state)
{
    (void)state;
    struct ring_3 a, back;
    uint8_t out[RING_3_LEN];
    for (int i = 0; i < NTRU_P; i++)
        a.c[i] = (int8_t)(i % 3 - 1);
    ring_3_encode(out, &a);
    expect_hex(out, "244992"); /* 0 1 2 0, 1 2 0 1, 2 0 1 2, low bits first */
    ring_3_decode(&back, out);
    assert_memory_equal(&a, &back, sizeof a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_polynomials_round_trip),
        cmocka_unit_test(extreme_polynomials_round_trip),
        cmocka_unit_test(lowest_polynomial_is_all_zero_octets),
        cmocka_unit_test(any_octets_decode_into_range),
        cmocka_unit_test(small_polynomials_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
