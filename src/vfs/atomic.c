/*
 * See atomic.h: which name an operation means, what clients do not see, and what
 * is cleared away. How an upload ends is in upload.c.
 */
#include "vfs/atomic.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "vfs/pass.h"
#include "vfs/upload.h"

enum {
    KEEP_S = 7 * 24 * 3600,
    NAME_TRIES = 8,
    REAP_MAX = 16,      /* temporaries removed in one listing */
    SWEEP_MAX = 256,    /* names looked at where something is uploaded */
    SWEEP_EVERY_S = 60, /* and how often */
};

struct atomic_vfs {
    struct vfs_filter filter;
    struct atomic_options options;
    struct upload *uploads; /* open now */
    uint64_t next;          /* for names */
    int64_t swept_at;
    const char *why;      /* of the last operation; static */
    struct vfs_path told; /* whose .part was shown last; n 0: none */
};

struct atomic_dir {
    struct vfs_dir *inner;
    unsigned n_reaped;
    struct vfs_path path; /* resolved as far as it was when it was opened */
};

static struct atomic_vfs *
atomic_of(struct vfs *v)
{
    return (struct atomic_vfs *)v;
}

static struct upload *
upload_of(struct vfs_file *f)
{
    return (struct upload *)f;
}

static struct atomic_dir *
dir_of(struct vfs_dir *d)
{
    return (struct atomic_dir *)d;
}

/* ---- hidden names ---- */

static bool
ends_in(struct bytes name, const char *end)
{
    size_t n = strlen(end);
    return name.n >= n && memcmp(name.p + name.n - n, end, n) == 0;
}

bool
atomic_is_hidden(struct bytes name)
{
    return bytes_has_prefix(name, ATOMIC_PREFIX) &&
           (ends_in(name, ATOMIC_NEW) || ends_in(name, ATOMIC_PART));
}

/* For whom looks it up it is not there. */
static int
check_seen(const struct vfs_path *path)
{
    return atomic_is_hidden(bytes_str(vfs_path_last(path))) ? ENOENT : 0;
}

/* And nobody makes one. */
static int
check_made(struct vfs *v, const struct vfs_path *path)
{
    atomic_of(v)->why = "";
    if (check_seen(path) == 0)
        return 0;
    atomic_of(v)->why = "refused: such names are the server's own, for uploads under way";
    return VFS_ERR_REFUSED;
}

/* ---- which name is meant ---- */

static struct upload *
find_upload(struct atomic_vfs *a, const struct vfs_path *real)
{
    for (struct upload *u = a->uploads; u; u = u->next)
        if (!u->is_direct && u->name_len == real->n &&
            memcmp(u->name, real->text, real->n) == 0)
            return u;
    return NULL;
}

/* An abandoned upload of that name which nothing has overtaken. */
static bool
has_part(struct atomic_vfs *a, const struct vfs_path *real, struct vfs_path *part)
{
    struct vfs *inner = a->filter.inner;
    struct vfs_stat old, st;
    if (!upload_part_path(real, part) || inner->ops->lstat(inner, part, &st) != 0 ||
        !S_ISREG(st.mode))
        return false;
    return inner->ops->lstat(inner, real, &old) != 0 ||
           (S_ISREG(old.mode) && st.changed_ns / 1000000000 >= old.mtime);
}

/* What a question about the path is answered from; the path itself, mostly. */
static struct vfs_path
meant(struct atomic_vfs *a, const struct vfs_path *path)
{
    struct vfs *inner = a->filter.inner;
    struct vfs_path real, part;
    if (vfs_path_is_root(path) || inner->ops->realpath(inner, path, &real) != 0)
        return *path;
    const struct upload *u = find_upload(a, &real);
    if (u)
        return upload_temporary(u);
    if (!has_part(a, &real, &part))
        return *path;
    a->told = real;
    return part;
}

/* ---- reaping ---- */

static bool
is_stale(const struct atomic_vfs *a, const struct vfs_entry *e)
{
    if (!a->options.now || !S_ISREG(e->stat.mode) || !atomic_is_hidden(e->name))
        return false;
    int64_t keep = a->options.keep_s ? a->options.keep_s : KEEP_S;
    return a->options.now(a->options.ctx) - e->stat.changed_ns / 1000000000 > keep;
}

