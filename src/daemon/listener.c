/* See listener.h. listener_control.c has what the control socket asks. */
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

#include "crypto/rand.h"
#include "daemon/link.h"
#include "daemon/listener_impl.h"
#include "daemon/pre_auth.h"
#include "net/clock.h"
#include "net/proxy.h"

enum {
    ACCEPTS_PER_TURN = 32,
    BACK_OFF_MS = 100, /* after accept ran out of descriptors or memory */
    LINK_BACK_OFF_MS = 10,
    OVERDUE_MS = 10 * 1000, /* between two looks for processes that stay too long */
    /* Beyond a login's time: its random part, a last verdict, a hand-over, and what
     * the engine takes when no time was configured. */
    LOGIN_SLACK_MS = 150 * 1000,
    RELOAD_ROOM_MS = 5 * 1000, /* for the spawner to take what it was told before */
    REFUSAL_LOG_MS = 1000,     /* one line about refusals in this time at most */
    EXIT_MS = 2 * 1000,        /* from SIGKILL to the last process's end */
    RESTART_MS = 30 * 1000,
    RATES_MS = 250,
    NOTICES_PER_TURN = 1024,
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

static struct admission_time
time_now(void)
{
    return (struct admission_time){clock_now_ms(), time(NULL)};
}

static struct generation *
present(const struct run *r)
{
    return r->l->generations[0];
}

static struct listener_place *
place_of(const struct run *r, const struct admission_place *p)
{
    return &r->l->places[admission_index(r->l->admission, p)];
}

static void
close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* ---- coming in ---- */

/* Why somebody is not let in: words for the peer, words for the log, a counter. */
enum refusal { BY_SOURCE, BY_STARTUP, BY_FULL, BY_PENALTY, BY_BAN, REFUSALS };

static const struct {
    const char *to_peer, *to_log;
    size_t counter; /* offset in struct control_counts */
} refusals[REFUSALS] = {
    [BY_SOURCE] = {"Too many connections from your address are logging in.\r\n",
                   "too many from this address are logging in",
                   offsetof(struct control_counts, refused_source)},
    [BY_STARTUP] = {"Too many connections are logging in.\r\n", "too many are logging in",
                    offsetof(struct control_counts, refused_startup)},
    [BY_FULL] = {"Too many connections.\r\n", "all places are taken",
                 offsetof(struct control_counts, refused_full)},
    [BY_PENALTY] = {"Not allowed at this time\r\n", "penalty of its address",
                    offsetof(struct control_counts, refused_penalty)},
    [BY_BAN] = {"Not allowed at this time\r\n", "its address is banned",
                offsetof(struct control_counts, refused_ban)},
};

static void
log_refusal(struct run *r, const struct net_addr *peer, enum refusal why)
{
    char host[NET_ADDR_TEXT_MAX];
    uint64_t now = clock_now_ms();
    if (now < r->refusal_log_ms) {
        r->n_refused++;
        return;
    }
    net_addr_host(peer, host);
    log_line(&r->l->log->sink, LOG_LEVEL_WARN,
             "refused connection from %s port %u: %s (%u more since the last such line)",
             host, net_addr_port(peer), refusals[why].to_log, r->n_refused);
    r->refusal_log_ms = now + REFUSAL_LOG_MS;
    r->n_refused = 0;
}

/* Lines before the identification are allowed (RFC 4253 4.2) and shown by
 * clients. Best effort: the socket is new, so its buffer is empty. */
static void
refuse(struct run *r, int fd, const struct net_addr *peer, enum refusal why)
{
    uint64_t *counter =
        (uint64_t *)(void *)((uint8_t *)&r->l->counts + refusals[why].counter);
    (void)!write(fd, refusals[why].to_peer, strlen(refusals[why].to_peer));
    log_refusal(r, peer, why);
    ++*counter;
}

static bool
is_proxy(const struct run *r, const struct net_addr *peer)
{
    return net_addr_in_list(peer, present(r)->trusted_proxies);
}

/* True: *why says on what ground. A proxy's own address says nothing. */
static bool
is_unwelcome(struct run *r, const struct net_addr *peer, enum refusal *why)
{
    struct penalty_judgement ground;
    struct address a;
    struct admission_time now = time_now();
    if (!r->l->penalties || !source_address(peer, &a))
        return false;
    enum penalty_verdict verdict =
        penalty_judge(r->l->penalties, &a, now.now_ms, now.wall_s, &ground);
    *why = verdict == PENALTY_BANNED ? BY_BAN : BY_PENALTY;
    return verdict != PENALTY_FREE;
}

static bool
is_refused(struct run *r, const struct net_addr *peer, enum refusal *why)
{
    uint32_t dice;
    if (!is_proxy(r, peer) && is_unwelcome(r, peer, why))
        return true;
    *why = BY_STARTUP;
    if (rand_fill(&rand_system, &dice, sizeof dice) != ERR_NONE)
        return true;
    switch (admission_judge(r->l->admission, peer, dice)) {
    case ADMISSION_REFUSED_SOURCE:
        *why = BY_SOURCE;
        return true;
    case ADMISSION_REFUSED_STARTUP:
        return true;
    case ADMISSION_REFUSED_FULL:
        *why = BY_FULL;
        return true;
    case ADMISSION_GRANTED:
        break;
    }
    return false;
}

/* ---- starting processes ---- */

/* Tell the monitor of a process to come. *end: the process's end of its pair. */
static enum err
introduce(struct run *r, const struct admission_place *p, enum monitor_end role,
          const struct net_addr *local, int *end)
{
    struct listener_place *lp = place_of(r, p);
    struct monitor_word w = {
        .type = MONITOR_ENTER,
        .end = role,
        .place = admission_index(r->l->admission, p),
        .id = p->id,
        .port = p->port,
    };
    static const int yes = 1;
    char host[NET_ADDR_TEXT_MAX] = "";
    int pair[2];
    snprintf(w.address, sizeof w.address, "%.63s", p->host);
    if (local) {
        net_addr_host(local, host);
        w.local_port = net_addr_port(local);
    }
    snprintf(w.local_address, sizeof w.local_address, "%.63s", host);
    w.may_be_proxied = role == MONITOR_PRE_AUTH && lp->is_proxied;
    enum err err = link_pair(pair);
    if (err != ERR_NONE)
        return err;
    /* The monitor is told by the kernel who asks. */
    (void)setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes);
    err = link_send_fds(lp->generation->link, &w, sizeof w, &pair[1], 1);
    close(pair[1]);
    if (err != ERR_NONE)
        close(pair[0]);
    *end = err == ERR_NONE ? pair[0] : -1;
    return err;
}

