/* See hash.h. One row an algorithm; libcrypto does the rest. */
#include "crypto/hash.h"

#include <stdlib.h>

#include <openssl/params.h>

#include "crypto/lib.h"

struct hash {
    EVP_MD_CTX *ctx;
};

static const struct {
    const char *name;
    size_t len;
} rows[] = {
    [HASH_MD5] = {"md5", 16},       [HASH_SHA1] = {"sha1", 20},
    [HASH_SHA224] = {"sha224", 28}, [HASH_SHA256] = {"sha256", 32},
    [HASH_SHA384] = {"sha384", 48}, [HASH_SHA512] = {"sha512", 64},
};

size_t
hash_len(enum hash_id id)
{
    return rows[id].len;
}

const char *
hash_name(enum hash_id id)
{
    return rows[id].name;
}

bool
hash_by_name(struct bytes name, enum hash_id *id)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (bytes_eq_str(name, rows[i].name)) {
            *id = (enum hash_id)i;
            return true;
        }
    }
    return false;
}

enum err
hash_new(enum hash_id id, struct hash **out)
{
    const EVP_MD *md = crypto_lib()->hash[id];
    struct hash *h = calloc(1, sizeof *h);
    if (!h)
        return ERR_NOMEM;
    h->ctx = EVP_MD_CTX_new();
    if (!h->ctx || EVP_DigestInit_ex2(h->ctx, md, NULL) != 1) {
        hash_free(h);
        return ERR_CRYPTO;
    }
    *out = h;
    return ERR_NONE;
}

enum err
hash_update(struct hash *h, struct bytes data)
{
    return EVP_DigestUpdate(h->ctx, data.p, data.n) == 1 ? ERR_NONE : ERR_CRYPTO;
}

enum err
hash_final(struct hash *h, uint8_t *out)
{
    if (EVP_DigestFinal_ex(h->ctx, out, NULL) != 1)
        return ERR_CRYPTO;
    return EVP_DigestInit_ex2(h->ctx, NULL, NULL) == 1 ? ERR_NONE : ERR_CRYPTO;
}

void
hash_free(struct hash *h)
{
    if (!h)
        return;
    EVP_MD_CTX_free(h->ctx);
    free(h);
}

enum err
hash_digest(enum hash_id id, struct bytes data, uint8_t *out)
{
    const EVP_MD *md = crypto_lib()->hash[id];
    return EVP_Digest(data.p, data.n, out, NULL, md, NULL) == 1 ? ERR_NONE : ERR_CRYPTO;
}

EVP_MAC_CTX *
lib_hmac_new(enum hash_id id, struct bytes key)
{
    /* The parameter wants a char * but is only read. */
    char name[16];
    strncpy(name, lib_hash_name(id), sizeof name - 1);
    name[sizeof name - 1] = 0;
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("digest", name, 0),
                           OSSL_PARAM_construct_end()};
    /* A NULL key would mean "the one from before". */
    const uint8_t *p = key.n != 0 ? key.p : (const uint8_t *)"";
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(crypto_lib()->hmac);
    if (ctx && EVP_MAC_init(ctx, p, key.n, params) == 1)
        return ctx;
    EVP_MAC_CTX_free(ctx);
    return NULL;
}

enum err
hmac_digest(enum hash_id id, struct bytes key, struct bytes data, uint8_t *out)
{
    EVP_MAC_CTX *ctx = lib_hmac_new(id, key);
    if (!ctx)
        return ERR_CRYPTO;
    size_t n = 0;
    bool is_good = EVP_MAC_update(ctx, data.p, data.n) == 1 &&
                   EVP_MAC_final(ctx, out, &n, hash_len(id)) == 1 && n == hash_len(id);
    EVP_MAC_CTX_free(ctx);
    return is_good ? ERR_NONE : ERR_CRYPTO;
}
