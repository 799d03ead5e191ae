/* ecdh-sha2-nistp256, -384, -521: RFC 5656 4. K is the mpint of X. */
#include "base/secret.h"
#include "crypto/curve.h"
#include "crypto/kex_impl.h"
#include "wire/put.h"

static const struct curve *
curve_of(const struct kex *kex)
{
    return curve_by_id((enum curve_id)kex->algo->param);
}

static struct bytes
scalar_of(const struct kex *kex)
{
    return bytes_of(kex->private_key, curve_of(kex)->scalar_len);
}

static enum err
keypair(struct kex *kex)
{
    const struct curve *curve = curve_of(kex);
    enum err e = curve_scalar(curve, kex->rand, kex->private_key);
    if (e != ERR_NONE)
        return e;
    kex->public_len = curve->point_len;
    return curve_public(curve, scalar_of(kex), kex->public_value);
}

static enum err
finish(const struct kex *kex, struct bytes peer_public, struct buf *secret)
{
    const struct curve *curve = curve_of(kex);
    uint8_t x[CURVE_SCALAR_MAX];
    enum err e = curve_shared(curve, scalar_of(kex), peer_public, x);
    if (e == ERR_NONE) {
        put_mpint(secret, bytes_of(x, curve->scalar_len));
        e = buf_err(secret);
    }
    mem_wipe(x, sizeof x);
    return e;
}

const struct kex_ops kex_nist = {.keypair = keypair, .finish = finish};
