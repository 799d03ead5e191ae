/*
 * Messages between the daemon's own processes: whole messages over
 * SOCK_SEQPACKET pairs, with descriptors where a process is to get some. None
 * carries an octet that a peer sent, but for texts that their reader treats so.
 */
#ifndef FERRY_DAEMON_LINK_H
#define FERRY_DAEMON_LINK_H

#include <stddef.h>

#include "base/err.h"

enum { LINK_FDS_MAX = 4 };

/* A non-blocking, close-on-exec pair. ERR_IO: errno. */
enum err link_pair(int fds[2]) MUST_USE;

/* One message of n octets. ERR_LIMIT: the other side is behind; ERR_IO: it is gone. */
enum err link_send(int link, const void *message, size_t n) MUST_USE;

/* With descriptors, which stay the caller's. n_fds: 1..LINK_FDS_MAX. */
enum err link_send_fds(int link, const void *message, size_t n, const int *fds,
                       size_t n_fds) MUST_USE;

/*
 * One message of exactly n octets. ERR_LIMIT: none is waiting. ERR_CLOSED: the
 * other side is gone. ERR_PROTO: a message of another size.
 */
enum err link_receive(int link, void *message, size_t n) MUST_USE;

/*
 * The same, with the descriptors that came along (close-on-exec), which are
 * the caller's; *n_fds of them. After an error none is left open.
 */
enum err link_receive_fds(int link, void *message, size_t n, int fds[LINK_FDS_MAX],
                          size_t *n_fds) MUST_USE;

/* As link_receive, but waits for the message: ERR_LIMIT after timeout_ms. */
enum err link_await(int link, void *message, size_t n, int timeout_ms) MUST_USE;

#endif
