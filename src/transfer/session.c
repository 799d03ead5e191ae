/*
 * The session: moves replies to tasks, slots to those that wait and the window to
 * those that have data, and tells the sink. See session.h and task.h.
 */
#include "transfer/session.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "transfer/task.h"

_Static_assert((int)BULK_MAX >= 128, "control calls leave too little for data");

enum { SILENCE_MS = 300 * 1000, PATH_MAX_EXPANDED = 65536 };

/* ---- life ---- */

static unsigned
limit_or(unsigned value, unsigned standard)
{
    return value != 0 && value < standard ? value : standard;
}

static void
init_lists(struct transfer *t)
{
    TAILQ_INIT(&t->jobs);
    TAILQ_INIT(&t->active);
    TAILQ_INIT(&t->done);
    TAILQ_INIT(&t->ready);
    TAILQ_INIT(&t->paused);
    TAILQ_INIT(&t->spare);
    for (int i = 0; i < TASK_KINDS; i++)
        TAILQ_INIT(&t->waiting[i]);
}

static void
init_bounds(struct transfer *t)
{
    const struct transfer_config *config = &t->config;
    t->max_bulk = limit_or(config->requests_max, BULK_MAX);
    t->max_active[TASK_FILE] = limit_or(
        limit_or(config->files_max ? config->files_max : FILES_DEFAULT, FILES_MAX),
        t->max_bulk);
    /* Some servers can have two files open and no more: one, and a directory. */
    t->max_active[TASK_DIR] =
        limit_or(limit_or(config->files_max, DIRS_MAX), t->max_bulk);
    t->max_active[TASK_COMMAND] = COMMANDS_MAX;
    t->chunk_read = t->chunk_write = limit_or(config->chunk_max, SFTP_CHUNK_SAFE);
    if (t->config.silence_ms == 0)
        t->config.silence_ms = SILENCE_MS;
    window_init(&t->window, WINDOW_START_SAFE, config->in_flight_max);
}

enum err
transfer_new(const struct transfer_config *config, uint64_t now_ms, struct transfer **out)
{
    struct transfer *t = calloc(1, sizeof *t);
    if (!t)
        return ERR_NOMEM;
    t->config = *config;
    t->now_ms = t->heard_ms = now_ms;
    init_lists(t);
    init_bounds(t);
    struct sftp_client_config cc = {.symlink_order = config->symlink_order,
                                    .log = config->log};
    enum err e = ERR_NOMEM;
    t->calls = calloc(CALLS_MAX, sizeof *t->calls);
    if (t->calls)
        e = sftp_client_new(config->out, &cc, &t->client);
    if (e != ERR_NONE) {
        transfer_free(t);
        return e;
    }
    for (size_t i = 0; i < CALLS_MAX; i++) {
        t->calls[i].req.user = &t->calls[i];
        t->calls[i].is_spare = true;
        TAILQ_INSERT_TAIL(&t->spare, &t->calls[i], link);
    }
    *out = t;
    return ERR_NONE;
}

static void end_all(struct transfer *t, const struct problem *why);

void
transfer_free(struct transfer *t)
{
    if (!t)
        return;
    t->config.sink.event = NULL;
    struct problem why = problem_text(TRANSFER_CANCELLED, BYTES_LIT(""), "stopped");
    end_all(t, &why);
    sftp_client_free(t->client);
    free(t->calls);
    free(t);
}

/* ---- what is known ---- */

bool
transfer_is_idle(const struct transfer *t)
{
    return TAILQ_EMPTY(&t->jobs);
}

const struct transfer_totals *
transfer_totals(const struct transfer *t)
{
    return &t->totals;
}

const struct sftp_client *
transfer_client(const struct transfer *t)
{
    return t->client;
}

uint64_t
transfer_deadline(const struct transfer *t)
{
    bool waits = !t->is_over && (sftp_client_in_flight(t->client) != 0 ||
                                 !sftp_client_is_ready(t->client));
    return waits ? t->heard_ms + t->config.silence_ms : UINT64_MAX;
}

/* ---- events ---- */

static void
tell(struct transfer *t, const struct transfer_event *ev)
{
    if (t->config.sink.event)
        t->config.sink.event(t->config.sink.ctx, ev);
}

struct transfer_event
job_event(const struct job *job, enum transfer_event_type type)
{
    return (struct transfer_event){.type = type, .job = job->id, .totals = &job->totals};
}

