/* See mem_tree.h. */
#include "vfs/mem_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "vfs/links.h"

int
mem_tree_init(struct mem_tree *t, uint64_t capacity)
{
    *t = (struct mem_tree){.next_ino = 1, .next_seq = 1, .capacity = capacity};
    int error = mem_node_new(t, S_IFDIR | 0755, &t->root);
    if (error != 0)
        return error;
    t->root->parent = t->root;
    t->root->n_names = 1;
    return 0;
}

int
mem_node_new(struct mem_tree *t, uint32_t mode, struct mem_node **node)
{
    struct mem_node *n = calloc(1, sizeof *n);
    if (!n)
        return ENOMEM;
    n->mode = mode;
    n->ino = t->next_ino++;
    *node = n;
    return 0;
}

void
mem_node_release(struct mem_tree *t, struct mem_node *node)
{
    if (node->n_names != 0 || node->n_open != 0)
        return;
    t->used -= node->size;
    free(node->data);
    free(node);
}

int
mem_node_resize(struct mem_tree *t, struct mem_node *node, uint64_t size)
{
    if (size > node->size && size - node->size > t->capacity - t->used)
        return ENOSPC;
    if (size > node->cap) {
        size_t cap = node->cap ? node->cap : 256;
        while (cap < size)
            cap *= 2;
        uint8_t *data = realloc(node->data, cap);
        if (!data)
            return ENOMEM;
        node->data = data;
        node->cap = cap;
    }
    if (size > node->size)
        memset(node->data + node->size, 0, (size_t)size - node->size);
    t->used += size - node->size; /* wraps back when it shrinks */
    node->size = (size_t)size;
    return 0;
}

struct mem_name *
mem_name_find(const struct mem_node *dir, struct bytes name)
{
    for (struct mem_name *e = dir->names; e; e = e->next)
        if (bytes_eq(bytes_of(e->text, e->n), name))
            return e;
    return NULL;
}

int
mem_name_add(struct mem_tree *t, struct mem_node *dir, struct bytes name,
             struct mem_node *node)
{
    struct mem_name *e = malloc(sizeof *e + name.n);
    if (!e)
        return ENOMEM;
    *e = (struct mem_name){
        .next = dir->names, .node = node, .seq = t->next_seq++, .n = name.n};
    memcpy(e->text, name.p, name.n);
    dir->names = e;
    node->n_names++;
    if (S_ISDIR(node->mode))
        node->parent = dir;
    return 0;
}

void
mem_name_remove(struct mem_tree *t, struct mem_node *dir, struct mem_name *name)
{
    struct mem_name **at = &dir->names;
    while (*at != name)
        at = &(*at)->next;
    *at = name->next;
    name->node->n_names--;
    mem_node_release(t, name->node);
    free(name);
}

/* The deepest directory first, by going down until there is nothing below. */
void
mem_tree_clear(struct mem_tree *t)
{
    struct mem_node *dir = t->root;
    for (;;) {
        struct mem_name *first = dir->names;
        if (first && first->node->names) {
            dir = first->node;
        } else if (first) {
            mem_name_remove(t, dir, first);
        } else if (dir != t->root) {
            dir = dir->parent;
        } else {
            break;
        }
    }
    t->root->n_names = 0;
    mem_node_release(t, t->root);
}

/* ---- look-up ---- */

/* Down a path that holds no links but perhaps its last component. */
static int
find_exact(struct mem_tree *t, const struct vfs_path *path, struct mem_node **node)
{
    struct mem_node *at = t->root;
    const char *p = path->text + 1, *end = path->text + path->n;
    while (p < end) {
        const char *slash = memchr(p, '/', (size_t)(end - p));
        const char *stop = slash ? slash : end;
        if (!S_ISDIR(at->mode))
            return ENOTDIR;
        struct mem_name *e = mem_name_find(at, bytes_of(p, (size_t)(stop - p)));
        if (!e)
            return ENOENT;
        at = e->node;
        p = slash ? slash + 1 : end;
    }
    *node = at;
    return 0;
}

static int
read_link(void *ctx, const struct vfs_path *path, char *text, size_t *n)
{
    struct mem_node *node;
    int error = find_exact(ctx, path, &node);
    if (error != 0)
        return error;
    if (!S_ISLNK(node->mode))
        return EINVAL;
    memcpy(text, node->data, node->size);
    *n = node->size;
    return 0;
}

int
mem_realpath(struct mem_tree *t, const struct vfs_path *path, struct vfs_path *real)
{
    return vfs_links_resolve(path, VFS_LINKS_CONFINED, read_link, t, real);
}

int
mem_lookup(struct mem_tree *t, const struct vfs_path *path, struct mem_node **node)
{
    struct vfs_path real;
    int error = mem_realpath(t, path, &real);
    return error != 0 ? error : find_exact(t, &real, node);
}

int
mem_lookup_parent(struct mem_tree *t, const struct vfs_path *path, struct mem_node **dir,
                  struct bytes *name)
{
    struct vfs_path parent = *path;
    vfs_path_pop(&parent);
    int error = mem_lookup(t, &parent, dir);
    if (error != 0)
        return error;
    *name = vfs_path_is_root(path) ? (struct bytes){0} : bytes_str(vfs_path_last(path));
    return S_ISDIR((*dir)->mode) ? 0 : ENOTDIR;
}

int
mem_lookup_nofollow(struct mem_tree *t, const struct vfs_path *path,
                    struct mem_node **node)
{
    struct mem_node *dir;
    struct bytes name;
    int error = mem_lookup_parent(t, path, &dir, &name);
    if (error != 0)
        return error;
    if (name.n == 0) {
        *node = dir;
        return 0;
    }
    struct mem_name *e = mem_name_find(dir, name);
    if (!e)
        return ENOENT;
    *node = e->node;
    return 0;
}
