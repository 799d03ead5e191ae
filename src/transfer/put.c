/*
 * Sending one file: OPEN of a new name, then WRITEs, the file's octets read into
 * the very place that they are sent from, then FSTAT, FSETSTAT, fsync and CLOSE
 * behind them (without waiting, where the server keeps the order), and once all of
 * these are answered the final name. Nothing is renamed before every WRITE was
 * acknowledged (threats L6).
 *
 *     START -> [STAT part] -> [STAT final] -> OPEN -> [TAIL -> [CUT]] -> WRITE
 *           -> FSTAT, FSETSTAT, FSYNC, CLOSE -> RENAME [-> REMOVE -> RENAME]
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "transfer/tree.h"

enum put_step {
    PUT_STAT_PART,
    PUT_STAT_FINAL,
    PUT_OPEN,
    PUT_TAIL,
    PUT_CUT,
    PUT_WRITE,
    PUT_FSTAT,
    PUT_FSETSTAT,
    PUT_FSYNC,
    PUT_CLOSE,
    PUT_RENAME,
    PUT_REMOVE_OLD,
    PUT_RENAME_AGAIN,
    PUT_REMOVE_PART,
};

enum { FX_FILE_ALREADY_EXISTS = 11 }; /* SFTP version 4 on */

struct put {
    struct task task;
    struct tree_dir *node; /* NULL: a single file */
    struct local_dir *dir; /* NULL: name is a path */
    char *name;
    char *shown;       /* the local path, for events */
    struct buf remote; /* the final path */
    struct buf part;   /* the path it is written under */
    bool has_part;     /* part and remote differ */
    bool is_random;    /* the part's first name was taken */
    int fd;            /* -1: not open */
    struct stat source;
    uint64_t size;
    uint8_t handle[SFTP_HANDLE_MAX];
    size_t handle_len;
    bool is_open; /* there is a remote handle */
    struct part_tail tail;
    uint64_t from;      /* where writing begins */
    uint64_t next;      /* where the next WRITE begins */
    uint64_t acked;     /* octets acknowledged, of those from `from` on */
    unsigned n_writes;  /* in flight */
    unsigned n_closing; /* requests behind the WRITEs, in flight */
    uint64_t told_ms;
    struct problem problem; /* the first */
    bool is_counted;        /* in the sums as failed */
};

static const struct task_ops put_ops;

static struct put *
put_of(struct task *task)
{
    return (struct put *)task;
}

static struct bytes
path_of(const struct put *p)
{
    return buf_bytes(&p->remote);
}

static struct bytes
handle_of(const struct put *p)
{
    return bytes_of(p->handle, p->handle_len);
}

void
put_queue(struct job *job, struct tree_dir *node, const struct put_source *source,
          struct bytes remote)
{
    struct put *p = task_new(job, &put_ops, sizeof *p);
    if (!p)
        return;
    struct buf shown;
    buf_init(&shown, SFTP_PACKET_MAX);
    if (source->path)
        buf_put_str(&shown, source->path);
    else
        local_show(&shown, source->dir, source->name);
    const char *text = buf_cstr(&shown);
    p->shown = text ? strdup(text) : NULL;
    buf_clear(&shown);
    p->node = node ? tree_dir_ref(node) : NULL;
    p->dir = source->dir ? local_dir_ref(source->dir) : NULL;
    p->name = strdup(source->path ? source->path : source->name);
    p->fd = -1;
    p->size = source->size;
    buf_init(&p->remote, SFTP_PACKET_MAX);
    buf_init(&p->part, SFTP_PACKET_MAX);
    buf_put(&p->remote, remote);
    job_count(job, &(struct transfer_totals){.files = 1, .bytes = source->size});
    task_queue(&p->task);
}

static void
put_free(struct task *task)
{
    struct put *p = put_of(task);
    if (p->fd >= 0)
        local_close(p->fd);
    part_tail_clear(&p->tail);
    buf_clear(&p->part);
    buf_clear(&p->remote);
    local_dir_unref(p->dir);
    tree_dir_unref(p->node);
    free(p->name);
    free(p->shown);
    free(p);
}

static void
tell(struct put *p, enum transfer_event_type type, const struct problem *problem)
{
    struct transfer_event ev = job_event(p->task.job, type);
    ev.path = path_of(p);
    ev.local = p->shown;
    ev.size = p->size;
    ev.done = p->from + p->acked;
    if (problem)
        ev.problem = problem_view(problem);
    job_tell(p->task.job, &ev);
}

