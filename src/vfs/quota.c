/*
 * See quota.h. One idea throughout: ask for what an operation could add at most,
 * do it, look at what it did add, give back the rest. What a failed write left
 * behind is thus counted, too.
 *
 * Growth is taken from octets charged ahead, so that the ledger, which lies in
 * another process, is asked once in some megabytes and not once a WRITE.
 */
#include "vfs/quota.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "vfs/pass.h"

enum {
    AHEAD_SHARE = 16, /* no more is held ahead than this part of what is free */
    OPEN_TRIES = 4,   /* when others make and remove the name meanwhile */
};

struct quota_file {
    struct vfs_file *inner;
    uint64_t dev, ino;
    bool is_writing, is_append;
    bool owes_file;                  /* the last name went while this was open */
    uint64_t owed;                   /* octets to be given back with it */
    struct quota_file *next, **link; /* all that are open */
};

struct quota_vfs {
    struct vfs_filter filter;
    struct quota_ledger ledger;
    struct quota_file *files;
    unsigned n_writing;
    uint64_t ahead; /* octets charged that no file has yet */
    char why[VFS_REFUSAL_MAX];
};

static struct quota_vfs *
quota_of(struct vfs *v)
{
    return (struct quota_vfs *)v;
}

static struct quota_file *
file_of(struct vfs_file *f)
{
    return (struct quota_file *)f;
}

/* ---- the ledger ---- */

static uint64_t
min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

struct unit {
    double octets;
    const char *name;
};

/* In which a number has one to four digits before its point. */
static struct unit
unit_of(uint64_t octets)
{
    static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double unit = 1;
    size_t i = 0;
    while (i + 1 < ARRAY_LEN(names) && (double)octets / unit >= 1024) {
        unit *= 1024;
        i++;
    }
    return (struct unit){unit, names[i]};
}

static void
explain_octets(struct quota_vfs *q, const struct quota_state *st, uint64_t more)
{
    struct unit all = unit_of(st->limit_octets), some = unit_of(more);
    snprintf(q->why, sizeof q->why,
             "quota: %.1f of %.1f %s used, and %.1f %s more wanted",
             (double)st->used_octets / all.octets, (double)st->limit_octets / all.octets,
             all.name, (double)more / some.octets, some.name);
}

static void
explain_files(struct quota_vfs *q, const struct quota_state *st)
{
    snprintf(q->why, sizeof q->why, "quota: %llu of %llu files used",
             (unsigned long long)st->used_files, (unsigned long long)st->limit_files);
}

/* Nothing is full: the account was deleted meanwhile, say. */
static bool
would_fit(const struct quota_state *st, uint64_t octets)
{
    return st->limit_octets == 0 || (st->used_octets <= st->limit_octets &&
                                     octets <= st->limit_octets - st->used_octets);
}

static int
charge(struct quota_vfs *q, uint64_t octets, unsigned files, struct quota_state *st)
{
    *st = (struct quota_state){0};
    if (octets > INT64_MAX)
        return EFBIG;
    int error = q->ledger.charge(q->ledger.ctx, (int64_t)octets, (int64_t)files, st);
    bool is_files =
        files != 0 && st->limit_files != 0 && st->used_files + files > st->limit_files;
    if (error == EDQUOT && is_files)
        explain_files(q, st);
    else if (error == EDQUOT && would_fit(st, octets))
        snprintf(q->why, sizeof q->why, "quota: no more is granted to this account");
    else if (error == EDQUOT)
        explain_octets(q, st, octets);
    return error;
}

static void
give_back(struct quota_vfs *q, uint64_t octets, unsigned files)
{
    struct quota_state st = {0};
    if (octets != 0 || files != 0)
        (void)q->ledger.charge(q->ledger.ctx, -(int64_t)min_u64(octets, INT64_MAX),
                               -(int64_t)files, &st);
}

/* Set octets aside for a file that grows: from what is ahead, or by asking. */
static int
take(struct quota_vfs *q, uint64_t octets)
{
    q->why[0] = 0;
    if (octets <= q->ahead) {
        q->ahead -= octets;
        return 0;
    }
    struct quota_state st;
    uint64_t lacks = octets - q->ahead;
    int error = charge(q, lacks, 0, &st);
    if (error != 0)
        return error;
    q->ahead = 0;
    uint64_t room =
        st.limit_octets > st.used_octets ? st.limit_octets - st.used_octets : 0;
    uint64_t more =
        st.limit_octets == 0 ? QUOTA_AHEAD : min_u64(QUOTA_AHEAD, room / AHEAD_SHARE);
    if (q->n_writing != 0 && more != 0 &&
        q->ledger.charge(q->ledger.ctx, (int64_t)more, 0, &st) == 0)
        q->ahead = more;
    return 0;
}

