/*
 * Reaching a host by name, for clients: every address of the name, IPv6 and
 * IPv4 in turn, each tried a moment after the one before, the first that
 * answers wins (RFC 8305 in short). Blocks; never used by the server.
 */
#ifndef FERRY_NET_CONNECT_H
#define FERRY_NET_CONNECT_H

#include "net/socket.h"

struct connect_options {
    int family;          /* AF_UNSPEC, AF_INET or AF_INET6 */
    uint32_t timeout_ms; /* for all attempts together, after the name look-up; 0: none */
    const struct net_addr *bind_to; /* local address, NULL: any */
};

/*
 * host: a name or a numeric address, without brackets.
 * *fd: connected, non-blocking, close-on-exec, tuned. *peer: whom it reached.
 * ERR_IO: no address, refused, unreachable or too late; *fault has the sentence.
 */
enum err socket_connect(const char *host, uint16_t port, const struct connect_options *o,
                        int *fd, struct net_addr *peer, struct fault *fault) MUST_USE;

#endif
