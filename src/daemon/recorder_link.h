/*
 * The listener's end of the recorder (daemon/recorder.h): started for a
 * configuration, started again with the same ends when it has died, retired when
 * another configuration has one of its own.
 */
#ifndef FERRY_DAEMON_RECORDER_LINK_H
#define FERRY_DAEMON_RECORDER_LINK_H

#include <sys/types.h>

#include "daemon/recorder.h"

struct recorder_link {
    pid_t pid;                           /* 0: none */
    int control;                         /* ours */
    int logs[RECORDER_LOGS];             /* its ends */
    int writers[RECORDER_LOGS];          /* the other ends: of all who log */
    int monitors[RECORDER_MONITORS_MAX]; /* its ends of the monitors' pairs */
    uint64_t since_ms;
    unsigned n_restarts;
};

/* None yet; all descriptors -1. */
void recorder_link_init(struct recorder_link *r);

/* Does this configuration need one? */
bool recorder_is_wanted(const struct server_options *o);
/* Do logs go there, or to standard error? */
bool recorder_has_logs(const struct server_options *o);

/* Start one. state_dir: absolute. ERR_IO. */
enum err recorder_link_start(struct recorder_link *r, const struct server_options *o,
                             const char *state_dir, enum log_level level,
                             struct fault *why) MUST_USE;

/* It has died: start another with the same ends. ERR_LIMIT: too often lately. */
enum err recorder_link_restart(struct recorder_link *r, const struct server_options *o,
                               const char *state_dir, enum log_level level,
                               struct fault *why) MUST_USE;

/* A pair for a monitor. *end: the monitor's, the caller's; -1 when there is no
 * recorder. */
enum err recorder_link_join(struct recorder_link *r, uint32_t generation, int *end,
                            struct fault *why) MUST_USE;

/* Let it finish what it has and end. */
void recorder_link_retire(struct recorder_link *r);

#endif
