/*
 * The filter that holds an account to its rules. Each operation has a row in one
 * table: which rights on which path (threats P7, law 5). A new operation of the
 * vfs does not compile until it has one.
 *
 * A path is resolved, the result is judged, and the result is what the tree
 * behind is asked with; see policy_is_empty for what closes the gap between.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/log.h"
#include "vfs/pass.h"
#include "vfs/policy_rules.h"

enum { OWN_MAX = 128 }; /* uploads of this session that are remembered */

struct inode {
    uint64_t dev, ino;
};

struct policy_vfs {
    struct vfs_filter filter;
    struct policy *policy;
    char why[VFS_REFUSAL_MAX];
    struct inode own[OWN_MAX]; /* a ring; only where nothing else tells of files */
    size_t n_own;
};

struct policy_file {
    struct vfs_file *inner;
    unsigned rights; /* of the OPEN */
};

struct policy_dir {
    struct vfs_dir *inner;
    unsigned rights;
};

#define OBJECT(rights)            \
    {                             \
        POLICY_USE_OBJECT, rights \
    }
#define NAME(rights)            \
    {                           \
        POLICY_USE_NAME, rights \
    }
#define NEW(rights)            \
    {                          \
        POLICY_USE_NEW, rights \
    }
#define MOVED(rights)            \
    {                            \
        POLICY_USE_MOVED, rights \
    }
#define HANDLE(rights)            \
    {                             \
        POLICY_USE_HANDLE, rights \
    }

/* clang-format off */
const struct policy_row policy_rows[] = {
    /* What OPEN needs depends on its flags: open_needs(). */
    [POLICY_OP_OPEN]        = {.name = "open",        .first = OBJECT(0)},
    [POLICY_OP_CLOSE]       = {.name = "close",       .first = HANDLE(0)},
    [POLICY_OP_ABANDON]     = {.name = "abandon",     .first = HANDLE(0)},
    [POLICY_OP_PREADV]      = {.name = "preadv",      .first = HANDLE(POLICY_DOWNLOAD)},
    [POLICY_OP_PWRITE]      = {.name = "pwrite",      .first = HANDLE(POLICY_OVERWRITE)},
    [POLICY_OP_FSTAT]       = {.name = "fstat",       .first = HANDLE(0)},
    [POLICY_OP_FSETATTR]    = {.name = "fsetattr",    .first = HANDLE(POLICY_ATTRIBUTES)},
    [POLICY_OP_FSYNC]       = {.name = "fsync",       .first = HANDLE(POLICY_OVERWRITE)},
    [POLICY_OP_FSTATVFS]    = {.name = "fstatvfs",    .first = HANDLE(0)},
    [POLICY_OP_COPY]        = {.name = "copy",        .first = HANDLE(POLICY_DOWNLOAD), .second = HANDLE(POLICY_OVERWRITE)},
    [POLICY_OP_OPENDIR]     = {.name = "opendir",     .first = OBJECT(POLICY_LIST)},
    [POLICY_OP_READDIR]     = {.name = "readdir",     .first = HANDLE(POLICY_LIST)},
    [POLICY_OP_CLOSEDIR]    = {.name = "closedir",    .first = HANDLE(0)},
    [POLICY_OP_DIR_STAT]    = {.name = "dir_stat",    .first = HANDLE(0)},
    [POLICY_OP_DIR_SETATTR] = {.name = "dir_setattr", .first = HANDLE(POLICY_ATTRIBUTES)},
    [POLICY_OP_DIR_STATVFS] = {.name = "dir_statvfs", .first = HANDLE(0)},
    [POLICY_OP_STAT]        = {.name = "stat",        .first = OBJECT(0)},
    [POLICY_OP_LSTAT]       = {.name = "lstat",       .first = NAME(0)},
    [POLICY_OP_SETATTR]     = {.name = "setattr",     .first = OBJECT(POLICY_ATTRIBUTES)},
    [POLICY_OP_LSETATTR]    = {.name = "lsetattr",    .first = NAME(POLICY_ATTRIBUTES)},
    [POLICY_OP_STATVFS]     = {.name = "statvfs",     .first = OBJECT(0)},
    [POLICY_OP_MKDIR]       = {.name = "mkdir",       .first = NEW(POLICY_MKDIR)},
    [POLICY_OP_RMDIR]       = {.name = "rmdir",       .first = NAME(POLICY_DELETE)},
    [POLICY_OP_UNLINK]      = {.name = "unlink",      .first = NAME(POLICY_DELETE)},
    [POLICY_OP_RENAME]      = {.name = "rename",      .first = MOVED(POLICY_RENAME), .second = NEW(POLICY_RENAME)},
    [POLICY_OP_RENAME_OVER] = {.name = "rename_over", .first = MOVED(POLICY_RENAME), .second = NEW(POLICY_RENAME)},
    [POLICY_OP_LINK]        = {.name = "link",        .first = NAME(POLICY_DOWNLOAD), .second = NEW(POLICY_UPLOAD)},
    [POLICY_OP_SYMLINK]     = {.name = "symlink",     .first = NEW(POLICY_SYMLINK)},
    [POLICY_OP_READLINK]    = {.name = "readlink",    .first = NAME(0)},
    [POLICY_OP_REALPATH]    = {.name = "realpath",    .first = OBJECT(0)},
    /* Not a client's to ask: part of what was allowed before. */
    [POLICY_OP_SYNC_PARENT] = {.name = "sync_parent"},
    [POLICY_OP_REFUSAL]     = {.name = "refusal"},
    [POLICY_OP_FREE]        = {.name = "free"},
};
/* clang-format on */
_Static_assert(sizeof(struct vfs_ops) == POLICY_OP_COUNT * sizeof(void (*)(void)),
               "every operation has a row");

