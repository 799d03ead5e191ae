/*
 * Inside a transfer session: jobs are made of tasks, tasks make calls.
 *
 *     job    what the user asked for; owns nothing but its sums and options
 *     task   a state machine over one remote file or directory; knows a few steps
 *     call   one request in flight, with the task that it answers to
 *
 * The session (session.c) starts tasks as slots allow, hands each reply to its
 * task's ops and lets those that move file data run while the window has room. A
 * task is over when it said task_done and its last call is answered.
 *
 * Control requests may always be sent; the bulk calls leave room for them:
 * CALLS_MAX >= BULK_MAX + what the slots' tasks can have in flight.
 */
#ifndef FERRY_TRANSFER_TASK_H
#define FERRY_TRANSFER_TASK_H

#include <sys/queue.h>

#include "transfer/part.h"
#include "transfer/problem.h"
#include "transfer/session.h"
#include "transfer/window.h"

struct job;
struct task;

enum {
    CALLS_MAX = SFTP_CLIENT_REQUESTS_MAX,
    FILES_MAX = 128, /* tasks of a kind at once ... */
    DIRS_MAX = 32,
    COMMANDS_MAX = 32,
    FILE_CALLS = 5, /* ... and the control calls that each has in flight at most */
    DIR_CALLS = 3,
    COMMAND_CALLS = 4,
    BULK_MAX = CALLS_MAX - FILES_MAX * FILE_CALLS - DIRS_MAX * DIR_CALLS -
               COMMANDS_MAX * COMMAND_CALLS,
    FILES_DEFAULT = 64,
    /* A walk pauses while so many files wait for a slot. */
    FILES_WAITING_MAX = 2000,
    /* Directories that may wait to be walked; more are refused, so that a server that
     * lists them without end does not fill our memory (about 1 KiB each). */
    DIRS_WAITING_MAX = 1 << 18,
    /* A directory deeper below the job's path is refused (threats L1). */
    DEPTH_MAX = 64,
    PROGRESS_MS = 100,
};

/* One request in flight, from a pool of CALLS_MAX. */
struct call {
    struct sftp_req req; /* user: this */
    struct task *task;
    int step;         /* the task's: which of its requests this is */
    uint32_t charged; /* octets charged to the window; bulk calls only */
    uint64_t sent_ms;
    bool is_spare;
    TAILQ_ENTRY(call) link; /* the pool's, then the task's if it keeps a list */
};
TAILQ_HEAD(call_list, call);

/* What slots a task takes. */
enum task_kind { TASK_FILE, TASK_DIR, TASK_COMMAND, TASK_KINDS };

struct task_ops {
    enum task_kind kind;
    /* A slot is free: send the first requests. */
    void (*start)(struct task *task);
    /* Send bulk while the window has room, or go on after a pause; true: there is
     * more to send than had room. NULL: never. */
    bool (*run)(struct task *task);
    /* A reply. The call returns to the pool unless it is in flight again. */
    void (*reply)(struct task *task, struct call *call, const struct sftp_event *ev);
    /* A slice of a READ's data. NULL: the task reads nothing. */
    void (*data)(struct task *task, struct call *call, const struct sftp_event *ev);
    /* Fail for this reason: cancelled, or the session is over (then nothing can
     * be sent). Called at most once, and not after task_done. */
    void (*stop)(struct task *task, const struct problem *why);
    /* Free what the task owns, and itself. */
    void (*free)(struct task *task);
};

enum task_state { TASK_WAITING, TASK_ACTIVE, TASK_DONE };

/* The head of every task's struct. */
struct task {
    const struct task_ops *ops;
    struct transfer *t;
    struct job *job;
    enum task_state state;
    unsigned n_calls; /* in flight */
    bool is_ready;    /* on the session's list of those that run ... */
    bool is_paused;   /* ... or of those that pause */
    bool is_stopped;
    TAILQ_ENTRY(task) link;
    TAILQ_ENTRY(task) ready_link;
};
TAILQ_HEAD(task_list, task);

