/*
 * See sntrup_ring.h. The loops are written for the vectoriser: 16-bit (or
 * 8-bit) lanes, no branch, no division, and lengths rounded up to whole
 * vectors over zeroes.
 *
 * Inversion is Bernstein and Yang's constant-time division steps ("Fast
 * constant-time gcd computation and modular inversion", 2019): a fixed number
 * of steps, each of which decides by masks what Euclid decides by branches.
 */
#include "crypto/sntrup_ring.h"

#include <string.h>

#include "base/secret.h"
#include "crypto/ct.h"

enum {
    LANES = 16,            /* coefficients the lengths are rounded to */
    PADDED = 768,          /* NTRU_P + 1, rounded up */
    STEPS = 2 * NTRU_P - 1 /* division steps that always suffice */
};

/* ---- Numbers modulo q ------------------------------------------------- */

/* The two halves of a product, each one vector instruction. */
static inline int16_t
mul_high(int16_t a, int16_t b)
{
    return (int16_t)((int32_t)a * b >> 16);
}

static inline int16_t
mul_low(int16_t a, int16_t b)
{
    return (int16_t)((int32_t)a * b);
}

/*
 * Nearly centred, |result| <= 2881, for |a| <= 30427. 14 is about 2^16 / q,
 * and 2340 about 2^15 / 14, which makes the quotient round, not floor.
 */
static inline int16_t
shrink(int16_t a)
{
    return (int16_t)(a - mul_low(mul_high((int16_t)(a + 2340), 14), NTRU_Q));
}

/* Centred, for |a| <= 30427. */
static inline int16_t
centre(int16_t a)
{
    a = shrink(a);
    a = (int16_t)(a - ((NTRU_Q_HALF - a) >> 15 & NTRU_Q));
    return (int16_t)(a + ((a + NTRU_Q_HALF) >> 15 & NTRU_Q));
}

/*
 * a * b * 2^-16 mod q, of absolute value at most |a*b| / 2^16 + q / 2
 * (Montgomery). 15631 = q^-1 mod 2^16.
 */
static inline int16_t
mul_scaled(int16_t a, int16_t b)
{
    int16_t multiple = mul_low(mul_low(a, b), 15631);
    return (int16_t)(mul_high(a, b) - mul_high(multiple, NTRU_Q));
}

/* 2^16 / a mod q = 2^16 * a^(q-2), for centred a. 4158 = 2^32 mod q. */
static int16_t
invert_scaled(int16_t a)
{
    const int16_t base = mul_scaled(a, 4158);
    int16_t power = base; /* the exponent's top bit */
    for (int bit = 11; bit >= 0; bit--) {
        power = mul_scaled(power, power);
        if ((NTRU_Q - 2) >> bit & 1)
            power = mul_scaled(power, base);
    }
    return power;
}

_Static_assert((NTRU_Q - 2) >> 12 == 1, "the exponent has 13 bits");

/* ---- Products ---------------------------------------------------------- */

enum {
    ROWS = 12,                /* shrink()ed sum + 12 * 2295 <= 30427 */
    ROW_LEN = PADDED + LANES, /* a row of a, moved by up to ROWS - 1 */
    PRODUCT_LEN = PADDED - ROWS + ROW_LEN,
};

_Static_assert(PADDED % ROWS == 0, "b falls into whole groups of rows");
_Static_assert(ROW_LEN >= NTRU_P + ROWS - 1, "a row ends within its room");
_Static_assert(2881 + ROWS * NTRU_Q_HALF <= 30427, "sums stay in shrink's range");

/* sum[j] += b[0] a[j] + b[1] a[j - 1] + ... ; a has ROWS - 1 zeroes before it. */
static void
add_rows(int16_t *restrict sum, const int16_t *restrict a, const int16_t *restrict b)
{
    for (int j = 0; j < ROW_LEN; j++) {
        int16_t s = sum[j];
        for (int row = 0; row < ROWS; row++)
            s = (int16_t)(s + mul_low(b[row], a[j - row]));
        sum[j] = shrink(s);
    }
}

/* Schoolbook, ROWS rows at a time; then x^(p+i) = x^(i+1) + x^i. */
void
ring_q_mul(struct ring_q *out, const struct ring_q *a, const struct ring_3 *b)
{
    struct {
        int16_t a[LANES + ROW_LEN], b[PADDED], product[PRODUCT_LEN];
    } s = {0};
    memcpy(s.a + LANES, a->c, sizeof a->c);
    for (int i = 0; i < NTRU_P; i++)
        s.b[i] = b->c[i];
    for (int i = 0; i < PADDED; i += ROWS)
        add_rows(s.product + i, s.a + LANES, s.b + i);
    const int16_t *low = s.product, *high = s.product + NTRU_P;
    out->c[0] = centre((int16_t)(low[0] + high[0]));
    for (int i = 1; i < NTRU_P; i++)
        out->c[i] = centre((int16_t)(low[i] + high[i] + high[i - 1]));
    mem_wipe(&s, sizeof s);
}

