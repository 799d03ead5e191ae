/* See events_spool.h. */
#include "daemon/events_spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMPORARY_PREFIX "new-"

enum { TEMPORARY_AGE_S = 60, FILES_MAX = 2 * SPOOL_QUEUE_MAX };

static const char *const part_names[] = {
    [SPOOL_QUEUE] = "queue",
    [SPOOL_INTENTS] = "intents",
    [SPOOL_FAILED] = "failed",
};

static int
make_directory(int parent, const char *name)
{
    if (mkdirat(parent, name, 0700) != 0 && errno != EEXIST)
        return -1;
    return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Only what spool_name and the intents' names are made of. */
static bool
is_name(const char *name)
{
    size_t n = strspn(name, "0123456789abcdef-.");
    return n != 0 && name[n] == 0 && n < SPOOL_NAME_MAX && name[0] != '.';
}

static void
walk(int dir, bool (*visit)(void *ctx, const char *name), void *ctx)
{
    int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = copy >= 0 ? fdopendir(copy) : NULL;
    struct dirent *entry;
    if (!stream) {
        if (copy >= 0)
            close(copy);
        return;
    }
    for (int i = 0; i < FILES_MAX && (entry = readdir(stream)) != NULL; i++)
        if (!visit(ctx, entry->d_name))
            break;
    closedir(stream);
}

static bool
reap_temporary(void *ctx, const char *name)
{
    const int *dir = ctx;
    struct stat st;
    bool is_temporary = strncmp(name, TEMPORARY_PREFIX, sizeof TEMPORARY_PREFIX - 1) == 0;
    if (is_temporary && fstatat(*dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        st.st_mtime + TEMPORARY_AGE_S < time(NULL))
        unlinkat(*dir, name, 0);
    return true;
}

static enum err
open_parts(struct spool *s, int base, struct fault *why)
{
    for (int i = 0; i < SPOOL_PARTS; i++) {
        s->dir[i] = make_directory(base, part_names[i]);
        if (s->dir[i] < 0)
            return fault_errno(why, ERR_IO, errno, "the events' spool: %s",
                               part_names[i]);
        walk(s->dir[i], reap_temporary, &s->dir[i]);
    }
    s->lock = openat(base, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    return s->lock >= 0 ? ERR_NONE
                        : fault_errno(why, ERR_IO, errno, "the events' spool: lock");
}

enum err
spool_open(struct spool *s, const char *state_dir, struct fault *why)
{
    *s = (struct spool){.dir = {-1, -1, -1}, .lock = -1};
    int state = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int base = state >= 0 ? make_directory(state, "events") : -1;
    enum err err = ERR_NONE;
    if (base < 0)
        err = fault_errno(why, ERR_IO, errno, "the events' spool in %.160s", state_dir);
    if (state >= 0)
        close(state);
    if (err == ERR_NONE)
        err = open_parts(s, base, why);
    if (base >= 0)
        close(base);
    if (err != ERR_NONE)
        spool_close(s);
    return err;
}

void
spool_close(struct spool *s)
{
    for (int i = 0; i < SPOOL_PARTS; i++) {
        if (s->dir[i] >= 0)
            close(s->dir[i]);
        s->dir[i] = -1;
    }
    if (s->lock >= 0)
        close(s->lock);
    s->lock = -1;
    s->has_lock = false;
}

bool
spool_lock(struct spool *s)
{
    s->has_lock = s->has_lock || flock(s->lock, LOCK_EX | LOCK_NB) == 0;
    return s->has_lock;
}

void
spool_unlock(struct spool *s)
{
    if (s->has_lock)
        flock(s->lock, LOCK_UN);
    s->has_lock = false;
}

void
spool_name(struct spool *s, struct timespec now, char name[SPOOL_NAME_MAX])
{
    unsigned long long ns =
        (unsigned long long)now.tv_sec * 1000000000ULL + (unsigned long long)now.tv_nsec;
    snprintf(name, SPOOL_NAME_MAX, "%016llx-%x-%x", ns, (unsigned)getpid(), s->count++);
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
    return fdatasync(fd) == 0;
}

enum err
spool_put(struct spool *s, enum spool_part part, const char *name, struct bytes content)
{
    char temporary[SPOOL_NAME_MAX + sizeof TEMPORARY_PREFIX];
    int dir = s->dir[part];
    snprintf(temporary, sizeof temporary, TEMPORARY_PREFIX "%s", name);
    int fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
                    0600);
    if (fd < 0)
        return ERR_IO;
    bool is_ok = write_all(fd, content);
    is_ok = close(fd) == 0 && is_ok;
    is_ok = is_ok && renameat(dir, temporary, dir, name) == 0 && fsync(dir) == 0;
    if (!is_ok)
        unlinkat(dir, temporary, 0);
    return is_ok ? ERR_NONE : ERR_IO;
}

int
spool_open_file(struct spool *s, enum spool_part part, const char *name)
{
    return openat(s->dir[part], name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

enum err
spool_get(struct spool *s, enum spool_part part, const char *name, struct buf *content)
{
    uint8_t chunk[8192];
    ssize_t n;
    int fd = spool_open_file(s, part, name);
    if (fd < 0)
        return ERR_IO;
    while ((n = read(fd, chunk, sizeof chunk)) > 0 && buf_err(content) == ERR_NONE)
        buf_put(content, bytes_of(chunk, (size_t)n));
    close(fd);
    return n < 0 ? ERR_IO : buf_err(content);
}

bool
spool_has(struct spool *s, enum spool_part part, const char *name)
{
    return faccessat(s->dir[part], name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

void
spool_remove(struct spool *s, enum spool_part part, const char *name)
{
    unlinkat(s->dir[part], name, 0);
}

enum err
spool_move(struct spool *s, enum spool_part from, const char *name, enum spool_part to,
           const char *new_name)
{
    if (renameat(s->dir[from], name, s->dir[to], new_name) != 0)
        return ERR_IO;
    return fsync(s->dir[to]) == 0 && fsync(s->dir[from]) == 0 ? ERR_NONE : ERR_IO;
}

struct filter {
    bool (*visit)(void *ctx, const char *name);
    void *ctx;
};

static bool
visit_named(void *ctx, const char *name)
{
    const struct filter *f = ctx;
    return !is_name(name) || f->visit(f->ctx, name);
}

void
spool_each(struct spool *s, enum spool_part part,
           bool (*visit)(void *ctx, const char *name), void *ctx)
{
    struct filter f = {visit, ctx};
    walk(s->dir[part], visit_named, &f);
}

int64_t
spool_age(struct spool *s, enum spool_part part, const char *name)
{
    struct stat st;
    if (fstatat(s->dir[part], name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return -1;
    int64_t age = (int64_t)time(NULL) - (int64_t)st.st_mtime;
    return age > 0 ? age : 0;
}
