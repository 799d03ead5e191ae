/*
 * One run of an event's program: argv without a shell, the event on its
 * standard input, as the events' user, with a clean environment, at the head of
 * a process group of its own, for a limited time.
 */
#ifndef FERRY_DAEMON_EVENTS_PROGRAM_H
#define FERRY_DAEMON_EVENTS_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

enum {
    EVENT_GROUPS_MAX = 64,
    EVENT_OUTPUT_MAX = 200,      /* octets of what it prints that are kept */
    EVENT_TERM_MS = 5 * 1000,    /* from SIGTERM to SIGKILL */
    EVENT_KILL_MS = 3600 * 1000, /* and from there to the next: it cannot be helped */
};

/* Whom to become; looked up once, by the recorder's start. */
struct event_user {
    bool is_changed; /* else the recorder's own */
    uid_t uid;
    gid_t gid;
    gid_t groups[EVENT_GROUPS_MAX];
    int n_groups;
};

/* name: EventUser, or NULL. ERR_PROTO: root without one, one without being root, or
 * unknown. */
enum err
event_user_find(const char *name, struct event_user *user, struct fault *why) MUST_USE;

/* Is it absolute, there, and nobody else's to change (threats F5)? ERR_AUTH, ERR_IO. */
enum err event_program_check(const char *path, struct fault *why) MUST_USE;

struct event_run {
    pid_t pid;            /* 0: none */
    int output;           /* what it prints, to read; -1: closed */
    uint64_t deadline_ms; /* for the next signal */
    int n_signals;        /* sent so far */
    char printed[EVENT_OUTPUT_MAX];
    size_t n_printed;
};

/*
 * Start it. argv: NULL-terminated; word: FERRY_EVENT's value; input: for its standard
 * input, stays the caller's.
 * ERR_IO: it could not be started; a program that cannot be executed is one that ends
 * with status 127.
 */
enum err
event_run_start(struct event_run *run, char *const argv[], const char *word, int input,
                const struct event_user *user, uint64_t deadline_ms) MUST_USE;

/* Keep the beginning of what it prints, drop the rest. */
void event_run_read(struct event_run *run);

/* At its deadline: ask its group to end, then insist. */
void event_run_expire(struct event_run *run, uint64_t now_ms);

/* Has it ended? *status as waitpid's. The run is over then. */
bool event_run_reap(struct event_run *run, int *status);

#endif
