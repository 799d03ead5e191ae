/* See mem.h. The tree itself is in mem_tree.c; here are the operations. */
#include "vfs/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "vfs/mem_tree.h"

#define CAPACITY_DEFAULT (64ULL << 20)

enum { COPY_STEP = 1 << 20 }; /* octets */

struct mem_vfs {
    struct vfs vfs;
    struct mem_tree tree;
    struct mem_vfs_options options;
    struct mem_fault fault; /* nth counts down; 0: none */
    uint64_t n_changes;
};

struct mem_file {
    struct mem_node *node;
    unsigned flags;
};

struct mem_dir {
    struct mem_node *node;
    unsigned n_dots;   /* of "." and "..", how many were told */
    uint64_t last_seq; /* names older than this one are left */
};

static struct mem_vfs *
mem_of(struct vfs *v)
{
    return (struct mem_vfs *)v;
}

static struct mem_file *
file_of(struct vfs_file *f)
{
    return (struct mem_file *)f;
}

static struct mem_dir *
dir_of(struct vfs_dir *d)
{
    return (struct mem_dir *)d;
}

static int64_t
now(struct mem_vfs *m)
{
    return m->options.now ? m->options.now(m->options.ctx) : 0;
}

/* The change time never stands still, unlike the clock of a test. */
static void
mark_changed(struct mem_vfs *m, struct mem_node *node)
{
    node->changed_ns = now(m) * 1000000000 + (int64_t)(++m->n_changes % 1000000000);
}

/* True when this call is the one that shall fail. */
static bool
fault_hits(struct mem_vfs *m, enum mem_op op)
{
    return m->fault.nth != 0 && m->fault.op == op && --m->fault.nth == 0;
}

static int
fault_of(struct mem_vfs *m, enum mem_op op)
{
    return fault_hits(m, op) ? m->fault.error : 0;
}

/* ---- files ---- */

static int
make_node(struct mem_vfs *m, struct mem_node *dir, struct bytes name, uint32_t mode,
          struct mem_node **node)
{
    int error = mem_node_new(&m->tree, mode, node);
    if (error != 0)
        return error;
    (*node)->atime = (*node)->mtime = now(m);
    mark_changed(m, *node);
    error = mem_name_add(&m->tree, dir, name, *node);
    if (error != 0)
        mem_node_release(&m->tree, *node);
    else
        dir->mtime = now(m);
    return error;
}

/* Find the file to open, or make it. A dangling link is created through, as
 * the kernel does. */
static int
find_or_create(struct mem_vfs *m, const struct vfs_path *path, unsigned flags,
               uint32_t mode, struct mem_node **node)
{
    bool is_exclusive = vfs_is_exclusive(flags);
    int error = is_exclusive ? mem_lookup_nofollow(&m->tree, path, node)
                             : mem_lookup(&m->tree, path, node);
    if (error == 0)
        return is_exclusive ? EEXIST : 0;
    if (error != ENOENT || !(flags & VFS_CREATE))
        return error;
    struct vfs_path real;
    struct mem_node *dir;
    struct bytes name;
    error = mem_realpath(&m->tree, path, &real);
    if (error == 0)
        error = mem_lookup_parent(&m->tree, &real, &dir, &name);
    return error != 0 ? error : make_node(m, dir, name, S_IFREG | (mode & 0777), node);
}

static int
mem_open(struct vfs *v, const struct vfs_path *path, unsigned flags, uint32_t mode,
         struct vfs_file **file)
{
    struct mem_vfs *m = mem_of(v);
    struct mem_node *node;
    int error = fault_of(m, MEM_OP_OPEN);
    if (error == 0)
        error = find_or_create(m, path, flags, mode, &node);
    if (error != 0)
        return error;
    if (!S_ISREG(node->mode))
        return S_ISDIR(node->mode) ? EISDIR : VFS_ERR_SPECIAL;
    struct mem_file *f = malloc(sizeof *f);
    if (!f)
        return ENOMEM;
    *f = (struct mem_file){.node = node, .flags = flags};
    node->n_open++;
    if ((flags & VFS_WRITE) && (flags & VFS_TRUNCATE))
        error = mem_node_resize(&m->tree, node, 0);
    *file = (struct vfs_file *)f;
    return error;
}

static int
mem_close(struct vfs *v, struct vfs_file *file)
{
    struct mem_file *f = file_of(file);
    f->node->n_open--;
    mem_node_release(&mem_of(v)->tree, f->node);
    free(f);
    return fault_of(mem_of(v), MEM_OP_CLOSE);
}

