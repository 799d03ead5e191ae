/*
 * A vfs filter that knows what an account may do where: rights by directory,
 * refused names, read-only. One function judges every operation (law 5), the
 * same that `ferryd explain` asks; each refusal keeps its deciding rule, which
 * vfs_refusal tells.
 *
 * A rule is a line `PATH RIGHTS`: PATH absolute within the tree, the rule holds
 * for it and everything beneath, the longest PATH that applies decides alone.
 * RIGHTS: comma-separated words list, download, upload, overwrite, delete,
 * rename, mkdir, symlink, attributes; or all, none, read (list,download),
 * write (all), dropbox (upload, mkdir: neither list nor download).
 * Without any rule everything is allowed; with rules what no rule names is not.
 *
 * Names are judged after symbolic links were resolved (inner->realpath), so
 * that a link is no way around a rule; the kernel's confinement stays the wall
 * against races.
 */
#ifndef FERRY_VFS_POLICY_H
#define FERRY_VFS_POLICY_H

#include "vfs/vfs.h"

enum policy_right {
    POLICY_LIST = 1 << 0,
    POLICY_DOWNLOAD = 1 << 1,
    POLICY_UPLOAD = 1 << 2,    /* make new files */
    POLICY_OVERWRITE = 1 << 3, /* change or replace existing ones */
    POLICY_DELETE = 1 << 4,
    POLICY_RENAME = 1 << 5,
    POLICY_MKDIR = 1 << 6,
    POLICY_SYMLINK = 1 << 7,
    POLICY_ATTRIBUTES = 1 << 8, /* modes and times of existing files */
    POLICY_ALL = (1 << 9) - 1,
};

enum { POLICY_RULES_MAX = 256 };

struct policy; /* parsed rules */

/*
 * rules: lines as above; "" allows everything. refused_names: patterns
 * (base/pattern.h), a line each, matched against every component that would be
 * created or renamed to. ERR_PROTO: *why names the line.
 */
enum err policy_parse(const char *rules, const char *refused_names, bool is_read_only,
                      struct policy **policy, struct fault *why) MUST_USE;
void policy_free(struct policy *policy); /* NULL allowed */

/*
 * May this right be used on this path (parsed, links resolved)? why: a sentence
 * that names the deciding rule, in both cases; room for VFS_REFUSAL_MAX octets.
 */
bool policy_allows(const struct policy *policy, enum policy_right right,
                   const struct vfs_path *path, char *why);

/* Words of rights to bits; false: *unknown is a word that is none. */
bool policy_rights_of(struct bytes words, unsigned *rights, struct bytes *unknown);
const char *policy_right_word(enum policy_right right);

/* inner, policy: owned by the filter from now on, also on failure. 0; ENOMEM. */
int policy_vfs_new(struct vfs *inner, struct policy *policy, struct vfs **v) MUST_USE;

#endif
