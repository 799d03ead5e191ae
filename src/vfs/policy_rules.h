/*
 * What the two halves of the policy share: the parsed rules (policy.c) and the
 * filter that asks them (policy_vfs.c), whose table of operations the tests read.
 */
#ifndef FERRY_VFS_POLICY_RULES_H
#define FERRY_VFS_POLICY_RULES_H

#include "vfs/policy.h"

struct policy_rule {
    char *path; /* owned; normalised */
    size_t path_len;
    unsigned rights;
    char text[100]; /* the line, encoded and cut, for sentences */
};

/* The rule that decides; NULL: none applies. */
const struct policy_rule *
policy_rule_of(const struct policy *policy, const struct vfs_path *path);

unsigned policy_rights_at(const struct policy *policy, const struct vfs_path *path);

/* Is the path above one that a rule gives rights on? Clients walk down there. */
bool policy_leads_to_rights(const struct policy *policy, const struct vfs_path *path);

/* A rule that names the path or something beneath; NULL: there is none. */
const struct policy_rule *
policy_rule_within(const struct policy *policy, const struct vfs_path *path);

bool policy_is_read_only(const struct policy *policy);

/* Rights by which existing files are used: whoever has one may know of them. */
enum {
    POLICY_EXISTING = POLICY_LIST | POLICY_DOWNLOAD | POLICY_OVERWRITE | POLICY_DELETE |
                      POLICY_RENAME | POLICY_ATTRIBUTES,
    POLICY_CHANGES = POLICY_ALL & ~(POLICY_LIST | POLICY_DOWNLOAD),
};

/* ---- the table of operations ---- */

/* What an operation does with a path's last component. */
enum policy_use {
    POLICY_USE_NONE,
    POLICY_USE_OBJECT, /* follows it */
    POLICY_USE_NAME,   /* acts on the name itself */
    POLICY_USE_NEW,    /* makes the name: refused names are looked at */
    POLICY_USE_MOVED,  /* takes what lies beneath along */
    POLICY_USE_HANDLE, /* no path: the rights are those of the handle */
};

struct policy_operand {
    enum policy_use use;
    unsigned needs; /* all of them; 0: any right */
};

/* In the order of struct vfs_ops. */
enum policy_op {
    POLICY_OP_OPEN,
    POLICY_OP_CLOSE,
    POLICY_OP_ABANDON,
    POLICY_OP_PREADV,
    POLICY_OP_PWRITE,
    POLICY_OP_FSTAT,
    POLICY_OP_FSETATTR,
    POLICY_OP_FSYNC,
    POLICY_OP_FSTATVFS,
    POLICY_OP_COPY,
    POLICY_OP_OPENDIR,
    POLICY_OP_READDIR,
    POLICY_OP_CLOSEDIR,
    POLICY_OP_DIR_STAT,
    POLICY_OP_DIR_SETATTR,
    POLICY_OP_DIR_STATVFS,
    POLICY_OP_STAT,
    POLICY_OP_LSTAT,
    POLICY_OP_SETATTR,
    POLICY_OP_LSETATTR,
    POLICY_OP_STATVFS,
    POLICY_OP_MKDIR,
    POLICY_OP_RMDIR,
    POLICY_OP_UNLINK,
    POLICY_OP_RENAME,
    POLICY_OP_RENAME_OVER,
    POLICY_OP_LINK,
    POLICY_OP_SYMLINK,
    POLICY_OP_READLINK,
    POLICY_OP_REALPATH,
    POLICY_OP_SYNC_PARENT,
    POLICY_OP_REFUSAL,
    POLICY_OP_FREE,
    POLICY_OP_COUNT,
};

struct policy_row {
    const char *name;
    struct policy_operand first, second;
};

extern const struct policy_row policy_rows[POLICY_OP_COUNT];

#endif
