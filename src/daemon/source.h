/*
 * Who counts as one source: an address cut to a block of PerSourceNetBlockSize
 * bits; and blocks as administrators write them (CIDR). Pure; the addresses
 * themselves are base/address.h's.
 */
#ifndef FERRY_DAEMON_SOURCE_H
#define FERRY_DAEMON_SOURCE_H

#include "base/address.h"
#include "net/socket.h"

/* "ffff:...:ffff/128" and a terminator. */
enum { BLOCK_TEXT_MAX = 64 };

/* A network: what lies behind `bits` in its address is zero. */
struct block {
    struct address network;
    uint8_t bits; /* 0..32 or 0..128 */
};

/* The numeric address of a socket's peer; IPv4 in IPv6 is IPv4. False: neither. */
bool source_address(const struct net_addr *peer, struct address *a);

/* The block of so many leading bits that an address lies in; bits are clamped. */
struct block block_of(const struct address *a, uint32_t bits);

/* "192.0.2.0/24", "2001:db8::1". False: no such text, or bits behind the mask are set. */
bool block_parse(struct bytes text, struct block *b);

/* The text of a block; without "/BITS" when it is one address. */
void block_text(const struct block *b, char text[BLOCK_TEXT_MAX]);

bool block_has(const struct block *b, const struct address *a);

/* One of them lies in the other. */
bool block_overlaps(const struct block *a, const struct block *b);

/* Below 0, 0 or above: an order over families, lengths, then addresses. */
int block_compare(const struct block *a, const struct block *b);

#endif
