/*
 * Sending a directory: MKDIR, then a walk over the local one that queues files
 * to send and directories to walk. An existing remote directory is fine. Times and
 * mode of the remote directory are set when all its content is there.
 */
#include <errno.h>
#include <stdlib.h>

#include "transfer/tree.h"

enum tree_put_step { TREE_MKDIR, TREE_STAT };

struct tree_put {
    struct task task;
    struct tree_dir *dir;
    struct local_list *list; /* NULL: not listing now */
    struct problem refused;  /* what MKDIR said */
};

static const struct task_ops tree_put_ops;
static void set_attrs_last(struct tree_dir *dir);

static struct bytes
path_of(const struct tree_put *p)
{
    return buf_bytes(&p->dir->remote);
}

void
tree_put_queue(struct job *job, struct tree_dir *parent, struct local_dir *local,
               struct bytes remote)
{
    struct tree_dir *dir = tree_dir_new(job, parent, remote, local);
    if (!dir)
        return;
    struct tree_put *p = task_new(job, &tree_put_ops, sizeof *p);
    if (!p) {
        tree_dir_unref(dir);
        return;
    }
    p->dir = dir;
    job_count(job, &(struct transfer_totals){.dirs = 1});
    task_queue(&p->task);
}

static void
tree_put_fail(struct tree_put *p, const struct problem *problem)
{
    p->dir->is_failed = true;
    job_count(p->task.job, &(struct transfer_totals){.dirs_failed = 1});
    job_fail(p->task.job, path_of(p), problem);
    task_done(&p->task);
}

static void
fail_local(struct tree_put *p, int sys_errno, const char *doing)
{
    struct buf shown;
    buf_init(&shown, SFTP_PACKET_MAX);
    local_show(&shown, p->dir->local, NULL);
    struct problem problem = problem_local(sys_errno, doing, buf_bytes(&shown));
    buf_clear(&shown);
    tree_put_fail(p, &problem);
}

static void
tree_put_start(struct task *task)
{
    struct tree_put *p = (struct tree_put *)task;
    struct stat st;
    int e = local_lstat(p->dir->local, ".", &st);
    if (e != 0) {
        fail_local(p, e, "list");
        return;
    }
    p->dir->attrs =
        (struct sftp_attrs){.flags = SFTP_ATTR_PERMISSIONS | SFTP_ATTR_ACMODTIME,
                            .permissions = (uint32_t)st.st_mode & 0777,
                            .atime = (uint32_t)st.st_atim.tv_sec,
                            .mtime = (uint32_t)st.st_mtim.tv_sec};
    struct sftp_attrs made = {.flags = SFTP_ATTR_PERMISSIONS,
                              .permissions = ((uint32_t)st.st_mode & 0777) | 0700};
    struct call *call = call_new(task, TREE_MKDIR);
    call_sent(call, sftp_client_mkdir(task->t->client, &call->req, path_of(p), &made));
}

/* ---- the walk ---- */

static void
skip(struct tree_put *p, struct bytes remote, const char *why)
{
    struct problem problem = problem_text(TRANSFER_OK, remote, why);
    job_count(p->task.job, &(struct transfer_totals){.skipped = 1});
    job_warn(p->task.job, remote, &problem);
}

static void
on_dir(struct tree_put *p, const char *name, struct bytes remote)
{
    struct local_dir *local;
    int e = local_dir_below(p->dir->local, name, &local);
    if (e == 0) {
        tree_put_queue(p->task.job, p->dir, local, remote);
        return;
    }
    struct problem problem = problem_local(e, "list", bytes_str(name));
    p->dir->is_failed = true;
    job_fail(p->task.job, remote, &problem);
}

static void
on_entry(struct tree_put *p, const char *name, const struct stat *st, struct bytes remote)
{
    struct put_source source = {
        .dir = p->dir->local, .name = name, .size = (uint64_t)st->st_size};
    switch (st->st_mode & S_IFMT) {
    case S_IFDIR:
        on_dir(p, name, remote);
        return;
    case S_IFREG:
        put_queue(p->task.job, p->dir, &source, remote);
        return;
    case S_IFLNK:
        if (p->task.job->flags & TRANSFER_LINKS)
            link_put_queue(p->dir, name, remote);
        else
            skip(p, remote, "a symbolic link; skipped");
        return;
    default:
        skip(p, remote, "not a regular file; skipped");
        return;
    }
}

static void
on_name(struct tree_put *p, const char *name)
{
    struct stat st;
    struct buf remote;
    int e = local_lstat(p->dir->local, name, &st);
    if (e == ENOENT)
        return; /* gone since it was listed */
    buf_init(&remote, SFTP_PACKET_MAX);
    sftp_path_join(&remote, path_of(p), bytes_str(name));
    if (e == 0 && buf_err(&remote) != ERR_NONE)
        e = ENAMETOOLONG;
    if (e == 0) {
        on_entry(p, name, &st, buf_bytes(&remote));
    } else {
        struct problem problem = problem_local(e, "send", bytes_str(name));
        p->dir->is_failed = true;
        job_count(p->task.job, &(struct transfer_totals){.files = 1, .files_failed = 1});
        job_fail(p->task.job, bytes_str(name), &problem);
    }
    buf_clear(&remote);
}

