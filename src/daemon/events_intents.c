/* See events_intents.h. */
#include "daemon/events_intents.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/json.h"

struct intent {
    char name[SPOOL_NAME_MAX]; /* device-inode */
    char id[SPOOL_NAME_MAX];
    uint64_t connection;
    bool is_orphan;
    uint64_t look_ms, give_up_ms;
};

struct intents {
    struct spool *spool;
    uint64_t start_ms;
    size_t n;
    struct intent open[SPOOL_INTENTS_MAX];
};

static void
name_of(const struct record *r, char name[SPOOL_NAME_MAX])
{
    snprintf(name, SPOOL_NAME_MAX, "%llx-%llx", (unsigned long long)r->device,
             (unsigned long long)r->inode);
}

static void
orphan(struct intent *i, uint64_t now_ms)
{
    if (i->is_orphan)
        return;
    i->is_orphan = true;
    i->look_ms = now_ms + INTENT_FIRST_LOOK_MS;
    i->give_up_ms = now_ms + INTENT_GIVE_UP_MS;
}

/* ---- what the spool has ---- */

static bool
get_text(struct bytes event, const char *key, char *out, size_t max)
{
    struct buf text;
    buf_init(&text, max - 1);
    bool is_ok = json_get_text(event, key, &text) && !memchr(text.p, 0, text.n);
    if (is_ok)
        snprintf(out, max, "%.*s", (int)text.n, (const char *)text.p);
    buf_clear(&text);
    return is_ok;
}

/* The event without its newline. */
static bool
read_event(struct spool *spool, const char *name, struct buf *text, struct bytes *event)
{
    if (spool_get(spool, SPOOL_INTENTS, name, text) != ERR_NONE || text->n == 0)
        return false;
    *event = bytes_first(buf_bytes(text), text->n - 1);
    return true;
}

static bool
adopt(void *ctx, const char *name)
{
    struct intents *in = ctx;
    struct buf text;
    struct bytes event;
    struct intent *i = &in->open[in->n];
    buf_init(&text, SPOOL_FILE_MAX);
    *i = (struct intent){0};
    snprintf(i->name, sizeof i->name, "%s", name);
    if (read_event(in->spool, name, &text, &event) &&
        get_text(event, "id", i->id, sizeof i->id)) {
        orphan(i, in->start_ms);
        in->n++;
    } else {
        spool_remove(in->spool, SPOOL_INTENTS, name);
    }
    buf_clear(&text);
    return in->n < SPOOL_INTENTS_MAX;
}

enum err
intents_new(struct spool *spool, uint64_t now_ms, struct intents **in)
{
    *in = calloc(1, sizeof **in);
    if (!*in)
        return ERR_NOMEM;
    (*in)->spool = spool;
    (*in)->start_ms = now_ms;
    spool_each(spool, SPOOL_INTENTS, adopt, *in);
    return ERR_NONE;
}

void
intents_free(struct intents *in)
{
    free(in);
}

/* ---- open ones ---- */

static struct intent *
find(const struct intents *in, const char *name)
{
    for (size_t i = 0; i < in->n; i++)
        if (strcmp(in->open[i].name, name) == 0)
            return (struct intent *)(uintptr_t)&in->open[i];
    return NULL;
}

static void
forget(struct intents *in, struct intent *i)
{
    *i = in->open[--in->n];
}

enum err
intents_add(struct intents *in, const struct record *r, const char *id,
            struct bytes event)
{
    char name[SPOOL_NAME_MAX];
    name_of(r, name);
    struct intent *i = find(in, name);
    if (!i && in->n == SPOOL_INTENTS_MAX)
        return ERR_LIMIT;
    enum err err = spool_put(in->spool, SPOOL_INTENTS, name, event);
    if (err != ERR_NONE)
        return err;
    if (!i)
        i = &in->open[in->n++];
    *i = (struct intent){.connection = r->connection};
    snprintf(i->name, sizeof i->name, "%s", name);
    snprintf(i->id, sizeof i->id, "%s", id);
    return ERR_NONE;
}

const char *
intents_find(const struct intents *in, const struct record *r)
{
    char name[SPOOL_NAME_MAX];
    name_of(r, name);
    const struct intent *i = find(in, name);
    return i ? i->id : NULL;
}

void
intents_remove(struct intents *in, const struct record *r)
{
    char name[SPOOL_NAME_MAX];
    name_of(r, name);
    struct intent *i = find(in, name);
    if (!i)
        return;
    spool_remove(in->spool, SPOOL_INTENTS, name);
    forget(in, i);
}

void
intents_orphan(struct intents *in, uint64_t connection, uint64_t now_ms)
{
    for (size_t i = 0; i < in->n; i++)
        if (connection == 0 || in->open[i].connection == connection)
            orphan(&in->open[i], now_ms);
}

/* ---- looking ---- */

/* The file's inode as the account would find it; links lead nowhere outside of the
 * root. */
static bool
look_up(const char *root, const char *path, struct stat *st)
{
    const struct open_how how = {
        .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    };
    int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return false;
    int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
    close(dir);
    if (fd < 0)
        return false;
    bool is_ok = fstat(fd, st) == 0;
    close(fd);
    return is_ok;
}

static bool
is_in_place(struct spool *spool, const struct intent *i)
{
    char root[PATH_MAX], path[RECORD_PATH_MAX + 1];
    struct buf text;
    struct bytes event;
    struct stat st;
    uint64_t inode = 0, device = 0, size = 0;
    buf_init(&text, SPOOL_FILE_MAX);
    bool is_ok = read_event(spool, i->name, &text, &event) &&
                 get_text(event, "root", root, sizeof root) &&
                 get_text(event, "path", path, sizeof path) &&
                 json_get_number(event, "inode", &inode) &&
                 json_get_number(event, "device", &device) &&
                 json_get_number(event, "size", &size);
    buf_clear(&text);
    return is_ok && look_up(root, path, &st) && S_ISREG(st.st_mode) &&
           st.st_ino == inode && st.st_dev == device && (uint64_t)st.st_size == size;
}

/* True: it is in the queue now. */
static bool
judge(struct intents *in, struct intent *i, uint64_t now_ms, char id[SPOOL_NAME_MAX])
{
    if (is_in_place(in->spool, i)) {
        memcpy(id, i->id, SPOOL_NAME_MAX);
        if (spool_move(in->spool, SPOOL_INTENTS, i->name, SPOOL_QUEUE, id) == ERR_NONE) {
            forget(in, i);
            return true;
        }
    } else if (now_ms >= i->give_up_ms) {
        spool_remove(in->spool, SPOOL_INTENTS, i->name);
        forget(in, i);
        return false;
    }
    i->look_ms = now_ms + INTENT_LOOKS_MS;
    return false;
}

bool
intents_next(struct intents *in, uint64_t now_ms, char id[SPOOL_NAME_MAX])
{
    for (size_t i = in->n; i-- > 0;)
        if (in->open[i].is_orphan && now_ms >= in->open[i].look_ms &&
            judge(in, &in->open[i], now_ms, id))
            return true;
    return false;
}

uint64_t
intents_deadline(const struct intents *in)
{
    uint64_t deadline = UINT64_MAX;
    for (size_t i = 0; i < in->n; i++)
        if (in->open[i].is_orphan && in->open[i].look_ms < deadline)
            deadline = in->open[i].look_ms;
    return deadline;
}
