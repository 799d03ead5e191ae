/*
 * curve25519-sha256: RFC 8731. K is an mpint: the 32 octets read as a big-
 * endian number, whatever RFC 7748 says of their order.
 */
#include <openssl/evp.h>

#include "base/secret.h"
#include "crypto/kex_impl.h"
#include "crypto/lib.h"
#include "wire/put.h"

static EVP_PKEY *
private_from(const uint8_t private_key[X25519_LEN])
{
    return EVP_PKEY_new_raw_private_key_ex(crypto_lib()->ctx, "X25519", NULL, private_key,
                                           X25519_LEN);
}

enum err
x25519_keypair(const struct rand_source *rand, uint8_t private_key[X25519_LEN],
               uint8_t public_value[X25519_LEN])
{
    enum err e = rand_fill(rand, private_key, X25519_LEN);
    if (e != ERR_NONE)
        return e;
    EVP_PKEY *key = private_from(private_key);
    size_t n = X25519_LEN;
    bool is_good =
        key && EVP_PKEY_get_raw_public_key(key, public_value, &n) == 1 && n == X25519_LEN;
    EVP_PKEY_free(key);
    return is_good ? ERR_NONE : ERR_CRYPTO;
}

static bool
derive(EVP_PKEY *ours, EVP_PKEY *peer, uint8_t shared[X25519_LEN])
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(crypto_lib()->ctx, ours, NULL);
    size_t n = X25519_LEN;
    bool is_good = ctx && EVP_PKEY_derive_init(ctx) == 1 &&
                   EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
                   EVP_PKEY_derive(ctx, shared, &n) == 1 && n == X25519_LEN;
    EVP_PKEY_CTX_free(ctx);
    return is_good;
}

/* libcrypto refuses an all-zero result too; the rule is too important to be
 * left to a version of it. */
enum err
x25519_shared(const uint8_t private_key[X25519_LEN], struct bytes peer_public,
              uint8_t shared[X25519_LEN])
{
    static const uint8_t zeros[X25519_LEN];
    if (peer_public.n != X25519_LEN)
        return ERR_CRYPTO;
    EVP_PKEY *ours = private_from(private_key);
    EVP_PKEY *peer = EVP_PKEY_new_raw_public_key_ex(crypto_lib()->ctx, "X25519", NULL,
                                                    peer_public.p, peer_public.n);
    bool is_good = ours && peer && derive(ours, peer, shared) &&
                   !mem_equal_ct(shared, zeros, X25519_LEN);
    EVP_PKEY_free(ours);
    EVP_PKEY_free(peer);
    if (!is_good)
        mem_wipe(shared, X25519_LEN);
    return is_good ? ERR_NONE : ERR_CRYPTO;
}

static enum err
keypair(struct kex *kex)
{
    kex->public_len = X25519_LEN;
    return x25519_keypair(kex->rand, kex->private_key, kex->public_value);
}

static enum err
finish(const struct kex *kex, struct bytes peer_public, struct buf *secret)
{
    uint8_t shared[X25519_LEN];
    enum err e = x25519_shared(kex->private_key, peer_public, shared);
    if (e == ERR_NONE) {
        put_mpint(secret, bytes_of(shared, sizeof shared));
        e = buf_err(secret);
    }
    mem_wipe(shared, sizeof shared);
    return e;
}

const struct kex_ops kex_x25519 = {.keypair = keypair, .finish = finish};
