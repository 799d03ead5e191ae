/*
 * bcrypt_pbkdf: how openssh-key-v1 files turn a passphrase into a key.
 * OpenBSD's bcrypt_pbkdf(3); Blowfish by Bruce Schneier, 1993.
 */
#ifndef FERRY_CRYPTO_BCRYPT_PBKDF_H
#define FERRY_CRYPTO_BCRYPT_PBKDF_H

#include "base/bytes.h"
#include "base/err.h"

enum {
    /*
     * ssh-keygen writes 16 or 24; a person who types -a 1000 waits seconds. A
     * file that asks for more than this wants minutes of our time (threats F4).
     */
    BCRYPT_ROUNDS_MAX = 16384,
    BCRYPT_OUT_MAX = 1024, /* octets */
};

/*
 * Derive out_len octets, 1..BCRYPT_OUT_MAX.
 * pass, salt: not empty. rounds: 1..BCRYPT_ROUNDS_MAX, some 4 ms each per 32
 * octets of output. The caller wipes out.
 * ERR_LIMIT: an argument out of its range. ERR_NOMEM, ERR_CRYPTO: libcrypto's
 * SHA-512 failed. out is then all zero and must not be used.
 */
enum err bcrypt_pbkdf(struct bytes pass, struct bytes salt, uint32_t rounds, uint8_t *out,
                      size_t out_len) MUST_USE;

#endif
