/*
 * Private keys of sig.h. Whatever a key comes from (a key file's fields, PEM,
 * a generator), it is turned into the fields of openssh-key-v1 and built from
 * those: one road with one set of checks.
 */
#include <stdlib.h>

#include <openssl/evp.h>

#include "crypto/key_impl.h"
#include "wire/put.h"

/* RSA's six numbers at RSA_MAX_BITS take half of this. */
enum { FIELDS_MAX = 16384 };

/* The public half from the fields that private_get has derived. */
static enum err
public_make(enum key_kind kind, struct bytes public_fields, struct pubkey **key)
{
    struct buf blob;
    buf_init(&blob, KEY_BLOB_MAX);
    put_cstring(&blob, key_kind_name(kind));
    buf_put(&blob, public_fields);
    enum err e = buf_err(&blob);
    if (e == ERR_NONE)
        e = pubkey_parse(buf_bytes(&blob), key);
    buf_clear(&blob);
    return e;
}

static enum err
fill(struct privkey *key, enum key_kind kind, struct bytes fields, size_t *used)
{
    const struct key_row *row = key_row_of(kind);
    struct cursor c = cursor_of(fields);
    struct buf public_fields;
    buf_init(&public_fields, KEY_BLOB_MAX);
    enum err e = row->ops->private_get(row, &c, &key->pkey, &public_fields);
    if (e == ERR_NONE)
        e = public_make(kind, buf_bytes(&public_fields), &key->public);
    buf_clear(&public_fields);
    if (e != ERR_NONE)
        return e;
    *used = fields.n - cursor_left(&c);
    buf_put(&key->fields, bytes_first(fields, *used));
    return buf_err(&key->fields);
}

enum err
privkey_parse_fields(enum key_kind kind, struct bytes fields, size_t *used,
                     struct privkey **out)
{
    if (key_row_of(kind)->is_sk)
        return ERR_CRYPTO; /* the private half is in the authenticator */
    struct privkey *key = calloc(1, sizeof *key);
    if (!key)
        return ERR_NOMEM;
    buf_init(&key->fields, FIELDS_MAX);
    enum err e = fill(key, kind, fields, used);
    if (e != ERR_NONE) {
        privkey_free(key);
        return e;
    }
    *out = key;
    return ERR_NONE;
}

enum err
privkey_of_pkey(enum key_kind kind, EVP_PKEY *pkey, struct privkey **key)
{
    const struct key_row *row = key_row_of(kind);
    struct buf fields;
    buf_init(&fields, FIELDS_MAX);
    enum err e = row->ops->private_put(row, pkey, &fields);
    size_t used = 0;
    if (e == ERR_NONE)
        e = privkey_parse_fields(kind, buf_bytes(&fields), &used, key);
    buf_clear(&fields);
    EVP_PKEY_free(pkey);
    return e;
}

static EVP_PKEY *
generate(enum key_kind kind, unsigned bits)
{
    OSSL_LIB_CTX *lib = crypto_lib()->ctx;
    switch (kind) {
    case KEY_ED25519:
        return EVP_PKEY_Q_keygen(lib, NULL, "ED25519");
    case KEY_ECDSA_P256:
    case KEY_ECDSA_P384:
    case KEY_ECDSA_P521:
        return EVP_PKEY_Q_keygen(lib, NULL, "EC",
                                 curve_by_id(key_row_of(kind)->curve)->lib_name);
    case KEY_RSA:
        if (bits < RSA_MIN_BITS || bits > RSA_MAX_BITS)
            return NULL;
        return EVP_PKEY_Q_keygen(lib, NULL, "RSA", (size_t)bits);
    case KEY_SK_ED25519:
    case KEY_SK_ECDSA_P256:
        break;
    }
    return NULL;
}

enum err
privkey_generate(enum key_kind kind, unsigned bits, struct privkey **key)
{
    EVP_PKEY *pkey = generate(kind, bits);
    return pkey ? privkey_of_pkey(kind, pkey, key) : ERR_CRYPTO;
}

enum err
privkey_put_fields(const struct privkey *key, struct buf *out)
{
    buf_put(out, buf_bytes(&key->fields));
    return buf_err(out);
}

void
privkey_free(struct privkey *key)
{
    if (!key)
        return;
    EVP_PKEY_free(key->pkey);
    pubkey_free(key->public);
    buf_clear(&key->fields);
    free(key);
}

const struct pubkey *
privkey_public(const struct privkey *key)
{
    return key->public;
}