/* As integers the coefficients of the product are at most 3 p = 2283, so that
 * nothing is lost modulo q. */
void
ring_3_mul(struct ring_3 *out, const struct ring_3 *a, const struct ring_3 *b)
{
    struct ring_q wide;
    for (int i = 0; i < NTRU_P; i++)
        wide.c[i] = a->c[i];
    ring_q_mul(&wide, &wide, b);
    ring_q_to_3(out, &wide);
    mem_wipe(&wide, sizeof wide);
}

_Static_assert(3 * NTRU_P <= NTRU_Q_HALF, "products of R/3 fit R/q");

void
ring_q_triple(struct ring_q *a)
{
    for (int i = 0; i < NTRU_P; i++)
        a->c[i] = centre((int16_t)(3 * a->c[i]));
}

/* Centred modulo 3, for centred a: 10923 is about 2^15 / 3. */
static inline int16_t
mod_3(int16_t a)
{
    return (int16_t)(a - 3 * ((10923 * a + 16384) >> 15));
}

void
ring_q_round(struct ring_q *a)
{
    for (int i = 0; i < NTRU_P; i++)
        a->c[i] = (int16_t)(a->c[i] - mod_3(a->c[i]));
}

void
ring_q_to_3(struct ring_3 *out, const struct ring_q *a)
{
    for (int i = 0; i < NTRU_P; i++)
        out->c[i] = (int8_t)mod_3(a->c[i]);
}

/* ---- Inverses ---------------------------------------------------------- */

/*
 * What the division steps work on. f starts as the modulus and g as the input,
 * both reversed; f = v * input and g = r * input, up to the modulus and powers
 * of x. A step makes one of two combinations of (f, g), drops g's lowest
 * coefficient, which is 0 then, and does the same to (v, r).
 *
 * v and r are stored from the top degree, p, down, so that the step's
 * multiplication of v by x moves it down as g moves.
 *
 * A step may multiply g and r by the same number: the quotient v / f is all
 * that counts. So no product is corrected for Montgomery's factor, nor for the
 * sign that goes with an exchange of f and g.
 */

/* Step k reads f and g below this: the steps after it drop one each. */
static inline int
live_end(int step)
{
    int n = (STEPS - step + LANES - 1) / LANES * LANES;
    return n < PADDED ? n : PADDED;
}

/* v and r are 0 in step k before this: their degree grows by one a step. */
static inline int
live_start(int step)
{
    int degree_at = NTRU_P - 1 - step;
    return degree_at < 0 ? 0 : degree_at / LANES * LANES;
}

/* What one step does with every coefficient, all of it secret. */
struct step_q {
    int16_t f0, g0;
    int16_t exchange; /* a mask */
};

struct step_3 {
    int8_t is_nonzero, is_positive; /* masks: f0 g0, which is -1, 0 or 1 */
    int8_t exchange;                /* a mask */
};

/* All ones if the step exchanges f and g; counts the step in *delta. */
static inline uint32_t
decide_exchange(int32_t *delta, int32_t g0)
{
    uint32_t d = (uint32_t)*delta;
    uint32_t is_above_0 = 0 - ((0 - d) >> 31);
    uint32_t exchange = is_above_0 & ct_nonzero_mask((uint32_t)g0);
    *delta = (int32_t)(((d ^ exchange) - exchange) + 1);
    return exchange;
}

static struct step_q
decide_q(int32_t *delta, int16_t f0, int16_t g0)
{
    f0 = centre(f0);
    g0 = centre(g0);
    return (struct step_q){f0, g0, (int16_t)decide_exchange(delta, g0)};
}

static struct step_3
decide_3(int32_t *delta, int8_t f0, int8_t g0)
{
    int product = f0 * g0;
    return (struct step_3){(int8_t) - (product & 1), (int8_t)(-product >> 7),
                           (int8_t)decide_exchange(delta, g0)};
}

/* mask ? b : a */
static inline int16_t
choose16(int16_t a, int16_t b, int16_t mask)
{
    return (int16_t)(a ^ (mask & (a ^ b)));
}

