/*
 * Which daemon a command line means, and a dialogue with it. Says on standard
 * error what is wrong.
 */
#ifndef FERRY_ADMIN_REACH_H
#define FERRY_ADMIN_REACH_H

#include "admin/admin.h"
#include "admin/dialogue.h"

/*
 * The path of the daemon's control socket: --socket, else the configuration's,
 * else the default's for this user. path: room for PATH_MAX octets. False: said why.
 */
bool reach_path(const struct admin_call *call, char *path) MUST_USE;

/* Connect to it. False: said why. */
bool reach_open(struct dialogue *d, const struct admin_call *call) MUST_USE;

/* Connect, ask, close: for the commands that need no more. An exit status. */
int reach_once(const struct admin_call *call, const struct control_request *request,
               dialogue_take *take, void *ctx, struct control_end *end) MUST_USE;

#endif