static bool
tree_put_run(struct task *task)
{
    struct tree_put *p = (struct tree_put *)task;
    const char *name;
    int e = 0;
    while (!task_should_pause(task) && (name = local_list_next(p->list, &e)))
        on_name(p, name);
    if (task_should_pause(task)) {
        task_pause(task);
        return false;
    }
    local_list_close(p->list);
    p->list = NULL;
    if (e != 0)
        fail_local(p, e, "list");
    else
        task_done(task);
    return false;
}

static void
begin_walk(struct tree_put *p)
{
    int e = local_list_open(p->dir->local, &p->list);
    if (e != 0) {
        fail_local(p, e, "list");
        return;
    }
    p->dir->on_empty = set_attrs_last;
    tree_put_run(&p->task);
}

/* MKDIR of a directory that exists is a failure; STAT tells that one from others. */
static void
on_mkdir(struct tree_put *p, const struct sftp_event *ev)
{
    if (reply_is_ok(ev)) {
        begin_walk(p);
        return;
    }
    p->refused = problem_status(ev, "create the directory", path_of(p));
    struct call *call = call_new(&p->task, TREE_STAT);
    call_sent(call, sftp_client_stat(p->task.t->client, &call->req, path_of(p)));
}

static void
on_stat(struct tree_put *p, const struct sftp_event *ev)
{
    bool is_dir =
        ev->reply == SSH_FXP_ATTRS && ((ev->attrs.flags & SFTP_ATTR_PERMISSIONS) == 0 ||
                                       S_ISDIR((mode_t)ev->attrs.permissions));
    if (is_dir)
        begin_walk(p);
    else
        tree_put_fail(p, &p->refused);
}

static void
tree_put_reply(struct task *task, struct call *call, const struct sftp_event *ev)
{
    struct tree_put *p = (struct tree_put *)task;
    if (task->state == TASK_DONE)
        return;
    if (call->step == TREE_MKDIR)
        on_mkdir(p, ev);
    else
        on_stat(p, ev);
}

static void
tree_put_stop(struct task *task, const struct problem *why)
{
    struct tree_put *p = (struct tree_put *)task;
    (void)why; /* the job knows */
    p->dir->is_failed = true;
    task_done(task);
}

static void
tree_put_free(struct task *task)
{
    struct tree_put *p = (struct tree_put *)task;
    local_list_close(p->list);
    tree_dir_unref(p->dir);
    free(p);
}

static const struct task_ops tree_put_ops = {.kind = TASK_DIR,
                                             .start = tree_put_start,
                                             .run = tree_put_run,
                                             .reply = tree_put_reply,
                                             .stop = tree_put_stop,
                                             .free = tree_put_free};

/* ---- attributes, last ---- */

struct set_attrs {
    struct task task;
    struct tree_dir *parent; /* whose own attributes must wait for this; or NULL */
    struct buf remote;
    struct sftp_attrs attrs;
};

static void
set_attrs_start(struct task *task)
{
    struct set_attrs *s = (struct set_attrs *)task;
    if (buf_err(&s->remote) != ERR_NONE) {
        struct problem p =
            problem_text(TRANSFER_LOCAL, buf_bytes(&task->job->path), "out of memory");
        job_warn(task->job, buf_bytes(&task->job->path), &p);
        task_done(task);
        return;
    }
    struct call *call = call_new(task, 0);
    call_sent(call, sftp_client_setstat(task->t->client, &call->req,
                                        buf_bytes(&s->remote), &s->attrs));
}

static void
set_attrs_reply(struct task *task, struct call *call, const struct sftp_event *ev)
{
    struct set_attrs *s = (struct set_attrs *)task;
    (void)call;
    if (task->state == TASK_DONE)
        return;
    if (!reply_is_ok(ev)) {
        struct problem p =
            problem_status(ev, "set mode and times of", buf_bytes(&s->remote));
        job_warn(task->job, buf_bytes(&s->remote), &p);
    }
    task_done(task);
}

static void
set_attrs_stop(struct task *task, const struct problem *why)
{
    (void)why; /* the directory is there; only its times are not */
    task_done(task);
}

static void
set_attrs_free(struct task *task)
{
    struct set_attrs *s = (struct set_attrs *)task;
    tree_dir_unref(s->parent);
    buf_clear(&s->remote);
    free(s);
}

static const struct task_ops set_attrs_ops = {.kind = TASK_COMMAND,
                                              .start = set_attrs_start,
                                              .reply = set_attrs_reply,
                                              .stop = set_attrs_stop,
                                              .free = set_attrs_free};

static void
set_attrs_last(struct tree_dir *dir)
{
    struct job *job = dir->job;
    if ((job->flags & TRANSFER_PRESERVE) == 0 || job->t->is_over)
        return;
    struct set_attrs *s = task_new(job, &set_attrs_ops, sizeof *s);
    if (!s)
        return;
    s->parent = dir->parent ? tree_dir_ref(dir->parent) : NULL;
    s->attrs = dir->attrs;
    buf_init(&s->remote, SFTP_PACKET_MAX);
    buf_put(&s->remote, buf_bytes(&dir->remote));
    task_queue(&s->task);
}
