/* See attrs.h. */
#include "wire/attrs.h"

#include "wire/put.h"

enum { KNOWN_FLAGS = 0x0f, HUAWEI_FLAG = 0x20, EXTENDED_PAIR_LEAST = 8 };

/* Read over the pairs. Each takes at least two lengths, so a count beyond what
 * is left can be refused without a loop (threats R4). */
static void
skip_extended(struct cursor *c)
{
    uint32_t count = cursor_u32(c);
    if (count > cursor_left(c) / EXTENDED_PAIR_LEAST)
        c->failed = true;
    for (uint32_t i = 0; i < count && !c->failed; i++) {
        cursor_string(c);
        cursor_string(c);
    }
}

struct sftp_attrs
cursor_attrs(struct cursor *c)
{
    struct sftp_attrs a = {0};
    uint32_t flags = cursor_u32(c);
    if ((flags & ~(KNOWN_FLAGS | HUAWEI_FLAG | SFTP_ATTR_EXTENDED)) != 0)
        c->failed = true;
    if (flags & SFTP_ATTR_SIZE)
        a.size = cursor_u64(c);
    if (flags & SFTP_ATTR_UIDGID) {
        a.uid = cursor_u32(c);
        a.gid = cursor_u32(c);
    }
    if (flags & SFTP_ATTR_PERMISSIONS)
        a.permissions = cursor_u32(c);
    if (flags & SFTP_ATTR_ACMODTIME) {
        a.atime = cursor_u32(c);
        a.mtime = cursor_u32(c);
    }
    if (flags & SFTP_ATTR_EXTENDED)
        skip_extended(c);
    if (c->failed)
        return (struct sftp_attrs){0};
    a.flags = flags & KNOWN_FLAGS;
    return a;
}

void
put_attrs(struct buf *b, const struct sftp_attrs *a)
{
    put_u32(b, a->flags & KNOWN_FLAGS);
    if (a->flags & SFTP_ATTR_SIZE)
        put_u64(b, a->size);
    if (a->flags & SFTP_ATTR_UIDGID) {
        put_u32(b, a->uid);
        put_u32(b, a->gid);
    }
    if (a->flags & SFTP_ATTR_PERMISSIONS)
        put_u32(b, a->permissions);
    if (a->flags & SFTP_ATTR_ACMODTIME) {
        put_u32(b, a->atime);
        put_u32(b, a->mtime);
    }
}
