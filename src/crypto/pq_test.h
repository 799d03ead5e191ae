/* What the tests of both KEMs share: hex, digests and a seeded rand_source. */
#ifndef FERRY_CRYPTO_PQ_TEST_H
#define FERRY_CRYPTO_PQ_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <openssl/evp.h>

#include "base/rand.h"
#include "crypto/keccak.h"

/* p[0..n) begins with the octets of `hex`; both are printed when not. */
static inline void
expect_hex(const uint8_t *p, const char *hex)
{
    char ours[2 * 64 + 1] = "";
    assert_true(strlen(hex) < sizeof ours);
    for (size_t i = 0; i < strlen(hex) / 2; i++)
        snprintf(ours + 2 * i, 3, "%02x", p[i]);
    assert_string_equal(ours, hex);
}

static inline void
expect_sha256(const uint8_t *p, size_t n, const char *hex)
{
    uint8_t digest[32];
    assert_int_equal(EVP_Digest(p, n, digest, NULL, EVP_sha256(), NULL), 1);
    expect_hex(digest, hex);
}

/* out = first, first + 1, ... */
static inline void
fill_counting(uint8_t *out, size_t n, uint8_t first)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(first + i);
}

/* A rand_source whose stream is SHAKE256(seed). */
static inline enum err
seeded_fill(void *ctx, uint8_t *p, size_t n)
{
    keccak_squeeze(ctx, p, n);
    return ERR_NONE;
}

static inline struct rand_source
seeded_source(struct keccak *k, const char *seed)
{
    shake256_init(k);
    keccak_absorb(k, (const uint8_t *)seed, strlen(seed));
    return (struct rand_source){seeded_fill, k};
}

#endif
