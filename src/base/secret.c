/* See secret.h. */
#include "base/secret.h"

void
mem_wipe(void *p, size_t n)
{
    if (n != 0)
        explicit_bzero(p, n);
}

bool
mem_equal_ct(const void *a, const void *b, size_t n)
{
    const volatile uint8_t *x = a, *y = b;
    uint8_t diff = 0;
    for (size_t i = 0; i < n; i++)
        diff = (uint8_t)(diff | (x[i] ^ y[i]));
    return diff == 0;
}

enum err
secret_set(struct secret *s, struct bytes b)
{
    secret_clear(s);
    if (b.n > SECRET_MAX)
        return ERR_LIMIT;
    if (b.n != 0)
        memcpy(s->p, b.p, b.n);
    s->n = b.n;
    return ERR_NONE;
}

void
secret_clear(struct secret *s)
{
    mem_wipe(s, sizeof *s);
}
