/*
 * A borrowed view of bytes: who made it owns them. Never stored past the call
 * that received it unless the callee's contract says until when.
 */
#ifndef FERRY_BASE_BYTES_H
#define FERRY_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const uint8_t *p; /* may be NULL when n is 0 */
    size_t n;
};

#define ARRAY_LEN(a) (sizeof(a) / sizeof *(a))

/* A string literal's octets, without the terminator. */
#define BYTES_LIT(s) ((struct bytes){(const uint8_t *)("" s), sizeof(s) - 1})

static inline struct bytes
bytes_of(const void *p, size_t n)
{
    return (struct bytes){(const uint8_t *)p, n};
}

/* A C string's octets, without the terminator. s may be NULL: empty. */
static inline struct bytes
bytes_str(const char *s)
{
    return s ? bytes_of(s, strlen(s)) : (struct bytes){0};
}

/* Equality of public data. Secrets: see mem_equal_ct() in base/secret.h. */
static inline bool
bytes_eq(struct bytes a, struct bytes b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool
bytes_eq_str(struct bytes a, const char *s)
{
    return bytes_eq(a, bytes_str(s));
}

static inline bool
bytes_has_prefix(struct bytes a, const char *prefix)
{
    size_t n = strlen(prefix);
    return a.n >= n && memcmp(a.p, prefix, n) == 0;
}

/* The part from `skip` on; empty when there is none. */
static inline struct bytes
bytes_skip(struct bytes a, size_t skip)
{
    return skip >= a.n ? (struct bytes){0} : bytes_of(a.p + skip, a.n - skip);
}

static inline struct bytes
bytes_first(struct bytes a, size_t n)
{
    return bytes_of(a.p, n < a.n ? n : a.n);
}

/*
 * Walk a comma-separated list: *rest is consumed, *item is the next element
 * (empty elements are returned as such). False when *rest is exhausted.
 */
static inline bool
bytes_next_item(struct bytes *rest, struct bytes *item)
{
    if (rest->n == 0)
        return false;
    const uint8_t *comma = memchr(rest->p, ',', rest->n);
    size_t n = comma ? (size_t)(comma - rest->p) : rest->n;
    *item = bytes_first(*rest, n);
    *rest = comma ? bytes_skip(*rest, n + 1) : (struct bytes){0};
    return true;
}

#endif