void
job_tell(struct job *job, const struct transfer_event *ev)
{
    tell(job->t, ev);
}

void
job_problem(struct job *job, const struct problem *p)
{
    if (job->problem.kind == TRANSFER_OK)
        job->problem = *p;
}

void
job_warn(struct job *job, struct bytes path, const struct problem *p)
{
    job_count(job, &(struct transfer_totals){.warnings = 1});
    struct transfer_event ev = job_event(job, TRANSFER_EV_WARNING);
    ev.path = path;
    ev.problem = problem_view(p);
    job_tell(job, &ev);
}

void
job_fail(struct job *job, struct bytes path, const struct problem *p)
{
    job_problem(job, p);
    struct transfer_event ev = job_event(job, TRANSFER_EV_FILE_FAILED);
    ev.path = path;
    ev.problem = problem_view(p);
    job_tell(job, &ev);
}

static void
add(struct transfer_totals *sum, const struct transfer_totals *more)
{
    sum->files += more->files;
    sum->files_done += more->files_done;
    sum->files_failed += more->files_failed;
    sum->dirs += more->dirs;
    sum->dirs_failed += more->dirs_failed;
    sum->bytes += more->bytes;
    sum->bytes_done += more->bytes_done;
    sum->bytes_moved += more->bytes_moved;
    sum->skipped += more->skipped;
    sum->warnings += more->warnings;
}

void
job_count(struct job *job, const struct transfer_totals *more)
{
    add(&job->totals, more);
    add(&job->t->totals, more);
}

/* ---- jobs ---- */

static void
job_free(struct job *job)
{
    TAILQ_REMOVE(&job->t->jobs, job, link);
    buf_clear(&job->path);
    buf_clear(&job->path2);
    free(job->local);
    free(job);
}

static void
job_finish(struct job *job)
{
    struct transfer_event ev = job_event(job, TRANSFER_EV_JOB_DONE);
    ev.path = buf_bytes(&job->path);
    ev.problem = problem_view(&job->problem);
    job_tell(job, &ev);
    job_free(job);
}

enum err
transfer_add(struct transfer *t, const struct transfer_spec *spec, uint32_t *id)
{
    if (t->is_over)
        return ERR_CLOSED;
    struct job *job = calloc(1, sizeof *job);
    if (!job)
        return ERR_NOMEM;
    *job = (struct job){.t = t,
                        .id = ++t->last_job,
                        .verb = spec->verb,
                        .flags = spec->flags,
                        .attrs = spec->attrs};
    TAILQ_INSERT_TAIL(&t->jobs, job, link);
    buf_init(&job->path, PATH_MAX_EXPANDED);
    buf_init(&job->path2, PATH_MAX_EXPANDED);
    buf_put(&job->path, spec->path);
    buf_put(&job->path2, spec->path2);
    if (spec->local)
        job->local = strdup(spec->local);
    bool is_whole = buf_err(&job->path) == ERR_NONE && buf_err(&job->path2) == ERR_NONE &&
                    (!spec->local || job->local);
    if (!is_whole) {
        job_free(job);
        return ERR_NOMEM;
    }
    *id = job->id;
    return ERR_NONE;
}

/* ---- tasks ---- */

void *
task_new(struct job *job, const struct task_ops *ops, size_t size)
{
    struct task *task = calloc(1, size);
    if (!task) {
        struct problem p =
            problem_text(TRANSFER_LOCAL, buf_bytes(&job->path), "out of memory");
        job_problem(job, &p);
        return NULL;
    }
    task->ops = ops;
    task->t = job->t;
    task->job = job;
    job->n_tasks++;
    return task;
}

void
task_queue(struct task *task)
{
    struct transfer *t = task->t;
    enum task_kind kind = task->ops->kind;
    if (kind == TASK_DIR)
        TAILQ_INSERT_HEAD(&t->waiting[kind], task, link);
    else
        TAILQ_INSERT_TAIL(&t->waiting[kind], task, link);
    t->n_waiting[kind]++;
}

void
task_wants_run(struct task *task)
{
    if (task->is_ready || task->is_paused || task->state != TASK_ACTIVE)
        return;
    task->is_ready = true;
    TAILQ_INSERT_TAIL(&task->t->ready, task, ready_link);
}

bool
task_should_pause(const struct task *task)
{
    return task->t->n_waiting[TASK_FILE] >= FILES_WAITING_MAX;
}

