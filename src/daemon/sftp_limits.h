/*
 * What forced commands leave of SFTP: `internal-sftp -R -u 027 ...` of ForceCommand
 * or Subsystem, of command="" in authorized_keys and of a certificate's
 * force-command. Several of them in one login hold together (threats A10).
 * Fixed size: it goes from process to process.
 */
#ifndef FERRY_DAEMON_SFTP_LIMITS_H
#define FERRY_DAEMON_SFTP_LIMITS_H

#include <limits.h>

#include "base/bytes.h"
#include "base/err.h"

enum { SFTP_LIMITS_LIST_MAX = 1023 }; /* octets of a list of requests */

struct sftp_limits {
    bool is_read_only;
    bool has_umask, has_allowed;
    uint32_t umask;
    char start[PATH_MAX];                   /* with %d and %u; "" none */
    char allowed[SFTP_LIMITS_LIST_MAX + 1]; /* has_allowed: these requests alone */
    char denied[SFTP_LIMITS_LIST_MAX + 1];
};

/* ERR_PROTO: another command, an unknown option or a bad value; *why says which. */
enum err sftp_limits_parse(const char *command, struct sftp_limits *limits,
                           struct fault *why) MUST_USE;

/*
 * The stricter of both in every respect, into a; a's directory to start in, if it
 * has one. ERR_LIMIT: too long together. ERR_AUTH: no request is left.
 */
enum err sftp_limits_join(struct sftp_limits *a, const struct sftp_limits *b,
                          struct fault *why) MUST_USE;

#endif
