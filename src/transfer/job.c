/*
 * How a job begins: "~" in its paths is expanded by the server, then its verb's
 * row says which task does the work.
 */
#include <stdlib.h>

#include "transfer/tree.h"

static const struct verb_row {
    enum transfer_verb verb;
    void (*queue)(struct job *job);
} verbs[] = {
    {TRANSFER_GET, locate_queue},       {TRANSFER_PUT, locate_queue},
    {TRANSFER_CAT, cat_queue},          {TRANSFER_LIST, list_queue},
    {TRANSFER_STAT, command_queue},     {TRANSFER_LSTAT, command_queue},
    {TRANSFER_STATVFS, command_queue},  {TRANSFER_REALPATH, command_queue},
    {TRANSFER_READLINK, command_queue}, {TRANSFER_MKDIR, command_queue},
    {TRANSFER_RMDIR, command_queue},    {TRANSFER_REMOVE, command_queue},
    {TRANSFER_RENAME, command_queue},   {TRANSFER_LINK, command_queue},
    {TRANSFER_SYMLINK, command_queue},  {TRANSFER_SETSTAT, command_queue},
};

static void
begin_work(struct job *job)
{
    if (buf_err(&job->path) != ERR_NONE || buf_err(&job->path2) != ERR_NONE) {
        struct problem p = problem_text(TRANSFER_LOCAL, BYTES_LIT(""), "out of memory");
        job_fail(job, BYTES_LIT(""), &p);
        return;
    }
    if (job->verb == TRANSFER_REMOVE && (job->flags & TRANSFER_RECURSIVE)) {
        remove_queue(job);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        if (verbs[i].verb == job->verb)
            verbs[i].queue(job);
}

/* ---- "~" ---- */

struct expand {
    struct task task;
    struct buf *path; /* the job's path or path2 */
};

static const struct task_ops expand_ops;

static bool
needs_expansion(const struct buf *path)
{
    return path->n != 0 && path->p[0] == '~';
}

/* Without the extension only the own home is known: where sessions begin. False:
 * it is somebody else's. */
static bool
strip_home(struct buf *path)
{
    if (path->n > 1 && path->p[1] != '/')
        return false;
    buf_drop(path, path->n == 1 ? 1 : 2);
    if (path->n == 0)
        buf_put_u8(path, '.');
    return true;
}

static void
expand_start(struct task *task)
{
    struct expand *x = (struct expand *)task;
    struct call *call = call_new(task, 0);
    call_sent(call,
              sftp_client_expand_path(task->t->client, &call->req, buf_bytes(x->path)));
}

static void
expand_reply(struct task *task, struct call *call, const struct sftp_event *ev)
{
    struct expand *x = (struct expand *)task;
    struct sftp_names names = ev->names;
    struct sftp_name name;
    (void)call;
    if (task->state == TASK_DONE)
        return;
    if (ev->reply == SSH_FXP_NAME && sftp_names_next(&names, &name) &&
        name.filename.n != 0 && name.filename.p[0] != '~') {
        buf_reset(x->path);
        buf_put(x->path, name.filename);
        task_done(task);
        job_start(task->job);
        return;
    }
    struct problem p =
        ev->reply == SSH_FXP_STATUS
            ? problem_status(ev, "expand", buf_bytes(x->path))
            : problem_text(TRANSFER_FAILED, buf_bytes(x->path), "cannot be expanded");
    job_fail(task->job, buf_bytes(x->path), &p);
    task_done(task);
}

static void
expand_stop(struct task *task, const struct problem *why)
{
    (void)why; /* the job knows */
    task_done(task);
}

static void
expand_free(struct task *task)
{
    free(task);
}

static const struct task_ops expand_ops = {.kind = TASK_COMMAND,
                                           .start = expand_start,
                                           .reply = expand_reply,
                                           .stop = expand_stop,
                                           .free = expand_free};

static void
expand(struct job *job, struct buf *path)
{
    bool can = sftp_client_has(job->t->client, SFTP_CAN_EXPAND_PATH);
    if (!can && strip_home(path)) {
        job_start(job);
        return;
    }
    if (!can) {
        struct problem p = problem_text(TRANSFER_UNSUPPORTED, buf_bytes(path),
                                        "the server does not expand \"~\"");
        job_fail(job, buf_bytes(path), &p);
        return;
    }
    struct expand *x = task_new(job, &expand_ops, sizeof *x);
    if (!x)
        return;
    x->path = path;
    task_queue(&x->task);
}

void
job_start(struct job *job)
{
    /* A link's text is the user's to choose; for all others "~" is a home. */
    bool is_text = job->verb == TRANSFER_SYMLINK;
    if (needs_expansion(&job->path) && !is_text)
        expand(job, &job->path);
    else if (needs_expansion(&job->path2))
        expand(job, &job->path2);
    else
        begin_work(job);
}
