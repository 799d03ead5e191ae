/*
 * A vfs filter that makes uploads whole or not at all: a file that is new, or
 * opened for writing with TRUNCATE, is written under a hidden name in the same
 * directory and renamed into place when it is closed after success (threats D2).
 * Until then the old file is intact. It never gets its name when a write or an
 * fsync failed, nor when the client went away without closing it (abandon).
 *
 * Hidden names, both in the file's own directory:
 *
 *   .ferry-upload.NAME.RANDOM.new   being written by one handle, which alone knows
 *                                   the name; left behind only by a crash
 *   .ferry-upload.NAME.part         abandoned: can be resumed
 *
 * Resuming is claiming: the .part is renamed to a fresh .new, which one of several
 * can do, in whatever process; no locks. A .part is cut to what was written
 * without a gap from the start (threats D5). An upload that failed is removed: its
 * client was told, and a full disk needs the room.
 *
 * Opening a file for writing without TRUNCATE (resume, append, change in place):
 * a .part that is newer than the file is what is meant, and what stat and lstat
 * show; otherwise the file itself is changed directly. While a handle of this
 * session uploads the name, that is what stat, lstat and setattr see, and others
 * of this session are refused without TRUNCATE (VFS_ERR_BEING_WRITTEN); with
 * it, each writes its own, and the last CLOSE wins whole (threats D8). A whole
 * upload, and removing the file, drop its .part. Names of more than 200 octets are not
 * resumed.
 *
 * A new file gets the mode of the one that it replaces, unless the client sets
 * another; other names of that one (hard links) keep the old content. Where the
 * directory takes no new names, an existing file is written directly.
 */
#ifndef FERRY_VFS_ATOMIC_H
#define FERRY_VFS_ATOMIC_H

#include "base/rand.h"
#include "vfs/vfs.h"

struct atomic_options {
    bool is_durable; /* fsync file, rename, fsync directory, before close says 0 */
    int64_t (*now)(void *ctx); /* seconds since 1970; NULL: nothing is reaped */
    int64_t keep_s;            /* a temporary older than this is reaped; 0: 7 days */
    /* Called between the last write and the rename; not 0: the rename is not done,
     * and close returns it. For recording an upload's intent. May be NULL. */
    int (*before_rename)(void *ctx, const struct vfs_path *path,
                         const struct vfs_stat *st);
    void *ctx;
    const struct rand_source *rand; /* for names; borrowed. NULL: they are counted */
};

/* Names that begin so and end so are ours: hidden from listings, refused to clients. */
#define ATOMIC_PREFIX ".ferry-upload."
#define ATOMIC_NEW    ".new"
#define ATOMIC_PART   ".part"

/* True: a name of the kind above. */
bool atomic_is_hidden(struct bytes name);

/*
 * inner: owned from now on, also on failure. 0; ENOMEM.
 * Stale temporaries are reaped where a directory is listed (at most 16 a listing),
 * and now and then where something is uploaded.
 */
int atomic_vfs_new(struct vfs *inner, const struct atomic_options *options,
                   struct vfs **v) MUST_USE;

/*
 * A filter for uploads that go straight to their name but durably: close of what
 * was written forces the file and its directory to the disk before it says 0,
 * rename the directory. A failed fsync fails the file for good (threats D3).
 */
int durable_vfs_new(struct vfs *inner, struct vfs **v) MUST_USE;

#endif
