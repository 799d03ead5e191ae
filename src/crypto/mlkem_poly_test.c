/*
 * The polynomials of ML-KEM: check values computed by an independent
 * implementation of FIPS 203, and properties tried over the whole range.
 */
#include "crypto/pq_test.h"

#include "base/bytes.h"
#include "crypto/mlkem_poly.h"

static struct poly
counting_poly(void)
{
    struct poly f;
    for (int i = 0; i < MLKEM_N; i++)
        f.c[i] = (int16_t)i;
    return f;
}

static struct poly
monomial(int degree)
{
    struct poly f = {0};
    f.c[degree] = 1;
    return f;
}

/* f * g in normal form, by the same steps as the KEM's. */
static struct poly
multiply(struct poly f, struct poly g)
{
    struct poly a[MLKEM_K] = {f}, b[MLKEM_K] = {g}, out;
    poly_ntt(&a[0]);
    poly_ntt(&b[0]);
    poly_product(&out, a, b);
    poly_inverse_ntt(&out);
    poly_reduce(&out);
    return out;
}

static void
expect_coefficients(const struct poly *f, const int16_t *want, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_int_equal(f->c[i], want[i]);
}

/* G(d || 3) of the vector d = 00..1f: rho, then sigma. */
static void
vector_seeds(uint8_t seeds[64])
{
    uint8_t d[33];
    fill_counting(d, 32, 0);
    d[32] = MLKEM_K;
    struct keccak k;
    sha3_512_init(&k);
    keccak_absorb(&k, d, sizeof d);
    keccak_squeeze(&k, seeds, 64);
}

static void
ntt_of_one_is_one_in_each_factor(void **state)
{
    (void)state;
    struct poly f = monomial(0);
    poly_ntt(&f);
    poly_reduce(&f);
    for (int i = 0; i < MLKEM_N; i++)
        assert_int_equal(f.c[i], i % 2 == 0);
}

static void
ntt_of_counting_has_the_check_values(void **state)
{
    (void)state;
    static const int16_t want[] = {2429, 2845, 425, 795, 1865, 1356, 624, 31};
    struct poly f = counting_poly();
    poly_ntt(&f);
    poly_reduce(&f);
    expect_coefficients(&f, want, ARRAY_LEN(want));
}

static void
x_to_the_256_is_minus_one(void **state)
{
    (void)state;
    struct poly f = multiply(monomial(255), monomial(1));
    assert_int_equal(f.c[0], MLKEM_Q - 1);
    for (int i = 1; i < MLKEM_N; i++)
        assert_int_equal(f.c[i], 0);
}

static void
product_equals_schoolbook(void **state)
{
    (void)state;
    struct poly f, g;
    for (int i = 0; i < MLKEM_N; i++) {
        f.c[i] = (int16_t)((i * i * 31 + 7) % MLKEM_Q);
        g.c[i] = (int16_t)(MLKEM_Q - 1 - i % 5);
    }
    int64_t sum[MLKEM_N] = {0};
    for (int i = 0; i < MLKEM_N; i++)
        for (int j = 0; j < MLKEM_N; j++)
            sum[(i + j) % MLKEM_N] += (i + j < MLKEM_N ? 1 : -1) * f.c[i] * g.c[j];
    struct poly product = multiply(f, g);
    for (int i = 0; i < MLKEM_N; i++)
        assert_int_equal(product.c[i], (sum[i] % MLKEM_Q + MLKEM_Q) % MLKEM_Q);
}

static void
reduce_is_right_for_every_16_bits(void **state)
{
    (void)state;
    for (int c = INT16_MIN; c <= INT16_MAX; c += MLKEM_N) {
        struct poly f;
        for (int i = 0; i < MLKEM_N; i++)
            f.c[i] = (int16_t)(c + i);
        poly_reduce(&f);
        for (int i = 0; i < MLKEM_N; i++)
            assert_int_equal(f.c[i], ((c + i) % MLKEM_Q + MLKEM_Q) % MLKEM_Q);
    }
}

/* round(2^d c / q) mod 2^d with a real division. */
static unsigned
divided(unsigned c, unsigned d)
{
    return ((c << (d + 1)) + MLKEM_Q) / (2 * MLKEM_Q) & ((1U << d) - 1);
}

static void
compression_rounds_right_for_every_coefficient(void **state)
{
    (void)state;
    for (int c = 0; c < MLKEM_Q; c++) {
        struct poly f = {.c = {(int16_t)c}};
        uint8_t out10[POLY_10BIT_LEN], out4[POLY_4BIT_LEN], out1[POLY_1BIT_LEN];
        poly_compress10(out10, &f);
        poly_compress4(out4, &f);
        poly_compress1(out1, &f);
        assert_int_equal(out10[0] | out10[1] << 8, divided((unsigned)c, 10));
        assert_int_equal(out4[0], divided((unsigned)c, 4));
        assert_int_equal(out1[0], divided((unsigned)c, 1));
    }
}

