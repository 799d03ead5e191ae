/* See put.h. */
#include "wire/put.h"

void
put_u32(struct buf *b, uint32_t x)
{
    uint8_t *p = buf_extend(b, 4);
    if (p)
        store_u32(p, x);
}

void
put_u64(struct buf *b, uint64_t x)
{
    uint8_t *p = buf_extend(b, 8);
    if (p)
        store_u64(p, x);
}

void
put_bool(struct buf *b, bool x)
{
    buf_put_u8(b, x ? 1 : 0);
}

void
put_string(struct buf *b, struct bytes x)
{
    if (x.n > UINT32_MAX) {
        b->err = ERR_LIMIT;
        return;
    }
    put_u32(b, (uint32_t)x.n);
    buf_put(b, x);
}

void
put_cstring(struct buf *b, const char *s)
{
    put_string(b, bytes_str(s));
}

void
put_mpint(struct buf *b, struct bytes magnitude)
{
    while (magnitude.n != 0 && magnitude.p[0] == 0)
        magnitude = bytes_skip(magnitude, 1);
    bool wants_zero = magnitude.n != 0 && (magnitude.p[0] & 0x80) != 0;
    put_u32(b, (uint32_t)(magnitude.n + (wants_zero ? 1 : 0)));
    if (wants_zero)
        buf_put_u8(b, 0);
    buf_put(b, magnitude);
}

size_t
put_string_begin(struct buf *b)
{
    put_u32(b, 0);
    return b->n;
}

void
put_string_end(struct buf *b, size_t mark)
{
    if (buf_err(b) == ERR_NONE)
        store_u32(b->p + mark - 4, (uint32_t)(b->n - mark));
}
