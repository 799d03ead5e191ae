/*
 * A filter that passes questions on and refuses every change with
 * VFS_ERR_READ_ONLY, on paths and on handles (threats P6).
 */
#ifndef FERRY_VFS_READONLY_H
#define FERRY_VFS_READONLY_H

#include "vfs/vfs.h"

/* inner: owned by the filter from now on, also on failure. 0 or ENOMEM. */
int readonly_vfs_new(struct vfs *inner, struct vfs **v) MUST_USE;

#endif
