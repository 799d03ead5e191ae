/*
 * The connection's side of the trust line (daemon/monitor.h): questions put to
 * the monitor, each waiting for its answer. The monitor answers within a
 * fraction of a millisecond; when it doesn't within seconds, the question
 * fails and with it the connection.
 */
#ifndef FERRY_DAEMON_MONITOR_CLIENT_H
#define FERRY_DAEMON_MONITOR_CLIENT_H

#include "daemon/monitor.h"
#include "ssh/conn.h"

struct monitor_client {
    int fd; /* SOCK_SEQPACKET; borrowed */
    struct monitor_reply reply;
};

/*
 * Sign what the engine asks for with the host key of that index.
 * *signature: borrowed until the next question. ERR_AUTH: refused;
 * ERR_IO: no answer.
 */
enum err monitor_sign(struct monitor_client *m, uint32_t key, const struct conn_sign *ask,
                      struct bytes *signature) MUST_USE;

/* ERR_NONE: right, and the monitor has noted the login. ERR_AUTH: not. */
enum err monitor_password(struct monitor_client *m, struct bytes user,
                          struct bytes password) MUST_USE;

enum monitor_key_use { MONITOR_KEY_QUERY, MONITOR_KEY_LOGIN };

/*
 * Is this key let in? LOGIN: its signature has been verified, and the login is
 * noted. *flags: enum account_key_flag. ERR_AUTH: no.
 */
enum err monitor_key(struct monitor_client *m, enum monitor_key_use use,
                     struct bytes user, struct bytes blob, uint32_t *flags) MUST_USE;

#endif