static struct policy_vfs *
policy_of(struct vfs *v)
{
    return (struct policy_vfs *)v;
}

static struct policy_file *
file_of(struct vfs_file *f)
{
    return (struct policy_file *)f;
}

static struct policy_dir *
dir_of(struct vfs_dir *d)
{
    return (struct policy_dir *)d;
}

/* ---- judging ---- */

/* Refuse for want of one right; the sentence is kept. */
static int
refuse(struct policy_vfs *p, unsigned right, const struct vfs_path *path)
{
    (void)policy_allows(p->policy, (enum policy_right)right, path, p->why);
    bool changes = (right & POLICY_CHANGES) != 0;
    return policy_is_read_only(p->policy) && changes ? VFS_ERR_READ_ONLY
                                                     : VFS_ERR_REFUSED;
}

static int
demand(struct policy_vfs *p, unsigned needs, const struct vfs_path *path)
{
    unsigned lacks = needs & ~policy_rights_at(p->policy, path);
    return lacks == 0 ? 0 : refuse(p, lacks & -lacks, path); /* the lowest bit */
}

/* May anything be asked about this path? */
static int
demand_any(struct policy_vfs *p, const struct vfs_path *path)
{
    if (policy_rights_at(p->policy, path) != 0 || policy_leads_to_rights(p->policy, path))
        return 0;
    return refuse(p, POLICY_LIST, path);
}

static int
demand_name(struct policy_vfs *p, const struct vfs_path *path)
{
    const char *pattern =
        policy_refusing_pattern(p->policy, bytes_str(vfs_path_last(path)));
    if (!pattern)
        return 0;
    struct buf text;
    buf_init(&text, 1024);
    text_escape(&text, bytes_str(pattern), 120);
    snprintf(p->why, sizeof p->why, "refused: names like \"%.*s\" are not accepted",
             (int)text.n, text.n ? (const char *)text.p : "");
    buf_clear(&text);
    return VFS_ERR_REFUSED;
}

/* Rules are about places: what a rule names stays where it is. */
static int
demand_no_rule_within(struct policy_vfs *p, const struct vfs_path *path)
{
    const struct policy_rule *rule = policy_rule_within(p->policy, path);
    if (!rule)
        return 0;
    snprintf(p->why, sizeof p->why, "refused: rule \"%s\" holds this name in its place",
             rule->text);
    return VFS_ERR_REFUSED;
}

/*
 * The path that the tree behind will be asked with. A path that leads nowhere is
 * judged as it is written, so that nobody learns from the error what exists
 * where they have no rights.
 */
