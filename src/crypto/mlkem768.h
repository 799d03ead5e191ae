/*
 * ML-KEM-768, FIPS 203: the key encapsulation of mlkem768x25519-sha256.
 *
 * Randomness is an argument, so each function is a function in the strict
 * sense. Time and memory access depend on no secret. Nothing is allocated;
 * about 12 KiB of stack, wiped.
 *
 * Own code on every libcrypto, also on those that have ML-KEM (3.5 and later):
 * one path that every build tests, against one that only some would.
 */
#ifndef FERRY_CRYPTO_MLKEM768_H
#define FERRY_CRYPTO_MLKEM768_H

#include <stdint.h>

#include "base/err.h"

enum {
    MLKEM768_EK_LEN = 1184, /* encapsulation key, public */
    MLKEM768_DK_LEN = 2400, /* decapsulation key, secret; contains ek */
    MLKEM768_CT_LEN = 1088, /* ciphertext, public */
    MLKEM768_SS_LEN = 32,   /* shared secret */
    MLKEM768_SEED_LEN = 32, /* d, z and m */
};

/*
 * Make a key pair.
 * d, z: 32 fresh random octets each; the caller wipes them.
 * dk: secret; the caller wipes it. FIPS 203 algorithm 16.
 */
void
mlkem768_keypair(uint8_t ek[MLKEM768_EK_LEN], uint8_t dk[MLKEM768_DK_LEN],
                 const uint8_t d[MLKEM768_SEED_LEN], const uint8_t z[MLKEM768_SEED_LEN]);

/*
 * Make a shared secret and the ciphertext that tells it to ek's owner.
 * ek: the peer's. m: 32 fresh random octets; the caller wipes them, and ss.
 * ERR_CRYPTO: ek holds a coefficient that is not reduced modulo q (FIPS 203
 *   7.2); ct and ss are then untouched. FIPS 203 algorithm 17.
 */
enum err mlkem768_encaps(uint8_t ct[MLKEM768_CT_LEN], uint8_t ss[MLKEM768_SS_LEN],
                         const uint8_t ek[MLKEM768_EK_LEN],
                         const uint8_t m[MLKEM768_SEED_LEN]) MUST_USE;

/*
 * Recover the shared secret. A ciphertext that encapsulation cannot have made
 * yields a secret of its own that only dk determines; nothing reports it.
 * dk: from mlkem768_keypair and kept in memory, so its inner hash is not
 *   checked again. FIPS 203 algorithm 18.
 */
void mlkem768_decaps(uint8_t ss[MLKEM768_SS_LEN], const uint8_t ct[MLKEM768_CT_LEN],
                     const uint8_t dk[MLKEM768_DK_LEN]);

#endif
