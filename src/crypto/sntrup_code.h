/*
 * The octets of sntrup761's polynomials.
 *
 * A polynomial modulo q is written as one number in mixed radix, so that no
 * fraction of a bit is lost: pairs of digits are joined, low octets are put
 * out until the joined digit fits 14 bits, and the joined digits are treated
 * the same way. Every string of the right length decodes to something. No time
 * or address depends on the digits.
 */
#ifndef FERRY_CRYPTO_SNTRUP_CODE_H
#define FERRY_CRYPTO_SNTRUP_CODE_H

#include <stdint.h>

#include "crypto/sntrup_ring.h"

enum {
    RING_Q_LEN = 1158,     /* any centred coefficients */
    RING_ROUND_LEN = 1007, /* coefficients that are multiples of 3 */
    RING_3_LEN = 191,      /* 2 bits a coefficient */
};

void ring_q_encode(uint8_t out[RING_Q_LEN], const struct ring_q *a);
void ring_q_decode(struct ring_q *a, const uint8_t in[RING_Q_LEN]);

/* For what ring_q_round gave. */
void ring_round_encode(uint8_t out[RING_ROUND_LEN], const struct ring_q *a);
void ring_round_decode(struct ring_q *a, const uint8_t in[RING_ROUND_LEN]);

/* Decoding is for our own octets: the bit pair 3 becomes 2, which is none. */
void ring_3_encode(uint8_t out[RING_3_LEN], const struct ring_3 *a);
void ring_3_decode(struct ring_3 *a, const uint8_t in[RING_3_LEN]);

#endif
