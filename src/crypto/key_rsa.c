/*
 * ssh-rsa keys, which sign as rsa-sha2-256 and rsa-sha2-512 only: RFC 8332.
 * SHA-1 signatures are neither made nor accepted.
 */
#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "base/secret.h"
#include "crypto/key_impl.h"
#include "wire/put.h"

/* libcrypto's own bound for big moduli; a longer exponent only costs time. */
enum { E_MAX_BITS = 64 };

enum number { N, E, D, IQMP, P, Q, DMP1, DMQ1, NUMBERS };

struct rsa {
    BIGNUM *bn[NUMBERS];
    BN_CTX *ctx;
};

static bool
rsa_init(struct rsa *r)
{
    *r = (struct rsa){.ctx = BN_CTX_new_ex(crypto_lib()->ctx)};
    bool is_good = r->ctx != NULL;
    for (size_t i = 0; i < NUMBERS; i++) {
        r->bn[i] = BN_new();
        is_good = is_good && r->bn[i];
    }
    return is_good;
}

static void
rsa_clear(struct rsa *r)
{
    for (size_t i = 0; i < NUMBERS; i++)
        BN_clear_free(r->bn[i]);
    BN_CTX_free(r->ctx);
}

/* The next field. False: malformed (the cursor has latched it) or no memory. */
static bool
number_get(struct rsa *r, enum number which, struct cursor *c)
{
    struct bytes x = cursor_mpint(c);
    BN_set_flags(r->bn[which], BN_FLG_CONSTTIME);
    return !c->failed && BN_bin2bn(x.p, (int)x.n, r->bn[which]) != NULL;
}

static bool
public_is_strong(const struct rsa *r)
{
    int bits = BN_num_bits(r->bn[N]);
    return bits >= RSA_MIN_BITS && bits <= RSA_MAX_BITS && BN_is_odd(r->bn[N]) &&
           BN_is_odd(r->bn[E]) && !BN_is_one(r->bn[E]) &&
           BN_num_bits(r->bn[E]) <= E_MAX_BITS;
}

/* libcrypto's name of each number, in the order of enum number. */
static const char *const param_names[NUMBERS] = {
    [N] = OSSL_PKEY_PARAM_RSA_N,
    [E] = OSSL_PKEY_PARAM_RSA_E,
    [D] = OSSL_PKEY_PARAM_RSA_D,
    [IQMP] = OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
    [P] = OSSL_PKEY_PARAM_RSA_FACTOR1,
    [Q] = OSSL_PKEY_PARAM_RSA_FACTOR2,
    [DMP1] = OSSL_PKEY_PARAM_RSA_EXPONENT1,
    [DMQ1] = OSSL_PKEY_PARAM_RSA_EXPONENT2,
};

static EVP_PKEY *
pkey_make(const struct rsa *r, bool is_pair)
{
    struct key_params ps;
    key_params_init(&ps);
    size_t n = is_pair ? NUMBERS : E + 1;
    for (size_t i = 0; i < n; i++)
        key_params_bn(&ps, param_names[i], r->bn[i]);
    return key_params_take(&ps, "RSA", is_pair);
}

static enum err
public_make(const struct rsa *r, struct pubkey *key)
{
    if (!public_is_strong(r))
        return ERR_CRYPTO;
    key->bits = (unsigned)BN_num_bits(r->bn[N]);
    key->pkey = pkey_make(r, false);
    return key->pkey ? ERR_NONE : ERR_CRYPTO;
}

/* mpint e, mpint n. */
static enum err
public_get(const struct key_row *row, struct cursor *c, struct pubkey *key)
{
    (void)row;
    struct rsa r;
    enum err e = ERR_NOMEM;
    if (rsa_init(&r)) {
        bool is_read = number_get(&r, E, c) && number_get(&r, N, c);
        e = is_read ? public_make(&r, key) : ERR_PROTO;
    }
    rsa_clear(&r);
    return e;
}

/* *out = d mod (prime - 1), and it inverts e there: e * *out == 1. */
static bool
exponent_of(struct rsa *r, enum number prime, enum number out)
{
    BIGNUM *less1 = BN_dup(r->bn[prime]), *product = BN_new();
    bool is_good = less1 && product && BN_sub_word(less1, 1) == 1 && !BN_is_zero(less1);
    if (is_good) {
        BN_set_flags(less1, BN_FLG_CONSTTIME);
        is_good = BN_mod(r->bn[out], r->bn[D], less1, r->ctx) == 1 &&
                  BN_mod_mul(product, r->bn[out], r->bn[E], less1, r->ctx) == 1 &&
                  BN_is_one(product);
    }
    BN_clear_free(less1);
    BN_clear_free(product);
    return is_good;
}