/* The rest of what was taken comes back here, and soon to the ledger. */
static void
put_back(struct quota_vfs *q, uint64_t octets)
{
    q->ahead += octets;
    uint64_t keep = q->n_writing != 0 ? QUOTA_AHEAD : 0;
    if (q->ahead > keep) {
        give_back(q, q->ahead - keep, 0);
        q->ahead = keep;
    }
}

/* ---- growth ---- */

/* A file's size before an operation, and what was taken for it. */
struct growth {
    uint64_t size, taken;
    bool is_nameless;
};

static int
growth_begin(struct quota_vfs *q, const struct vfs_stat *st, uint64_t new_size,
             struct growth *g)
{
    *g = (struct growth){.size = st->size, .is_nameless = st->nlink == 0};
    if (new_size <= st->size)
        return 0;
    int error = take(q, new_size - st->size);
    if (error == 0)
        g->taken = new_size - st->size;
    return error;
}

/* The size is another now: settle the difference. f: NULL when by path. */
static void
growth_end(struct quota_vfs *q, const struct growth *g, uint64_t size,
           struct quota_file *f)
{
    uint64_t grown = size > g->size ? size - g->size : 0;
    uint64_t shrunk = g->size > size ? g->size - size : 0;
    if (grown > g->taken)
        grown = g->taken; /* others wrote, too: they have asked for it */
    put_back(q, g->taken - grown);
    if (f && g->is_nameless) {
        f->owed += grown;
        shrunk = min_u64(shrunk, f->owed);
        f->owed -= shrunk;
    }
    give_back(q, shrunk, 0);
}

static void
settle(struct quota_vfs *q, const struct growth *g, struct quota_file *f)
{
    struct vfs *inner = q->filter.inner;
    struct vfs_stat st;
    /* Unknown: what was taken stays charged, the side on which to err. */
    if (inner->ops->fstat(inner, f->inner, &st) == 0)
        growth_end(q, g, st.size, f);
}

/* ---- names that go ---- */

static struct quota_file *
find_open(struct quota_vfs *q, const struct vfs_stat *st, const struct quota_file * not )
{
    for (struct quota_file *f = q->files; f; f = f->next)
        if (f != not &&f->dev == st->dev && f->ino == st->ino)
            return f;
    return NULL;
}

static bool
is_counted(const struct vfs_stat *st)
{
    return S_ISREG(st->mode) || S_ISLNK(st->mode);
}

/* A name of this file, as it was before, is gone. */
static void
name_gone(struct quota_vfs *q, const struct vfs_stat *st)
{
    if (!is_counted(st) || st->nlink > 1)
        return;
    struct quota_file *f = find_open(q, st, NULL);
    if (!f) {
        give_back(q, st->size, 1);
        return;
    }
    f->owed += st->size;
    f->owes_file = true;
}

/* ---- OPEN and CLOSE ---- */

static void
link_file(struct quota_vfs *q, struct quota_file *f)
{
    f->next = q->files;
    f->link = &q->files;
    if (f->next)
        f->next->link = &f->next;
    q->files = f;
    q->n_writing += f->is_writing;
}

static void
unlink_file(struct quota_vfs *q, struct quota_file *f)
{
    *f->link = f->next;
    if (f->next)
        f->next->link = f->link;
    q->n_writing -= f->is_writing;
}

/* A new file: its name is charged before it is made. */
static int
create(struct quota_vfs *q, const struct vfs_path *path, unsigned flags, uint32_t mode,
       struct vfs_file **inner_file)
{
    struct vfs *inner = q->filter.inner;
    struct quota_state st;
    int error = charge(q, 0, 1, &st);
    if (error != 0)
        return error;
    error = inner->ops->open(inner, path, flags | VFS_EXCLUSIVE, mode, inner_file);
    if (error != 0)
        give_back(q, 0, 1);
    return error;
}

/* Is it there? Then it is opened as it is; otherwise made. Either may be
 * overtaken by somebody else, so both are tried, a few times. */