static enum err
spawn(struct run *r, const struct admission_place *p, enum spawn_op op,
      const struct net_addr *peer, const struct net_addr *local, const int fds[3])
{
    struct spawn_request q = {
        .op = op,
        .place = admission_index(r->l->admission, p),
        .id = p->id,
        .is_proxy = place_of(r, p)->is_proxied,
        .is_over_limit = place_of(r, p)->is_over_limit,
    };
    if (peer)
        q.peer = *peer;
    if (local)
        q.local = *local;
    return link_send_fds(r->l->spawner, &q, sizeof q, fds, 3);
}

/* False: the spawner takes no more for now. */
static bool
signal_process(const struct run *r, pid_t pid, int signal_number)
{
    struct spawn_request q = {.op = SPAWN_SIGNAL, .pid = pid, .signal = signal_number};
    return pid <= 0 || link_send(r->l->spawner, &q, sizeof q) != ERR_LIMIT;
}

static bool
signal_place(const struct run *r, const struct admission_place *p, int signal_number)
{
    /* One that hands its login over ends by itself; the session is told. */
    bool is_spared = signal_number == SIGTERM && place_of(r, p)->is_accepted;
    return (is_spared || signal_process(r, p->pid[ADMISSION_PRE_AUTH], signal_number)) &&
           signal_process(r, p->pid[ADMISSION_SESSION], signal_number);
}

/* A stop has a word for each connection, more than a link holds at once. */
static void
send_signals(struct run *r)
{
    uint32_t cursor = 0;
    const struct admission_place *p;
    if (!r->has_signals)
        return;
    while ((p = admission_next(r->l->admission, &cursor))) {
        struct listener_place *lp = place_of(r, p);
        if (lp->signal != 0 && !signal_place(r, p, lp->signal))
            return;
        lp->signal = 0;
    }
    r->has_signals = false;
}

