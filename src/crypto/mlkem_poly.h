/*
 * Polynomials of ML-KEM: R_q = Z_q[X]/(X^256 + 1), q = 3329, FIPS 203 section
 * 4; what it calls T_q is a polynomial "in NTT form" here.
 *
 * A coefficient is any representative modulo q that fits its bound: "centred"
 * means |c| <= 1664, "reduced" 0 <= c < q. Each function says what it takes
 * and gives. No time or address depends on coefficients, except in
 * poly_sample_ntt, whose input is public.
 */
#ifndef FERRY_CRYPTO_MLKEM_POLY_H
#define FERRY_CRYPTO_MLKEM_POLY_H

#include <stdbool.h>
#include <stdint.h>

enum {
    MLKEM_N = 256,
    MLKEM_Q = 3329,
    MLKEM_K = 3,          /* polynomials in a vector of ML-KEM-768 */
    POLY_12BIT_LEN = 384, /* octets of a polynomial, uncompressed */
    POLY_10BIT_LEN = 320, /* compressed to du = 10 bits */
    POLY_4BIT_LEN = 128,  /* compressed to dv = 4 bits */
    POLY_1BIT_LEN = 32,   /* a message */
    POLY_NOISE_LEN = 128, /* PRF output that makes one noise polynomial */
    POLY_SEED_LEN = 32,
};

struct poly {
    int16_t c[MLKEM_N];
};

/* To NTT form, in place. In: |c| <= q. Out: centred. Algorithm 9. */
void poly_ntt(struct poly *f);

/*
 * From NTT form, in place, out: centred. The factor 2^-16 that every product
 * carries (see poly_product) is undone here. Algorithm 10.
 */
void poly_inverse_ntt(struct poly *f);

/*
 * out = 2^-16 * (a[0] b[0] + a[1] b[1] + a[2] b[2]), all in NTT form.
 * In: |c| <= q. Out: centred. Algorithm 11.
 */
void poly_product(struct poly *out, const struct poly a[MLKEM_K],
                  const struct poly b[MLKEM_K]);

/* Multiply by 2^16, for a product that stays in NTT form. Out: |c| < q. */
void poly_undo_scale(struct poly *f);

/* f += g, f -= g. The caller minds that the results fit 16 bits. */
void poly_add(struct poly *f, const struct poly *g);
void poly_sub(struct poly *f, const struct poly *g);

/* To 0 <= c < q, from anything. */
void poly_reduce(struct poly *f);

/*
 * A uniform polynomial in NTT form from 34 octets rho, x, y of which all are
 * public. Out: reduced. Algorithm 7.
 */
void
poly_sample_ntt(struct poly *f, const uint8_t rho[POLY_SEED_LEN], uint8_t x, uint8_t y);

/* Small noise, |c| <= 2, from PRF output. Algorithm 8 with eta = 2. */
void poly_sample_noise(struct poly *f, const uint8_t prf[POLY_NOISE_LEN]);

/* Algorithms 5 and 6 with d = 12. Encoding takes a reduced polynomial. */
void poly_encode12(uint8_t out[POLY_12BIT_LEN], const struct poly *f);

/* Out: 0 <= c < 4096; of an encoding that we did not make, check it. */
void poly_decode12(struct poly *f, const uint8_t in[POLY_12BIT_LEN]);

/* Is 0 <= c < q throughout? For public polynomials only. */
bool poly_is_reduced(const struct poly *f);

/* Compress then encode, and back; FIPS 203 4.2.1. In and out: reduced. */
void poly_compress10(uint8_t out[POLY_10BIT_LEN], const struct poly *f);
void poly_decompress10(struct poly *f, const uint8_t in[POLY_10BIT_LEN]);
void poly_compress4(uint8_t out[POLY_4BIT_LEN], const struct poly *f);
void poly_decompress4(struct poly *f, const uint8_t in[POLY_4BIT_LEN]);
void poly_compress1(uint8_t out[POLY_1BIT_LEN], const struct poly *f);
void poly_decompress1(struct poly *f, const uint8_t in[POLY_1BIT_LEN]);

#endif
