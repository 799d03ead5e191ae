/*
 * A tree in memory, with POSIX semantics as far as SFTP can see them, and with
 * faults on order: for tests, simulation and fuzzing.
 */
#ifndef FERRY_VFS_MEM_H
#define FERRY_VFS_MEM_H

#include "vfs/vfs.h"

enum mem_op {
    MEM_OP_OPEN,
    MEM_OP_CLOSE,
    MEM_OP_READ,
    MEM_OP_WRITE,
    MEM_OP_STAT,
    MEM_OP_SETATTR,
    MEM_OP_SYNC, /* of files and of directories */
    MEM_OP_READDIR,
    MEM_OP_NAME, /* mkdir, rmdir, unlink, rename, link, symlink */
    MEM_OP_COUNT
};

/* Fail the nth call (from 1) of its kind, counted from when the fault was set. */
struct mem_fault {
    enum mem_op op;
    unsigned nth;
    int error;      /* errno to return; 0: only be short */
    size_t partial; /* octets that a WRITE stores before it fails */
};

struct mem_vfs_options {
    int64_t (*now)(void *ctx); /* for mtime; NULL: always 0 */
    void *ctx;
    uint64_t capacity; /* octets of file data in all; beyond: ENOSPC. 0: 64 MiB */
};

/* An empty root. options may be NULL. 0 or ENOMEM. */
int mem_vfs_new(const struct mem_vfs_options *options, struct vfs **v) MUST_USE;

/* One fault at a time; NULL clears it. */
void mem_vfs_set_fault(struct vfs *v, const struct mem_fault *fault);

#endif