/* ---- failure ---- */

static void
close_remote(struct put *p)
{
    struct task *task = &p->task;
    p->is_open = false;
    p->n_closing++;
    struct call *call = call_new(task, PUT_CLOSE);
    call_sent(call, sftp_client_close(task->t->client, &call->req, handle_of(p)));
}

/* A part is worth keeping when a later run can add to it. */
static bool
is_part_useful(const struct put *p)
{
    enum transfer_failure kind = p->problem.kind;
    return p->from + p->acked != 0 && kind != TRANSFER_MISMATCH && kind != TRANSFER_LOCAL;
}

/* All is answered: tidy up and be done. */
static void
end_failed(struct put *p)
{
    struct task *task = &p->task;
    if (p->has_part && p->handle_len != 0 && !is_part_useful(p) && !task->t->is_over) {
        struct call *call = call_new(task, PUT_REMOVE_PART);
        call_sent(call,
                  sftp_client_remove(task->t->client, &call->req, buf_bytes(&p->part)));
    }
    task_done(task);
}

/*
 * The file has failed; nothing more is written. What is in flight is waited for:
 * the part can only be removed behind the last WRITE.
 */
static void
put_fail(struct put *p, const struct problem *problem)
{
    if (p->problem.kind != TRANSFER_OK)
        return;
    p->problem = *problem;
    if (p->node)
        p->node->is_failed = true;
    job_count(p->task.job, &(struct transfer_totals){.files_failed = 1});
    job_problem(p->task.job, problem);
    tell(p, TRANSFER_EV_FILE_FAILED, problem);
    if (p->task.t->is_over) {
        task_done(&p->task);
        return;
    }
    if (p->is_open)
        close_remote(p);
    if (p->task.n_calls == 0)
        end_failed(p);
}

static void
fail_status(struct put *p, const struct sftp_event *ev, const char *doing)
{
    struct problem problem = problem_status(ev, doing, path_of(p));
    put_fail(p, &problem);
}

static void
fail_local(struct put *p, int sys_errno, const char *doing)
{
    struct problem problem = problem_local(sys_errno, doing, bytes_str(p->shown));
    if (sys_errno == ENOENT)
        problem.kind = TRANSFER_NOT_FOUND;
    put_fail(p, &problem);
}

static void
fail_text(struct put *p, enum transfer_failure kind, const char *text)
{
    struct problem problem = problem_text(kind, path_of(p), text);
    put_fail(p, &problem);
}

static void
put_stop(struct task *task, const struct problem *why)
{
    put_fail(put_of(task), why);
}

/* ---- the start ---- */

static bool
choose_part(struct put *p)
{
    struct bytes path = path_of(p), base = sftp_path_base(path);
    struct buf name;
    enum err e = ERR_NONE;
    buf_reset(&p->part);
    p->has_part = (p->task.job->flags & TRANSFER_INPLACE) == 0;
    if (!p->has_part) {
        buf_put(&p->part, path);
        return buf_err(&p->part) == ERR_NONE;
    }
    buf_init(&name, SFTP_NAME_MAX);
    if (p->is_random)
        e = part_name_random(&name, base, p->task.t->config.rand);
    else
        part_name(&name, base, p->size, (uint32_t)p->source.st_mtim.tv_sec);
    sftp_path_join(&p->part, sftp_path_dir(path), buf_bytes(&name));
    bool is_whole =
        e == ERR_NONE && buf_err(&name) == ERR_NONE && buf_err(&p->part) == ERR_NONE;
    buf_clear(&name);
    return is_whole;
}

static void
send_open(struct put *p, uint32_t more_flags)
{
    struct task *task = &p->task;
    struct sftp_attrs attrs = {.flags = SFTP_ATTR_PERMISSIONS,
                               .permissions = (uint32_t)p->source.st_mode & 0777};
    struct call *call = call_new(task, PUT_OPEN);
    call_sent(call, sftp_client_open(task->t->client, &call->req, buf_bytes(&p->part),
                                     SSH_FXF_WRITE | SSH_FXF_CREAT | more_flags, &attrs));
}

static void
open_new(struct put *p)
{
    p->from = 0;
    send_open(p, p->has_part ? SSH_FXF_EXCL : SSH_FXF_TRUNC);
}

