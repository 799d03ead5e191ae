/* See job.h. */
#include "steward/job.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "key/authorized_keys.h"

void
reply_say(struct job_reply *reply, enum steward_verdict verdict, const char *fmt, ...)
{
    va_list args;
    char *text = reply->answer.text;
    va_start(args, fmt);
    vsnprintf(text, STEWARD_TEXT_MAX, fmt, args);
    va_end(args);
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
    reply->head.verdict = verdict;
}

struct job *
job_new(const void *question, size_t n)
{
    struct job *job = calloc(1, sizeof *job);
    void *copy = malloc(n);
    if (!job || !copy) {
        free(job);
        free(copy);
        return NULL;
    }
    memcpy(copy, question, n);
    memcpy(&job->head, question, sizeof job->head);
    job->question = copy;
    buf_init(&job->keys, AUTHORIZED_KEYS_MAX);
    return job;
}

void
job_free(struct job *job)
{
    if (!job)
        return;
    mem_wipe((void *)job->question, steward_question_size(job->question->head.op));
    free((void *)job->question);
    buf_clear(&job->keys);
    mem_wipe(job, sizeof *job);
    free(job);
}
