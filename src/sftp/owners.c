/* See owners.h. */
#include "sftp/owners.h"

#include <stdio.h>

typedef bool name_fn(void *ctx, uint32_t id, char name[SFTP_OWNER_MAX + 1]);

void
owners_init(struct owners *o, const struct sftp_host *host)
{
    *o = (struct owners){.host = host};
}

static const struct owner *
lookup(const struct sftp_host *host, struct owner *slots, uint32_t id, name_fn *ask)
{
    struct owner *slot = &slots[id % OWNERS_SLOTS];
    if (slot->is_used && slot->id == id)
        return slot;
    *slot = (struct owner){.id = id, .is_used = true};
    slot->is_known = ask(host->ctx, id, slot->name);
    if (!slot->is_known)
        snprintf(slot->name, sizeof slot->name, "%u", id);
    slot->name_len = (uint8_t)strlen(slot->name);
    return slot;
}

const struct owner *
owners_user(struct owners *o, uint32_t uid)
{
    return lookup(o->host, o->users, uid, o->host->user_name);
}

const struct owner *
owners_group(struct owners *o, uint32_t gid)
{
    return lookup(o->host, o->groups, gid, o->host->group_name);
}
