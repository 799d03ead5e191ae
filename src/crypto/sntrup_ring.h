/*
 * Polynomials of sntrup761: R/q = Z_q[x]/(x^761 - x - 1) with q = 4591, and
 * R/3, the same modulo 3.
 *
 * Coefficients are centred: -2295..2295 modulo q, -1..1 modulo 3. No time or
 * address depends on them.
 */
#ifndef FERRY_CRYPTO_SNTRUP_RING_H
#define FERRY_CRYPTO_SNTRUP_RING_H

#include <stdbool.h>
#include <stdint.h>

enum {
    NTRU_P = 761,
    NTRU_Q = 4591,
    NTRU_Q_HALF = 2295,
    NTRU_WEIGHT = 286, /* coefficients of a short polynomial that are not 0 */
};

/* Of R/q. */
struct ring_q {
    int16_t c[NTRU_P];
};

/* Of R/3, or a polynomial of R/q that is small. */
struct ring_3 {
    int8_t c[NTRU_P];
};

/* out = a * b in R/q. out may be a. */
void ring_q_mul(struct ring_q *out, const struct ring_q *a, const struct ring_3 *b);

/* out = a * b in R/3. */
void ring_3_mul(struct ring_3 *out, const struct ring_3 *a, const struct ring_3 *b);

/* a = 3 a in R/q. */
void ring_q_triple(struct ring_q *a);

/* Each coefficient to the nearest multiple of 3. */
void ring_q_round(struct ring_q *a);

/* Each coefficient, as the integer it is, modulo 3. */
void ring_q_to_3(struct ring_3 *out, const struct ring_q *a);

/* out = 1 / (3 a) in R/q, a field; a is not 0. */
void ring_q_invert_thrice(struct ring_q *out, const struct ring_3 *a);

/* out = 1 / a in R/3. False: a has no inverse; out is then meaningless. */
bool ring_3_invert(struct ring_3 *out, const struct ring_3 *a);

#endif
