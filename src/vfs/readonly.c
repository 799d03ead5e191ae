/* See readonly.h. Every row of the table is either a question, which is passed
 * on, or a change, which is refused here; there is no third kind. */
#include "vfs/readonly.h"

#include <errno.h>
#include <stdlib.h>

struct readonly_vfs {
    struct vfs vfs;
    struct vfs *inner;
};

static struct vfs *
inner_of(struct vfs *v)
{
    return ((struct readonly_vfs *)v)->inner;
}

/* ---- passed on ---- */

static int
readonly_open(struct vfs *v, const struct vfs_path *path, unsigned flags, uint32_t mode,
              struct vfs_file **file)
{
    if ((flags & ~(unsigned)VFS_READ) != 0)
        return VFS_ERR_READ_ONLY;
    return inner_of(v)->ops->open(inner_of(v), path, VFS_READ, mode, file);
}

static int
readonly_close(struct vfs *v, struct vfs_file *file)
{
    return inner_of(v)->ops->close(inner_of(v), file);
}

static int
readonly_preadv(struct vfs *v, struct vfs_file *file, const struct iovec *iov, int n_iov,
                uint64_t offset, size_t *got)
{
    return inner_of(v)->ops->preadv(inner_of(v), file, iov, n_iov, offset, got);
}

static int
readonly_fstat(struct vfs *v, struct vfs_file *file, struct vfs_stat *st)
{
    return inner_of(v)->ops->fstat(inner_of(v), file, st);
}

static int
readonly_fstatvfs(struct vfs *v, struct vfs_file *file, struct vfs_statvfs *st)
{
    int error = inner_of(v)->ops->fstatvfs(inner_of(v), file, st);
    if (error == 0)
        st->is_read_only = true;
    return error;
}

static int
readonly_opendir(struct vfs *v, const struct vfs_path *path, struct vfs_dir **dir)
{
    return inner_of(v)->ops->opendir(inner_of(v), path, dir);
}

static int
readonly_readdir(struct vfs *v, struct vfs_dir *dir, struct vfs_entry *entry)
{
    return inner_of(v)->ops->readdir(inner_of(v), dir, entry);
}

static void
readonly_closedir(struct vfs *v, struct vfs_dir *dir)
{
    inner_of(v)->ops->closedir(inner_of(v), dir);
}

static int
readonly_dir_stat(struct vfs *v, struct vfs_dir *dir, struct vfs_stat *st)
{
    return inner_of(v)->ops->dir_stat(inner_of(v), dir, st);
}

static int
readonly_dir_statvfs(struct vfs *v, struct vfs_dir *dir, struct vfs_statvfs *st)
{
    int error = inner_of(v)->ops->dir_statvfs(inner_of(v), dir, st);
    if (error == 0)
        st->is_read_only = true;
    return error;
}

static int
readonly_stat(struct vfs *v, const struct vfs_path *path, struct vfs_stat *st)
{
    return inner_of(v)->ops->stat(inner_of(v), path, st);
}

static int
readonly_lstat(struct vfs *v, const struct vfs_path *path, struct vfs_stat *st)
{
    return inner_of(v)->ops->lstat(inner_of(v), path, st);
}

static int
readonly_statvfs(struct vfs *v, const struct vfs_path *path, struct vfs_statvfs *st)
{
    int error = inner_of(v)->ops->statvfs(inner_of(v), path, st);
    if (error == 0)
        st->is_read_only = true;
    return error;
}

static int
readonly_readlink(struct vfs *v, const struct vfs_path *path, char *text, size_t *n)
{
    return inner_of(v)->ops->readlink(inner_of(v), path, text, n);
}

static int
readonly_realpath(struct vfs *v, const struct vfs_path *path, struct vfs_path *real)
{
    return inner_of(v)->ops->realpath(inner_of(v), path, real);
}

static void
readonly_free(struct vfs *v)
{
    vfs_free(inner_of(v));
    free(v);
}

