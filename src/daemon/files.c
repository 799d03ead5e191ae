/* See files.h. */
#include "daemon/files.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
is_owner_trusted(const struct stat *st)
{
    return st->st_uid == 0 || st->st_uid == geteuid();
}

static enum err
check_modes(const char *path, const struct stat *st, enum file_trust trust,
            struct fault *why)
{
    if (!S_ISREG(st->st_mode))
        return fault_set(why, ERR_AUTH, 0, "%.160s: not a regular file", path);
    if (!is_owner_trusted(st))
        return fault_set(why, ERR_AUTH, 0, "%.160s: belongs to another user", path);
    mode_t forbidden = trust == FILE_SECRET ? 077 : 022;
    if (st->st_mode & forbidden)
        return fault_set(
            why, ERR_AUTH, 0, "%.160s: mode %04o lets others %s it; chmod %s would help",
            path, (unsigned)st->st_mode & 07777, trust == FILE_SECRET ? "read" : "write",
            trust == FILE_SECRET ? "600" : "go-w");
    return ERR_NONE;
}

static enum err
check_directory(const char *path, struct fault *why)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return fault_errno(why, ERR_IO, errno, "%.160s", path);
    bool is_open = (st.st_mode & 022) != 0 && !(st.st_mode & S_ISVTX);
    if (is_open || !is_owner_trusted(&st))
        return fault_set(why, ERR_AUTH, 0, "%.160s: others may change this directory",
                         path);
    return ERR_NONE;
}

/* Every directory from the file's own up to the root. */
static enum err
check_parents(const char *path, struct fault *why)
{
    char *real = realpath(path, NULL);
    if (!real)
        return fault_errno(why, ERR_IO, errno, "%.160s", path);
    enum err err = ERR_NONE;
    for (char *slash = strrchr(real, '/'); slash && err == ERR_NONE;
         slash = strrchr(real, '/')) {
        bool is_root = slash == real;
        slash[is_root] = 0;
        err = check_directory(real, why);
        if (is_root)
            break;
    }
    free(real);
    return err;
}

static enum err
read_all(int fd, const char *path, struct buf *out, struct fault *why)
{
    uint8_t chunk[4096];
    ssize_t n;
    while ((n = read(fd, chunk, sizeof chunk)) > 0 && buf_err(out) == ERR_NONE)
        buf_put(out, bytes_of(chunk, (size_t)n));
    if (n < 0)
        return fault_errno(why, ERR_IO, errno, "%.160s", path);
    if (buf_err(out) != ERR_NONE)
        return fault_set(why, buf_err(out), 0, "%.160s: larger than %zu octets", path,
                         out->max);
    return ERR_NONE;
}

enum err
file_read(const char *path, enum file_trust trust, struct buf *out, struct fault *why)
{
    struct stat st;
    /* O_NONBLOCK: a FIFO in its place must not make us wait. */
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return fault_errno(why, ERR_IO, errno, "%.160s", path);
    enum err err = ERR_NONE;
    if (fstat(fd, &st) != 0)
        err = fault_errno(why, ERR_IO, errno, "%.160s", path);
    if (err == ERR_NONE)
        err = check_modes(path, &st, trust, why);
    if (err == ERR_NONE)
        err = check_parents(path, why);
    if (err == ERR_NONE)
        err = read_all(fd, path, out, why);
    close(fd);
    return err;
}

static bool
write_all(int fd, struct bytes content)
{
    while (content.n != 0) {
        ssize_t n = write(fd, content.p, content.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        content = bytes_skip(content, (size_t)n);
    }
    return fsync(fd) == 0;
}

/* A name exists or is gone after a crash only when its directory is synced. */
static bool
sync_directory_of(const char *path)
{
    char copy[PATH_MAX];
    snprintf(copy, sizeof copy, "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool is_ok = fsync(fd) == 0;
    close(fd);
    return is_ok;
}

/* Write a file beside `path` that takes its name when it is whole. */
static enum err
write_beside(const char *path, mode_t mode, struct bytes content,
             char temporary[PATH_MAX], struct fault *why)
{
    int n = snprintf(temporary, PATH_MAX, "%s.new.%ld", path, (long)getpid());
    if (n < 0 || n >= PATH_MAX)
        return fault_set(why, ERR_IO, 0, "%.160s: name too long", path);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return fault_errno(why, ERR_IO, errno, "cannot create %.160s", temporary);
    bool is_written = write_all(fd, content) && fchmod(fd, mode) == 0;
    int sys_errno = errno;
    if (close(fd) == 0 && is_written)
        return ERR_NONE;
    unlink(temporary);
    return fault_errno(why, ERR_IO, sys_errno, "cannot write %.160s", path);
}

enum err
file_create_secret(const char *path, struct bytes content, struct fault *why)
{
    char temporary[PATH_MAX];
    enum err err = write_beside(path, 0600, content, temporary, why);
    if (err != ERR_NONE)
        return err;
    /* link, not rename: another server that starts now keeps its key. */
    bool is_named = link(temporary, path) == 0;
    int sys_errno = errno;
    unlink(temporary);
    if (is_named && sync_directory_of(path))
        return ERR_NONE;
    return fault_errno(why, sys_errno == EEXIST ? ERR_LIMIT : ERR_IO, sys_errno,
                       "cannot write %.160s", path);
}

enum err
file_replace(const char *path, mode_t mode, struct bytes content, struct fault *why)
{
    char temporary[PATH_MAX];
    enum err err = write_beside(path, mode, content, temporary, why);
    if (err != ERR_NONE)
        return err;
    bool is_named = rename(temporary, path) == 0;
    int sys_errno = errno;
    if (is_named && sync_directory_of(path))
        return ERR_NONE;
    if (!is_named)
        unlink(temporary);
    return fault_errno(why, ERR_IO, sys_errno, "cannot write %.160s", path);
}

/* mkdir -p with mode 0700. */
static enum err
make_directories(char *path, struct fault *why)
{
    for (char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash)
            *slash = 0;
        bool is_ok = mkdir(path, 0700) == 0 || errno == EEXIST;
        int sys_errno = errno;
        if (!is_ok)
            return fault_errno(why, ERR_IO, sys_errno, "cannot make directory %.160s",
                               path);
        if (!slash)
            return ERR_NONE;
        *slash = '/';
    }
}

enum err
file_state_dir(const char *state_home, const char *home, char *path, struct fault *why)
{
    int n;
    /* The XDG specification: a relative value is to be ignored. */
    if (state_home && state_home[0] == '/')
        n = snprintf(path, PATH_MAX, "%s/ferry", state_home);
    else if (home && home[0] == '/')
        n = snprintf(path, PATH_MAX, "%s/.local/state/ferry", home);
    else
        return fault_set(why, ERR_IO, 0,
                         "no place for the host key: HOME is not set; use --host-key");
    if (n < 0 || n >= PATH_MAX)
        return fault_set(why, ERR_IO, 0, "the state directory's name is too long");
    enum err err = make_directories(path, why);
    return err ? err : check_directory(path, why);
}
