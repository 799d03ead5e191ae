/*
 * Finite-field Diffie-Hellman: the groups 14, 16 and 18 of RFC 3526 as RFC 8268
 * names them, and the client's side of group exchange (RFC 4419). Servers do
 * not offer these by default: one exchange costs them far more than the peer
 * (threats T9).
 */
#include <openssl/bn.h>

#include "base/secret.h"
#include "crypto/kex_impl.h"
#include "crypto/lib.h"
#include "wire/cursor.h"
#include "wire/put.h"

enum {
    /*
     * Twice 256 bits: the strongest hash of these methods, and twice the
     * strength of an 8192-bit group. A shorter exponent than the group is safe
     * because the fixed groups are safe primes; with a server's own group, the
     * server knows K in any case.
     */
    EXPONENT_LEN = 64,
    P_MIN_BITS = 2048,
    P_MAX_BITS = 8192,
    P_MAX_LEN = P_MAX_BITS / 8,
    PUBLIC_MIN_WEIGHT = 4, /* set bits; OpenSSH refuses values with fewer */
};

static BIGNUM *
fixed_prime(enum dh_group group)
{
    switch (group) {
    case DH_GROUP14:
        return BN_get_rfc3526_prime_2048(NULL);
    case DH_GROUP16:
        return BN_get_rfc3526_prime_4096(NULL);
    case DH_GROUP18:
        return BN_get_rfc3526_prime_8192(NULL);
    case DH_GROUP_OF_SERVER:
        break;
    }
    return NULL;
}

/* 1 < value < p - 1. */
static bool
is_in_range(const BIGNUM *value, const BIGNUM *p)
{
    BIGNUM *p_minus_1 = BN_dup(p);
    bool is_good = p_minus_1 && BN_sub_word(p_minus_1, 1) == 1 &&
                   !BN_is_negative(value) && !BN_is_zero(value) && !BN_is_one(value) &&
                   BN_cmp(value, p_minus_1) < 0;
    BN_free(p_minus_1);
    return is_good;
}

static bool
has_weight(const BIGNUM *value)
{
    int weight = 0;
    for (int i = 0; i < BN_num_bits(value) && weight < PUBLIC_MIN_WEIGHT; i++)
        weight += BN_is_bit_set(value, i) == 1;
    return weight == PUBLIC_MIN_WEIGHT;
}

/* base^exponent mod p, where the exponent is secret. */
static BIGNUM *
power(const struct kex *kex, const BIGNUM *base)
{
    BN_CTX *ctx = BN_CTX_new_ex(crypto_lib()->ctx);
    BIGNUM *exponent = BN_new(), *result = BN_new();
    bool is_good = false;
    if (ctx && exponent && result) {
        BN_set_flags(exponent, BN_FLG_CONSTTIME);
        is_good =
            BN_bin2bn(kex->private_key, EXPONENT_LEN, exponent) != NULL &&
            BN_mod_exp_mont_consttime(result, base, exponent, kex->p, ctx, NULL) == 1;
    }
    BN_clear_free(exponent);
    BN_CTX_free(ctx);
    if (is_good)
        return result;
    BN_clear_free(result);
    return NULL;
}

/* An mpint's content: a leading zero where the top bit is set. */
static bool
public_put(struct kex *kex, const BIGNUM *value)
{
    int n = BN_num_bytes(value);
    if (n <= 0 || n > P_MAX_LEN)
        return false;
    size_t zero = BN_num_bits(value) == n * 8 ? 1 : 0;
    kex->public_value[0] = 0;
    kex->public_len = zero + (size_t)n;
    return BN_bn2binpad(value, kex->public_value + zero, n) == n;
}

static enum err
exponent_make(struct kex *kex)
{
    enum err e = rand_fill(kex->rand, kex->private_key, EXPONENT_LEN);
    kex->private_key[0] |= 0x80; /* never shorter, so never 0 or 1 */
    return e;
}

static enum err
keypair_in_group(struct kex *kex)
{
    enum err e = exponent_make(kex);
    if (e != ERR_NONE)
        return e;
    BIGNUM *value = power(kex, kex->g);
    bool is_good = value && is_in_range(value, kex->p) && public_put(kex, value);
    BN_free(value);
    return is_good ? ERR_NONE : ERR_CRYPTO;
}

static enum err
keypair(struct kex *kex)
{
    kex->p = fixed_prime((enum dh_group)kex->algo->param);
    kex->g = BN_new();
    if (!kex->p || !kex->g || BN_set_word(kex->g, 2) != 1)
        return ERR_CRYPTO;
    return keypair_in_group(kex);
}

enum err
kex_dh_set_group(struct kex *kex, struct bytes p, struct bytes g, uint32_t min,
                 uint32_t max)
{
    if (p.n > P_MAX_LEN || g.n > P_MAX_LEN)
        return ERR_CRYPTO;
    kex->p = BN_bin2bn(p.p, (int)p.n, NULL);
    kex->g = BN_bin2bn(g.p, (int)g.n, NULL);
    if (!kex->p || !kex->g)
        return ERR_CRYPTO;
    /* Whether p is prime is not tested: it would take seconds, and a server
     * that wants to give K away has easier ways. */
    uint32_t bits = (uint32_t)BN_num_bits(kex->p);
    if (bits < P_MIN_BITS || bits > P_MAX_BITS || bits < min || bits > max ||
        !BN_is_odd(kex->p) || !is_in_range(kex->g, kex->p))
        return ERR_CRYPTO;
    return keypair_in_group(kex);
}

/* The peer's value from an mpint's content. NULL: malformed or out of range. */
static BIGNUM *
peer_value(const struct kex *kex, struct bytes content)
{
    if (content.n > P_MAX_LEN + 1)
        return NULL;
    struct buf framed;
    buf_init(&framed, 4 + P_MAX_LEN + 1);
    put_string(&framed, content);
    struct cursor c = cursor_of(buf_bytes(&framed));
    struct bytes magnitude = cursor_mpint(&c);
    BIGNUM *value = NULL;
    if (buf_err(&framed) == ERR_NONE && cursor_is_done(&c))
        value = BN_bin2bn(magnitude.p, (int)magnitude.n, NULL);
    buf_clear(&framed);
    if (value && is_in_range(value, kex->p) && has_weight(value))
        return value;
    BN_free(value);
    return NULL;
}

static enum err
secret_put(struct buf *secret, const BIGNUM *k)
{
    uint8_t octets[P_MAX_LEN];
    /* Fixed width: how many octets K has is not for the cache to tell. */
    if (BN_bn2binpad(k, octets, P_MAX_LEN) != P_MAX_LEN)
        return ERR_CRYPTO;
    put_mpint(secret, bytes_of(octets, sizeof octets));
    mem_wipe(octets, sizeof octets);
    return buf_err(secret);
}

static enum err
finish(const struct kex *kex, struct bytes peer_public, struct buf *secret)
{
    BIGNUM *value = peer_value(kex, peer_public);
    if (!value)
        return ERR_CRYPTO;
    BIGNUM *k = power(kex, value);
    enum err e = ERR_CRYPTO;
    if (k && is_in_range(k, kex->p))
        e = secret_put(secret, k);
    BN_clear_free(k);
    BN_free(value);
    return e;
}

const struct kex_ops kex_dh = {.keypair = keypair, .finish = finish};
