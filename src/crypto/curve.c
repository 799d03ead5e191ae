/*
 * See curve.h. EC_POINT_mul with a single scalar takes libcrypto's constant-
 * time road for these curves (its own ECDH and ECDSA take the same).
 */
#include "crypto/curve.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>

#include "base/secret.h"
#include "crypto/lib.h"

static const struct curve curves[] = {
    [CURVE_P256] = {"nistp256", "P-256", NID_X9_62_prime256v1, 256, 0xff, 32, 65},
    [CURVE_P384] = {"nistp384", "P-384", NID_secp384r1, 384, 0xff, 48, 97},
    [CURVE_P521] = {"nistp521", "P-521", NID_secp521r1, 521, 0x01, 66, 133},
};

/* A try fails with probability 2^-32 at most: this many mean a broken source. */
enum { SCALAR_TRIES = 64 };

/* What every computation needs, made and freed together. */
struct work {
    EC_GROUP *group;
    EC_POINT *point, *result;
    BIGNUM *scalar, *x;
    BN_CTX *ctx;
};

const struct curve *
curve_by_id(enum curve_id id)
{
    return &curves[id];
}

static void
work_clear(struct work *w)
{
    EC_POINT_clear_free(w->point);
    EC_POINT_clear_free(w->result);
    BN_clear_free(w->scalar);
    BN_clear_free(w->x);
    BN_CTX_free(w->ctx);
    EC_GROUP_free(w->group);
}

static bool
work_init(struct work *w, const struct curve *curve)
{
    OSSL_LIB_CTX *lib = crypto_lib()->ctx;
    *w = (struct work){0};
    w->group = EC_GROUP_new_by_curve_name_ex(lib, NULL, curve->nid);
    w->ctx = BN_CTX_new_ex(lib);
    w->scalar = BN_new();
    w->x = BN_new();
    if (!w->group || !w->ctx || !w->scalar || !w->x)
        return false;
    w->point = EC_POINT_new(w->group);
    w->result = EC_POINT_new(w->group);
    return w->point && w->result;
}

static bool
scalar_read(struct work *w, struct bytes scalar)
{
    BN_set_flags(w->scalar, BN_FLG_CONSTTIME);
    return BN_bin2bn(scalar.p, (int)scalar.n, w->scalar) != NULL;
}

/* 0 < scalar < order. */
static bool
scalar_is_in_range(const struct work *w)
{
    return BN_is_zero(w->scalar) == 0 &&
           BN_cmp(w->scalar, EC_GROUP_get0_order(w->group)) < 0;
}

static bool
scalar_get(struct work *w, const struct curve *curve, struct bytes scalar)
{
    return scalar.n == curve->scalar_len && scalar_read(w, scalar) &&
           scalar_is_in_range(w);
}

/* EC_POINT_oct2point refuses coordinates >= p and points off the curve. */
static bool
point_get(struct work *w, const struct curve *curve, struct bytes point)
{
    struct bytes form = bytes_first(point, 1);
    return point.n == curve->point_len && bytes_eq(form, BYTES_LIT("\x04")) &&
           EC_POINT_oct2point(w->group, w->point, point.p, point.n, w->ctx) == 1;
}

bool
curve_has_point(const struct curve *curve, struct bytes point)
{
    struct work w;
    bool is_good = work_init(&w, curve) && point_get(&w, curve, point);
    work_clear(&w);
    return is_good;
}

/* Draw until it fits: rejection keeps every scalar equally likely. */
static enum err
scalar_draw(struct work *w, const struct curve *curve, const struct rand_source *rand,
            uint8_t *scalar)
{
    for (int i = 0; i < SCALAR_TRIES; i++) {
        enum err e = rand_fill(rand, scalar, curve->scalar_len);
        if (e != ERR_NONE)
            return e;
        scalar[0] &= curve->top_mask;
        if (!scalar_read(w, bytes_of(scalar, curve->scalar_len)))
            return ERR_CRYPTO;
        if (scalar_is_in_range(w))
            return ERR_NONE;
    }
    return ERR_CRYPTO;
}

enum err
curve_scalar(const struct curve *curve, const struct rand_source *rand,
             uint8_t scalar[CURVE_SCALAR_MAX])
{
    struct work w;
    enum err e = ERR_CRYPTO;
    if (work_init(&w, curve))
        e = scalar_draw(&w, curve, rand, scalar);
    work_clear(&w);
    if (e != ERR_NONE)
        mem_wipe(scalar, CURVE_SCALAR_MAX);
    return e;
}

enum err
curve_public(const struct curve *curve, struct bytes scalar,
             uint8_t point[CURVE_POINT_MAX])
{
    struct work w;
    bool is_good = work_init(&w, curve) && scalar_get(&w, curve, scalar) &&
                   EC_POINT_mul(w.group, w.result, w.scalar, NULL, NULL, w.ctx) == 1 &&
                   EC_POINT_point2oct(w.group, w.result, POINT_CONVERSION_UNCOMPRESSED,
                                      point, CURVE_POINT_MAX, w.ctx) == curve->point_len;
    work_clear(&w);
    return is_good ? ERR_NONE : ERR_CRYPTO;
}

enum err
curve_shared(const struct curve *curve, struct bytes scalar, struct bytes peer_point,
             uint8_t x[CURVE_SCALAR_MAX])
{
    struct work w;
    bool is_good =
        work_init(&w, curve) && scalar_get(&w, curve, scalar) &&
        point_get(&w, curve, peer_point) &&
        EC_POINT_mul(w.group, w.result, NULL, w.point, w.scalar, w.ctx) == 1 &&
        EC_POINT_is_at_infinity(w.group, w.result) == 0 &&
        EC_POINT_get_affine_coordinates(w.group, w.result, w.x, NULL, w.ctx) == 1 &&
        BN_bn2binpad(w.x, x, (int)curve->scalar_len) == (int)curve->scalar_len;
    work_clear(&w);
    return is_good ? ERR_NONE : ERR_CRYPTO;
}