static void
reap(struct atomic_vfs *a, const struct vfs_path *dir, struct bytes name)
{
    struct vfs *inner = a->filter.inner;
    struct vfs_path path = *dir;
    if (vfs_path_append(&path, name) == 0)
        (void)inner->ops->unlink(inner, &path);
}

/*
 * Look at the first names of a directory. what: which of them to remove. *n_other:
 * how many others there are, besides "." and "..". False: more than were looked at.
 */
typedef bool reap_fn(const struct atomic_vfs *a, const struct vfs_entry *e);

static bool
sweep(struct atomic_vfs *a, const struct vfs_path *path, reap_fn *what, unsigned *n_other)
{
    struct vfs *inner = a->filter.inner;
    struct vfs_dir *dir;
    struct vfs_entry e = {0};
    unsigned n = 0;
    *n_other = 0;
    if (inner->ops->opendir(inner, path, &dir) != 0)
        return false;
    while (n++ < SWEEP_MAX && inner->ops->readdir(inner, dir, &e) == 0 && e.name.n != 0) {
        if (what(a, &e))
            reap(a, path, e.name);
        else if (!bytes_eq_str(e.name, ".") && !bytes_eq_str(e.name, ".."))
            ++*n_other;
    }
    inner->ops->closedir(inner, dir);
    return e.name.n == 0;
}

static void
sweep_now_and_then(struct atomic_vfs *a, const struct vfs_path *name)
{
    int64_t now = a->options.now ? a->options.now(a->options.ctx) : 0;
    unsigned n_other;
    if (now - a->swept_at < SWEEP_EVERY_S)
        return;
    a->swept_at = now;
    struct vfs_path dir = *name;
    vfs_path_pop(&dir);
    (void)sweep(a, &dir, is_stale, &n_other);
}

/* ---- OPEN ---- */

static uint64_t
next_random(struct atomic_vfs *a)
{
    uint64_t random;
    if (a->options.rand && rand_fill(a->options.rand, &random, sizeof random) == ERR_NONE)
        return random;
    return ++a->next;
}

static void
enlist(struct atomic_vfs *a, struct upload *u)
{
    u->next = a->uploads;
    u->link = &a->uploads;
    if (u->next)
        u->next->link = &u->next;
    a->uploads = u;
}

static void
delist(struct upload *u)
{
    *u->link = u->next;
    if (u->next)
        u->next->link = u->link;
}

static int
open_direct(struct atomic_vfs *a, const struct vfs_path *path, unsigned flags,
            uint32_t mode, struct upload **upload)
{
    struct vfs *inner = a->filter.inner;
    struct vfs_path none = {.n = 0};
    struct upload *u = upload_new(path, &none);
    if (!u)
        return ENOMEM;
    u->is_direct = true;
    int error = inner->ops->open(inner, path, flags, mode, &u->inner);
    if (error != 0)
        free(u);
    else
        *upload = u;
    return error;
}

enum { KEPT_FLAGS = VFS_READ | VFS_WRITE | VFS_APPEND }; /* of those of an upload */

/* The one moment when it is decided who resumes. ENOENT: another one did. */
static int
claim_part(struct atomic_vfs *a, const struct vfs_path *part, struct upload *u,
           unsigned flags)
{
    struct vfs *inner = a->filter.inner;
    struct vfs_path path = upload_temporary(u);
    int error = inner->ops->rename(inner, part, &path);
    if (error != 0)
        return error;
    error = inner->ops->open(inner, &path, flags & KEPT_FLAGS, 0, &u->inner);
    if (error != 0)
        (void)inner->ops->rename(inner, &path, part);
    return error;
}

/* A hidden file of our own. claim: NULL, or the .part that becomes it. */
static int
open_hidden(struct atomic_vfs *a, const struct vfs_path *name, unsigned flags,
            uint32_t mode, const struct vfs_path *claim, struct upload **upload)
{
    struct vfs *inner = a->filter.inner;
    int error = EEXIST;
    for (int i = 0; i < NAME_TRIES && error == EEXIST; i++) {
        struct vfs_path path;
        upload_new_path(name, next_random(a), &path);
        struct upload *u = upload_new(name, &path);
        if (!u)
            return ENOMEM;
        error = claim
                    ? claim_part(a, claim, u, flags)
                    : inner->ops->open(inner, &path,
                                       (flags & KEPT_FLAGS) | VFS_CREATE | VFS_EXCLUSIVE,
                                       mode, &u->inner);
        if (error != 0)
            free(u);
        else
            *upload = u;
    }
    return error;
}

