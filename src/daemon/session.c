/* See session.h. */
#include "daemon/session.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "crypto/rand.h"
#include "daemon/login.h"
#include "daemon/sftp_channel.h"
#include "daemon/sftp_hashes.h"
#include "daemon/shield.h"
#include "net/clock.h"
#include "net/pump.h"
#include "vfs/posix.h"
#include "vfs/readonly.h"

enum {
    /* Events handled before what they caused is sent and signals are looked at. */
    EVENTS_PER_TURN = 256,
    DRAIN_MS = 5 * 1000, /* from the signal to the end, whatever the peer does */
    LOGIN_MS = 60 * 1000,
    LOGIN_JITTER_MS = 4 * 1000, /* added at random; threats 13 */
    NO_CHANNEL_MS = 60 * 1000,  /* logged in, but nothing opened; threats 13 */
};

struct session {
    const struct session_config *config;
    struct daemon_log log;
    struct conn *conn;
    struct pump pump;
    struct monitor_client monitor;
    struct login login;
    struct vfs *vfs;
    struct sftp_host host;
    struct sftp_server_config sftp;
    struct sftp_channels channels;
    char user[ACCOUNT_USER_MAX + 1]; /* who logged in; "" before */
    int signals;
    uint64_t start_ms;
    uint64_t no_channel_ms; /* when to give up a session without channels */
    uint64_t drain_ms;      /* when to leave at the latest; UINT64_MAX: not asked */
};

/* ---- what the SFTP server asks ---- */

static int64_t
host_now(void *ctx)
{
    (void)ctx;
    return time(NULL);
}

static bool
host_local_time(void *ctx, int64_t seconds, struct tm *tm)
{
    (void)ctx;
    time_t t = (time_t)seconds;
    return localtime_r(&t, tm) != NULL; /* the zone was read before the sandbox */
}

/* The names of the system's accounts are nobody's business; ours is shown. */
static bool
host_user_name(void *ctx, uint32_t uid, char name[SFTP_OWNER_MAX + 1])
{
    const struct session *s = ctx;
    if (uid != geteuid())
        return false;
    snprintf(name, SFTP_OWNER_MAX + 1, "%.*s", SFTP_OWNER_MAX, s->config->settings->user);
    return true;
}

static bool
host_group_name(void *ctx, uint32_t gid, char name[SFTP_OWNER_MAX + 1])
{
    (void)ctx, (void)gid, (void)name;
    return false;
}

/* One line a file, when it is closed; never one a READ (threats G1). */
static void
log_use(void *ctx, const struct sftp_audit *use)
{
    struct session *s = ctx;
    struct buf text;
    if (use->flags == 0)
        return;
    buf_init(&text, 2048);
    buf_put_str(&text, use->flags & VFS_WRITE ? "wrote \"" : "read \"");
    text_escape(&text, use->path, 600);
    buf_printf(&text, "\": %llu octets read, %llu written, %lld s",
               (unsigned long long)use->n_read, (unsigned long long)use->n_written,
               (long long)use->seconds);
    if (use->was_left_open)
        buf_put_str(&text, ", left open");
    if (use->error)
        buf_printf(&text, ", failed: %s",
                   use->error < VFS_ERR_ESCAPES ? strerror(use->error) : "refused");
    const char *line = buf_cstr(&text);
    if (line)
        log_line(&s->log.sink, LOG_LEVEL_INFO, "%s", line);
    buf_clear(&text);
}

/* ---- building ---- */

static enum err
make_vfs(struct session *s, struct fault *why)
{
    static const struct posix_vfs_options options = {.is_confined = true};
    const struct settings *set = s->config->settings;
    int error = posix_vfs_new(s->config->root, &options, &s->vfs);
    if (error == 0 && set->n_shielded != 0)
        error = shield_vfs_new(s->vfs, (const char *const *)set->shielded,
                               set->n_shielded, &s->vfs);
    if (error == 0 && set->options->is_read_only)
        error = readonly_vfs_new(s->vfs, &s->vfs);
    return error ? fault_errno(why, ERR_IO, error, "cannot open %.160s", set->dir)
                 : ERR_NONE;
}

/* A random part, so that nobody can aim at the moment when time is up. */
static uint32_t
login_time(uint32_t wanted_ms)
{
    uint32_t dice = 0;
    if (rand_fill(&rand_system, &dice, sizeof dice) != ERR_NONE)
        dice = 0;
    return (wanted_ms ? wanted_ms : LOGIN_MS) + dice % LOGIN_JITTER_MS;
}

