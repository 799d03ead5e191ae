/*
 * Names of the posix vfs: made, removed, moved, linked. Each call acts on one
 * component in an opened parent and follows nothing (threats P2).
 */
#include "vfs/posix_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* A system call on one name, made once its parent is open. */
static int
errno_of(int r)
{
    return r == 0 ? 0 : errno;
}

int
posix_creation_error(int fd, int error)
{
    struct statvfs st;
    if (error != ENOSPC || fstatvfs(fd, &st) != 0)
        return error;
    return st.f_files != 0 && st.f_favail == 0 ? VFS_ERR_NO_INODES : error;
}

int
posix_mkdir(struct vfs *v, const struct vfs_path *path, uint32_t mode)
{
    struct posix_place place;
    int error = posix_place_parent(posix_of(v), path, &place);
    if (error != 0)
        return error;
    error = errno_of(mkdirat(place.dir, place.name, mode & 0777));
    error = posix_creation_error(place.dir, error);
    posix_place_close(&place);
    return error;
}

static int
remove_name(struct vfs *v, const struct vfs_path *path, int flags)
{
    if (vfs_path_is_root(path))
        return EBUSY;
    struct posix_place place;
    int error = posix_place_parent(posix_of(v), path, &place);
    if (error != 0)
        return error;
    error = errno_of(unlinkat(place.dir, place.name, flags));
    posix_place_close(&place);
    return error;
}

int
posix_rmdir(struct vfs *v, const struct vfs_path *path)
{
    return remove_name(v, path, AT_REMOVEDIR);
}

int
posix_unlink(struct vfs *v, const struct vfs_path *path)
{
    return remove_name(v, path, 0);
}

/* ---- two names ---- */

typedef int pair_fn(const struct posix_place *a, const struct posix_place *b);

static int
with_pair(struct vfs *v, const struct vfs_path *a_path, const struct vfs_path *b_path,
          pair_fn *act)
{
    if (vfs_path_is_root(a_path))
        return EBUSY;
    struct posix_place a, b;
    int error = posix_place_parent(posix_of(v), a_path, &a);
    if (error != 0)
        return error;
    error = posix_place_parent(posix_of(v), b_path, &b);
    if (error == 0) {
        error = act(&a, &b);
        posix_place_close(&b);
    }
    posix_place_close(&a);
    return error;
}

/*
 * For file systems without RENAME_NOREPLACE. A file gets its second name first,
 * which cannot replace; anything else is looked for and then moved, so a name
 * made in between by somebody else is replaced if it is an empty directory.
 */
static int
rename_in_two_steps(const struct posix_place *a, const struct posix_place *b)
{
    struct stat st;
    if (fstatat(a->dir, a->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno;
    if (S_ISREG(st.st_mode) && linkat(a->dir, a->name, b->dir, b->name, 0) == 0)
        return errno_of(unlinkat(a->dir, a->name, 0));
    if (S_ISREG(st.st_mode) && errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS)
        return errno;
    if (fstatat(b->dir, b->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return EEXIST;
    if (errno != ENOENT)
        return errno;
    return errno_of(renameat(a->dir, a->name, b->dir, b->name));
}

static int
rename_pair(const struct posix_place *a, const struct posix_place *b)
{
    if (renameat2(a->dir, a->name, b->dir, b->name, RENAME_NOREPLACE) == 0)
        return 0;
    /* EINVAL: the file system lacks the flag, or a directory would move into
     * itself, which the second way refuses in its turn. */
    return errno == EINVAL || errno == ENOSYS ? rename_in_two_steps(a, b) : errno;
}

int
posix_rename(struct vfs *v, const struct vfs_path *from, const struct vfs_path *to)
{
    return with_pair(v, from, to, rename_pair);
}

static int
rename_over_pair(const struct posix_place *a, const struct posix_place *b)
{
    return errno_of(renameat(a->dir, a->name, b->dir, b->name));
}

int
posix_rename_over(struct vfs *v, const struct vfs_path *from, const struct vfs_path *to)
{
    return with_pair(v, from, to, rename_over_pair);
}

static int
link_pair(const struct posix_place *a, const struct posix_place *b)
{
    return errno_of(linkat(a->dir, a->name, b->dir, b->name, 0));
}

int
posix_link(struct vfs *v, const struct vfs_path *existing, const struct vfs_path *name)
{
    return with_pair(v, existing, name, link_pair);
}

/* ---- symbolic links ---- */

int
posix_symlink(struct vfs *v, const char *text, const struct vfs_path *name)
{
    struct posix_place place;
    int error = posix_place_parent(posix_of(v), name, &place);
    if (error != 0)
        return error;
    error = errno_of(symlinkat(text, place.dir, place.name));
    error = posix_creation_error(place.dir, error);
    posix_place_close(&place);
    return error;
}

int
posix_readlink(struct vfs *v, const struct vfs_path *path, char *text, size_t *n)
{
    struct posix_place place;
    int error = posix_place_parent(posix_of(v), path, &place);
    if (error != 0)
        return error;
    ssize_t r = readlinkat(place.dir, place.name, text, VFS_PATH_MAX);
    if (r < 0)
        error = errno;
    else
        *n = (size_t)r;
    posix_place_close(&place);
    return error;
}

/* ---- durability ---- */

int
posix_sync_parent(struct vfs *v, const struct vfs_path *path)
{
    struct posix_vfs *p = posix_of(v);
    struct vfs_path parent = *path;
    vfs_path_pop(&parent);
    struct posix_place place = posix_place_whole(p, &parent);
    int fd;
    int error = posix_open_at(p, &place, O_RDONLY | O_DIRECTORY, 0, 0, &fd);
    if (error != 0)
        return error;
    error = errno_of(fsync(fd));
    close(fd);
    return error;
}
