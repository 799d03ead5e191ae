/*
 * Listings of the posix vfs: getdents64() in batches, lstat by the directory's
 * descriptor, so that no listing is ever held whole (threats R7).
 */
#include "vfs/posix_impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { BATCH = 32 << 10 }; /* octets: some 800 names */

struct posix_dir {
    int fd;
    bool is_root;    /* whose ".." is told to be itself */
    size_t at, fill; /* the batch's unread part */
    _Alignas(struct dirent64) char batch[BATCH];
};

static struct posix_dir *
posix_dir_of(struct vfs_dir *d)
{
    return (struct posix_dir *)d;
}

int
posix_dir_fd(struct vfs_dir *dir)
{
    return posix_dir_of(dir)->fd;
}

int
posix_opendir(struct vfs *v, const struct vfs_path *path, struct vfs_dir **dir)
{
    struct posix_vfs *p = posix_of(v);
    struct posix_dir *d = malloc(sizeof *d);
    if (!d)
        return ENOMEM;
    struct posix_place place = posix_place_whole(p, path);
    int error =
        posix_open_at(p, &place, O_RDONLY | O_DIRECTORY | O_NONBLOCK, 0, 0, &d->fd);
    if (error != 0) {
        free(d);
        return error;
    }
    struct stat st = {0};
    d->is_root =
        fstat(d->fd, &st) == 0 && st.st_dev == p->root_dev && st.st_ino == p->root_ino;
    d->at = d->fill = 0;
    *dir = (struct vfs_dir *)d;
    return 0;
}

static int
fill_batch(struct posix_dir *d)
{
    ssize_t n = getdents64(d->fd, d->batch, sizeof d->batch);
    if (n < 0)
        return errno;
    d->at = 0;
    d->fill = (size_t)n;
    return 0;
}

/* What is above the root is nobody's business (threats P13). */
static int
stat_entry(struct posix_vfs *p, struct posix_dir *d, const char *name, struct stat *st)
{
    bool is_above = d->is_root && strcmp(name, "..") == 0;
    const char *look_at = is_above && p->options.is_confined ? "." : name;
    return fstatat(d->fd, look_at, st, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : errno;
}

int
posix_readdir(struct vfs *v, struct vfs_dir *dir, struct vfs_entry *entry)
{
    struct posix_dir *d = posix_dir_of(dir);
    for (;;) {
        if (d->at == d->fill) {
            int error = fill_batch(d);
            if (error != 0)
                return error;
        }
        if (d->fill == 0) {
            *entry = (struct vfs_entry){0};
            return 0;
        }
        const struct dirent64 *e = (const struct dirent64 *)(d->batch + d->at);
        d->at += e->d_reclen;
        struct stat st;
        if (stat_entry(posix_of(v), d, e->d_name, &st) != 0)
            continue; /* vanished */
        entry->name = bytes_str(e->d_name);
        posix_stat_of(&st, &entry->stat);
        return 0;
    }
}

void
posix_closedir(struct vfs *v, struct vfs_dir *dir)
{
    (void)v;
    close(posix_dir_of(dir)->fd);
    free(dir);
}
