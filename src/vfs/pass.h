/*
 * What filters have in common: a tree behind them, and operations that they pass
 * on as they are. A filter's table names these where it has no opinion; there
 * is no default, so that a new operation makes every filter's author decide
 * (threats P7).
 *
 * Handles go through unchanged: a filter that wraps files or directories in
 * handles of its own passes on none of the operations on them.
 */
#ifndef FERRY_VFS_PASS_H
#define FERRY_VFS_PASS_H

#include "vfs/vfs.h"

/* The first member of every filter. */
struct vfs_filter {
    struct vfs vfs;
    struct vfs *inner; /* owned */
};

static inline struct vfs *
filter_inner(struct vfs *v)
{
    return ((struct vfs_filter *)v)->inner;
}

int pass_open(struct vfs *v, const struct vfs_path *path, unsigned flags, uint32_t mode,
              struct vfs_file **file);
int pass_close(struct vfs *v, struct vfs_file *file);
void pass_abandon(struct vfs *v, struct vfs_file *file);
int pass_preadv(struct vfs *v, struct vfs_file *file, const struct iovec *iov, int n_iov,
                uint64_t offset, size_t *got);
int pass_pwrite(struct vfs *v, struct vfs_file *file, struct bytes data, uint64_t offset);
int pass_fstat(struct vfs *v, struct vfs_file *file, struct vfs_stat *st);
int pass_fsetattr(struct vfs *v, struct vfs_file *file, const struct vfs_setattr *set);
int pass_fsync(struct vfs *v, struct vfs_file *file);
int pass_fstatvfs(struct vfs *v, struct vfs_file *file, struct vfs_statvfs *st);
int pass_copy(struct vfs *v, struct vfs_file *from, uint64_t from_offset,
              struct vfs_file *to, uint64_t to_offset, uint64_t len, uint64_t *copied);
int pass_opendir(struct vfs *v, const struct vfs_path *path, struct vfs_dir **dir);
int pass_readdir(struct vfs *v, struct vfs_dir *dir, struct vfs_entry *entry);
void pass_closedir(struct vfs *v, struct vfs_dir *dir);
int pass_dir_stat(struct vfs *v, struct vfs_dir *dir, struct vfs_stat *st);
int pass_dir_setattr(struct vfs *v, struct vfs_dir *dir, const struct vfs_setattr *set);
int pass_dir_statvfs(struct vfs *v, struct vfs_dir *dir, struct vfs_statvfs *st);
int pass_stat(struct vfs *v, const struct vfs_path *path, struct vfs_stat *st);
int pass_lstat(struct vfs *v, const struct vfs_path *path, struct vfs_stat *st);
int
pass_setattr(struct vfs *v, const struct vfs_path *path, const struct vfs_setattr *set);
int
pass_lsetattr(struct vfs *v, const struct vfs_path *path, const struct vfs_setattr *set);
int pass_statvfs(struct vfs *v, const struct vfs_path *path, struct vfs_statvfs *st);
int pass_mkdir(struct vfs *v, const struct vfs_path *path, uint32_t mode);
int pass_rmdir(struct vfs *v, const struct vfs_path *path);
int pass_unlink(struct vfs *v, const struct vfs_path *path);
int pass_rename(struct vfs *v, const struct vfs_path *from, const struct vfs_path *to);
int
pass_rename_over(struct vfs *v, const struct vfs_path *from, const struct vfs_path *to);
int
pass_link(struct vfs *v, const struct vfs_path *existing, const struct vfs_path *name);
int pass_symlink(struct vfs *v, const char *text, const struct vfs_path *name);
int pass_readlink(struct vfs *v, const struct vfs_path *path, char *text, size_t *n);
int pass_realpath(struct vfs *v, const struct vfs_path *path, struct vfs_path *real);
int pass_sync_parent(struct vfs *v, const struct vfs_path *path);
const char *pass_refusal(struct vfs *v);

/* Frees the tree behind and the filter itself. */
void pass_free(struct vfs *v);

#endif
