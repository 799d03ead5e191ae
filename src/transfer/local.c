/* See local.h. */
#include "transfer/local.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h> /* renameat */
#include <stdlib.h>
#include <sys/file.h>
#include <sys/queue.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Descriptors of directories kept open, a tree. */
enum { DIRS_OPEN_MAX = 48, SHOWN_MAX = 8192, BELOW_MAX = 65536, OPEN_TRIES = 8 };

struct local_tree {
    int fd;
    char *shown; /* as the user wrote it */
    unsigned refs;
    unsigned n_open;
    TAILQ_HEAD(, local_dir) open; /* the longest unused first */
};

struct local_dir {
    struct local_tree *tree;
    unsigned refs;
    char *below; /* the path from the root; "" is the root */
    int fd;      /* -1: not open now. The root's is its tree's */
    TAILQ_ENTRY(local_dir) link;
};

/* ---- trees and directories ---- */

static void
tree_unref(struct local_tree *tree)
{
    if (--tree->refs != 0)
        return;
    close(tree->fd);
    free(tree->shown);
    free(tree);
}

/* below: taken over, also on failure. */
static int
dir_new(struct local_tree *tree, char *below, struct local_dir **dir)
{
    struct local_dir *d = below ? calloc(1, sizeof *d) : NULL;
    if (!d) {
        free(below);
        return ENOMEM;
    }
    *d = (struct local_dir){.tree = tree, .refs = 1, .below = below, .fd = -1};
    tree->refs++;
    *dir = d;
    return 0;
}

int
local_root_open(const char *path, struct local_dir **dir)
{
    struct local_tree *tree = calloc(1, sizeof *tree);
    if (!tree)
        return ENOMEM;
    TAILQ_INIT(&tree->open);
    tree->refs = 1;
    tree->shown = strdup(path);
    tree->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int e = tree->fd < 0 ? errno : !tree->shown ? ENOMEM : 0;
    if (e == 0)
        e = dir_new(tree, strdup(""), dir);
    tree_unref(tree);
    return e;
}

int
local_dir_below(struct local_dir *parent, const char *name, struct local_dir **dir)
{
    struct buf path;
    buf_init(&path, BELOW_MAX);
    if (parent->below[0] != '\0')
        buf_printf(&path, "%s/", parent->below);
    buf_put_str(&path, name);
    const char *below = buf_cstr(&path);
    int e = below ? dir_new(parent->tree, strdup(below), dir) : ENAMETOOLONG;
    buf_clear(&path);
    return e;
}

static void
dir_close(struct local_dir *dir)
{
    if (dir->fd < 0)
        return;
    TAILQ_REMOVE(&dir->tree->open, dir, link);
    dir->tree->n_open--;
    close(dir->fd);
    dir->fd = -1;
}

struct local_dir *
local_dir_ref(struct local_dir *dir)
{
    dir->refs++;
    return dir;
}

void
local_dir_unref(struct local_dir *dir)
{
    if (!dir || --dir->refs != 0)
        return;
    dir_close(dir);
    tree_unref(dir->tree);
    free(dir->below);
    free(dir);
}

void
local_show(struct buf *out, const struct local_dir *dir, const char *name)
{
    bool is_here = strcmp(dir->tree->shown, ".") == 0;
    const char *parts[] = {is_here ? "" : dir->tree->shown, dir->below, name ? name : ""};
    size_t start = out->n;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (parts[i][0] == '\0')
            continue;
        if (out->n > start && out->p[out->n - 1] != '/')
            buf_put_u8(out, '/');
        buf_put_str(out, parts[i]);
    }
    if (out->n == start)
        buf_put_u8(out, '.');
}

/* ---- resolution ---- */

