/*
 * From what is known about a login to what it is allowed: struct grant out of
 * the effective configuration, the account, and the limits that its factors
 * brought along. Where several speak about the same, the strictest holds
 * (threats A10). Looks at no file: whether a root exists and may be a root is
 * found by the session process.
 */
#ifndef FERRY_DAEMON_GRANTING_H
#define FERRY_DAEMON_GRANTING_H

#include "daemon/grant.h"
#include "daemon/sftp_limits.h"
#include "daemon/steward.h"

struct granting {
    const struct server_options *options; /* effective, of this user */
    const struct steward_facts *facts;
    const char *user;
    const struct sftp_limits *limits;  /* of the factors, joined; NULL none */
    bool is_root;                      /* the daemon was started as root */
    uint32_t virtual_uid, virtual_gid; /* VirtualUser; when is_root */
};

/*
 * *grant is filled wholly. ERR_AUTH: nothing can be granted, *why says the reason
 * (no root directory, a bad token, ids that root would have). ERR_LIMIT: a text is
 * too long. ERR_PROTO: a forced command that is not ours.
 */
enum err
grant_make(const struct granting *g, struct grant *grant, struct fault *why) MUST_USE;

#endif
