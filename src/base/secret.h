/*
 * Bytes that must not outlive their use: fixed size, wiped by their only
 * destructor, never printed. For passwords, keys and shared secrets.
 */
#ifndef FERRY_BASE_SECRET_H
#define FERRY_BASE_SECRET_H

#include "base/bytes.h"
#include "base/err.h"

#define SECRET_MAX 1024 /* octets; threats.md 13: passwords up to 1,024 */

struct secret {
    size_t n;
    uint8_t p[SECRET_MAX + 1]; /* p[n] is always 0, so a text can be passed on */
};

/* Copy b in. ERR_LIMIT: longer than SECRET_MAX; the secret is then empty. */
enum err secret_set(struct secret *s, struct bytes b) MUST_USE;

/* Wipe the whole store. */
void secret_clear(struct secret *s);

static inline struct bytes
secret_bytes(const struct secret *s)
{
    return bytes_of(s->p, s->n);
}

/* Wipe n octets in a way that the compiler keeps. p may be NULL when n is 0. */
void mem_wipe(void *p, size_t n);

/* Equality in time that depends on n alone. */
bool mem_equal_ct(const void *a, const void *b, size_t n);

#endif