static int
open_beneath(int at, const char *path, int flags, mode_t mode, int *fd)
{
    struct open_how how = {.flags = (unsigned)flags | O_CLOEXEC | O_NOCTTY,
                           .mode = flags & O_CREAT ? mode & 0777 : 0,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    /* EAGAIN: a rename elsewhere raced the look-up; openat2(2) says to retry. */
    for (int i = 0; i < OPEN_TRIES; i++) {
        long r = syscall(SYS_openat2, at, path, &how, sizeof how);
        if (r >= 0) {
            *fd = (int)r;
            return 0;
        }
        if (errno != EAGAIN && errno != EINTR)
            break;
    }
    return errno;
}

/* The directory's descriptor, for use at once: another directory may close it. */
static int
dir_fd(struct local_dir *dir, int *fd)
{
    struct local_tree *tree = dir->tree;
    if (dir->below[0] == '\0') {
        *fd = tree->fd;
        return 0;
    }
    if (dir->fd >= 0) {
        TAILQ_REMOVE(&tree->open, dir, link);
        TAILQ_INSERT_TAIL(&tree->open, dir, link);
        *fd = dir->fd;
        return 0;
    }
    if (tree->n_open >= DIRS_OPEN_MAX)
        dir_close(TAILQ_FIRST(&tree->open));
    int e = open_beneath(tree->fd, dir->below, O_RDONLY | O_DIRECTORY, 0, &dir->fd);
    if (e != 0) {
        dir->fd = -1;
        return e;
    }
    TAILQ_INSERT_TAIL(&tree->open, dir, link);
    tree->n_open++;
    *fd = dir->fd;
    return 0;
}

/* The descriptor of the directory above, and the last component. */
static int
parent_fd(const struct local_dir *dir, int *fd, const char **name)
{
    const char *slash = strrchr(dir->below, '/');
    *name = slash ? slash + 1 : dir->below;
    if (!slash) {
        *fd = dup(dir->tree->fd);
        return *fd < 0 ? errno : 0;
    }
    char *above = strndup(dir->below, (size_t)(slash - dir->below));
    if (!above)
        return ENOMEM;
    int e = open_beneath(dir->tree->fd, above, O_RDONLY | O_DIRECTORY, 0, fd);
    free(above);
    return e;
}

/* ---- names in a directory ---- */

int
local_dir_make(struct local_dir *dir, mode_t mode, bool *is_new)
{
    int fd;
    const char *name;
    *is_new = false;
    if (dir->below[0] == '\0')
        return 0;
    int e = parent_fd(dir, &fd, &name);
    if (e != 0)
        return e;
    if (mkdirat(fd, name, mode & 0777) == 0)
        *is_new = true;
    else
        e = errno;
    close(fd);
    if (e != EEXIST)
        return e;
    return dir_fd(dir, &fd); /* a directory, and no link to one? */
}

/* Open `name`, which must turn out to be a regular file. */
static int
open_regular(struct local_dir *dir, const char *name, int flags, mode_t mode, int *fd,
             struct stat *st)
{
    int at;
    int e = dir_fd(dir, &at);
    if (e == 0)
        e = open_beneath(at, name, flags | O_NONBLOCK, mode, fd);
    if (e != 0)
        return e;
    if (fstat(*fd, st) != 0)
        e = errno;
    else if (!S_ISREG(st->st_mode))
        e = S_ISDIR(st->st_mode) ? EISDIR : EINVAL;
    if (e != 0)
        close(*fd);
    return e;
}

int
local_open_part(struct local_dir *dir, const char *name, mode_t mode, int *fd,
                struct stat *st)
{
    int e = open_regular(dir, name, O_RDWR | O_CREAT, mode, fd, st);
    if (e != 0 || flock(*fd, LOCK_EX | LOCK_NB) == 0)
        return e;
    e = errno == EWOULDBLOCK ? EEXIST : errno;
    close(*fd);
    return e;
}

int
local_open_write(struct local_dir *dir, const char *name, int *fd, struct stat *st)
{
    return open_regular(dir, name, O_RDWR, 0, fd, st);
}

int
local_open_over(struct local_dir *dir, const char *name, mode_t mode, int *fd)
{
    struct stat st;
    int e = open_regular(dir, name, O_RDWR | O_CREAT, mode, fd, &st);
    if (e != 0 || st.st_size == 0)
        return e;
    e = local_truncate(*fd, 0);
    if (e != 0)
        close(*fd);
    return e;
}

int
local_open_read(struct local_dir *dir, const char *name, int *fd, struct stat *st)
{
    return open_regular(dir, name, O_RDONLY, 0, fd, st);
}

int
local_open_named(const char *path, int *fd, struct stat *st)
{
    *fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (*fd < 0)
        return errno;
    int e = fstat(*fd, st) != 0 ? errno : 0;
    if (e == 0 && !S_ISREG(st->st_mode))
        e = S_ISDIR(st->st_mode) ? EISDIR : EINVAL;
    if (e != 0)
        close(*fd);
    return e;
}

int
local_stat(const char *path, struct stat *st)
{
    return stat(path, st) != 0 ? errno : 0;
}

int
local_lstat(struct local_dir *dir, const char *name, struct stat *st)
{
    int at;
    int e = dir_fd(dir, &at);
    if (e != 0)
        return e;
    return fstatat(at, name, st, AT_SYMLINK_NOFOLLOW) != 0 ? errno : 0;
}

int
local_rename(struct local_dir *dir, const char *from, const char *to)
{
    int at;
    int e = dir_fd(dir, &at);
    if (e != 0)
        return e;
    return renameat(at, from, at, to) != 0 ? errno : 0;
}

int
local_remove(struct local_dir *dir, const char *name)
{
    int at;
    int e = dir_fd(dir, &at);
    if (e != 0)
        return e;
    return unlinkat(at, name, 0) != 0 ? errno : 0;
}

int
local_readlink(struct local_dir *dir, const char *name, struct buf *target)
{
    int at;
    char text[4096];
    int e = dir_fd(dir, &at);
    if (e != 0)
        return e;
    ssize_t n = readlinkat(at, name, text, sizeof text);
    if (n < 0)
        return errno;
    buf_put(target, bytes_of(text, (size_t)n));
    return buf_err(target) != ERR_NONE ? ENAMETOOLONG : 0;
}

int
local_symlink(struct local_dir *dir, const char *name, const char *target)
{
    int at;
    struct stat st;
    int e = dir_fd(dir, &at);
    if (e != 0)
        return e;
    if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode))
        unlinkat(at, name, 0);
    return symlinkat(target, at, name) != 0 ? errno : 0;
}

