/*
 * Counting a tree. Directories still to be read wait in a stack of names, so that
 * neither depth nor breadth costs descriptors; files with several names are
 * remembered by inode.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "vfs/quota.h"

enum {
    STACK_MAX = 64 << 20,   /* octets of directories' names */
    INODES_MAX = 1 << 20,   /* files with several names */
    INODES_FIRST = 1 << 10, /* a power of two, as are its successors */
};

struct inode {
    uint64_t dev, ino; /* ino 0: an empty place */
};

/* A set by open addressing, never more than half full. */
struct inodes {
    struct inode *places;
    size_t n, cap;
};

struct count {
    struct vfs *vfs;
    struct buf stack; /* names, each behind a 0 */
    struct inodes seen;
    uint64_t octets, files;
};

static struct inode *
find_place(const struct inodes *set, struct inode x)
{
    size_t i = (size_t)((x.ino ^ x.dev << 32) * 0x9e3779b97f4a7c15ULL >> 20);
    for (;; i++) {
        struct inode *p = &set->places[i & (set->cap - 1)];
        if (p->ino == 0 || (p->ino == x.ino && p->dev == x.dev))
            return p;
    }
}

static int
grow(struct inodes *set)
{
    struct inodes larger = {.n = set->n, .cap = set->cap ? 2 * set->cap : INODES_FIRST};
    if (set->n >= INODES_MAX)
        return E2BIG;
    larger.places = calloc(larger.cap, sizeof *larger.places);
    if (!larger.places)
        return ENOMEM;
    for (size_t i = 0; i < set->cap; i++)
        if (set->places[i].ino != 0)
            *find_place(&larger, set->places[i]) = set->places[i];
    free(set->places);
    *set = larger;
    return 0;
}

/* *is_new: it was not in the set; now it is. */
static int
note_inode(struct inodes *set, struct inode x, bool *is_new)
{
    int error = 2 * set->n >= set->cap ? grow(set) : 0;
    if (error != 0)
        return error;
    struct inode *place = find_place(set, x);
    *is_new = place->ino == 0;
    set->n += *is_new;
    *place = x;
    return 0;
}

static int
count_file(struct count *c, const struct vfs_stat *st)
{
    bool is_new = true;
    if (st->nlink > 1) {
        int error = note_inode(&c->seen, (struct inode){st->dev, st->ino}, &is_new);
        if (error != 0)
            return error;
    }
    c->octets += is_new ? st->size : 0;
    c->files += is_new;
    return 0;
}

static int
push(struct count *c, const struct vfs_path *dir, struct bytes name)
{
    struct vfs_path path = *dir;
    if (vfs_path_append(&path, name) != 0)
        return 0; /* too deep to be named by anybody */
    buf_put_u8(&c->stack, 0);
    buf_put(&c->stack, vfs_path_bytes(&path));
    return buf_err(&c->stack) == ERR_NONE ? 0 : ENOMEM;
}

/* Take the last name off the stack. False: all were read. */
static bool
pop(struct count *c, struct vfs_path *path)
{
    if (c->stack.n == 0)
        return false;
    const uint8_t *zero = memrchr(c->stack.p, 0, c->stack.n);
    size_t at = (size_t)(zero - c->stack.p);
    struct bytes name = bytes_skip(buf_bytes(&c->stack), at + 1);
    memcpy(path->text, name.p, name.n);
    path->text[name.n] = 0;
    path->n = name.n;
    buf_truncate(&c->stack, at);
    return true;
}

static int
count_entry(struct count *c, const struct vfs_path *dir, const struct vfs_entry *e)
{
    if (bytes_eq_str(e->name, ".") || bytes_eq_str(e->name, ".."))
        return 0;
    if (S_ISDIR(e->stat.mode))
        return push(c, dir, e->name);
    bool is_counted = S_ISREG(e->stat.mode) || S_ISLNK(e->stat.mode);
    return is_counted ? count_file(c, &e->stat) : 0;
}

static int
count_directory(struct count *c, const struct vfs_path *path)
{
    struct vfs *v = c->vfs;
    struct vfs_dir *dir;
    struct vfs_entry e;
    int error = v->ops->opendir(v, path, &dir);
    if (error != 0) /* removed meanwhile, or swapped for a link: nothing to count */
        return error == ENOENT || error == ENOTDIR || error == ELOOP ? 0 : error;
    do {
        error = v->ops->readdir(v, dir, &e);
        if (error == 0 && e.name.n != 0)
            error = count_entry(c, path, &e);
    } while (error == 0 && e.name.n != 0);
    v->ops->closedir(v, dir);
    return error;
}

int
quota_count(struct vfs *v, uint64_t *octets, uint64_t *files)
{
    struct count c = {.vfs = v};
    struct vfs_path path;
    buf_init(&c.stack, STACK_MAX);
    vfs_path_root(&path);
    int error = count_directory(&c, &path);
    while (error == 0 && pop(&c, &path))
        error = count_directory(&c, &path);
    if (error == 0) {
        *octets = c.octets;
        *files = c.files;
    }
    buf_clear(&c.stack);
    free(c.seen.places);
    return error;
}
