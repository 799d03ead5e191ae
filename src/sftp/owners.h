/*
 * Names of users and groups, remembered: a listing of 100,000 files has a
 * handful of owners, and asking the system for each would cost more than all
 * the rest. Bounded: one slot per hash value, the newest wins.
 */
#ifndef FERRY_SFTP_OWNERS_H
#define FERRY_SFTP_OWNERS_H

#include "sftp/server.h"

enum { OWNERS_SLOTS = 64 };

struct owner {
    uint32_t id;
    bool is_used, is_known;
    uint8_t name_len;
    char name[SFTP_OWNER_MAX + 1]; /* the number when the name is not known */
};

struct owners {
    const struct sftp_host *host;
    struct owner users[OWNERS_SLOTS], groups[OWNERS_SLOTS];
};

void owners_init(struct owners *o, const struct sftp_host *host);

/* Never NULL; valid until the next call of the same kind. */
const struct owner *owners_user(struct owners *o, uint32_t uid);
const struct owner *owners_group(struct owners *o, uint32_t gid);

#endif
