/*
 * Writing RFC 4251 section 5 data types into a buf. Failure latches in the
 * buf (base/buf.h), so a message is written without checks in between.
 */
#ifndef FERRY_WIRE_PUT_H
#define FERRY_WIRE_PUT_H

#include "base/buf.h"

void put_u32(struct buf *b, uint32_t x);
void put_u64(struct buf *b, uint64_t x);
void put_bool(struct buf *b, bool x);
void put_string(struct buf *b, struct bytes x);
void put_cstring(struct buf *b, const char *s);

/* A non-negative mpint from a big-endian magnitude; leading zeros are dropped. */
void put_mpint(struct buf *b, struct bytes magnitude);

/* A string whose content is written in between: returns the mark for put_string_end. */
size_t put_string_begin(struct buf *b);
void put_string_end(struct buf *b, size_t mark);

/* Store a uint32 in 4 octets that the caller owns. */
static inline void
store_u32(uint8_t p[4], uint32_t x)
{
    p[0] = (uint8_t)(x >> 24);
    p[1] = (uint8_t)(x >> 16);
    p[2] = (uint8_t)(x >> 8);
    p[3] = (uint8_t)x;
}

static inline void
store_u64(uint8_t p[8], uint64_t x)
{
    store_u32(p, (uint32_t)(x >> 32));
    store_u32(p + 4, (uint32_t)x);
}

#endif
