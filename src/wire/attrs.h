/*
 * File attributes of SFTP version 3 (draft-ietf-secsh-filexfer-02 section 5).
 */
#ifndef FERRY_WIRE_ATTRS_H
#define FERRY_WIRE_ATTRS_H

#include "base/buf.h"
#include "wire/cursor.h"

enum sftp_attr_flag {
    SFTP_ATTR_SIZE = 0x00000001,
    SFTP_ATTR_UIDGID = 0x00000002,
    SFTP_ATTR_PERMISSIONS = 0x00000004,
    SFTP_ATTR_ACMODTIME = 0x00000008,
};
#define SFTP_ATTR_EXTENDED 0x80000000U

/* Members without their flag are zero. */
struct sftp_attrs {
    uint32_t flags; /* sftp_attr_flag; extended pairs are read over and not kept */
    uint64_t size;  /* octets */
    uint32_t uid, gid;
    uint32_t permissions;  /* st_mode as POSIX numbers it, type bits included */
    uint32_t atime, mtime; /* seconds since 1970, unsigned */
};

/*
 * Unknown flag bits make the layout unreadable: failure latches, except for
 * 0x20, which Huawei's servers set without a field (version 3 has none there).
 */
struct sftp_attrs cursor_attrs(struct cursor *c);

/* Writes only the members whose flags are set. */
void put_attrs(struct buf *b, const struct sftp_attrs *a);

#endif
