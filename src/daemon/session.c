/* See session.h. */
#include "daemon/session_impl.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/rand.h"
#include "daemon/session_root.h"
#include "net/clock.h"
#include "ssh/handover.h"

enum {
    /* Events handled before what they caused is sent and signals are looked at. */
    EVENTS_PER_TURN = 256,
    DRAIN_MS = 5 * 1000, /* from the signal to the end, whatever the peer does */
    HANDOVER_MS = 10 * 1000,
    BOARD_MS = 250, /* the board is looked at so often while something moves */
};

/* ---- before the walls ---- */

static enum err
ask_grant(struct session *s, struct fault *why)
{
    if (monitor_put_op(&s->monitor, MONITOR_GRANT) != ERR_NONE)
        return fault_set(why, ERR_IO, 0, "the monitor grants nothing");
    s->grant = s->monitor.reply.grant;
    s->config->log->level = (enum log_level)s->grant.log_level;
    return ERR_NONE;
}

/* Signals become octets on a descriptor: no code of ours runs in a handler. */
static enum err
make_signals(struct session *s, struct fault *why)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    s->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return s->signals < 0 ? fault_errno(why, ERR_IO, errno, "signalfd") : ERR_NONE;
}

/* A login whose root is missing goes on as far as to tell its client why; until
 * then it sees nothing. */
static void
open_root(struct session *s)
{
    struct fault why = {0};
    if (session_root_open(&s->grant, &s->root, &why) == ERR_NONE)
        return;
    s->root = -1;
    snprintf(s->refusal, sizeof s->refusal, "%.199s", why.text);
}

static enum err
wall_in(struct session *s, struct fault *why)
{
    const struct session_config *c = s->config;
    const struct grant *g = &s->grant;
    const int keep[] = {c->socket,  c->monitor, c->handover,
                        s->signals, s->root,    c->log->recorder};
    const struct sandbox_identity account = {g->uid, g->gid, g->groups, g->n_groups};
    const struct sandbox_room room = {
        .role = SANDBOX_SESSION,
        .root = s->root,
        .is_chroot = g->is_chroot && g->changes_ids && s->root >= 0,
        .is_read_only = g->is_read_only != 0,
        .identity = g->changes_ids ? &account : NULL,
        .keep = keep,
        .n_keep = ARRAY_LEN(keep),
        .death_signal = SIGTERM,
    };
    umask((mode_t)g->umask & 0777);
    return sandbox_enter(c->plan, &room, why);
}

/* ---- the connection's state ---- */

static enum err
read_state(struct session *s, struct buf *state, struct fault *why)
{
    uint64_t deadline = s->start_ms + HANDOVER_MS;
    for (;;) {
        struct pollfd p = {.fd = s->config->handover, .events = POLLIN};
        uint64_t now = clock_now_ms();
        if (now >= deadline)
            return fault_set(why, ERR_CLOSED, 0, "the connection was not handed over");
        if (poll(&p, 1, clock_poll_timeout(deadline, now)) <= 0)
            continue;
        uint8_t chunk[16384];
        ssize_t n = read(s->config->handover, chunk, sizeof chunk);
        if (n == 0)
            return buf_err(state);
        if (n > 0)
            buf_put(state, bytes_of(chunk, (size_t)n));
        else if (errno != EAGAIN && errno != EINTR)
            return fault_errno(why, ERR_IO, errno, "the hand-over");
        mem_wipe(chunk, sizeof chunk);
    }
}

static enum err
import_conn(struct session *s, struct bytes state, struct fault *why)
{
    const struct daemon_public *public = s->config->public;
    struct conn_host_key keys[PUBLIC_KEYS_MAX];
    for (uint32_t i = 0; i < public->n_keys; i++)
        keys[i].blob = bytes_of(public->key[i].p, public->key[i].n);
    struct conn_config config = {
        .role = CONN_SERVER,
        .software = "Ferry_0.1",
        .rand = &rand_system,
        .log = &s->config->log->sink,
        .limits = public->limits,
        .host_keys = keys,
        .n_host_keys = public->n_keys,
    };
    for (int i = 0; i < ALGO_SLOTS; i++)
        config.lists[i] = public->lists[i];
    config.limits.channels = s->grant.channels_max < SFTP_CHANNELS_MAX
                                 ? s->grant.channels_max
                                 : SFTP_CHANNELS_MAX;
    config.limits.keepalive_ms = s->grant.keepalive_ms;
    config.limits.keepalive_max = s->grant.keepalive_max;
    config.limits.rekey_octets = s->grant.rekey_octets;
    config.limits.rekey_ms = s->grant.rekey_ms;
    return conn_import(&config, state, s->start_ms, &s->conn, why);
}

