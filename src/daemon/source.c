/* See source.h. */
#include "daemon/source.h"

#include <arpa/inet.h>
#include <stdio.h>

static uint8_t
address_bits(const struct address *a)
{
    return a->is_v6 ? 128 : 32;
}

bool
source_address(const struct net_addr *peer, struct address *a)
{
    char host[NET_ADDR_TEXT_MAX];
    net_addr_host(peer, host);
    return address_parse(bytes_str(host), a);
}

struct block
block_of(const struct address *a, uint32_t bits)
{
    uint8_t most = address_bits(a);
    struct block b = {.network = {.is_v6 = a->is_v6},
                      .bits = bits < most ? (uint8_t)bits : most};
    size_t whole = b.bits / 8u, rest = b.bits % 8u;
    memcpy(b.network.octets, a->octets, whole);
    if (rest != 0)
        b.network.octets[whole] = a->octets[whole] & (uint8_t)(0xff00u >> rest);
    return b;
}

/* 0..max in decimal, without sign or leading zeros. */
static bool
parse_bits(struct bytes text, uint8_t max, uint8_t *bits)
{
    unsigned x = 0;
    if (text.n == 0 || text.n > 3 || (text.p[0] == '0' && text.n > 1))
        return false;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        x = x * 10 + (unsigned)(text.p[i] - '0');
    }
    *bits = (uint8_t)(x <= max ? x : 0);
    return x <= max;
}

bool
block_parse(struct bytes text, struct block *b)
{
    const uint8_t *slash = text.n != 0 ? memchr(text.p, '/', text.n) : NULL;
    size_t n = slash ? (size_t)(slash - text.p) : text.n;
    struct address a;
    if (!address_parse(bytes_first(text, n), &a))
        return false;
    uint8_t bits = address_bits(&a);
    if (slash && !parse_bits(bytes_skip(text, n + 1), bits, &bits))
        return false;
    *b = block_of(&a, bits);
    return memcmp(b->network.octets, a.octets, sizeof a.octets) == 0;
}

void
block_text(const struct block *b, char text[BLOCK_TEXT_MAX])
{
    char host[INET6_ADDRSTRLEN] = "";
    inet_ntop(b->network.is_v6 ? AF_INET6 : AF_INET, b->network.octets, host,
              sizeof host);
    if (b->bits == address_bits(&b->network))
        snprintf(text, BLOCK_TEXT_MAX, "%s", host);
    else
        snprintf(text, BLOCK_TEXT_MAX, "%s/%u", host, b->bits);
}

bool
block_has(const struct block *b, const struct address *a)
{
    if (a->is_v6 != b->network.is_v6)
        return false;
    struct block same = block_of(a, b->bits);
    return memcmp(same.network.octets, b->network.octets, sizeof a->octets) == 0;
}

bool
block_overlaps(const struct block *a, const struct block *b)
{
    return a->bits <= b->bits ? block_has(a, &b->network) : block_has(b, &a->network);
}

int
block_compare(const struct block *a, const struct block *b)
{
    if (a->network.is_v6 != b->network.is_v6)
        return a->network.is_v6 ? 1 : -1;
    if (a->bits != b->bits)
        return a->bits < b->bits ? -1 : 1;
    return memcmp(a->network.octets, b->network.octets, sizeof a->network.octets);
}