static int
resolve(struct policy_vfs *p, enum policy_use use, const struct vfs_path *path,
        struct vfs_path *real)
{
    struct vfs *inner = p->filter.inner;
    int error;
    p->why[0] = 0;
    *real = *path;
    if (use == POLICY_USE_OBJECT || vfs_path_is_root(path)) {
        error = inner->ops->realpath(inner, path, real);
    } else {
        vfs_path_pop(real);
        error = inner->ops->realpath(inner, real, real);
        if (error == 0)
            error = vfs_path_append(real, bytes_str(vfs_path_last(path)));
    }
    if (error == 0)
        return 0;
    int refused = demand_any(p, path);
    return refused ? refused : error;
}

static int
judge_operand(struct policy_vfs *p, const struct policy_operand *o,
              const struct vfs_path *path, struct vfs_path *real)
{
    int error = resolve(p, o->use, path, real);
    if (error == 0)
        error = o->needs ? demand(p, o->needs, real) : demand_any(p, real);
    if (error == 0 && o->use == POLICY_USE_NEW)
        error = demand_name(p, real);
    if (error == 0 && o->use == POLICY_USE_MOVED)
        error = demand_no_rule_within(p, real);
    return error;
}

/* The one function that authorises operations on a path. */
static int
judge(struct policy_vfs *p, enum policy_op op, const struct vfs_path *path,
      struct vfs_path *real)
{
    return judge_operand(p, &policy_rows[op].first, path, real);
}

/* And this one those on handles. */
static int
judge_handle(struct policy_vfs *p, const struct policy_operand *o, unsigned rights)
{
    p->why[0] = 0;
    if ((o->needs & ~rights) == 0)
        return 0;
    unsigned right = o->needs & ~rights;
    snprintf(p->why, sizeof p->why, "refused: the handle was opened without the right %s",
             policy_right_word((enum policy_right)(right & -right)));
    return policy_is_read_only(p->policy) && (right & POLICY_CHANGES) ? VFS_ERR_READ_ONLY
                                                                      : VFS_ERR_REFUSED;
}

/* ---- the session's own uploads ---- */

static void
remember_own(struct policy_vfs *p, struct vfs_file *inner_file)
{
    struct vfs *inner = p->filter.inner;
    struct vfs_stat st;
    if (inner->ops->fstat(inner, inner_file, &st) == 0)
        p->own[p->n_own++ % OWN_MAX] = (struct inode){st.dev, st.ino};
}

static bool
is_own(const struct policy_vfs *p, const struct vfs_stat *st)
{
    size_t n = p->n_own < OWN_MAX ? p->n_own : OWN_MAX;
    for (size_t i = 0; i < n; i++)
        if (p->own[i].dev == st->dev && p->own[i].ino == st->ino)
            return true;
    return false;
}

/* ---- OPEN ---- */

/* What a client asked for, and what the tree behind will be asked for. */
struct open_request {
    unsigned flags;
    unsigned lacks; /* the right for want of which flags were narrowed; 0: none */
    int narrowed;   /* the error that then means a refusal */
};

static int
widest_writing(struct policy_vfs *p, const struct vfs_path *real, struct open_request *r)
{
    unsigned rights = policy_rights_at(p->policy, real);
    if (!(r->flags & VFS_CREATE))
        return demand(p, POLICY_OVERWRITE, real);
    bool may_make = (rights & POLICY_UPLOAD) && demand_name(p, real) == 0;
    if (may_make && (rights & POLICY_OVERWRITE))
        return 0;
    if (!may_make && (!(rights & POLICY_OVERWRITE) || (r->flags & VFS_EXCLUSIVE)))
        return rights & POLICY_UPLOAD ? VFS_ERR_REFUSED /* the name; it is told */
                                      : refuse(p, POLICY_UPLOAD, real);
    if (may_make) {
        if (!(r->flags & VFS_EXCLUSIVE))
            *r = (struct open_request){r->flags | VFS_NEW, POLICY_OVERWRITE, EEXIST};
    } else {
        *r = (struct open_request){r->flags & ~(unsigned)VFS_CREATE, POLICY_UPLOAD,
                                   ENOENT};
    }
    return 0;
}