static enum err
take_over(struct session *s, struct fault *why)
{
    struct buf state;
    buf_init(&state, HANDOVER_MAX);
    enum err err = read_state(s, &state, why);
    if (err == ERR_NONE)
        err = import_conn(s, buf_bytes(&state), why);
    buf_clear(&state);
    close(s->config->handover);
    if (err == ERR_NONE)
        pump_init(&s->pump, s->conn, s->config->socket);
    return err;
}

/* ---- events ---- */

static void
on_event(struct session *s, const struct conn_event *ev)
{
    struct bytes signature;
    if (ev->type != CONN_EV_SIGN) {
        sftp_channels_on_event(&s->channels, ev);
        return;
    }
    if (monitor_sign(&s->monitor, &ev->sign, &signature) != ERR_NONE)
        log_line(&s->config->log->sink, LOG_LEVEL_WARN, "the monitor did not sign");
    conn_answer_sign(s->conn, ev->sign.token, signature);
}

/* ---- the loop ---- */

static void
check_idle(struct session *s, uint64_t now)
{
    if (s->channels.n_open != 0 && s->grant.unused_ms != 0)
        s->no_channel_ms = now + s->grant.unused_ms;
    else if (s->channels.n_open == 0 && now >= s->no_channel_ms)
        conn_disconnect(s->conn, DISCONNECT_BY_APPLICATION, "no channel is open");
    if (s->grant.channel_timeout_ms != 0)
        sftp_channels_time_out(&s->channels, now, s->grant.channel_timeout_ms);
}

static void
check_signals(struct session *s, short revents, uint64_t now)
{
    struct signalfd_siginfo info;
    if (revents & POLLIN && read(s->signals, &info, sizeof info) == sizeof info &&
        s->drain_ms == UINT64_MAX)
        s->drain_ms = now + DRAIN_MS;
}

/* The request in hand is finished, the next one is not taken. */
static bool
is_drained(const struct session *s)
{
    return s->drain_ms != UINT64_MAX && !sftp_channels_are_busy(&s->channels);
}

static uint64_t
earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* When to wake at the latest for reasons of our own. */
static uint64_t
next_deadline(const struct session *s)
{
    uint64_t deadline = s->drain_ms;
    if (s->resume_ms != 0)
        deadline = earlier(deadline, s->resume_ms);
    if (s->channels.n_open == 0)
        deadline = earlier(deadline, s->no_channel_ms);
    else if (s->grant.channel_timeout_ms != 0)
        deadline = earlier(
            deadline, sftp_channels_deadline(&s->channels, s->grant.channel_timeout_ms));
    return deadline;
}

/* Is the account, or this session by an administrator, asked to go slower? */
static void
slow_down(struct session *s, uint64_t now)
{
    struct sftp_current sums;
    sftp_channels_current(&s->channels, &sums);
    uint64_t throttle = atomic_load(&s->page->throttle);
    uint64_t in = atomic_load(&s->page->upload_share);
    uint64_t out = atomic_load(&s->page->download_share);
    if (throttle != 0 && (in == 0 || throttle < in))
        in = throttle;
    if (throttle != 0 && (out == 0 || throttle < out))
        out = throttle;
    uint64_t wait = throttle_turn(&s->throttle, (struct throttle_use){sums.octets_in, in},
                                  (struct throttle_use){sums.octets_out, out}, now);
    s->resume_ms = wait ? now + wait : 0;
}

static int
take_events(struct session *s)
{
    struct conn_event ev;
    int n = 0;
    while (n < EVENTS_PER_TURN && s->resume_ms == 0 && conn_next_event(s->conn, &ev)) {
        on_event(s, &ev);
        n++;
        if (s->is_limited) /* a turn's worth of events may be seconds' worth of octets */
            slow_down(s, clock_now_ms());
    }
    return n;
}

