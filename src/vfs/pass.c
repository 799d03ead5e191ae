/* See pass.h. */
#include "vfs/pass.h"

#include <stdlib.h>

int
pass_open(struct vfs *v, const struct vfs_path *path, unsigned flags, uint32_t mode,
          struct vfs_file **file)
{
    return filter_inner(v)->ops->open(filter_inner(v), path, flags, mode, file);
}

int
pass_close(struct vfs *v, struct vfs_file *file)
{
    return filter_inner(v)->ops->close(filter_inner(v), file);
}

void
pass_abandon(struct vfs *v, struct vfs_file *file)
{
    filter_inner(v)->ops->abandon(filter_inner(v), file);
}

int
pass_preadv(struct vfs *v, struct vfs_file *file, const struct iovec *iov, int n_iov,
            uint64_t offset, size_t *got)
{
    return filter_inner(v)->ops->preadv(filter_inner(v), file, iov, n_iov, offset, got);
}

int
pass_pwrite(struct vfs *v, struct vfs_file *file, struct bytes data, uint64_t offset)
{
    return filter_inner(v)->ops->pwrite(filter_inner(v), file, data, offset);
}

int
pass_fstat(struct vfs *v, struct vfs_file *file, struct vfs_stat *st)
{
    return filter_inner(v)->ops->fstat(filter_inner(v), file, st);
}

int
pass_fsetattr(struct vfs *v, struct vfs_file *file, const struct vfs_setattr *set)
{
    return filter_inner(v)->ops->fsetattr(filter_inner(v), file, set);
}

int
pass_fsync(struct vfs *v, struct vfs_file *file)
{
    return filter_inner(v)->ops->fsync(filter_inner(v), file);
}

int
pass_fstatvfs(struct vfs *v, struct vfs_file *file, struct vfs_statvfs *st)
{
    return filter_inner(v)->ops->fstatvfs(filter_inner(v), file, st);
}

int
pass_copy(struct vfs *v, struct vfs_file *from, uint64_t from_offset, struct vfs_file *to,
          uint64_t to_offset, uint64_t len, uint64_t *copied)
{
    return filter_inner(v)->ops->copy(filter_inner(v), from, from_offset, to, to_offset,
                                      len, copied);
}

int
pass_opendir(struct vfs *v, const struct vfs_path *path, struct vfs_dir **dir)
{
    return filter_inner(v)->ops->opendir(filter_inner(v), path, dir);
}

int
pass_readdir(struct vfs *v, struct vfs_dir *dir, struct vfs_entry *entry)
{
    return filter_inner(v)->ops->readdir(filter_inner(v), dir, entry);
}

void
pass_closedir(struct vfs *v, struct vfs_dir *dir)
{
    filter_inner(v)->ops->closedir(filter_inner(v), dir);
}

int
pass_dir_stat(struct vfs *v, struct vfs_dir *dir, struct vfs_stat *st)
{
    return filter_inner(v)->ops->dir_stat(filter_inner(v), dir, st);
}

int
pass_dir_setattr(struct vfs *v, struct vfs_dir *dir, const struct vfs_setattr *set)
{
    return filter_inner(v)->ops->dir_setattr(filter_inner(v), dir, set);
}

int
pass_dir_statvfs(struct vfs *v, struct vfs_dir *dir, struct vfs_statvfs *st)
{
    return filter_inner(v)->ops->dir_statvfs(filter_inner(v), dir, st);
}

int
pass_stat(struct vfs *v, const struct vfs_path *path, struct vfs_stat *st)
{
    return filter_inner(v)->ops->stat(filter_inner(v), path, st);
}

int
pass_lstat(struct vfs *v, const struct vfs_path *path, struct vfs_stat *st)
{
    return filter_inner(v)->ops->lstat(filter_inner(v), path, st);
}

int
pass_setattr(struct vfs *v, const struct vfs_path *path, const struct vfs_setattr *set)
{
    return filter_inner(v)->ops->setattr(filter_inner(v), path, set);
}

int
pass_lsetattr(struct vfs *v, const struct vfs_path *path, const struct vfs_setattr *set)
{
    return filter_inner(v)->ops->lsetattr(filter_inner(v), path, set);
}

int
pass_statvfs(struct vfs *v, const struct vfs_path *path, struct vfs_statvfs *st)
{
    return filter_inner(v)->ops->statvfs(filter_inner(v), path, st);
}

int
pass_mkdir(struct vfs *v, const struct vfs_path *path, uint32_t mode)
{
    return filter_inner(v)->ops->mkdir(filter_inner(v), path, mode);
}

int
pass_rmdir(struct vfs *v, const struct vfs_path *path)
{
    return filter_inner(v)->ops->rmdir(filter_inner(v), path);
}

int
pass_unlink(struct vfs *v, const struct vfs_path *path)
{
    return filter_inner(v)->ops->unlink(filter_inner(v), path);
}

int
pass_rename(struct vfs *v, const struct vfs_path *from, const struct vfs_path *to)
{
    return filter_inner(v)->ops->rename(filter_inner(v), from, to);
}

int
pass_rename_over(struct vfs *v, const struct vfs_path *from, const struct vfs_path *to)
{
    return filter_inner(v)->ops->rename_over(filter_inner(v), from, to);
}

int
pass_link(struct vfs *v, const struct vfs_path *existing, const struct vfs_path *name)
{
    return filter_inner(v)->ops->link(filter_inner(v), existing, name);
}

int
pass_symlink(struct vfs *v, const char *text, const struct vfs_path *name)
{
    return filter_inner(v)->ops->symlink(filter_inner(v), text, name);
}

int
pass_readlink(struct vfs *v, const struct vfs_path *path, char *text, size_t *n)
{
    return filter_inner(v)->ops->readlink(filter_inner(v), path, text, n);
}

int
pass_realpath(struct vfs *v, const struct vfs_path *path, struct vfs_path *real)
{
    return filter_inner(v)->ops->realpath(filter_inner(v), path, real);
}

int
pass_sync_parent(struct vfs *v, const struct vfs_path *path)
{
    return filter_inner(v)->ops->sync_parent(filter_inner(v), path);
}

const char *
pass_refusal(struct vfs *v)
{
    return filter_inner(v)->ops->refusal(filter_inner(v));
}

void
pass_free(struct vfs *v)
{
    vfs_free(filter_inner(v));
    free(v);
}
