/*
 * The near side of the trust line (daemon/monitor.h): questions put to the
 * monitor by a process that meets a peer, each waiting for its answer. Most are
 * answered within a fraction of a millisecond; a login waits for its turn among
 * the password hashes. No answer in time: the question fails, and with it the
 * connection.
 */
#ifndef FERRY_DAEMON_MONITOR_CLIENT_H
#define FERRY_DAEMON_MONITOR_CLIENT_H

#include "daemon/monitor.h"
#include "ssh/conn.h"

struct monitor_client {
    int fd; /* SOCK_SEQPACKET; borrowed */
    const struct daemon_public *public;
    bool is_lost;               /* an answer did not come: nothing more is asked */
    struct monitor_reply reply; /* borrowed parts are valid until the next question */
};

/*
 * Put a request of n octets, whose first member is its op, and wait.
 * ERR_NONE: the verdict was yes, m->reply holds the rest. ERR_AUTH: no.
 * ERR_IO: no answer, now or before: one that came late would pass for the next one's.
 */
enum err monitor_put(struct monitor_client *m, const void *request, size_t n) MUST_USE;

/* The same for a request that is its op alone. */
enum err monitor_put_op(struct monitor_client *m, enum monitor_op op) MUST_USE;

/*
 * Sign what the engine asks for. *signature: borrowed; empty when refused.
 * ERR_AUTH: not a key of ours, or refused; ERR_IO.
 */
enum err monitor_sign(struct monitor_client *m, const struct conn_sign *ask,
                      struct bytes *signature) MUST_USE;

/* Put a login; *reply is borrowed. */
enum err monitor_login(struct monitor_client *m, const struct login_request *login,
                       const struct login_reply **reply) MUST_USE;

/* What the peer calls itself; anything but printable ASCII becomes '?'. */
enum err monitor_tell_client(struct monitor_client *m, struct bytes ident) MUST_USE;

#endif