static int
open_needs(struct policy_vfs *p, const struct vfs_path *real, struct open_request *r)
{
    bool reads = (r->flags & VFS_READ) || !(r->flags & VFS_WRITE);
    int error = reads ? demand(p, POLICY_DOWNLOAD, real) : 0;
    if (error == 0 && (r->flags & ~(unsigned)VFS_READ))
        error = widest_writing(p, real, r);
    return error;
}

/* The rights that a handle keeps. */
static unsigned
rights_of_handle(const struct policy_vfs *p, const struct vfs_path *real, unsigned flags)
{
    unsigned rights = policy_rights_at(p->policy, real) & POLICY_ATTRIBUTES;
    if ((flags & VFS_READ) || !(flags & VFS_WRITE))
        rights |= POLICY_DOWNLOAD;
    if (flags & VFS_WRITE)
        rights |= POLICY_OVERWRITE | POLICY_ATTRIBUTES;
    return rights;
}

/* A flag was taken away, and so the tree said no: say whose no it is. */
static int
explain_narrowed(struct policy_vfs *p, const struct vfs_path *real,
                 const struct open_request *r, int error)
{
    if (r->lacks == 0 || error != r->narrowed)
        return error;
    if (r->lacks == POLICY_UPLOAD && demand_name(p, real) != 0)
        return VFS_ERR_REFUSED;
    return refuse(p, r->lacks, real);
}

static int
policy_open(struct vfs *v, const struct vfs_path *path, unsigned flags, uint32_t mode,
            struct vfs_file **file)
{
    struct policy_vfs *p = policy_of(v);
    bool is_new = vfs_is_exclusive(flags);
    struct open_request r = {.flags = flags};
    struct vfs_path real;
    int error = resolve(p, is_new ? POLICY_USE_NAME : POLICY_USE_OBJECT, path, &real);
    if (error == 0)
        error = open_needs(p, &real, &r);
    if (error != 0)
        return error;
    struct policy_file *f = malloc(sizeof *f);
    if (!f)
        return ENOMEM;
    p->why[0] = 0; /* of a name that would be refused if it were new */
    error = pass_open(v, &real, r.flags, mode, &f->inner);
    if (error != 0) {
        free(f);
        return explain_narrowed(p, &real, &r, error);
    }
    f->rights = rights_of_handle(p, &real, flags);
    if ((flags & VFS_WRITE) && !(policy_rights_at(p->policy, &real) & POLICY_ATTRIBUTES))
        remember_own(p, f->inner);
    *file = (struct vfs_file *)f;
    return 0;
}

/* ---- files ---- */

static int
policy_close(struct vfs *v, struct vfs_file *file)
{
    policy_of(v)->why[0] = 0;
    int error = pass_close(v, file_of(file)->inner);
    free(file);
    return error;
}

static void
policy_abandon(struct vfs *v, struct vfs_file *file)
{
    pass_abandon(v, file_of(file)->inner);
    free(file);
}

/* READ and WRITE: rights were turned into a comparison at OPEN. */
static int
policy_preadv(struct vfs *v, struct vfs_file *file, const struct iovec *iov, int n_iov,
              uint64_t offset, size_t *got)
{
    struct policy_file *f = file_of(file);
    int error =
        judge_handle(policy_of(v), &policy_rows[POLICY_OP_PREADV].first, f->rights);
    return error ? error : pass_preadv(v, f->inner, iov, n_iov, offset, got);
}

static int
policy_pwrite(struct vfs *v, struct vfs_file *file, struct bytes data, uint64_t offset)
{
    struct policy_file *f = file_of(file);
    int error =
        judge_handle(policy_of(v), &policy_rows[POLICY_OP_PWRITE].first, f->rights);
    return error ? error : pass_pwrite(v, f->inner, data, offset);
}

static int
policy_fstat(struct vfs *v, struct vfs_file *file, struct vfs_stat *st)
{
    return pass_fstat(v, file_of(file)->inner, st);
}

static int
policy_fsetattr(struct vfs *v, struct vfs_file *file, const struct vfs_setattr *set)
{
    struct policy_file *f = file_of(file);
    struct policy_operand needs = policy_rows[POLICY_OP_FSETATTR].first;
    if (set->set & VFS_SET_SIZE)
        needs.needs |= POLICY_OVERWRITE;
    int error = judge_handle(policy_of(v), &needs, f->rights);
    return error ? error : pass_fsetattr(v, f->inner, set);
}