static void
send_stat(struct put *p, enum put_step step, struct bytes path)
{
    struct call *call = call_new(&p->task, (int)step);
    call_sent(call, sftp_client_lstat(p->task.t->client, &call->req, path));
}

static void
put_start(struct task *task)
{
    struct put *p = put_of(task);
    if (!p->name || !p->shown || buf_err(&p->remote) != ERR_NONE) {
        fail_text(p, TRANSFER_LOCAL, "out of memory");
        return;
    }
    int e = p->dir ? local_open_read(p->dir, p->name, &p->fd, &p->source)
                   : local_open_named(p->name, &p->fd, &p->source);
    if (e != 0) {
        p->fd = -1;
        fail_local(p, e, "open");
        return;
    }
    uint64_t size = (uint64_t)p->source.st_size;
    job_count(task->job, &(struct transfer_totals){.bytes = size - p->size});
    p->size = size;
    if (!choose_part(p))
        fail_text(p, TRANSFER_LOCAL, "out of memory");
    else if (task->job->flags & TRANSFER_RESUME)
        send_stat(p, PUT_STAT_PART, buf_bytes(&p->part));
    else
        open_new(p);
}

/* ---- resume ---- */

static bool
is_regular(const struct sftp_attrs *a)
{
    return (a->flags & SFTP_ATTR_SIZE) != 0 && ((a->flags & SFTP_ATTR_PERMISSIONS) == 0 ||
                                                (a->permissions & S_IFMT) == S_IFREG);
}

static void
open_to_resume(struct put *p, uint64_t from)
{
    p->from = from;
    send_open(p, SSH_FXF_READ);
}

static void
on_stat_part(struct put *p, const struct sftp_event *ev)
{
    bool is_there = ev->reply == SSH_FXP_ATTRS && is_regular(&ev->attrs);
    if (is_there && p->has_part && ev->attrs.size <= p->size)
        open_to_resume(p, ev->attrs.size);
    else
        send_stat(p, PUT_STAT_FINAL, path_of(p));
}

/*
 * A file under the final name is of this source when it is not older; then a
 * whole one needs its tail compared, a shorter one is continued if we write in
 * place.
 */
static void
on_stat_final(struct put *p, const struct sftp_event *ev)
{
    bool is_recent = ev->reply == SSH_FXP_ATTRS && is_regular(&ev->attrs) &&
                     (ev->attrs.flags & SFTP_ATTR_ACMODTIME) != 0 &&
                     (int64_t)ev->attrs.mtime >= (int64_t)p->source.st_mtim.tv_sec;
    bool is_whole = is_recent && ev->attrs.size == p->size && p->size != 0;
    if (is_whole) {
        p->has_part = false;
        buf_reset(&p->part);
        buf_put(&p->part, path_of(p));
    }
    if (is_whole || (is_recent && !p->has_part && ev->attrs.size < p->size))
        open_to_resume(p, ev->attrs.size);
    else
        open_new(p);
}

static void
begin_writing(struct put *p)
{
    p->next = p->from;
    job_count(p->task.job, &(struct transfer_totals){.bytes_done = p->from});
    p->told_ms = p->task.t->now_ms;
    tell(p, TRANSFER_EV_FILE_START, NULL);
    task_wants_run(&p->task);
}

static void
ask_tail(struct put *p)
{
    struct task *task = &p->task;
    struct call *call = call_new(task, PUT_TAIL);
    uint32_t len = p->tail.len < task->t->chunk_read ? p->tail.len : task->t->chunk_read;
    call_sent(call, sftp_client_read(task->t->client, &call->req, handle_of(p),
                                     p->tail.offset, len));
}

/* What is there is not the beginning of this source: begin anew. A whole file under
 * the final name is left alone until the new one is there. */
static void
start_over(struct put *p)
{
    struct task *task = &p->task;
    bool is_final = !p->has_part && (task->job->flags & TRANSFER_INPLACE) == 0;
    if (is_final) {
        close_remote(p);
        p->handle_len = 0;
        if (choose_part(p))
            open_new(p);
        else
            fail_text(p, TRANSFER_LOCAL, "out of memory");
        return;
    }
    p->from = 0;
    struct sftp_attrs empty = {.flags = SFTP_ATTR_SIZE};
    struct call *call = call_new(task, PUT_CUT);
    call_sent(call,
              sftp_client_fsetstat(task->t->client, &call->req, handle_of(p), &empty));
}

