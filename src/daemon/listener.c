/* See listener.h. */
#include "daemon/listener.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crypto/rand.h"
#include "net/clock.h"

enum {
    ACCEPTS_PER_TURN = 32,
    BACK_OFF_MS = 100,     /* after accept ran out of descriptors or memory */
    REFUSAL_LOG_MS = 1000, /* one line about refusals in this time at most */
    DRAIN_MS = 10 * 1000,  /* a connection bounds itself to less */
    EXIT_MS = 2 * 1000,    /* from SIGKILL to the last process's end */
    FD_SIGNALS = 0,        /* places in the poll set */
    FD_LINK = 1,
    FD_LISTEN = 2,
};

/* threats 13 */
static const struct admission_limits limits = {
    .connections = LINK_CONNECTIONS,
    .begin = 20,
    .rate = 30,
    .full = 200,
    .per_source = 10,
    .bits4 = 32,
    .bits6 = 64,
};

struct run {
    struct listener *l;
    struct admission admission;
    int signals;
    uint64_t stop_ms;   /* when to use force; UINT64_MAX: not stopping */
    uint64_t accept_ms; /* no accept before */
    uint64_t refusal_log_ms;
    unsigned n_refused; /* since the last line about them */
    bool is_monitor_gone;
};

static void
signals_of(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGCHLD);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
}

