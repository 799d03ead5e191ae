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
#include <openssl/x509.h>

#include "base/secret.h"
#include "crypto/key_impl.h"

enum {
    PEM_MAX = 1 << 20,
    /*
     * A file chooses how much time its passphrase costs us (threats F4). A
     * million rounds of PBKDF2 take about half a second; tools write 2,048 to
     * 600,000. Scrypt's memory libcrypto bounds by itself, not its `p`.
     */
    PBKDF2_ROUNDS_MAX = 10 * 1000 * 1000,
    SCRYPT_P_MAX = 16,
};

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

static bool
pbkdf2_is_bearable(const ASN1_STRING *params)
{
    PBKDF2PARAM *kdf = ASN1_item_unpack(params, ASN1_ITEM_rptr(PBKDF2PARAM));
    int64_t rounds = 0;
    bool is_good = kdf && ASN1_INTEGER_get_int64(&rounds, kdf->iter) == 1 && rounds > 0 &&
                   rounds <= PBKDF2_ROUNDS_MAX;
    PBKDF2PARAM_free(kdf);
    return is_good;
}

static bool
scrypt_is_bearable(const ASN1_STRING *params)
{
    SCRYPT_PARAMS *kdf = ASN1_item_unpack(params, ASN1_ITEM_rptr(SCRYPT_PARAMS));
    int64_t p = 0;
    bool is_good = kdf &&
                   ASN1_INTEGER_get_int64(&p, kdf->parallelizationParameter) == 1 &&
                   p > 0 && p <= SCRYPT_P_MAX;
    SCRYPT_PARAMS_free(kdf);
    return is_good;
}

/* NULL: the parameters are no sequence. *nid: which algorithm. */
static const ASN1_STRING *
algorithm_of(const X509_ALGOR *algor, int *nid)
{
    const ASN1_OBJECT *object = NULL;
    const void *value = NULL;
    int type = 0;
    X509_ALGOR_get0(&object, &type, &value, algor);
    *nid = OBJ_obj2nid(object);
    return type == V_ASN1_SEQUENCE ? value : NULL;
}

/* PBES2 (RFC 8018 6.2) only: what came before it has nothing worth reading. */
static bool
encryption_is_bearable(const X509_ALGOR *algor)
{
    int nid = NID_undef;
    const ASN1_STRING *params = algorithm_of(algor, &nid);
    if (nid != NID_pbes2 || !params)
        return false;
    PBE2PARAM *scheme = ASN1_item_unpack(params, ASN1_ITEM_rptr(PBE2PARAM));
    if (!scheme)
        return false;
    bool is_good = false;
    params = algorithm_of(scheme->keyfunc, &nid);
    if (params && nid == NID_id_pbkdf2)
        is_good = pbkdf2_is_bearable(params);
    else if (params && nid == NID_id_scrypt)
        is_good = scrypt_is_bearable(params);
    PBE2PARAM_free(scheme);
    return is_good;
}

/* True when there is no encrypted PKCS#8 in the text, or one at a fair cost. */
static bool
kdf_is_bearable(struct bytes text)
{
    BIO *bio = BIO_new_mem_buf(text.p, (int)text.n);
    if (!bio)
        return false;
    X509_SIG *encrypted = PEM_read_bio_PKCS8(bio, NULL, NULL, NULL);
    BIO_free(bio);
    bool is_good = true;
    if (encrypted) {
        const X509_ALGOR *algor = NULL;
        X509_SIG_get0(encrypted, &algor, NULL);
        is_good = encryption_is_bearable(algor);
    }
    X509_SIG_free(encrypted);
    ERR_clear_error();
    return is_good;
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
    if (!kdf_is_bearable(text))
        return ERR_LIMIT;
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