int
local_dir_set_mode(struct local_dir *dir, mode_t mode)
{
    int fd;
    int e = dir_fd(dir, &fd);
    return e != 0 ? e : local_set_mode(fd, mode);
}

int
local_dir_set_times(struct local_dir *dir, uint32_t atime, uint32_t mtime)
{
    int fd;
    int e = dir_fd(dir, &fd);
    return e != 0 ? e : local_set_times(fd, atime, mtime);
}

int
local_dir_sync(struct local_dir *dir)
{
    int fd;
    int e = dir_fd(dir, &fd);
    return e != 0 ? e : local_sync(fd);
}

/* ---- open files ---- */

int
local_write(int fd, struct bytes data, uint64_t offset)
{
    while (data.n != 0) {
        ssize_t n = pwrite(fd, data.p, data.n, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : EIO;
        data = bytes_skip(data, (size_t)n);
        offset += (size_t)n;
    }
    return 0;
}

/* One octet range of a vector that a short preadv left over. */
static int
read_rest(int fd, const struct iovec *to, int n_to, uint64_t offset, size_t *got)
{
    size_t skip = *got;
    for (int i = 0; i < n_to; i++) {
        size_t at = skip < to[i].iov_len ? skip : to[i].iov_len;
        skip -= at;
        while (at < to[i].iov_len) {
            ssize_t n = pread(fd, (char *)to[i].iov_base + at, to[i].iov_len - at,
                              (off_t)(offset + *got));
            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0)
                return n < 0 ? errno : 0;
            at += (size_t)n;
            *got += (size_t)n;
        }
    }
    return 0;
}

int
local_read(int fd, const struct iovec *to, int n_to, uint64_t offset, size_t *got)
{
    *got = 0;
    ssize_t n = preadv(fd, to, n_to, (off_t)offset);
    if (n < 0 && errno != EINTR)
        return errno;
    *got = n > 0 ? (size_t)n : 0;
    return n == 0 ? 0 : read_rest(fd, to, n_to, offset, got);
}

int
local_fstat(int fd, struct stat *st)
{
    return fstat(fd, st) != 0 ? errno : 0;
}

int
local_truncate(int fd, uint64_t size)
{
    return ftruncate(fd, (off_t)size) != 0 ? errno : 0;
}

int
local_sync(int fd)
{
    return fsync(fd) != 0 ? errno : 0;
}

int
local_set_mode(int fd, mode_t mode)
{
    /* Never set-user-id, set-group-id, sticky: a server chose them (threats L10). */
    return fchmod(fd, mode & 0777) != 0 ? errno : 0;
}

int
local_set_times(int fd, uint32_t atime, uint32_t mtime)
{
    struct timespec times[2] = {{.tv_sec = atime}, {.tv_sec = mtime}};
    return futimens(fd, times) != 0 ? errno : 0;
}

int
local_close(int fd)
{
    return close(fd) != 0 ? errno : 0;
}

/* ---- listing ---- */

struct local_list {
    DIR *dir;
};

int
local_list_open(struct local_dir *dir, struct local_list **list)
{
    int at, fd;
    int e = dir_fd(dir, &at);
    if (e == 0) /* a descriptor of its own: listing moves its position */
        e = open_beneath(at, ".", O_RDONLY | O_DIRECTORY, 0, &fd);
    if (e != 0)
        return e;
    struct local_list *l = calloc(1, sizeof *l);
    if (l)
        l->dir = fdopendir(fd);
    if (!l || !l->dir) {
        e = l ? errno : ENOMEM;
        close(fd);
        free(l);
        return e;
    }
    *list = l;
    return 0;
}

const char *
local_list_next(struct local_list *list, int *error)
{
    struct dirent *entry;
    do {
        errno = 0;
        entry = readdir(list->dir);
    } while (entry &&
             (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
    *error = entry ? 0 : errno;
    return entry ? entry->d_name : NULL;
}

void
local_list_close(struct local_list *list)
{
    if (!list)
        return;
    closedir(list->dir);
    free(list);
}