static int
open_or_create(struct quota_vfs *q, const struct vfs_path *path, unsigned flags,
               uint32_t mode, struct vfs_file **inner_file)
{
    struct vfs *inner = q->filter.inner;
    struct vfs_path real;
    if (!(flags & VFS_CREATE))
        return inner->ops->open(inner, path, flags, mode, inner_file);
    if (vfs_is_exclusive(flags))
        return create(q, path, flags, mode, inner_file);
    for (int i = 0; i < OPEN_TRIES; i++) {
        int error = inner->ops->open(inner, path, flags & ~(unsigned)VFS_CREATE, mode,
                                     inner_file);
        if (error != ENOENT)
            return error;
        /* A link that leads to no file is created through, as the kernel does. */
        error = inner->ops->realpath(inner, path, &real);
        if (error == 0)
            error = create(q, &real, flags, mode, inner_file);
        if (error != EEXIST)
            return error;
    }
    return EAGAIN;
}

/* TRUNCATE, once the size that goes is known. */
static int
empty(struct quota_vfs *q, struct quota_file *f, const struct vfs_stat *st)
{
    static const struct vfs_setattr set = {.set = VFS_SET_SIZE};
    struct vfs *inner = q->filter.inner;
    if (st->size == 0)
        return 0;
    int error = inner->ops->fsetattr(inner, f->inner, &set);
    if (error == 0)
        give_back(q, st->size, 0);
    return error;
}

static int
quota_open(struct vfs *v, const struct vfs_path *path, unsigned flags, uint32_t mode,
           struct vfs_file **file)
{
    struct quota_vfs *q = quota_of(v);
    bool truncates = (flags & VFS_WRITE) && (flags & VFS_TRUNCATE);
    struct vfs_stat st;
    q->why[0] = 0;
    struct quota_file *f = calloc(1, sizeof *f);
    if (!f)
        return ENOMEM;
    int error = open_or_create(q, path, flags & ~(unsigned)VFS_TRUNCATE, mode, &f->inner);
    if (error != 0) {
        free(f);
        return error;
    }
    error = pass_fstat(v, f->inner, &st);
    if (error == 0 && truncates)
        error = empty(q, f, &st);
    if (error != 0) {
        pass_abandon(v, f->inner);
        free(f);
        return error;
    }
    f->dev = st.dev;
    f->ino = st.ino;
    f->is_writing = (flags & VFS_WRITE) != 0;
    f->is_append = (flags & VFS_APPEND) != 0;
    link_file(q, f);
    *file = (struct vfs_file *)f;
    return 0;
}

/* The handle is gone: what hung on it goes to another of the same file, or back. */
static void
release(struct quota_vfs *q, struct quota_file *f)
{
    struct vfs_stat same = {.dev = f->dev, .ino = f->ino};
    unlink_file(q, f);
    struct quota_file *heir = find_open(q, &same, f);
    if (heir) {
        heir->owed += f->owed;
        heir->owes_file |= f->owes_file;
    } else {
        give_back(q, f->owed, f->owes_file);
    }
    put_back(q, 0);
    free(f);
}

static int
quota_close(struct vfs *v, struct vfs_file *file)
{
    int error = pass_close(v, file_of(file)->inner);
    release(quota_of(v), file_of(file));
    return error;
}

static void
quota_abandon(struct vfs *v, struct vfs_file *file)
{
    pass_abandon(v, file_of(file)->inner);
    release(quota_of(v), file_of(file));
}

/* ---- files ---- */

static int
quota_preadv(struct vfs *v, struct vfs_file *file, const struct iovec *iov, int n_iov,
             uint64_t offset, size_t *got)
{
    return pass_preadv(v, file_of(file)->inner, iov, n_iov, offset, got);
}

static int
quota_pwrite(struct vfs *v, struct vfs_file *file, struct bytes data, uint64_t offset)
{
    struct quota_vfs *q = quota_of(v);
    struct quota_file *f = file_of(file);
    struct vfs_stat st;
    struct growth g;
    int error = pass_fstat(v, f->inner, &st);
    if (error != 0)
        return error;
    uint64_t at = f->is_append ? st.size : offset;
    if (data.n > UINT64_MAX - at)
        return EFBIG;
    error = growth_begin(q, &st, at + data.n, &g);
    if (error != 0)
        return error;
    error = pass_pwrite(v, f->inner, data, offset);
    if (error != 0)
        settle(q, &g, f);
    else
        growth_end(q, &g, st.size + g.taken, f);
    return error;
}

