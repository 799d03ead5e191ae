/*
 * Removing a whole remote tree: what is no directory is removed as it is listed,
 * links themselves and never what they point to; a directory when it is empty.
 */
#include <stdlib.h>
#include <sys/stat.h>

#include "transfer/dirread.h"
#include "transfer/tree.h"

/* ---- one file or link, or a directory that is empty now ---- */

struct unlink {
    struct task task;
    struct tree_dir *dir; /* what it is in; NULL: the job's own path */
    struct buf remote;
    bool is_dir;
};

static void
unlink_fail(struct unlink *u, const struct problem *p)
{
    struct transfer_totals file = {.files_failed = 1}, dir = {.dirs_failed = 1};
    if (u->dir)
        u->dir->is_failed = true;
    job_count(u->task.job, u->is_dir ? &dir : &file);
    job_fail(u->task.job, buf_bytes(&u->remote), p);
    task_done(&u->task);
}

static void
unlink_start(struct task *task)
{
    struct unlink *u = (struct unlink *)task;
    if (buf_err(&u->remote) != ERR_NONE) {
        struct problem p =
            problem_text(TRANSFER_LOCAL, buf_bytes(&task->job->path), "out of memory");
        unlink_fail(u, &p);
        return;
    }
    struct call *call = call_new(task, 0);
    struct bytes path = buf_bytes(&u->remote);
    call_sent(call, u->is_dir ? sftp_client_rmdir(task->t->client, &call->req, path)
                              : sftp_client_remove(task->t->client, &call->req, path));
}

static void
unlink_reply(struct task *task, struct call *call, const struct sftp_event *ev)
{
    struct unlink *u = (struct unlink *)task;
    (void)call;
    if (task->state == TASK_DONE)
        return;
    if (!reply_is_ok(ev)) {
        struct problem p = problem_status(
            ev, u->is_dir ? "remove the directory" : "remove", buf_bytes(&u->remote));
        unlink_fail(u, &p);
        return;
    }
    job_count(task->job, &(struct transfer_totals){.files_done = u->is_dir ? 0 : 1});
    task_done(task);
}

static void
unlink_stop(struct task *task, const struct problem *why)
{
    unlink_fail((struct unlink *)task, why);
}

static void
unlink_free(struct task *task)
{
    struct unlink *u = (struct unlink *)task;
    tree_dir_unref(u->dir);
    buf_clear(&u->remote);
    free(u);
}

static const struct task_ops unlink_ops = {.kind = TASK_FILE,
                                           .start = unlink_start,
                                           .reply = unlink_reply,
                                           .stop = unlink_stop,
                                           .free = unlink_free};

static void
unlink_queue(struct job *job, struct tree_dir *dir, struct bytes remote, bool is_dir)
{
    struct unlink *u = task_new(job, &unlink_ops, sizeof *u);
    if (!u)
        return;
    u->dir = dir ? tree_dir_ref(dir) : NULL;
    u->is_dir = is_dir;
    buf_init(&u->remote, SFTP_PACKET_MAX);
    buf_put(&u->remote, remote);
    job_count(job, &(struct transfer_totals){.files = is_dir ? 0 : 1});
    task_queue(&u->task);
}

/* ---- a directory ---- */

struct remove_tree {
    struct task task;
    struct tree_dir *dir;
    struct dirread list;
};

static const struct task_ops remove_tree_ops;

/* A directory in which something was left can only be refused: not asked for. */
static void
remove_empty(struct tree_dir *dir)
{
    if (!dir->is_failed && !dir->job->t->is_over)
        unlink_queue(dir->job, dir->parent, buf_bytes(&dir->remote), true);
}

void
remove_tree_queue(struct job *job, struct tree_dir *parent, struct bytes remote)
{
    struct tree_dir *dir = tree_dir_new(job, parent, remote, NULL);
    if (!dir)
        return;
    struct remove_tree *r = task_new(job, &remove_tree_ops, sizeof *r);
    if (!r) {
        tree_dir_unref(dir);
        return;
    }
    r->dir = dir;
    dir->on_empty = remove_empty;
    job_count(job, &(struct transfer_totals){.dirs = 1});
    task_queue(&r->task);
}

static void
remove_tree_start(struct task *task)
{
    struct remove_tree *r = (struct remove_tree *)task;
    dirread_start(&r->list, task, buf_bytes(&r->dir->remote));
}

static void
remove_tree_fail(struct remove_tree *r, const struct problem *p)
{
    r->dir->is_failed = true;
    job_count(r->task.job, &(struct transfer_totals){.dirs_failed = 1});
    job_fail(r->task.job, buf_bytes(&r->dir->remote), p);
    task_done(&r->task);
}

