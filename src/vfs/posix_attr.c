/*
 * Attributes of the posix vfs. Everything is read and changed through a
 * descriptor; for paths that is an O_PATH one, which needs no right to read and
 * disturbs no device.
 */
#include "vfs/posix_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452 /* Linux 6.6; one number on all architectures */
#endif

enum { SPECIAL_BITS = 07000 }; /* set-user-id, set-group-id, sticky */

/* ---- reading ---- */

static int
stat_fd(int fd, struct vfs_stat *out)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return errno;
    posix_stat_of(&st, out);
    return 0;
}

int
posix_fstat(struct vfs *v, struct vfs_file *file, struct vfs_stat *st)
{
    (void)v;
    return stat_fd(posix_file_of(file)->fd, st);
}

int
posix_dir_stat(struct vfs *v, struct vfs_dir *dir, struct vfs_stat *st)
{
    (void)v;
    return stat_fd(posix_dir_fd(dir), st);
}

int
posix_stat(struct vfs *v, const struct vfs_path *path, struct vfs_stat *st)
{
    struct posix_place place = posix_place_whole(posix_of(v), path);
    int fd;
    int error = posix_open_at(posix_of(v), &place, O_PATH, 0, 0, &fd);
    if (error != 0)
        return error;
    error = stat_fd(fd, st);
    close(fd);
    return error;
}

int
posix_lstat(struct vfs *v, const struct vfs_path *path, struct vfs_stat *out)
{
    struct posix_place place;
    int error = posix_place_parent(posix_of(v), path, &place);
    if (error != 0)
        return error;
    struct stat st;
    if (fstatat(place.dir, place.name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        error = errno;
    else
        posix_stat_of(&st, out);
    posix_place_close(&place);
    return error;
}

static int
statvfs_fd(int fd, struct vfs_statvfs *out)
{
    struct statvfs st;
    if (fstatvfs(fd, &st) != 0)
        return errno;
    *out = (struct vfs_statvfs){
        .bsize = st.f_bsize,
        .frsize = st.f_frsize,
        .blocks = st.f_blocks,
        .bfree = st.f_bfree,
        .bavail = st.f_bavail,
        .files = st.f_files,
        .ffree = st.f_ffree,
        .favail = st.f_favail,
        .fsid = st.f_fsid,
        .namemax = st.f_namemax,
        .is_read_only = (st.f_flag & ST_RDONLY) != 0,
        .is_nosuid = (st.f_flag & ST_NOSUID) != 0,
    };
    return 0;
}

int
posix_fstatvfs(struct vfs *v, struct vfs_file *file, struct vfs_statvfs *st)
{
    (void)v;
    return statvfs_fd(posix_file_of(file)->fd, st);
}

int
posix_dir_statvfs(struct vfs *v, struct vfs_dir *dir, struct vfs_statvfs *st)
{
    (void)v;
    return statvfs_fd(posix_dir_fd(dir), st);
}

int
posix_statvfs(struct vfs *v, const struct vfs_path *path, struct vfs_statvfs *st)
{
    struct posix_place place = posix_place_whole(posix_of(v), path);
    int fd;
    int error = posix_open_at(posix_of(v), &place, O_PATH, 0, 0, &fd);
    if (error != 0)
        return error;
    error = statvfs_fd(fd, st);
    close(fd);
    return error;
}

/* ---- changing ---- */

/* What is to be changed: a descriptor, and how to look it up once more where
 * an O_PATH one does not suffice. */
struct target {
    int fd;
    const struct posix_place *place; /* NULL: fd is fully open */
};

/* Open the target for real, which must still be what it was. */
static int
reopen(struct posix_vfs *p, const struct target *t, int flags, int *fd)
{
    int error = posix_open_at(p, t->place, flags | O_NONBLOCK | O_NOCTTY, 0, 0, fd);
    if (error != 0)
        return error;
    struct stat was, is;
    if (fstat(t->fd, &was) == 0 && fstat(*fd, &is) == 0 && was.st_dev == is.st_dev &&
        was.st_ino == is.st_ino)
        return 0;
    close(*fd);
    return EAGAIN;
}

static int
set_size(struct posix_vfs *p, const struct target *t, const struct vfs_setattr *set,
         const struct stat *st)
{
    if (S_ISDIR(st->st_mode))
        return EISDIR;
    if (!S_ISREG(st->st_mode))
        return VFS_ERR_SPECIAL;
    if (set->size > INT64_MAX)
        return EFBIG;
    int fd = t->fd;
    int error = t->place ? reopen(p, t, O_WRONLY, &fd) : 0;
    if (error != 0)
        return error;
    int r;
    do
        r = ftruncate(fd, (off_t)set->size);
    while (r != 0 && errno == EINTR);
    error = r == 0 ? 0 : errno;
    if (fd != t->fd)
        close(fd);
    return error;
}

/* Before Linux 6.6 an O_PATH descriptor cannot be changed: open it to read,
 * which only works for what the account may read. */
static int
chmod_reopened(struct posix_vfs *p, const struct target *t, mode_t mode,
               const struct stat *st)
{
    if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))
        return EOPNOTSUPP;
    int fd;
    int error = reopen(p, t, O_RDONLY, &fd);
    if (error != 0)
        return error;
    error = fchmod(fd, mode) == 0 ? 0 : errno;
    close(fd);
    return error;
}

