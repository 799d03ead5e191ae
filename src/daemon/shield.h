/*
 * A vfs filter that keeps clients away from files of the daemon's own that lie
 * inside the shared folder: somebody shares their home, and the host key is in
 * it (threats P10). They look as if permission were missing.
 *
 * Two walls. Every path is resolved first and compared with the shielded ones:
 * neither they, nor what is beneath, nor (for changes) what leads to them. And
 * whatever is opened is compared by inode with what lay there at the start, so
 * that a link swapped in between the two steps opens nothing.
 */
#ifndef FERRY_DAEMON_SHIELD_H
#define FERRY_DAEMON_SHIELD_H

#include "vfs/vfs.h"

/*
 * paths[0..n): relative to the root, without links, copied; files or
 * directories. inner: owned by the filter from now on, also on failure.
 * 0; ENOMEM; EINVAL: not such a path.
 */
int shield_vfs_new(struct vfs *inner, const char *const *paths, size_t n,
                   struct vfs **v) MUST_USE;

#endif
