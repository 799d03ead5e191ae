/* See address.h. */
#include "base/address.h"

#include <arpa/inet.h>

/* ---- addresses ---- */

static size_t
address_bits(const struct address *a)
{
    return a->is_v6 ? 128 : 32;
}

/* ::ffff:192.0.2.1 is how a dual-stack socket tells of 192.0.2.1. */
static void
unmap_v4(struct address *a)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (memcmp(a->octets, mapped, sizeof mapped) != 0)
        return;
    struct address v4 = {.is_v6 = false};
    memcpy(v4.octets, a->octets + sizeof mapped, 4);
    *a = v4;
}

bool
address_parse(struct bytes text, struct address *a)
{
    char copy[INET6_ADDRSTRLEN];
    const uint8_t *zone = text.n != 0 ? memchr(text.p, '%', text.n) : NULL;
    if (zone)
        text = bytes_first(text, (size_t)(zone - text.p));
    if (text.n == 0 || text.n >= sizeof copy || memchr(text.p, 0, text.n))
        return false;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    *a = (struct address){0};
    if (!zone && inet_pton(AF_INET, copy, a->octets) == 1)
        return true;
    if (inet_pton(AF_INET6, copy, a->octets) != 1)
        return false;
    a->is_v6 = true;
    unmap_v4(a);
    return true;
}

/* 0..max, without sign or leading zeros, or false. */
static bool
parse_mask(struct bytes text, size_t max, size_t *bits)
{
    if (text.n == 0 || text.n > 3 || (text.p[0] == '0' && text.n > 1))
        return false;
    *bits = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        *bits = *bits * 10 + (size_t)(text.p[i] - '0');
    }
    return *bits <= max;
}

static bool
bit_of(const struct address *a, size_t i)
{
    return (a->octets[i / 8] >> (7 - i % 8) & 1) != 0;
}

static bool
has_bits_behind(const struct address *a, size_t bits)
{
    for (size_t i = bits; i < address_bits(a); i++)
        if (bit_of(a, i))
            return true;
    return false;
}

static bool
is_inside(const struct address *a, const struct address *network, size_t bits)
{
    if (a->is_v6 != network->is_v6)
        return false;
    for (size_t i = 0; i < bits; i++)
        if (bit_of(a, i) != bit_of(network, i))
            return false;
    return true;
}

enum pattern_verdict
cidr_match(struct bytes cidr, const struct address *a)
{
    const uint8_t *slash = cidr.n != 0 ? memchr(cidr.p, '/', cidr.n) : NULL;
    size_t n = slash ? (size_t)(slash - cidr.p) : cidr.n;
    struct address network;
    if (!address_parse(bytes_first(cidr, n), &network))
        return PATTERN_BAD;
    size_t bits = address_bits(&network);
    if (slash && (!parse_mask(bytes_skip(cidr, n + 1), bits, &bits) ||
                  has_bits_behind(&network, bits)))
        return PATTERN_BAD;
    return is_inside(a, &network, bits) ? PATTERN_YES : PATTERN_NO;
}

enum pattern_verdict
cidr_list_match(struct bytes list, struct bytes address)
{
    enum pattern_verdict verdict = PATTERN_NO;
    struct address a;
    struct bytes item;
    if (!address_parse(address, &a))
        return PATTERN_BAD;
    while (bytes_next_item(&list, &item)) {
        enum pattern_verdict one = cidr_match(item, &a);
        if (one == PATTERN_BAD)
            return PATTERN_BAD;
        if (one == PATTERN_YES)
            verdict = PATTERN_YES;
    }
    return verdict;
}

/* ---- from="" ---- */

struct from {
    struct bytes address, host; /* as text */
    struct address parsed;
    bool is_parsed;
};

/* One item without its '!'. */
static enum pattern_verdict
from_item_match(struct bytes item, const struct from *from)
{
    struct address literal;
    if (item.n == 0)
        return PATTERN_BAD;
    if (memchr(item.p, '/', item.n) || address_parse(item, &literal))
        return from->is_parsed ? cidr_match(item, &from->parsed) : PATTERN_BAD;
    bool is_match = pattern_match(item, from->address, PATTERN_FOLD) ||
                    (from->host.n != 0 && pattern_match(item, from->host, PATTERN_FOLD));
    return is_match ? PATTERN_YES : PATTERN_NO;
}

enum pattern_verdict
from_list_match(struct bytes list, struct bytes address, struct bytes host)
{
    struct from from = {.address = address, .host = host};
    from.is_parsed = address_parse(address, &from.parsed);
    enum pattern_verdict verdict = PATTERN_NO;
    struct bytes item;
    while (bytes_next_item(&list, &item)) {
        bool is_negated = pattern_take_negation(&item);
        enum pattern_verdict one = from_item_match(item, &from);
        if (one == PATTERN_BAD)
            return PATTERN_BAD;
        if (one == PATTERN_YES && is_negated)
            verdict = PATTERN_VETO;
        else if (one == PATTERN_YES && verdict == PATTERN_NO)
            verdict = PATTERN_YES;
    }
    return verdict;
}
