/*
 * Owned, growable, capped bytes for control data: messages, names, keys.
 * Bulk file data never goes through here (see slab.h).
 *
 * Failure latches: after one append failed the buffer refuses all others, so
 * a message is built without checks and `buf_err` is asked once at the end.
 */
#ifndef FERRY_BASE_BUF_H
#define FERRY_BASE_BUF_H

#include "base/bytes.h"
#include "base/err.h"

struct buf {
    uint8_t *p;
    size_t n;   /* octets held */
    size_t cap; /* octets allocated */
    size_t max; /* growth beyond this latches ERR_LIMIT */
    enum err err;
};

/* An empty buffer that may grow to max octets. Allocates nothing yet. */
void buf_init(struct buf *b, size_t max);

/* Wipe what was held and free it. The buffer is empty and usable again. */
void buf_clear(struct buf *b);

/* Forget the content and the latched failure; keep the memory. Not wiped. */
void buf_reset(struct buf *b);

/*
 * Room for n more octets, which count as held from now on; the caller fills
 * them. Valid until the next call that appends. NULL: failure latched.
 */
uint8_t *buf_extend(struct buf *b, size_t n);

void buf_put(struct buf *b, struct bytes x);
void buf_put_u8(struct buf *b, uint8_t x);

/* A C string without its terminator. */
void buf_put_str(struct buf *b, const char *s);

void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Drop the first n octets (n <= b->n), moving the rest to the front. */
void buf_drop(struct buf *b, size_t n);

/* Cut to n octets (n <= b->n). */
void buf_truncate(struct buf *b, size_t n);

/*
 * The content as a C string: appends a 0 that is not counted. NULL: failure
 * latched. Valid until the next change.
 */
const char *buf_cstr(struct buf *b);

static inline struct bytes
buf_bytes(const struct buf *b)
{
    return bytes_of(b->p, b->n);
}

static inline enum err
buf_err(const struct buf *b)
{
    return b->err;
}

#endif
