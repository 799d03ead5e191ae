/*
 * The one parser of peers' path names (threats P1, P9). Everything behind it,
 * rules as well as system calls, sees only its result: an absolute path from
 * the root of the vfs with no ".", "..", empty or over-long component.
 *
 * ".." is taken lexically and stops at the root, as in a chroot. What symbolic
 * links do to a path is the vfs's business, whose wall is the kernel.
 */
#ifndef FERRY_VFS_PATH_H
#define FERRY_VFS_PATH_H

#include "base/bytes.h"
#include "base/err.h"

enum { VFS_PATH_MAX = 4095, VFS_COMPONENT_MAX = 255 }; /* octets */

/*
 * "/" or "/a/b": normalised, terminated. The array holds the longest path that
 * is accepted, so nothing is ever cut to fit.
 */
struct vfs_path {
    size_t n; /* octets, without the terminator; at least 1 */
    char text[VFS_PATH_MAX + 1];
};

/* "/" */
void vfs_path_root(struct vfs_path *p);

/*
 * Parse what a peer sent. start: where relative names begin; NULL: the root.
 * An empty name is the start itself.
 * 0; EINVAL: holds a NUL; ENAMETOOLONG: the name or the joined path is longer
 * than VFS_PATH_MAX, or a component than VFS_COMPONENT_MAX. *p is then "/".
 */
int vfs_path_parse(struct vfs_path *p, const struct vfs_path *start,
                   struct bytes name) MUST_USE;

/*
 * Walk further in place: apply name's components ("..", "." and "//" as above;
 * a leading "/" does not restart). Errors as vfs_path_parse; *p is unchanged
 * then.
 */
int vfs_path_append(struct vfs_path *p, struct bytes name) MUST_USE;

/* Drop the last component; the root stays the root. */
void vfs_path_pop(struct vfs_path *p);

/* Relative to the root, for *at() calls: "a/b", or "." for the root. Borrowed. */
const char *vfs_path_relative(const struct vfs_path *p);

/* The last component, "." for the root. Borrowed. */
const char *vfs_path_last(const struct vfs_path *p);

static inline bool
vfs_path_is_root(const struct vfs_path *p)
{
    return p->n == 1;
}

static inline struct bytes
vfs_path_bytes(const struct vfs_path *p)
{
    return bytes_of(p->text, p->n);
}

#endif
