/*
 * Partial files: what they are called and whether one may be continued.
 *
 * A file travels under ".NAME.HHHHHHHH.ferry-part" in its final directory and is
 * renamed when whole. HHHHHHHH is made from the source's size and time, so that a
 * later run finds the part of this very source and none of another version of
 * it: the name is the first check of a resume. The second is the tail: the last
 * octets of the part are read again from both sides and compared before
 * anything is added (threats D2, D5).
 */
#ifndef FERRY_TRANSFER_PART_H
#define FERRY_TRANSFER_PART_H

#include "base/buf.h"
#include "base/rand.h"

enum { PART_TAIL_LEN = 32768 }; /* octets; one READ that every server takes */

/* Append the name. name: one component, shortened if the whole were too long. */
void part_name(struct buf *out, struct bytes name, uint64_t size, uint32_t mtime);

/* The same with random digits, for when the first name is taken. */
enum err part_name_random(struct buf *out, struct bytes name,
                          const struct rand_source *rand) MUST_USE;

/* The tail of a part, as it comes from the server. */
struct part_tail {
    uint8_t *octets; /* owned; NULL: no check under way */
    uint64_t offset; /* in the file */
    uint32_t len, got;
};

/* The last octets of a part that is `size` > 0 long. False: out of memory. */
bool part_tail_begin(struct part_tail *tail, uint64_t size);

/* Octets as they come, in order. */
void part_tail_add(struct part_tail *tail, struct bytes data);

/* Whole, and the same as in the local file? Ends the check. */
bool part_tail_matches(struct part_tail *tail, int fd);

void part_tail_clear(struct part_tail *tail);

#endif