static void
mem_abandon(struct vfs *v, struct vfs_file *file)
{
    (void)mem_close(v, file);
}

static int
mem_preadv(struct vfs *v, struct vfs_file *file, const struct iovec *iov, int n_iov,
           uint64_t offset, size_t *got)
{
    int error = fault_of(mem_of(v), MEM_OP_READ);
    struct mem_node *node = file_of(file)->node;
    if (error != 0)
        return error;
    struct bytes left = {0};
    if (offset < node->size)
        left = bytes_of(node->data + offset, node->size - (size_t)offset);
    *got = 0;
    for (int i = 0; i < n_iov && left.n != 0; i++) {
        struct bytes part = bytes_first(left, iov[i].iov_len);
        memcpy(iov[i].iov_base, part.p, part.n);
        *got += part.n;
        left = bytes_skip(left, part.n);
    }
    return 0;
}

static int
write_at(struct mem_vfs *m, struct mem_file *f, struct bytes data, uint64_t offset)
{
    struct mem_node *node = f->node;
    if (f->flags & VFS_APPEND)
        offset = node->size;
    if (offset > UINT64_MAX - data.n)
        return EFBIG;
    if (offset + data.n > node->size) {
        int error = mem_node_resize(&m->tree, node, offset + data.n);
        if (error != 0)
            return error;
    }
    if (data.n != 0)
        memcpy(node->data + offset, data.p, data.n);
    node->mtime = now(m);
    mark_changed(m, node);
    return 0;
}

static int
mem_pwrite(struct vfs *v, struct vfs_file *file, struct bytes data, uint64_t offset)
{
    struct mem_vfs *m = mem_of(v);
    if (!(file_of(file)->flags & VFS_WRITE))
        return EBADF;
    if (!fault_hits(m, MEM_OP_WRITE))
        return write_at(m, file_of(file), data, offset);
    int error = write_at(m, file_of(file), bytes_first(data, m->fault.partial), offset);
    return m->fault.error ? m->fault.error : error;
}

static int
mem_fsync(struct vfs *v, struct vfs_file *file)
{
    (void)file;
    return fault_of(mem_of(v), MEM_OP_SYNC);
}

static int
mem_copy(struct vfs *v, struct vfs_file *from, uint64_t from_offset, struct vfs_file *to,
         uint64_t to_offset, uint64_t len, uint64_t *copied)
{
    struct mem_node *source = file_of(from)->node;
    int error = fault_of(mem_of(v), MEM_OP_WRITE);
    if (error != 0)
        return error;
    struct bytes left = {0};
    if (from_offset < source->size)
        left = bytes_of(source->data + from_offset, source->size - (size_t)from_offset);
    left = bytes_first(left, len < COPY_STEP ? (size_t)len : COPY_STEP);
    error = write_at(mem_of(v), file_of(to), left, to_offset);
    if (error == 0)
        *copied = left.n;
    return error;
}

/* ---- attributes ---- */

static void
stat_node(const struct mem_node *node, struct vfs_stat *st)
{
    *st = (struct vfs_stat){
        .size = node->size,
        .mode = node->mode,
        .uid = node->uid,
        .gid = node->gid,
        .nlink = node->n_names,
        .atime = node->atime,
        .mtime = node->mtime,
        .dev = 1,
        .ino = node->ino,
        .changed_ns = node->changed_ns,
    };
}

static int
set_node(struct mem_vfs *m, struct mem_node *node, const struct vfs_setattr *set)
{
    int last = fault_of(m, MEM_OP_SETATTR);
    if (last != 0)
        return last;
    mark_changed(m, node);
    if (set->set & VFS_SET_SIZE)
        last = S_ISREG(node->mode)   ? mem_node_resize(&m->tree, node, set->size)
               : S_ISDIR(node->mode) ? EISDIR
                                     : VFS_ERR_SPECIAL;
    if ((set->set & VFS_SET_MODE) && (set->mode & 07000 & ~node->mode) != 0)
        last = VFS_ERR_MODE_BITS;
    else if (set->set & VFS_SET_MODE)
        node->mode = (node->mode & (uint32_t)S_IFMT) | (set->mode & 07777);
    if (set->set & VFS_SET_TIMES) {
        node->atime = set->atime;
        node->mtime = set->mtime;
    }
    if ((set->set & VFS_SET_OWNER) && (set->uid != node->uid || set->gid != node->gid))
        last = VFS_ERR_OWNER;
    return last;
}