/* The file that will be replaced: may it be written, and what is its mode? */
static int
look_at_old(struct atomic_vfs *a, const struct vfs_path *name, struct vfs_stat *st)
{
    struct vfs *inner = a->filter.inner;
    struct vfs_file *old;
    int error = inner->ops->open(inner, name, VFS_WRITE, 0, &old);
    if (error != 0)
        return error;
    error = inner->ops->fstat(inner, old, st);
    inner->ops->abandon(inner, old);
    return error;
}

/* From the start. old: NULL when the file is new. */
static int
open_fresh(struct atomic_vfs *a, const struct vfs_path *name, unsigned flags,
           uint32_t mode, const struct vfs_stat *old, struct upload **upload)
{
    struct vfs *inner = a->filter.inner;
    sweep_now_and_then(a, name);
    int error = open_hidden(a, name, flags, old ? old->mode & 0777 : mode, NULL, upload);
    bool is_closed_dir = error == EACCES || error == EPERM;
    if (old && is_closed_dir)
        return open_direct(a, name, flags, mode, upload);
    if (error != 0)
        return error;
    struct vfs_setattr set = {.set = VFS_SET_MODE, .mode = old ? old->mode & 0777 : 0};
    if (old) /* what the umask took; where that is refused, the file has less */
        (void)inner->ops->fsetattr(inner, (*upload)->inner, &set);
    return 0;
}

/* Go on where an abandoned upload ended. ENOENT: somebody else has claimed it. */
static int
open_resumed(struct atomic_vfs *a, const struct vfs_path *name, unsigned flags,
             const struct vfs_path *part, struct upload **upload)
{
    struct vfs *inner = a->filter.inner;
    struct vfs_stat st;
    int error = open_hidden(a, name, flags, 0, part, upload);
    if (error != 0)
        return error;
    error = inner->ops->fstat(inner, (*upload)->inner, &st);
    if (error != 0) {
        upload_abandon(inner, *upload);
        return error;
    }
    (*upload)->whole = st.size;
    return 0;
}

/* We told of something to resume, and now another session has it: whoever would
 * write on from there must not begin a file with a gap. */
static bool
was_taken_away(const struct atomic_vfs *a, const struct vfs_path *name)
{
    return bytes_eq(vfs_path_bytes(&a->told), vfs_path_bytes(name));
}

/* To write: a new file, an abandoned one, or the one that is there. */
static int
open_to_write(struct vfs *v, const struct vfs_path *name, unsigned flags, uint32_t mode,
              struct upload **upload)
{
    struct atomic_vfs *a = atomic_of(v);
    bool may_resume = !(flags & VFS_TRUNCATE) && !(flags & VFS_EXCLUSIVE);
    struct vfs_path part;
    struct vfs_stat old;
    int error = look_at_old(a, name, &old);
    if (error == 0 && vfs_is_exclusive(flags))
        return EEXIST;
    if (error != 0 && error != ENOENT)
        return error;
    bool is_new = error == ENOENT;
    if (may_resume) {
        if (find_upload(a, name))
            return VFS_ERR_BEING_WRITTEN;
        if (has_part(a, name, &part)) {
            error = open_resumed(a, name, flags, &part, upload);
            if (error != ENOENT)
                return error;
        }
        if (was_taken_away(a, name))
            return VFS_ERR_BEING_WRITTEN;
        if (!is_new)
            return open_direct(a, name, flags, mode, upload);
    }
    if (is_new && !(flags & VFS_CREATE))
        return ENOENT;
    return open_fresh(a, name, flags, mode, is_new ? NULL : &old, upload);
}