static int
quota_fstat(struct vfs *v, struct vfs_file *file, struct vfs_stat *st)
{
    return pass_fstat(v, file_of(file)->inner, st);
}

static int
quota_fsetattr(struct vfs *v, struct vfs_file *file, const struct vfs_setattr *set)
{
    struct quota_vfs *q = quota_of(v);
    struct quota_file *f = file_of(file);
    struct vfs_stat st;
    struct growth g;
    if (!(set->set & VFS_SET_SIZE))
        return pass_fsetattr(v, f->inner, set);
    int error = pass_fstat(v, f->inner, &st);
    if (error == 0)
        error = growth_begin(q, &st, set->size, &g);
    if (error != 0)
        return error;
    error = pass_fsetattr(v, f->inner, set);
    settle(q, &g, f);
    return error;
}

static int
quota_fsync(struct vfs *v, struct vfs_file *file)
{
    return pass_fsync(v, file_of(file)->inner);
}

static int
quota_copy(struct vfs *v, struct vfs_file *from, uint64_t from_offset,
           struct vfs_file *to, uint64_t to_offset, uint64_t len, uint64_t *copied)
{
    struct quota_vfs *q = quota_of(v);
    struct quota_file *a = file_of(from), *b = file_of(to);
    struct vfs_stat source, st;
    struct growth g;
    int error = pass_fstat(v, a->inner, &source);
    if (error == 0)
        error = pass_fstat(v, b->inner, &st);
    if (error != 0)
        return error;
    uint64_t left = source.size > from_offset ? source.size - from_offset : 0;
    uint64_t step = min_u64(min_u64(len, left), QUOTA_AHEAD);
    uint64_t at = b->is_append ? st.size : to_offset;
    if (step > UINT64_MAX - at)
        return EFBIG;
    error = growth_begin(q, &st, at + step, &g);
    if (error != 0)
        return error;
    error = pass_copy(v, a->inner, from_offset, b->inner, to_offset, step, copied);
    settle(q, &g, b);
    return error;
}

/* ---- attributes by path ---- */

typedef int stat_fn(struct vfs *v, const struct vfs_path *path, struct vfs_stat *st);
typedef int
set_fn(struct vfs *v, const struct vfs_path *path, const struct vfs_setattr *set);

static int
set_by_path(struct vfs *v, const struct vfs_path *path, const struct vfs_setattr *set,
            stat_fn *look, set_fn *apply)
{
    struct quota_vfs *q = quota_of(v);
    struct vfs_stat st;
    struct growth g;
    q->why[0] = 0;
    if (!(set->set & VFS_SET_SIZE))
        return apply(v, path, set);
    int error = look(v, path, &st);
    if (error != 0)
        return error;
    if (!S_ISREG(st.mode))
        return apply(v, path, set); /* which says what is wrong */
    error = growth_begin(q, &st, set->size, &g);
    if (error != 0)
        return error;
    error = apply(v, path, set);
    if (look(v, path, &st) == 0)
        growth_end(q, &g, st.size, NULL);
    return error;
}

static int
quota_setattr(struct vfs *v, const struct vfs_path *path, const struct vfs_setattr *set)
{
    return set_by_path(v, path, set, pass_stat, pass_setattr);
}

static int
quota_lsetattr(struct vfs *v, const struct vfs_path *path, const struct vfs_setattr *set)
{
    return set_by_path(v, path, set, pass_lstat, pass_lsetattr);
}

/* An account sees its own limit as the size of the disk. */
static int
show_limit(struct vfs *v, int error, struct vfs_statvfs *st)
{
    struct quota_vfs *q = quota_of(v);
    struct quota_state state = {0};
    if (error != 0 || st->frsize == 0 ||
        q->ledger.charge(q->ledger.ctx, 0, 0, &state) != 0)
        return error;
    if (state.limit_octets != 0) {
        uint64_t used = min_u64(state.used_octets, state.limit_octets);
        uint64_t left = (state.limit_octets - used + q->ahead) / st->frsize;
        st->blocks = min_u64(st->blocks, state.limit_octets / st->frsize);
        st->bfree = min_u64(st->bfree, left);
        st->bavail = min_u64(st->bavail, left);
    }
    if (state.limit_files != 0) {
        uint64_t left = state.limit_files - min_u64(state.used_files, state.limit_files);
        st->files = state.limit_files;
        st->ffree = st->ffree ? min_u64(st->ffree, left) : left;
        st->favail = st->favail ? min_u64(st->favail, left) : left;
    }
    return 0;
}

