/*
 * One-shot commands: one request, one reply, one event. A row says which.
 */
#include <stdlib.h>
#include <sys/stat.h>

#include "transfer/tree.h"

struct command {
    struct task task;
    size_t made; /* MKDIR with parents: octets of the path made so far */
    struct problem refused;
    bool is_checking;
};

static struct bytes
path_of(const struct command *c)
{
    return buf_bytes(&c->task.job->path);
}

static struct bytes
path2_of(const struct command *c)
{
    return buf_bytes(&c->task.job->path2);
}

/* ---- requests ---- */

static enum err
send_stat(struct command *c, struct sftp_client *s, struct sftp_req *r)
{
    return sftp_client_stat(s, r, path_of(c));
}

static enum err
send_lstat(struct command *c, struct sftp_client *s, struct sftp_req *r)
{
    return sftp_client_lstat(s, r, path_of(c));
}

static enum err
send_statvfs(struct command *c, struct sftp_client *s, struct sftp_req *r)
{
    return sftp_client_statvfs(s, r, path_of(c));
}

static enum err
send_realpath(struct command *c, struct sftp_client *s, struct sftp_req *r)
{
    return sftp_client_realpath(s, r, path_of(c));
}

static enum err
send_readlink(struct command *c, struct sftp_client *s, struct sftp_req *r)
{
    return sftp_client_readlink(s, r, path_of(c));
}

/* With parents: the path up to the next "/", from the left. */
static enum err
send_mkdir(struct command *c, struct sftp_client *s, struct sftp_req *r)
{
    struct bytes path = path_of(c);
    if ((c->task.job->flags & TRANSFER_PARENTS) == 0)
        return sftp_client_mkdir(s, r, path, &c->task.job->attrs);
    size_t at = c->made;
    while (at < path.n && path.p[at] == '/')
        at++;
    while (at < path.n && path.p[at] != '/')
        at++;
    c->made = at;
    return sftp_client_mkdir(s, r, bytes_first(path, at), &c->task.job->attrs);
}

static enum err
send_rmdir(struct command *c, struct sftp_client *s, struct sftp_req *r)
{
    return sftp_client_rmdir(s, r, path_of(c));
}

static enum err
send_remove(struct command *c, struct sftp_client *s, struct sftp_req *r)
{
    return sftp_client_remove(s, r, path_of(c));
}

static enum err
send_rename(struct command *c, struct sftp_client *s, struct sftp_req *r)
{
    bool may_overwrite = (c->task.job->flags & TRANSFER_NO_OVERWRITE) == 0;
    if (may_overwrite && sftp_client_has(s, SFTP_CAN_POSIX_RENAME))
        return sftp_client_posix_rename(s, r, path_of(c), path2_of(c));
    return sftp_client_rename(s, r, path_of(c), path2_of(c));
}

static enum err
send_link(struct command *c, struct sftp_client *s, struct sftp_req *r)
{
    return sftp_client_hardlink(s, r, path_of(c), path2_of(c));
}

static enum err
send_symlink(struct command *c, struct sftp_client *s, struct sftp_req *r)
{
    return sftp_client_symlink(s, r, path_of(c), path2_of(c));
}

static enum err
send_setstat(struct command *c, struct sftp_client *s, struct sftp_req *r)
{
    if (c->task.job->flags & TRANSFER_NO_FOLLOW)
        return sftp_client_lsetstat(s, r, path_of(c), &c->task.job->attrs);
    return sftp_client_setstat(s, r, path_of(c), &c->task.job->attrs);
}

static const struct command_row {
    enum transfer_verb verb;
    enum err (*send)(struct command *, struct sftp_client *, struct sftp_req *);
    const char *doing; /* for what went wrong */
    unsigned needs;    /* enum sftp_can bit; 0: none */
} rows[] = {
    {TRANSFER_STAT, send_stat, "stat", 0},
    {TRANSFER_LSTAT, send_lstat, "stat", 0},
    {TRANSFER_STATVFS, send_statvfs, "stat the file system of", SFTP_CAN_STATVFS},
    {TRANSFER_REALPATH, send_realpath, "resolve", 0},
    {TRANSFER_READLINK, send_readlink, "read the link", 0},
    {TRANSFER_MKDIR, send_mkdir, "create the directory", 0},
    {TRANSFER_RMDIR, send_rmdir, "remove the directory", 0},
    {TRANSFER_REMOVE, send_remove, "remove", 0},
    {TRANSFER_RENAME, send_rename, "rename", 0},
    {TRANSFER_LINK, send_link, "link", SFTP_CAN_HARDLINK},
    {TRANSFER_SYMLINK, send_symlink, "create a symbolic link to", 0},
    {TRANSFER_SETSTAT, send_setstat, "change the attributes of", 0},
};

static const struct command_row *
row_of(const struct command *c)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].verb == c->task.job->verb)
            return &rows[i];
    return NULL;
}

static void
send_row(struct command *c, const struct command_row *row)
{
    struct call *call = call_new(&c->task, 0);
    call_sent(call, row->send(c, c->task.t->client, &call->req));
}