static enum err
make_conn(struct session *s, struct fault *why)
{
    const struct session_config *c = s->config;
    struct conn_host_key keys[HOST_KEYS_MAX];
    for (uint32_t i = 0; i < c->public->n_keys; i++)
        keys[i].blob = bytes_of(c->public->key[i].p, c->public->key[i].n);
    struct conn_config config = {
        .role = CONN_SERVER,
        .software = "Ferry_0.1",
        .rand = &rand_system,
        .log = &s->log.sink,
        .limits = c->settings->limits,
        .host_keys = keys,
        .n_host_keys = c->public->n_keys,
        .auth_methods = c->public->auth_methods,
    };
    for (int i = 0; i < ALGO_SLOTS; i++)
        config.lists[i] = (const char *)c->settings->lists[i].p;
    config.limits.channels = SFTP_CHANNELS_MAX;
    config.limits.login_ms = login_time(config.limits.login_ms);
    if (conn_new(&config, s->start_ms, &s->conn) != ERR_NONE)
        return fault_set(why, ERR_NOMEM, 0, "cannot make the connection's state");
    pump_init(&s->pump, s->conn, c->socket);
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

/* Whoever started the daemon may sit at a terminal: nothing of it is ours but
 * standard error. */
static enum err
leave_terminal(struct fault *why)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    bool is_ok = null > STDERR_FILENO && dup2(null, STDIN_FILENO) >= 0 &&
                 dup2(null, STDOUT_FILENO) >= 0;
    if (null > STDERR_FILENO)
        close(null);
    return is_ok ? ERR_NONE : fault_errno(why, ERR_IO, errno, "/dev/null");
}

static enum err
wall_in(struct session *s, struct fault *why)
{
    const struct session_config *c = s->config;
    const int keep[] = {c->socket, c->monitor, c->root, s->signals};
    const struct sandbox_room room = {
        .role = SANDBOX_CONNECTION,
        .root = c->root,
        .is_read_only = c->settings->options->is_read_only != 0,
        .keep = keep,
        .n_keep = ARRAY_LEN(keep),
        .death_signal = SIGTERM,
    };
    return sandbox_enter(c->plan, &room, why);
}

static void
wire_up(struct session *s)
{
    const struct session_config *c = s->config;
    s->monitor.fd = c->monitor;
    s->login = (struct login){
        .monitor = &s->monitor,
        .log = &s->log.sink,
        .user = c->settings->user,
        .methods = c->public->auth_methods,
        .peer = &c->peer,
    };
    s->host = (struct sftp_host){
        .now = host_now,
        .local_time = host_local_time,
        .user_name = host_user_name,
        .group_name = host_group_name,
        .ctx = s,
    };
    s->sftp = (struct sftp_server_config){
        .vfs = s->vfs,
        .home = "/",
        .user = c->settings->user,
        .is_read_only = c->settings->options->is_read_only != 0,
        .rand = &rand_system,
        .host = &s->host,
        .hashes = &sftp_hashes,
        .log = &s->log.sink,
        .audit = log_use,
        .audit_ctx = s,
    };
    s->channels.config = &s->sftp;
    s->channels.log = &s->log.sink;
}

/* ---- events ---- */

static void
on_sign(struct session *s, const struct conn_sign *sign)
{
    const struct link_public *public = s->config->public;
    struct bytes signature = {0};
    for (uint32_t i = 0; i < public->n_keys; i++)
        if (bytes_eq(sign->key, bytes_of(public->key[i].p, public->key[i].n)) &&
            monitor_sign(&s->monitor, i, sign, &signature) != ERR_NONE)
            log_line(&s->log.sink, LOG_LEVEL_WARN, "the monitor did not sign");
    conn_answer_sign(s->conn, sign->token, signature);
}

static void
on_ident(struct session *s)
{
    struct buf text;
    buf_init(&text, 512);
    text_escape(&text, conn_peer_ident(s->conn), 120);
    const char *ident = buf_cstr(&text);
    log_line(&s->log.sink, LOG_LEVEL_VERBOSE, "Client is \"%s\"", ident ? ident : "?");
    buf_clear(&text);
    s->sftp.peer_software = conn_peer_software(s->conn);
}

static void
on_negotiated(struct session *s)
{
    const struct conn_kex_info *k = conn_kex_info(s->conn);
    log_line(&s->log.sink, LOG_LEVEL_VERBOSE,
             "kex %s, host key %s, cipher %s/%s, mac %s/%s, compression %s/%s%s", k->kex,
             k->host_key, k->cipher_c2s, k->cipher_s2c, k->mac_c2s, k->mac_s2c,
             k->compression_c2s, k->compression_s2c, k->is_strict ? ", strict" : "");
}