static int
atomic_open(struct vfs *v, const struct vfs_path *path, unsigned flags, uint32_t mode,
            struct vfs_file **file)
{
    struct atomic_vfs *a = atomic_of(v);
    bool is_exclusive = vfs_is_exclusive(flags);
    bool writes = (flags & VFS_WRITE) != 0;
    struct upload *u;
    struct vfs_path real = *path;
    struct vfs_stat st;
    int error = writes ? check_made(v, path) : check_seen(path);
    if (error == 0 && is_exclusive && pass_lstat(v, path, &st) == 0)
        return EEXIST; /* a link that leads nowhere, too */
    if (error == 0 && writes)
        error = pass_realpath(v, path, &real);
    if (error == 0 && writes)
        error = check_made(v, &real);
    if (error == 0)
        error = writes ? open_to_write(v, &real, flags, mode, &u)
                       : open_direct(a, path, flags, mode, &u);
    if (error != 0)
        return error;
    a->told.n = 0;
    u->is_append = (flags & VFS_APPEND) != 0;
    u->is_exclusive = is_exclusive;
    enlist(a, u);
    *file = (struct vfs_file *)u;
    return 0;
}

/* ---- files ---- */

static int
atomic_close(struct vfs *v, struct vfs_file *file)
{
    struct upload *u = upload_of(file);
    delist(u);
    return upload_finish(filter_inner(v), u, &atomic_of(v)->options);
}

static void
atomic_abandon(struct vfs *v, struct vfs_file *file)
{
    struct upload *u = upload_of(file);
    delist(u);
    upload_abandon(filter_inner(v), u);
}

static int
atomic_preadv(struct vfs *v, struct vfs_file *file, const struct iovec *iov, int n_iov,
              uint64_t offset, size_t *got)
{
    return pass_preadv(v, upload_of(file)->inner, iov, n_iov, offset, got);
}

/* A failure is for good: what follows could not make the file whole (law 9). */
static int
note(struct upload *u, int error)
{
    if (u->error == 0)
        u->error = error;
    return error;
}

static int
atomic_pwrite(struct vfs *v, struct vfs_file *file, struct bytes data, uint64_t offset)
{
    struct upload *u = upload_of(file);
    atomic_of(v)->why = "";
    int error = note(u, pass_pwrite(v, u->inner, data, offset));
    if (error == 0)
        upload_came(u, offset, data.n);
    return error;
}

static int
atomic_fstat(struct vfs *v, struct vfs_file *file, struct vfs_stat *st)
{
    return pass_fstat(v, upload_of(file)->inner, st);
}

static int
atomic_fsetattr(struct vfs *v, struct vfs_file *file, const struct vfs_setattr *set)
{
    struct upload *u = upload_of(file);
    atomic_of(v)->why = "";
    int error = pass_fsetattr(v, u->inner, set);
    u->is_changed |= error == 0;
    if (error == 0 && (set->set & VFS_SET_SIZE) && set->size < u->whole)
        u->whole = set->size;
    return error;
}

static int
atomic_fsync(struct vfs *v, struct vfs_file *file)
{
    struct upload *u = upload_of(file);
    return note(u, pass_fsync(v, u->inner));
}

static int
atomic_fstatvfs(struct vfs *v, struct vfs_file *file, struct vfs_statvfs *st)
{
    return pass_fstatvfs(v, upload_of(file)->inner, st);
}

static int
atomic_copy(struct vfs *v, struct vfs_file *from, uint64_t from_offset,
            struct vfs_file *to, uint64_t to_offset, uint64_t len, uint64_t *copied)
{
    struct upload *u = upload_of(to);
    atomic_of(v)->why = "";
    int error = note(u, pass_copy(v, upload_of(from)->inner, from_offset, u->inner,
                                  to_offset, len, copied));
    if (error == 0)
        upload_came(u, to_offset, *copied);
    return error;
}

/* ---- listings ---- */

static int
atomic_opendir(struct vfs *v, const struct vfs_path *path, struct vfs_dir **dir)
{
    struct atomic_dir *d = malloc(sizeof *d);
    if (!d)
        return ENOMEM;
    d->n_reaped = 0;
    d->path = *path;
    int error = pass_opendir(v, path, &d->inner);
    if (error != 0)
        free(d);
    else
        *dir = (struct vfs_dir *)d;
    return error;
}