/* True: more events wait, or a request can go on, without any new octet. */
static bool
take_turn(struct session *s)
{
    pump_tick(&s->pump);
    s->channels.now_ms = clock_now_ms();
    slow_down(s, s->channels.now_ms);
    if (is_drained(s))
        conn_disconnect(s->conn, DISCONNECT_BY_APPLICATION, "the server is stopping");
    if (s->monitor.is_lost) /* no quota, no audit trail: no service */
        conn_disconnect(s->conn, DISCONNECT_BY_APPLICATION, "the server cannot go on");
    int n = take_events(s);
    bool has_more = n == EVENTS_PER_TURN;
    if (s->resume_ms == 0)
        has_more |= sftp_channels_work(&s->channels);
    bool was_full = sftp_channels_are_full(&s->channels);
    pump_flush(&s->pump);
    /* Requests may wait for the room that this made, and the peer for their answers:
     * nothing else would wake us. */
    has_more |= was_full && !sftp_channels_are_full(&s->channels) && s->resume_ms == 0;
    session_show(s);
    return has_more || (is_drained(s) && !conn_fault(s->conn)->code);
}

static void
loop(struct session *s)
{
    for (;;) {
        bool has_more = take_turn(s);
        uint64_t now = clock_now_ms();
        if (conn_is_over(s->conn) || now >= s->drain_ms)
            return;
        struct pollfd fds[2] = {[1] = {.fd = s->signals, .events = POLLIN}};
        uint64_t deadline = has_more ? now : next_deadline(s);
        if (pump_wait(&s->pump, fds, ARRAY_LEN(fds), deadline) != ERR_NONE)
            return;
        now = clock_now_ms();
        check_signals(s, fds[1].revents, now);
        check_idle(s, now);
    }
}

/* ---- the life ---- */

static void
log_end(struct session *s)
{
    const struct fault *f = conn_fault(s->conn);
    struct conn_counters n = conn_counters(s->conn);
    char host[NET_ADDR_TEXT_MAX];
    net_addr_host(&s->config->peer, host);
    log_line(
        &s->config->log->sink, LOG_LEVEL_INFO,
        "Disconnected from user %s %s port %u: %s (%llu octets in, %llu out, %llu s)",
        s->grant.user, host, net_addr_port(&s->config->peer),
        f->text[0] ? f->text : "closed", (unsigned long long)n.rx_octets,
        (unsigned long long)n.tx_octets,
        (unsigned long long)(clock_now_ms() - s->start_ms) / 1000);
}

static enum err
set_up(struct session *s, struct fault *why)
{
    enum err err = ask_grant(s, why);
    if (err == ERR_NONE)
        err = make_signals(s, why);
    if (err != ERR_NONE)
        return err;
    s->page = board_map_one(s->config->board, s->config->place);
    if (!s->page)
        return fault_set(why, ERR_NOMEM, 0, "cannot map the board");
    close(s->config->board);
    open_root(s);
    if (s->grant.channels_max == 0)
        snprintf(s->refusal, sizeof s->refusal,
                 "MaxSessions 0: no channel may be opened");
    if (s->config->is_over_limit)
        snprintf(s->refusal, sizeof s->refusal,
                 "the account has %u connections already, as many as it may have",
                 s->grant.max_sessions);
    err = wall_in(s, why);
    if (err == ERR_NONE)
        err = take_over(s, why);
    if (err != ERR_NONE)
        return err;
    session_wire_up(s);
    session_open_files(s);
    return ERR_NONE;
}

/* What the client cannot be served, it is told, and the log as well. */
static void
refuse(struct session *s)
{
    log_line(&s->config->log->sink, LOG_LEVEL_ERROR, "user %s cannot be served: %s",
             s->grant.user, s->refusal);
    conn_disconnect(s->conn, DISCONNECT_BY_APPLICATION, s->refusal);
    s->drain_ms = clock_now_ms() + DRAIN_MS;
}

static int
run(struct session *s)
{
    struct fault why = {0};
    if (set_up(s, &why) != ERR_NONE) {
        log_line(&s->config->log->sink, LOG_LEVEL_ERROR, "session: %s", why.text);
        return 1;
    }
    if (s->refusal[0])
        refuse(s);
    if (s->grant.unused_ms != 0)
        s->no_channel_ms = clock_now_ms() + s->grant.unused_ms;
    loop(s);
    sftp_channels_clear(&s->channels);
    log_end(s);
    session_leave(s);
    return 0;
}

int
session_run(const struct session_config *config)
{
    struct session *s = calloc(1, sizeof *s);
    if (!s)
        return 1;
    s->config = config;
    s->start_ms = clock_now_ms();
    s->no_channel_ms = s->drain_ms = UINT64_MAX;
    s->monitor.fd = config->monitor;
    s->monitor.public = config->public;
    int status = run(s);
    vfs_free(s->vfs);
    conn_free(s->conn);
    free(s);
    return status;
}
