/*
 * What stands behind kex.h: one row of functions a family of methods, and the
 * state of one exchange. Only for files of crypto/.
 */
#ifndef FERRY_CRYPTO_KEX_IMPL_H
#define FERRY_CRYPTO_KEX_IMPL_H

#include <openssl/bn.h>

#include "crypto/kex.h"

/* The largest: ML-KEM's decapsulation key, then an X25519 key. */
enum { KEX_PRIVATE_MAX = 2400 + 32 };

struct kex {
    const struct kex_algo *algo;
    const struct rand_source *rand;
    BIGNUM *p, *g; /* finite-field groups only */
    size_t public_len;
    uint8_t public_value[KEX_PUBLIC_MAX];
    uint8_t private_key[KEX_PRIVATE_MAX];
};

struct kex_ops {
    /* Fill public_value and private_key. */
    enum err (*keypair)(struct kex *kex);
    /* Append K to `secret`, in its encoding. */
    enum err (*finish)(const struct kex *kex, struct bytes peer_public,
                       struct buf *secret);
    /*
     * The server's side, as kex_reply. NULL: it does what the client does, a
     * key pair and finish; only encapsulation differs from that.
     */
    enum err (*reply)(const struct kex_algo *algo, const struct rand_source *rand,
                      struct bytes client_public, struct buf *server_public,
                      struct buf *secret);
};

extern const struct kex_ops kex_x25519, kex_nist, kex_dh, kex_hybrid;

/* kex_dh: the fixed groups, RFC 3526; group exchange brings its own. */
enum dh_group { DH_GROUP14, DH_GROUP16, DH_GROUP18, DH_GROUP_OF_SERVER };

/* kex_hybrid: the post-quantum half. */
enum kem_id { KEM_MLKEM768, KEM_SNTRUP761 };

/* X25519 alone, for the hybrids too. The caller wipes private_key and shared. */
enum { X25519_LEN = 32 };
enum err x25519_keypair(const struct rand_source *rand, uint8_t private_key[X25519_LEN],
                        uint8_t public_value[X25519_LEN]) MUST_USE;
/* ERR_CRYPTO: another length than 32, or an all-zero result (RFC 7748 6.1). */
enum err x25519_shared(const uint8_t private_key[X25519_LEN], struct bytes peer_public,
                       uint8_t shared[X25519_LEN]) MUST_USE;

/*
 * An acceptable group of a group exchange, then the key pair: kex_gex_group.
 */
enum err kex_dh_set_group(struct kex *kex, struct bytes p, struct bytes g, uint32_t min,
                          uint32_t max) MUST_USE;

#endif
