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

enum { POLICY_RULES_MAX = 256, POLICY_PATTERNS_MAX = 256 };

struct policy; /* parsed rules */

/*
 * rules: lines as above, blank ones skipped; PATH may hold blanks, RIGHTS not;
 * "" allows everything. refused_names: patterns (base/pattern.h; ASCII letters in
 * either case), a line each, matched against every name that would be created
 * or renamed to. ERR_PROTO: *why names the line. ERR_NOMEM.
 */
enum err policy_parse(const char *rules, const char *refused_names, bool is_read_only,
                      struct policy **policy, struct fault *why) MUST_USE;
void policy_free(struct policy *policy); /* NULL allowed */

/*
 * True: there is nothing to forbid, and policy_vfs_new gives `inner` itself.
 * Otherwise the filter hands on resolved paths only, so that a disk beneath it
 * should be made with posix_vfs_options.is_literal: nobody then gets around a
 * rule by swapping a directory for a link.
 */
bool policy_is_empty(const struct policy *policy);

/*
 * May this right be used on this path (parsed, links resolved)? why: a sentence
 * that names the deciding rule, in both cases; terminated, room for
 * VFS_REFUSAL_MAX octets. `ferryd explain` asks the same function as the filter.
 */
bool policy_allows(const struct policy *policy, enum policy_right right,
                   const struct vfs_path *path, char *why);

/* Words of rights to bits; false: *unknown is a word that is none. */
bool policy_rights_of(struct bytes words, unsigned *rights, struct bytes *unknown);
const char *policy_right_word(enum policy_right right);

/* The first pattern that refuses this name; NULL: none does. Borrowed. */
const char *policy_refusing_pattern(const struct policy *policy, struct bytes name);

/*
 * What the filter does beyond the rights by path:
 *
 * - A handle keeps the rights of its OPEN. Opened for writing, it may also set
 *   the file's size, mode and times: that belongs to an upload.
 * - OPEN with CREATE by whom may upload but not overwrite makes new files only;
 *   by whom may overwrite but not upload changes existing ones only.
 * - rename needs `rename` on both names, replacing also `overwrite` or `delete`
 *   on the new one. Between places of different rules it is judged as the copy
 *   that it amounts to: `download` and `delete` there, `upload` here. What a rule
 *   names, or what leads to it, does not move at all.
 * - link needs `download` of the file and `upload` for the name, and of the rights
 *   to change files whatever the new name would give.
 * - stat, lstat, readlink, realpath and statvfs need any right, or that the path
 *   leads to a rule with some. Where there are only rights to make new files
 *   (drop-box) they tell about directories, about names that are free, and about
 *   the last 128 files that were opened for writing here in this session: what
 *   clients look at before and after an upload. Those files' modes and times may
 *   be set, too.
 */

/* inner, policy: owned by the filter from now on, also on failure. 0; ENOMEM. */
int policy_vfs_new(struct vfs *inner, struct policy *policy, struct vfs **v) MUST_USE;

#endif
