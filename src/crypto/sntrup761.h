/*
 * sntrup761, Streamlined NTRU Prime: the key encapsulation of
 * sntrup761x25519-sha512, as OpenSSH 8.5 and later speak it.
 *
 * Time and memory access depend on no secret, except that key generation
 * starts over when its first polynomial happens to have no inverse; that
 * polynomial is then thrown away. Nothing is allocated; about 17 KiB of stack,
 * wiped. SHA-512 is libcrypto's, hence the error results and crypto_init() first.
 */
#ifndef FERRY_CRYPTO_SNTRUP761_H
#define FERRY_CRYPTO_SNTRUP761_H

#include <stdint.h>

#include "base/err.h"
#include "base/rand.h"

enum {
    SNTRUP761_PK_LEN = 1158, /* public key */
    SNTRUP761_SK_LEN = 1763, /* secret key; contains pk */
    SNTRUP761_CT_LEN = 1039, /* ciphertext, public */
    SNTRUP761_SS_LEN = 32,   /* shared secret */
};

/*
 * Make a key pair. sk: secret; the caller wipes it.
 * Errors are those of rand, or ERR_CRYPTO when libcrypto failed; pk and sk
 * then must not be used.
 */
enum err sntrup761_keypair(uint8_t pk[SNTRUP761_PK_LEN], uint8_t sk[SNTRUP761_SK_LEN],
                           const struct rand_source *rand) MUST_USE;

/*
 * Make a shared secret and the ciphertext that tells it to pk's owner.
 * pk: the peer's; every string of this length is a key. The caller wipes ss.
 * Errors as above; ss is then all zero and must not be used.
 */
enum err sntrup761_encaps(uint8_t ct[SNTRUP761_CT_LEN], uint8_t ss[SNTRUP761_SS_LEN],
                          const uint8_t pk[SNTRUP761_PK_LEN],
                          const struct rand_source *rand) MUST_USE;

/*
 * Recover the shared secret. A ciphertext that encapsulation cannot have made
 * yields a secret of its own that only sk determines; nothing reports it.
 * ERR_CRYPTO: libcrypto failed; ss is then all zero and must not be used.
 */
enum err
sntrup761_decaps(uint8_t ss[SNTRUP761_SS_LEN], const uint8_t ct[SNTRUP761_CT_LEN],
                 const uint8_t sk[SNTRUP761_SK_LEN]) MUST_USE;

#endif