/* ---- refused ---- */

static int
refuse_write(struct vfs *v, struct vfs_file *file, struct bytes data, uint64_t offset)
{
    (void)v, (void)file, (void)data, (void)offset;
    return VFS_ERR_READ_ONLY;
}

static int
refuse_fsetattr(struct vfs *v, struct vfs_file *file, const struct vfs_setattr *set)
{
    (void)v, (void)file, (void)set;
    return VFS_ERR_READ_ONLY;
}

/* Nothing was written through us, so there is nothing to force out. */
static int
refuse_fsync(struct vfs *v, struct vfs_file *file)
{
    (void)v, (void)file;
    return VFS_ERR_READ_ONLY;
}

static int
refuse_copy(struct vfs *v, struct vfs_file *from, uint64_t from_offset,
            struct vfs_file *to, uint64_t to_offset, uint64_t len, uint64_t *copied)
{
    (void)v, (void)from, (void)from_offset, (void)to, (void)to_offset, (void)len;
    (void)copied;
    return VFS_ERR_READ_ONLY;
}

static int
refuse_dir_setattr(struct vfs *v, struct vfs_dir *dir, const struct vfs_setattr *set)
{
    (void)v, (void)dir, (void)set;
    return VFS_ERR_READ_ONLY;
}

static int
refuse_setattr(struct vfs *v, const struct vfs_path *path, const struct vfs_setattr *set)
{
    (void)v, (void)path, (void)set;
    return VFS_ERR_READ_ONLY;
}

static int
refuse_mkdir(struct vfs *v, const struct vfs_path *path, uint32_t mode)
{
    (void)v, (void)path, (void)mode;
    return VFS_ERR_READ_ONLY;
}

static int
refuse_name(struct vfs *v, const struct vfs_path *path)
{
    (void)v, (void)path;
    return VFS_ERR_READ_ONLY;
}

static int
refuse_two_names(struct vfs *v, const struct vfs_path *from, const struct vfs_path *to)
{
    (void)v, (void)from, (void)to;
    return VFS_ERR_READ_ONLY;
}

static int
refuse_symlink(struct vfs *v, const char *text, const struct vfs_path *name)
{
    (void)v, (void)text, (void)name;
    return VFS_ERR_READ_ONLY;
}

static const struct vfs_ops readonly_ops = {
    .open = readonly_open,
    .close = readonly_close,
    .preadv = readonly_preadv,
    .pwrite = refuse_write,
    .fstat = readonly_fstat,
    .fsetattr = refuse_fsetattr,
    .fsync = refuse_fsync,
    .fstatvfs = readonly_fstatvfs,
    .copy = refuse_copy,
    .opendir = readonly_opendir,
    .readdir = readonly_readdir,
    .closedir = readonly_closedir,
    .dir_stat = readonly_dir_stat,
    .dir_setattr = refuse_dir_setattr,
    .dir_statvfs = readonly_dir_statvfs,
    .stat = readonly_stat,
    .lstat = readonly_lstat,
    .setattr = refuse_setattr,
    .lsetattr = refuse_setattr,
    .statvfs = readonly_statvfs,
    .mkdir = refuse_mkdir,
    .rmdir = refuse_name,
    .unlink = refuse_name,
    .rename = refuse_two_names,
    .rename_over = refuse_two_names,
    .link = refuse_two_names,
    .symlink = refuse_symlink,
    .readlink = readonly_readlink,
    .realpath = readonly_realpath,
    .free = readonly_free,
};

int
readonly_vfs_new(struct vfs *inner, struct vfs **v)
{
    struct readonly_vfs *r = malloc(sizeof *r);
    if (!r) {
        vfs_free(inner);
        return ENOMEM;
    }
    *r = (struct readonly_vfs){.vfs.ops = &readonly_ops, .inner = inner};
    *v = &r->vfs;
    return 0;
}
