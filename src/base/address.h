/*
 * Network addresses with CIDR masks, and lists of them mixed with wildcard
 * patterns (base/pattern.h) and negation.
 */
#ifndef FERRY_BASE_ADDRESS_H
#define FERRY_BASE_ADDRESS_H

#include "base/pattern.h"

/* ---- addresses ---- */

struct address {
    uint8_t octets[16]; /* IPv4: the first four */
    bool is_v6;         /* IPv4 mapped into IPv6 is taken as the IPv4 it is */
};

/* "192.0.2.1", "2001:db8::1", with or without "%zone", which is dropped. */
bool address_parse(struct bytes text, struct address *a);

/*
 * One "address" or "address/bits". PATTERN_BAD: malformed, or bits are set
 * behind the mask (somebody meant something else).
 */
enum pattern_verdict cidr_match(struct bytes cidr, const struct address *a);

/* A list of those and nothing else: certificates' source-address. */
enum pattern_verdict cidr_list_match(struct bytes list, struct bytes address);

/*
 * from="" and Match Address: items with CIDR masks, addresses and wildcard
 * patterns, each maybe negated, against the client's address as text and, when
 * host is not empty, its name too. PATTERN_BAD as above: treat as a refusal.
 */
enum pattern_verdict
from_list_match(struct bytes list, struct bytes address, struct bytes host);

#endif