static int
set_mode(struct posix_vfs *p, const struct target *t, const struct vfs_setattr *set,
         const struct stat *st)
{
    mode_t mode = set->mode & 07777;
    bool adds_special = (mode & SPECIAL_BITS & ~st->st_mode) != 0;
    if (adds_special && !p->options.may_set_id_bits)
        return VFS_ERR_MODE_BITS;
    if (!t->place)
        return fchmod(t->fd, mode) == 0 ? 0 : errno;
    if (syscall(SYS_fchmodat2, t->fd, "", mode, AT_EMPTY_PATH) == 0)
        return 0;
    return errno == ENOSYS ? chmod_reopened(p, t, mode, st) : errno;
}

static int
set_times(struct posix_vfs *p, const struct target *t, const struct vfs_setattr *set,
          const struct stat *st)
{
    (void)p;
    (void)st;
    struct timespec times[2] = {{.tv_sec = set->atime}, {.tv_sec = set->mtime}};
    int r =
        t->place ? utimensat(t->fd, "", times, AT_EMPTY_PATH) : futimens(t->fd, times);
    return r == 0 ? 0 : errno;
}

static int
set_owner(struct posix_vfs *p, const struct target *t, const struct vfs_setattr *set,
          const struct stat *st)
{
    if (set->uid == st->st_uid && set->gid == st->st_gid)
        return 0; /* clients that copy attributes ask for what is */
    if (!p->options.may_chown)
        return VFS_ERR_OWNER;
    return fchownat(t->fd, "", set->uid, set->gid, AT_EMPTY_PATH) == 0 ? 0 : errno;
}

static int
set_all(struct posix_vfs *p, const struct target *t, const struct vfs_setattr *set)
{
    static const struct {
        enum vfs_set what;
        int (*apply)(struct posix_vfs *p, const struct target *t,
                     const struct vfs_setattr *set, const struct stat *st);
    } steps[] = {{VFS_SET_SIZE, set_size},
                 {VFS_SET_MODE, set_mode},
                 {VFS_SET_TIMES, set_times},
                 {VFS_SET_OWNER, set_owner}};
    struct stat st;
    if (fstat(t->fd, &st) != 0)
        return errno;
    int last = 0;
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        if (!(set->set & (unsigned)steps[i].what))
            continue;
        int error = steps[i].apply(p, t, set, &st);
        if (error != 0)
            last = error;
    }
    return last;
}

static int
set_at(struct posix_vfs *p, const struct posix_place *place,
       const struct vfs_setattr *set)
{
    struct target t = {.place = place};
    int error = posix_open_at(p, place, O_PATH, 0, 0, &t.fd);
    if (error != 0)
        return error;
    error = set_all(p, &t, set);
    close(t.fd);
    return error;
}

int
posix_setattr(struct vfs *v, const struct vfs_path *path, const struct vfs_setattr *set)
{
    struct posix_place place = posix_place_whole(posix_of(v), path);
    return set_at(posix_of(v), &place, set);
}

int
posix_lsetattr(struct vfs *v, const struct vfs_path *path, const struct vfs_setattr *set)
{
    struct posix_place place;
    int error = posix_place_parent(posix_of(v), path, &place);
    if (error != 0)
        return error;
    error = set_at(posix_of(v), &place, set);
    posix_place_close(&place);
    return error;
}

int
posix_fsetattr(struct vfs *v, struct vfs_file *file, const struct vfs_setattr *set)
{
    struct target t = {.fd = posix_file_of(file)->fd};
    return set_all(posix_of(v), &t, set);
}

int
posix_dir_setattr(struct vfs *v, struct vfs_dir *dir, const struct vfs_setattr *set)
{
    struct target t = {.fd = posix_dir_fd(dir)};
    return set_all(posix_of(v), &t, set);
}
