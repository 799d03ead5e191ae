/*
 * A vfs filter that keeps a tree within a number of octets and of files.
 * It knows what an operation would add, asks for it before it is done, and
 * gives back what was not used. The account's sessions share one ledger, which
 * lies elsewhere (in the monitor's keeping) and is reached through two functions:
 * bytes in flight are counted because they are asked for first.
 */
#ifndef FERRY_VFS_QUOTA_H
#define FERRY_VFS_QUOTA_H

#include "vfs/vfs.h"

struct quota_state {
    uint64_t used_octets, limit_octets; /* limit 0: none */
    uint64_t used_files, limit_files;
};

struct quota_ledger {
    /*
     * Charge (positive) or give back (negative). 0; EDQUOT: the sum would pass a
     * limit, nothing was charged: *used and *limit tell about the octets, or with
     * is_files about the files. Other errors: the ledger cannot be reached.
     */
    int (*charge)(void *ctx, int64_t octets, int64_t files, struct quota_state *state);
    void *ctx;
};

enum {
    /* Charged ahead of what a file needs, so that not every WRITE asks; given back
     * at close. Less when the quota is nearly used up. */
    QUOTA_AHEAD = 4 << 20,
};

/* inner: owned from now on, also on failure. 0; ENOMEM. */
int quota_vfs_new(struct vfs *inner, const struct quota_ledger *ledger,
                  struct vfs **v) MUST_USE;

/*
 * Count a tree: regular files and symbolic links count as files, st_size as
 * octets, names of one inode once. Bounded memory; depth as VFS_PATH_MAX allows.
 * Directories are not counted.
 */
int quota_count(struct vfs *v, uint64_t *octets, uint64_t *files) MUST_USE;

#endif
