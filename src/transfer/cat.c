/*
 * A remote file's octets in order, to the sink. Many READs are in flight as for
 * a download; what comes before its turn is held until the gap before it closes,
 * which is bounded by the window.
 */
#include <stdio.h>
#include <stdlib.h>

#include "transfer/reader.h"
#include "transfer/tree.h"

enum cat_step { CAT_OPEN, CAT_FSTAT, CAT_CLOSE };

/* Octets that came early. */
struct held {
    uint64_t offset;
    size_t n;
    TAILQ_ENTRY(held) link;
    uint8_t octets[];
};
TAILQ_HEAD(held_list, held);

struct cat {
    struct task task;
    struct reader reader;
    uint64_t size;         /* as FSTAT told; 0: not told */
    uint64_t given;        /* octets that the sink has */
    struct held_list held; /* by offset */
    uint8_t handle[SFTP_HANDLE_MAX];
    size_t handle_len;
    bool is_open;
};

static struct bytes
path_of(const struct cat *c)
{
    return buf_bytes(&c->task.job->path);
}

static void
cat_start(struct task *task)
{
    struct cat *c = (struct cat *)task;
    struct sftp_attrs none = {0};
    struct call *call = call_new(task, CAT_OPEN);
    job_count(task->job, &(struct transfer_totals){.files = 1});
    call_sent(call, sftp_client_open(task->t->client, &call->req, path_of(c),
                                     SSH_FXF_READ, &none));
}

static void
close_remote(struct cat *c, struct bytes handle)
{
    struct task *task = &c->task;
    if (!c->is_open || task->t->is_over)
        return;
    c->is_open = false;
    struct call *call = call_new(task, CAT_CLOSE);
    call_sent(call, sftp_client_close(task->t->client, &call->req, handle));
}

static void
cat_end(struct cat *c, const struct problem *p)
{
    struct job *job = c->task.job;
    struct transfer_totals done = {.files_done = 1}, failed = {.files_failed = 1};
    job_count(job, p ? &failed : &done);
    if (p)
        job_fail(job, path_of(c), p);
    close_remote(c, bytes_of(c->handle, c->handle_len));
    task_done(&c->task);
}

static void
fail_status(struct cat *c, const struct sftp_event *ev, const char *doing)
{
    struct problem p = problem_status(ev, doing, path_of(c));
    cat_end(c, &p);
}

static void
cat_stop(struct task *task, const struct problem *why)
{
    cat_end((struct cat *)task, why);
}

static void
cat_free(struct task *task)
{
    struct cat *c = (struct cat *)task;
    struct held *h;
    while ((h = TAILQ_FIRST(&c->held))) {
        TAILQ_REMOVE(&c->held, h, link);
        free(h);
    }
    free(c);
}

/* ---- order ---- */

static void
give(struct cat *c, struct bytes data)
{
    struct transfer_event ev = job_event(c->task.job, TRANSFER_EV_DATA);
    ev.path = path_of(c);
    ev.data = data;
    ev.done = c->given;
    ev.size = c->size;
    c->given += data.n;
    job_count(c->task.job,
              &(struct transfer_totals){.bytes_done = data.n, .bytes_moved = data.n});
    job_tell(c->task.job, &ev);
}

static bool
hold(struct cat *c, uint64_t offset, struct bytes data)
{
    struct held *before, *h = malloc(sizeof *h + data.n);
    if (!h)
        return false;
    h->offset = offset;
    h->n = data.n;
    memcpy(h->octets, data.p, data.n);
    TAILQ_FOREACH_REVERSE(before, &c->held, held_list, link)
    if (before->offset < offset)
        break;
    if (before)
        TAILQ_INSERT_AFTER(&c->held, before, h, link);
    else
        TAILQ_INSERT_HEAD(&c->held, h, link);
    return true;
}

static void
give_held(struct cat *c)
{
    struct held *h;
    while ((h = TAILQ_FIRST(&c->held)) && h->offset == c->given) {
        TAILQ_REMOVE(&c->held, h, link);
        give(c, bytes_of(h->octets, h->n));
        free(h);
    }
}

/* ---- replies ---- */

static void
on_open(struct cat *c, const struct sftp_event *ev)
{
    struct task *task = &c->task;
    if (ev->reply != SSH_FXP_HANDLE) {
        fail_status(c, ev, "open");
        return;
    }
    memcpy(c->handle, ev->handle.p, ev->handle.n);
    c->handle_len = ev->handle.n;
    c->is_open = true;
    struct call *call = call_new(task, CAT_FSTAT);
    call_sent(call, sftp_client_fstat(task->t->client, &call->req, ev->handle));
}

static void
on_fstat(struct cat *c, const struct sftp_event *ev)
{
    c->size = ev->reply == SSH_FXP_ATTRS ? ev->attrs.size : 0;
    job_count(c->task.job, &(struct transfer_totals){.bytes = c->size});
    reader_init(&c->reader, &c->task, bytes_of(c->handle, c->handle_len), 0, c->size);
    task_wants_run(&c->task);
}

static void
check_done(struct cat *c)
{
    if (!reader_is_done(&c->reader)) {
        task_wants_run(&c->task);
        return;
    }
    if (reader_is_whole(&c->reader) && c->given == c->reader.end) {
        cat_end(c, NULL);
        return;
    }
    char text[96];
    snprintf(text, sizeof text, "the file ended after %llu of %llu octets",
             (unsigned long long)c->reader.end, (unsigned long long)c->size);
    struct problem p = problem_text(TRANSFER_MISMATCH, path_of(c), text);
    cat_end(c, &p);
}

static void
cat_reply(struct task *task, struct call *call, const struct sftp_event *ev)
{
    struct cat *c = (struct cat *)task;
    if (task->state == TASK_DONE) {
        c->is_open = call->step == CAT_OPEN && ev->reply == SSH_FXP_HANDLE;
        close_remote(c, ev->handle); /* stopped meanwhile */
        return;
    }
    if (call->step == CAT_OPEN)
        on_open(c, ev);
    else if (call->step == CAT_FSTAT)
        on_fstat(c, ev);
    else if (!reader_status(&c->reader, call, ev))
        fail_status(c, ev, "read");
    else
        check_done(c);
}

static void
cat_data(struct task *task, struct call *call, const struct sftp_event *ev)
{
    struct cat *c = (struct cat *)task;
    if (task->state == TASK_DONE)
        return;
    if (ev->offset == c->given) {
        give(c, ev->data);
        give_held(c);
    } else if (!hold(c, ev->offset, ev->data)) {
        struct problem p = problem_text(TRANSFER_LOCAL, path_of(c), "out of memory");
        cat_end(c, &p);
        return;
    }
    reader_data(&c->reader, call, ev);
    if (ev->is_last)
        check_done(c);
}

static bool
cat_run(struct task *task)
{
    return reader_run(&((struct cat *)task)->reader);
}

static const struct task_ops cat_ops = {.kind = TASK_FILE,
                                        .start = cat_start,
                                        .run = cat_run,
                                        .reply = cat_reply,
                                        .data = cat_data,
                                        .stop = cat_stop,
                                        .free = cat_free};

void
cat_queue(struct job *job)
{
    struct cat *c = task_new(job, &cat_ops, sizeof *c);
    if (!c)
        return;
    TAILQ_INIT(&c->held);
    task_queue(&c->task);
}
