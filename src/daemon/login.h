/*
 * Authentication requests of one connection: each is put to the monitor in the
 * form it understands, answered, and logged in sshd's words. Decides nothing
 * by itself but what a FIDO key's touch has to do with it.
 */
#ifndef FERRY_DAEMON_LOGIN_H
#define FERRY_DAEMON_LOGIN_H

#include "daemon/monitor_client.h"
#include "net/socket.h"

struct login {
    struct monitor_client *monitor;
    const struct log_sink *log;
    const char *user;    /* who may log in, for the words in the log */
    const char *methods; /* that can continue */
    const struct net_addr *peer;
};

/* Answer an AUTH_REQUEST event. */
void login_on_request(const struct login *l, struct conn *c,
                      const struct conn_auth_request *request);

#endif
