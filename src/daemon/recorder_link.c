/* See recorder_link.h. */
#include "daemon/recorder_link.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "daemon/link.h"
#include "net/clock.h"

enum {
    RESTARTS_MAX = 5, /* within PERIOD_MS: then we give up */
    PERIOD_MS = 60 * 1000,
};

void
recorder_link_init(struct recorder_link *r)
{
    memset(r, 0, sizeof *r);
    r->control = -1;
    for (int i = 0; i < RECORDER_LOGS; i++)
        r->logs[i] = r->writers[i] = -1;
    for (int i = 0; i < RECORDER_MONITORS_MAX; i++)
        r->monitors[i] = -1;
}

bool
recorder_has_logs(const struct server_options *o)
{
    return o->log_target && strcmp(o->log_target, "stderr") != 0;
}

bool
recorder_is_wanted(const struct server_options *o)
{
    bool has_events = false;
    for (int i = 0; i < SERVER_EVENTS; i++)
        has_events |= o->events[i].n != 0;
    return has_events || o->audit_log || recorder_has_logs(o);
}

static _Noreturn void
become_recorder(const struct recorder_link *r, const struct server_options *o,
                const char *state_dir, enum log_level level, int control)
{
    struct recorder_config config = {
        .options = o,
        .state_dir = state_dir,
        .level = level,
        .control = control,
    };
    for (int i = 0; i < RECORDER_LOGS; i++)
        config.logs[i] = r->logs[i];
    for (int i = 0; i < RECORDER_MONITORS_MAX; i++)
        if (r->monitors[i] >= 0)
            config.monitors[config.n_monitors++] = r->monitors[i];
    prctl(PR_SET_NAME, "ferryd-recorder", 0, 0, 0);
    _exit(recorder_run(&config));
}

static enum err
fork_recorder(struct recorder_link *r, const struct server_options *o,
              const char *state_dir, enum log_level level, struct fault *why)
{
    int pair[2];
    if (link_pair(pair) != ERR_NONE)
        return fault_errno(why, ERR_IO, errno, "socketpair");
    pid_t pid = fork();
    if (pid == 0)
        become_recorder(r, o, state_dir, level, pair[1]);
    int sys_errno = errno;
    close(pair[1]);
    if (pid < 0) {
        close(pair[0]);
        return fault_errno(why, ERR_IO, sys_errno, "cannot start the recorder");
    }
    if (r->control >= 0)
        close(r->control);
    r->control = pair[0];
    r->pid = pid;
    return ERR_NONE;
}

enum err
recorder_link_start(struct recorder_link *r, const struct server_options *o,
                    const char *state_dir, enum log_level level, struct fault *why)
{
    for (int i = 0; i < RECORDER_LOGS; i++) {
        int pair[2];
        if (link_pair(pair) != ERR_NONE)
            return fault_errno(why, ERR_IO, errno, "socketpair");
        r->logs[i] = pair[0];
        r->writers[i] = pair[1];
    }
    return fork_recorder(r, o, state_dir, level, why);
}

enum err
recorder_link_restart(struct recorder_link *r, const struct server_options *o,
                      const char *state_dir, enum log_level level, struct fault *why)
{
    uint64_t now = clock_now_ms();
    if (now - r->since_ms > PERIOD_MS) {
        r->since_ms = now;
        r->n_restarts = 0;
    }
    if (++r->n_restarts > RESTARTS_MAX)
        return fault_set(why, ERR_LIMIT, 0, "the recorder dies again and again");
    return fork_recorder(r, o, state_dir, level, why);
}

static int *
free_end(struct recorder_link *r)
{
    for (int i = 0; i < RECORDER_MONITORS_MAX; i++)
        if (r->monitors[i] < 0)
            return &r->monitors[i];
    return NULL;
}

enum err
recorder_link_join(struct recorder_link *r, uint32_t generation, int *end,
                   struct fault *why)
{
    const struct recorder_monitor word = {.generation = generation};
    int pair[2], *mine = free_end(r);
    *end = -1;
    if (r->pid == 0)
        return ERR_NONE;
    if (!mine)
        return fault_set(why, ERR_LIMIT, 0, "the recorder has too many monitors");
    if (link_pair(pair) != ERR_NONE)
        return fault_errno(why, ERR_IO, errno, "socketpair");
    enum err err = link_send_fds(r->control, &word, sizeof word, &pair[0], 1);
    if (err != ERR_NONE) {
        close(pair[0]);
        close(pair[1]);
        return fault_set(why, err, 0, "the recorder does not listen");
    }
    *mine = pair[0];
    *end = pair[1];
    return ERR_NONE;
}

static void
close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void
recorder_link_retire(struct recorder_link *r)
{
    close_fd(&r->control);
    for (int i = 0; i < RECORDER_LOGS; i++) {
        close_fd(&r->logs[i]);
        close_fd(&r->writers[i]);
    }
    for (int i = 0; i < RECORDER_MONITORS_MAX; i++)
        close_fd(&r->monitors[i]);
    r->pid = 0;
}