void
task_pause(struct task *task)
{
    assert(!task->is_ready && !task->is_paused);
    task->is_paused = true;
    TAILQ_INSERT_TAIL(&task->t->paused, task, ready_link);
}

static void
not_ready(struct task *task)
{
    if (task->is_ready)
        TAILQ_REMOVE(&task->t->ready, task, ready_link);
    if (task->is_paused)
        TAILQ_REMOVE(&task->t->paused, task, ready_link);
    task->is_ready = task->is_paused = false;
}

void
task_done(struct task *task)
{
    struct transfer *t = task->t;
    assert(task->state == TASK_ACTIVE);
    not_ready(task);
    task->state = TASK_DONE;
    t->n_active[task->ops->kind]--;
    TAILQ_REMOVE(&t->active, task, link);
    TAILQ_INSERT_TAIL(&t->done, task, link);
}

static void
task_free(struct task *task)
{
    struct job *job = task->job;
    TAILQ_REMOVE(&task->t->done, task, link);
    task->ops->free(task); /* may queue others of the job */
    job->n_tasks--;
}

static void
task_activate(struct task *task)
{
    struct transfer *t = task->t;
    enum task_kind kind = task->ops->kind;
    TAILQ_REMOVE(&t->waiting[kind], task, link);
    t->n_waiting[kind]--;
    task->state = TASK_ACTIVE;
    t->n_active[kind]++;
    TAILQ_INSERT_TAIL(&t->active, task, link);
}

/* Make the task fail; a waiting one counts as active for the length of it. */
static void
task_stop(struct task *task, const struct problem *why)
{
    if (task->state == TASK_DONE || task->is_stopped)
        return;
    if (task->state == TASK_WAITING)
        task_activate(task);
    task->is_stopped = true;
    not_ready(task);
    task->ops->stop(task, why);
}

/* ---- calls ---- */

struct call *
call_new(struct task *task, int step)
{
    struct transfer *t = task->t;
    struct call *call = TAILQ_FIRST(&t->spare);
    assert(call); /* task.h counts them */
    TAILQ_REMOVE(&t->spare, call, link);
    call->is_spare = false;
    call->task = task;
    call->step = step;
    call->charged = 0;
    return call;
}

void
call_drop(struct call *call)
{
    if (call->is_spare)
        return;
    call->is_spare = true;
    TAILQ_INSERT_TAIL(&call->task->t->spare, call, link);
}

static void
session_over(struct transfer *t, enum transfer_failure kind, const char *text);

void
call_sent(struct call *call, enum err e)
{
    struct transfer *t = call->task->t;
    if (e != ERR_NONE) {
        const struct fault *f = sftp_client_fault(t->client);
        session_over(t, TRANSFER_LOST,
                     f->code != ERR_NONE ? f->text : "a request cannot be sent");
        call_drop(call);
        return;
    }
    if (sftp_client_in_flight(t->client) == 1)
        t->heard_ms = t->now_ms; /* silence counts from the question on */
    call->sent_ms = t->now_ms;
    call->task->n_calls++;
}

bool
call_has_room(const struct transfer *t, uint32_t len)
{
    return t->n_bulk < t->max_bulk && window_has_room(&t->window, len);
}

void
call_sent_bulk(struct call *call, enum err e, uint32_t len)
{
    struct transfer *t = call->task->t;
    if (e == ERR_NONE) {
        call->charged = len;
        window_charge(&t->window, len);
        t->n_bulk++;
    }
    call_sent(call, e);
}

/* Its reply is here: what it held is free again. */
static void
call_answered(struct call *call)
{
    struct transfer *t = call->task->t;
    call->task->n_calls--;
    window_credit(&t->window, t->now_ms, call->sent_ms, call->charged);
    if (call->charged != 0)
        t->n_bulk--;
    call->charged = 0;
}

/* ---- from the client ---- */

static void
on_ready(struct transfer *t)
{
    struct transfer_event ev = {.type = TRANSFER_EV_READY};
    tell(t, &ev);
}

/* Handles for which the server has room bound the tasks that hold one. */
static void
bound_slots(struct transfer *t, uint64_t n_handles)
{
    if (n_handles == 0)
        return;
    unsigned handles = n_handles > 4096 ? 4096 : (unsigned)n_handles;
    unsigned dirs = handles / 8 != 0 ? handles / 8 : 1;
    unsigned files = handles - dirs > 1 ? handles - dirs - 1 : 1;
    t->max_active[TASK_DIR] = limit_or(dirs, t->max_active[TASK_DIR]);
    files = limit_or(files, FILES_MAX);
    if (t->config.files_max != 0)
        files = limit_or(t->config.files_max, files);
    t->max_active[TASK_FILE] = limit_or(files, t->max_bulk);
}

