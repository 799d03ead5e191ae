/*
 * One virtual account, or a group of accounts whose values its members inherit,
 * as it lies in the account database (account/store.h) and as `ferryd user`
 * shows it.
 *
 * A member that is not set ("" or ACCOUNT_UNSET) is taken from the account's
 * group, then from the configuration.
 */
#ifndef FERRY_ACCOUNT_RECORD_H
#define FERRY_ACCOUNT_RECORD_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    ACCOUNT_NAME_MAX = 64,     /* octets; user_name_is_valid */
    ACCOUNT_HASH_MAX = 384,    /* a crypt(5) string */
    ACCOUNT_LIST_MAX = 2048,   /* networks, patterns: octets of the list */
    ACCOUNT_RIGHTS_MAX = 8192, /* octets of all permission lines; vfs/policy.h */
    ACCOUNT_CHAIN_MAX = 256,   /* octets, as AuthenticationMethods */
    ACCOUNT_KEYS_MAX = 64,     /* keys of one account */
    ACCOUNT_UNSET = -1,
};

struct account_record {
    int64_t id; /* of the database; 0: not stored yet */
    char name[ACCOUNT_NAME_MAX + 1];
    char group[ACCOUNT_NAME_MAX + 1]; /* "": none */
    bool is_group, is_disabled;
    bool has_password, has_totp;         /* the secrets themselves stay in the store */
    char root[PATH_MAX];                 /* with %u %%; "" unset */
    char chain[ACCOUNT_CHAIN_MAX + 1];   /* required authentication chains */
    int64_t expires;                     /* seconds since 1970; ACCOUNT_UNSET: never */
    char networks[ACCOUNT_LIST_MAX + 1]; /* CIDR list; "": everywhere */
    char refused_names[ACCOUNT_LIST_MAX + 1]; /* patterns, comma-separated */
    char rights[ACCOUNT_RIGHTS_MAX + 1];      /* lines "PATH RIGHTS"; vfs/policy.h */
    int64_t max_sessions;                     /* connections at a time */
    int64_t upload_rate, download_rate;       /* octets a second, shared; 0: unlimited */
    int64_t quota_octets, quota_files;        /* 0: unlimited */
    int64_t uid, gid; /* when the daemon is root; unset: VirtualUser */
    int64_t umask;    /* octal in texts */
    int64_t is_read_only, is_atomic, is_durable; /* 0, 1, ACCOUNT_UNSET */
    int64_t created, changed, last_login;        /* seconds since 1970; ACCOUNT_UNSET */
};

#endif
