/*
 * Symbolic links of a recursive copy, which are made only on request and only
 * when they stay inside the copied tree (threats L10).
 */
#include <errno.h>
#include <stdlib.h>

#include "transfer/tree.h"

struct link {
    struct task task;
    struct tree_dir *dir;
    char *name;
    struct buf remote;
    bool is_put;
};

static const struct task_ops link_ops;

static struct bytes
path_of(const struct link *l)
{
    return buf_bytes(&l->remote);
}

static void
queue(struct tree_dir *dir, const char *name, struct bytes remote, bool is_put)
{
    struct link *l = task_new(dir->job, &link_ops, sizeof *l);
    if (!l)
        return;
    l->dir = tree_dir_ref(dir);
    l->name = strdup(name);
    l->is_put = is_put;
    buf_init(&l->remote, SFTP_PACKET_MAX);
    buf_put(&l->remote, remote);
    job_count(dir->job, &(struct transfer_totals){.files = 1});
    task_queue(&l->task);
}

void
link_get_queue(struct tree_dir *dir, const char *name, struct bytes remote)
{
    queue(dir, name, remote, false);
}

void
link_put_queue(struct tree_dir *dir, const char *name, struct bytes remote)
{
    queue(dir, name, remote, true);
}

static void
link_fail(struct link *l, const struct problem *p)
{
    l->dir->is_failed = true;
    job_count(l->task.job, &(struct transfer_totals){.files_failed = 1});
    job_fail(l->task.job, path_of(l), p);
    task_done(&l->task);
}

static void
link_finish(struct link *l)
{
    job_count(l->task.job, &(struct transfer_totals){.files_done = 1});
    task_done(&l->task);
}

/*
 * Does a link `depth` directories below the tree's root stay inside? Relative,
 * and ".." only at its beginning, where it leaves real directories: behind a name
 * that may be a link itself, ".." could lead anywhere.
 */
static bool
stays_inside(struct bytes target, unsigned depth)
{
    bool is_descending = false;
    if (target.n == 0 || target.p[0] == '/' || memchr(target.p, '\0', target.n))
        return false;
    while (target.n != 0) {
        const uint8_t *slash = memchr(target.p, '/', target.n);
        size_t n = slash ? (size_t)(slash - target.p) : target.n;
        struct bytes part = bytes_first(target, n);
        target = bytes_skip(target, n + 1);
        if (part.n == 0 || bytes_eq_str(part, "."))
            continue;
        if (!bytes_eq_str(part, "..")) {
            is_descending = true;
            continue;
        }
        if (is_descending || depth == 0)
            return false;
        depth--;
    }
    return true;
}

static void
refuse_target(struct link *l)
{
    struct problem p = problem_text(TRANSFER_REFUSED, path_of(l),
                                    "the link leads out of the copied tree; left out");
    link_fail(l, &p);
}

static void
send_link(struct link *l)
{
    struct buf target;
    buf_init(&target, SFTP_PATH_MAX + 1);
    int e = local_readlink(l->dir->local, l->name, &target);
    if (e != 0) {
        struct problem p = problem_local(e, "read the link", bytes_str(l->name));
        link_fail(l, &p);
    } else if (!stays_inside(buf_bytes(&target), l->dir->depth)) {
        refuse_target(l);
    } else {
        struct call *call = call_new(&l->task, 0);
        call_sent(call, sftp_client_symlink(l->task.t->client, &call->req,
                                            buf_bytes(&target), path_of(l)));
    }
    buf_clear(&target);
}

static void
link_start(struct task *task)
{
    struct link *l = (struct link *)task;
    if (!l->name || buf_err(&l->remote) != ERR_NONE) {
        struct problem p = problem_text(TRANSFER_LOCAL, path_of(l), "out of memory");
        link_fail(l, &p);
        return;
    }
    if (l->is_put) {
        send_link(l);
        return;
    }
    struct call *call = call_new(task, 0);
    call_sent(call, sftp_client_readlink(task->t->client, &call->req, path_of(l)));
}

static void
make_local(struct link *l, struct bytes target)
{
    struct buf text;
    if (!stays_inside(target, l->dir->depth)) {
        refuse_target(l);
        return;
    }
    buf_init(&text, SFTP_PATH_MAX + 1);
    buf_put(&text, target);
    const char *c = buf_cstr(&text);
    int e = c ? local_symlink(l->dir->local, l->name, c) : ENAMETOOLONG;
    buf_clear(&text);
    if (e == 0) {
        link_finish(l);
        return;
    }
    struct problem p = problem_local(e, "create the link", bytes_str(l->name));
    link_fail(l, &p);
}

static void
link_reply(struct task *task, struct call *call, const struct sftp_event *ev)
{
    struct link *l = (struct link *)task;
    struct sftp_names names = ev->names;
    struct sftp_name name;
    (void)call;
    if (task->state == TASK_DONE)
        return;
    if (l->is_put && reply_is_ok(ev)) {
        link_finish(l);
    } else if (!l->is_put && ev->reply == SSH_FXP_NAME &&
               sftp_names_next(&names, &name)) {
        make_local(l, name.filename);
    } else {
        struct problem p = problem_status(ev, "copy the link", path_of(l));
        link_fail(l, &p);
    }
}

static void
link_stop(struct task *task, const struct problem *why)
{
    link_fail((struct link *)task, why);
}

static void
link_free(struct task *task)
{
    struct link *l = (struct link *)task;
    tree_dir_unref(l->dir);
    buf_clear(&l->remote);
    free(l->name);
    free(l);
}

static const struct task_ops link_ops = {.kind = TASK_FILE,
                                         .start = link_start,
                                         .reply = link_reply,
                                         .stop = link_stop,
                                         .free = link_free};
