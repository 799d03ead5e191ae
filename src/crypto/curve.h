/*
 * The NIST curves P-256, P-384 and P-521 as numbers in octets: what ECDH and
 * ECDSA keys share. Points are uncompressed (0x04 X Y) everywhere: RFC 5656 3.1.
 * Only for files of crypto/.
 */
#ifndef FERRY_CRYPTO_CURVE_H
#define FERRY_CRYPTO_CURVE_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/rand.h"

enum curve_id { CURVE_P256, CURVE_P384, CURVE_P521 };

enum { CURVE_SCALAR_MAX = 66, CURVE_POINT_MAX = 133 };

struct curve {
    const char *name;     /* "nistp256", RFC 5656 10.1 */
    const char *lib_name; /* libcrypto's */
    int nid;
    unsigned bits;
    uint8_t top_mask;  /* which bits of a scalar's first octet may be set */
    size_t scalar_len; /* octets of a scalar and of a coordinate */
    size_t point_len;  /* 1 + 2 * scalar_len */
};

const struct curve *curve_by_id(enum curve_id id);

/*
 * A uniformly random scalar in [1, order-1], scalar_len octets, big-endian.
 * The caller wipes it. ERR_CRYPTO: the source yields nothing usable.
 */
enum err curve_scalar(const struct curve *curve, const struct rand_source *rand,
                      uint8_t scalar[CURVE_SCALAR_MAX]) MUST_USE;

/* The public point of a scalar, point_len octets. ERR_CRYPTO: out of range. */
enum err curve_public(const struct curve *curve, struct bytes scalar,
                      uint8_t point[CURVE_POINT_MAX]) MUST_USE;

/*
 * ECDH: the X coordinate of scalar * peer_point, scalar_len octets; the caller
 * wipes it. ERR_CRYPTO: the peer's point has another length or form, or is not
 * on the curve. (The cofactor is 1: on the curve is in the group.)
 */
enum err curve_shared(const struct curve *curve, struct bytes scalar,
                      struct bytes peer_point, uint8_t x[CURVE_SCALAR_MAX]) MUST_USE;

/* True for an uncompressed point that is on the curve. */
bool curve_has_point(const struct curve *curve, struct bytes point);

#endif
