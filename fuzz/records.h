/*
 * The input of the targets that drive an engine: one octet of options, then
 * records: uint8 kind, uint16 length, that many octets (the last may be cut
 * short).
 */
#ifndef FERRY_FUZZ_RECORDS_H
#define FERRY_FUZZ_RECORDS_H

#include "base/bytes.h"

enum record_kind {
    RECORD_PACKET,   /* a payload, as if the other side had sent it */
    RECORD_RAW,      /* octets on the wire, as they are */
    RECORD_TIME,     /* uint16: milliseconds go by */
    RECORD_CHOICES,  /* how the events to come are answered, an octet a choice */
    RECORD_CARRY,    /* let the two engines talk; uint8: turns, 0: until they rest */
    RECORD_PEER_ACT, /* one honest call of the other side: see rig.c */
    RECORD_OWN_ACT,  /* one call of the program around the engine under test */
    RECORD_KINDS
};

struct record {
    enum record_kind kind;
    unsigned flag; /* the kind octet's upper part, 0..31 */
    struct bytes body;
};

enum { RECORD_HEAD = 3 };

/* Take the next record off *rest; false: none is left. */
bool record_next(struct bytes *rest, struct record *r);

#endif
