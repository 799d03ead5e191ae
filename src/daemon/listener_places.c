/*
 * Connections of a listener: who is let in, what is started for them, what the
 * monitors and the spawner say about them, and when their places are free again. See
 * listener_impl.h.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
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
    REFUSAL_LOG_MS = 1000, /* one line about refusals in this time at most */
    NOTICES_PER_TURN = 1024,
};

static struct admission_time
time_now(void)
{
    return (struct admission_time){clock_now_ms(), time(NULL)};
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
    return net_addr_in_list(peer, listener_present(r)->trusted_proxies);
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
void
listener_send_signals(struct run *r)
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
        .generation = listener_present(r),
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
bool
listener_has_room(int link, int timeout_ms)
{
    struct pollfd p = {.fd = link, .events = POLLOUT};
    return poll(&p, 1, timeout_ms) == 1 && p.revents & POLLOUT;
}

void
listener_accept(struct run *r, int listen_fd)
{
    static const int off = 0;
    struct net_addr peer;
    int fd;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        /* Also for the sessions, signals and ends of those that are in: who has been
         * accepted must not be lost for a full link. */
        if (!listener_has_room(r->l->spawner, 0) ||
            !listener_has_room(listener_present(r)->link, 0)) {
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

void
listener_take_notices(struct run *r, struct generation *g)
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
        listener_take_notices(r, place_of(r, p)->generation);
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

void
listener_take_spawner_notices(struct run *r)
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
void
listener_end_overdue(struct run *r, uint64_t now)
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
