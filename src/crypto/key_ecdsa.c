/* ecdsa-sha2-nistp256, -384, -521 and the FIDO form of the first: RFC 5656 3. */
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>

#include "base/secret.h"
#include "crypto/key_impl.h"
#include "wire/put.h"

/* curve_public has checked or made the point, so its length is right. */
static EVP_PKEY *
pkey_make(const struct curve *curve, struct bytes point, const BIGNUM *scalar)
{
    struct key_params ps;
    key_params_init(&ps);
    key_params_text(&ps, OSSL_PKEY_PARAM_GROUP_NAME, curve->lib_name);
    key_params_octets(&ps, OSSL_PKEY_PARAM_PUB_KEY, point);
    if (scalar)
        key_params_bn(&ps, OSSL_PKEY_PARAM_PRIV_KEY, scalar);
    return key_params_take(&ps, "EC", scalar != NULL);
}

static void
public_put(const struct curve *curve, struct bytes point, struct buf *fields)
{
    put_cstring(fields, curve->name);
    put_string(fields, point);
}

static enum err
public_get(const struct key_row *row, struct cursor *c, struct pubkey *key)
{
    const struct curve *curve = curve_by_id(row->curve);
    struct bytes name = cursor_string(c);
    struct bytes point = cursor_string(c);
    if (c->failed || !bytes_eq_str(name, curve->name))
        return ERR_PROTO;
    if (!curve_has_point(curve, point))
        return ERR_CRYPTO;
    key->bits = curve->bits;
    key->pkey = pkey_make(curve, point, NULL);
    return key->pkey ? ERR_NONE : ERR_CRYPTO;
}

/* The point of a scalar; ERR_CRYPTO when the scalar is out of range. */
static enum err
point_of(const struct curve *curve, const BIGNUM *scalar, uint8_t point[CURVE_POINT_MAX])
{
    uint8_t octets[CURVE_SCALAR_MAX];
    enum err e = ERR_CRYPTO;
    int len = (int)curve->scalar_len;
    if (BN_bn2binpad(scalar, octets, len) == len)
        e = curve_public(curve, bytes_of(octets, curve->scalar_len), point);
    mem_wipe(octets, sizeof octets);
    return e;
}

static enum err
private_make(const struct curve *curve, struct bytes point, const BIGNUM *scalar,
             EVP_PKEY **pkey)
{
    uint8_t derived[CURVE_POINT_MAX];
    enum err e = point_of(curve, scalar, derived);
    if (e != ERR_NONE)
        return e;
    if (!bytes_eq(point, bytes_of(derived, curve->point_len)))
        return ERR_CRYPTO;
    *pkey = pkey_make(curve, point, scalar);
    return *pkey ? ERR_NONE : ERR_CRYPTO;
}

/* string curve, string Q, mpint d. */
static enum err
private_get(const struct key_row *row, struct cursor *c, EVP_PKEY **pkey,
            struct buf *public_fields)
{
    const struct curve *curve = curve_by_id(row->curve);
    struct bytes name = cursor_string(c);
    struct bytes point = cursor_string(c);
    struct bytes d = cursor_mpint(c);
    if (c->failed || !bytes_eq_str(name, curve->name))
        return ERR_PROTO;
    BIGNUM *scalar = BN_bin2bn(d.p, (int)d.n, NULL);
    if (!scalar)
        return ERR_NOMEM;
    enum err e = private_make(curve, point, scalar, pkey);
    BN_clear_free(scalar);
    if (e != ERR_NONE)
        return e;
    public_put(curve, point, public_fields);
    return buf_err(public_fields);
}

static enum err
private_put(const struct key_row *row, const EVP_PKEY *pkey, struct buf *fields)
{
    const struct curve *curve = curve_by_id(row->curve);
    BIGNUM *scalar = NULL;
    if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_PRIV_KEY, &scalar) != 1)
        return ERR_CRYPTO;
    uint8_t point[CURVE_POINT_MAX], octets[CURVE_SCALAR_MAX];
    int len = (int)curve->scalar_len;
    enum err e = point_of(curve, scalar, point);
    if (e == ERR_NONE && BN_bn2binpad(scalar, octets, len) != len)
        e = ERR_CRYPTO;
    if (e == ERR_NONE) {
        public_put(curve, bytes_of(point, curve->point_len), fields);
        put_mpint(fields, bytes_of(octets, curve->scalar_len));
        e = buf_err(fields);
    }
    mem_wipe(octets, sizeof octets);
    BN_clear_free(scalar);
    return e;
}

/* mpint r, mpint s to libcrypto's DER. */
static enum err
sig_get(const struct pubkey *key, struct bytes wire, struct buf *raw)
{
    (void)key;
    struct cursor c = cursor_of(wire);
    struct bytes r_octets = cursor_mpint(&c);
    struct bytes s_octets = cursor_mpint(&c);
    if (!cursor_is_done(&c) || r_octets.n > CURVE_SCALAR_MAX ||
        s_octets.n > CURVE_SCALAR_MAX)
        return ERR_CRYPTO;
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(r_octets.p, (int)r_octets.n, NULL);
    BIGNUM *s = BN_bin2bn(s_octets.p, (int)s_octets.n, NULL);
    if (!sig || !r || !s || ECDSA_SIG_set0(sig, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        ECDSA_SIG_free(sig);
        return ERR_CRYPTO;
    }
    unsigned char *der = NULL;
    int n = i2d_ECDSA_SIG(sig, &der);
    if (n > 0)
        buf_put(raw, bytes_of(der, (size_t)n));
    OPENSSL_free(der);
    ECDSA_SIG_free(sig);
    return n > 0 ? buf_err(raw) : ERR_CRYPTO;
}

static enum err
mpint_put_bn(struct buf *out, const BIGNUM *bn)
{
    uint8_t octets[CURVE_SCALAR_MAX];
    if (BN_bn2binpad(bn, octets, CURVE_SCALAR_MAX) != CURVE_SCALAR_MAX)
        return ERR_CRYPTO;
    put_mpint(out, bytes_of(octets, sizeof octets));
    return buf_err(out);
}

static enum err
sig_put(const struct pubkey *key, struct bytes raw, struct buf *wire)
{
    (void)key;
    const unsigned char *p = raw.p;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)raw.n);
    if (!sig)
        return ERR_CRYPTO;
    enum err e = mpint_put_bn(wire, ECDSA_SIG_get0_r(sig));
    if (e == ERR_NONE)
        e = mpint_put_bn(wire, ECDSA_SIG_get0_s(sig));
    ECDSA_SIG_free(sig);
    return e;
}

const struct key_ops key_ecdsa = {public_get, private_get, private_put, sig_get, sig_put};
