/* ssh-ed25519 and its FIDO form: RFC 8709. */
#include <openssl/evp.h>

#include "base/secret.h"
#include "crypto/key_impl.h"
#include "wire/put.h"

enum { PUBLIC_LEN = 32, SEED_LEN = 32, SIG_LEN = 64 };

static enum err
public_get(const struct key_row *row, struct cursor *c, struct pubkey *key)
{
    (void)row;
    struct bytes pk = cursor_string(c);
    if (c->failed || pk.n != PUBLIC_LEN)
        return ERR_PROTO;
    key->bits = 256;
    key->pkey =
        EVP_PKEY_new_raw_public_key_ex(crypto_lib()->ctx, "ED25519", NULL, pk.p, pk.n);
    return key->pkey ? ERR_NONE : ERR_CRYPTO;
}

/* string pk, string sk = seed, pk. The seed alone decides: pk must follow. */
static enum err
private_get(const struct key_row *row, struct cursor *c, EVP_PKEY **pkey,
            struct buf *public_fields)
{
    (void)row;
    struct bytes pk = cursor_string(c);
    struct bytes sk = cursor_string(c);
    if (c->failed || pk.n != PUBLIC_LEN || sk.n != SEED_LEN + PUBLIC_LEN)
        return ERR_PROTO;
    uint8_t derived[PUBLIC_LEN];
    size_t n = sizeof derived;
    *pkey = EVP_PKEY_new_raw_private_key_ex(crypto_lib()->ctx, "ED25519", NULL, sk.p,
                                            SEED_LEN);
    if (!*pkey || EVP_PKEY_get_raw_public_key(*pkey, derived, &n) != 1 || n != PUBLIC_LEN)
        return ERR_CRYPTO;
    struct bytes expected = bytes_of(derived, PUBLIC_LEN);
    if (!bytes_eq(pk, expected) || !bytes_eq(bytes_skip(sk, SEED_LEN), expected))
        return ERR_CRYPTO;
    put_string(public_fields, pk);
    return buf_err(public_fields);
}

static enum err
private_put(const struct key_row *row, const EVP_PKEY *pkey, struct buf *fields)
{
    (void)row;
    uint8_t seed[SEED_LEN], pk[PUBLIC_LEN];
    size_t n_seed = sizeof seed, n_pk = sizeof pk;
    enum err e = ERR_CRYPTO;
    if (EVP_PKEY_get_raw_private_key(pkey, seed, &n_seed) == 1 && n_seed == SEED_LEN &&
        EVP_PKEY_get_raw_public_key(pkey, pk, &n_pk) == 1 && n_pk == PUBLIC_LEN) {
        put_string(fields, bytes_of(pk, PUBLIC_LEN));
        put_u32(fields, SEED_LEN + PUBLIC_LEN);
        buf_put(fields, bytes_of(seed, SEED_LEN));
        buf_put(fields, bytes_of(pk, PUBLIC_LEN));
        e = buf_err(fields);
    }
    mem_wipe(seed, sizeof seed);
    return e;
}

/* The wire's form is libcrypto's: R, S. */
static enum err
sig_copy(const struct pubkey *key, struct bytes from, struct buf *to)
{
    (void)key;
    if (from.n != SIG_LEN)
        return ERR_CRYPTO;
    buf_put(to, from);
    return buf_err(to);
}

const struct key_ops key_ed25519 = {public_get, private_get, private_put, sig_copy,
                                    sig_copy};