void
listener_signal(struct run *r, const struct admission_place *p, int signal_number)
{
    struct listener_place *lp = place_of(r, p);
    lp->is_killed = true;
    if (lp->last_signal != SIGKILL)
        lp->last_signal = signal_number;
    lp->signal = lp->last_signal;
    r->has_signals = true;
}

static enum err
start_pre_auth(struct run *r, struct admission_place *p, int socket,
               const struct net_addr *peer)
{
    struct listener_place *lp = place_of(r, p);
    struct net_addr local = {.len = sizeof local.ss};
    int monitor, pair[2];
    if (getsockname(socket, (struct sockaddr *)&local.ss, &local.len) != 0)
        return ERR_IO;
    enum err err = introduce(r, p, MONITOR_PRE_AUTH, &local, &monitor);
    if (err != ERR_NONE)
        return err;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0) {
        const int fds[] = {socket, monitor, pair[1]};
        err = spawn(r, p, SPAWN_PRE_AUTH, peer, &local, fds);
        lp->handover = pair[0];
        close(pair[1]);
    } else {
        err = ERR_IO;
    }
    close(monitor);
    lp->socket = socket;
    lp->peer = *peer;
    return err;
}

/* The place is free again: nobody else has anything of it. */
static void
forget(struct run *r, uint32_t index, uint64_t id)
{
    struct listener_place *lp = &r->l->places[index];
    const struct monitor_word w = {.type = MONITOR_LEFT, .place = index, .id = id};
    close_fd(&lp->socket);
    close_fd(&lp->handover);
    if (lp->generation->link >= 0)
        (void)!link_send(lp->generation->link, &w, sizeof w);
    lp->generation->n_places--;
    board_reset(board_at(r->l->pages, index));
}

static void
let_in(struct run *r, int socket, const struct net_addr *peer)
{
    struct admission_time now = time_now();
    struct admission_place *p = admission_enter(r->l->admission, peer, &now);
    struct listener_place *lp = place_of(r, p);
    *lp = (struct listener_place){
        .generation = present(r),
        .socket = -1,
        .handover = -1,
        .is_proxied = is_proxy(r, peer),
    };
    lp->generation->n_places++;
    r->l->counts.accepted++;
    if (start_pre_auth(r, p, socket, peer) == ERR_NONE)
        return;
    log_line(&r->l->log->sink, LOG_LEVEL_WARN, "a connection could not be set up");
    if (lp->socket < 0)
        close(socket);
    forget(r, admission_index(r->l->admission, p), p->id);
    admission_abandon(r->l->admission, p->id);
}

static void
on_connection(struct run *r, int socket, const struct net_addr *peer)
{
    enum refusal why;
    if (!is_refused(r, peer, &why)) {
        let_in(r, socket, peer);
        return;
    }
    refuse(r, socket, peer, why);
    close(socket);
}

/* A link says that it has room while most of it is free: what one word leads to later
 * finds its own. */
static bool
has_room(int link, int timeout_ms)
{
    struct pollfd p = {.fd = link, .events = POLLOUT};
    return poll(&p, 1, timeout_ms) == 1 && p.revents & POLLOUT;
}

static void
accept_some(struct run *r, int listen_fd)
{
    static const int off = 0;
    struct net_addr peer;
    int fd;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        /* Also for the sessions, signals and ends of those that are in: who has been
         * accepted must not be lost for a full link. */
        if (!has_room(r->l->spawner, 0) || !has_room(present(r)->link, 0)) {
            r->accept_ms = clock_now_ms() + LINK_BACK_OFF_MS;
            return;
        }
        enum err err = socket_accept(listen_fd, &fd, &peer);
        if (err == ERR_IO)
            r->accept_ms = clock_now_ms() + BACK_OFF_MS;
        if (err != ERR_NONE)
            return;
        if (r->l->has_no_keepalive)
            (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &off, sizeof off);
        on_connection(r, fd, &peer);
    }
}

/* ---- what the monitors say ---- */

