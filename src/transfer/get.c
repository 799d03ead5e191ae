/*
 * Receiving one file: OPEN, then READs of everything at once (reader.h), each
 * slice written where it belongs as it comes; then mode, times, and the final
 * name. CLOSE is sent and not waited for. The next file's OPEN is long under way.
 *
 *     START -> [STAT] -> OPEN -> [TAIL, when a part is continued] -> READ -> done
 *
 * A part that is left behind whole up to its end is given the source's time, which
 * is how a later run tells it from one that a crash cut off (that one may have
 * gaps within READER_SPAN of its end, and is taken up again before them).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "transfer/reader.h"
#include "transfer/tree.h"

enum get_step { GET_STAT, GET_OPEN, GET_TAIL, GET_CLOSE, GET_READ = READER_STEP };

struct get {
    struct task task;
    struct tree_dir *node; /* NULL: a single file */
    struct local_dir *dir;
    char *name;      /* in dir: the final one */
    char *shown;     /* the local path, for events */
    struct buf part; /* the name it is written under; that of `name` itself: in place */
    bool has_part;   /* part and name differ */
    struct buf remote;
    struct sftp_attrs attrs;
    int fd; /* -1: not open */
    struct reader reader;
    struct part_tail tail;
    uint64_t from; /* where reading begins */
    uint64_t told_ms;
    bool is_open;   /* there is a remote handle */
    bool is_failed; /* only the last replies are waited for */
};

static const struct task_ops get_ops;

static struct get *
get_of(struct task *task)
{
    return (struct get *)task;
}

static struct bytes
path_of(const struct get *g)
{
    return buf_bytes(&g->remote);
}

void
get_queue(struct job *job, struct tree_dir *node, struct local_dir *dir, const char *name,
          struct bytes remote, const struct sftp_attrs *attrs)
{
    struct get *g = task_new(job, &get_ops, sizeof *g);
    if (!g)
        return;
    g->node = node ? tree_dir_ref(node) : NULL;
    g->dir = local_dir_ref(dir);
    g->attrs = *attrs;
    g->fd = -1;
    buf_init(&g->remote, SFTP_PACKET_MAX);
    buf_init(&g->part, SFTP_NAME_MAX + 1);
    buf_put(&g->remote, remote);
    g->name = strdup(name);
    struct buf shown;
    buf_init(&shown, SFTP_PACKET_MAX);
    local_show(&shown, dir, name);
    const char *text = buf_cstr(&shown);
    g->shown = text ? strdup(text) : NULL;
    buf_clear(&shown);
    job_count(job, &(struct transfer_totals){.files = 1, .bytes = attrs->size});
    task_queue(&g->task);
}

static void
get_free(struct task *task)
{
    struct get *g = get_of(task);
    if (g->fd >= 0)
        local_close(g->fd);
    part_tail_clear(&g->tail);
    buf_clear(&g->part);
    buf_clear(&g->remote);
    local_dir_unref(g->dir);
    tree_dir_unref(g->node);
    free(g->name);
    free(g->shown);
    free(g);
}

/* ---- events ---- */

static void
tell(struct get *g, enum transfer_event_type type, uint64_t done,
     const struct problem *problem)
{
    struct transfer_event ev = job_event(g->task.job, type);
    ev.path = path_of(g);
    ev.local = g->shown;
    ev.size = g->attrs.size;
    ev.done = done;
    if (problem)
        ev.problem = problem_view(problem);
    job_tell(g->task.job, &ev);
}

static void
tell_progress(struct get *g)
{
    uint64_t now = g->task.t->now_ms;
    if (now - g->told_ms < PROGRESS_MS)
        return;
    g->told_ms = now;
    tell(g, TRANSFER_EV_PROGRESS, reader_contiguous(&g->reader), NULL);
}

/* ---- failure ---- */

static void
close_remote(struct get *g)
{
    struct task *task = &g->task;
    if (!g->is_open || task->t->is_over)
        return;
    g->is_open = false;
    struct call *call = call_new(task, GET_CLOSE);
    struct bytes handle = bytes_of(g->reader.handle, g->reader.handle_len);
    call_sent(call, sftp_client_close(task->t->client, &call->req, handle));
}

