/*
 * What went wrong with one file or one job, kept with its words: the shape of
 * struct transfer_problem, owning the text.
 */
#ifndef FERRY_TRANSFER_PROBLEM_H
#define FERRY_TRANSFER_PROBLEM_H

#include "transfer/session.h"

struct problem {
    enum transfer_failure kind; /* TRANSFER_OK: none */
    uint32_t status;
    int sys_errno;
    char text[400];
};

/* In all of these `doing` is a verb with its article-free rest: "open", "set the
 * times of"; the path follows it, escaped. */

/* The server refused: ev is a STATUS. */
struct problem
problem_status(const struct sftp_event *ev, const char *doing, struct bytes path);

/* The local system refused. */
struct problem problem_local(int sys_errno, const char *doing, struct bytes path);

/* Anything else, said in a sentence: "<path>: <text>". */
struct problem
problem_text(enum transfer_failure kind, struct bytes path, const char *text);

/* View it for an event; valid as long as p is. */
struct transfer_problem problem_view(const struct problem *p);

#endif