static void
start_session(struct run *r, struct admission_place *p)
{
    struct listener_place *lp = place_of(r, p);
    int monitor;
    enum err err = introduce(r, p, MONITOR_SESSION, NULL, &monitor);
    if (err == ERR_NONE) {
        const int fds[] = {lp->socket, monitor, lp->handover};
        err = spawn(r, p, SPAWN_SESSION, &lp->peer, NULL, fds);
        close(monitor);
    }
    close_fd(&lp->socket);
    close_fd(&lp->handover);
    lp->is_starting = err == ERR_NONE;
    if (err != ERR_NONE)
        log_line(&r->l->log->sink, LOG_LEVEL_ERROR, "a session could not be started");
}

/* Until the next sharing out: no more than the account may have. Before the session
 * starts, or a fast client has sent a whole file by then. */
static void
show_rates(struct run *r, const struct admission_place *p)
{
    struct board_page *page = board_at(r->l->pages, admission_index(r->l->admission, p));
    atomic_store(&page->upload_share, p->upload_rate);
    atomic_store(&page->download_share, p->download_rate);
}

static void
on_accepted(struct run *r, struct admission_place *p, const struct monitor_notice *n)
{
    struct listener_place *lp = place_of(r, p);
    struct admission_time now = time_now();
    if (lp->is_accepted)
        return;
    lp->is_accepted = true;
    lp->is_over_limit =
        n->max_sessions != 0 &&
        admission_count_account(r->l->admission, n->account) >= n->max_sessions;
    admission_authenticated(r->l->admission, p->id, n->account, n->how, &now);
    p->upload_rate = n->upload_rate;
    p->download_rate = n->download_rate;
    show_rates(r, p);
    r->l->counts.logins_ok++;
    start_session(r, p);
}

static void
on_proxied(struct run *r, struct admission_place *p, const struct monitor_notice *n)
{
    struct net_addr peer;
    struct address address;
    enum refusal why;
    if (net_addr_parse(n->address, n->port, &peer) != ERR_NONE ||
        !source_address(&peer, &address))
        return;
    /* Until now it counted as the proxy's. */
    bool is_one_too_many =
        strcmp(p->host, n->address) != 0 &&
        admission_judge(r->l->admission, &peer, UINT32_MAX) == ADMISSION_REFUSED_SOURCE;
    snprintf(p->host, sizeof p->host, "%s", n->address);
    p->port = n->port;
    p->address = address;
    place_of(r, p)->peer = peer;
    bool is_bad = is_unwelcome(r, &peer, &why);
    if (!is_bad && !is_one_too_many)
        return;
    log_refusal(r, &peer, is_bad ? why : BY_SOURCE);
    listener_signal(r, p, SIGKILL);
}

static void
on_notice(struct run *r, const struct monitor_notice *n)
{
    struct admission_place *p = admission_find(r->l->admission, n->id);
    if (!p)
        return;
    struct listener_place *lp = place_of(r, p);
    switch (n->type) {
    case MONITOR_IS_PROXIED:
        on_proxied(r, p, n);
        return;
    case MONITOR_IDENTIFIED:
        admission_identified(r->l->admission, n->id, bytes_str(n->client));
        return;
    case MONITOR_BAD_USER:
    case MONITOR_LOGIN_FAILED:
        lp->has_failed = true;
        lp->was_bad_user |= n->type == MONITOR_BAD_USER;
        r->l->counts.logins_failed++;
        return;
    case MONITOR_ACCEPTED:
        on_accepted(r, p, n);
        return;
    case MONITOR_MISUSED:
        log_line(&r->l->log->sink, LOG_LEVEL_ERROR,
                 "a process of the connection from %s asked what it may not: killed",
                 p->host);
        listener_signal(r, p, SIGKILL);
        return;
    }
}

static bool
is_sane_notice(struct monitor_notice *n)
{
    n->address[sizeof n->address - 1] = n->client[sizeof n->client - 1] = 0;
    n->account[sizeof n->account - 1] = n->how[sizeof n->how - 1] = 0;
    return n->id != 0;
}

static void
take_notices(struct run *r, struct generation *g)
{
    struct monitor_notice n;
    for (int i = 0; i < NOTICES_PER_TURN; i++) {
        enum err err = link_receive(g->link, &n, sizeof n);
        if (err == ERR_CLOSED)
            close_fd(&g->link);
        if (err != ERR_NONE)
            return;
        if (is_sane_notice(&n))
            on_notice(r, &n);
    }
}

/* ---- going out ---- */

