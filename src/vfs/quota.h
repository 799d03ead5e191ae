/*
 * A vfs filter that keeps a tree within a number of octets and of files.
 * It knows what an operation would add, asks for it before it is done, and
 * gives back what was not used. The account's sessions share one ledger, which
 * lies elsewhere (in the monitor's keeping) and is reached through two functions:
 * bytes in flight are counted because they are asked for first.
 *
 * It stands right in front of the disk, behind the filter for atomic uploads:
 * what it counts is what is there, hidden temporaries of uploads included. While
 * a file is being replaced, the old one and the new one both count; the old one
 * is given back when the rename replaces it, and a temporary that is reaped when
 * it goes.
 *
 * Exact: after the last handle was closed, what was charged is what quota_count
 * finds. A file without names counts until this session's last handle on it is
 * closed. Two sessions that change the size of one file in the same instant may
 * be charged for both; a recount heals that.
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
     * Charge (positive) or give back (negative; never refused). 0 and what is
     * used now; EDQUOT: the sum would pass a limit, nothing was charged, *state
     * tells. (0, 0) asks only. Other errors: the ledger cannot be reached.
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
 * octets, names of one inode once. Directories are not counted. What lies deeper
 * than VFS_PATH_MAX cannot be named, nor counted. Holds the names of directories
 * yet to be read and the inodes that have several names: ENOMEM beyond 64 MiB
 * of those, E2BIG beyond a million of these.
 */
int quota_count(struct vfs *v, uint64_t *octets, uint64_t *files) MUST_USE;

#endif