static int
statvfs_tree(struct mem_vfs *m, struct vfs_statvfs *st)
{
    enum { BLOCK = 4096 };
    uint64_t free_blocks = (m->tree.capacity - m->tree.used) / BLOCK;
    *st = (struct vfs_statvfs){
        .bsize = BLOCK,
        .frsize = BLOCK,
        .blocks = m->tree.capacity / BLOCK,
        .bfree = free_blocks,
        .bavail = free_blocks,
        .namemax = VFS_COMPONENT_MAX,
    };
    return 0;
}

static int
mem_fstat(struct vfs *v, struct vfs_file *file, struct vfs_stat *st)
{
    stat_node(file_of(file)->node, st);
    return fault_of(mem_of(v), MEM_OP_STAT);
}

static int
mem_dir_stat(struct vfs *v, struct vfs_dir *dir, struct vfs_stat *st)
{
    stat_node(dir_of(dir)->node, st);
    return fault_of(mem_of(v), MEM_OP_STAT);
}

static int
mem_fsetattr(struct vfs *v, struct vfs_file *file, const struct vfs_setattr *set)
{
    return set_node(mem_of(v), file_of(file)->node, set);
}

static int
mem_dir_setattr(struct vfs *v, struct vfs_dir *dir, const struct vfs_setattr *set)
{
    return set_node(mem_of(v), dir_of(dir)->node, set);
}

static int
mem_fstatvfs(struct vfs *v, struct vfs_file *file, struct vfs_statvfs *st)
{
    (void)file;
    return statvfs_tree(mem_of(v), st);
}

static int
mem_dir_statvfs(struct vfs *v, struct vfs_dir *dir, struct vfs_statvfs *st)
{
    (void)dir;
    return statvfs_tree(mem_of(v), st);
}

static int
mem_stat(struct vfs *v, const struct vfs_path *path, struct vfs_stat *st)
{
    struct mem_node *node;
    int error = mem_lookup(&mem_of(v)->tree, path, &node);
    if (error != 0)
        return error;
    stat_node(node, st);
    return fault_of(mem_of(v), MEM_OP_STAT);
}

static int
mem_lstat(struct vfs *v, const struct vfs_path *path, struct vfs_stat *st)
{
    struct mem_node *node;
    int error = mem_lookup_nofollow(&mem_of(v)->tree, path, &node);
    if (error != 0)
        return error;
    stat_node(node, st);
    return fault_of(mem_of(v), MEM_OP_STAT);
}

static int
mem_setattr(struct vfs *v, const struct vfs_path *path, const struct vfs_setattr *set)
{
    struct mem_node *node;
    int error = mem_lookup(&mem_of(v)->tree, path, &node);
    return error != 0 ? error : set_node(mem_of(v), node, set);
}

static int
mem_lsetattr(struct vfs *v, const struct vfs_path *path, const struct vfs_setattr *set)
{
    struct mem_node *node;
    int error = mem_lookup_nofollow(&mem_of(v)->tree, path, &node);
    return error != 0 ? error : set_node(mem_of(v), node, set);
}

static int
mem_statvfs(struct vfs *v, const struct vfs_path *path, struct vfs_statvfs *st)
{
    struct mem_node *node;
    int error = mem_lookup(&mem_of(v)->tree, path, &node);
    return error != 0 ? error : statvfs_tree(mem_of(v), st);
}

/* ---- listings ---- */

static int
mem_opendir(struct vfs *v, const struct vfs_path *path, struct vfs_dir **dir)
{
    struct mem_node *node;
    int error = mem_lookup(&mem_of(v)->tree, path, &node);
    if (error != 0)
        return error;
    if (!S_ISDIR(node->mode))
        return ENOTDIR;
    struct mem_dir *d = malloc(sizeof *d);
    if (!d)
        return ENOMEM;
    *d = (struct mem_dir){.node = node, .last_seq = UINT64_MAX};
    node->n_open++;
    *dir = (struct vfs_dir *)d;
    return 0;
}

static int
mem_readdir(struct vfs *v, struct vfs_dir *dir, struct vfs_entry *entry)
{
    int error = fault_of(mem_of(v), MEM_OP_READDIR);
    struct mem_dir *d = dir_of(dir);
    if (error != 0)
        return error;
    if (d->n_dots < 2) {
        bool is_self = d->n_dots++ == 0;
        entry->name = is_self ? BYTES_LIT(".") : BYTES_LIT("..");
        stat_node(is_self ? d->node : d->node->parent, &entry->stat);
        return 0;
    }
    struct mem_name *e = d->node->names;
    while (e && e->seq >= d->last_seq)
        e = e->next;
    *entry = (struct vfs_entry){0};
    if (!e)
        return 0;
    d->last_seq = e->seq;
    entry->name = bytes_of(e->text, e->n);
    stat_node(e->node, &entry->stat);
    return 0;
}