static void
punish(struct run *r, const struct admission_place *p, enum penalty_kind kind)
{
    uint64_t now = clock_now_ms();
    if (!r->l->penalties)
        return;
    r->l->counts.penalties[kind]++;
    if (penalty_add(r->l->penalties, &p->address, kind, now))
        log_line(&r->l->log->sink, LOG_LEVEL_INFO,
                 "connections from %s are refused for now: %s", p->host,
                 penalty_name(kind));
}

static void
on_crash(struct run *r, const struct admission_place *p, pid_t pid, int signal_number)
{
    if (place_of(r, p)->is_killed)
        return;
    r->l->counts.crashes++;
    log_line(&r->l->log->sink, LOG_LEVEL_WARN,
             "process %ld of the connection from %s was ended by signal %d (%s)",
             (long)pid, p->host, signal_number, strsignal(signal_number));
    punish(r, p, PENALTY_CRASH);
}

static void
judge_end(struct run *r, const struct admission_place *p, pid_t pid, int status)
{
    const struct listener_place *lp = place_of(r, p);
    if (WIFSIGNALED(status)) {
        on_crash(r, p, pid, WTERMSIG(status));
        return;
    }
    if (pid != p->pid[ADMISSION_PRE_AUTH] || lp->is_accepted || r->stop_ms != UINT64_MAX)
        return;
    if (lp->was_bad_user)
        punish(r, p, PENALTY_BADUSER);
    else if (lp->has_failed)
        punish(r, p, PENALTY_AUTHFAIL);
    else if (WEXITSTATUS(status) == PRE_AUTH_GRACE)
        punish(r, p, PENALTY_GRACE);
    else if (WEXITSTATUS(status) == PRE_AUTH_NO_TRY)
        punish(r, p, PENALTY_NOAUTH);
}

static void
end_process(struct run *r, struct admission_place *p, pid_t pid)
{
    uint32_t index = admission_index(r->l->admission, p);
    uint64_t id = p->id;
    if (pid == p->pid[ADMISSION_SESSION])
        rates_leave(r->l->rates, r->l->admission, p, r->l->pages);
    admission_ended(r->l->admission, pid);
    if (!admission_find(r->l->admission, id))
        forget(r, index, id);
}

static void
on_ended(struct run *r, pid_t pid, int status)
{
    struct admission_place *p = admission_of_pid(r->l->admission, pid);
    if (!p)
        return;
    /* Its login may be in the link, sent before it ended: that counts. */
    if (!place_of(r, p)->is_accepted && place_of(r, p)->generation->link >= 0)
        take_notices(r, place_of(r, p)->generation);
    judge_end(r, p, pid, status);
    if (place_of(r, p)->is_starting)
        place_of(r, p)->ended_early = pid; /* the place is its session's already */
    else
        end_process(r, p, pid);
}

static void
on_started(struct run *r, const struct spawn_notice *n)
{
    struct admission_place *p = admission_find(r->l->admission, n->id);
    enum admission_role role =
        n->op == SPAWN_SESSION ? ADMISSION_SESSION : ADMISSION_PRE_AUTH;
    if (!p || !admission_started(r->l->admission, n->id, role, n->pid)) {
        (void)signal_process(r, n->pid, SIGKILL);
        return;
    }
    struct listener_place *lp = place_of(r, p);
    if (role == ADMISSION_SESSION) {
        lp->is_starting = false;
        if (lp->ended_early)
            end_process(r, p, lp->ended_early);
        lp->ended_early = 0;
    }
    /* What was said to all, or to this connection, before it was there. */
    if (lp->last_signal != 0 || (r->stop_ms != UINT64_MAX && !r->is_retiring))
        listener_signal(r, p, lp->last_signal ? lp->last_signal : SIGTERM);
}

/* No process could be made for it. */
static void
on_failed(struct run *r, const struct spawn_notice *n)
{
    struct admission_place *p = admission_find(r->l->admission, n->id);
    log_line(&r->l->log->sink, LOG_LEVEL_ERROR, "cannot fork");
    if (!p)
        return;
    struct listener_place *lp = place_of(r, p);
    lp->is_starting = false;
    if (lp->ended_early) {
        end_process(r, p, lp->ended_early);
    } else if (n->op == SPAWN_PRE_AUTH) {
        forget(r, admission_index(r->l->admission, p), n->id);
        admission_abandon(r->l->admission, n->id);
    }
}

