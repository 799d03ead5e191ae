/*
 * GET and PUT begin here: one STAT tells what the remote path is, the local
 * system what the local one is; together they say what is copied to where.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "transfer/tree.h"

struct locate {
    struct task task;
};

static const struct task_ops locate_ops;

void
locate_queue(struct job *job)
{
    struct locate *l = task_new(job, &locate_ops, sizeof *l);
    if (l)
        task_queue(&l->task);
}

static void
fail(struct job *job, struct problem p)
{
    job_fail(job, buf_bytes(&job->path), &p);
}

static const char *
local_of(const struct job *job)
{
    return job->local && job->local[0] != '\0' ? job->local : ".";
}

/* "", ".", "..", "/", "a/.." name a place and give no name to a copy of it. */
static struct bytes
copy_name(struct bytes path)
{
    struct bytes base = sftp_path_base(path);
    return sftp_name_is_safe(base) ? base : (struct bytes){0};
}

/* ---- GET ---- */

/* Where a copy goes: `name` in `dir`; no name: dir itself. */
struct place {
    struct local_dir *dir;
    struct buf name;
};

/* The place beside a local path that does not name a directory. */
static int
place_beside(struct place *place, const char *local)
{
    struct bytes path = bytes_str(local);
    struct bytes dir = sftp_path_dir(path), base = copy_name(path);
    struct buf text;
    if (base.n == 0 || path.p[path.n - 1] == '/')
        return ENOENT;
    buf_init(&text, SFTP_PACKET_MAX);
    buf_put(&text, dir.n != 0 ? dir : BYTES_LIT("."));
    buf_put(&place->name, base);
    const char *c = buf_cstr(&text);
    int e = c ? local_root_open(c, &place->dir) : ENAMETOOLONG;
    buf_clear(&text);
    return e;
}

static int
find_place(struct place *place, const char *local, struct bytes remote)
{
    int e = local_root_open(local, &place->dir);
    if (e == 0)
        buf_put(&place->name, copy_name(remote));
    return e == ENOENT || e == ENOTDIR ? place_beside(place, local) : e;
}

static void
get_dir(struct job *job, const struct place *place, const char *name,
        const struct sftp_attrs *attrs)
{
    struct local_dir *target = local_dir_ref(place->dir);
    if (name[0] != '\0') {
        local_dir_unref(target);
        int e = local_dir_below(place->dir, name, &target);
        if (e != 0) {
            fail(job, problem_local(e, "create", bytes_str(name)));
            return;
        }
    }
    tree_get_queue(job, NULL, buf_bytes(&job->path), target, attrs);
}

static void
get_from(struct job *job, const struct place *place, const char *name,
         const struct sftp_attrs *attrs)
{
    bool is_dir = S_ISDIR((mode_t)attrs->permissions);
    struct bytes path = buf_bytes(&job->path);
    mode_t type = (mode_t)attrs->permissions & S_IFMT;
    if (is_dir && (job->flags & TRANSFER_RECURSIVE) == 0)
        fail(job, problem_text(TRANSFER_REFUSED, path, "is a directory"));
    else if (is_dir)
        get_dir(job, place, name, attrs);
    else if (type != 0 && type != S_IFREG)
        fail(job, problem_text(TRANSFER_REFUSED, path, "is not a regular file"));
    else if (name[0] == '\0')
        fail(job, problem_text(TRANSFER_REFUSED, path, "has no name to be copied under"));
    else
        get_queue(job, NULL, place->dir, name, path, attrs);
}

static void
on_get(struct job *job, const struct sftp_event *ev)
{
    struct place place = {0};
    const char *local = local_of(job);
    if (ev->reply != SSH_FXP_ATTRS) {
        fail(job, problem_status(ev, "get", buf_bytes(&job->path)));
        return;
    }
    buf_init(&place.name, SFTP_NAME_MAX + 1);
    int e = find_place(&place, local, buf_bytes(&job->path));
    const char *name = buf_cstr(&place.name);
    if (e == 0 && name)
        get_from(job, &place, name, &ev->attrs);
    else
        fail(job, problem_local(e != 0 ? e : ENOMEM, "write to", bytes_str(local)));
    local_dir_unref(place.dir);
    buf_clear(&place.name);
}

/* ---- PUT ---- */

/* The remote path of the copy: inside, if the given one is a directory. */
static void
put_target(struct buf *target, const struct job *job, const struct sftp_event *ev)
{
    struct bytes path = buf_bytes(&job->path), name = copy_name(bytes_str(local_of(job)));
    bool is_dir =
        (ev->reply == SSH_FXP_ATTRS && S_ISDIR((mode_t)ev->attrs.permissions)) ||
        path.n == 0 || path.p[path.n - 1] == '/';
    if (is_dir && name.n != 0)
        sftp_path_join(target, path, name);
    else
        buf_put(target, path.n != 0 ? path : BYTES_LIT("."));
}

static void
put_dir(struct job *job, struct bytes remote)
{
    struct local_dir *local;
    int e = local_root_open(local_of(job), &local);
    if (e == 0)
        tree_put_queue(job, NULL, local, remote);
    else
        fail(job, problem_local(e, "open", bytes_str(local_of(job))));
}

static void
put_from(struct job *job, struct bytes remote)
{
    struct stat st;
    int e = local_stat(local_of(job), &st);
    struct bytes shown = bytes_str(local_of(job));
    struct put_source source = {.path = local_of(job)};
    if (e != 0) {
        struct problem p = problem_local(e, "open", shown);
        if (e == ENOENT)
            p.kind = TRANSFER_NOT_FOUND;
        fail(job, p);
    } else if (S_ISDIR(st.st_mode) && (job->flags & TRANSFER_RECURSIVE)) {
        put_dir(job, remote);
    } else if (!S_ISREG(st.st_mode)) {
        fail(job, problem_text(TRANSFER_REFUSED, shown,
                               S_ISDIR(st.st_mode) ? "is a directory"
                                                   : "is not a regular file"));
    } else {
        source.size = (uint64_t)st.st_size;
        put_queue(job, NULL, &source, remote);
    }
}

static void
on_put(struct job *job, const struct sftp_event *ev)
{
    struct buf remote;
    buf_init(&remote, SFTP_PACKET_MAX);
    put_target(&remote, job, ev);
    if (buf_err(&remote) == ERR_NONE)
        put_from(job, buf_bytes(&remote));
    else
        fail(job, problem_local(ENOMEM, "send", bytes_str(local_of(job))));
    buf_clear(&remote);
}

/* ---- the task ---- */

static void
locate_start(struct task *task)
{
    struct bytes path = buf_bytes(&task->job->path);
    struct call *call = call_new(task, 0);
    call_sent(call, sftp_client_stat(task->t->client, &call->req,
                                     path.n != 0 ? path : BYTES_LIT(".")));
}

static void
locate_reply(struct task *task, struct call *call, const struct sftp_event *ev)
{
    (void)call;
    if (task->state == TASK_DONE)
        return;
    if (task->job->verb == TRANSFER_GET)
        on_get(task->job, ev);
    else
        on_put(task->job, ev);
    task_done(task);
}

static void
locate_stop(struct task *task, const struct problem *why)
{
    (void)why; /* the job knows */
    task_done(task);
}

static void
locate_free(struct task *task)
{
    free(task);
}

static const struct task_ops locate_ops = {.kind = TASK_COMMAND,
                                           .start = locate_start,
                                           .reply = locate_reply,
                                           .stop = locate_stop,
                                           .free = locate_free};
