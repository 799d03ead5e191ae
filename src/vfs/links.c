/* See links.h. */
#include "vfs/links.h"

#include <errno.h>

#include "vfs/vfs.h"

enum { LINKS_MAX = 40 }; /* as the kernel's own bound */

struct walk {
    enum vfs_links_rule rule;
    vfs_link_reader *reader;
    void *ctx;
    struct vfs_path real; /* resolved so far, free of links */
    size_t n_rest;        /* octets of rest[] still to walk */
    char rest[2 * VFS_PATH_MAX + 2];
    unsigned n_links;
};

/* Put a link's text in front of what is left. */
static int
expand(struct walk *w, struct bytes text)
{
    if (++w->n_links > LINKS_MAX || text.n == 0)
        return ELOOP;
    if (text.n + 1 + w->n_rest > sizeof w->rest)
        return ENAMETOOLONG;
    if (text.p[0] == '/') {
        if (w->rule == VFS_LINKS_CONFINED)
            return VFS_ERR_ESCAPES;
        vfs_path_root(&w->real);
    }
    memmove(w->rest + text.n + 1, w->rest, w->n_rest);
    memcpy(w->rest, text.p, text.n);
    w->rest[text.n] = '/';
    w->n_rest += text.n + 1;
    return 0;
}

/* The path got one more component, which may be a link: look, and follow it. */
static int
follow(struct walk *w)
{
    char text[VFS_PATH_MAX];
    size_t n;
    int error = w->reader(w->ctx, &w->real, text, &n);
    if (error == EINVAL)
        return 0;
    if (error == ENOENT && w->n_rest == 0)
        return 0; /* the last component may be missing */
    if (error != 0)
        return error;
    vfs_path_pop(&w->real);
    return expand(w, bytes_of(text, n));
}

/* The path as given holds no "..": this one is of a link's text. */
static int
step_up(struct walk *w)
{
    if (vfs_path_is_root(&w->real) && w->rule == VFS_LINKS_CONFINED)
        return VFS_ERR_ESCAPES;
    vfs_path_pop(&w->real);
    return 0;
}

/* Take the first component off what is left, with the slashes behind it. */
static struct bytes
take_component(struct walk *w, char component[VFS_PATH_MAX])
{
    size_t n = 0;
    while (n < w->n_rest && w->rest[n] != '/')
        n++;
    size_t skip = n;
    while (skip < w->n_rest && w->rest[skip] == '/')
        skip++;
    if (n > VFS_PATH_MAX)
        n = VFS_PATH_MAX; /* refused by length anyway */
    memcpy(component, w->rest, n);
    w->n_rest -= skip;
    memmove(w->rest, w->rest + skip, w->n_rest);
    return bytes_of(component, n);
}

static int
step(struct walk *w)
{
    char component[VFS_PATH_MAX];
    struct bytes name = take_component(w, component);
    if (name.n == 0 || bytes_eq_str(name, "."))
        return 0;
    if (bytes_eq_str(name, ".."))
        return step_up(w);
    int error = vfs_path_append(&w->real, name);
    return error != 0 ? error : follow(w);
}

int
vfs_links_resolve(const struct vfs_path *path, enum vfs_links_rule rule,
                  vfs_link_reader *reader, void *ctx, struct vfs_path *real)
{
    struct walk w = {.rule = rule, .reader = reader, .ctx = ctx, .n_rest = path->n};
    vfs_path_root(&w.real);
    memcpy(w.rest, path->text, path->n);
    int error = 0;
    while (error == 0 && w.n_rest != 0)
        error = step(&w);
    if (error == 0)
        *real = w.real;
    return error;
}
