/*
 * Receiving a directory: a walk that lists ahead and turns entries into files to
 * receive and directories to walk. Every name is judged before it is joined to
 * anything (threats L1); links are made only on request, only when they stay
 * inside, and last of all, so that nothing is ever written through one.
 */
#include <stdlib.h>

#include "transfer/dirread.h"
#include "transfer/tree.h"

struct tree_get {
    struct task task;
    struct tree_dir *dir;
    struct dirread list;
};

static const struct task_ops tree_get_ops;

static struct bytes
path_of(const struct tree_get *g)
{
    return buf_bytes(&g->dir->remote);
}

static void
set_times_last(struct tree_dir *dir)
{
    struct job *job = dir->job;
    if ((job->flags & TRANSFER_PRESERVE) == 0 || dir->is_failed)
        return;
    int e = 0;
    if (dir->attrs.flags & SFTP_ATTR_PERMISSIONS)
        e = local_dir_set_mode(dir->local, (mode_t)dir->attrs.permissions);
    if (e == 0 && (dir->attrs.flags & SFTP_ATTR_ACMODTIME) != 0)
        e = local_dir_set_times(dir->local, dir->attrs.atime, dir->attrs.mtime);
    if (e == 0)
        return;
    struct problem p =
        problem_local(e, "set mode and times of the copy of", buf_bytes(&dir->remote));
    job_warn(job, buf_bytes(&dir->remote), &p);
}

void
tree_get_queue(struct job *job, struct tree_dir *parent, struct bytes remote,
               struct local_dir *local, const struct sftp_attrs *attrs)
{
    struct tree_dir *dir = tree_dir_new(job, parent, remote, local);
    if (!dir)
        return;
    dir->attrs = *attrs;
    struct tree_get *g = task_new(job, &tree_get_ops, sizeof *g);
    if (!g) {
        tree_dir_unref(dir);
        return;
    }
    g->dir = dir;
    job_count(job, &(struct transfer_totals){.dirs = 1});
    task_queue(&g->task);
}

static void
tree_get_fail(struct tree_get *g, const struct problem *p)
{
    g->dir->is_failed = true;
    job_count(g->task.job, &(struct transfer_totals){.dirs_failed = 1});
    job_fail(g->task.job, path_of(g), p);
    task_done(&g->task);
}

static void
tree_get_start(struct task *task)
{
    struct tree_get *g = (struct tree_get *)task;
    bool is_new;
    bool is_told = (g->dir->attrs.flags & SFTP_ATTR_PERMISSIONS) != 0;
    mode_t mode = is_told ? (mode_t)(g->dir->attrs.permissions & 0777) : 0777;
    int e = local_dir_make(g->dir->local, mode | 0700, &is_new);
    if (e != 0) {
        struct problem p = problem_local(e, "create the local copy of", path_of(g));
        tree_get_fail(g, &p);
        return;
    }
    g->dir->on_empty = set_times_last;
    dirread_start(&g->list, task, path_of(g));
}

/* ---- entries ---- */

/* One entry of `dir`, its name a safe component. */
struct entry {
    struct tree_dir *dir;
    const char *name;
    struct bytes remote;
    struct sftp_attrs attrs;
};

static void
skip(struct job *job, struct bytes remote, enum transfer_failure kind, const char *why)
{
    struct problem p = problem_text(kind, remote, why);
    job_count(job, &(struct transfer_totals){.skipped = 1});
    job_warn(job, remote, &p);
}

static void
refuse(struct tree_dir *dir, struct bytes remote, const struct problem *p)
{
    dir->is_failed = true;
    job_count(dir->job, &(struct transfer_totals){.files = 1, .files_failed = 1});
    job_fail(dir->job, remote, p);
}

static void
on_dir(const struct entry *entry)
{
    struct local_dir *local;
    struct tree_dir *dir = entry->dir;
    int e = local_dir_below(dir->local, entry->name, &local);
    if (e == 0) {
        tree_get_queue(dir->job, dir, entry->remote, local, &entry->attrs);
        return;
    }
    struct problem p = problem_local(e, "create the local copy of", entry->remote);
    refuse(dir, entry->remote, &p);
}

static void
on_link(const struct entry *entry)
{
    struct job *job = entry->dir->job;
    if (job->flags & TRANSFER_LINKS)
        link_get_queue(entry->dir, entry->name, entry->remote);
    else
        skip(job, entry->remote, TRANSFER_OK, "a symbolic link; skipped");
}

static void
on_known(const struct entry *entry)
{
    struct tree_dir *dir = entry->dir;
    switch (entry->attrs.permissions & S_IFMT) {
    case S_IFDIR:
        on_dir(entry);
        return;
    case S_IFREG:
    case 0: /* a server that sends permission bits without the type */
        get_queue(dir->job, dir, dir->local, entry->name, entry->remote, &entry->attrs);
        return;
    case S_IFLNK:
        on_link(entry);
        return;
    default:
        skip(dir->job, entry->remote, TRANSFER_OK, "not a regular file; skipped");
        return;
    }
}

/* ---- entries whose kind the listing did not tell ---- */

