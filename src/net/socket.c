/* See socket.h. */
#include "net/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    LISTEN_BACKLOG = 128,
    DEAD_PEER_MS = 120 * 1000 /* unacknowledged octets; threats 13 */
};

static bool
parse_port(struct bytes text, uint16_t *port)
{
    uint32_t x = 0;
    if (text.n == 0 || text.n > 5)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        x = x * 10 + (uint32_t)(text.p[i] - '0');
    }
    *port = (uint16_t)x;
    return x <= 65535;
}

static enum err
set_v4(struct in_addr in, uint16_t port, struct net_addr *a)
{
    struct sockaddr_in sin = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = in};
    memset(a, 0, sizeof *a);
    memcpy(&a->ss, &sin, sizeof sin);
    a->len = sizeof sin;
    return ERR_NONE;
}

static enum err
set_v6(struct in6_addr in6, uint32_t scope, uint16_t port, struct net_addr *a)
{
    struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6,
                                .sin6_port = htons(port),
                                .sin6_addr = in6,
                                .sin6_scope_id = scope};
    memset(a, 0, sizeof *a);
    memcpy(&a->ss, &sin6, sizeof sin6);
    a->len = sizeof sin6;
    return ERR_NONE;
}

static enum err
parse_host(struct bytes host, uint16_t port, struct net_addr *a)
{
    char text[NET_ADDR_TEXT_MAX];
    if (host.n == 0)
        return set_v4((struct in_addr){htonl(INADDR_LOOPBACK)}, port, a);
    if (bytes_eq_str(host, "*"))
        return set_v6(in6addr_any, 0, port, a);
    if (host.n >= sizeof text)
        return ERR_PROTO;
    memcpy(text, host.p, host.n);
    text[host.n] = 0;
    struct in_addr in;
    if (inet_pton(AF_INET, text, &in) == 1)
        return set_v4(in, port, a);
    char *scope = strchr(text, '%');
    if (scope)
        *scope++ = 0;
    struct in6_addr in6;
    if (inet_pton(AF_INET6, text, &in6) != 1)
        return ERR_PROTO;
    return set_v6(in6, scope ? if_nametoindex(scope) : 0, port, a);
}

/* Cut "[host]:port", "host:port" or an IPv6 address without port in two. */
static bool
split_port(struct bytes text, struct bytes *host, struct bytes *port)
{
    *port = (struct bytes){0};
    const uint8_t *close = text.n ? memchr(text.p, ']', text.n) : NULL;
    if (text.n && text.p[0] == '[') {
        if (!close)
            return false;
        *host = bytes_of(text.p + 1, (size_t)(close - text.p) - 1);
        struct bytes rest = bytes_skip(text, host->n + 2);
        if (rest.n == 0)
            return true;
        *port = bytes_skip(rest, 1);
        return rest.p[0] == ':';
    }
    const uint8_t *first = text.n ? memchr(text.p, ':', text.n) : NULL;
    const uint8_t *last = text.n ? memrchr(text.p, ':', text.n) : NULL;
    *host = text;
    if (first && first == last) {
        *host = bytes_first(text, (size_t)(first - text.p));
        *port = bytes_skip(text, host->n + 1);
        return port->n != 0;
    }
    return true;
}

enum err
net_addr_parse(const char *text, uint16_t default_port, struct net_addr *a)
{
    struct bytes host, port;
    uint16_t number = default_port;
    if (parse_port(bytes_str(text), &number))
        return parse_host((struct bytes){0}, number, a);
    if (!split_port(bytes_str(text), &host, &port))
        return ERR_PROTO;
    if (port.n != 0 && !parse_port(port, &number))
        return ERR_PROTO;
    return parse_host(host, number, a);
}

/* An IPv4 peer of a socket that listens on both families comes as ::ffff:a.b.c.d. */
static struct net_addr
unmapped(const struct net_addr *a)
{
    struct sockaddr_in6 sin6;
    struct net_addr plain = *a;
    if (a->ss.ss_family != AF_INET6)
        return plain;
    memcpy(&sin6, &a->ss, sizeof sin6);
    if (IN6_IS_ADDR_V4MAPPED(&sin6.sin6_addr)) {
        struct in_addr in;
        memcpy(&in, &sin6.sin6_addr.s6_addr[12], sizeof in);
        (void)set_v4(in, ntohs(sin6.sin6_port), &plain);
    }
    return plain;
}

