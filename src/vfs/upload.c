/* See upload.h. The order at the end is what a crash at any moment demands:
 * file to the disk, rename, directory to the disk (threats D4). */
#include "vfs/upload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    RANDOM_LEN = 16, /* hexadecimal digits */
    SHOWN_MAX = 200, /* octets of the file's own name in a hidden one */
};
_Static_assert(sizeof ATOMIC_PREFIX + SHOWN_MAX + 1 + RANDOM_LEN + sizeof ATOMIC_PART <=
                   VFS_COMPONENT_MAX,
               "hidden names are no longer than others may be");

struct upload *
upload_new(const struct vfs_path *name, const struct vfs_path *temporary)
{
    struct upload *u = calloc(1, sizeof *u + name->n + 1 + temporary->n + 1);
    if (!u)
        return NULL;
    u->name = (char *)(u + 1);
    u->name_len = name->n;
    memcpy(u->name, name->text, name->n + 1);
    u->temporary = u->name + name->n + 1;
    u->temporary_len = temporary->n;
    memcpy(u->temporary, temporary->text, temporary->n + 1);
    return u;
}

static struct vfs_path
path_of(const char *text, size_t n)
{
    struct vfs_path path = {.n = n};
    memcpy(path.text, text, n + 1);
    return path;
}

struct vfs_path
upload_name(const struct upload *u)
{
    return path_of(u->name, u->name_len);
}

struct vfs_path
upload_temporary(const struct upload *u)
{
    return path_of(u->temporary, u->temporary_len);
}

/* ---- names ---- */

/* A sibling of the path. False: the path would be too long. */
static bool
sibling(const struct vfs_path *name, const char *component, struct vfs_path *path)
{
    *path = *name;
    vfs_path_pop(path);
    return vfs_path_append(path, bytes_str(component)) == 0;
}

bool
upload_part_path(const struct vfs_path *name, struct vfs_path *part)
{
    char component[VFS_COMPONENT_MAX + 1];
    const char *last = vfs_path_last(name);
    if (vfs_path_is_root(name) || strlen(last) > SHOWN_MAX)
        return false;
    snprintf(component, sizeof component, ATOMIC_PREFIX "%s" ATOMIC_PART, last);
    return sibling(name, component, part);
}

void
upload_new_path(const struct vfs_path *name, uint64_t random, struct vfs_path *path)
{
    char component[VFS_COMPONENT_MAX + 1];
    snprintf(component, sizeof component, ATOMIC_PREFIX "%.*s.%016llx" ATOMIC_NEW,
             SHOWN_MAX, vfs_path_last(name), (unsigned long long)random);
    if (sibling(name, component, path))
        return;
    /* At the end of a path as long as paths may be: without the file's name. */
    snprintf(component, sizeof component, ATOMIC_PREFIX "%016llx" ATOMIC_NEW,
             (unsigned long long)random);
    if (!sibling(name, component, path))
        *path = *name; /* exists already, or cannot: the open will say */
}

/* ---- on the way ---- */

/* Behind a gap: lengthen the piece that it follows, or begin one. */
static void
keep_ahead(struct upload *u, uint64_t from, uint64_t to)
{
    for (uint32_t i = 0; i < u->n_ahead; i++)
        if (u->ahead[i].to == from) {
            u->ahead[i].to = to;
            return;
        }
    if (u->n_ahead == UPLOAD_AHEAD_MAX)
        return;
    u->ahead[u->n_ahead].from = from;
    u->ahead[u->n_ahead++].to = to;
}

/* One piece that the gap before it kept apart; false: there is none. */
static bool
join_ahead(struct upload *u)
{
    for (uint32_t i = 0; i < u->n_ahead; i++) {
        if (u->ahead[i].from > u->whole)
            continue;
        if (u->ahead[i].to > u->whole)
            u->whole = u->ahead[i].to;
        u->ahead[i] = u->ahead[--u->n_ahead];
        return true;
    }
    return false;
}

void
upload_came(struct upload *u, uint64_t offset, uint64_t n)
{
    u->is_changed = true;
    if (u->is_append) {
        u->whole += n;
        return;
    }
    if (offset > u->whole)
        keep_ahead(u, offset, offset + n); /* the server bounds the sum */
    else if (n > u->whole - offset)
        u->whole = offset + n;
    while (join_ahead(u))
        ;
}

/* ---- the ends ---- */

static int
note(struct upload *u, int error)
{
    if (u->error == 0)
        u->error = error;
    return u->error;
}

/* Its own name, for good. */
static int
rename_into_place(struct vfs *inner, struct upload *u,
                  const struct atomic_options *options)
{
    struct vfs_path name = upload_name(u), temporary = upload_temporary(u), part;
    int error = u->is_exclusive ? inner->ops->rename(inner, &temporary, &name)
                                : inner->ops->rename_over(inner, &temporary, &name);
    if (error == 0 && upload_part_path(&name, &part))
        (void)inner->ops->unlink(inner, &part); /* there is seldom one */
    if (error == 0 && options->is_durable)
        error = inner->ops->sync_parent(inner, &name);
    return error;
}

static void
remove_temporary(struct vfs *inner, const struct upload *u)
{
    struct vfs_path temporary = upload_temporary(u);
    (void)inner->ops->unlink(inner, &temporary); /* otherwise it is reaped one day */
}

int
upload_finish(struct vfs *inner, struct upload *u, const struct atomic_options *options)
{
    struct vfs_stat st = {0};
    bool is_new = !u->is_direct || u->is_changed;
    if (u->error == 0 && options->is_durable && is_new)
        note(u, inner->ops->fsync(inner, u->inner));
    if (u->error == 0)
        note(u, inner->ops->fstat(inner, u->inner, &st));
    note(u, inner->ops->close(inner, u->inner));
    if (u->error == 0 && !u->is_direct && options->before_rename) {
        struct vfs_path name = upload_name(u);
        note(u, options->before_rename(options->ctx, &name, &st));
    }
    bool is_moving = u->error == 0 && !u->is_direct;
    if (is_moving)
        note(u, rename_into_place(inner, u, options));
    if (u->error != 0 && !u->is_direct)
        remove_temporary(inner, u);
    int error = u->error;
    free(u);
    return error;
}

/* Cut off what lies behind a gap: who resumes asks for the size alone. */
static bool
cut_to_whole(struct vfs *inner, const struct upload *u)
{
    struct vfs_stat st;
    struct vfs_setattr set = {.set = VFS_SET_SIZE, .size = u->whole};
    if (inner->ops->fstat(inner, u->inner, &st) != 0)
        return false;
    return st.size <= u->whole || inner->ops->fsetattr(inner, u->inner, &set) == 0;
}

void
upload_abandon(struct vfs *inner, struct upload *u)
{
    struct vfs_path name = upload_name(u), temporary = upload_temporary(u), part;
    bool is_kept = !u->is_direct && u->error == 0 && u->whole != 0 &&
                   upload_part_path(&name, &part) && cut_to_whole(inner, u);
    inner->ops->abandon(inner, u->inner);
    if (is_kept)
        is_kept = inner->ops->rename_over(inner, &temporary, &part) == 0;
    if (!is_kept && !u->is_direct)
        remove_temporary(inner, u);
    free(u);
}