static inline int8_t
choose8(int8_t a, int8_t b, int8_t mask)
{
    return (int8_t)(a ^ (mask & (a ^ b)));
}

/* One slot before each polynomial takes what falls off its low end. */
struct state_q {
    int16_t f[1 + PADDED], g[1 + PADDED], v[1 + PADDED], r[1 + PADDED];
};

struct state_3 {
    int8_t f[1 + PADDED], g[1 + PADDED], v[1 + PADDED], r[1 + PADDED];
};

/*
 * f0 g - g0 f, scaled. With |f0|, |g0| <= 2295 and |f|, |g| <= 5234 each
 * product is at most 2295 * 5234 / 2^16 + 2296 < 2617, so the bound holds on.
 */
static inline int16_t
combine_q(int16_t f, int16_t g, struct step_q d)
{
    return (int16_t)(mul_scaled(d.f0, g) - mul_scaled(d.g0, f));
}

static void
step_fg_q(int16_t *restrict f, int16_t *restrict g, int end, struct step_q d)
{
    for (int i = 0; i < end; i++) {
        int16_t x = f[i], y = g[i];
        f[i] = choose16(x, y, d.exchange);
        g[i - 1] = combine_q(x, y, d);
    }
}

static void
step_vr_q(int16_t *restrict v, int16_t *restrict r, int start, struct step_q d)
{
    for (int i = start; i < PADDED; i++) {
        int16_t x = v[i], y = r[i];
        v[i - 1] = choose16(x, y, d.exchange);
        r[i] = combine_q(x, y, d);
    }
}

void
ring_q_invert_thrice(struct ring_q *out, const struct ring_3 *a)
{
    struct state_q s = {0};
    int16_t *f = s.f + 1, *g = s.g + 1, *v = s.v + 1, *r = s.r + 1;
    f[0] = 1;
    f[NTRU_P - 1] = f[NTRU_P] = -1;
    for (int i = 0; i < NTRU_P; i++)
        g[i] = a->c[NTRU_P - 1 - i];
    r[NTRU_P] = -1530; /* 1/3 mod q, where the plain inverse has 1 */
    int32_t delta = 1;
    for (int i = 0; i < STEPS; i++) {
        struct step_q d = decide_q(&delta, f[0], g[0]);
        step_vr_q(v, r, live_start(i), d);
        step_fg_q(f, g, live_end(i), d);
    }
    int16_t scale = invert_scaled(centre(f[0]));
    for (int i = 0; i < NTRU_P; i++)
        out->c[i] = centre(mul_scaled(v[i], scale));
    mem_wipe(&s, sizeof s);
}

/* g - f0 g0 f modulo 3. */
static inline int8_t
combine_3(int8_t f, int8_t g, struct step_3 d)
{
    int8_t sum = (int8_t)(g + (((f ^ d.is_positive) - d.is_positive) & d.is_nonzero));
    return (int8_t)(sum - (-(sum > 1) & 3) + (-(sum < -1) & 3));
}

static void
step_fg_3(int8_t *restrict f, int8_t *restrict g, int end, struct step_3 d)
{
    for (int i = 0; i < end; i++) {
        int8_t x = f[i], y = g[i];
        f[i] = choose8(x, y, d.exchange);
        g[i - 1] = combine_3(x, y, d);
    }
}

static void
step_vr_3(int8_t *restrict v, int8_t *restrict r, int start, struct step_3 d)
{
    for (int i = start; i < PADDED; i++) {
        int8_t x = v[i], y = r[i];
        v[i - 1] = choose8(x, y, d.exchange);
        r[i] = combine_3(x, y, d);
    }
}

bool
ring_3_invert(struct ring_3 *out, const struct ring_3 *a)
{
    struct state_3 s = {0};
    int8_t *f = s.f + 1, *g = s.g + 1, *v = s.v + 1, *r = s.r + 1;
    f[0] = 1;
    f[NTRU_P - 1] = f[NTRU_P] = -1;
    for (int i = 0; i < NTRU_P; i++)
        g[i] = a->c[NTRU_P - 1 - i];
    r[NTRU_P] = 1;
    int32_t delta = 1;
    for (int i = 0; i < STEPS; i++) {
        struct step_3 d = decide_3(&delta, f[0], g[0]);
        step_vr_3(v, r, live_start(i), d);
        step_fg_3(f, g, live_end(i), d);
    }
    for (int i = 0; i < NTRU_P; i++)
        out->c[i] = (int8_t)(v[i] * f[0]);
    mem_wipe(&s, sizeof s);
    return delta == 0;
}
