/*
 * Sockets: numeric addresses, listening, accepting, and the options that every
 * connection of ours gets. Names are resolved in net/connect.h only: a server
 * never asks the DNS about a peer (threats law 8).
 */
#ifndef FERRY_NET_SOCKET_H
#define FERRY_NET_SOCKET_H

#include <sys/socket.h>

#include "base/bytes.h"
#include "base/err.h"

struct net_addr {
    struct sockaddr_storage ss;
    socklen_t len;
};

/* "[ffff:...:ffff%scope]:65535" */
enum { NET_ADDR_TEXT_MAX = 80 };

/*
 * "ADDR:PORT", "[ADDR]:PORT", "ADDR", ":PORT" or "PORT" with a numeric address
 * ("*": every IPv4 and IPv6 address). What is left out: 127.0.0.1, default_port.
 * ERR_PROTO: not such text.
 */
enum err
net_addr_parse(const char *text, uint16_t default_port, struct net_addr *a) MUST_USE;

/* "127.0.0.1:2022", "[::1]:2022"; IPv4 in IPv6 is shown as IPv4. */
void net_addr_text(const struct net_addr *a, char text[NET_ADDR_TEXT_MAX]);

/* The address alone, without brackets or port. */
void net_addr_host(const struct net_addr *a, char text[NET_ADDR_TEXT_MAX]);
uint16_t net_addr_port(const struct net_addr *a);

/*
 * A non-blocking, close-on-exec TCP socket that listens on a (port 0: any).
 * *bound: where it really listens. ERR_IO: the reason is in *fault.
 */
enum err socket_listen(const struct net_addr *a, int *fd, struct net_addr *bound,
                       struct fault *fault) MUST_USE;
/* The same, but an IPv6 socket takes IPv6 alone, as sshd's do: 0.0.0.0 and [::] may
 * both be listened on, at one port. */
enum err socket_listen_apart(const struct net_addr *a, int *fd, struct net_addr *bound,
                             struct fault *fault) MUST_USE;

/*
 * One waiting connection, non-blocking and close-on-exec, with socket_tune.
 * ERR_LIMIT: none is waiting, or it was gone before we came. ERR_IO: errno
 * says why (EMFILE, ...); back off before trying again.
 */
enum err socket_accept(int listen_fd, int *fd, struct net_addr *peer) MUST_USE;

/* Not merged into large segments when small, found dead after two minutes. */
void socket_tune(int fd);

#endif