struct probe {
    struct task task;
    struct tree_dir *dir;
    char *name;
    struct buf remote;
};

static void
probe_stop(struct task *task, const struct problem *why)
{
    struct probe *p = (struct probe *)task;
    refuse(p->dir, buf_bytes(&p->remote), why);
    task_done(task);
}

static void
probe_start(struct task *task)
{
    struct probe *p = (struct probe *)task;
    if (!p->name || buf_err(&p->remote) != ERR_NONE) {
        struct problem problem =
            problem_text(TRANSFER_LOCAL, buf_bytes(&p->remote), "out of memory");
        probe_stop(task, &problem);
        return;
    }
    struct call *call = call_new(task, 0);
    call_sent(call,
              sftp_client_lstat(task->t->client, &call->req, buf_bytes(&p->remote)));
}

static void
probe_reply(struct task *task, struct call *call, const struct sftp_event *ev)
{
    struct probe *p = (struct probe *)task;
    (void)call;
    if (task->state == TASK_DONE)
        return;
    struct entry entry = {p->dir, p->name, buf_bytes(&p->remote), ev->attrs};
    if (ev->reply == SSH_FXP_ATTRS) {
        on_known(&entry);
    } else {
        struct problem problem = problem_status(ev, "stat", entry.remote);
        refuse(p->dir, entry.remote, &problem);
    }
    task_done(task);
}

static void
probe_free(struct task *task)
{
    struct probe *p = (struct probe *)task;
    tree_dir_unref(p->dir);
    buf_clear(&p->remote);
    free(p->name);
    free(p);
}

static const struct task_ops probe_ops = {.kind = TASK_FILE,
                                          .start = probe_start,
                                          .reply = probe_reply,
                                          .stop = probe_stop,
                                          .free = probe_free};

static void
probe_queue(const struct entry *entry)
{
    struct probe *p = task_new(entry->dir->job, &probe_ops, sizeof *p);
    if (!p)
        return;
    p->dir = tree_dir_ref(entry->dir);
    p->name = strdup(entry->name);
    buf_init(&p->remote, SFTP_PACKET_MAX);
    buf_put(&p->remote, entry->remote);
    task_queue(&p->task);
}

/* ---- the walk ---- */

static void
on_name(struct tree_get *g, const struct sftp_name *name)
{
    struct buf remote, text;
    if (sftp_name_is_dot(name->filename))
        return;
    if (!sftp_name_is_safe(name->filename)) {
        struct problem p = problem_text(TRANSFER_REFUSED, name->filename,
                                        "the server lists an unsafe name; left out");
        refuse(g->dir, name->filename, &p);
        return;
    }
    buf_init(&remote, SFTP_PACKET_MAX);
    buf_init(&text, SFTP_NAME_MAX + 1);
    sftp_path_join(&remote, path_of(g), name->filename);
    buf_put(&text, name->filename);
    struct entry entry = {g->dir, buf_cstr(&text), buf_bytes(&remote), name->attrs};
    if (!entry.name || buf_err(&remote) != ERR_NONE) {
        struct problem p = problem_text(TRANSFER_LOCAL, name->filename,
                                        "out of memory, or too long a path");
        refuse(g->dir, name->filename, &p);
    } else if (entry.attrs.flags & SFTP_ATTR_PERMISSIONS) {
        on_known(&entry);
    } else {
        probe_queue(&entry);
    }
    buf_clear(&text);
    buf_clear(&remote);
}

static bool
tree_get_run(struct task *task)
{
    dirread_more(&((struct tree_get *)task)->list);
    return false;
}

static void
on_names(struct tree_get *g, const struct sftp_event *ev)
{
    struct sftp_names names = ev->names;
    struct sftp_name name;
    while (sftp_names_next(&names, &name))
        on_name(g, &name);
    if (!task_should_pause(&g->task))
        dirread_more(&g->list);
    else if (!g->task.is_paused)
        task_pause(&g->task);
}

static void
tree_get_reply(struct task *task, struct call *call, const struct sftp_event *ev)
{
    struct tree_get *g = (struct tree_get *)task;
    switch (dirread_reply(&g->list, call, ev)) {
    case DIRREAD_NOTHING:
        return;
    case DIRREAD_ENTRIES:
        on_names(g, ev);
        return;
    case DIRREAD_DONE:
        task_done(task);
        return;
    case DIRREAD_FAILED: {
        struct problem p = problem_status(ev, "list", path_of(g));
        tree_get_fail(g, &p);
        return;
    }
    }
}

static void
tree_get_stop(struct task *task, const struct problem *why)
{
    struct tree_get *g = (struct tree_get *)task;
    (void)why; /* the job knows */
    g->dir->is_failed = true;
    if (g->list.task)
        dirread_stop(&g->list);
    task_done(task);
}

static void
tree_get_free(struct task *task)
{
    struct tree_get *g = (struct tree_get *)task;
    tree_dir_unref(g->dir);
    free(g);
}

static const struct task_ops tree_get_ops = {.kind = TASK_DIR,
                                             .start = tree_get_start,
                                             .run = tree_get_run,
                                             .reply = tree_get_reply,
                                             .stop = tree_get_stop,
                                             .free = tree_get_free};
