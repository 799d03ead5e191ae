/*
 * What this folder holds of libcrypto: one library context of our own and the
 * algorithm objects fetched from it. Only for files of crypto/.
 *
 * This is the folder's one process-wide state: crypto_init writes it once,
 * before there is a peer, and from then on it is constant. Fetching by name
 * for every packet would cost a lock and a search; fetching after a sandbox
 * has closed might not work at all (threats K10).
 */
#ifndef FERRY_CRYPTO_LIB_H
#define FERRY_CRYPTO_LIB_H

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/bytes.h"
#include "crypto/hash.h"

enum lib_cipher {
    LIB_AES_128_CTR,
    LIB_AES_192_CTR,
    LIB_AES_256_CTR,
    LIB_AES_128_GCM,
    LIB_AES_256_GCM,
    LIB_CHACHA20,
    LIB_CIPHERS
};

enum { LIB_HASHES = HASH_SHA512 + 1 };

struct crypto_lib {
    OSSL_LIB_CTX *ctx;
    EVP_MD *hash[LIB_HASHES];
    EVP_CIPHER *cipher[LIB_CIPHERS];
    EVP_MAC *hmac, *poly1305;
    char version[48];
};

/* The loaded library. Calling this before crypto_init is a bug (asserted). */
const struct crypto_lib *crypto_lib(void);

/* libcrypto's name of a hash: "SHA2-256". */
const char *lib_hash_name(enum hash_id id);

/*
 * An HMAC under this key, ready for EVP_MAC_update; EVP_MAC_init without a key
 * starts it over. The caller frees it. NULL: libcrypto refused.
 */
EVP_MAC_CTX *lib_hmac_new(enum hash_id id, struct bytes key);

#endif