/* Leave a part that a later run can trust to its last octet, or none. */
static void
leave_part(struct get *g, enum transfer_failure kind)
{
    uint64_t whole = reader_contiguous(&g->reader);
    bool is_useful = whole > 0 && kind != TRANSFER_MISMATCH;
    if (is_useful && local_truncate(g->fd, whole) == 0)
        local_set_times(g->fd, g->attrs.atime, g->attrs.mtime);
    else if (g->has_part)
        local_remove(g->dir, buf_cstr(&g->part));
}

static void
get_fail(struct get *g, const struct problem *p)
{
    uint64_t done = 0;
    if (g->is_failed)
        return;
    g->is_failed = true;
    if (g->fd >= 0 && g->reader.task) {
        done = reader_contiguous(&g->reader);
        leave_part(g, p->kind);
    }
    if (g->fd >= 0)
        local_close(g->fd);
    g->fd = -1;
    if (g->node)
        g->node->is_failed = true;
    job_count(g->task.job, &(struct transfer_totals){.files_failed = 1});
    job_problem(g->task.job, p);
    tell(g, TRANSFER_EV_FILE_FAILED, done, p);
    close_remote(g);
    task_done(&g->task);
}

static void
fail_local(struct get *g, int sys_errno, const char *doing)
{
    struct problem p = problem_local(sys_errno, doing, bytes_str(g->shown));
    get_fail(g, &p);
}

static void
fail_status(struct get *g, const struct sftp_event *ev, const char *doing)
{
    struct problem p = problem_status(ev, doing, path_of(g));
    get_fail(g, &p);
}

static void
fail_text(struct get *g, enum transfer_failure kind, const char *text)
{
    struct problem p = problem_text(kind, path_of(g), text);
    get_fail(g, &p);
}

static void
get_stop(struct task *task, const struct problem *why)
{
    get_fail(get_of(task), why);
}

/* ---- the start ---- */

static void
send_open(struct get *g)
{
    struct call *call = call_new(&g->task, GET_OPEN);
    struct sftp_attrs none = {0};
    call_sent(call, sftp_client_open(g->task.t->client, &call->req, path_of(g),
                                     SSH_FXF_READ, &none));
}

static void
get_start(struct task *task)
{
    struct get *g = get_of(task);
    if (!g->name || !g->shown || buf_err(&g->remote) != ERR_NONE) {
        fail_text(g, TRANSFER_LOCAL, "out of memory");
        return;
    }
    if (g->attrs.flags & SFTP_ATTR_SIZE) {
        send_open(g);
        return;
    }
    struct call *call = call_new(task, GET_STAT); /* some listings tell names only */
    call_sent(call, sftp_client_stat(task->t->client, &call->req, path_of(g)));
}

static void
on_stat(struct get *g, const struct sftp_event *ev)
{
    if (ev->reply != SSH_FXP_ATTRS) {
        fail_status(g, ev, "stat");
        return;
    }
    job_count(g->task.job, &(struct transfer_totals){.bytes = ev->attrs.size});
    g->attrs = ev->attrs;
    send_open(g);
}

/* ---- the local file ---- */

static mode_t
mode_of(const struct get *g)
{
    bool is_told = (g->attrs.flags & SFTP_ATTR_PERMISSIONS) != 0;
    return is_told ? (mode_t)(g->attrs.permissions & 0777) : 0666;
}

/* The name to write under; digits from the source's version, or made up. */
static enum err
choose_part(struct get *g, bool is_random)
{
    struct bytes name = bytes_str(g->name);
    enum err e = ERR_NONE;
    buf_reset(&g->part);
    g->has_part = (g->task.job->flags & TRANSFER_INPLACE) == 0;
    if (!g->has_part)
        buf_put(&g->part, name);
    else if (is_random)
        e = part_name_random(&g->part, name, g->task.t->config.rand);
    else
        part_name(&g->part, name, g->attrs.size, g->attrs.mtime);
    return e == ERR_NONE && buf_cstr(&g->part) ? ERR_NONE : ERR_NOMEM;
}

/*
 * Where a part of st->st_size octets may be continued, before its tail is
 * compared. 0: not at all.
 */
