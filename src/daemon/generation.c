/* See generation.h. */
#include "daemon/generation.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/link.h"

enum { START_MS = 30 * 1000 };

static enum err
fork_monitor(struct generation *g, struct monitor_process *process, struct fault *why)
{
    int pair[2];
    if (link_pair(pair) != ERR_NONE)
        return fault_errno(why, ERR_IO, errno, "socketpair");
    g->monitor = fork();
    if (g->monitor == 0) {
        prctl(PR_SET_NAME, "ferryd-monitor", 0, 0, 0);
        close(pair[0]);
        process->link = pair[1];
        _exit(monitor_process_run(process));
    }
    int sys_errno = errno;
    close(pair[1]);
    g->link = pair[0];
    if (g->monitor > 0)
        return ERR_NONE;
    close(pair[0]);
    g->link = -1;
    return fault_errno(why, ERR_IO, sys_errno, "cannot fork");
}

/* ERR_AUTH: the monitor has said why it can't. */
static enum err
await_monitor(struct generation *g, struct monitor_keys *keys, struct fault *why)
{
    struct monitor_notice notice = {0};
    enum err err = link_await(g->link, &notice, sizeof notice, START_MS);
    if (err == ERR_NONE && notice.type == MONITOR_READY)
        err = link_await(g->link, keys, sizeof *keys, START_MS);
    if (err == ERR_NONE && notice.type == MONITOR_READY && keys->n <= PUBLIC_KEYS_MAX)
        return ERR_NONE;
    generation_close(g);
    kill(g->monitor, SIGKILL); /* it may hang, and nobody must wait for it */
    waitpid(g->monitor, NULL, 0);
    g->monitor = 0;
    if (notice.type == MONITOR_FAILED)
        return fault_set(why, ERR_AUTH, 0, "the new configuration cannot be used");
    return fault_set(why, ERR_BUG, 0, "the monitor process did not start");
}

enum err
generation_start(struct generation *g, struct monitor_process *process,
                 struct daemon_public *public, struct fault *why)
{
    struct monitor_keys *keys = calloc(1, sizeof *keys);
    if (!keys)
        return fault_set(why, ERR_NOMEM, 0, "out of memory");
    g->link = g->public_fd = -1;
    enum err err = fork_monitor(g, process, why);
    if (err == ERR_NONE)
        err = await_monitor(g, keys, why);
    if (err == ERR_NONE) {
        public->size = sizeof *public;
        public->n_keys = keys->n;
        memcpy(public->key, keys->key, sizeof keys->key);
        memcpy(g->trusted_proxies, public->trusted_proxies, sizeof g->trusted_proxies);
        err = public_seal(public, &g->public_fd);
        if (err != ERR_NONE)
            fault_errno(why, err, errno, "memfd");
    }
    free(keys);
    return err;
}

void
generation_close(struct generation *g)
{
    if (g->link >= 0)
        close(g->link);
    if (g->public_fd >= 0)
        close(g->public_fd);
    g->link = g->public_fd = -1;
}