static int
quota_statvfs(struct vfs *v, const struct vfs_path *path, struct vfs_statvfs *st)
{
    return show_limit(v, pass_statvfs(v, path, st), st);
}

static int
quota_fstatvfs(struct vfs *v, struct vfs_file *file, struct vfs_statvfs *st)
{
    return show_limit(v, pass_fstatvfs(v, file_of(file)->inner, st), st);
}

static int
quota_dir_statvfs(struct vfs *v, struct vfs_dir *dir, struct vfs_statvfs *st)
{
    return show_limit(v, pass_dir_statvfs(v, dir, st), st);
}

/* ---- names ---- */

static int
quota_unlink(struct vfs *v, const struct vfs_path *path)
{
    struct vfs_stat st;
    int error = pass_lstat(v, path, &st);
    if (error == 0)
        error = pass_unlink(v, path);
    if (error == 0)
        name_gone(quota_of(v), &st);
    return error;
}

/* What the rename replaces is gone; two names of one file stay as they are. */
static int
quota_rename_over(struct vfs *v, const struct vfs_path *from, const struct vfs_path *to)
{
    struct vfs_stat old, moved;
    bool replaces = pass_lstat(v, to, &old) == 0 && pass_lstat(v, from, &moved) == 0 &&
                    (old.dev != moved.dev || old.ino != moved.ino);
    int error = pass_rename_over(v, from, to);
    if (error == 0 && replaces)
        name_gone(quota_of(v), &old);
    return error;
}

static int
quota_symlink(struct vfs *v, const char *text, const struct vfs_path *name)
{
    struct quota_vfs *q = quota_of(v);
    struct quota_state st;
    q->why[0] = 0;
    int error = charge(q, strlen(text), 1, &st);
    if (error != 0)
        return error;
    error = pass_symlink(v, text, name);
    if (error != 0)
        give_back(q, strlen(text), 1);
    return error;
}

/* ---- life ---- */

static const char *
quota_refusal(struct vfs *v)
{
    return quota_of(v)->why[0] ? quota_of(v)->why : pass_refusal(v);
}

static void
quota_free(struct vfs *v)
{
    give_back(quota_of(v), quota_of(v)->ahead, 0);
    pass_free(v);
}

/* A second name for a file adds no file and no octet. */
static const struct vfs_ops quota_ops = {
    .open = quota_open,
    .close = quota_close,
    .abandon = quota_abandon,
    .preadv = quota_preadv,
    .pwrite = quota_pwrite,
    .fstat = quota_fstat,
    .fsetattr = quota_fsetattr,
    .fsync = quota_fsync,
    .fstatvfs = quota_fstatvfs,
    .copy = quota_copy,
    .opendir = pass_opendir,
    .readdir = pass_readdir,
    .closedir = pass_closedir,
    .dir_stat = pass_dir_stat,
    .dir_setattr = pass_dir_setattr,
    .dir_statvfs = quota_dir_statvfs,
    .stat = pass_stat,
    .lstat = pass_lstat,
    .setattr = quota_setattr,
    .lsetattr = quota_lsetattr,
    .statvfs = quota_statvfs,
    .mkdir = pass_mkdir,
    .rmdir = pass_rmdir,
    .unlink = quota_unlink,
    .rename = pass_rename,
    .rename_over = quota_rename_over,
    .link = pass_link,
    .symlink = quota_symlink,
    .readlink = pass_readlink,
    .realpath = pass_realpath,
    .sync_parent = pass_sync_parent,
    .refusal = quota_refusal,
    .free = quota_free,
};

int
quota_vfs_new(struct vfs *inner, const struct quota_ledger *ledger, struct vfs **v)
{
    struct quota_vfs *q = calloc(1, sizeof *q);
    if (!q) {
        vfs_free(inner);
        return ENOMEM;
    }
    q->filter = (struct vfs_filter){.vfs.ops = &quota_ops, .inner = inner};
    q->ledger = *ledger;
    *v = &q->filter.vfs;
    return 0;
}
