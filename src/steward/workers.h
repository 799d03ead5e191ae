/*
 * Processes that answer one question each and end: for what is slow, or runs code
 * and reads files that somebody else may have prepared. So many of a class at a
 * time, so long, and no longer (threats A6, A8, A11, 13). What is waiting is
 * bounded by the client (daemon/steward.h) and by WORKERS_QUEUE_MAX.
 *
 * A worker is killed by its own pid, and only while it has not been reaped.
 */
#ifndef FERRY_STEWARD_WORKERS_H
#define FERRY_STEWARD_WORKERS_H

#include <poll.h>
#include <sys/types.h>

#include "steward/job.h"

enum {
    WORKERS_MAX = 128,       /* of all classes */
    WORKERS_QUEUE_MAX = 768, /* jobs that wait for one */
    WORKERS_LINES_MAX = 32,  /* for the log, of one worker (threats G1) */
};

/* In the worker: answer, over line what is to be logged. PAM's goes on asking
 * through fd, which is connected to the steward. */
typedef void worker_main(const struct job *job, int fd, const struct log_sink *log,
                         struct job_reply *reply);

struct worker {
    pid_t pid; /* 0: free */
    int fd;    /* -1: it has answered and is about to end */
    struct job *job;
    uint64_t deadline_ms;
    uint64_t dialogue; /* of a PAM job that waits for an answer; 0: none */
    unsigned n_lines;
};

struct workers {
    struct worker worker[WORKERS_MAX];
    unsigned limit[JOB_CLASSES], running[JOB_CLASSES];
    unsigned n_waiting;
    struct job *first[JOB_CLASSES], **end[JOB_CLASSES];
    uint64_t last_dialogue;
    worker_main *main;
    /* In the steward: an answer is there. The job is freed behind it, unless the
     * answer is PROMPT. A line for the log. */
    void (*answered)(void *ctx, struct job *job, struct job_reply *reply);
    void (*line)(void *ctx, const struct steward_answer *line);
    void *ctx;
};

void workers_init(struct workers *w);

/* Start it, or let it wait. job: taken in any case. */
void workers_add(struct workers *w, struct job *job);

/* The answer to a PAM dialogue's prompt; false: there is no such dialogue. */
bool workers_answer_dialogue(struct workers *w, const struct steward_pam_answer *answer);
/* End a dialogue, if it is there, without a word. */
void workers_end_dialogue(struct workers *w, uint64_t mark, uint64_t dialogue);

/* What to poll for: up to WORKERS_MAX, in the workers' order, fd -1 where none. */
void workers_poll(const struct workers *w, struct pollfd fds[WORKERS_MAX]);
/* Milliseconds until something has to be done; -1: nothing. */
int workers_timeout(const struct workers *w);
/* After the poll: answers, ends, deadlines, and who may start now. */
void workers_turn(struct workers *w, const struct pollfd fds[WORKERS_MAX]);

/* Kill and reap all. */
void workers_end(struct workers *w);

#endif