void
net_addr_host(const struct net_addr *a, char text[NET_ADDR_TEXT_MAX])
{
    struct net_addr plain = unmapped(a);
    struct sockaddr_in6 sin6;
    struct sockaddr_in sin;
    const char *ok = NULL;
    if (plain.ss.ss_family == AF_INET) {
        memcpy(&sin, &plain.ss, sizeof sin);
        ok = inet_ntop(AF_INET, &sin.sin_addr, text, NET_ADDR_TEXT_MAX);
    } else if (plain.ss.ss_family == AF_INET6) {
        memcpy(&sin6, &plain.ss, sizeof sin6);
        ok = inet_ntop(AF_INET6, &sin6.sin6_addr, text, NET_ADDR_TEXT_MAX);
    }
    if (!ok)
        snprintf(text, NET_ADDR_TEXT_MAX, "unknown");
}

uint16_t
net_addr_port(const struct net_addr *a)
{
    struct sockaddr_in6 sin6;
    struct sockaddr_in sin;
    if (a->ss.ss_family == AF_INET6) {
        memcpy(&sin6, &a->ss, sizeof sin6);
        return ntohs(sin6.sin6_port);
    }
    if (a->ss.ss_family != AF_INET)
        return 0;
    memcpy(&sin, &a->ss, sizeof sin);
    return ntohs(sin.sin_port);
}

void
net_addr_text(const struct net_addr *a, char text[NET_ADDR_TEXT_MAX])
{
    char host[NET_ADDR_TEXT_MAX];
    net_addr_host(a, host);
    snprintf(text, NET_ADDR_TEXT_MAX, strchr(host, ':') ? "[%.64s]:%u" : "%.64s:%u", host,
             net_addr_port(a));
}

static bool
bind_and_listen(int fd, const struct net_addr *a, int is_v6_only, struct net_addr *bound)
{
    int on = 1;
    bound->len = sizeof bound->ss;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
        return false;
    if (a->ss.ss_family == AF_INET6 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &is_v6_only, sizeof is_v6_only) != 0)
        return false;
    return bind(fd, (const struct sockaddr *)&a->ss, a->len) == 0 &&
           listen(fd, LISTEN_BACKLOG) == 0 &&
           getsockname(fd, (struct sockaddr *)&bound->ss, &bound->len) == 0;
}

static enum err
listen_on(const struct net_addr *a, int is_v6_only, int *fd, struct net_addr *bound,
          struct fault *fault)
{
    char text[NET_ADDR_TEXT_MAX];
    net_addr_text(a, text);
    *fd = socket(a->ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd >= 0 && bind_and_listen(*fd, a, is_v6_only, bound))
        return ERR_NONE;
    int sys_errno = errno;
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    return fault_errno(fault, ERR_IO, sys_errno, "cannot listen on %s", text);
}

enum err
socket_listen(const struct net_addr *a, int *fd, struct net_addr *bound,
              struct fault *fault)
{
    return listen_on(a, 0, fd, bound, fault);
}

enum err
socket_listen_apart(const struct net_addr *a, int *fd, struct net_addr *bound,
                    struct fault *fault)
{
    return listen_on(a, 1, fd, bound, fault);
}

enum err
socket_accept(int listen_fd, int *fd, struct net_addr *peer)
{
    peer->len = sizeof peer->ss;
    *fd = accept4(listen_fd, (struct sockaddr *)&peer->ss, &peer->len,
                  SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (*fd >= 0) {
        socket_tune(*fd);
        return ERR_NONE;
    }
    switch (errno) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        return ERR_IO;
    default: /* EAGAIN, and what accept(2) passes on of a connection that died */
        return ERR_LIMIT;
    }
}

/* Best effort: a socket that lacks an option (a socketpair in a test) still works. */
void
socket_tune(int fd)
{
    int on = 1;
    unsigned dead_ms = DEAD_PEER_MS;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead_ms, sizeof dead_ms);
}
