/*
 * What one login is allowed: made by the monitor from the configuration and
 * the account when the last factor was right, handed to the session process as
 * its first message. The session believes nothing else about itself; what the
 * pre-authentication process hands over is transport state alone.
 *
 * Fixed size and without pointers: both sides are one program.
 */
#ifndef FERRY_DAEMON_GRANT_H
#define FERRY_DAEMON_GRANT_H

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

#include "account/record.h"
#include "config/server_options.h"

enum {
    GRANT_GROUPS_MAX = 256,
    GRANT_TEXT_MAX = 8192, /* octets of rights and of refused names */
};

struct grant {
    char user[ACCOUNT_NAME_MAX + 1];
    uint32_t is_virtual;
    /* Whom to become, when the daemon is root. */
    uint32_t changes_ids;
    uint32_t uid, gid;
    uint32_t n_groups;
    uint32_t groups[GRANT_GROUPS_MAX];
    /* Directory shown as "/". A chroot's components must be root's (sshd's rule). */
    char root[PATH_MAX];
    uint32_t is_chroot;   /* chroot there as well: ChrootDirectory, or virtual as root */
    uint32_t is_confined; /* 0: a system account without ChrootDirectory: root is "/" */
    char home[PATH_MAX];  /* as a path of the vfs */
    char start[PATH_MAX]; /* where relative names begin; "": home */

    uint32_t umask, is_read_only, is_atomic, is_durable;
    uint32_t max_sessions; /* connections of this account at a time; 0: no limit */
    uint64_t upload_rate, download_rate; /* octets a second; 0: no limit */
    uint64_t quota_octets, quota_files;  /* 0: no limit */
    uint64_t used_octets, used_files;    /* when granted */
    uint32_t needs_recount;      /* usage is not known exactly: count the tree first */
    char rights[GRANT_TEXT_MAX]; /* vfs/policy.h; "": everything */
    char refused_names[GRANT_TEXT_MAX];                 /* patterns, a line each */
    char allowed_requests[1024], denied_requests[1024]; /* -p and -P of internal-sftp */

    uint32_t log_level; /* enum log_level */
    uint32_t keepalive_ms, keepalive_max, channels_max;
    uint32_t channel_timeout_ms, unused_ms; /* 0: none */
    uint64_t rekey_octets;
    uint32_t rekey_ms;
    uint32_t wants_intents; /* an upload's intent is recorded before its rename */
};

#endif