static void
take_spawner_notices(struct run *r)
{
    struct spawn_notice n;
    for (int i = 0; i < NOTICES_PER_TURN; i++) {
        if (link_receive(r->l->spawner, &n, sizeof n) != ERR_NONE)
            return;
        if (n.type == SPAWN_STARTED)
            on_started(r, &n);
        else if (n.type == SPAWN_FAILED)
            on_failed(r, &n);
        else if (n.type == SPAWN_ENDED)
            on_ended(r, n.pid, n.status);
    }
}

/* A process before the login ends in time by itself, unless somebody has taken it
 * over: then it would keep its place, or the socket of its session. */
static void
end_overdue(struct run *r, uint64_t now)
{
    uint32_t cursor = 0;
    const struct admission_place *p;
    if (now < r->overdue_ms)
        return;
    r->overdue_ms = now + OVERDUE_MS;
    while ((p = admission_next(r->l->admission, &cursor))) {
        struct listener_place *lp = place_of(r, p);
        pid_t pid = p->pid[ADMISSION_PRE_AUTH];
        if (pid == 0 || lp->is_overdue ||
            now - p->connected_ms < r->l->login_ms + LOGIN_SLACK_MS)
            continue;
        lp->is_overdue = signal_process(r, pid, SIGKILL);
        log_line(&r->l->log->sink, LOG_LEVEL_ERROR,
                 "process %ld of the connection from %s outlives its login: killed",
                 (long)pid, p->host);
    }
}

/* ---- stopping, reloading, restarting ---- */

static void
signal_all(struct run *r, int signal_number)
{
    uint32_t cursor = 0;
    const struct admission_place *p;
    while ((p = admission_next(r->l->admission, &cursor)))
        listener_signal(r, p, signal_number);
}

/* It did not come up in time, or is not wanted any more. */
static void
end_restart(struct run *r)
{
    close_fd(&r->restart_fd);
    if (r->restart_pid > 0)
        kill(r->restart_pid, SIGKILL);
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
        end_restart(r);
    r->is_retiring = false;
    r->stop_ms = is_again ? now : now + r->l->drain_ms;
    signal_all(r, SIGTERM);
}

/* A generation nobody needs any more is let go. */
static void
drop_generations(struct listener *l)
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
    fresh->number = present(r)->number + 1;
    /* Nothing may fail once the hook has swapped what it has. */
    if (!has_room(l->spawner, RELOAD_ROOM_MS))
        return fault_set(why, ERR_LIMIT, 0, "the spawner does not listen");
    enum err err = l->hooks->reload(l->hooks_ctx, l, fresh, why);
    if (err != ERR_NONE)
        return err;
    const int fds[] = {fresh->public_fd, fresh->log, fresh->log_pre_auth};
    err = link_send_fds(l->spawner, &q, sizeof q, fds, fresh->log >= 0 ? 3 : 1);
    if (err != ERR_NONE)
        return fault_set(why, err, 0, "the spawner does not listen");
    *old = present(r);
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
        drop_generations(l);
    }
    notify_ready(&l->notify, err == ERR_NONE ? "serving" : "serving; reload failed");
    return err;
}

static void
start_restart(struct run *r)
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
static void
finish_restart(struct run *r)
{
    uint8_t octet;
    bool is_up = read(r->restart_fd, &octet, 1) == 1;
    if (!is_up) {
        end_restart(r);
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
    drop_generations(r->l);
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
            start_restart(r);
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
            take_notices(r, l->generations[i]);
    if (s->fds[AT_SPAWNER].revents)
        take_spawner_notices(r);
    if (s->fds[AT_SIGNALS].revents)
        on_signal(r);
    if (s->fds[AT_RESTART].revents && r->restart_fd >= 0)
        finish_restart(r);
    if (l->control)
        control_serve(l->control, s->fds + s->control, s->n - s->control, clock_now_ms());
    for (uint32_t i = 0; i < l->n_listen && r->stop_ms == UINT64_MAX; i++)
        if (s->fds[s->listen + i].revents)
            accept_some(r, l->listen[i]);
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
        finish_restart(r);
    end_overdue(r, now);
    send_signals(r);
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
    send_signals(r);
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