static void
on_authenticated(struct session *s)
{
    snprintf(s->user, sizeof s->user, "%s", s->config->settings->user);
    s->no_channel_ms = clock_now_ms() + NO_CHANNEL_MS;
}

static void
on_event(struct session *s, const struct conn_event *ev)
{
    switch (ev->type) {
    case CONN_EV_IDENT:
        on_ident(s);
        return;
    case CONN_EV_NEGOTIATED:
        on_negotiated(s);
        return;
    case CONN_EV_SIGN:
        on_sign(s, &ev->sign);
        return;
    case CONN_EV_AUTH_REQUEST:
        login_on_request(&s->login, s->conn, &ev->auth);
        return;
    case CONN_EV_AUTH_SUCCESS:
        on_authenticated(s);
        return;
    default:
        sftp_channels_on_event(&s->channels, ev);
    }
}

/* ---- the loop ---- */

static void
check_idle(struct session *s, uint64_t now)
{
    if (s->channels.n_open != 0)
        s->no_channel_ms = now + NO_CHANNEL_MS;
    else if (conn_is_authenticated(s->conn) && now >= s->no_channel_ms)
        conn_disconnect(s->conn, DISCONNECT_BY_APPLICATION, "no channel is open");
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

/* When to wake at the latest for reasons of our own. */
static uint64_t
next_deadline(const struct session *s)
{
    uint64_t deadline = s->drain_ms;
    if (conn_is_authenticated(s->conn) && s->channels.n_open == 0 &&
        s->no_channel_ms < deadline)
        deadline = s->no_channel_ms;
    return deadline;
}

/* True: more events wait, or a request can go on, without any new octet. */
static bool
take_turn(struct session *s)
{
    struct conn_event ev;
    int n = 0;
    pump_tick(&s->pump);
    if (is_drained(s))
        conn_disconnect(s->conn, DISCONNECT_BY_APPLICATION, "the server is stopping");
    while (n < EVENTS_PER_TURN && conn_next_event(s->conn, &ev)) {
        on_event(s, &ev);
        n++;
    }
    bool has_more = sftp_channels_work(&s->channels) || n == EVENTS_PER_TURN;
    bool was_full = sftp_channels_are_full(&s->channels);
    pump_flush(&s->pump);
    /* Requests may wait for the room that this made, and the peer for their answers:
     * nothing else would wake us. */
    has_more |= was_full && !sftp_channels_are_full(&s->channels);
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

static void
log_end(struct session *s)
{
    const struct fault *f = conn_fault(s->conn);
    struct conn_counters n = conn_counters(s->conn);
    char host[NET_ADDR_TEXT_MAX];
    net_addr_host(&s->config->peer, host);
    log_line(&s->log.sink, LOG_LEVEL_INFO,
             "Disconnected from %s%s%s%s port %u: %s (%llu octets in, %llu out, %llu s)",
             s->user[0] ? "user " : "", s->user, s->user[0] ? " " : "", host,
             net_addr_port(&s->config->peer), f->text[0] ? f->text : "closed",
             (unsigned long long)n.rx_octets, (unsigned long long)n.tx_octets,
             (unsigned long long)(clock_now_ms() - s->start_ms) / 1000);
}

static void
session_clear(struct session *s)
{
    sftp_channels_clear(&s->channels);
    vfs_free(s->vfs);
    conn_free(s->conn);
}

static enum err
set_up(struct session *s, struct fault *why)
{
    enum err err = leave_terminal(why);
    if (err == ERR_NONE)
        err = make_signals(s, why);
    if (err == ERR_NONE)
        err = wall_in(s, why);
    if (err == ERR_NONE)
        err = make_vfs(s, why);
    if (err == ERR_NONE)
        err = make_conn(s, why);
    return err;
}

int
session_run(const struct session_config *config)
{
    struct session *s = calloc(1, sizeof *s);
    struct fault why = {0};
    char address[NET_ADDR_TEXT_MAX];
    if (!s)
        return 1;
    s->config = config;
    s->start_ms = clock_now_ms();
    s->no_channel_ms = s->drain_ms = UINT64_MAX;
    daemon_log_init(&s->log, settings_log_level(config->settings->options),
                    config->trace);
    net_addr_host(&config->peer, address);
    log_line(&s->log.sink, LOG_LEVEL_INFO, "Connection from %s port %u", address,
             net_addr_port(&config->peer));
    if (set_up(s, &why) != ERR_NONE) {
        log_line(&s->log.sink, LOG_LEVEL_ERROR, "%s", why.text);
        return 1;
    }
    wire_up(s);
    loop(s);
    log_end(s);
    session_clear(s);
    free(s);
    return 0;
}
