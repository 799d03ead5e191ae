/*
 * Walks a path's symbolic links without opening anything: the names that
 * REALPATH tells, and the look-up of the tree in memory.
 */
#ifndef FERRY_VFS_LINKS_H
#define FERRY_VFS_LINKS_H

#include "vfs/path.h"

/*
 * The text of the link at a path whose earlier components are no links.
 * 0 and text[0..*n), room for VFS_PATH_MAX octets; EINVAL: exists, and is no
 * link; ENOENT; any other error ends the walk.
 */
typedef int
vfs_link_reader(void *ctx, const struct vfs_path *path, char *text, size_t *n);

enum vfs_links_rule {
    VFS_LINKS_CONFINED, /* absolute texts and ".." above the root are refused */
    VFS_LINKS_ANYWHERE, /* "/" in a text is the root, ".." stops there */
};

/*
 * *real: path with every link replaced by what it leads to. The last component
 * may be missing. path and real may be the same object.
 * ELOOP: more than 40 links; VFS_ERR_ESCAPES; what the reader said.
 */
int vfs_links_resolve(const struct vfs_path *path, enum vfs_links_rule rule,
                      vfs_link_reader *reader, void *ctx, struct vfs_path *real) MUST_USE;

#endif