static void
on_limits(struct transfer *t)
{
    const struct sftp_limits *limits = sftp_client_limits(t->client);
    if (limits->is_announced) {
        t->chunk_read = limit_or(t->config.chunk_max, limits->read_len);
        t->chunk_write = limit_or(t->config.chunk_max, limits->write_len);
        bound_slots(t, limits->n_handles);
        if (t->window.limit < WINDOW_START)
            t->window.limit = WINDOW_START < t->window.max ? WINDOW_START : t->window.max;
    }
    struct transfer_event ev = {.type = TRANSFER_EV_LIMITS};
    tell(t, &ev);
}

static void
finish_call(struct call *call)
{
    struct task *task = call->task;
    if (call->req.type == 0)
        call_drop(call);
    if (task->state == TASK_DONE && task->n_calls == 0)
        task_free(task);
}

static void
on_reply(const struct sftp_event *ev)
{
    struct call *call = ev->req->user;
    call_answered(call);
    call->task->ops->reply(call->task, call, ev);
    finish_call(call);
}

static void
on_data(const struct sftp_event *ev)
{
    struct call *call = ev->req->user;
    if (ev->is_last)
        call_answered(call);
    call->task->ops->data(call->task, call, ev);
    if (ev->is_last)
        finish_call(call);
}

static void
on_event(struct transfer *t, const struct sftp_event *ev)
{
    switch (ev->type) {
    case SFTP_EV_READY:
        on_ready(t);
        return;
    case SFTP_EV_LIMITS:
        on_limits(t);
        return;
    case SFTP_EV_REPLY:
        on_reply(ev);
        return;
    case SFTP_EV_DATA:
        on_data(ev);
        return;
    case SFTP_EV_FAILED:
        session_over(t,
                     sftp_client_fault(t->client)->code == ERR_CLOSED ? TRANSFER_LOST
                                                                      : TRANSFER_FAILED,
                     sftp_client_fault(t->client)->text);
        return;
    }
}

enum err
transfer_input(struct transfer *t, uint64_t now_ms, struct bytes in)
{
    struct sftp_event ev;
    t->now_ms = t->heard_ms = now_ms;
    while (in.n != 0 && !t->is_over) {
        size_t used = 0;
        enum err e = sftp_client_input(t->client, in, &used);
        in = bytes_skip(in, used);
        while (!t->is_over && sftp_client_next(t->client, &ev))
            on_event(t, &ev);
        if (e != ERR_NONE)
            break;
    }
    return transfer_run(t, now_ms);
}

/* ---- the end ---- */

/* Only noted: whoever notices is in the middle of something. */
static void
session_over(struct transfer *t, enum transfer_failure kind, const char *text)
{
    if (t->is_over)
        return;
    t->is_over = true;
    t->over = (struct problem){.kind = kind};
    snprintf(t->over.text, sizeof t->over.text, "%s", text); /* escaped by who wrote it */
}

static struct task *
any_task(const struct transfer *t)
{
    struct task *task = TAILQ_FIRST(&t->active);
    for (int i = 0; !task && i < TASK_KINDS; i++)
        task = TAILQ_FIRST(&t->waiting[i]);
    return task ? task : TAILQ_FIRST(&t->done);
}

/* No reply will come: whatever a task waited for is forgotten. */
static void
end_tasks(struct transfer *t, const struct problem *why)
{
    struct task *task;
    while ((task = any_task(t))) {
        task_stop(task, why);
        if (task->state != TASK_DONE)
            task_done(task); /* stopped before, it waited for its last replies */
        while (!TAILQ_EMPTY(&t->done))
            task_free(TAILQ_FIRST(&t->done)); /* which may queue others */
    }
}

static void
end_all(struct transfer *t, const struct problem *why)
{
    t->is_over = true;
    end_tasks(t, why);
    while (!TAILQ_EMPTY(&t->jobs)) {
        struct job *job = TAILQ_FIRST(&t->jobs);
        job_problem(job, why);
        job_finish(job);
    }
}

void
transfer_end(struct transfer *t, const char *reason)
{
    struct sftp_event ev;
    sftp_client_end(t->client);
    if (reason)
        session_over(t, TRANSFER_LOST, reason);
    while (sftp_client_next(t->client, &ev))
        on_event(t, &ev);
    enum err e = transfer_run(t, t->now_ms);
    (void)e; /* the session's end is what was asked for */
}