static void
compression_has_the_samples(void **state)
{
    (void)state;
    struct poly f = {.c = {1, 1664, 1665, 3327, 3328}};
    uint8_t out10[POLY_10BIT_LEN], out4[POLY_4BIT_LEN], out1[POLY_1BIT_LEN];
    poly_compress10(out10, &f);
    expect_hex(out10, "000008e0ff0000"); /* 0, 512, 512, 1023, 0 */
    f = (struct poly){.c = {104, 105, 3224, 3225}};
    poly_compress4(out4, &f);
    expect_hex(out4, "100f"); /* 0, 1, 15, 0 */
    f = (struct poly){.c = {832, 833, 2496, 2497}};
    poly_compress1(out1, &f);
    expect_hex(out1, "06"); /* 0, 1, 1, 0 */
}

static void
decompression_has_the_samples(void **state)
{
    (void)state;
    static const uint8_t in10[POLY_10BIT_LEN] = {0x01, 0x00, 0xf8, 0x3f}; /* 1 512 1023 */
    static const int16_t want10[] = {3, 1665, 3326};
    static const uint8_t in4[POLY_4BIT_LEN] = {0xf1};
    static const int16_t want4[] = {208, 3121};
    static const uint8_t in1[POLY_1BIT_LEN] = {0x06};
    static const int16_t want1[] = {0, 1665, 1665, 0};
    struct poly f;
    poly_decompress10(&f, in10);
    expect_coefficients(&f, want10, ARRAY_LEN(want10));
    poly_decompress4(&f, in4);
    expect_coefficients(&f, want4, ARRAY_LEN(want4));
    poly_decompress1(&f, in1);
    expect_coefficients(&f, want1, ARRAY_LEN(want1));
}

static void
encoding_12_bits_round_trips(void **state)
{
    (void)state;
    struct poly f = counting_poly(), g;
    uint8_t out[POLY_12BIT_LEN];
    f.c[0] = MLKEM_Q - 1;
    poly_encode12(out, &f);
    expect_hex(out, "001d00"); /* d00, 001 */
    poly_decode12(&g, out);
    assert_memory_equal(&f, &g, sizeof f);
    assert_true(poly_is_reduced(&g));
}

static void
q_itself_is_not_reduced(void **state)
{
    (void)state;
    for (int i = 0; i < MLKEM_N; i++) {
        struct poly f = {0};
        f.c[i] = MLKEM_Q;
        assert_false(poly_is_reduced(&f));
    }
}

static void
seeds_of_the_vector_are_right(void **state)
{
    (void)state;
    uint8_t seeds[64];
    vector_seeds(seeds);
    expect_hex(seeds, "5e43481c3eeb397eb192505229b67a201ea893c3e2cb32da8bc342fa4dea0578");
    expect_hex(seeds + 32,
               "3be652e1c62c09ccd08494aa24d118e221ce1dcdeaaa728c1013d9ee1ab37d5b");
}

static void
uniform_samples_of_the_vector_are_right(void **state)
{
    (void)state;
    static const int16_t want00[] = {1906, 3306, 1097, 1674, 1399, 65, 3255, 886};
    static const int16_t want01[] = {659, 2187, 116, 1026};
    uint8_t seeds[64];
    struct poly f;
    vector_seeds(seeds);
    poly_sample_ntt(&f, seeds, 0, 0);
    expect_coefficients(&f, want00, ARRAY_LEN(want00));
    assert_true(poly_is_reduced(&f));
    poly_sample_ntt(&f, seeds, 1, 0);
    expect_coefficients(&f, want01, ARRAY_LEN(want01));
}

static void
noise_of_the_vector_is_right(void **state)
{
    (void)state;
    static const int16_t want[] = {-1, 1, -1, 0, 1, 1, -1, 1, 0, -1, 1, -1, -1, 0, 0, 0};
    static const int16_t want_ntt[] = {551, 2685, 895, 1875, 367, 518, 398, 319};
    uint8_t seeds[64], prf[POLY_NOISE_LEN];
    vector_seeds(seeds);
    struct keccak k;
    shake256_init(&k);
    keccak_absorb(&k, seeds + 32, 32);
    keccak_absorb(&k, (const uint8_t *)"", 1); /* the octet 0 */
    keccak_squeeze(&k, prf, sizeof prf);
    struct poly f;
    poly_sample_noise(&f, prf);
    expect_coefficients(&f, want, ARRAY_LEN(want));
    poly_ntt(&f);
    poly_reduce(&f);
    expect_coefficients(&f, want_ntt, ARRAY_LEN(want_ntt));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ntt_of_one_is_one_in_each_factor),
        cmocka_unit_test(ntt_of_counting_has_the_check_values),
        cmocka_unit_test(x_to_the_256_is_minus_one),
        cmocka_unit_test(product_equals_schoolbook),
        cmocka_unit_test(reduce_is_right_for_every_16_bits),
        cmocka_unit_test(compression_rounds_right_for_every_coefficient),
        cmocka_unit_test(compression_has_the_samples),
        cmocka_unit_test(decompression_has_the_samples),
        cmocka_unit_test(encoding_12_bits_round_trips),
        cmocka_unit_test(q_itself_is_not_reduced),
        cmocka_unit_test(seeds_of_the_vector_are_right),
        cmocka_unit_test(uniform_samples_of_the_vector_are_right),
        cmocka_unit_test(noise_of_the_vector_is_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
