/*
 * See shield.h. Handles carry the rights that their opening was granted, so
 * operations on them are passed on; those on paths are checked first.
 */
#include "daemon/shield.h"

#include <errno.h>
#include <stdlib.h>

enum { PATHS_MAX = 16, INODES_MAX = 64 };

struct inode {
    uint64_t dev, ino;
};

struct shield_vfs {
    struct vfs vfs;
    struct vfs *inner;
    struct inode inodes[INODES_MAX];
    size_t n_inodes, n_paths;
    struct vfs_path paths[PATHS_MAX];
};

/* What an operation does with the last component of a path, and to it. */
enum use {
    USE_FOLLOWING, /* the object that it leads to */
    USE_NAME,      /* the name itself */
    USE_MOVING,    /* the name, and with it all that lies beneath */
};

static struct shield_vfs *
shield_of(struct vfs *v)
{
    return (struct shield_vfs *)v;
}

static struct vfs *
inner_of(struct vfs *v)
{
    return shield_of(v)->inner;
}

/* ---- paths ---- */

/* The path without links, as far as the use follows them. */
static int
resolve(struct vfs *v, const struct vfs_path *path, enum use use, struct vfs_path *real)
{
    *real = *path;
    if (use == USE_FOLLOWING || vfs_path_is_root(path))
        return inner_of(v)->ops->realpath(inner_of(v), path, real);
    vfs_path_pop(real);
    int error = inner_of(v)->ops->realpath(inner_of(v), real, real);
    return error ? error : vfs_path_append(real, bytes_str(vfs_path_last(path)));
}

/* Is b what a names, or beneath it? */
static bool
is_within(const struct vfs_path *a, const struct vfs_path *b)
{
    if (vfs_path_is_root(a))
        return true;
    return b->n >= a->n && memcmp(a->text, b->text, a->n) == 0 &&
           (b->n == a->n || b->text[a->n] == '/');
}

/* 0, EACCES, or why the path leads nowhere. */
static int
check(struct vfs *v, const struct vfs_path *path, enum use use)
{
    const struct shield_vfs *s = shield_of(v);
    struct vfs_path real;
    int error = resolve(v, path, use, &real);
    for (size_t i = 0; error == 0 && i < s->n_paths; i++)
        if (is_within(&s->paths[i], &real) ||
            (use == USE_MOVING && is_within(&real, &s->paths[i])))
            error = EACCES;
    return error;
}

static int
check_both(struct vfs *v, const struct vfs_path *a, const struct vfs_path *b,
           enum use use)
{
    int error = check(v, a, use);
    return error ? error : check(v, b, use);
}

static bool
is_shielded_inode(struct vfs *v, const struct vfs_stat *st)
{
    const struct shield_vfs *s = shield_of(v);
    for (size_t i = 0; i < s->n_inodes; i++)
        if (s->inodes[i].dev == st->dev && s->inodes[i].ino == st->ino)
            return true;
    return false;
}

/* ---- operations on paths ---- */

/* A file that is truncated on opening must not be ours: find out before. */
static int
shield_open(struct vfs *v, const struct vfs_path *path, unsigned flags, uint32_t mode,
            struct vfs_file **file)
{
    struct vfs *inner = inner_of(v);
    struct vfs_stat st;
    int error = check(v, path, USE_FOLLOWING);
    if (error == 0)
        error =
            inner->ops->open(inner, path, flags & ~(unsigned)VFS_TRUNCATE, mode, file);
    if (error != 0)
        return error;
    const struct vfs_setattr empty = {.set = VFS_SET_SIZE};
    error = inner->ops->fstat(inner, *file, &st);
    if (error == 0 && is_shielded_inode(v, &st))
        error = EACCES;
    if (error == 0 && (flags & VFS_TRUNCATE) && (flags & VFS_WRITE) && st.size != 0)
        error = inner->ops->fsetattr(inner, *file, &empty);
    if (error != 0)
        (void)inner->ops->close(inner, *file);
    return error;
}

static int
shield_opendir(struct vfs *v, const struct vfs_path *path, struct vfs_dir **dir)
{
    struct vfs *inner = inner_of(v);
    struct vfs_stat st;
    int error = check(v, path, USE_FOLLOWING);
    if (error == 0)
        error = inner->ops->opendir(inner, path, dir);
    if (error != 0)
        return error;
    error = inner->ops->dir_stat(inner, *dir, &st);
    if (error == 0 && is_shielded_inode(v, &st))
        error = EACCES;
    if (error != 0)
        inner->ops->closedir(inner, *dir);
    return error;
}

static int
shield_stat(struct vfs *v, const struct vfs_path *path, struct vfs_stat *st)
{
    int error = check(v, path, USE_FOLLOWING);
    return error ? error : inner_of(v)->ops->stat(inner_of(v), path, st);
}

