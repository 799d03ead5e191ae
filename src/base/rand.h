/*
 * Randomness is handed in: crypto/rand.h gives the real source, tests a
 * seeded one. The core never asks the operating system by itself.
 */
#ifndef FERRY_BASE_RAND_H
#define FERRY_BASE_RAND_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct rand_source {
    /* Fill p[0..n). Anything but ERR_NONE: p must not be used. */
    enum err (*fill)(void *ctx, uint8_t *p, size_t n);
    void *ctx;
};

static inline enum err MUST_USE
rand_fill(const struct rand_source *r, void *p, size_t n)
{
    return r->fill(r->ctx, (uint8_t *)p, n);
}

#endif