static int
atomic_readdir(struct vfs *v, struct vfs_dir *dir, struct vfs_entry *entry)
{
    struct atomic_dir *d = dir_of(dir);
    for (;;) {
        int error = pass_readdir(v, d->inner, entry);
        if (error != 0 || entry->name.n == 0 || !atomic_is_hidden(entry->name))
            return error;
        if (d->n_reaped < REAP_MAX && is_stale(atomic_of(v), entry)) {
            reap(atomic_of(v), &d->path, entry->name);
            d->n_reaped++;
        }
    }
}

static void
atomic_closedir(struct vfs *v, struct vfs_dir *dir)
{
    pass_closedir(v, dir_of(dir)->inner);
    free(dir);
}

static int
atomic_dir_stat(struct vfs *v, struct vfs_dir *dir, struct vfs_stat *st)
{
    return pass_dir_stat(v, dir_of(dir)->inner, st);
}

static int
atomic_dir_setattr(struct vfs *v, struct vfs_dir *dir, const struct vfs_setattr *set)
{
    return pass_dir_setattr(v, dir_of(dir)->inner, set);
}

static int
atomic_dir_statvfs(struct vfs *v, struct vfs_dir *dir, struct vfs_statvfs *st)
{
    return pass_dir_statvfs(v, dir_of(dir)->inner, st);
}

/* ---- attributes by path ---- */

static int
atomic_stat(struct vfs *v, const struct vfs_path *path, struct vfs_stat *st)
{
    struct vfs_path real = meant(atomic_of(v), path);
    int error = check_seen(path);
    return error ? error : pass_stat(v, &real, st);
}

static int
atomic_lstat(struct vfs *v, const struct vfs_path *path, struct vfs_stat *st)
{
    int error = check_seen(path);
    if (error != 0)
        return error;
    /* A link is told as a link, whatever is uploaded through it. */
    error = pass_lstat(v, path, st);
    if (error == 0 && !S_ISREG(st->mode))
        return 0;
    struct vfs_path real = meant(atomic_of(v), path);
    return pass_lstat(v, &real, st);
}

static int
atomic_setattr(struct vfs *v, const struct vfs_path *path, const struct vfs_setattr *set)
{
    struct vfs_path real;
    int error = check_seen(path);
    if (error == 0 && atomic_of(v)->uploads && pass_realpath(v, path, &real) == 0) {
        struct upload *u = find_upload(atomic_of(v), &real);
        if (u)
            return atomic_fsetattr(v, (struct vfs_file *)u, set);
    }
    return error ? error : pass_setattr(v, path, set);
}

static int
atomic_lsetattr(struct vfs *v, const struct vfs_path *path, const struct vfs_setattr *set)
{
    int error = check_seen(path);
    return error ? error : pass_lsetattr(v, path, set);
}

static int
atomic_statvfs(struct vfs *v, const struct vfs_path *path, struct vfs_statvfs *st)
{
    int error = check_seen(path);
    return error ? error : pass_statvfs(v, path, st);
}

/* ---- names ---- */

static int
atomic_mkdir(struct vfs *v, const struct vfs_path *path, uint32_t mode)
{
    int error = check_made(v, path);
    return error ? error : pass_mkdir(v, path, mode);
}

static bool
is_removable(const struct atomic_vfs *a, const struct vfs_entry *e)
{
    bool is_part = atomic_is_hidden(e->name) && ends_in(e->name, ATOMIC_PART);
    return S_ISREG(e->stat.mode) && (is_part || is_stale(a, e));
}

/* A directory that looks empty is: what was abandoned in it goes, too. */
static int
atomic_rmdir(struct vfs *v, const struct vfs_path *path)
{
    unsigned n_other;
    int error = check_seen(path);
    if (error == 0)
        error = pass_rmdir(v, path);
    if (error != ENOTEMPTY && error != EEXIST)
        return error;
    unsigned n_seen = 0;
    struct vfs_dir *dir;
    struct vfs_entry e;
    if (atomic_opendir(v, path, &dir) != 0)
        return error;
    while (n_seen == 0 && atomic_readdir(v, dir, &e) == 0 && e.name.n != 0)
        n_seen += !bytes_eq_str(e.name, ".") && !bytes_eq_str(e.name, "..");
    atomic_closedir(v, dir);
    if (n_seen != 0 || !sweep(atomic_of(v), path, is_removable, &n_other))
        return error;
    return n_other != 0 ? error : pass_rmdir(v, path);
}