static int
policy_fsync(struct vfs *v, struct vfs_file *file)
{
    struct policy_file *f = file_of(file);
    int error =
        judge_handle(policy_of(v), &policy_rows[POLICY_OP_FSYNC].first, f->rights);
    return error ? error : pass_fsync(v, f->inner);
}

static int
policy_copy(struct vfs *v, struct vfs_file *from, uint64_t from_offset,
            struct vfs_file *to, uint64_t to_offset, uint64_t len, uint64_t *copied)
{
    const struct policy_row *row = &policy_rows[POLICY_OP_COPY];
    struct policy_file *a = file_of(from), *b = file_of(to);
    int error = judge_handle(policy_of(v), &row->first, a->rights);
    if (error == 0)
        error = judge_handle(policy_of(v), &row->second, b->rights);
    return error ? error
                 : pass_copy(v, a->inner, from_offset, b->inner, to_offset, len, copied);
}

static int
tell_read_only(struct vfs *v, int error, struct vfs_statvfs *st)
{
    if (error == 0 && policy_is_read_only(policy_of(v)->policy))
        st->is_read_only = true;
    return error;
}

static int
policy_fstatvfs(struct vfs *v, struct vfs_file *file, struct vfs_statvfs *st)
{
    return tell_read_only(v, pass_fstatvfs(v, file_of(file)->inner, st), st);
}

/* ---- directories ---- */

static int
policy_opendir(struct vfs *v, const struct vfs_path *path, struct vfs_dir **dir)
{
    struct policy_vfs *p = policy_of(v);
    struct vfs_path real;
    int error = judge(p, POLICY_OP_OPENDIR, path, &real);
    if (error != 0)
        return error;
    struct policy_dir *d = malloc(sizeof *d);
    if (!d)
        return ENOMEM;
    d->rights = policy_rights_at(p->policy, &real);
    error = pass_opendir(v, &real, &d->inner);
    if (error != 0)
        free(d);
    else
        *dir = (struct vfs_dir *)d;
    return error;
}

static int
policy_readdir(struct vfs *v, struct vfs_dir *dir, struct vfs_entry *entry)
{
    return pass_readdir(v, dir_of(dir)->inner, entry);
}

static void
policy_closedir(struct vfs *v, struct vfs_dir *dir)
{
    pass_closedir(v, dir_of(dir)->inner);
    free(dir);
}

static int
policy_dir_stat(struct vfs *v, struct vfs_dir *dir, struct vfs_stat *st)
{
    return pass_dir_stat(v, dir_of(dir)->inner, st);
}

static int
policy_dir_setattr(struct vfs *v, struct vfs_dir *dir, const struct vfs_setattr *set)
{
    struct policy_dir *d = dir_of(dir);
    int error =
        judge_handle(policy_of(v), &policy_rows[POLICY_OP_DIR_SETATTR].first, d->rights);
    return error ? error : pass_dir_setattr(v, d->inner, set);
}

static int
policy_dir_statvfs(struct vfs *v, struct vfs_dir *dir, struct vfs_statvfs *st)
{
    return tell_read_only(v, pass_dir_statvfs(v, dir_of(dir)->inner, st), st);
}

/* ---- attributes by path ---- */

/* What may be known of a file where only new ones may be made. */
static int
hide_foreign(struct policy_vfs *p, const struct vfs_path *real, const struct vfs_stat *st)
{
    if (policy_rights_at(p->policy, real) & POLICY_EXISTING)
        return 0;
    return S_ISDIR(st->mode) || is_own(p, st) ? 0 : refuse(p, POLICY_LIST, real);
}

static int
policy_stat(struct vfs *v, const struct vfs_path *path, struct vfs_stat *st)
{
    struct vfs_path real;
    int error = judge(policy_of(v), POLICY_OP_STAT, path, &real);
    if (error == 0)
        error = pass_stat(v, &real, st);
    return error ? error : hide_foreign(policy_of(v), &real, st);
}

static int
policy_lstat(struct vfs *v, const struct vfs_path *path, struct vfs_stat *st)
{
    struct vfs_path real;
    int error = judge(policy_of(v), POLICY_OP_LSTAT, path, &real);
    if (error == 0)
        error = pass_lstat(v, &real, st);
    return error ? error : hide_foreign(policy_of(v), &real, st);
}

