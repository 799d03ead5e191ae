/* See text_file.h. */
#include "cli/text_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { READ_STEP = 16384 };

static enum err
read_all(int fd, struct buf *out)
{
    for (;;) {
        size_t room = out->max - out->n;
        size_t step = room < READ_STEP ? room + 1 : READ_STEP; /* one more shows excess */
        char chunk[READ_STEP + 1];
        ssize_t n = read(fd, chunk, step);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? ERR_IO : ERR_NONE;
        if ((size_t)n > room)
            return ERR_LIMIT;
        buf_put(out, bytes_of(chunk, (size_t)n));
        if (buf_err(out) != ERR_NONE)
            return buf_err(out);
    }
}

/* /dev/null is how people say "no such file": it reads as empty. */
static bool
is_null_device(const struct stat *st)
{
    return S_ISCHR(st->st_mode) && major(st->st_rdev) == 1 && minor(st->st_rdev) == 3;
}

enum err
text_file_read(const char *path, struct buf *out, struct stat *st)
{
    struct stat own;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return ERR_IO;
    st = st ? st : &own;
    enum err e = ERR_IO;
    if (fstat(fd, st) == 0) {
        bool is_readable = S_ISREG(st->st_mode) || is_null_device(st);
        e = is_readable ? read_all(fd, out) : ERR_IO;
        if (!is_readable)
            errno = EINVAL;
    }
    int saved = errno;
    close(fd);
    errno = saved;
    return e;
}

static void
make_parent(const char *path)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (!slash || slash == path || (size_t)(slash - path) >= sizeof dir)
        return;
    memcpy(dir, path, (size_t)(slash - path));
    dir[slash - path] = '\0';
    (void)mkdir(dir, 0700); /* if it fails, opening the file says why */
}

static enum err
write_all(int fd, struct bytes text)
{
    while (text.n != 0) {
        ssize_t n = write(fd, text.p, text.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ERR_IO;
        text = bytes_skip(text, (size_t)n);
    }
    return ERR_NONE;
}

static bool
lacks_newline(int fd)
{
    char last;
    off_t end = lseek(fd, 0, SEEK_END);
    return end > 0 && pread(fd, &last, 1, end - 1) == 1 && last != '\n';
}

enum err
text_file_append(const char *path, struct bytes text)
{
    make_parent(path);
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
    if (fd < 0)
        return ERR_IO;
    struct buf whole;
    buf_init(&whole, text.n + 1);
    /* Two clients that learn a host at once must not tear each other's line. */
    (void)flock(fd, LOCK_EX);
    if (lacks_newline(fd))
        buf_put_u8(&whole, '\n');
    buf_put(&whole, text);
    enum err e = buf_err(&whole);
    if (e == ERR_NONE)
        e = write_all(fd, buf_bytes(&whole));
    buf_clear(&whole);
    int saved = errno;
    if (close(fd) != 0 && e == ERR_NONE)
        return ERR_IO;
    errno = saved;
    return e;
}

static enum err
write_beside(const char *target, struct bytes text)
{
    char temporary[PATH_MAX + 16];
    struct stat st;
    mode_t mode = stat(target, &st) == 0 ? st.st_mode & 0777 : 0600;
    snprintf(temporary, sizeof temporary, "%s.XXXXXX", target);
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return ERR_IO;
    enum err e = fchmod(fd, mode) == 0 ? write_all(fd, text) : ERR_IO;
    if (e == ERR_NONE && fsync(fd) != 0)
        e = ERR_IO;
    if (close(fd) != 0)
        e = ERR_IO;
    if (e == ERR_NONE && rename(temporary, target) != 0)
        e = ERR_IO;
    if (e != ERR_NONE) {
        int saved = errno;
        unlink(temporary);
        errno = saved;
    }
    return e;
}

enum err
text_file_replace(const char *path, struct bytes text)
{
    char target[PATH_MAX];
    struct stat st;
    if (!realpath(path, target) || stat(target, &st) != 0)
        return ERR_IO;
    if (!S_ISREG(st.st_mode)) { /* a device must not be renamed over */
        errno = EINVAL;
        return ERR_IO;
    }
    return write_beside(target, text);
}
