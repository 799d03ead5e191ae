/*
 * The nodes of the tree in memory: names in directories, files, links, and who
 * holds them. Knows nothing of open flags, faults or permissions (vfs/mem.c).
 */
#ifndef FERRY_VFS_MEM_TREE_H
#define FERRY_VFS_MEM_TREE_H

#include "vfs/vfs.h"

struct mem_name {
    struct mem_name *next;
    struct mem_node *node;
    uint64_t seq; /* grows with every name made: a place in a listing */
    size_t n;
    char text[];
};

struct mem_node {
    uint32_t mode, uid, gid;
    int64_t atime, mtime, changed_ns;
    uint64_t ino;
    unsigned n_names, n_open;
    uint8_t *data; /* a file's contents, a link's text */
    size_t size, cap;
    struct mem_name *names;  /* of a directory, newest first */
    struct mem_node *parent; /* of a directory; the root's is itself */
};

struct mem_tree {
    struct mem_node *root;
    uint64_t next_ino, next_seq;
    uint64_t used, capacity; /* octets of data */
};

int mem_tree_init(struct mem_tree *t, uint64_t capacity) MUST_USE;
void mem_tree_clear(struct mem_tree *t);

/* A node without a name yet; give it one or drop it with mem_node_release. */
int mem_node_new(struct mem_tree *t, uint32_t mode, struct mem_node **node) MUST_USE;

/* Free it once nothing names it and nobody has it open. */
void mem_node_release(struct mem_tree *t, struct mem_node *node);

/* Grow or cut; new octets are zero. ENOSPC, ENOMEM. */
int mem_node_resize(struct mem_tree *t, struct mem_node *node, uint64_t size) MUST_USE;

/* NULL when the directory has no such name. */
struct mem_name *mem_name_find(const struct mem_node *dir, struct bytes name);
int mem_name_add(struct mem_tree *t, struct mem_node *dir, struct bytes name,
                 struct mem_node *node) MUST_USE;
void mem_name_remove(struct mem_tree *t, struct mem_node *dir, struct mem_name *name);

/* Look up, links followed but in the last component. ENOENT, ENOTDIR, ... */
int mem_lookup_nofollow(struct mem_tree *t, const struct vfs_path *path,
                        struct mem_node **node) MUST_USE;
int mem_lookup(struct mem_tree *t, const struct vfs_path *path,
               struct mem_node **node) MUST_USE;

/* The parent, which must be a directory; the root is its own, named "". */
int mem_lookup_parent(struct mem_tree *t, const struct vfs_path *path,
                      struct mem_node **dir, struct bytes *name) MUST_USE;

int mem_realpath(struct mem_tree *t, const struct vfs_path *path,
                 struct vfs_path *real) MUST_USE;

#endif