/* Clients set times after an upload by name: their own upload's they may. */
static bool
finishes_own(struct vfs *v, const struct vfs_path *real, const struct vfs_setattr *set)
{
    struct vfs_stat st;
    return !(set->set & ~(unsigned)(VFS_SET_MODE | VFS_SET_TIMES)) &&
           !policy_is_read_only(policy_of(v)->policy) && pass_stat(v, real, &st) == 0 &&
           is_own(policy_of(v), &st);
}

static int
policy_setattr(struct vfs *v, const struct vfs_path *path, const struct vfs_setattr *set)
{
    struct policy_vfs *p = policy_of(v);
    struct vfs_path real;
    int error = judge(p, POLICY_OP_SETATTR, path, &real);
    if (error == VFS_ERR_REFUSED && p->n_own != 0) {
        char why[VFS_REFUSAL_MAX];
        memcpy(why, p->why, sizeof why);
        if (resolve(p, POLICY_USE_OBJECT, path, &real) == 0 &&
            finishes_own(v, &real, set))
            error = 0;
        else
            memcpy(p->why, why, sizeof why);
    }
    if (error == 0 && (set->set & VFS_SET_SIZE))
        error = demand(p, POLICY_OVERWRITE, &real);
    return error ? error : pass_setattr(v, &real, set);
}

static int
policy_lsetattr(struct vfs *v, const struct vfs_path *path, const struct vfs_setattr *set)
{
    struct vfs_path real;
    int error = judge(policy_of(v), POLICY_OP_LSETATTR, path, &real);
    if (error == 0 && (set->set & VFS_SET_SIZE))
        error = demand(policy_of(v), POLICY_OVERWRITE, &real);
    return error ? error : pass_lsetattr(v, &real, set);
}

static int
policy_statvfs(struct vfs *v, const struct vfs_path *path, struct vfs_statvfs *st)
{
    struct vfs_path real;
    int error = judge(policy_of(v), POLICY_OP_STATVFS, path, &real);
    return error ? error : tell_read_only(v, pass_statvfs(v, &real, st), st);
}

/* ---- names ---- */

static int
policy_mkdir(struct vfs *v, const struct vfs_path *path, uint32_t mode)
{
    struct vfs_path real;
    int error = judge(policy_of(v), POLICY_OP_MKDIR, path, &real);
    return error ? error : pass_mkdir(v, &real, mode);
}

static int
policy_rmdir(struct vfs *v, const struct vfs_path *path)
{
    struct vfs_path real;
    int error = judge(policy_of(v), POLICY_OP_RMDIR, path, &real);
    return error ? error : pass_rmdir(v, &real);
}

static int
policy_unlink(struct vfs *v, const struct vfs_path *path)
{
    struct vfs_path real;
    int error = judge(policy_of(v), POLICY_OP_UNLINK, path, &real);
    return error ? error : pass_unlink(v, &real);
}

/* See policy.h. */
static int
judge_move(struct policy_vfs *p, const struct vfs_path *from, const struct vfs_path *to,
           struct vfs_path *real_from, struct vfs_path *real_to)
{
    const struct policy_row *row = &policy_rows[POLICY_OP_RENAME];
    int error = judge_operand(p, &row->first, from, real_from);
    if (error == 0)
        error = judge_operand(p, &row->second, to, real_to);
    if (error == 0)
        error = demand_no_rule_within(p, real_to);
    if (error != 0 ||
        policy_rule_of(p->policy, real_from) == policy_rule_of(p->policy, real_to))
        return error;
    error = demand(p, POLICY_DOWNLOAD | POLICY_DELETE, real_from);
    return error ? error : demand(p, POLICY_UPLOAD, real_to);
}

static int
policy_rename(struct vfs *v, const struct vfs_path *from, const struct vfs_path *to)
{
    struct vfs_path a, b;
    int error = judge_move(policy_of(v), from, to, &a, &b);
    return error ? error : pass_rename(v, &a, &b);
}

