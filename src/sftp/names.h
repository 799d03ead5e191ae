/*
 * Names and paths as SFTP has them: octets, "/" between components, no
 * character set. What a server lists is judged here before anybody uses it
 * (threats L1), and remote paths are put together here and nowhere else.
 */
#ifndef FERRY_SFTP_NAMES_H
#define FERRY_SFTP_NAMES_H

#include "base/buf.h"
#include "wire/attrs.h"
#include "wire/cursor.h"

enum { SFTP_NAME_MAX = 255, SFTP_PATH_MAX = 4095 };

/*
 * One safe component: 1..255 octets, not "." or "..", without "/" and NUL.
 * Only such a name may be joined to a local or remote directory.
 */
bool sftp_name_is_safe(struct bytes name);

/* "." or "..", which every listing may hold and every walker passes over. */
bool sftp_name_is_dot(struct bytes name);

/* dir, "/" if needed, name. An empty dir is the default directory: name alone. */
void sftp_path_join(struct buf *out, struct bytes dir, struct bytes name);

/* The last component ("/a/b/" gives "b"); empty for "", "/" and "//". Borrowed. */
struct bytes sftp_path_base(struct bytes path);

/* All before the last component, without its "/" ("a" gives "", "/a" gives "/"). */
struct bytes sftp_path_dir(struct bytes path);

/* One entry of SSH_FXP_NAME; borrowed. longname is a server's text: show it
 * escaped or not at all (threats L3). */
struct sftp_name {
    struct bytes filename;
    struct bytes longname;
    struct sftp_attrs attrs;
};

/* A walk over SSH_FXP_NAME's entries, which were checked as a whole before. */
struct sftp_names {
    uint32_t count; /* entries not read yet */
    struct cursor at;
};

/*
 * Begin a walk. False: the entries do not add up (a count that lies, a broken
 * entry); the walk is then empty. Reads every entry once.
 */
bool
sftp_names_init(struct sftp_names *names, uint32_t count, struct bytes entries) MUST_USE;

/* The next entry; false at the end. */
bool sftp_names_next(struct sftp_names *names, struct sftp_name *name);

#endif
