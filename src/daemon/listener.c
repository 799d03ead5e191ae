/*
 * See listener.h: the loop, and the end. listener_places.c has the connections,
 * listener_change.c reloading and restarting, listener_control.c what the control
 * socket asks.
 */
#include "daemon/listener.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/link.h"
#include "daemon/listener_impl.h"
#include "net/clock.h"

enum {
    EXIT_MS = 2 * 1000, /* from SIGKILL to the last process's end */
    RATES_MS = 250,
};

static void
signals_of(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGCHLD);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    sigaddset(set, SIGUSR1);
    sigaddset(set, SIGUSR2);
}

void
listener_block_signals(void)
{
    sigset_t set;
    signals_of(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

/* ---- stopping ---- */

static void
signal_all(struct run *r, int signal_number)
{
    uint32_t cursor = 0;
    const struct admission_place *p;
    while ((p = admission_next(r->l->admission, &cursor)))
        listener_signal(r, p, signal_number);
}

static void
start_stopping(struct run *r)
{
    uint64_t now = clock_now_ms();
    bool is_again = r->stop_ms != UINT64_MAX && !r->is_retiring;
    if (!is_again)
        log_line(&r->l->log->sink, LOG_LEVEL_INFO, "stopping; %u connections are open",
                 r->l->admission->n_used);
    if (!r->l->has_successor)
        notify_stopping(&r->l->notify, "stopping");
    if (r->restart_fd >= 0)
        listener_end_restart(r);
    r->is_retiring = false;
    r->stop_ms = is_again ? now : now + r->l->drain_ms;
    signal_all(r, SIGTERM);
}

static void
on_child_end(struct run *r, pid_t pid, int status)
{
    struct listener *l = r->l;
    bool is_vital = pid == l->spawner_pid;
    for (size_t i = 0; i < LISTENER_GENERATIONS_MAX; i++) {
        struct generation *g = l->generations[i];
        if (!g || g->monitor != pid)
            continue;
        g->monitor = 0;
        is_vital |= i == 0;
    }
    if (pid == l->spawner_pid)
        l->spawner_pid = 0;
    if (pid == r->restart_pid)
        r->restart_pid = 0;
    if (!is_vital && l->hooks->ended)
        is_vital = l->hooks->ended(l->hooks_ctx, pid, status);
    if (!is_vital || r->is_vital_gone || (r->stop_ms != UINT64_MAX && !r->is_retiring))
        return;
    r->is_vital_gone = true;
    log_line(&l->log->sink, LOG_LEVEL_ERROR, "process %ld, which all need, has ended",
             (long)pid);
    start_stopping(r);
}

static void
reap(struct run *r)
{
    pid_t pid;
    int status;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        on_child_end(r, pid, status);
    listener_drop_generations(r->l);
}

static void
on_signal(struct run *r)
{
    struct signalfd_siginfo info;
    struct fault why = {0};
    while (read(r->signals, &info, sizeof info) == sizeof info)
        switch (info.ssi_signo) {
        case SIGCHLD:
            reap(r);
            break;
        case SIGHUP:
            if (r->l->hooks->reload)
                (void)!listener_reload(r, &why); /* said already */
            else
                start_stopping(r);
            break;
        case SIGUSR1:
            if (r->l->hooks->reopen)
                r->l->hooks->reopen(r->l->hooks_ctx);
            break;
        case SIGUSR2:
            listener_start_restart(r);
            break;
        default:
            start_stopping(r);
        }
}

/* ---- the loop ---- */

static uint64_t
next_rates(const struct run *r, uint64_t now)
{
    const struct admission *a = r->l->admission;
    return a->n_used > a->n_unauthenticated ? now + RATES_MS : UINT64_MAX;
}

static uint64_t
next_deadline(const struct run *r, uint64_t now)
{
    uint64_t deadline = r->stop_ms;
    if (r->accept_ms > now && r->accept_ms < deadline)
        deadline = r->accept_ms;
    if (r->restart_fd >= 0 && r->restart_ms < deadline)
        deadline = r->restart_ms;
    if (r->l->control && control_deadline(r->l->control) < deadline)
        deadline = control_deadline(r->l->control);
    if (r->l->admission->n_unauthenticated != 0 && r->overdue_ms < deadline)
        deadline = r->overdue_ms;
    uint64_t rates = next_rates(r, now);
    return rates < deadline ? rates : deadline;
}

/* The poll set: what it is made of, and where each part begins. */
struct poll_set {
    struct pollfd
        fds[4 + LISTENER_GENERATIONS_MAX + LISTENER_SOCKETS_MAX + CONTROL_FDS_MAX];
    nfds_t generations, listen, control, n;
};

enum { AT_SIGNALS, AT_SPAWNER, AT_RESTART, AT_GENERATIONS };

static void
fill_poll(const struct run *r, struct poll_set *s, uint64_t now)
{
    const struct listener *l = r->l;
    bool is_accepting = r->stop_ms == UINT64_MAX && now >= r->accept_ms;
    s->fds[AT_SIGNALS] = (struct pollfd){.fd = r->signals, .events = POLLIN};
    s->fds[AT_SPAWNER] = (struct pollfd){
        .fd = l->spawner_pid ? l->spawner : -1,
        .events = (short)(r->has_signals ? POLLIN | POLLOUT : POLLIN),
    };
    s->fds[AT_RESTART] = (struct pollfd){.fd = r->restart_fd, .events = POLLIN};
    s->generations = s->n = AT_GENERATIONS;
    for (size_t i = 0; i < LISTENER_GENERATIONS_MAX; i++)
        s->fds[s->n++] = (struct pollfd){
            .fd = l->generations[i] ? l->generations[i]->link : -1, .events = POLLIN};
    s->listen = s->n;
    for (uint32_t i = 0; i < l->n_listen; i++)
        s->fds[s->n++] =
            (struct pollfd){.fd = is_accepting ? l->listen[i] : -1, .events = POLLIN};
    s->control = s->n;
    if (l->control)
        s->n += control_poll(l->control, s->fds + s->n);
}

static void
serve_polled(struct run *r, struct poll_set *s)
{
    struct listener *l = r->l;
    /* First what frees places, then what takes them. What a monitor says of a
     * connection comes before the word that its process has ended. */
    for (size_t i = 0; i < LISTENER_GENERATIONS_MAX; i++)
        if (s->fds[s->generations + i].revents && l->generations[i] &&
            l->generations[i]->link >= 0)
            listener_take_notices(r, l->generations[i]);
    if (s->fds[AT_SPAWNER].revents)
        listener_take_spawner_notices(r);
    if (s->fds[AT_SIGNALS].revents)
        on_signal(r);
    if (s->fds[AT_RESTART].revents && r->restart_fd >= 0)
        listener_finish_restart(r);
    if (l->control)
        control_serve(l->control, s->fds + s->control, s->n - s->control, clock_now_ms());
    for (uint32_t i = 0; i < l->n_listen && r->stop_ms == UINT64_MAX; i++)
        if (s->fds[s->listen + i].revents)
            listener_accept(r, l->listen[i]);
}

/* True: go on. */
static bool
turn(struct run *r)
{
    struct poll_set set = {0};
    uint64_t now = clock_now_ms();
    if (r->stop_ms != UINT64_MAX &&
        (r->l->admission->n_used == 0 || now >= r->stop_ms || r->l->spawner_pid == 0))
        return false;
    if (r->restart_fd >= 0 && now >= r->restart_ms)
        listener_finish_restart(r);
    listener_end_overdue(r, now);
    listener_send_signals(r);
    fill_poll(r, &set, now);
    if (poll(set.fds, set.n, clock_poll_timeout(next_deadline(r, now), now)) < 0)
        return errno == EINTR;
    serve_polled(r, &set);
    rates_turn(r->l->rates, r->l->admission, r->l->pages, clock_now_ms());
    return true;
}

static void
close_listening(struct run *r)
{
    for (uint32_t i = 0; i < r->l->n_listen; i++)
        close_fd(&r->l->listen[i]);
    r->l->n_listen = 0;
}

/* Those that did not end by themselves; then the helpers, which end when their links
 * are closed. */
static void
end_all(struct run *r)
{
    struct pollfd p = {.fd = r->signals, .events = POLLIN};
    uint64_t deadline = clock_now_ms() + EXIT_MS;
    if (r->l->admission->n_used != 0)
        log_line(&r->l->log->sink, LOG_LEVEL_WARN, "%u connections had to be cut off",
                 r->l->admission->n_used);
    signal_all(r, SIGKILL);
    listener_send_signals(r);
    close_fd(&r->l->spawner);
    for (size_t i = 0; i < LISTENER_GENERATIONS_MAX; i++)
        if (r->l->generations[i])
            generation_close(r->l->generations[i]);
    if (r->l->hooks->ended)
        r->l->hooks->ended(r->l->hooks_ctx, 0, 0);
    for (;;) {
        pid_t pid = waitpid(-1, NULL, WNOHANG);
        uint64_t now = clock_now_ms();
        struct signalfd_siginfo info;
        if (pid < 0 || now >= deadline)
            return;
        if (pid == 0 && poll(&p, 1, clock_poll_timeout(deadline, now)) > 0 &&
            read(r->signals, &info, sizeof info) < 0)
            return;
    }
}

int
listener_run(struct listener *l)
{
    struct run run = {.l = l, .stop_ms = UINT64_MAX, .restart_fd = -1};
    struct run *r = &run;
    sigset_t set;
    signals_of(&set);
    l->run = r;
    r->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    bool is_running = r->signals >= 0;
    while (is_running && r->stop_ms == UINT64_MAX)
        is_running = turn(r);
    close_listening(r);
    if (r->is_retiring && l->control) {
        control_free(l->control);
        l->control = NULL;
    }
    while (is_running)
        is_running = turn(r);
    end_all(r);
    int status = r->is_vital_gone || r->signals < 0;
    log_line(&l->log->sink, LOG_LEVEL_INFO, "stopped");
    close(r->signals);
    return status;
}

/* ---- the beginning ---- */

enum err
listener_init(struct listener *l, const struct admission_limits *limits,
              const struct generation *first, struct fault *why)
{
    enum { READY_MS = 10 * 1000 };
    struct spawn_notice ready = {0};
    l->admission = malloc(sizeof *l->admission);
    l->places = calloc(ADMISSION_PLACES_MAX, sizeof *l->places);
    l->rates = rates_new();
    if (!l->admission || !l->places || !l->rates)
        return fault_set(why, ERR_NOMEM, 0, "out of memory");
    admission_init(l->admission, limits);
    if (board_new(ADMISSION_PLACES_MAX, &l->board) != ERR_NONE)
        return fault_errno(why, ERR_IO, errno, "memfd");
    l->pages = board_map_all(l->board, ADMISSION_PLACES_MAX);
    if (!l->pages)
        return fault_set(why, ERR_NOMEM, 0, "cannot map the board");
    const struct spawner_fds fds = {first->public_fd, l->board, first->log,
                                    first->log_pre_auth};
    l->started_ms = clock_now_ms();
    l->started_s = l->reloaded_s = time(NULL);
    enum err err = spawner_start(&fds, &l->spawner, &l->spawner_pid, why);
    if (err == ERR_NONE &&
        (link_await(l->spawner, &ready, sizeof ready, READY_MS) != ERR_NONE ||
         ready.type != SPAWN_READY))
        err = fault_set(why, ERR_BUG, 0, "the spawner did not start");
    return err;
}

void
listener_clear(struct listener *l)
{
    for (size_t i = 1; i < LISTENER_GENERATIONS_MAX; i++)
        free(l->generations[i]);
    penalties_free(l->penalties);
    rates_free(l->rates);
    free(l->places);
    free(l->admission);
}
