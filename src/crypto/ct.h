/*
 * Branch-free choice, for code whose time must not tell a secret. A mask is
 * all ones or all zeroes.
 */
#ifndef FERRY_CRYPTO_CT_H
#define FERRY_CRYPTO_CT_H

#include <stddef.h>
#include <stdint.h>

/* The same number, but the compiler can no longer reason about it: without
 * this it may turn a masked choice back into a branch. */
static inline uint32_t
ct_opaque(uint32_t x)
{
    __asm__("" : "+r"(x));
    return x;
}

/* All ones when x != 0. */
static inline uint32_t
ct_nonzero_mask(uint32_t x)
{
    return ct_opaque(0 - ((x | (0 - x)) >> 31));
}

/* All ones when a and b differ anywhere. */
static inline uint32_t
ct_differ_mask(const uint8_t *a, const uint8_t *b, size_t n)
{
    uint32_t diff = 0;
    for (size_t i = 0; i < n; i++)
        diff |= (uint32_t)(a[i] ^ b[i]);
    return ct_nonzero_mask(diff);
}

/* out = mask ? b : out. */
static inline void
ct_replace(uint8_t *out, const uint8_t *b, size_t n, uint32_t mask)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(out[i] ^ (mask & (uint32_t)(out[i] ^ b[i])));
}

#endif