/* What was abandoned under that name goes with the file, or in its place. */
static int
atomic_unlink(struct vfs *v, const struct vfs_path *path)
{
    struct vfs_path part;
    int error = check_seen(path);
    if (error != 0)
        return error;
    atomic_of(v)->told.n = 0;
    bool has = upload_part_path(path, &part) && has_part(atomic_of(v), path, &part);
    error = pass_unlink(v, path);
    if (has && (error == 0 || error == ENOENT))
        error = pass_unlink(v, &part);
    return error;
}

/* ---- two names ---- */

static int
check_pair(struct vfs *v, const struct vfs_path *from, const struct vfs_path *to)
{
    int error = check_seen(from);
    return error ? error : check_made(v, to);
}

static int
after_rename(struct vfs *v, const struct vfs_path *to, int error)
{
    bool wants_sync = error == 0 && atomic_of(v)->options.is_durable;
    return wants_sync ? pass_sync_parent(v, to) : error;
}

static int
atomic_rename(struct vfs *v, const struct vfs_path *from, const struct vfs_path *to)
{
    int error = check_pair(v, from, to);
    return error ? error : after_rename(v, to, pass_rename(v, from, to));
}

static int
atomic_rename_over(struct vfs *v, const struct vfs_path *from, const struct vfs_path *to)
{
    int error = check_pair(v, from, to);
    return error ? error : after_rename(v, to, pass_rename_over(v, from, to));
}

static int
atomic_link(struct vfs *v, const struct vfs_path *existing, const struct vfs_path *name)
{
    int error = check_pair(v, existing, name);
    return error ? error : pass_link(v, existing, name);
}

/* A link to a hidden name would be a way to it. */
static int
atomic_symlink(struct vfs *v, const char *text, const struct vfs_path *name)
{
    struct vfs_path target;
    int error = check_made(v, name);
    if (error == 0 && vfs_path_parse(&target, NULL, bytes_str(text)) == 0)
        error = check_made(v, &target);
    return error ? error : pass_symlink(v, text, name);
}

static int
atomic_readlink(struct vfs *v, const struct vfs_path *path, char *text, size_t *n)
{
    int error = check_seen(path);
    return error ? error : pass_readlink(v, path, text, n);
}

/* ---- life ---- */

static const char *
atomic_refusal(struct vfs *v)
{
    const char *why = atomic_of(v)->why;
    return *why ? why : pass_refusal(v);
}

static const struct vfs_ops atomic_ops = {
    .open = atomic_open,
    .close = atomic_close,
    .abandon = atomic_abandon,
    .preadv = atomic_preadv,
    .pwrite = atomic_pwrite,
    .fstat = atomic_fstat,
    .fsetattr = atomic_fsetattr,
    .fsync = atomic_fsync,
    .fstatvfs = atomic_fstatvfs,
    .copy = atomic_copy,
    .opendir = atomic_opendir,
    .readdir = atomic_readdir,
    .closedir = atomic_closedir,
    .dir_stat = atomic_dir_stat,
    .dir_setattr = atomic_dir_setattr,
    .dir_statvfs = atomic_dir_statvfs,
    .stat = atomic_stat,
    .lstat = atomic_lstat,
    .setattr = atomic_setattr,
    .lsetattr = atomic_lsetattr,
    .statvfs = atomic_statvfs,
    .mkdir = atomic_mkdir,
    .rmdir = atomic_rmdir,
    .unlink = atomic_unlink,
    .rename = atomic_rename,
    .rename_over = atomic_rename_over,
    .link = atomic_link,
    .symlink = atomic_symlink,
    .readlink = atomic_readlink,
    .realpath = pass_realpath,
    .sync_parent = pass_sync_parent,
    .refusal = atomic_refusal,
    .free = pass_free,
};

int
atomic_vfs_new(struct vfs *inner, const struct atomic_options *options, struct vfs **v)
{
    struct atomic_vfs *a = calloc(1, sizeof *a);
    if (!a) {
        vfs_free(inner);
        return ENOMEM;
    }
    a->filter = (struct vfs_filter){.vfs.ops = &atomic_ops, .inner = inner};
    a->options = *options;
    a->why = "";
    if (options->now)
        a->next = (uint64_t)options->now(options->ctx) << 20;
    *v = &a->filter.vfs;
    return 0;
}