static void
on_name(struct remove_tree *r, const struct sftp_name *name)
{
    struct buf remote;
    struct job *job = r->task.job;
    if (sftp_name_is_dot(name->filename))
        return;
    if (!sftp_name_is_safe(name->filename)) {
        struct problem p = problem_text(TRANSFER_REFUSED, name->filename,
                                        "the server lists an unsafe name; left alone");
        r->dir->is_failed = true;
        job_fail(job, name->filename, &p);
        return;
    }
    buf_init(&remote, SFTP_PACKET_MAX);
    sftp_path_join(&remote, buf_bytes(&r->dir->remote), name->filename);
    if (buf_err(&remote) != ERR_NONE) {
        struct problem p =
            problem_text(TRANSFER_REFUSED, name->filename, "the path is too long");
        r->dir->is_failed = true;
        job_fail(job, name->filename, &p);
    } else if (S_ISDIR((mode_t)name->attrs.permissions))
        remove_tree_queue(job, r->dir, buf_bytes(&remote));
    else
        unlink_queue(job, r->dir, buf_bytes(&remote), false);
    buf_clear(&remote);
}

static bool
remove_tree_run(struct task *task)
{
    dirread_more(&((struct remove_tree *)task)->list);
    return false;
}

static void
on_names(struct remove_tree *r, const struct sftp_event *ev)
{
    struct sftp_names names = ev->names;
    struct sftp_name name;
    while (sftp_names_next(&names, &name))
        on_name(r, &name);
    if (!task_should_pause(&r->task))
        dirread_more(&r->list);
    else if (!r->task.is_paused)
        task_pause(&r->task);
}

static void
remove_tree_reply(struct task *task, struct call *call, const struct sftp_event *ev)
{
    struct remove_tree *r = (struct remove_tree *)task;
    switch (dirread_reply(&r->list, call, ev)) {
    case DIRREAD_NOTHING:
        return;
    case DIRREAD_ENTRIES:
        on_names(r, ev);
        return;
    case DIRREAD_DONE:
        task_done(task);
        return;
    case DIRREAD_FAILED: {
        struct problem p = problem_status(ev, "list", buf_bytes(&r->dir->remote));
        remove_tree_fail(r, &p);
        return;
    }
    }
}

static void
remove_tree_stop(struct task *task, const struct problem *why)
{
    struct remove_tree *r = (struct remove_tree *)task;
    (void)why; /* the job knows */
    r->dir->is_failed = true;
    if (r->list.task)
        dirread_stop(&r->list);
    task_done(task);
}

static void
remove_tree_free(struct task *task)
{
    struct remove_tree *r = (struct remove_tree *)task;
    tree_dir_unref(r->dir);
    free(r);
}

static const struct task_ops remove_tree_ops = {.kind = TASK_DIR,
                                                .start = remove_tree_start,
                                                .run = remove_tree_run,
                                                .reply = remove_tree_reply,
                                                .stop = remove_tree_stop,
                                                .free = remove_tree_free};

/* ---- the job: what is there? ---- */

struct look {
    struct task task;
};

static void
look_start(struct task *task)
{
    struct call *call = call_new(task, 0);
    call_sent(call, sftp_client_lstat(task->t->client, &call->req,
                                      buf_bytes(&task->job->path)));
}

static void
look_reply(struct task *task, struct call *call, const struct sftp_event *ev)
{
    struct bytes path = buf_bytes(&task->job->path);
    (void)call;
    if (task->state == TASK_DONE)
        return;
    if (ev->reply != SSH_FXP_ATTRS) {
        struct problem p = problem_status(ev, "remove", path);
        job_fail(task->job, path, &p);
    } else if (S_ISDIR((mode_t)ev->attrs.permissions)) {
        remove_tree_queue(task->job, NULL, path);
    } else {
        unlink_queue(task->job, NULL, path, false);
    }
    task_done(task);
}

static void
look_stop(struct task *task, const struct problem *why)
{
    (void)why; /* the job knows */
    task_done(task);
}

static void
look_free(struct task *task)
{
    free(task);
}

static const struct task_ops look_ops = {.kind = TASK_COMMAND,
                                         .start = look_start,
                                         .reply = look_reply,
                                         .stop = look_stop,
                                         .free = look_free};

void
remove_queue(struct job *job)
{
    struct look *l = task_new(job, &look_ops, sizeof *l);
    if (l)
        task_queue(&l->task);
}