static void
command_fail(struct command *c, const struct problem *p)
{
    job_fail(c->task.job, path_of(c), p);
    task_done(&c->task);
}

static void
command_start(struct task *task)
{
    struct command *c = (struct command *)task;
    const struct command_row *row = row_of(c);
    unsigned needs = row ? row->needs : 0;
    if (task->job->verb == TRANSFER_SETSTAT && (task->job->flags & TRANSFER_NO_FOLLOW))
        needs = SFTP_CAN_LSETSTAT;
    bool can =
        row && (needs == 0 || sftp_client_has(task->t->client, (enum sftp_can)needs));
    if (can) {
        send_row(c, row);
        return;
    }
    struct problem p = problem_text(TRANSFER_UNSUPPORTED, path_of(c),
                                    "the server does not offer this operation");
    command_fail(c, &p);
}

/* ---- replies ---- */

/* The one name of REALPATH's and READLINK's reply. */
static void
tell_path(struct command *c, const struct sftp_event *ev)
{
    struct sftp_names names = ev->names;
    struct sftp_name name;
    struct transfer_event out = job_event(c->task.job, TRANSFER_EV_PATH);
    if (!sftp_names_next(&names, &name)) {
        struct problem p =
            problem_text(TRANSFER_FAILED, path_of(c), "the server's reply names nothing");
        command_fail(c, &p);
        return;
    }
    out.path = path_of(c);
    out.result = name.filename;
    job_tell(c->task.job, &out);
    task_done(&c->task);
}

static void
tell_statvfs(struct command *c, const struct sftp_event *ev)
{
    struct sftp_msg_ext_statvfs_reply m;
    struct cursor at = cursor_of(ev->extended);
    struct transfer_event out = job_event(c->task.job, TRANSFER_EV_STATVFS);
    if (!msg_get(&sftp_msgs[SFTP_EXT_STATVFS_REPLY], &at, &m)) {
        struct problem p =
            problem_text(TRANSFER_FAILED, path_of(c), "the server's reply is malformed");
        command_fail(c, &p);
        return;
    }
    out.path = path_of(c);
    out.statvfs = &m;
    job_tell(c->task.job, &out);
    task_done(&c->task);
}

static void
tell_attrs(struct command *c, const struct sftp_event *ev)
{
    struct transfer_event out = job_event(c->task.job, TRANSFER_EV_ENTRY);
    out.path = path_of(c);
    out.entry = (struct sftp_name){.filename = path_of(c), .attrs = ev->attrs};
    job_tell(c->task.job, &out);
    task_done(&c->task);
}

/* Of the path to be made with its parents, one more part was tried. Whether the
 * parts before the last exist or are refused shows in the last one's fate. */
static void
on_mkdir_parents(struct command *c, const struct sftp_event *ev)
{
    if (c->made < path_of(c).n) {
        send_row(c, row_of(c));
        return;
    }
    if (reply_is_ok(ev)) {
        task_done(&c->task);
        return;
    }
    c->refused = problem_status(ev, "create the directory", path_of(c));
    c->is_checking = true;
    struct call *call = call_new(&c->task, 0);
    call_sent(call, sftp_client_stat(c->task.t->client, &call->req, path_of(c)));
}

/* MKDIR was refused: fine, if there is a directory. */
static void
on_check(struct command *c, const struct sftp_event *ev)
{
    if (ev->reply == SSH_FXP_ATTRS && S_ISDIR((mode_t)ev->attrs.permissions))
        task_done(&c->task);
    else
        command_fail(c, &c->refused);
}

static void
on_status(struct command *c, const struct sftp_event *ev)
{
    if (reply_is_ok(ev)) {
        task_done(&c->task);
        return;
    }
    struct problem p = problem_status(ev, row_of(c)->doing, path_of(c));
    command_fail(c, &p);
}

static void
command_reply(struct task *task, struct call *call, const struct sftp_event *ev)
{
    struct command *c = (struct command *)task;
    (void)call;
    if (task->state == TASK_DONE)
        return;
    if (c->is_checking)
        on_check(c, ev);
    else if (task->job->verb == TRANSFER_MKDIR && (task->job->flags & TRANSFER_PARENTS))
        on_mkdir_parents(c, ev);
    else if (ev->reply == SSH_FXP_NAME)
        tell_path(c, ev);
    else if (ev->reply == SSH_FXP_ATTRS)
        tell_attrs(c, ev);
    else if (ev->reply == SSH_FXP_EXTENDED_REPLY)
        tell_statvfs(c, ev);
    else
        on_status(c, ev);
}

static void
command_stop(struct task *task, const struct problem *why)
{
    (void)why; /* the job knows */
    task_done(task);
}

static void
command_free(struct task *task)
{
    free(task);
}

static const struct task_ops command_ops = {.kind = TASK_COMMAND,
                                            .start = command_start,
                                            .reply = command_reply,
                                            .stop = command_stop,
                                            .free = command_free};

void
command_queue(struct job *job)
{
    struct command *c = task_new(job, &command_ops, sizeof *c);
    if (c)
        task_queue(&c->task);
}
