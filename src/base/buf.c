/* See buf.h. */
#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/secret.h"

enum { BUF_FIRST = 256 }; /* most control messages fit the first allocation */

void
buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void
buf_clear(struct buf *b)
{
    mem_wipe(b->p, b->cap);
    free(b->p);
    buf_init(b, b->max);
}

void
buf_reset(struct buf *b)
{
    b->n = 0;
    b->err = ERR_NONE;
}

/* Grow to hold `need` octets. Copies by hand: realloc would leave a copy of
 * what may be a secret behind in freed memory. */
static bool
buf_grow(struct buf *b, size_t need)
{
    size_t cap = b->cap ? b->cap : BUF_FIRST;
    while (cap < need)
        cap *= 2;
    if (cap > b->max)
        cap = b->max;
    uint8_t *p = malloc(cap ? cap : 1);
    if (!p) {
        b->err = ERR_NOMEM;
        return false;
    }
    if (b->n != 0)
        memcpy(p, b->p, b->n);
    mem_wipe(b->p, b->cap);
    free(b->p);
    b->p = p;
    b->cap = cap;
    return true;
}

uint8_t *
buf_extend(struct buf *b, size_t n)
{
    if (b->err != ERR_NONE)
        return NULL;
    if (b->max < b->n || n > b->max - b->n) {
        b->err = ERR_LIMIT;
        return NULL;
    }
    if ((!b->p || n > b->cap - b->n) && !buf_grow(b, b->n + n))
        return NULL;
    uint8_t *room = b->p + b->n;
    b->n += n;
    return room;
}

void
buf_put(struct buf *b, struct bytes x)
{
    uint8_t *room = buf_extend(b, x.n);
    if (room && x.n != 0)
        memcpy(room, x.p, x.n);
}

void
buf_put_u8(struct buf *b, uint8_t x)
{
    buf_put(b, bytes_of(&x, 1));
}

void
buf_put_str(struct buf *b, const char *s)
{
    buf_put(b, bytes_str(s));
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0) {
        b->err = ERR_BUG;
        return;
    }
    uint8_t *room = buf_extend(b, (size_t)n + 1); /* vsnprintf wants its 0 */
    if (!room)
        return;
    va_start(ap, fmt);
    vsnprintf((char *)room, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->n--;
}

void
buf_drop(struct buf *b, size_t n)
{
    assert(n <= b->n);
    if (n != 0 && b->n != n)
        memmove(b->p, b->p + n, b->n - n);
    b->n -= n;
}

void
buf_truncate(struct buf *b, size_t n)
{
    assert(n <= b->n);
    b->n = n;
}

const char *
buf_cstr(struct buf *b)
{
    uint8_t *end = buf_extend(b, 1);
    if (!end)
        return NULL;
    *end = 0;
    b->n--;
    return (const char *)b->p;
}
