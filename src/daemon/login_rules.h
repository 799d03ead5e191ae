/*
 * Who may log in at all, before any factor is asked for: AllowUsers and its like
 * with sshd's meaning, root, and what the account itself says about times and
 * networks. The order is that in which `ferryd explain` tells them.
 */
#ifndef FERRY_DAEMON_LOGIN_RULES_H
#define FERRY_DAEMON_LOGIN_RULES_H

#include "daemon/steward.h"

struct login_rules {
    const struct server_options *options; /* effective, of this user */
    const struct steward_facts *facts;
    const char *user;
    const char *address; /* the client's, numeric; NULL: not known, as in explain */
    int64_t now;         /* seconds since 1970 */
};

/*
 * ERR_NONE: may log in, when the factors are right. ERR_AUTH: *why completes "not
 * allowed because ", in sshd's words where it has some.
 */
enum err login_rules_check(const struct login_rules *rules, struct fault *why) MUST_USE;

/* USER or USER@HOST of AllowUsers: HOST an address, a CIDR or a pattern. */
bool login_user_matches(const char *pattern, const char *user, const char *address);

#endif