static int
policy_rename_over(struct vfs *v, const struct vfs_path *from, const struct vfs_path *to)
{
    struct policy_vfs *p = policy_of(v);
    struct vfs_path a, b;
    int error = judge_move(p, from, to, &a, &b);
    if (error != 0)
        return error;
    if (policy_rights_at(p->policy, &b) & (POLICY_OVERWRITE | POLICY_DELETE))
        return pass_rename_over(v, &a, &b);
    error = pass_rename(v, &a, &b);
    return error == EEXIST ? refuse(p, POLICY_OVERWRITE, &b) : error;
}

static int
policy_link(struct vfs *v, const struct vfs_path *existing, const struct vfs_path *name)
{
    struct policy_vfs *p = policy_of(v);
    const struct policy_row *row = &policy_rows[POLICY_OP_LINK];
    struct vfs_path a, b;
    int error = judge_operand(p, &row->first, existing, &a);
    if (error == 0)
        error = judge_operand(p, &row->second, name, &b);
    if (error != 0)
        return error;
    /* Through the new name the file itself can be changed. */
    unsigned gives =
        policy_rights_at(p->policy, &b) & (POLICY_OVERWRITE | POLICY_ATTRIBUTES);
    error = demand(p, gives, &a);
    return error ? error : pass_link(v, &a, &b);
}

/* The text may say anything: what it leads to is judged when it is used. */
static int
policy_symlink(struct vfs *v, const char *text, const struct vfs_path *name)
{
    struct vfs_path real;
    int error = judge(policy_of(v), POLICY_OP_SYMLINK, name, &real);
    return error ? error : pass_symlink(v, text, &real);
}

static int
policy_readlink(struct vfs *v, const struct vfs_path *path, char *text, size_t *n)
{
    struct vfs_path real;
    int error = judge(policy_of(v), POLICY_OP_READLINK, path, &real);
    return error ? error : pass_readlink(v, &real, text, n);
}

static int
policy_realpath(struct vfs *v, const struct vfs_path *path, struct vfs_path *out)
{
    struct vfs_path real;
    int error = judge(policy_of(v), POLICY_OP_REALPATH, path, &real);
    if (error == 0)
        *out = real;
    return error;
}

/* ---- life ---- */

static const char *
policy_refusal(struct vfs *v)
{
    struct policy_vfs *p = policy_of(v);
    return p->why[0] ? p->why : pass_refusal(v);
}

static void
policy_vfs_free(struct vfs *v)
{
    policy_free(policy_of(v)->policy);
    pass_free(v);
}

static const struct vfs_ops policy_ops = {
    .open = policy_open,
    .close = policy_close,
    .abandon = policy_abandon,
    .preadv = policy_preadv,
    .pwrite = policy_pwrite,
    .fstat = policy_fstat,
    .fsetattr = policy_fsetattr,
    .fsync = policy_fsync,
    .fstatvfs = policy_fstatvfs,
    .copy = policy_copy,
    .opendir = policy_opendir,
    .readdir = policy_readdir,
    .closedir = policy_closedir,
    .dir_stat = policy_dir_stat,
    .dir_setattr = policy_dir_setattr,
    .dir_statvfs = policy_dir_statvfs,
    .stat = policy_stat,
    .lstat = policy_lstat,
    .setattr = policy_setattr,
    .lsetattr = policy_lsetattr,
    .statvfs = policy_statvfs,
    .mkdir = policy_mkdir,
    .rmdir = policy_rmdir,
    .unlink = policy_unlink,
    .rename = policy_rename,
    .rename_over = policy_rename_over,
    .link = policy_link,
    .symlink = policy_symlink,
    .readlink = policy_readlink,
    .realpath = policy_realpath,
    .sync_parent = pass_sync_parent,
    .refusal = policy_refusal,
    .free = policy_vfs_free,
};

int
policy_vfs_new(struct vfs *inner, struct policy *policy, struct vfs **v)
{
    if (policy_is_empty(policy)) {
        policy_free(policy);
        *v = inner;
        return 0;
    }
    struct policy_vfs *p = calloc(1, sizeof *p);
    if (!p) {
        policy_free(policy);
        vfs_free(inner);
        return ENOMEM;
    }
    p->filter = (struct vfs_filter){.vfs.ops = &policy_ops, .inner = inner};
    p->policy = policy;
    *v = &p->filter.vfs;
    return 0;
}
