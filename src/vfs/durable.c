/* See atomic.h: durable_vfs_new. */
#include <errno.h>
#include <stdlib.h>

#include "vfs/atomic.h"
#include "vfs/pass.h"

struct durable_file {
    struct vfs_file *inner;
    bool is_changed;
    int error; /* a failed fsync, for good (threats D3) */
    struct vfs_path path;
};

static struct durable_file *
file_of(struct vfs_file *f)
{
    return (struct durable_file *)f;
}

static int
durable_open(struct vfs *v, const struct vfs_path *path, unsigned flags, uint32_t mode,
             struct vfs_file **file)
{
    struct durable_file *f = malloc(sizeof *f);
    if (!f)
        return ENOMEM;
    /* A new or emptied file is a change, though nothing may be written. */
    *f = (struct durable_file){.is_changed = (flags & (VFS_CREATE | VFS_TRUNCATE)) != 0,
                               .path = *path};
    int error = pass_open(v, path, flags, mode, &f->inner);
    if (error != 0)
        free(f);
    else
        *file = (struct vfs_file *)f;
    return error;
}

static int
force(struct vfs *v, struct durable_file *f)
{
    if (f->error == 0)
        f->error = pass_fsync(v, f->inner);
    return f->error;
}

static int
durable_close(struct vfs *v, struct vfs_file *file)
{
    struct durable_file *f = file_of(file);
    int error = f->is_changed ? force(v, f) : f->error;
    int closed = pass_close(v, f->inner);
    struct vfs_path real;
    if (error == 0)
        error = closed;
    /* The name may be a link: it is the directory of what it leads to. */
    if (error == 0 && f->is_changed && pass_realpath(v, &f->path, &real) == 0)
        error = pass_sync_parent(v, &real);
    free(f);
    return error;
}

static void
durable_abandon(struct vfs *v, struct vfs_file *file)
{
    pass_abandon(v, file_of(file)->inner);
    free(file);
}

static int
durable_preadv(struct vfs *v, struct vfs_file *file, const struct iovec *iov, int n_iov,
               uint64_t offset, size_t *got)
{
    return pass_preadv(v, file_of(file)->inner, iov, n_iov, offset, got);
}

static int
durable_pwrite(struct vfs *v, struct vfs_file *file, struct bytes data, uint64_t offset)
{
    file_of(file)->is_changed = true;
    return pass_pwrite(v, file_of(file)->inner, data, offset);
}

static int
durable_fstat(struct vfs *v, struct vfs_file *file, struct vfs_stat *st)
{
    return pass_fstat(v, file_of(file)->inner, st);
}

static int
durable_fsetattr(struct vfs *v, struct vfs_file *file, const struct vfs_setattr *set)
{
    file_of(file)->is_changed = true;
    return pass_fsetattr(v, file_of(file)->inner, set);
}

static int
durable_fsync(struct vfs *v, struct vfs_file *file)
{
    return force(v, file_of(file));
}

static int
durable_fstatvfs(struct vfs *v, struct vfs_file *file, struct vfs_statvfs *st)
{
    return pass_fstatvfs(v, file_of(file)->inner, st);
}

static int
durable_copy(struct vfs *v, struct vfs_file *from, uint64_t from_offset,
             struct vfs_file *to, uint64_t to_offset, uint64_t len, uint64_t *copied)
{
    file_of(to)->is_changed = true;
    return pass_copy(v, file_of(from)->inner, from_offset, file_of(to)->inner, to_offset,
                     len, copied);
}

static int
durable_rename(struct vfs *v, const struct vfs_path *from, const struct vfs_path *to)
{
    int error = pass_rename(v, from, to);
    return error ? error : pass_sync_parent(v, to);
}

static int
durable_rename_over(struct vfs *v, const struct vfs_path *from, const struct vfs_path *to)
{
    int error = pass_rename_over(v, from, to);
    return error ? error : pass_sync_parent(v, to);
}

static const struct vfs_ops durable_ops = {
    .open = durable_open,
    .close = durable_close,
    .abandon = durable_abandon,
    .preadv = durable_preadv,
    .pwrite = durable_pwrite,
    .fstat = durable_fstat,
    .fsetattr = durable_fsetattr,
    .fsync = durable_fsync,
    .fstatvfs = durable_fstatvfs,
    .copy = durable_copy,
    .opendir = pass_opendir,
    .readdir = pass_readdir,
    .closedir = pass_closedir,
    .dir_stat = pass_dir_stat,
    .dir_setattr = pass_dir_setattr,
    .dir_statvfs = pass_dir_statvfs,
    .stat = pass_stat,
    .lstat = pass_lstat,
    .setattr = pass_setattr,
    .lsetattr = pass_lsetattr,
    .statvfs = pass_statvfs,
    .mkdir = pass_mkdir,
    .rmdir = pass_rmdir,
    .unlink = pass_unlink,
    .rename = durable_rename,
    .rename_over = durable_rename_over,
    .link = pass_link,
    .symlink = pass_symlink,
    .readlink = pass_readlink,
    .realpath = pass_realpath,
    .sync_parent = pass_sync_parent,
    .refusal = pass_refusal,
    .free = pass_free,
};

int
durable_vfs_new(struct vfs *inner, struct vfs **v)
{
    struct vfs_filter *d = malloc(sizeof *d);
    if (!d) {
        vfs_free(inner);
        return ENOMEM;
    }
    *d = (struct vfs_filter){.vfs.ops = &durable_ops, .inner = inner};
    *v = &d->vfs;
    return 0;
}