void
listener_block_signals(void)
{
    sigset_t set;
    signals_of(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* ---- coming in ---- */

/* Lines before the identification are allowed (RFC 4253 4.2) and shown by
 * clients. Best effort: the socket is new, so its buffer is empty. */
static void
refuse(struct run *r, int fd, const struct net_addr *peer, enum admission_verdict verdict)
{
    static const struct {
        const char *to_peer, *to_log;
    } words[] = {
        [ADMISSION_REFUSED_SOURCE] = {"Too many connections from your address are "
                                      "logging in.\r\n",
                                      "too many from this address are logging in"},
        [ADMISSION_REFUSED_STARTUP] = {"Too many connections are logging in.\r\n",
                                       "too many are logging in"},
        [ADMISSION_REFUSED_FULL] = {"Too many connections.\r\n", "all places are taken"},
    };
    uint64_t now = clock_now_ms();
    (void)!write(fd, words[verdict].to_peer, strlen(words[verdict].to_peer));
    if (now < r->refusal_log_ms) {
        r->n_refused++;
        return;
    }
    char host[NET_ADDR_TEXT_MAX];
    net_addr_host(peer, host);
    log_line(&r->l->log->sink, LOG_LEVEL_WARN,
             "refused connection from %s port %u: %s (%u more since the last such line)",
             host, net_addr_port(peer), words[verdict].to_log, r->n_refused);
    r->refusal_log_ms = now + REFUSAL_LOG_MS;
    r->n_refused = 0;
}

/* Tell the monitor of a new connection. *end: the connection's end of its pair. */
static enum err
introduce(struct run *r, uint64_t id, const struct net_addr *peer, int *end)
{
    struct link_enter enter = {.id = id};
    char host[NET_ADDR_TEXT_MAX];
    int pair[2];
    net_addr_host(peer, host);
    snprintf(enter.address, sizeof enter.address, "%.63s", host);
    enum err err = link_pair(pair);
    if (err != ERR_NONE)
        return err;
    err = link_send_fd(r->l->link, &enter, pair[1]);
    close(pair[1]);
    if (err != ERR_NONE)
        close(pair[0]);
    *end = err == ERR_NONE ? pair[0] : -1;
    return err;
}

static void
become_session(const struct run *r, int socket, int monitor, const struct net_addr *peer)
{
    const struct session_config config = {
        .settings = r->l->settings,
        .public = r->l->public,
        .plan = r->l->plan,
        .trace = r->l->trace,
        .root = r->l->root,
        .socket = socket,
        .monitor = monitor,
        .peer = *peer,
    };
    _exit(session_run(&config));
}

static void
let_in(struct run *r, int socket, const struct net_addr *peer)
{
    const struct admission_time now = {clock_now_ms(), time(NULL)};
    uint64_t id = admission_enter(&r->admission, peer, &now)->id;
    int monitor;
    if (introduce(r, id, peer, &monitor) != ERR_NONE) {
        log_line(&r->l->log->sink, LOG_LEVEL_WARN, "a connection could not be set up");
        admission_abandon(&r->admission, id);
        return;
    }
    pid_t pid = fork();
    if (pid == 0)
        become_session(r, socket, monitor, peer);
    close(monitor);
    if (pid > 0) {
        admission_started(&r->admission, id, ADMISSION_SESSION, pid);
        return;
    }
    log_line(&r->l->log->sink, LOG_LEVEL_ERROR, "cannot fork: %s", strerror(errno));
    admission_abandon(&r->admission, id);
}

static void
on_connection(struct run *r, int socket, const struct net_addr *peer)
{
    uint32_t dice;
    enum admission_verdict verdict = ADMISSION_REFUSED_STARTUP;
    if (rand_fill(&rand_system, &dice, sizeof dice) == ERR_NONE)
        verdict = admission_judge(&r->admission, peer, dice);
    if (verdict == ADMISSION_GRANTED)
        let_in(r, socket, peer);
    else
        refuse(r, socket, peer, verdict);
    close(socket);
}

static void
accept_some(struct run *r, int listen_fd)
{
    struct net_addr peer;
    int fd;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        enum err err = socket_accept(listen_fd, &fd, &peer);
        if (err == ERR_IO)
            r->accept_ms = clock_now_ms() + BACK_OFF_MS;
        if (err != ERR_NONE)
            return;
        on_connection(r, fd, &peer);
    }
}

/* ---- going out ---- */

/* Only processes that we have not reaped: their ids are still theirs. */
static void
signal_all(const struct run *r, int signal_number)
{
    uint32_t cursor = 0;
    const struct admission_place *p;
    while ((p = admission_next(&r->admission, &cursor)) != NULL)
        if (p->pid[ADMISSION_SESSION] > 0)
            kill(p->pid[ADMISSION_SESSION], signal_number);
}

static void
start_stopping(struct run *r)
{
    uint64_t now = clock_now_ms();
    bool is_again = r->stop_ms != UINT64_MAX;
    if (!is_again)
        log_line(&r->l->log->sink, LOG_LEVEL_INFO, "stopping; %u connections are open",
                 r->admission.n_used);
    r->stop_ms = is_again ? now : now + DRAIN_MS;
    signal_all(r, SIGTERM);
}

static void
on_child_end(struct run *r, pid_t pid, int status)
{
    if (pid == r->l->monitor) {
        r->is_monitor_gone = true;
        log_line(&r->l->log->sink, LOG_LEVEL_ERROR, "the monitor process has ended");
        start_stopping(r);
        return;
    }
    if (admission_ended(&r->admission, pid) && WIFSIGNALED(status))
        log_line(&r->l->log->sink, LOG_LEVEL_WARN,
                 "connection process %ld was ended by signal %d (%s)", (long)pid,
                 WTERMSIG(status), strsignal(WTERMSIG(status)));
}

static void
reap(struct run *r)
{
    pid_t pid;
    int status;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        on_child_end(r, pid, status);
}

static void
on_signal(struct run *r)
{
    struct signalfd_siginfo info;
    while (read(r->signals, &info, sizeof info) == sizeof info)
        if (info.ssi_signo == SIGCHLD)
            reap(r);
        else
            start_stopping(r);
}

static void
on_notice(struct run *r)
{
    const struct admission_time now = {clock_now_ms(), time(NULL)};
    struct link_notice notice;
    while (link_receive(r->l->link, &notice, sizeof notice) == ERR_NONE) {
        if (notice.type == LINK_AUTHENTICATED)
            admission_authenticated(&r->admission, notice.id, "", "", &now);
        if (notice.type != LINK_MISUSED)
            continue;
        const struct admission_place *p = admission_find(&r->admission, notice.id);
        pid_t pid = p ? p->pid[ADMISSION_SESSION] : 0;
        log_line(&r->l->log->sink, LOG_LEVEL_ERROR,
                 "connection process %ld asked what it may not: killed", (long)pid);
        if (pid > 0)
            kill(pid, SIGKILL);
    }
}

/* ---- the loop ---- */

static nfds_t
fill_poll(const struct run *r, struct pollfd *fds, uint64_t now)
{
    bool is_accepting = r->stop_ms == UINT64_MAX && now >= r->accept_ms &&
                        r->admission.n_used < LINK_CONNECTIONS;
    fds[FD_SIGNALS] = (struct pollfd){.fd = r->signals, .events = POLLIN};
    fds[FD_LINK] =
        (struct pollfd){.fd = r->is_monitor_gone ? -1 : r->l->link, .events = POLLIN};
    for (uint32_t i = 0; i < r->l->settings->n_listen; i++)
        fds[FD_LISTEN + i] =
            (struct pollfd){.fd = is_accepting ? r->l->listen[i] : -1, .events = POLLIN};
    return FD_LISTEN + r->l->settings->n_listen;
}

static uint64_t
next_deadline(const struct run *r, uint64_t now)
{
    uint64_t deadline = r->stop_ms;
    if (r->accept_ms > now && r->accept_ms < deadline)
        deadline = r->accept_ms;
    return deadline;
}

/* True: go on. */
static bool
turn(struct run *r)
{
    struct pollfd fds[FD_LISTEN + OPTION_TEXTS_MAX];
    uint64_t now = clock_now_ms();
    if (r->stop_ms != UINT64_MAX && (r->admission.n_used == 0 || now >= r->stop_ms))
        return false;
    nfds_t n = fill_poll(r, fds, now);
    if (poll(fds, n, clock_poll_timeout(next_deadline(r, now), now)) < 0)
        return errno == EINTR;
    /* First what frees places, then what takes them. */
    if (fds[FD_SIGNALS].revents)
        on_signal(r);
    if (fds[FD_LINK].revents)
        on_notice(r);
    if (r->stop_ms != UINT64_MAX)
        return true;
    for (nfds_t i = FD_LISTEN; i < n; i++)
        if (fds[i].revents)
            accept_some(r, fds[i].fd);
    return true;
}

static void
close_listening(struct run *r)
{
    for (uint32_t i = 0; i < r->l->settings->n_listen; i++)
        close(r->l->listen[i]);
}

/* Those that did not end by themselves, and the monitor, which ends when its
 * link is closed. */
static void
end_all(struct run *r)
{
    struct pollfd p = {.fd = r->signals, .events = POLLIN};
    uint64_t deadline = clock_now_ms() + EXIT_MS;
    if (r->admission.n_used != 0)
        log_line(&r->l->log->sink, LOG_LEVEL_WARN, "%u connections had to be cut off",
                 r->admission.n_used);
    signal_all(r, SIGKILL);
    close(r->l->link);
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
    struct run *r = calloc(1, sizeof *r);
    sigset_t set;
    if (!r)
        return 1;
    signals_of(&set);
    admission_init(&r->admission, &limits);
    r->l = l;
    r->stop_ms = UINT64_MAX;
    r->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    bool is_running = r->signals >= 0;
    while (is_running && r->stop_ms == UINT64_MAX)
        is_running = turn(r);
    close_listening(r);
    while (is_running)
        is_running = turn(r);
    end_all(r);
    int status = r->is_monitor_gone || r->signals < 0;
    log_line(&l->log->sink, LOG_LEVEL_INFO, "stopped");
    close(r->signals);
    free(r);
    return status;
}
