/*
 * Keccak-f[1600] and the four functions of FIPS 202 that ML-KEM is made of.
 *
 * Why not libcrypto's: OpenSSL 3.0 squeezes a SHAKE only once, and one ML-KEM
 * operation asks for some twenty short hashes, each of which would cost a
 * context. No branch or address depends on what is hashed; lengths are public.
 */
#ifndef FERRY_CRYPTO_KECCAK_H
#define FERRY_CRYPTO_KECCAK_H

#include <stddef.h>
#include <stdint.h>

enum {
    SHA3_256_LEN = 32,
    SHA3_512_LEN = 64,
    SHAKE128_RATE = 168, /* octets a permutation yields */
    SHAKE256_RATE = 136,
};

/*
 * One sponge. Absorb any number of times, then squeeze any number of times;
 * absorbing after the first squeeze is a bug of the caller (asserted).
 */
struct keccak {
    uint64_t lane[25];
    size_t rate;    /* octets absorbed or squeezed per permutation */
    size_t at;      /* next octet within the rate */
    uint8_t domain; /* the function's suffix bits and first padding bit */
    uint8_t is_squeezing;
};

void sha3_256_init(struct keccak *k);
void sha3_512_init(struct keccak *k);
void shake128_init(struct keccak *k);
void shake256_init(struct keccak *k);

/* Append in[0..n) to the input. */
void keccak_absorb(struct keccak *k, const uint8_t *in, size_t n);

/* The next n octets of output. For SHA3 take the digest's length, once. */
void keccak_squeeze(struct keccak *k, uint8_t *out, size_t n);

/* Wipe the state: it holds or determines whatever was hashed. */
void keccak_clear(struct keccak *k);

#endif
