/*
 * What the steward can be asked, one row an op: how it is begun in the steward
 * itself, with the database at hand, what a worker does about it without, and
 * what the steward does with the worker's answer.
 */
#ifndef FERRY_STEWARD_QUESTIONS_H
#define FERRY_STEWARD_QUESTIONS_H

#include "account/store.h"
#include "steward/workers.h"

struct steward {
    struct store *store; /* NULL: no virtual accounts */
    const char *pam_service;
    const struct log_sink *log;
    struct workers workers;
};

enum question_progress {
    QUESTION_ANSWERED, /* *reply is filled */
    QUESTION_WORK,     /* a worker has to do it: job is filled */
    QUESTION_TAKEN,    /* somebody else answers it: the PAM dialogue it is for */
};

/* Are its size, lengths and terminators right? The first thing asked of a message. */
bool question_is_sound(const void *message, size_t n);

enum question_progress
question_begin(struct steward *s, struct job *job, struct job_reply *reply);

/* The worker's part. */
void question_work(const struct job *job, int fd, const struct log_sink *log,
                   struct job_reply *reply);

/* The steward's part with a worker's answer, before it goes out. */
void question_finish(struct steward *s, const struct job *job, struct job_reply *reply);

#endif
