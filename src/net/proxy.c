/* See proxy.h. */
#include "net/proxy.h"

#include <netinet/in.h>

#include "base/address.h"
#include "wire/cursor.h"

enum {
    COMMAND_LOCAL = 0x20, /* version 2 in the upper four bits */
    COMMAND_PROXY = 0x21,
    TCP_OVER_IPV4 = 0x11,
    TCP_OVER_IPV6 = 0x21,
};

static const uint8_t signature[12] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                      0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

static uint16_t
read_u16(struct cursor *c)
{
    unsigned high = cursor_u8(c);
    return (uint16_t)(high << 8 | cursor_u8(c));
}

static enum proxy_step
refused(struct fault *why, const char *words)
{
    (void)fault_set(why, ERR_PROTO, 0, "PROXY header: %s", words);
    return PROXY_REFUSED;
}

static void
set_v4(struct net_addr *a, struct bytes octets, uint16_t port)
{
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(port)};
    memcpy(&sin.sin_addr, octets.p, sizeof sin.sin_addr);
    *a = (struct net_addr){.len = sizeof sin};
    memcpy(&a->ss, &sin, sizeof sin);
}

static void
set_v6(struct net_addr *a, struct bytes octets, uint16_t port)
{
    struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    memcpy(&sin6.sin6_addr, octets.p, sizeof sin6.sin6_addr);
    *a = (struct net_addr){.len = sizeof sin6};
    memcpy(&a->ss, &sin6, sizeof sin6);
}

/* Nothing in them is for us, but a proxy that cannot count is not to be trusted. */
static bool
skip_values(struct cursor *c)
{
    while (cursor_left(c) != 0) {
        (void)cursor_u8(c);
        (void)cursor_raw(c, read_u16(c));
    }
    return cursor_is_done(c);
}

/* Behind the fixed part of a PROXY command. */
static enum proxy_step
read_addresses(struct cursor *c, uint8_t family, struct net_addr *peer,
               struct net_addr *local, struct fault *why)
{
    if (family != TCP_OVER_IPV4 && family != TCP_OVER_IPV6)
        return refused(why, "the client is not said to come by TCP");
    size_t n = family == TCP_OVER_IPV4 ? 4 : 16;
    struct bytes source = cursor_raw(c, n);
    struct bytes destination = cursor_raw(c, n);
    uint16_t source_port = read_u16(c);
    uint16_t destination_port = read_u16(c);
    if (!skip_values(c))
        return refused(why, "its parts are longer than itself");
    void (*set)(struct net_addr *, struct bytes, uint16_t) = n == 4 ? set_v4 : set_v6;
    set(peer, source, source_port);
    set(local, destination, destination_port);
    return PROXY_DONE;
}

enum proxy_step
proxy_parse(struct bytes in, size_t *len, struct net_addr *peer, struct net_addr *local,
            struct fault *why)
{
    struct bytes begin = bytes_first(in, sizeof signature);
    *len = PROXY_FIXED;
    if (!bytes_eq(begin, bytes_of(signature, begin.n)))
        return refused(why, "there is none");
    if (in.n < PROXY_FIXED)
        return PROXY_MORE;
    struct cursor fixed = cursor_of(bytes_skip(in, sizeof signature));
    uint8_t command = cursor_u8(&fixed);
    uint8_t family = cursor_u8(&fixed);
    size_t rest = read_u16(&fixed);
    if (command != COMMAND_LOCAL && command != COMMAND_PROXY)
        return refused(why, "neither LOCAL nor PROXY of version 2");
    if (rest > PROXY_REST_MAX)
        return refused(why, "it is too long");
    *len = PROXY_FIXED + rest;
    if (in.n < *len)
        return PROXY_MORE;
    if (command == COMMAND_LOCAL)
        return PROXY_DONE; /* its addresses are to be ignored, whatever they are */
    struct cursor c = cursor_of(bytes_first(bytes_skip(in, PROXY_FIXED), rest));
    return read_addresses(&c, family, peer, local, why);
}

bool
net_addr_in_list(const struct net_addr *a, const char *cidrs)
{
    char host[NET_ADDR_TEXT_MAX];
    net_addr_host(a, host);
    return cidr_list_match(bytes_str(cidrs), bytes_str(host)) == PATTERN_YES;
}