static int
shield_lstat(struct vfs *v, const struct vfs_path *path, struct vfs_stat *st)
{
    int error = check(v, path, USE_NAME);
    return error ? error : inner_of(v)->ops->lstat(inner_of(v), path, st);
}

static int
shield_setattr(struct vfs *v, const struct vfs_path *path, const struct vfs_setattr *set)
{
    int error = check(v, path, USE_FOLLOWING);
    return error ? error : inner_of(v)->ops->setattr(inner_of(v), path, set);
}

static int
shield_lsetattr(struct vfs *v, const struct vfs_path *path, const struct vfs_setattr *set)
{
    int error = check(v, path, USE_NAME);
    return error ? error : inner_of(v)->ops->lsetattr(inner_of(v), path, set);
}

static int
shield_statvfs(struct vfs *v, const struct vfs_path *path, struct vfs_statvfs *st)
{
    int error = check(v, path, USE_FOLLOWING);
    return error ? error : inner_of(v)->ops->statvfs(inner_of(v), path, st);
}

static int
shield_mkdir(struct vfs *v, const struct vfs_path *path, uint32_t mode)
{
    int error = check(v, path, USE_NAME);
    return error ? error : inner_of(v)->ops->mkdir(inner_of(v), path, mode);
}

static int
shield_rmdir(struct vfs *v, const struct vfs_path *path)
{
    int error = check(v, path, USE_MOVING);
    return error ? error : inner_of(v)->ops->rmdir(inner_of(v), path);
}

static int
shield_unlink(struct vfs *v, const struct vfs_path *path)
{
    int error = check(v, path, USE_NAME);
    return error ? error : inner_of(v)->ops->unlink(inner_of(v), path);
}

static int
shield_rename(struct vfs *v, const struct vfs_path *from, const struct vfs_path *to)
{
    int error = check_both(v, from, to, USE_MOVING);
    return error ? error : inner_of(v)->ops->rename(inner_of(v), from, to);
}

static int
shield_rename_over(struct vfs *v, const struct vfs_path *from, const struct vfs_path *to)
{
    int error = check_both(v, from, to, USE_MOVING);
    return error ? error : inner_of(v)->ops->rename_over(inner_of(v), from, to);
}

static int
shield_link(struct vfs *v, const struct vfs_path *existing, const struct vfs_path *name)
{
    int error = check_both(v, existing, name, USE_NAME);
    return error ? error : inner_of(v)->ops->link(inner_of(v), existing, name);
}

static int
shield_symlink(struct vfs *v, const char *text, const struct vfs_path *name)
{
    int error = check(v, name, USE_NAME);
    return error ? error : inner_of(v)->ops->symlink(inner_of(v), text, name);
}

static int
shield_readlink(struct vfs *v, const struct vfs_path *path, char *text, size_t *n)
{
    int error = check(v, path, USE_NAME);
    return error ? error : inner_of(v)->ops->readlink(inner_of(v), path, text, n);
}

/* ---- passed on ---- */

static int
shield_realpath(struct vfs *v, const struct vfs_path *path, struct vfs_path *real)
{
    return inner_of(v)->ops->realpath(inner_of(v), path, real);
}

static int
shield_close(struct vfs *v, struct vfs_file *file)
{
    return inner_of(v)->ops->close(inner_of(v), file);
}

static void
shield_abandon(struct vfs *v, struct vfs_file *file)
{
    inner_of(v)->ops->abandon(inner_of(v), file);
}

static int
shield_sync_parent(struct vfs *v, const struct vfs_path *path)
{
    return inner_of(v)->ops->sync_parent(inner_of(v), path);
}

static const char *
shield_refusal(struct vfs *v)
{
    return inner_of(v)->ops->refusal(inner_of(v));
}

static int
shield_preadv(struct vfs *v, struct vfs_file *file, const struct iovec *iov, int n_iov,
              uint64_t offset, size_t *got)
{
    return inner_of(v)->ops->preadv(inner_of(v), file, iov, n_iov, offset, got);
}

static int
shield_pwrite(struct vfs *v, struct vfs_file *file, struct bytes data, uint64_t offset)
{
    return inner_of(v)->ops->pwrite(inner_of(v), file, data, offset);
}

static int
shield_fstat(struct vfs *v, struct vfs_file *file, struct vfs_stat *st)
{
    return inner_of(v)->ops->fstat(inner_of(v), file, st);
}

static int
shield_fsetattr(struct vfs *v, struct vfs_file *file, const struct vfs_setattr *set)
{
    return inner_of(v)->ops->fsetattr(inner_of(v), file, set);
}

static int
shield_fsync(struct vfs *v, struct vfs_file *file)
{
    return inner_of(v)->ops->fsync(inner_of(v), file);
}

