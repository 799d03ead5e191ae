/*
 * What stands behind protect.h: each shape is one file with its own state, in
 * which a `struct protect` comes first, and one row of functions.
 */
#ifndef FERRY_CRYPTO_PROTECT_IMPL_H
#define FERRY_CRYPTO_PROTECT_IMPL_H

#include "crypto/lib.h"
#include "crypto/protect.h"

/* The contracts are those of protect.h's functions of the same name. */
struct protect_ops {
    enum err (*seal)(struct protect *p, uint32_t seq, uint8_t *wire, size_t len);
    enum err (*length)(struct protect *p, uint32_t seq, uint8_t *wire,
                       uint32_t *packet_length);
    enum err (*open)(struct protect *p, uint32_t seq, uint8_t *wire, size_t len);
    /* The IV as it stands, shape by shape: the counter of the next packet. */
    bool (*iv_now)(const struct protect *p, uint8_t iv[PROTECT_IV_MAX]);
    void (*free)(struct protect *p); /* wipes and frees all of it */
};

struct protect {
    const struct protect_ops *ops;
    struct protect_shape shape;
    bool may_seal, may_open; /* both only before the first NEWKEYS */
    struct protect_keys keys;
};

/* Keys of the lengths that the algorithms ask for; borrowed. */
struct protect_views {
    struct bytes cipher, iv, mac;
};

struct protect_make {
    enum err (*make)(const struct cipher_algo *cipher, const struct mac_algo *mac,
                     bool is_sealing, const struct protect_views *keys,
                     struct protect **p);
};

extern const struct protect_make protect_gcm, protect_chacha, protect_ctr;

/* Octets of packet_length, RFC 4253 6. */
enum { PACKET_LENGTH_LEN = 4 };

/* A context with the key set and padding off. NULL: libcrypto refused. */
EVP_CIPHER_CTX *protect_cipher_new(enum lib_cipher cipher, bool is_sealing,
                                   struct bytes key, const uint8_t *iv);

/* in and out may be the same place. False: libcrypto refused. */
bool protect_cipher_run(EVP_CIPHER_CTX *ctx, uint8_t *out, const uint8_t *in,
                        size_t n) MUST_USE;

/* A tag did not verify: what was decrypted is gone too (threats K2). */
enum err protect_reject(uint8_t *wire, size_t len) MUST_USE;

static inline uint32_t
load_u32(const uint8_t p[4])
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

#endif
