/* What this folder's tests share beside pq_test.h: octets from hex, and sources
 * of chosen "randomness". */
#ifndef FERRY_CRYPTO_CRYPTO_TEST_H
#define FERRY_CRYPTO_CRYPTO_TEST_H

#include "base/buf.h"
#include "crypto/pq_test.h"
#include "crypto/rand.h"

/* Octets of a hex string, spaces allowed; returns how many. */
static inline size_t
unhex(const char *hex, uint8_t *out, size_t cap)
{
    size_t n = 0;
    for (; *hex; hex += 2) {
        while (*hex == ' ')
            hex++;
        unsigned x = 0;
        assert_int_equal(sscanf(hex, "%2x", &x), 1);
        assert_true(n < cap);
        out[n++] = (uint8_t)x;
    }
    return n;
}

/* p[0..n) is exactly `hex`, of any length; both are printed when not. */
static inline void
expect_all_hex(const uint8_t *p, size_t n, const char *hex)
{
    struct buf ours;
    buf_init(&ours, 1 << 20);
    for (size_t i = 0; i < n; i++)
        buf_printf(&ours, "%02x", p[i]);
    assert_string_equal(buf_cstr(&ours), hex);
    buf_clear(&ours);
}

/* A rand_source that gives `head` first and then octets of value `tail`. */
struct scripted {
    uint8_t head[10000];
    size_t n, at;
    uint8_t tail;
};

static inline enum err
scripted_fill(void *ctx, uint8_t *p, size_t n)
{
    struct scripted *s = ctx;
    for (size_t i = 0; i < n; i++)
        p[i] = s->at < s->n ? s->head[s->at++] : s->tail;
    return ERR_NONE;
}

static inline struct rand_source
scripted_source(struct scripted *s)
{
    return (struct rand_source){scripted_fill, s};
}

static inline int
load_libcrypto(void **state)
{
    (void)state;
    return crypto_init() == ERR_NONE ? 0 : -1;
}

#endif
