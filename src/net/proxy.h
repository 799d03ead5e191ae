/*
 * The PROXY protocol, version 2: what a load balancer says, before the client's
 * first octet, about who the client is. Believed from networks that TrustedProxies
 * names and from nobody else; a connection from there that does not begin with a
 * header is refused, or a client could say who it is by itself.
 *
 * Layout (the protocol's section 2.2): 12 octets of signature, version and command,
 * family and transport, uint16 length of what follows: source and destination
 * address, source and destination port, then type-length-values, which we skip.
 */
#ifndef FERRY_NET_PROXY_H
#define FERRY_NET_PROXY_H

#include "net/socket.h"

enum {
    PROXY_FIXED = 16,     /* octets up to and with the length */
    PROXY_REST_MAX = 536, /* what a sender may count on to arrive whole */
    PROXY_HEADER_MAX = PROXY_FIXED + PROXY_REST_MAX,
};

enum proxy_step {
    PROXY_REFUSED = 0, /* not a header that we can use; *why says how */
    PROXY_MORE,        /* read on until *len octets are there, then ask again */
    PROXY_DONE,        /* the header was *len octets */
};

/*
 * Read a header. in: all octets of the connection so far, at most PROXY_HEADER_MAX.
 * *len: how many octets to have in all; a caller that reads no more than it says
 * never takes an octet that is the client's. Its time limit is the caller's.
 * peer, local: replaced on PROXY_DONE, except by the command LOCAL (the proxy's own
 * connection, a health check), which leaves the socket's.
 */
enum proxy_step proxy_parse(struct bytes in, size_t *len, struct net_addr *peer,
                            struct net_addr *local, struct fault *why) MUST_USE;

/*
 * Whether cidrs, a comma-separated list of addresses and networks, covers a. NULL,
 * "" or a malformed list: no. IPv4 mapped into IPv6 is taken as IPv4.
 */
bool net_addr_in_list(const struct net_addr *a, const char *cidrs);

#endif
