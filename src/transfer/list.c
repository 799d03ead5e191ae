/*
 * Listing: the entries of a directory as they come, or a file's own. Names are
 * passed on as the server sent them, unsafe ones too: they are shown, not used.
 */
#include <stdlib.h>
#include <sys/stat.h>

#include "transfer/dirread.h"
#include "transfer/tree.h"

enum list_step { LIST_STAT = 1 };

struct list {
    struct task task;
    struct dirread list;
    struct problem refused; /* what OPENDIR said */
};

static struct bytes
path_of(const struct list *l)
{
    return buf_bytes(&l->task.job->path);
}

static void
tell_entry(struct list *l, const struct sftp_name *name)
{
    struct transfer_event ev = job_event(l->task.job, TRANSFER_EV_ENTRY);
    ev.path = path_of(l);
    ev.entry = *name;
    job_tell(l->task.job, &ev);
}

static void
list_fail(struct list *l, const struct problem *p)
{
    job_fail(l->task.job, path_of(l), p);
    task_done(&l->task);
}

static void
list_start(struct task *task)
{
    struct list *l = (struct list *)task;
    struct bytes path = path_of(l);
    dirread_start(&l->list, task, path.n != 0 ? path : BYTES_LIT("."));
}

/* No directory, perhaps: servers differ in what they call that. */
static void
on_refused(struct list *l, const struct sftp_event *ev)
{
    l->refused = problem_status(ev, "list", path_of(l));
    struct call *call = call_new(&l->task, LIST_STAT);
    call_sent(call, sftp_client_stat(l->task.t->client, &call->req, path_of(l)));
}

static void
on_stat(struct list *l, const struct sftp_event *ev)
{
    bool is_dir = ev->reply == SSH_FXP_ATTRS && S_ISDIR((mode_t)ev->attrs.permissions);
    if (ev->reply != SSH_FXP_ATTRS || is_dir) {
        list_fail(l, &l->refused);
        return;
    }
    struct sftp_name name = {.filename = path_of(l), .attrs = ev->attrs};
    tell_entry(l, &name);
    task_done(&l->task);
}

static void
on_names(struct list *l, const struct sftp_event *ev)
{
    struct sftp_names names = ev->names;
    struct sftp_name name;
    while (sftp_names_next(&names, &name))
        tell_entry(l, &name);
    dirread_more(&l->list);
}

static void
list_reply(struct task *task, struct call *call, const struct sftp_event *ev)
{
    struct list *l = (struct list *)task;
    if (call->step == LIST_STAT) {
        if (task->state != TASK_DONE)
            on_stat(l, ev);
        return;
    }
    switch (dirread_reply(&l->list, call, ev)) {
    case DIRREAD_NOTHING:
        return;
    case DIRREAD_ENTRIES:
        on_names(l, ev);
        return;
    case DIRREAD_DONE: {
        struct transfer_event done = job_event(task->job, TRANSFER_EV_LISTED);
        done.path = path_of(l);
        job_tell(task->job, &done);
        task_done(task);
        return;
    }
    case DIRREAD_FAILED:
        if (l->list.handle_len == 0) {
            on_refused(l, ev);
            return;
        }
        struct problem p = problem_status(ev, "list", path_of(l));
        list_fail(l, &p);
        return;
    }
}

static void
list_stop(struct task *task, const struct problem *why)
{
    struct list *l = (struct list *)task;
    (void)why; /* the job knows */
    if (l->list.task)
        dirread_stop(&l->list);
    task_done(task);
}

static void
list_free(struct task *task)
{
    free(task);
}

static const struct task_ops list_ops = {.kind = TASK_DIR,
                                         .start = list_start,
                                         .reply = list_reply,
                                         .stop = list_stop,
                                         .free = list_free};

void
list_queue(struct job *job)
{
    struct list *l = task_new(job, &list_ops, sizeof *l);
    if (l)
        task_queue(&l->task);
}