/*
 * p * q == n, d inverts e modulo p-1 and q-1, iqmp inverts q modulo p. That p
 * and q are prime is not tested: a key whose factors are not does no harm to
 * anyone but its owner, and its signatures fail their verification.
 */
static bool
private_belongs(struct rsa *r)
{
    BIGNUM *product = BN_new();
    bool is_good = product && !BN_is_zero(r->bn[P]) && !BN_is_zero(r->bn[Q]) &&
                   BN_mul(product, r->bn[P], r->bn[Q], r->ctx) == 1 &&
                   BN_cmp(product, r->bn[N]) == 0 &&
                   BN_mod_mul(product, r->bn[IQMP], r->bn[Q], r->bn[P], r->ctx) == 1 &&
                   BN_is_one(product) && exponent_of(r, P, DMP1) &&
                   exponent_of(r, Q, DMQ1);
    BN_clear_free(product);
    return is_good;
}

static enum err
number_put(struct buf *out, const BIGNUM *bn)
{
    int n = BN_num_bytes(bn);
    struct buf octets;
    buf_init(&octets, MPINT_MAX);
    uint8_t *p = buf_extend(&octets, (size_t)n);
    enum err e = buf_err(&octets);
    if (p && BN_bn2binpad(bn, p, n) != n)
        e = ERR_CRYPTO;
    if (e == ERR_NONE) {
        put_mpint(out, buf_bytes(&octets));
        e = buf_err(out);
    }
    buf_clear(&octets);
    return e;
}

static enum err
private_make(struct rsa *r, EVP_PKEY **pkey, struct buf *public_fields)
{
    if (!public_is_strong(r) || !private_belongs(r))
        return ERR_CRYPTO;
    *pkey = pkey_make(r, true);
    if (!*pkey)
        return ERR_CRYPTO;
    enum err e = number_put(public_fields, r->bn[E]);
    return e == ERR_NONE ? number_put(public_fields, r->bn[N]) : e;
}

/* mpint n, e, d, iqmp, p, q: OpenSSH's PROTOCOL.key, PROTOCOL.agent. */
static enum err
private_get(const struct key_row *row, struct cursor *c, EVP_PKEY **pkey,
            struct buf *public_fields)
{
    (void)row;
    struct rsa r;
    enum err e = ERR_NOMEM;
    if (rsa_init(&r)) {
        bool is_read = true;
        for (size_t i = N; i <= Q; i++)
            is_read = is_read && number_get(&r, (enum number)i, c);
        e = is_read ? private_make(&r, pkey, public_fields) : ERR_PROTO;
    }
    rsa_clear(&r);
    return e;
}

static enum err
private_put(const struct key_row *row, const EVP_PKEY *pkey, struct buf *fields)
{
    (void)row;
    enum err e = ERR_NONE;
    for (size_t i = N; i <= Q && e == ERR_NONE; i++) {
        BIGNUM *bn = NULL;
        e = EVP_PKEY_get_bn_param(pkey, param_names[i], &bn) == 1 ? number_put(fields, bn)
                                                                  : ERR_CRYPTO;
        BN_clear_free(bn);
    }
    return e;
}

/* Some peers drop leading zeros of the signature: RFC 8332 3 wants them back. */
static enum err
sig_get(const struct pubkey *key, struct bytes wire, struct buf *raw)
{
    size_t modulus_len = (key->bits + 7) / 8;
    if (wire.n == 0 || wire.n > modulus_len)
        return ERR_CRYPTO;
    uint8_t *pad = buf_extend(raw, modulus_len - wire.n);
    if (pad)
        memset(pad, 0, modulus_len - wire.n);
    buf_put(raw, wire);
    return buf_err(raw);
}

static enum err
sig_put(const struct pubkey *key, struct bytes raw, struct buf *wire)
{
    if (raw.n != (key->bits + 7) / 8)
        return ERR_CRYPTO;
    buf_put(wire, raw);
    return buf_err(wire);
}

const struct key_ops key_rsa = {public_get, private_get, private_put, sig_get, sig_put};
