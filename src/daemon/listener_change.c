/*
 * A listener's changes while it runs: another configuration, another program in its
 * place. See listener_impl.h.
 */
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "daemon/link.h"
#include "daemon/listener_impl.h"
#include "net/clock.h"

enum {
    RELOAD_ROOM_MS = 5 * 1000, /* for the spawner to take what it was told before */
    RESTART_MS = 30 * 1000,
};

/* It did not come up in time, or is not wanted any more. */
void
listener_end_restart(struct run *r)
{
    close_fd(&r->restart_fd);
    if (r->restart_pid > 0)
        kill(r->restart_pid, SIGKILL);
}

/* A generation nobody needs any more is let go. */
void
listener_drop_generations(struct listener *l)
{
    for (size_t i = 1; i < LISTENER_GENERATIONS_MAX; i++) {
        struct generation *g = l->generations[i];
        if (!g || g->n_places != 0)
            continue;
        generation_close(g);
        if (g->monitor != 0)
            continue; /* until its monitor has ended */
        free(g);
        l->generations[i] = NULL;
    }
}

static struct generation **
free_generation(struct listener *l)
{
    for (size_t i = 1; i < LISTENER_GENERATIONS_MAX; i++)
        if (!l->generations[i])
            return &l->generations[i];
    return NULL;
}

static enum err
take_generation(struct run *r, struct generation *fresh, struct generation **old,
                struct fault *why)
{
    struct listener *l = r->l;
    struct spawn_request q = {.op = SPAWN_PUBLIC};
    fresh->number = listener_present(r)->number + 1;
    /* Nothing may fail once the hook has swapped what it has. */
    if (!listener_has_room(l->spawner, RELOAD_ROOM_MS))
        return fault_set(why, ERR_LIMIT, 0, "the spawner does not listen");
    enum err err = l->hooks->reload(l->hooks_ctx, l, fresh, why);
    if (err != ERR_NONE)
        return err;
    const int fds[] = {fresh->public_fd, fresh->log, fresh->log_pre_auth};
    err = link_send_fds(l->spawner, &q, sizeof q, fds, fresh->log >= 0 ? 3 : 1);
    if (err != ERR_NONE)
        return fault_set(why, err, 0, "the spawner does not listen");
    *old = listener_present(r);
    (*old)->is_retired = true;
    l->generations[0] = fresh;
    l->reloaded_s = time(NULL);
    return ERR_NONE;
}

enum err
listener_reload(struct run *r, struct fault *why)
{
    struct listener *l = r->l;
    struct generation **old = free_generation(l);
    enum err err = ERR_NONE;
    if (r->stop_ms != UINT64_MAX)
        return fault_set(why, ERR_LIMIT, 0, "it is stopping");
    struct generation *fresh = calloc(1, sizeof *fresh);
    notify_reloading(&l->notify);
    if (fresh)
        fresh->link = fresh->public_fd = -1;
    if (!fresh)
        err = fault_set(why, ERR_NOMEM, 0, "out of memory");
    else if (!old)
        err =
            fault_set(why, ERR_LIMIT, 0, "%d older configurations still have connections",
                      LISTENER_GENERATIONS_MAX - 1);
    else
        err = take_generation(r, fresh, old, why);
    if (err != ERR_NONE) {
        log_line(&l->log->sink, LOG_LEVEL_ERROR, "not reloaded, nothing has changed: %s",
                 why->text);
        if (fresh)
            generation_close(fresh); /* a monitor that was started ends by that */
        free(fresh);
    } else {
        log_line(&l->log->sink, LOG_LEVEL_INFO, "reloaded: configuration %u is in force",
                 fresh->number);
        listener_drop_generations(l);
    }
    notify_ready(&l->notify, err == ERR_NONE ? "serving" : "serving; reload failed");
    return err;
}

void
listener_start_restart(struct run *r)
{
    struct fault why = {0};
    struct listener *l = r->l;
    if (!l->hooks->restart || r->restart_fd >= 0 || r->stop_ms != UINT64_MAX)
        return;
    if (l->hooks->restart(l->hooks_ctx, l, &r->restart_pid, &r->restart_fd, &why) !=
        ERR_NONE) {
        log_line(&l->log->sink, LOG_LEVEL_ERROR, "not restarted: %s", why.text);
        r->restart_fd = -1;
        return;
    }
    r->restart_ms = clock_now_ms() + RESTART_MS;
}

/* The new program serves, or it never will. */
void
listener_finish_restart(struct run *r)
{
    uint8_t octet;
    bool is_up = read(r->restart_fd, &octet, 1) == 1;
    if (!is_up) {
        listener_end_restart(r);
        log_line(&r->l->log->sink, LOG_LEVEL_ERROR,
                 "the new program did not start: we go on");
        return;
    }
    close_fd(&r->restart_fd);
    notify_main_pid(&r->l->notify, r->restart_pid);
    log_line(&r->l->log->sink, LOG_LEVEL_INFO,
             "process %ld serves from now on; %u connections finish here",
             (long)r->restart_pid, r->l->admission->n_used);
    r->is_retiring = r->l->has_successor = true;
    r->stop_ms = UINT64_MAX - 1; /* no end but the last connection's */
}
