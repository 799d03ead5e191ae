/* See readonly.h. Every row of the table is either a question, which is passed
 * on, or a change, which is refused here; there is no third kind. */
#include "vfs/readonly.h"

#include <errno.h>
#include <stdlib.h>

#include "vfs/pass.h"

/* ---- passed on ---- */

static int
readonly_open(struct vfs *v, const struct vfs_path *path, unsigned flags, uint32_t mode,
              struct vfs_file **file)
{
    if ((flags & ~(unsigned)VFS_READ) != 0)
        return VFS_ERR_READ_ONLY;
    return pass_open(v, path, VFS_READ, mode, file);
}

static int
readonly_fstatvfs(struct vfs *v, struct vfs_file *file, struct vfs_statvfs *st)
{
    int error = pass_fstatvfs(v, file, st);
    if (error == 0)
        st->is_read_only = true;
    return error;
}

static int
readonly_dir_statvfs(struct vfs *v, struct vfs_dir *dir, struct vfs_statvfs *st)
{
    int error = pass_dir_statvfs(v, dir, st);
    if (error == 0)
        st->is_read_only = true;
    return error;
}

static int
readonly_statvfs(struct vfs *v, const struct vfs_path *path, struct vfs_statvfs *st)
{
    int error = pass_statvfs(v, path, st);
    if (error == 0)
        st->is_read_only = true;
    return error;
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
    .close = pass_close,
    .abandon = pass_abandon,
    .preadv = pass_preadv,
    .pwrite = refuse_write,
    .fstat = pass_fstat,
    .fsetattr = refuse_fsetattr,
    .fsync = refuse_fsync,
    .fstatvfs = readonly_fstatvfs,
    .copy = refuse_copy,
    .opendir = pass_opendir,
    .readdir = pass_readdir,
    .closedir = pass_closedir,
    .dir_stat = pass_dir_stat,
    .dir_setattr = refuse_dir_setattr,
    .dir_statvfs = readonly_dir_statvfs,
    .stat = pass_stat,
    .lstat = pass_lstat,
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
    .readlink = pass_readlink,
    .realpath = pass_realpath,
    .sync_parent = refuse_name,
    .refusal = pass_refusal,
    .free = pass_free,
};

int
readonly_vfs_new(struct vfs *inner, struct vfs **v)
{
    struct vfs_filter *r = malloc(sizeof *r);
    if (!r) {
        vfs_free(inner);
        return ENOMEM;
    }
    *r = (struct vfs_filter){.vfs.ops = &readonly_ops, .inner = inner};
    *v = &r->vfs;
    return 0;
}
