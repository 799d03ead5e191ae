/*
 * A vfs filter that makes uploads whole or not at all: a file opened for
 * writing with CREATE and TRUNCATE (or new) is written under a hidden name in
 * the same directory and renamed into place when it is closed after success. Until
 * then the old file is intact. A stop, a crash or a lost connection leaves the
 * temporary file, which can be resumed for a while and is reaped later.
 *
 * Opening an existing file for writing without TRUNCATE (resume, append, change in
 * place): when a temporary of that name exists, it is what is meant and what
 * stat shows; otherwise the file itself is changed directly.
 */
#ifndef FERRY_VFS_ATOMIC_H
#define FERRY_VFS_ATOMIC_H

#include "vfs/vfs.h"

struct atomic_options {
    bool is_durable; /* fsync file, rename, fsync directory, before close says 0 */
    int64_t (*now)(void *ctx); /* seconds since 1970 */
    int64_t keep_s;            /* a temporary older than this is reaped; 0: 7 days */
    /* Called between the last write and the rename; not 0: the rename is not done.
     * For recording an upload's intent. May be NULL. */
    int (*before_rename)(void *ctx, const struct vfs_path *path,
                         const struct vfs_stat *st);
    void *ctx;
};

/* Names that begin so and end so are ours: hidden from listings, refused to clients. */
#define ATOMIC_PREFIX ".ferry-upload."

/* inner: owned from now on, also on failure. 0; ENOMEM. */
int atomic_vfs_new(struct vfs *inner, const struct atomic_options *options,
                   struct vfs **v) MUST_USE;

/* A filter for uploads that go straight to their name but durably. */
int durable_vfs_new(struct vfs *inner, struct vfs **v) MUST_USE;

/*
 * Channel ended while the file was open: it must not be renamed into place. The
 * SFTP server calls vfs->ops->abandon instead of close for such handles.
 */

#endif
