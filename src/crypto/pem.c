/*
 * PEM and PKCS#8 private keys, through libcrypto's decoders, into the same
 * object as every other key (privkey.c). Traditional encryption ("Proc-Type:
 * 4,ENCRYPTED") and PKCS#8's schemes as far as libcrypto's default provider
 * has them.
 */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/secret.h"
#include "crypto/key_impl.h"

enum { PEM_MAX = 1 << 20 };

struct question {
    struct bytes passphrase;
    bool was_asked;
};

static int
answer(char *room, int size, int is_writing, void *ctx)
{
    (void)is_writing;
    struct question *q = ctx;
    q->was_asked = true;
    if (q->passphrase.n == 0 || q->passphrase.n > (size_t)size)
        return -1;
    memcpy(room, q->passphrase.p, q->passphrase.n);
    return (int)q->passphrase.n;
}

static EVP_PKEY *
pem_read(struct bytes text, struct question *q)
{
    BIO *bio = BIO_new_mem_buf(text.p, (int)text.n);
    if (!bio)
        return NULL;
    EVP_PKEY *pkey =
        PEM_read_bio_PrivateKey_ex(bio, NULL, answer, q, crypto_lib()->ctx, NULL);
    BIO_free(bio);
    ERR_clear_error();
    return pkey;
}

static bool
ec_kind(const EVP_PKEY *pkey, enum key_kind *kind)
{
    static const struct {
        const char *group;
        enum key_kind kind;
    } groups[] = {{"prime256v1", KEY_ECDSA_P256},
                  {"secp384r1", KEY_ECDSA_P384},
                  {"secp521r1", KEY_ECDSA_P521}};
    char name[32];
    size_t n = 0;
    if (EVP_PKEY_get_group_name(pkey, name, sizeof name, &n) != 1)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
        if (strcmp(name, groups[i].group) == 0) {
            *kind = groups[i].kind;
            return true;
        }
    }
    return false;
}

/* ERR_PROTO: none of ours (DSA, X25519, a curve without a name). */
static enum err
kind_of(const EVP_PKEY *pkey, enum key_kind *kind)
{
    if (EVP_PKEY_is_a(pkey, "ED25519") == 1) {
        *kind = KEY_ED25519;
        return ERR_NONE;
    }
    if (EVP_PKEY_is_a(pkey, "RSA") == 1) {
        *kind = KEY_RSA;
        return ERR_NONE;
    }
    return EVP_PKEY_is_a(pkey, "EC") == 1 && ec_kind(pkey, kind) ? ERR_NONE : ERR_PROTO;
}

enum err
privkey_parse_pem(struct bytes text, struct bytes passphrase, struct privkey **key)
{
    if (text.n == 0 || text.n > PEM_MAX)
        return ERR_PROTO;
    struct question q = {.passphrase = passphrase};
    EVP_PKEY *pkey = pem_read(text, &q);
    if (!pkey)
        return q.was_asked ? ERR_AUTH : ERR_PROTO;
    enum key_kind kind;
    enum err e = kind_of(pkey, &kind);
    if (e != ERR_NONE) {
        EVP_PKEY_free(pkey);
        return e;
    }
    return privkey_of_pkey(kind, pkey, key);
}
