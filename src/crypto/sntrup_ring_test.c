/* The rings of sntrup761 against schoolbook arithmetic and their own laws. */
#include "crypto/pq_test.h"

#include "crypto/sntrup_ring.h"

static int
centred_mod(long x, int m)
{
    int r = (int)(x % m);
    return r > m / 2 ? r - m : r < -(m / 2) ? r + m : r;
}

static int
random_below(struct keccak *k, uint32_t bound)
{
    uint32_t x;
    keccak_squeeze(k, (uint8_t *)&x, sizeof x);
    return (int)(x % bound);
}

static void
random_q(struct ring_q *a, struct keccak *k)
{
    for (int i = 0; i < NTRU_P; i++)
        a->c[i] = (int16_t)(random_below(k, NTRU_Q) - NTRU_Q_HALF);
}

static void
random_3(struct ring_3 *a, struct keccak *k)
{
    for (int i = 0; i < NTRU_P; i++)
        a->c[i] = (int8_t)(random_below(k, 3) - 1);
}

/* a * b modulo x^p - x - 1, over the integers. */
static void
schoolbook(long out[2 * NTRU_P], const struct ring_q *a, const struct ring_3 *b)
{
    memset(out, 0, 2 * NTRU_P * sizeof *out);
    for (int i = 0; i < NTRU_P; i++)
        for (int j = 0; j < NTRU_P; j++)
            out[i + j] += a->c[i] * b->c[j];
    for (int i = 2 * NTRU_P - 2; i >= NTRU_P; i--) {
        out[i - NTRU_P] += out[i];
        out[i - NTRU_P + 1] += out[i];
    }
}

static void
expect_product(const struct ring_q *a, const struct ring_3 *b)
{
    long want[2 * NTRU_P];
    struct ring_q product;
    schoolbook(want, a, b);
    ring_q_mul(&product, a, b);
    for (int i = 0; i < NTRU_P; i++)
        assert_int_equal(product.c[i], centred_mod(want[i], NTRU_Q));
}

static void
product_equals_schoolbook(void **state)
{
    (void)state;
    struct keccak k;
    struct ring_q a;
    struct ring_3 b;
    seeded_source(&k, "ring products");
    for (int n = 0; n < 20; n++) {
        random_q(&a, &k);
        random_3(&b, &k);
        expect_product(&a, &b);
    }
}

/* The largest sums of either sign, which is where 16 bits might not do. */
static void
product_holds_at_the_extremes(void **state)
{
    (void)state;
    for (int sign = -1; sign <= 1; sign += 2) {
        struct ring_q a;
        struct ring_3 b;
        for (int i = 0; i < NTRU_P; i++) {
            a.c[i] = NTRU_Q_HALF;
            b.c[i] = (int8_t)sign;
        }
        expect_product(&a, &b);
        for (int i = 0; i < NTRU_P; i++) {
            a.c[i] = (int16_t)(i % 2 ? NTRU_Q_HALF : -NTRU_Q_HALF);
            b.c[i] = (int8_t)(i % 2 ? sign : -sign);
        }
        expect_product(&a, &b);
    }
}

static void
product_modulo_3_equals_schoolbook(void **state)
{
    (void)state;
    struct keccak k;
    struct ring_3 a, b, product;
    struct ring_q wide;
    long want[2 * NTRU_P];
    seeded_source(&k, "small products");
    for (int n = 0; n < 20; n++) {
        random_3(&a, &k);
        random_3(&b, &k);
        for (int i = 0; i < NTRU_P; i++)
            wide.c[i] = a.c[i];
        schoolbook(want, &wide, &b);
        ring_3_mul(&product, &a, &b);
        for (int i = 0; i < NTRU_P; i++)
            assert_int_equal(product.c[i], centred_mod(want[i], 3));
    }
}

static void
small_steps_are_right_for_every_coefficient(void **state)
{
    (void)state;
    for (int c = -NTRU_Q_HALF; c <= NTRU_Q_HALF; c++) {
        struct ring_q tripled = {.c = {(int16_t)c}}, rounded = tripled;
        struct ring_3 small;
        ring_q_to_3(&small, &tripled);
        ring_q_round(&rounded);
        ring_q_triple(&tripled);
        assert_int_equal(small.c[0], centred_mod(c, 3));
        assert_int_equal(rounded.c[0], c - centred_mod(c, 3));
        assert_int_equal(tripled.c[0], centred_mod(3L * c, NTRU_Q));
    }
}

static void
inverse_modulo_q_times_3a_is_one(void **state)
{
    (void)state;
    struct keccak k;
    struct ring_3 a;
    struct ring_q inverse;
    seeded_source(&k, "inverses modulo q");
    for (int n = 0; n < 20; n++) {
        random_3(&a, &k);
        ring_q_invert_thrice(&inverse, &a);
        ring_q_mul(&inverse, &inverse, &a);
        ring_q_triple(&inverse);
        for (int i = 0; i < NTRU_P; i++)
            assert_int_equal(inverse.c[i], i == 0);
    }
}

static void
every_monomial_has_its_inverse_modulo_q(void **state)
{
    (void)state;
    for (int degree = 0; degree < NTRU_P; degree += 95) {
        struct ring_3 a = {.c = {0}};
        struct ring_q inverse;
        a.c[degree] = -1;
        ring_q_invert_thrice(&inverse, &a);
        ring_q_mul(&inverse, &inverse, &a);
        ring_q_triple(&inverse);
        for (int i = 0; i < NTRU_P; i++)
            assert_int_equal(inverse.c[i], i == 0);
    }
}

static void
inverse_modulo_3_times_a_is_one(void **state)
{
    (void)state;
    struct keccak k;
    struct ring_3 a, inverse;
    int n_invertible = 0;
    seeded_source(&k, "inverses modulo 3");
    for (int n = 0; n < 40; n++) {
        random_3(&a, &k);
        if (!ring_3_invert(&inverse, &a))
            continue;
        n_invertible++;
        ring_3_mul(&inverse, &inverse, &a);
        for (int i = 0; i < NTRU_P; i++)
            assert_int_equal(inverse.c[i], i == 0);
    }
    assert_true(n_invertible >= 30);
}

static void
zero_has_no_inverse(void **state)
{
    (void)state;
    struct ring_3 zero = {.c = {0}}, inverse;
    assert_false(ring_3_invert(&inverse, &zero));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(product_equals_schoolbook),
        cmocka_unit_test(product_holds_at_the_extremes),
        cmocka_unit_test(product_modulo_3_equals_schoolbook),
        cmocka_unit_test(small_steps_are_right_for_every_coefficient),
        cmocka_unit_test(inverse_modulo_q_times_3a_is_one),
        cmocka_unit_test(every_monomial_has_its_inverse_modulo_q),
        cmocka_unit_test(inverse_modulo_3_times_a_is_one),
        cmocka_unit_test(zero_has_no_inverse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