static void
on_tail(struct put *p)
{
    if (part_tail_matches(&p->tail, p->fd))
        begin_writing(p);
    else
        start_over(p);
}

static void
on_open(struct put *p, const struct sftp_event *ev)
{
    if (ev->reply != SSH_FXP_HANDLE) {
        /* An older part, or another process at the same file: EXCL said no. */
        bool is_retry = p->has_part && !p->is_random && ev->status == SSH_FX_FAILURE;
        if (is_retry) {
            p->is_random = true;
            if (choose_part(p)) {
                open_new(p);
                return;
            }
        }
        fail_status(p, ev, "create");
        return;
    }
    memcpy(p->handle, ev->handle.p, ev->handle.n);
    p->handle_len = ev->handle.n;
    p->is_open = true;
    if (p->from == 0)
        begin_writing(p);
    else if (part_tail_begin(&p->tail, p->from))
        ask_tail(p);
    else
        fail_text(p, TRANSFER_LOCAL, "out of memory");
}

/* ---- writing ---- */

/* FSTAT, FSETSTAT, fsync, CLOSE: the server takes them in this order, behind the
 * WRITEs, so that none of them is waited for by itself. */
static void
send_fstat(struct put *p)
{
    struct call *call = call_new(&p->task, PUT_FSTAT);
    p->n_closing++;
    call_sent(call, sftp_client_fstat(p->task.t->client, &call->req, handle_of(p)));
}

static void
send_fsetstat(struct put *p)
{
    struct sftp_attrs attrs = {.flags = SFTP_ATTR_PERMISSIONS | SFTP_ATTR_ACMODTIME,
                               .permissions = (uint32_t)p->source.st_mode & 0777,
                               .atime = (uint32_t)p->source.st_atim.tv_sec,
                               .mtime = (uint32_t)p->source.st_mtim.tv_sec};
    struct call *call = call_new(&p->task, PUT_FSETSTAT);
    p->n_closing++;
    call_sent(call,
              sftp_client_fsetstat(p->task.t->client, &call->req, handle_of(p), &attrs));
}

static void
send_fsync(struct put *p)
{
    struct call *call = call_new(&p->task, PUT_FSYNC);
    p->n_closing++;
    call_sent(call, sftp_client_fsync(p->task.t->client, &call->req, handle_of(p)));
}

/* What was sent may be neither the old version nor the new one: say so. */
static void
check_source(struct put *p)
{
    struct stat now;
    bool is_same = local_fstat(p->fd, &now) == 0 && now.st_size == p->source.st_size &&
                   now.st_mtim.tv_sec == p->source.st_mtim.tv_sec &&
                   now.st_mtim.tv_nsec == p->source.st_mtim.tv_nsec;
    if (is_same)
        return;
    struct problem problem = problem_text(TRANSFER_MISMATCH, bytes_str(p->shown),
                                          "the file changed while it was sent");
    job_warn(p->task.job, path_of(p), &problem);
}

static void
warn_no_fsync(struct put *p)
{
    struct problem problem =
        problem_text(TRANSFER_UNSUPPORTED, path_of(p),
                     "the server offers no fsync; not forced to disk");
    job_warn(p->task.job, path_of(p), &problem);
}

static void
finish_writing(struct put *p)
{
    unsigned flags = p->task.job->flags;
    check_source(p);
    send_fstat(p);
    if (flags & TRANSFER_PRESERVE)
        send_fsetstat(p);
    if (flags & TRANSFER_FSYNC) {
        if (sftp_client_has(p->task.t->client, SFTP_CAN_FSYNC))
            send_fsync(p);
        else
            warn_no_fsync(p);
    }
    close_remote(p);
}

enum write_result { WRITE_SENT, WRITE_NO_ROOM, WRITE_FAILED };

