/*
 * The verdicts of `ferryd serve`: one virtual user with a password, keys or
 * both (daemon/account.h), and everything it may do known from the start.
 */
#ifndef FERRY_DAEMON_VERDICT_SINGLE_H
#define FERRY_DAEMON_VERDICT_SINGLE_H

#include "daemon/account.h"
#include "daemon/verdict.h"

/* account, grant, log, peer: borrowed for the dialogue's life. ERR_NOMEM. */
enum err verdict_single_new(const struct account *account, const struct grant *grant,
                            const struct log_sink *log, const struct verdict_peer *peer,
                            struct verdict **v) MUST_USE;

#endif
