/*
 * Authentication requests of one connection, put to the monitor in the form it
 * understands and answered as it says. Decides nothing.
 */
#ifndef FERRY_DAEMON_LOGIN_H
#define FERRY_DAEMON_LOGIN_H

#include "daemon/monitor_client.h"

/* Answer an AUTH_REQUEST event. */
void login_on_request(struct monitor_client *m, struct conn *c,
                      const struct conn_auth_request *request);

#endif