static int
shield_fstatvfs(struct vfs *v, struct vfs_file *file, struct vfs_statvfs *st)
{
    return inner_of(v)->ops->fstatvfs(inner_of(v), file, st);
}

static int
shield_copy(struct vfs *v, struct vfs_file *from, uint64_t from_offset,
            struct vfs_file *to, uint64_t to_offset, uint64_t len, uint64_t *copied)
{
    return inner_of(v)->ops->copy(inner_of(v), from, from_offset, to, to_offset, len,
                                  copied);
}

static int
shield_readdir(struct vfs *v, struct vfs_dir *dir, struct vfs_entry *entry)
{
    return inner_of(v)->ops->readdir(inner_of(v), dir, entry);
}

static void
shield_closedir(struct vfs *v, struct vfs_dir *dir)
{
    inner_of(v)->ops->closedir(inner_of(v), dir);
}

static int
shield_dir_stat(struct vfs *v, struct vfs_dir *dir, struct vfs_stat *st)
{
    return inner_of(v)->ops->dir_stat(inner_of(v), dir, st);
}

static int
shield_dir_setattr(struct vfs *v, struct vfs_dir *dir, const struct vfs_setattr *set)
{
    return inner_of(v)->ops->dir_setattr(inner_of(v), dir, set);
}

static int
shield_dir_statvfs(struct vfs *v, struct vfs_dir *dir, struct vfs_statvfs *st)
{
    return inner_of(v)->ops->dir_statvfs(inner_of(v), dir, st);
}

static void
shield_free(struct vfs *v)
{
    vfs_free(inner_of(v));
    free(v);
}

static const struct vfs_ops shield_ops = {
    .open = shield_open,
    .close = shield_close,
    .abandon = shield_abandon,
    .preadv = shield_preadv,
    .pwrite = shield_pwrite,
    .fstat = shield_fstat,
    .fsetattr = shield_fsetattr,
    .fsync = shield_fsync,
    .fstatvfs = shield_fstatvfs,
    .copy = shield_copy,
    .opendir = shield_opendir,
    .readdir = shield_readdir,
    .closedir = shield_closedir,
    .dir_stat = shield_dir_stat,
    .dir_setattr = shield_dir_setattr,
    .dir_statvfs = shield_dir_statvfs,
    .stat = shield_stat,
    .lstat = shield_lstat,
    .setattr = shield_setattr,
    .lsetattr = shield_lsetattr,
    .statvfs = shield_statvfs,
    .mkdir = shield_mkdir,
    .rmdir = shield_rmdir,
    .unlink = shield_unlink,
    .rename = shield_rename,
    .rename_over = shield_rename_over,
    .link = shield_link,
    .symlink = shield_symlink,
    .readlink = shield_readlink,
    .realpath = shield_realpath,
    .sync_parent = shield_sync_parent,
    .refusal = shield_refusal,
    .free = shield_free,
};

/* ---- making ---- */

static void
note_inode(struct shield_vfs *s, const struct vfs_stat *st)
{
    if (s->n_inodes < INODES_MAX)
        s->inodes[s->n_inodes++] = (struct inode){st->dev, st->ino};
}

/* A file, or a directory with the files that are in it now. What comes later
 * is behind the first wall alone. */
static void
note_inodes(struct shield_vfs *s, const struct vfs_path *path)
{
    struct vfs *inner = s->inner;
    struct vfs_stat st;
    struct vfs_dir *dir;
    struct vfs_entry entry;
    if (inner->ops->lstat(inner, path, &st) != 0)
        return;
    note_inode(s, &st);
    if (inner->ops->opendir(inner, path, &dir) != 0)
        return;
    while (inner->ops->readdir(inner, dir, &entry) == 0 && entry.name.n != 0)
        if (!bytes_eq_str(entry.name, ".."))
            note_inode(s, &entry.stat);
    inner->ops->closedir(inner, dir);
}

int
shield_vfs_new(struct vfs *inner, const char *const *paths, size_t n, struct vfs **v)
{
    struct shield_vfs *s = n <= PATHS_MAX ? calloc(1, sizeof *s) : NULL;
    if (!s) {
        vfs_free(inner);
        return n <= PATHS_MAX ? ENOMEM : EINVAL;
    }
    s->vfs.ops = &shield_ops;
    s->inner = inner;
    for (size_t i = 0; i < n; i++) {
        if (vfs_path_parse(&s->paths[i], NULL, bytes_str(paths[i])) != 0 ||
            vfs_path_is_root(&s->paths[i])) {
            shield_free(&s->vfs);
            return EINVAL;
        }
        s->n_paths++;
        note_inodes(s, &s->paths[i]);
    }
    *v = &s->vfs;
    return 0;
}