/* One WRITE: the file's octets go straight to where the transport sends from. */
static enum write_result
write_one(struct put *p, uint32_t len)
{
    struct transfer *t = p->task.t;
    struct iovec holes[STREAM_HOLES_MAX];
    int n_holes = STREAM_HOLES_MAX;
    size_t got;
    struct call *call = call_new(&p->task, PUT_WRITE);
    enum err e = sftp_client_write_begin(t->client, &call->req, handle_of(p), p->next,
                                         len, holes, &n_holes);
    if (e == ERR_LIMIT) {
        call_drop(call);
        return WRITE_NO_ROOM;
    }
    if (e != ERR_NONE) {
        call_sent_bulk(call, e, len);
        return WRITE_FAILED;
    }
    int error = local_read(p->fd, holes, n_holes, p->next, &got);
    if (error != 0 || got == 0) {
        sftp_client_write_abandon(t->client);
        call_drop(call);
        if (error != 0)
            fail_local(p, error, "read");
        else
            fail_text(p, TRANSFER_MISMATCH, "the file shrank while it was sent");
        return WRITE_FAILED;
    }
    call_sent_bulk(call, sftp_client_write_commit(t->client, (uint32_t)got),
                   (uint32_t)got);
    p->next += got;
    p->n_writes++;
    return t->is_over ? WRITE_FAILED : WRITE_SENT;
}

static bool
put_run(struct task *task)
{
    struct put *p = put_of(task);
    struct transfer *t = task->t;
    if (p->problem.kind != TRANSFER_OK)
        return false;
    while (p->next < p->size) {
        uint64_t left = p->size - p->next;
        uint32_t len = left < t->chunk_write ? (uint32_t)left : t->chunk_write;
        if (!call_has_room(t, len))
            return true;
        enum write_result r = write_one(p, len);
        if (r != WRITE_SENT)
            return r == WRITE_NO_ROOM;
    }
    if (p->n_writes == 0 || t->config.is_in_order)
        finish_writing(p);
    return false;
}

static void
on_write(struct put *p, const struct call *call, const struct sftp_event *ev)
{
    p->n_writes--;
    if (!reply_is_ok(ev)) {
        char doing[64];
        snprintf(doing, sizeof doing, "write at octet %llu of",
                 (unsigned long long)call->req.offset);
        fail_status(p, ev, doing);
        return;
    }
    p->acked += call->req.len;
    job_count(p->task.job, &(struct transfer_totals){.bytes_done = call->req.len,
                                                     .bytes_moved = call->req.len});
    bool is_last = p->n_writes == 0 && p->next == p->size;
    if (is_last && p->problem.kind == TRANSFER_OK && !p->task.t->config.is_in_order)
        finish_writing(p);
    uint64_t now = p->task.t->now_ms;
    if (now - p->told_ms < PROGRESS_MS || p->problem.kind != TRANSFER_OK)
        return;
    p->told_ms = now;
    tell(p, TRANSFER_EV_PROGRESS, NULL);
}

/* ---- the end ---- */

static void
on_fstat(struct put *p, const struct sftp_event *ev)
{
    /* Write-only accounts may not ask; then every acknowledgement is the proof. */
    if (ev->reply != SSH_FXP_ATTRS || (ev->attrs.flags & SFTP_ATTR_SIZE) == 0)
        return;
    if (ev->attrs.size == p->size)
        return;
    char text[96];
    snprintf(text, sizeof text, "the server has %llu octets of it, not %llu",
             (unsigned long long)ev->attrs.size, (unsigned long long)p->size);
    fail_text(p, TRANSFER_MISMATCH, text);
}

/* Some services refuse it on principle: the file is there, only not its times. */
static void
on_fsetstat(struct put *p, const struct sftp_event *ev)
{
    if (reply_is_ok(ev))
        return;
    struct problem problem = problem_status(ev, "set mode and times of", path_of(p));
    job_warn(p->task.job, path_of(p), &problem);
}

static void
put_finish(struct put *p)
{
    job_count(p->task.job, &(struct transfer_totals){.files_done = 1});
    tell(p, TRANSFER_EV_FILE_DONE, NULL);
    task_done(&p->task);
}

static void
send_rename(struct put *p, enum put_step step)
{
    struct sftp_client *c = p->task.t->client;
    struct call *call = call_new(&p->task, (int)step);
    struct bytes part = buf_bytes(&p->part), final = path_of(p);
    bool is_posix = step == PUT_RENAME && sftp_client_has(c, SFTP_CAN_POSIX_RENAME);
    call_sent(call, is_posix ? sftp_client_posix_rename(c, &call->req, part, final)
                             : sftp_client_rename(c, &call->req, part, final));
}

