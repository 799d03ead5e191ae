/* See audit.h. */
#include "daemon/audit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "daemon/log_format.h"

enum {
    LOCK_TRIES = 50,          /* a millisecond each: a writer holds it for microseconds */
    PREDECESSORS_MAX = 10000, /* names that are looked at in the directory */
};

/* ---- the tail ---- */

/* The last line in text that is sound; *behind: octets after it. */
static enum err
find_tail(struct bytes text, struct audit_tail *tail, size_t *behind)
{
    size_t end = text.n;
    while (end != 0) {
        /* A line ends at the newline at end - 1 and starts behind the one before. */
        const uint8_t *newline = memrchr(text.p, '\n', end);
        if (!newline)
            break;
        size_t stop = (size_t)(newline - text.p);
        const uint8_t *before = stop ? memrchr(text.p, '\n', stop) : NULL;
        size_t start = before ? (size_t)(before - text.p) + 1 : 0;
        struct audit_tail prev, found;
        enum err err =
            audit_open_line(bytes_of(text.p + start, stop - start), &prev, &found);
        if (err == ERR_NONE) {
            *tail = found;
            *behind = text.n - stop - 1;
            return ERR_NONE;
        }
        if (err != ERR_PROTO && err != ERR_CRYPTO)
            return err;
        end = start;
    }
    *tail = (struct audit_tail){0};
    *behind = text.n;
    return ERR_NONE;
}

enum err
audit_read_tail(int fd, struct audit_tail *tail, size_t *n_behind)
{
    struct stat st;
    struct buf text;
    if (fstat(fd, &st) != 0)
        return ERR_IO;
    off_t want = st.st_size < 2 * AUDIT_LINE_MAX ? st.st_size : 2 * AUDIT_LINE_MAX;
    buf_init(&text, 2 * AUDIT_LINE_MAX);
    uint8_t *room = buf_extend(&text, (size_t)want);
    enum err err = buf_err(&text);
    ssize_t n = room && want ? pread(fd, room, (size_t)want, st.st_size - want) : 0;
    if (err == ERR_NONE && n != want)
        err = ERR_IO;
    if (err == ERR_NONE)
        err = find_tail(buf_bytes(&text), tail, n_behind);
    buf_clear(&text);
    return err;
}

/* What is behind our last line, if anybody else wrote or we don't know. */
static enum err
update_tail(struct audit *a)
{
    struct stat st;
    uint8_t last;
    if (fstat(a->fd, &st) != 0)
        return ERR_IO;
    if (st.st_size == a->end)
        return ERR_NONE;
    enum err err = audit_read_tail(a->fd, &a->tail, &a->n_torn);
    if (err != ERR_NONE)
        return err;
    a->end = st.st_size;
    a->needs_newline =
        a->n_torn != 0 && (pread(a->fd, &last, 1, st.st_size - 1) != 1 || last != '\n');
    return ERR_NONE;
}

/* ---- lock and rotation ---- */

static enum err
lock(int fd)
{
    for (int i = 0; i < LOCK_TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return ERR_NONE;
        if (errno != EWOULDBLOCK)
            return ERR_IO;
        poll(NULL, 0, 1);
    }
    return ERR_LIMIT;
}

static void
unlock(int fd)
{
    flock(fd, LOCK_UN);
}

static enum err
open_file(const char *path, int *fd, struct fault *why)
{
    struct stat st;
    *fd =
        open(path,
             O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
             0600);
    if (*fd < 0)
        return fault_errno(why, ERR_IO, errno, "cannot open the audit log %.160s", path);
    enum err err = ERR_NONE;
    if (fstat(*fd, &st) != 0 || !S_ISREG(st.st_mode))
        err = fault_set(why, ERR_IO, 0, "the audit log %.160s is no file", path);
    else if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & 022) != 0)
        err =
            fault_set(why, ERR_AUTH, 0, "others may write to the audit log %.160s", path);
    if (err != ERR_NONE) {
        close(*fd);
        *fd = -1;
    }
    return err;
}

/* Begin an object of our own. */
static void
begin_line(struct buf *line, const char *type, struct timespec now)
{
    json_begin(line, type);
    buf_put_str(line, ",\"time\":\"");
    log_put_time(line, now);
    buf_put_u8(line, '"');
}

static enum err
write_sealed(struct audit *a, const struct buf *line, const struct audit_tail *tail)
{
    ssize_t n = write(a->fd, line->p, line->n);
    if (n > 0)
        a->is_dirty = true;
    if (n != (ssize_t)line->n) {
        a->end = -1; /* maybe a part of it is there: look before the next one */
        return ERR_IO;
    }
    a->tail = *tail;
    a->end += (off_t)line->n;
    a->n_torn = 0;
    a->needs_newline = false;
    return ERR_NONE;
}

/* The first line of a file that continues a chain, in the same write as nothing else. */
static enum err
write_continued(struct audit *a, struct timespec now)
{
    struct buf line;
    struct audit_tail tail = a->tail;
    buf_init(&line, AUDIT_LINE_MAX);
    begin_line(&line, "continued", now);
    enum err err = audit_seal(&line, &tail);
    if (err == ERR_NONE)
        err = write_sealed(a, &line, &tail);
    buf_clear(&line);
    return err;
}

static bool
is_still_there(const struct audit *a)
{
    struct stat named, ours;
    return stat(a->path, &named) == 0 && fstat(a->fd, &ours) == 0 &&
           named.st_ino == ours.st_ino && named.st_dev == ours.st_dev;
}

/* The file was renamed: go on in a new one. Both are locked while the chain passes
 * over; a->fd is locked when this is called and afterwards. */