static void
mem_closedir(struct vfs *v, struct vfs_dir *dir)
{
    struct mem_node *node = dir_of(dir)->node;
    node->n_open--;
    mem_node_release(&mem_of(v)->tree, node);
    free(dir);
}

/* ---- names ---- */

/* The parent of a name that must be free; faults of this kind are due here. */
static int
free_name(struct mem_vfs *m, const struct vfs_path *path, struct mem_node **dir,
          struct bytes *name)
{
    int error = fault_of(m, MEM_OP_NAME);
    if (error == 0)
        error = mem_lookup_parent(&m->tree, path, dir, name);
    if (error != 0)
        return error;
    if (name->n == 0 || mem_name_find(*dir, *name))
        return EEXIST;
    bool is_gone = (*dir)->n_names == 0; /* removed, but somebody lists it */
    return is_gone ? ENOENT : 0;
}

static int
taken_name(struct mem_vfs *m, const struct vfs_path *path, struct mem_node **dir,
           struct mem_name **name)
{
    struct bytes text;
    int error = mem_lookup_parent(&m->tree, path, dir, &text);
    if (error != 0)
        return error;
    if (text.n == 0)
        return EBUSY;
    *name = mem_name_find(*dir, text);
    return *name ? 0 : ENOENT;
}

static int
mem_mkdir(struct vfs *v, const struct vfs_path *path, uint32_t mode)
{
    struct mem_vfs *m = mem_of(v);
    struct mem_node *dir, *node;
    struct bytes name;
    int error = free_name(m, path, &dir, &name);
    return error != 0 ? error : make_node(m, dir, name, S_IFDIR | (mode & 0777), &node);
}

static int
remove_name(struct mem_vfs *m, const struct vfs_path *path, bool wants_dir)
{
    struct mem_node *dir;
    struct mem_name *name;
    int error = fault_of(m, MEM_OP_NAME);
    if (error == 0)
        error = taken_name(m, path, &dir, &name);
    if (error != 0)
        return error;
    if (S_ISDIR(name->node->mode) != wants_dir)
        return wants_dir ? ENOTDIR : EISDIR;
    if (name->node->names)
        return ENOTEMPTY;
    mem_name_remove(&m->tree, dir, name);
    return 0;
}

static int
mem_rmdir(struct vfs *v, const struct vfs_path *path)
{
    return remove_name(mem_of(v), path, true);
}

static int
mem_unlink(struct vfs *v, const struct vfs_path *path)
{
    return remove_name(mem_of(v), path, false);
}

static bool
is_below(const struct mem_node *dir, const struct mem_node *top)
{
    for (; dir->parent != dir; dir = dir->parent)
        if (dir == top)
            return true;
    return dir == top;
}

static int
move_name(struct mem_vfs *m, const struct vfs_path *from, const struct vfs_path *to)
{
    struct mem_node *old_dir, *new_dir;
    struct mem_name *old;
    struct bytes text;
    int error = taken_name(m, from, &old_dir, &old);
    if (error == 0)
        error = free_name(m, to, &new_dir, &text);
    if (error != 0)
        return error;
    if (is_below(new_dir, old->node))
        return EINVAL;
    error = mem_name_add(&m->tree, new_dir, text, old->node);
    if (error == 0)
        mark_changed(m, old->node);
    if (error == 0)
        mem_name_remove(&m->tree, old_dir, old);
    return error;
}

static int
mem_rename(struct vfs *v, const struct vfs_path *from, const struct vfs_path *to)
{
    return move_name(mem_of(v), from, to);
}

static int
mem_rename_over(struct vfs *v, const struct vfs_path *from, const struct vfs_path *to)
{
    struct mem_vfs *m = mem_of(v);
    struct mem_node *dir, *node, *other;
    struct mem_name *name;
    int error = mem_lookup_nofollow(&m->tree, from, &node);
    if (error != 0)
        return error;
    if (mem_lookup_nofollow(&m->tree, to, &other) == 0) {
        if (node == other)
            return 0; /* rename(2): both names stay */
        if (S_ISDIR(other->mode) && is_below(other, node))
            return EINVAL;
        error = remove_name(m, to, S_ISDIR(node->mode));
        if (error != 0)
            return error;
    }
    error = taken_name(m, from, &dir, &name);
    return error != 0 ? error : move_name(m, from, to);
}