static void
on_rename(struct put *p, const struct sftp_event *ev, bool is_last)
{
    if (reply_is_ok(ev)) {
        put_finish(p);
        return;
    }
    /* RENAME of version 3 does not replace, nor do old servers for Windows; they say
     * FAILURE, or in later versions' words that the file exists. Any other refusal
     * would be the same once the old file is gone, and then it were lost. */
    bool may_exist = ev->status == SSH_FX_FAILURE || ev->status == FX_FILE_ALREADY_EXISTS;
    if (is_last || !may_exist) {
        fail_status(p, ev, "rename to");
        return;
    }
    struct call *call = call_new(&p->task, PUT_REMOVE_OLD);
    call_sent(call, sftp_client_remove(p->task.t->client, &call->req, path_of(p)));
}

/* Is everything behind the last WRITE answered, and the WRITEs too? */
static void
check_all_acked(struct put *p)
{
    if (p->n_closing != 0 || p->n_writes != 0 || p->is_open)
        return;
    uint64_t total = p->from + p->acked;
    if (total != p->size)
        fail_text(p, TRANSFER_MISMATCH, "not every octet was acknowledged");
    else if (p->has_part)
        send_rename(p, PUT_RENAME);
    else
        put_finish(p);
}

static void
on_closing(struct put *p, enum put_step step, const struct sftp_event *ev)
{
    p->n_closing--;
    if (step == PUT_FSTAT)
        on_fstat(p, ev);
    else if (step == PUT_FSETSTAT)
        on_fsetstat(p, ev);
    else if (!reply_is_ok(ev))
        fail_status(p, ev, step == PUT_FSYNC ? "sync" : "close");
}

static void
on_step(struct put *p, struct call *call, const struct sftp_event *ev)
{
    enum put_step step = (enum put_step)call->step;
    switch (step) {
    case PUT_STAT_PART:
        on_stat_part(p, ev);
        return;
    case PUT_STAT_FINAL:
        on_stat_final(p, ev);
        return;
    case PUT_OPEN:
        on_open(p, ev);
        return;
    case PUT_TAIL:
        on_tail(p);
        return;
    case PUT_CUT:
        if (reply_is_ok(ev))
            begin_writing(p);
        else
            fail_status(p, ev, "truncate");
        return;
    case PUT_WRITE:
        on_write(p, call, ev);
        break;
    case PUT_FSTAT:
    case PUT_FSETSTAT:
    case PUT_FSYNC:
    case PUT_CLOSE:
        on_closing(p, step, ev);
        break;
    case PUT_RENAME:
    case PUT_RENAME_AGAIN:
        on_rename(p, ev, step == PUT_RENAME_AGAIN);
        return;
    case PUT_REMOVE_OLD:
        send_rename(p, PUT_RENAME_AGAIN);
        return;
    case PUT_REMOVE_PART:
        return;
    }
    if (p->problem.kind == TRANSFER_OK && p->next == p->size && p->handle_len != 0)
        check_all_acked(p);
}

/* After a failure only what must be undone is looked at. */
static void
on_step_failed(struct put *p, const struct call *call, const struct sftp_event *ev)
{
    if (call->step == PUT_OPEN && ev->reply == SSH_FXP_HANDLE) {
        memcpy(p->handle, ev->handle.p, ev->handle.n);
        p->handle_len = ev->handle.n;
        close_remote(p);
    } else if (call->step == PUT_WRITE && reply_is_ok(ev)) {
        p->acked += call->req.len;
    }
    if (p->task.n_calls == 0)
        end_failed(p);
}

static void
put_reply(struct task *task, struct call *call, const struct sftp_event *ev)
{
    struct put *p = put_of(task);
    if (task->state == TASK_DONE)
        return;
    if (p->problem.kind == TRANSFER_OK)
        on_step(p, call, ev);
    else
        on_step_failed(p, call, ev);
    /* A failure noticed just now, with nothing left to wait for, ended the task. */
}

static void
put_data(struct task *task, struct call *call, const struct sftp_event *ev)
{
    struct put *p = put_of(task);
    (void)call; /* the tail is all that it reads */
    if (task->state == TASK_DONE || !p->tail.octets)
        return;
    part_tail_add(&p->tail, ev->data);
    if (!ev->is_last)
        return;
    if (p->problem.kind == TRANSFER_OK)
        on_tail(p);
    else if (task->n_calls == 0)
        end_failed(p);
}

static const struct task_ops put_ops = {.kind = TASK_FILE,
                                        .start = put_start,
                                        .run = put_run,
                                        .reply = put_reply,
                                        .data = put_data,
                                        .stop = put_stop,
                                        .free = put_free};
