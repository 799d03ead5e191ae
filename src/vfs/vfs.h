/*
 * A tree of files, seen through a table of operations: the disk beneath one
 * directory (vfs/posix.h), a tree in memory (vfs/mem.h), or a filter in front
 * of another one. Filters stand in this order, from the disk up: quota (sees
 * what is really there, hidden temporaries too), atomic or durable, policy
 * (judges what the client asks for, before anything else sees it).
 *
 * Every operation returns 0, a positive errno value, or one of enum vfs_error;
 * never -1, and `errno` means nothing to the caller. Out parameters are set
 * only on 0. Nothing blocks on what a peer can choose: regular files and
 * directories are opened, and nothing else.
 *
 * Paths come parsed (vfs/path.h). "Follows" tells what happens when the last
 * component is a symbolic link; earlier components are always followed, within
 * the tree.
 */
#ifndef FERRY_VFS_VFS_H
#define FERRY_VFS_VFS_H

#include <sys/uio.h>

#include "vfs/path.h"

/* Refusals for which the system has no errno of its own. */
enum vfs_error {
    VFS_ERR_ESCAPES = 0x10000, /* a symbolic link leads out of the tree */
    VFS_ERR_SPECIAL,           /* a FIFO, device or socket: never opened */
    VFS_ERR_PSEUDO,            /* on procfs or sysfs: never opened (threats P5) */
    VFS_ERR_MODE_BITS,         /* would add set-user-id, set-group-id or sticky */
    VFS_ERR_OWNER,             /* would change the owner or the group */
    VFS_ERR_READ_ONLY,         /* the filter in front of the tree refuses changes */
    VFS_ERR_REFUSED,           /* a rule of the account's forbids it: ops->refusal */
    VFS_ERR_BEING_WRITTEN,     /* another handle of this session is uploading it */
    VFS_ERR_NO_INODES,         /* room for octets, but not for one more file */
};

enum { VFS_REFUSAL_MAX = 200 }; /* octets of a sentence of ops->refusal */

/* How to open, numbered as SFTP's pflags. Neither READ nor WRITE: as READ. */
enum vfs_open_flag {
    VFS_READ = 0x01,
    VFS_WRITE = 0x02,
    VFS_APPEND = 0x04, /* every write goes to the end, whatever its offset */
    VFS_CREATE = 0x08,
    VFS_TRUNCATE = 0x10,  /* ignored without WRITE */
    VFS_EXCLUSIVE = 0x20, /* with CREATE: fails with EEXIST, for links too */
    /* Not SFTP's: as EXCLUSIVE, but an interrupted upload of that name may be gone
     * on with (vfs/atomic.h). From a filter that allows new files only. */
    VFS_NEW = 0x40,
};

struct vfs_stat {
    uint64_t size;        /* octets */
    uint32_t mode;        /* st_mode, type bits included, POSIX numbers */
    uint32_t uid, gid;    /* numbers of the system that holds the tree */
    uint64_t nlink;       /* names of this inode */
    int64_t atime, mtime; /* seconds since 1970 */
    uint64_t dev, ino;    /* together: the identity of the file */
    int64_t changed_ns; /* last change of contents, attributes or names: ns since 1970 */
};

enum vfs_set {
    VFS_SET_SIZE = 1,  /* truncate or extend; regular files only */
    VFS_SET_MODE = 2,  /* mode & 07777 */
    VFS_SET_TIMES = 4, /* atime and mtime */
    VFS_SET_OWNER = 8, /* uid and gid */
};

/* Tried in the order above; a failure stops none of the others, the last one
 * is reported (clients rely on OpenSSH's server for that). */
struct vfs_setattr {
    unsigned set; /* vfs_set */
    uint64_t size;
    uint32_t mode;
    uint32_t uid, gid;
    int64_t atime, mtime;
};

struct vfs_statvfs {
    uint64_t bsize, frsize, blocks, bfree, bavail; /* blocks of frsize octets */
    uint64_t files, ffree, favail;
    uint64_t fsid, namemax;
    bool is_read_only, is_nosuid;
};

/* One name of a directory, with what lstat says about it. */
struct vfs_entry {
    struct bytes name; /* borrowed until the directory's next call; n is 0 at the end */
    struct vfs_stat stat;
};

struct vfs_file; /* an open regular file */
struct vfs_dir;  /* a listing in progress */
struct vfs;