static uint64_t
resume_point(const struct get *g, const struct stat *st)
{
    uint64_t have = (uint64_t)st->st_size;
    bool is_clean = (g->attrs.flags & SFTP_ATTR_ACMODTIME) != 0 &&
                    st->st_mtim.tv_sec == (time_t)g->attrs.mtime;
    if (have > g->attrs.size)
        return 0;
    if (is_clean)
        return have;
    return have > READER_SPAN ? have - READER_SPAN : 0;
}

/* A file that is there under its final name, whole and not older, needs its tail
 * compared and nothing else. */
static bool
open_finished(struct get *g)
{
    struct stat st;
    if (local_open_read(g->dir, g->name, &g->fd, &st) != 0)
        return false;
    bool is_same = (uint64_t)st.st_size == g->attrs.size && g->attrs.size != 0 &&
                   (g->attrs.flags & SFTP_ATTR_ACMODTIME) != 0 &&
                   st.st_mtim.tv_sec >= (time_t)g->attrs.mtime;
    if (!is_same) {
        local_close(g->fd);
        g->fd = -1;
        return false;
    }
    g->has_part = false;
    g->from = g->attrs.size;
    return true;
}

/* Open what is written to; g->from is set when something may be continued. */
static int
open_part(struct get *g, bool is_resume)
{
    struct stat st;
    mode_t mode = mode_of(g) | 0600;
    if (choose_part(g, false) != ERR_NONE)
        return ENOMEM;
    if (is_resume && open_finished(g))
        return 0;
    int e = local_open_part(g->dir, buf_cstr(&g->part), mode, &g->fd, &st);
    if (e == EEXIST && g->has_part) { /* another process receives the same file */
        if (choose_part(g, true) != ERR_NONE)
            return ENOMEM;
        e = local_open_part(g->dir, buf_cstr(&g->part), mode, &g->fd, &st);
    }
    if (e != 0) {
        g->fd = -1;
        return e;
    }
    g->from = is_resume ? resume_point(g, &st) : 0;
    if (st.st_size == 0 || g->from != 0)
        return 0;
    return local_truncate(g->fd, 0);
}

/* ---- reading ---- */

static void
begin_reading(struct get *g)
{
    struct reader *r = &g->reader;
    struct bytes handle = bytes_of(r->handle, r->handle_len);
    uint8_t copy[SFTP_HANDLE_MAX];
    memcpy(copy, handle.p, handle.n);
    reader_init(r, &g->task, bytes_of(copy, handle.n), g->from, g->attrs.size);
    job_count(g->task.job, &(struct transfer_totals){.bytes_done = g->from});
    g->told_ms = g->task.t->now_ms;
    tell(g, TRANSFER_EV_FILE_START, g->from, NULL);
    task_wants_run(&g->task);
}

static void
ask_tail(struct get *g)
{
    struct task *task = &g->task;
    struct call *call = call_new(task, GET_TAIL);
    struct bytes handle = bytes_of(g->reader.handle, g->reader.handle_len);
    uint32_t len = g->tail.len < task->t->chunk_read ? g->tail.len : task->t->chunk_read;
    call_sent(call,
              sftp_client_read(task->t->client, &call->req, handle, g->tail.offset, len));
}

static void
on_open(struct get *g, const struct sftp_event *ev)
{
    if (ev->reply != SSH_FXP_HANDLE) {
        fail_status(g, ev, "open");
        return;
    }
    memcpy(g->reader.handle, ev->handle.p, ev->handle.n);
    g->reader.handle_len = ev->handle.n;
    g->is_open = true;
    int e = open_part(g, (g->task.job->flags & TRANSFER_RESUME) != 0);
    if (e != 0)
        fail_local(g, e, "create");
    else if (g->from == 0)
        begin_reading(g);
    else if (part_tail_begin(&g->tail, g->from))
        ask_tail(g);
    else
        fail_text(g, TRANSFER_LOCAL, "out of memory");
}

/* The tail is here, or a refusal to read it. What differs is received anew. */
static void
on_tail(struct get *g)
{
    if (!part_tail_matches(&g->tail, g->fd)) {
        local_close(g->fd);
        int e = open_part(g, false);
        if (e != 0) {
            fail_local(g, e, "create");
            return;
        }
    }
    begin_reading(g);
}

static bool
get_run(struct task *task)
{
    return reader_run(&get_of(task)->reader);
}

/* ---- the end ---- */