static int
mem_link(struct vfs *v, const struct vfs_path *existing, const struct vfs_path *name)
{
    struct mem_vfs *m = mem_of(v);
    struct mem_node *node, *dir;
    struct bytes text;
    int error = mem_lookup_nofollow(&m->tree, existing, &node);
    if (error == 0)
        error = free_name(m, name, &dir, &text);
    if (error != 0)
        return error;
    return S_ISDIR(node->mode) ? EPERM : mem_name_add(&m->tree, dir, text, node);
}

static int
mem_symlink(struct vfs *v, const char *text, const struct vfs_path *path)
{
    struct mem_vfs *m = mem_of(v);
    struct mem_node *dir, *node;
    struct bytes name;
    int error = free_name(m, path, &dir, &name);
    if (error == 0)
        error = make_node(m, dir, name, S_IFLNK | 0777, &node);
    if (error != 0)
        return error;
    error = mem_node_resize(&m->tree, node, strlen(text));
    if (error == 0)
        memcpy(node->data, text, strlen(text));
    else
        mem_name_remove(&m->tree, dir, mem_name_find(dir, name));
    return error;
}

static int
mem_readlink(struct vfs *v, const struct vfs_path *path, char *text, size_t *n)
{
    struct mem_node *node;
    int error = mem_lookup_nofollow(&mem_of(v)->tree, path, &node);
    if (error != 0)
        return error;
    if (!S_ISLNK(node->mode))
        return EINVAL;
    memcpy(text, node->data, node->size);
    *n = node->size;
    return 0;
}

static int
mem_real(struct vfs *v, const struct vfs_path *path, struct vfs_path *real)
{
    return mem_realpath(&mem_of(v)->tree, path, real);
}

/* Directories reach the disk by the same calls as files do: one kind of fault. */
static int
mem_sync_parent(struct vfs *v, const struct vfs_path *path)
{
    struct mem_node *dir;
    struct bytes name;
    int error = fault_of(mem_of(v), MEM_OP_SYNC);
    return error ? error : mem_lookup_parent(&mem_of(v)->tree, path, &dir, &name);
}

static const char *
mem_refusal(struct vfs *v)
{
    (void)v;
    return "";
}

static void
mem_free(struct vfs *v)
{
    mem_tree_clear(&mem_of(v)->tree);
    free(v);
}

static const struct vfs_ops mem_ops = {
    .open = mem_open,
    .close = mem_close,
    .abandon = mem_abandon,
    .preadv = mem_preadv,
    .pwrite = mem_pwrite,
    .fstat = mem_fstat,
    .fsetattr = mem_fsetattr,
    .fsync = mem_fsync,
    .fstatvfs = mem_fstatvfs,
    .copy = mem_copy,
    .opendir = mem_opendir,
    .readdir = mem_readdir,
    .closedir = mem_closedir,
    .dir_stat = mem_dir_stat,
    .dir_setattr = mem_dir_setattr,
    .dir_statvfs = mem_dir_statvfs,
    .stat = mem_stat,
    .lstat = mem_lstat,
    .setattr = mem_setattr,
    .lsetattr = mem_lsetattr,
    .statvfs = mem_statvfs,
    .mkdir = mem_mkdir,
    .rmdir = mem_rmdir,
    .unlink = mem_unlink,
    .rename = mem_rename,
    .rename_over = mem_rename_over,
    .link = mem_link,
    .symlink = mem_symlink,
    .readlink = mem_readlink,
    .realpath = mem_real,
    .sync_parent = mem_sync_parent,
    .refusal = mem_refusal,
    .free = mem_free,
};

int
mem_vfs_new(const struct mem_vfs_options *options, struct vfs **v)
{
    struct mem_vfs *m = calloc(1, sizeof *m);
    if (!m)
        return ENOMEM;
    m->vfs.ops = &mem_ops;
    if (options)
        m->options = *options;
    uint64_t capacity = m->options.capacity ? m->options.capacity : CAPACITY_DEFAULT;
    int error = mem_tree_init(&m->tree, capacity);
    if (error != 0) {
        free(m);
        return error;
    }
    *v = &m->vfs;
    return 0;
}

void
mem_vfs_set_fault(struct vfs *v, const struct mem_fault *fault)
{
    mem_of(v)->fault = fault ? *fault : (struct mem_fault){0};
}