struct vfs_ops {
    /* Open a regular file; follows, confined. mode: for a new file, of which 0777
     * less the process's umask are used. EISDIR, VFS_ERR_SPECIAL: not a file. */
    int (*open)(struct vfs *v, const struct vfs_path *path, unsigned flags, uint32_t mode,
                struct vfs_file **file);
    /* The handle is gone afterwards whatever is returned. */
    int (*close)(struct vfs *v, struct vfs_file *file);
    /* As close, for a file whose user went away without closing it: what was
     * written is kept or dropped, but is not taken for a whole upload. */
    void (*abandon)(struct vfs *v, struct vfs_file *file);
    /* Fill the vectors from the offset (at most INT64_MAX less their sum).
     * *got is less than they hold only at the end of the file. */
    int (*preadv)(struct vfs *v, struct vfs_file *file, const struct iovec *iov,
                  int n_iov, uint64_t offset, size_t *got);
    /* 0: all octets are with the kernel. Otherwise some may have been written. */
    int (*pwrite)(struct vfs *v, struct vfs_file *file, struct bytes data,
                  uint64_t offset);
    int (*fstat)(struct vfs *v, struct vfs_file *file, struct vfs_stat *st);
    int (*fsetattr)(struct vfs *v, struct vfs_file *file, const struct vfs_setattr *set);
    int (*fsync)(struct vfs *v, struct vfs_file *file);
    int (*fstatvfs)(struct vfs *v, struct vfs_file *file, struct vfs_statvfs *st);
    /* Copy at most len octets, in one bounded step. *copied is 0 only at the end
     * of `from`. The caller has refused copies of a file onto itself. */
    int (*copy)(struct vfs *v, struct vfs_file *from, uint64_t from_offset,
                struct vfs_file *to, uint64_t to_offset, uint64_t len, uint64_t *copied);

    int (*opendir)(struct vfs *v, const struct vfs_path *path, struct vfs_dir **dir);
    /* The next name, "." and ".." included, in the tree's own order; a name that
     * vanished meanwhile is left out. Holds no more than one bounded batch. */
    int (*readdir)(struct vfs *v, struct vfs_dir *dir, struct vfs_entry *entry);
    void (*closedir)(struct vfs *v, struct vfs_dir *dir);
    int (*dir_stat)(struct vfs *v, struct vfs_dir *dir, struct vfs_stat *st);
    int (*dir_setattr)(struct vfs *v, struct vfs_dir *dir, const struct vfs_setattr *set);
    int (*dir_statvfs)(struct vfs *v, struct vfs_dir *dir, struct vfs_statvfs *st);

    int (*stat)(struct vfs *v, const struct vfs_path *path, struct vfs_stat *st);
    int (*lstat)(struct vfs *v, const struct vfs_path *path, struct vfs_stat *st);
    int (*setattr)(struct vfs *v, const struct vfs_path *path,
                   const struct vfs_setattr *set);
    int (*lsetattr)(struct vfs *v, const struct vfs_path *path,
                    const struct vfs_setattr *set);
    int (*statvfs)(struct vfs *v, const struct vfs_path *path, struct vfs_statvfs *st);
    int (*mkdir)(struct vfs *v, const struct vfs_path *path, uint32_t mode);
    int (*rmdir)(struct vfs *v, const struct vfs_path *path);
    int (*unlink)(struct vfs *v, const struct vfs_path *path);
    /* Never replaces: EEXIST. */
    int (*rename)(struct vfs *v, const struct vfs_path *from, const struct vfs_path *to);
    /* Replaces, in one step: rename(2). */
    int (*rename_over)(struct vfs *v, const struct vfs_path *from,
                       const struct vfs_path *to);
    /* A second name for an existing file; links themselves are not followed. */
    int (*link)(struct vfs *v, const struct vfs_path *existing,
                const struct vfs_path *name);
    /* text: stored as given, terminated, not empty, at most VFS_PATH_MAX octets. */
    int (*symlink)(struct vfs *v, const char *text, const struct vfs_path *name);
    /* text[0..*n), not terminated; room for VFS_PATH_MAX octets. */
    int (*readlink)(struct vfs *v, const struct vfs_path *path, char *text, size_t *n);
    /* The path without symbolic links, within the tree. The last component may
     * be missing. path and real may be the same object. */
    int (*realpath)(struct vfs *v, const struct vfs_path *path, struct vfs_path *real);
    /* Force the directory that holds the name to the disk, so that a rename or a
     * new name survives a crash (threats D4). */
    int (*sync_parent)(struct vfs *v, const struct vfs_path *path);
    /* The sentence that names the rule by which the last refused operation was
     * refused, at most VFS_REFUSAL_MAX octets, printable; "": there is none. For
     * VFS_ERR_REFUSED, VFS_ERR_READ_ONLY and EDQUOT; ask right after the failure.
     * Borrowed until the next operation. */
    const char *(*refusal)(struct vfs *v);
    void (*free)(struct vfs *v);
};

/* Embedded in its implementation. Call as vfs->ops->stat(vfs, ...). */
struct vfs {
    const struct vfs_ops *ops;
};

/* Must the file that an OPEN with these flags gives be one that was not there? */
static inline bool
vfs_is_exclusive(unsigned flags)
{
    return (flags & VFS_CREATE) && (flags & (VFS_EXCLUSIVE | VFS_NEW));
}

/* NULL allowed. All its files and directories must have been closed. */
static inline void
vfs_free(struct vfs *v)
{
    if (v)
        v->ops->free(v);
}

#endif
