/*
 * What the files of the posix vfs share: the root, and the only ways to get
 * from a path to a descriptor. Nothing else in this folder opens by name.
 */
#ifndef FERRY_VFS_POSIX_IMPL_H
#define FERRY_VFS_POSIX_IMPL_H

#include <sys/stat.h>

#include "vfs/posix.h"

struct posix_vfs {
    struct vfs vfs;
    int root;
    uint64_t resolve; /* RESOLVE_* for every look-up */
    dev_t root_dev;
    ino_t root_ino;
    struct posix_vfs_options options;
};

/* vfs_file and vfs_dir are these, seen from outside. */
struct posix_file {
    int fd;
    bool is_append;
};

static inline struct posix_vfs *
posix_of(struct vfs *v)
{
    return (struct posix_vfs *)v;
}

static inline struct posix_file *
posix_file_of(struct vfs_file *f)
{
    return (struct posix_file *)f;
}

/*
 * One look-up, fully described: a name beneath a directory's descriptor. It
 * names either a whole path from the root (links followed) or one component
 * in its parent (not followed).
 */
struct posix_place {
    int dir;
    const char *name; /* borrowed from the path */
    int nofollow;     /* O_NOFOLLOW or 0 */
    bool owns_dir;
};

/* The whole path: links are followed to the end, inside the wall. */
struct posix_place posix_place_whole(struct posix_vfs *p, const struct vfs_path *path);

/*
 * The parent directory, opened, and the last component; the root is "." in
 * itself. To be closed with posix_place_close.
 */
int posix_place_parent(struct posix_vfs *p, const struct vfs_path *path,
                       struct posix_place *place) MUST_USE;
void posix_place_close(struct posix_place *place);

/*
 * openat2 with the wall's flags and O_CLOEXEC. resolve: further RESOLVE_* bits.
 * 0 and *fd, which the caller closes; an errno value; VFS_ERR_ESCAPES.
 */
int posix_open_at(struct posix_vfs *p, const struct posix_place *place, int flags,
                  uint32_t mode, uint64_t resolve, int *fd) MUST_USE;

/*
 * Why a new name could not be made: ENOSPC is told apart from a file system
 * that has run out of inodes. fd: anything on that file system.
 */
int posix_creation_error(int fd, int error);

void posix_stat_of(const struct stat *st, struct vfs_stat *out);

/* ---- operations, by file ---- */

/* posix_file.c */
int posix_open(struct vfs *v, const struct vfs_path *path, unsigned flags, uint32_t mode,
               struct vfs_file **file);
int posix_close(struct vfs *v, struct vfs_file *file);
void posix_abandon(struct vfs *v, struct vfs_file *file);
int posix_preadv(struct vfs *v, struct vfs_file *file, const struct iovec *iov, int n_iov,
                 uint64_t offset, size_t *got);
int
posix_pwrite(struct vfs *v, struct vfs_file *file, struct bytes data, uint64_t offset);
int posix_fsync(struct vfs *v, struct vfs_file *file);
int posix_copy(struct vfs *v, struct vfs_file *from, uint64_t from_offset,
               struct vfs_file *to, uint64_t to_offset, uint64_t len, uint64_t *copied);

/* posix_dir.c */
int posix_opendir(struct vfs *v, const struct vfs_path *path, struct vfs_dir **dir);
int posix_readdir(struct vfs *v, struct vfs_dir *dir, struct vfs_entry *entry);
void posix_closedir(struct vfs *v, struct vfs_dir *dir);
int posix_dir_fd(struct vfs_dir *dir);

/* posix_attr.c */
int posix_fstat(struct vfs *v, struct vfs_file *file, struct vfs_stat *st);
int posix_fsetattr(struct vfs *v, struct vfs_file *file, const struct vfs_setattr *set);
int posix_fstatvfs(struct vfs *v, struct vfs_file *file, struct vfs_statvfs *st);
int posix_dir_stat(struct vfs *v, struct vfs_dir *dir, struct vfs_stat *st);
int posix_dir_setattr(struct vfs *v, struct vfs_dir *dir, const struct vfs_setattr *set);
int posix_dir_statvfs(struct vfs *v, struct vfs_dir *dir, struct vfs_statvfs *st);
int posix_stat(struct vfs *v, const struct vfs_path *path, struct vfs_stat *st);
int posix_lstat(struct vfs *v, const struct vfs_path *path, struct vfs_stat *st);
int
posix_setattr(struct vfs *v, const struct vfs_path *path, const struct vfs_setattr *set);
int
posix_lsetattr(struct vfs *v, const struct vfs_path *path, const struct vfs_setattr *set);
int posix_statvfs(struct vfs *v, const struct vfs_path *path, struct vfs_statvfs *st);

/* posix_name.c */
int posix_mkdir(struct vfs *v, const struct vfs_path *path, uint32_t mode);
int posix_rmdir(struct vfs *v, const struct vfs_path *path);
int posix_unlink(struct vfs *v, const struct vfs_path *path);
int posix_rename(struct vfs *v, const struct vfs_path *from, const struct vfs_path *to);
int
posix_rename_over(struct vfs *v, const struct vfs_path *from, const struct vfs_path *to);
int
posix_link(struct vfs *v, const struct vfs_path *existing, const struct vfs_path *name);
int posix_symlink(struct vfs *v, const char *text, const struct vfs_path *name);
int posix_readlink(struct vfs *v, const struct vfs_path *path, char *text, size_t *n);

int posix_sync_parent(struct vfs *v, const struct vfs_path *path);

/* posix_realpath.c */
int posix_realpath(struct vfs *v, const struct vfs_path *path, struct vfs_path *real);

#endif