struct job {
    struct transfer *t;
    uint32_t id;
    enum transfer_verb verb;
    unsigned flags;
    struct buf path, path2; /* remote; "~" expanded */
    char *local;            /* NULL: none */
    struct sftp_attrs attrs;
    struct problem problem; /* the first */
    struct transfer_totals totals;
    unsigned n_tasks; /* that are not freed yet */
    bool is_started, is_cancelled;
    TAILQ_ENTRY(job) link;
};
TAILQ_HEAD(job_list, job);

struct transfer {
    struct transfer_config config;
    struct sftp_client *client;
    struct window window;
    uint64_t now_ms, heard_ms;
    bool is_over, is_over_told;
    struct problem over; /* why */

    struct job_list jobs;
    uint32_t last_job;
    struct transfer_totals totals;

    struct task_list waiting[TASK_KINDS]; /* for a slot */
    unsigned n_waiting[TASK_KINDS];
    struct task_list active;
    struct task_list done;   /* to be freed once their calls are answered */
    struct task_list ready;  /* want to run; the one for whom the window is full first */
    struct task_list paused; /* walks that wait for files to be taken */
    unsigned n_active[TASK_KINDS], max_active[TASK_KINDS];

    struct call *calls; /* CALLS_MAX */
    struct call_list spare;
    unsigned n_bulk, max_bulk;        /* bulk calls in flight */
    uint32_t chunk_read, chunk_write; /* octets of one READ, WRITE */
};

/* ---- tasks ---- */

/*
 * A task of `size` octets (a struct that begins with struct task), zeroed, of
 * that job. Not yet known to the session: task_queue does that. NULL: no memory,
 * and the job has the problem.
 */
void *task_new(struct job *job, const struct task_ops *ops, size_t size);

/* Let the session start it when a slot is free; files and commands in turn,
 * directories the newest first, which keeps a walk narrow. */
void task_queue(struct task *task);

/* The task wants `run` to be called while the window has room. */
void task_wants_run(struct task *task);

/* A walk: call `run` once fewer files wait for a slot. */
void task_pause(struct task *task);
bool task_should_pause(const struct task *task);

/* Nothing more to do; it is freed once its calls are answered. */
void task_done(struct task *task);

/* ---- calls ---- */

/* A call for a request about to be sent; never NULL (see above). */
struct call *call_new(struct task *task, int step);

/* What a sftp_client_* function returned for it: in flight, or the session fails. */
void call_sent(struct call *call, enum err e);

/* May one more READ or WRITE of len octets be sent? */
bool call_has_room(const struct transfer *t, uint32_t len);

/* The same as call_sent, for READ and WRITE: charges the window. */
void call_sent_bulk(struct call *call, enum err e, uint32_t len);

/* Give back a call that was not sent. */
void call_drop(struct call *call);

static inline bool
reply_is_ok(const struct sftp_event *ev)
{
    return ev->reply == SSH_FXP_STATUS && ev->status == SSH_FX_OK;
}

/* ---- jobs ---- */

/* Its first task: what the verb does, once path and path2 are expanded. */
void job_start(struct job *job);

/* An event of the job; fields beyond type and job are the caller's to fill. */
struct transfer_event job_event(const struct job *job, enum transfer_event_type type);
void job_tell(struct job *job, const struct transfer_event *ev);

/* Keep the job's first problem. */
void job_problem(struct job *job, const struct problem *p);

/* Something was not done as asked, but the file is there: EV_WARNING. */
void job_warn(struct job *job, struct bytes path, const struct problem *p);

/* A directory or the job itself failed: EV_FILE_FAILED, and the job's problem. */
void job_fail(struct job *job, struct bytes path, const struct problem *p);

/* Add to the sums of the job and of the session. */
void job_count(struct job *job, const struct transfer_totals *more);

#endif
