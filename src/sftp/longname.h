/*
 * The "ls -l" line that version 3 puts beside every name. FileZilla and WinSCP
 * parse it for owner and permissions, so it is OpenSSH's to the octet:
 *
 *   -rw-r--r--    1 root     root           12 Nov 22 18:03 name
 */
#ifndef FERRY_SFTP_LONGNAME_H
#define FERRY_SFTP_LONGNAME_H

#include "base/buf.h"
#include "sftp/owners.h"

/* Longest line, octets: the fields' widest, and a name of 255. */
enum { LONGNAME_MAX = 11 + 21 + 2 * (SFTP_OWNER_MAX + 1) + 21 + 16 + 255 };

/*
 * Append the line for an entry. now: seconds since 1970; what is older than
 * half a year or newer than now shows the year instead of the time.
 */
void longname_put(struct buf *b, const struct vfs_entry *entry, struct owners *owners,
                  int64_t now);

#endif
