/* See path.h. */
#include "vfs/path.h"

#include <errno.h>

void
vfs_path_root(struct vfs_path *p)
{
    p->n = 1;
    memcpy(p->text, "/", 2);
}

void
vfs_path_pop(struct vfs_path *p)
{
    const char *slash = memrchr(p->text, '/', p->n);
    p->n = slash == p->text ? 1 : (size_t)(slash - p->text);
    p->text[p->n] = 0;
}

static int
push(struct vfs_path *p, struct bytes component)
{
    size_t n = vfs_path_is_root(p) ? 0 : p->n;
    if (component.n > VFS_COMPONENT_MAX || component.n + 1 > VFS_PATH_MAX - n)
        return ENAMETOOLONG;
    p->text[n] = '/';
    memcpy(p->text + n + 1, component.p, component.n);
    p->n = n + 1 + component.n;
    p->text[p->n] = 0;
    return 0;
}

/* Everything before the next slash, which is consumed too. */
static struct bytes
next_component(struct bytes *rest)
{
    const uint8_t *slash = memchr(rest->p, '/', rest->n);
    size_t n = slash ? (size_t)(slash - rest->p) : rest->n;
    struct bytes component = bytes_first(*rest, n);
    *rest = bytes_skip(*rest, n + 1);
    return component;
}

/* As vfs_path_append, but leaves *p half-way on failure. */
static int
walk(struct vfs_path *p, struct bytes name)
{
    while (name.n != 0) {
        struct bytes component = next_component(&name);
        if (component.n == 0 || bytes_eq_str(component, "."))
            continue;
        if (bytes_eq_str(component, "..")) {
            vfs_path_pop(p);
            continue;
        }
        int error = push(p, component);
        if (error != 0)
            return error;
    }
    return 0;
}

static int
check(struct bytes name)
{
    if (name.n > VFS_PATH_MAX)
        return ENAMETOOLONG;
    return name.n != 0 && memchr(name.p, 0, name.n) ? EINVAL : 0;
}

int
vfs_path_append(struct vfs_path *p, struct bytes name)
{
    int error = check(name);
    if (error != 0)
        return error;
    struct vfs_path longer = *p;
    error = walk(&longer, name);
    if (error == 0)
        *p = longer;
    return error;
}

int
vfs_path_parse(struct vfs_path *p, const struct vfs_path *start, struct bytes name)
{
    bool is_absolute = name.n != 0 && name.p[0] == '/';
    if (is_absolute || !start)
        vfs_path_root(p);
    else
        *p = *start;
    int error = check(name);
    if (error == 0)
        error = walk(p, name);
    if (error != 0)
        vfs_path_root(p);
    return error;
}

const char *
vfs_path_relative(const struct vfs_path *p)
{
    return vfs_path_is_root(p) ? "." : p->text + 1;
}

const char *
vfs_path_last(const struct vfs_path *p)
{
    if (vfs_path_is_root(p))
        return ".";
    return (const char *)memrchr(p->text, '/', p->n) + 1;
}
