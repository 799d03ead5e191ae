/*
 * What stands behind sig.h: keys as libcrypto holds them, and one row of
 * functions a family (RSA, ECDSA, Ed25519). Only for files of crypto/.
 */
#ifndef FERRY_CRYPTO_KEY_IMPL_H
#define FERRY_CRYPTO_KEY_IMPL_H

#include <openssl/bn.h>

#include "crypto/curve.h"
#include "crypto/lib.h"
#include "crypto/sig.h"
#include "wire/cursor.h"

struct key_ops;

struct key_row {
    const char *type; /* first string of the blob */
    const struct key_ops *ops;
    enum curve_id curve; /* ECDSA only */
    bool is_sk;          /* an `application` string follows the fields */
};

struct pubkey {
    enum key_kind kind;
    unsigned bits;
    EVP_PKEY *pkey;
    struct buf blob;
    struct bytes application; /* FIDO: within blob */
};

struct privkey {
    EVP_PKEY *pkey;
    struct pubkey *public;
    struct buf fields; /* as privkey_parse_fields read them */
};

struct key_ops {
    /* Take the public fields behind the type and make key->pkey and bits. */
    enum err (*public_get)(const struct key_row *row, struct cursor *c,
                           struct pubkey *key);
    /*
     * Take the private fields and make *pkey; append the public fields that
     * belong to them to `public_fields`. Checks that the two belong together.
     */
    enum err (*private_get)(const struct key_row *row, struct cursor *c, EVP_PKEY **pkey,
                            struct buf *public_fields);
    /* Append the private fields of a key that libcrypto made or read. */
    enum err (*private_put)(const struct key_row *row, const EVP_PKEY *pkey,
                            struct buf *fields);
    /* A signature from the wire's form to libcrypto's, and back. */
    enum err (*sig_get)(const struct pubkey *key, struct bytes wire, struct buf *raw);
    enum err (*sig_put)(const struct pubkey *key, struct bytes raw, struct buf *wire);
};

extern const struct key_ops key_rsa, key_ecdsa, key_ed25519;

const struct key_row *key_row_of(enum key_kind kind);

/* Numbers handed to EVP_PKEY_fromdata; what is secret among them is wiped. */
enum { KEY_PARAMS_MAX = 9 };
struct key_params {
    OSSL_PARAM param[KEY_PARAMS_MAX + 1];
    size_t n;
    struct buf store[KEY_PARAMS_MAX];
    bool failed; /* latched */
};

void key_params_init(struct key_params *ps);
void key_params_bn(struct key_params *ps, const char *name, const BIGNUM *bn);
void key_params_octets(struct key_params *ps, const char *name, struct bytes octets);
void key_params_text(struct key_params *ps, const char *name, const char *text);
/* Make the key; is_pair: private half too. Wipes ps. NULL: refused. */
EVP_PKEY *key_params_take(struct key_params *ps, const char *type, bool is_pair);

/* The private key from its own fields: privkey_parse_fields, from libcrypto's
 * object, which is freed. */
enum err
privkey_of_pkey(enum key_kind kind, EVP_PKEY *pkey, struct privkey **key) MUST_USE;

#endif
