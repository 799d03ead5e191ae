/*
 * The only way peers' bytes are read: a position that cannot pass the end.
 *
 * Failure latches. After a read went past the end, or a value broke its
 * type's rules, `failed` stays set and every further read yields zero or
 * empty, so a message is read field by field and checked once. A value read
 * before that check must not be acted upon. Data types: RFC 4251 section 5.
 */
#ifndef FERRY_WIRE_CURSOR_H
#define FERRY_WIRE_CURSOR_H

#include "base/bytes.h"

/* mpint limit, octets of magnitude: 16,384 bits (threats K3). */
enum { MPINT_MAX = 2048 };

/* name-list limits (threats T7). */
enum { NAME_MAX_LEN = 64, NAME_LIST_MAX_NAMES = 64 };

struct cursor {
    const uint8_t *p, *end;
    bool failed;
};

static inline struct cursor
cursor_of(struct bytes b)
{
    return (struct cursor){b.p, b.n ? b.p + b.n : b.p, false};
}

/* Octets not read yet; 0 once failed. */
static inline size_t
cursor_left(const struct cursor *c)
{
    return c->failed ? 0 : (size_t)(c->end - c->p);
}

/* n raw octets, borrowed from the cursor's source. */
struct bytes cursor_raw(struct cursor *c, size_t n);

uint8_t cursor_u8(struct cursor *c);
uint32_t cursor_u32(struct cursor *c);
uint64_t cursor_u64(struct cursor *c);

/* RFC 4251: every non-zero octet is true. */
bool cursor_bool(struct cursor *c);

/* uint32 length, then that many octets. Borrowed. */
struct bytes cursor_string(struct cursor *c);

/*
 * A non-negative, canonical mpint of at most MPINT_MAX octets: its magnitude
 * without leading zeros. Negative or padded numbers latch failure.
 */
struct bytes cursor_mpint(struct cursor *c);

/* A well-formed name-list within the limits above, as its text; it may end in a comma. */
struct bytes cursor_name_list(struct cursor *c);

/* All that is left; the cursor is then at its end. */
struct bytes cursor_rest(struct cursor *c);

/* True when everything was read and nothing failed: no trailing octets. */
static inline bool
cursor_is_done(const struct cursor *c)
{
    return !c->failed && c->p == c->end;
}

/* One name of a name-list: 1..64 printable ASCII octets without comma. */
bool name_is_valid(struct bytes name);

#endif