/* ---- running ---- */

static void
stop_job(struct job *job)
{
    struct transfer *t = job->t;
    struct problem why =
        problem_text(TRANSFER_CANCELLED, buf_bytes(&job->path), "cancelled");
    job_problem(job, &why);
    struct task *task, *next;
    for (int i = 0; i < TASK_KINDS; i++) {
        for (task = TAILQ_FIRST(&t->waiting[i]); task; task = next) {
            next = TAILQ_NEXT(task, link);
            if (task->job == job)
                task_stop(task, &why);
        }
    }
    for (task = TAILQ_FIRST(&t->active); task; task = next) {
        next = TAILQ_NEXT(task, link);
        if (task->job == job)
            task_stop(task, &why);
    }
}

void
transfer_cancel(struct transfer *t, uint32_t id)
{
    struct job *job;
    TAILQ_FOREACH(job, &t->jobs, link)
    if (job->id == id)
        job->is_cancelled = true;
}

void
transfer_cancel_all(struct transfer *t)
{
    struct job *job;
    TAILQ_FOREACH(job, &t->jobs, link)
    job->is_cancelled = true;
}

/* Start what is new, stop what is cancelled, finish what has no task left. */
static void
run_jobs(struct transfer *t)
{
    struct job *job, *next;
    for (job = TAILQ_FIRST(&t->jobs); job; job = next) {
        if (job->is_cancelled)
            stop_job(job);
        else if (!job->is_started && t->n_waiting[TASK_COMMAND] < COMMANDS_MAX) {
            job->is_started = true;
            job_start(job);
        }
        next = TAILQ_NEXT(job, link);
        if (job->n_tasks == 0 && (job->is_started || job->is_cancelled))
            job_finish(job);
    }
}

static void
start_tasks(struct transfer *t)
{
    for (int kind = 0; kind < TASK_KINDS; kind++) {
        while (t->n_active[kind] < t->max_active[kind] && !t->is_over) {
            struct task *task = TAILQ_FIRST(&t->waiting[kind]);
            if (!task)
                break;
            task_activate(task);
            task->ops->start(task);
        }
    }
}

/* The first that finds the window full keeps its place at the head. */
static void
run_ready(struct transfer *t)
{
    while (!t->is_over && stream_has_room(t->config.out)) {
        struct task *task = TAILQ_FIRST(&t->ready);
        if (!task || !call_has_room(t, 1))
            return;
        not_ready(task);
        if (task->ops->run(task) && task->state == TASK_ACTIVE && !task->is_ready) {
            task->is_ready = true;
            TAILQ_INSERT_HEAD(&t->ready, task, ready_link);
            return;
        }
    }
}

/* Walks go on once half of what they found has been taken. */
static void
run_paused(struct transfer *t)
{
    while (!t->is_over && t->n_waiting[TASK_FILE] < FILES_WAITING_MAX / 2) {
        struct task *task = TAILQ_FIRST(&t->paused);
        if (!task)
            return;
        not_ready(task);
        task->ops->run(task);
    }
}

/* Tasks that were done without a call in flight have nobody to free them. */
static void
free_done(struct transfer *t)
{
    struct task *task, *next;
    for (task = TAILQ_FIRST(&t->done); task; task = next) {
        next = TAILQ_NEXT(task, link);
        if (task->n_calls == 0)
            task_free(task);
    }
}

static void
check_silence(struct transfer *t)
{
    if (t->now_ms >= transfer_deadline(t))
        session_over(t, TRANSFER_LOST, "the server does not answer");
}

enum err
transfer_run(struct transfer *t, uint64_t now_ms)
{
    t->now_ms = now_ms;
    check_silence(t);
    if (!t->is_over && sftp_client_is_ready(t->client)) {
        run_jobs(t);
        start_tasks(t);
        run_paused(t);
        run_ready(t);
        free_done(t);
        start_tasks(t);
        run_jobs(t);
    }
    if (t->is_over && !t->is_over_told) {
        t->is_over_told = true;
        end_all(t, &t->over);
        struct transfer_event ev = {.type = TRANSFER_EV_FAILED,
                                    .problem = problem_view(&t->over)};
        tell(t, &ev);
    }
    return t->is_over ? ERR_CLOSED : ERR_NONE;
}