static enum err
follow_rename(struct audit *a, struct timespec now)
{
    int fd;
    struct stat st;
    struct fault why = {0};
    if (is_still_there(a))
        return ERR_NONE;
    enum err err = update_tail(a);
    if (err == ERR_NONE)
        err = open_file(a->path, &fd, &why);
    if (err != ERR_NONE)
        return err;
    err = lock(fd);
    if (err == ERR_NONE && fstat(fd, &st) != 0)
        err = ERR_IO;
    if (err != ERR_NONE) {
        close(fd);
        return err;
    }
    audit_sync(a);
    audit_close(a); /* the old one's lock goes with it */
    a->fd = fd;
    a->end = st.st_size == 0 ? 0 : -1;
    a->n_torn = 0;
    return st.st_size == 0 ? write_continued(a, now) : ERR_NONE;
}

static enum err
lock_current(struct audit *a, struct timespec now)
{
    enum err err = lock(a->fd);
    if (err != ERR_NONE)
        return err;
    err = follow_rename(a, now);
    if (err == ERR_NONE)
        err = update_tail(a);
    if (err != ERR_NONE)
        unlock(a->fd);
    return err;
}

/* ---- opening ---- */

/* audit.log.1, audit.log-20261122: what logrotate makes of audit.log. */
static bool
is_predecessor(const char *name, const char *base)
{
    size_t n = strlen(base);
    return strncmp(name, base, n) == 0 && (name[n] == '.' || name[n] == '-');
}

static void
consider(int dir, const char *name, struct audit_tail *best)
{
    struct audit_tail tail;
    size_t behind;
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return;
    if (audit_read_tail(fd, &tail, &behind) == ERR_NONE && tail.seq > best->seq)
        *best = tail;
    close(fd);
}

/* The file was rotated while nobody wrote: the chain's end is in another one. */
static void
find_predecessor(struct audit *a)
{
    char copy[PATH_MAX], copy2[PATH_MAX];
    snprintf(copy, sizeof copy, "%s", a->path);
    snprintf(copy2, sizeof copy2, "%s", a->path);
    const char *base = basename(copy2);
    DIR *dir = opendir(dirname(copy));
    if (!dir)
        return;
    struct dirent *entry;
    for (int i = 0; i < PREDECESSORS_MAX && (entry = readdir(dir)) != NULL; i++)
        if (is_predecessor(entry->d_name, base))
            consider(dirfd(dir), entry->d_name, &a->tail);
    closedir(dir);
}

enum err
audit_open(struct audit *a, const char *path, struct fault *why)
{
    struct timespec now;
    struct stat st;
    *a = (struct audit){.path = path, .fd = -1, .end = -1};
    enum err err = open_file(path, &a->fd, why);
    if (err != ERR_NONE)
        return err;
    clock_gettime(CLOCK_REALTIME, &now);
    err = lock(a->fd);
    if (err == ERR_NONE && fstat(a->fd, &st) == 0 && st.st_size == 0) {
        a->end = 0;
        find_predecessor(a);
        if (a->tail.seq != 0)
            (void)!write_continued(a, now); /* no room now: the first line says so */
    }
    if (err == ERR_NONE) {
        err = update_tail(a);
        unlock(a->fd);
    }
    if (err == ERR_NONE)
        return ERR_NONE;
    audit_close(a);
    return fault_set(why, err, 0, "cannot read the audit log %.160s", path);
}

void
audit_close(struct audit *a)
{
    if (a->fd >= 0)
        close(a->fd);
    a->fd = -1;
}

void
audit_sync(struct audit *a)
{
    if (a->fd >= 0 && a->is_dirty)
        (void)!fdatasync(a->fd);
    a->is_dirty = false;
}

/* ---- appending ---- */

/* Lines that tell what went wrong before, in front of the line itself. */
static enum err
put_confessions(struct audit *a, struct audit_tail *tail, struct timespec now,
                struct buf *out)
{
    struct buf line;
    enum err err = ERR_NONE;
    buf_init(&line, AUDIT_LINE_MAX);
    if (a->needs_newline)
        buf_put_u8(out, '\n');
    if (a->n_torn != 0) {
        begin_line(&line, "recovered", now);
        json_number(&line, "torn", a->n_torn);
        err = audit_seal(&line, tail);
        buf_put(out, buf_bytes(&line));
    }
    if (err == ERR_NONE && a->n_lost != 0) {
        buf_reset(&line);
        begin_line(&line, "lost", now);
        json_number(&line, "lines", a->n_lost);
        err = audit_seal(&line, tail);
        buf_put(out, buf_bytes(&line));
    }
    buf_clear(&line);
    return err;
}

static enum err
append_locked(struct audit *a, struct buf *line, struct timespec now)
{
    struct buf out;
    struct audit_tail tail = a->tail;
    buf_init(&out, AUDIT_LINE_MAX + 4096);
    enum err err = put_confessions(a, &tail, now, &out);
    if (err == ERR_NONE)
        err = audit_seal(line, &tail);
    if (err == ERR_NONE) {
        buf_put(&out, buf_bytes(line));
        err = buf_err(&out);
    }
    if (err == ERR_NONE)
        err = write_sealed(a, &out, &tail);
    buf_clear(&out);
    return err;
}

enum err
audit_append(struct audit *a, struct buf *line, struct timespec now)
{
    enum err err = lock_current(a, now);
    if (err == ERR_NONE) {
        err = append_locked(a, line, now);
        unlock(a->fd);
    }
    a->n_lost = err == ERR_NONE ? 0 : a->n_lost + 1;
    return err;
}