/* Mode and times as the source has them, as far as they were asked for. */
static int
preserve(struct get *g)
{
    int e = 0;
    if ((g->task.job->flags & TRANSFER_PRESERVE) == 0)
        return 0;
    if (g->attrs.flags & SFTP_ATTR_PERMISSIONS)
        e = local_set_mode(g->fd, (mode_t)g->attrs.permissions);
    if (e == 0 && (g->attrs.flags & SFTP_ATTR_ACMODTIME) != 0)
        e = local_set_times(g->fd, g->attrs.atime, g->attrs.mtime);
    return e;
}

/* Under the final name, on disk if that was asked for. A failed fsync fails the
 * file for good (threats D3). */
static int
settle(struct get *g)
{
    bool is_durable = (g->task.job->flags & TRANSFER_FSYNC) != 0;
    int e = preserve(g);
    if (e == 0 && is_durable)
        e = local_sync(g->fd);
    int closed = local_close(g->fd);
    g->fd = -1;
    if (e == 0)
        e = closed;
    if (e == 0 && g->has_part)
        e = local_rename(g->dir, buf_cstr(&g->part), g->name);
    if (e == 0 && is_durable)
        e = local_dir_sync(g->dir);
    return e;
}

static void
finish(struct get *g)
{
    const struct reader *r = &g->reader;
    if (!reader_is_whole(r)) {
        char text[96];
        snprintf(text, sizeof text, "the file ended after %llu of %llu octets",
                 (unsigned long long)r->end, (unsigned long long)g->attrs.size);
        fail_text(g, TRANSFER_MISMATCH, text);
        return;
    }
    int e = settle(g);
    if (e != 0) {
        fail_local(g, e, "finish");
        return;
    }
    g->attrs.size = r->end;
    job_count(g->task.job, &(struct transfer_totals){.files_done = 1});
    tell(g, TRANSFER_EV_FILE_DONE, r->end, NULL);
    close_remote(g);
    task_done(&g->task);
}

static void
on_read_status(struct get *g, struct call *call, const struct sftp_event *ev)
{
    if (!reader_status(&g->reader, call, ev))
        fail_status(g, ev, "read");
    else if (reader_is_done(&g->reader))
        finish(g);
}

static void
get_reply(struct task *task, struct call *call, const struct sftp_event *ev)
{
    struct get *g = get_of(task);
    if (g->is_failed && call->step == GET_OPEN && ev->reply == SSH_FXP_HANDLE) {
        /* It was stopped meanwhile, and the server's handle must not stay open. */
        struct call *close = call_new(task, GET_CLOSE);
        call_sent(close, sftp_client_close(task->t->client, &close->req, ev->handle));
    }
    if (task->state == TASK_DONE)
        return;
    switch ((enum get_step)call->step) {
    case GET_STAT:
        on_stat(g, ev);
        return;
    case GET_OPEN:
        on_open(g, ev);
        return;
    case GET_TAIL:
        on_tail(g);
        return;
    case GET_READ:
        on_read_status(g, call, ev);
        return;
    case GET_CLOSE:
        return;
    }
}

static void
on_slice(struct get *g, struct call *call, const struct sftp_event *ev)
{
    int e = local_write(g->fd, ev->data, ev->offset);
    if (e != 0) {
        fail_local(g, e, "write");
        return;
    }
    job_count(g->task.job, &(struct transfer_totals){.bytes_done = ev->data.n,
                                                     .bytes_moved = ev->data.n});
    reader_data(&g->reader, call, ev);
    tell_progress(g);
    if (!ev->is_last)
        return;
    if (reader_is_done(&g->reader))
        finish(g);
    else
        task_wants_run(&g->task);
}

static void
get_data(struct task *task, struct call *call, const struct sftp_event *ev)
{
    struct get *g = get_of(task);
    if (task->state == TASK_DONE)
        return;
    if (call->step != GET_TAIL) {
        on_slice(g, call, ev);
        return;
    }
    part_tail_add(&g->tail, ev->data);
    if (ev->is_last)
        on_tail(g);
}

static const struct task_ops get_ops = {.kind = TASK_FILE,
                                        .start = get_start,
                                        .run = get_run,
                                        .reply = get_reply,
                                        .data = get_data,
                                        .stop = get_stop,
                                        .free = get_free};
