/*
 * A stream into memory, for tests and fuzzing: what was sent can be looked at,
 * bulk comes in holes of any size, and room runs out on order.
 */
#ifndef FERRY_SFTP_STREAM_MEM_H
#define FERRY_SFTP_STREAM_MEM_H

#include "base/buf.h"
#include "base/stream.h"

struct mem_stream {
    struct stream stream;
    struct buf sent; /* everything sent so far */
    size_t drained;  /* octets of it that somebody has taken */
    size_t budget;   /* octets not taken beyond which there is no room */
    size_t hole_len; /* octets a hole, the last may be shorter; 0: one hole */
    uint8_t *bulk;   /* of the reservation; NULL: there is none */
    size_t head_len, want;
    size_t most_wanted; /* the largest reservation so far, octets of bulk */
};

void mem_stream_init(struct mem_stream *m, size_t budget, size_t hole_len);
void mem_stream_clear(struct mem_stream *m);

/* What was sent and not taken; borrowed until the next call. */
struct bytes mem_stream_pending(const struct mem_stream *m);

/* Take n octets of that. All that was sent is dropped once all was taken. */
void mem_stream_drain(struct mem_stream *m, size_t n);

#endif
