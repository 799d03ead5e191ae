/*
 * The posix vfs's door: how a path becomes a descriptor, and its table.
 *
 * After resolution there are no path strings (threats, law 6). Operations that
 * follow links hand the whole path to one openat2() from the root; those that
 * do not open the parent so and act on one component with *at() calls that
 * do not follow. Either way a rename or a symbolic link that changes between
 * two calls can make an operation fail or hit another file inside, never
 * one outside (threats P2, P3).
 */
#include "vfs/posix_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *posix_refusal(struct vfs *v);
static void posix_free(struct vfs *v);

static const struct vfs_ops posix_ops = {
    .open = posix_open,
    .close = posix_close,
    .abandon = posix_abandon,
    .preadv = posix_preadv,
    .pwrite = posix_pwrite,
    .fstat = posix_fstat,
    .fsetattr = posix_fsetattr,
    .fsync = posix_fsync,
    .fstatvfs = posix_fstatvfs,
    .copy = posix_copy,
    .opendir = posix_opendir,
    .readdir = posix_readdir,
    .closedir = posix_closedir,
    .dir_stat = posix_dir_stat,
    .dir_setattr = posix_dir_setattr,
    .dir_statvfs = posix_dir_statvfs,
    .stat = posix_stat,
    .lstat = posix_lstat,
    .setattr = posix_setattr,
    .lsetattr = posix_lsetattr,
    .statvfs = posix_statvfs,
    .mkdir = posix_mkdir,
    .rmdir = posix_rmdir,
    .unlink = posix_unlink,
    .rename = posix_rename,
    .rename_over = posix_rename_over,
    .link = posix_link,
    .symlink = posix_symlink,
    .readlink = posix_readlink,
    .realpath = posix_realpath,
    .sync_parent = posix_sync_parent,
    .refusal = posix_refusal,
    .free = posix_free,
};

/* openat2 says EAGAIN when a rename elsewhere made its check inconclusive; an
 * attacker can keep that up, so the number of tries is bounded. */
enum { OPEN_TRIES = 32 };

int
posix_open_at(struct posix_vfs *p, const struct posix_place *place, int flags,
              uint32_t mode, uint64_t resolve, int *fd)
{
    struct open_how how = {
        .flags = (uint64_t)(unsigned)(flags | place->nofollow | O_CLOEXEC),
        .mode = mode,
        .resolve = p->resolve | resolve,
    };
    for (int tries = 0; tries < OPEN_TRIES; tries++) {
        long r = syscall(SYS_openat2, place->dir, place->name, &how, sizeof how);
        if (r >= 0) {
            *fd = (int)r;
            return 0;
        }
        if (errno != EAGAIN && errno != EINTR)
            break;
    }
    return errno == EXDEV ? VFS_ERR_ESCAPES : errno;
}

struct posix_place
posix_place_whole(struct posix_vfs *p, const struct vfs_path *path)
{
    return (struct posix_place){.dir = p->root, .name = vfs_path_relative(path)};
}

int
posix_place_parent(struct posix_vfs *p, const struct vfs_path *path,
                   struct posix_place *place)
{
    *place = (struct posix_place){
        .dir = p->root, .name = vfs_path_last(path), .nofollow = O_NOFOLLOW};
    struct vfs_path parent = *path;
    vfs_path_pop(&parent);
    if (vfs_path_is_root(&parent))
        return 0;
    struct posix_place whole = posix_place_whole(p, &parent);
    int error = posix_open_at(p, &whole, O_PATH | O_DIRECTORY, 0, 0, &place->dir);
    place->owns_dir = error == 0;
    return error;
}

void
posix_place_close(struct posix_place *place)
{
    if (place->owns_dir)
        close(place->dir);
}

void
posix_stat_of(const struct stat *st, struct vfs_stat *out)
{
    *out = (struct vfs_stat){
        .size = (uint64_t)st->st_size,
        .mode = st->st_mode,
        .uid = st->st_uid,
        .gid = st->st_gid,
        .nlink = st->st_nlink,
        .atime = st->st_atime,
        .mtime = st->st_mtime,
        .dev = st->st_dev,
        .ino = st->st_ino,
        .changed_ns = st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec,
    };
}

/* Rules are the business of filters. */
static const char *
posix_refusal(struct vfs *v)
{
    (void)v;
    return "";
}

static void
posix_free(struct vfs *v)
{
    struct posix_vfs *p = posix_of(v);
    close(p->root);
    free(p);
}

/* Look at the root, through the door that everything else will use. */
static int
posix_check(struct posix_vfs *p)
{
    struct stat st;
    if (fstat(p->root, &st) != 0)
        return errno;
    if (!S_ISDIR(st.st_mode))
        return ENOTDIR;
    p->root_dev = st.st_dev;
    p->root_ino = st.st_ino;
    struct posix_place self = {.dir = p->root, .name = "."};
    int fd;
    int error = posix_open_at(p, &self, O_PATH, 0, 0, &fd);
    if (error == 0)
        close(fd);
    return error;
}

int
posix_vfs_new(int root, const struct posix_vfs_options *options, struct vfs **v)
{
    struct posix_vfs *p = calloc(1, sizeof *p);
    if (!p) {
        close(root);
        return ENOMEM;
    }
    p->vfs.ops = &posix_ops;
    p->root = root;
    p->options = *options;
    p->resolve = RESOLVE_NO_MAGICLINKS;
    if (options->is_confined)
        p->resolve |= RESOLVE_BENEATH;
    if (options->is_literal)
        p->resolve |= RESOLVE_NO_SYMLINKS;
    int error = posix_check(p);
    if (error != 0) {
        posix_free(&p->vfs);
        return error;
    }
    *v = &p->vfs;
    return 0;
}
