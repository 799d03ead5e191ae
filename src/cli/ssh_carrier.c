/* See ssh_carrier.h. */
#include "cli/ssh_carrier.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/host_key.h"
#include "cli/interrupt.h"
#include "crypto/rand.h"
#include "net/clock.h"
#include "net/connect.h"
#include "net/pump.h"
#include "wire/put.h"

static const char software[] = "Ferry_0.1";

enum {
    GOODBYE_MS = 500,   /* for the last packets to leave */
    RETRY_MS = 1000,    /* between ConnectionAttempts */
    STDERR_MAX = 65536, /* octets of a server's standard error that are shown */
    EVENTS_PER_TURN = 256,
};

struct ssh_carrier {
    struct carrier carrier;
    struct ssh_carrier_config config;
    struct conn *conn;
    struct pump pump;
    int fd;
    pid_t proxy; /* ProxyCommand's process; 0: none */
    struct hosts hosts;
    struct login login;
    struct chan *chan;
    struct transfer *t;      /* during a turn */
    bool is_running;         /* the subsystem was started */
    bool is_over;            /* no more octets will come */
    bool has_more_events;    /* the last turn stopped at its bound */
    enum exit_status status; /* why opening failed; EXIT_OK: it has not */
    size_t stderr_shown;
};

static struct ssh_carrier *
from_carrier(struct carrier *c)
{
    return (struct ssh_carrier *)(void *)c; /* its first member */
}

struct conn *
ssh_carrier_conn(struct carrier *c)
{
    return from_carrier(c)->conn;
}

/* ---- connecting ---- */

static int
family_of(int option)
{
    return option == FAMILY_INET    ? AF_INET
           : option == FAMILY_INET6 ? AF_INET6
                                    : AF_UNSPEC;
}

/* TCPKeepAlive: have the kernel notice a peer that is gone. */
static void
keep_alive(int fd, int is_on)
{
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &is_on, sizeof is_on);
}

static enum err
connect_once(struct ssh_carrier *s, const struct connect_options *o, struct fault *fault)
{
    const struct settings *set = s->config.settings;
    struct net_addr peer;
    enum err e =
        socket_connect(set->host, (uint16_t)set->o.port, o, &s->fd, &peer, fault);
    if (e != ERR_NONE)
        return e;
    char text[NET_ADDR_TEXT_MAX];
    keep_alive(s->fd, set->o.tcp_keep_alive);
    net_addr_text(&peer, text);
    console_verbose(s->config.console, 1, "connected to %s", text);
    const struct ssh_observer *observer = s->config.observer;
    if (observer)
        observer->connected(observer->ctx, text);
    return ERR_NONE;
}

static bool
connect_socket(struct ssh_carrier *s)
{
    const struct ssh_options *opt = &s->config.settings->o;
    struct net_addr local;
    struct connect_options o = {.family = family_of(opt->address_family),
                                .timeout_ms = (uint32_t)opt->connect_timeout * 1000};
    struct fault fault = {0};
    if (opt->bind_address) {
        if (net_addr_parse(opt->bind_address, 0, &local) != ERR_NONE) {
            console_error(s->config.console, "BindAddress: not a numeric address");
            return false;
        }
        o.bind_to = &local;
    }
    for (int i = 0; i < opt->connection_attempts && interrupt_count() == 0; i++) {
        if (i != 0)
            carrier_rest_until(clock_now_ms() + RETRY_MS);
        fault = (struct fault){0};
        if (connect_once(s, &o, &fault) == ERR_NONE)
            return true;
    }
    console_error(s->config.console, "%s", fault.text);
    return false;
}

/* In the child: the user's own command line, so the user's shell. */
static void
run_proxy(const char *command, int fd)
{
    if (dup2(fd, STDIN_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0)
        _exit(127);
    const char *shell = getenv("SHELL");
    size_t n = strlen(command) + sizeof "exec ";
    char *line = malloc(n);
    if (!line)
        _exit(127);
    snprintf(line, n, "exec %s", command);
    execl(shell && *shell ? shell : "/bin/sh", "sh", "-c", line, (char *)NULL);
    _exit(127);
}

static bool
connect_proxy(struct ssh_carrier *s)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return false;
    s->proxy = fork();
    if (s->proxy == 0)
        run_proxy(s->config.settings->proxy_command, pair[1]);
    close(pair[1]);
    s->fd = pair[0];
    bool is_started = s->proxy > 0 && fcntl(s->fd, F_SETFL, O_NONBLOCK) == 0;
    const struct ssh_observer *observer = s->config.observer;
    if (is_started && observer)
        observer->connected(observer->ctx, NULL);
    return is_started;
}

/* ---- the engine ---- */

static void
set_limits(const struct ssh_options *o, struct conn_limits *limits)
{
    if (o->connect_timeout > 0)
        limits->ident_ms = limits->kex_ms = (uint32_t)o->connect_timeout * 1000;
    limits->rekey_octets = (uint64_t)o->rekey_octets;
    limits->rekey_ms = (uint32_t)o->rekey_seconds * 1000;
    limits->keepalive_ms = (uint32_t)o->server_alive_interval * 1000;
    limits->keepalive_max = (uint32_t)o->server_alive_count_max;
}

static bool
start_engine(struct ssh_carrier *s)
{
    const struct settings *set = s->config.settings;
    struct conn_config config = {.role = CONN_CLIENT,
                                 .software = software,
                                 .rand = &rand_system,
                                 .log = &s->config.console->log};
    struct buf host_keys;
    buf_init(&host_keys, 8192);
    for (size_t i = 0; i < ALGO_SLOTS; i++)
        config.lists[i] = set->lists[i];
    enum err e = hosts_order_algorithms(&s->hosts, &host_keys);
    if (e == ERR_NONE && (config.lists[ALGO_HOST_KEY] = buf_cstr(&host_keys)) == NULL)
        e = ERR_NOMEM;
    set_limits(&set->o, &config.limits);
    if (e == ERR_NONE)
        e = conn_new(&config, clock_now_ms(), &s->conn);
    buf_clear(&host_keys);
    if (e != ERR_NONE) {
        console_error(s->config.console, "the connection cannot be set up (%s)",
                      err_name(e));
        return false;
    }
    conn_auth_user(s->conn, set->user);
    pump_init(&s->pump, s->conn, s->fd);
    login_init(&s->login, s->conn, set, s->config.console, s->config.password_file);
    return true;
}

/* ---- events ---- */

static void
fail(struct ssh_carrier *s, enum exit_status status)
{
    if (s->status == EXIT_OK)
        s->status = status;
}

static bool
judge_host_key(struct ssh_carrier *s)
{
    const struct ssh_observer *observer = s->config.observer;
    if (!observer)
        return host_key_decide(&s->hosts, s->config.console,
                               conn_kex_info(s->conn)->host_key_blob);
    enum observer_verdict verdict = observer->host_key(observer->ctx, &s->hosts, s->conn);
    s->login.is_host_unverified = verdict == OBSERVER_ACCEPTS_UNVERIFIED;
    return verdict != OBSERVER_REFUSES;
}

static void
on_host_key(struct ssh_carrier *s)
{
    bool is_accepted = judge_host_key(s);
    if (!is_accepted)
        fail(s, interrupt_count() != 0 ? EXIT_INTERRUPTED : EXIT_HOST_KEY);
    conn_answer_host_key(s->conn, is_accepted);
}

/* Servers that keep to the draft's order; all others follow OpenSSH's. */
static enum sftp_symlink_order
symlink_order_of(const char *peer_software)
{
    static const char *const by_the_draft[] = {"AsyncSSH", "FlowSsh", "VShell"};
    for (size_t i = 0; i < ARRAY_LEN(by_the_draft); i++)
        if (strstr(peer_software, by_the_draft[i]))
            return SFTP_SYMLINK_LINK_FIRST;
    return SFTP_SYMLINK_TARGET_FIRST;
}

/* One process, one loop: a WRITE is done before what follows it is read. */
static bool
is_in_order(const char *peer_software)
{
    struct bytes peer = bytes_str(peer_software);
    return bytes_has_prefix(peer, "OpenSSH_") || bytes_has_prefix(peer, "Ferry_");
}

/* Erlang's ssh_sftpd gives the third open file the handle of another. */
static unsigned
files_max_of(const char *peer_software)
{
    return bytes_has_prefix(bytes_str(peer_software), "Erlang") ? 1 : 0;
}

static void
on_login(struct ssh_carrier *s)
{
    struct console *c = s->config.console;
    const struct settings *set = s->config.settings;
    switch (s->login.state) {
    case LOGIN_GOING:
        return;
    case LOGIN_INTERRUPTED:
        fail(s, EXIT_INTERRUPTED);
        conn_disconnect(s->conn, DISCONNECT_AUTH_CANCELLED, "interrupted");
        return;
    case LOGIN_DENIED:
        fail(s, EXIT_AUTH);
        console_error(c, "%s@%s: Permission denied (%s).", set->user, set->original,
                      s->login.methods);
        conn_disconnect(s->conn, DISCONNECT_NO_MORE_AUTH_METHODS,
                        "no more authentication methods to try");
        return;
    case LOGIN_DONE:
        console_verbose(c, 1, "authenticated (%s)", s->login.accepted);
        if (!s->chan && conn_open_session(s->conn, &s->chan) != ERR_NONE)
            fail(s, EXIT_LOST);
    }
}

/* Keys that the server has and we don't know yet: it must prove them first. */
static void
on_hostkeys(struct ssh_carrier *s, const struct conn_event *ev)
{
    const struct host_query query = hosts_query(&s->hosts);
    if (s->config.settings->o.update_host_keys != ANSWER_YES || s->config.observer)
        return;
    struct buf unknown;
    buf_init(&unknown, 8 * KEY_BLOB_MAX);
    struct cursor c = cursor_of(ev->hostkeys.list);
    while (cursor_left(&c) != 0) {
        struct bytes blob = cursor_string(&c);
        struct host_finding finding;
        host_finding_init(&finding);
        enum host_verdict verdict =
            known_hosts_check(s->hosts.files, s->hosts.n_files, &query, blob, &finding);
        if (!c.failed && verdict == HOST_KEY_OTHER_TYPE &&
            sig_by_name(key_blob_type(blob)))
            put_string(&unknown, blob);
        host_finding_clear(&finding);
    }
    if (!c.failed && buf_err(&unknown) == ERR_NONE && unknown.n != 0)
        conn_hostkeys_prove(s->conn, buf_bytes(&unknown));
    buf_clear(&unknown);
}

enum { PROVEN_MAX = 64 };

static void
on_hostkeys_proven(struct ssh_carrier *s, const struct conn_event *ev)
{
    struct bytes blobs[PROVEN_MAX];
    struct host_key_changes changes = {.add = blobs};
    struct fault fault = {0};
    struct cursor c = cursor_of(ev->hostkeys.list);
    while (cursor_left(&c) != 0 && changes.n_add < PROVEN_MAX)
        blobs[changes.n_add++] = cursor_string(&c);
    if (!c.failed && hosts_update(&s->hosts, &changes, &fault) != ERR_NONE)
        console_verbose(s->config.console, 1, "known_hosts: %s", fault.text);
}

static void
on_stderr(struct ssh_carrier *s, struct bytes text)
{
    struct buf out;
    text = bytes_first(text, STDERR_MAX - s->stderr_shown);
    s->stderr_shown += text.n;
    if (text.n == 0 || s->config.console->is_quiet)
        return;
    buf_init(&out, 8 * text.n + 64);
    while (text.n != 0 && text.p[text.n - 1] == '\n')
        text.n--;
    text_escape(&out, text, 0);
    const char *line = buf_cstr(&out);
    if (line)
        console_warn(s->config.console, "the server says: %s", line);
    buf_clear(&out);
}

static void
end(struct ssh_carrier *s, const char *reason)
{
    if (s->is_over)
        return;
    s->is_over = true;
    if (s->t)
        transfer_end(s->t, reason);
}

static void
on_disconnected(struct ssh_carrier *s)
{
    const struct fault *fault = conn_fault(s->conn);
    enum exit_status was = s->status;
    if (!s->is_running && was == EXIT_OK) {
        bool is_host_key = fault->reason == DISCONNECT_HOST_KEY_NOT_VERIFIABLE;
        bool is_auth = s->login.methods[0] != '\0' && !conn_is_authenticated(s->conn);
        fail(s, is_host_key ? EXIT_HOST_KEY : is_auth ? EXIT_AUTH : EXIT_CONNECT);
        console_error(s->config.console, "%s: %s", s->config.settings->original,
                      fault->text);
    }
    end(s, fault->text);
}

static void
on_data(struct ssh_carrier *s, const struct conn_event *ev)
{
    if (!s->t)
        return; /* not consumed: it is offered again */
    if (transfer_input(s->t, clock_now_ms(), ev->channel.data) != ERR_NONE)
        s->is_over = true; /* the session has told its sink */
    conn_channel_consumed(ev->chan, ev->channel.data.n);
}

static void
refuse_channel(struct ssh_carrier *s, const char *what, struct bytes text)
{
    struct buf out;
    buf_init(&out, 4096);
    text_escape(&out, text, 200);
    const char *words = buf_cstr(&out);
    fail(s, EXIT_UNSUPPORTED);
    console_error(s->config.console, "%s: %s%s%s", s->config.settings->original, what,
                  text.n != 0 ? ": " : "", words ? words : "");
    buf_clear(&out);
    conn_disconnect(s->conn, DISCONNECT_BY_APPLICATION, "no sftp here");
}

static void
on_channel_event(struct ssh_carrier *s, const struct conn_event *ev)
{
    switch (ev->type) {
    case CONN_EV_CHANNEL_OPENED:
        conn_channel_subsystem(ev->chan, "sftp");
        break;
    case CONN_EV_CHANNEL_OPEN_FAILED:
        s->chan = NULL;
        refuse_channel(s, "the server refused a session", ev->channel.text);
        break;
    case CONN_EV_CHANNEL_REQUEST_REPLY:
        s->is_running = ev->channel.ok;
        if (!ev->channel.ok)
            refuse_channel(s, "the server has no sftp subsystem", (struct bytes){0});
        break;
    case CONN_EV_CHANNEL_DATA:
        on_data(s, ev);
        break;
    case CONN_EV_CHANNEL_STDERR:
        on_stderr(s, ev->channel.data);
        break;
    case CONN_EV_CHANNEL_EOF:
        end(s, "the server ended the session");
        break;
    case CONN_EV_CHANNEL_CLOSED:
        s->chan = NULL;
        end(s, "the server closed the session");
        break;
    default:
        break;
    }
}

static void
on_newkeys(struct ssh_carrier *s)
{
    const struct conn_kex_info *info = conn_kex_info(s->conn);
    console_verbose(s->config.console, 1, "%s speaks %s, %s, %s (mac: %s)",
                    conn_peer_software(s->conn), info->kex, info->host_key,
                    info->cipher_c2s, info->mac_c2s);
    login_note_kex(&s->login);
}

static void
on_event(struct ssh_carrier *s, const struct conn_event *ev)
{
    const struct ssh_observer *observer = s->config.observer;
    if (observer)
        observer->event(observer->ctx, &s->login, ev);
    if (ev->type == CONN_EV_NEWKEYS)
        on_newkeys(s);
    if (login_on_event(&s->login, ev)) {
        on_login(s);
        return;
    }
    switch (ev->type) {
    case CONN_EV_IDENT:
        s->carrier.symlink_order = symlink_order_of(conn_peer_software(s->conn));
        s->carrier.is_in_order = is_in_order(conn_peer_software(s->conn));
        s->carrier.files_max = files_max_of(conn_peer_software(s->conn));
        break;
    case CONN_EV_HOST_KEY:
        on_host_key(s);
        break;
    case CONN_EV_HOSTKEYS:
        on_hostkeys(s, ev);
        break;
    case CONN_EV_HOSTKEYS_PROVEN:
        on_hostkeys_proven(s, ev);
        break;
    case CONN_EV_DISCONNECTED:
        on_disconnected(s);
        break;
    default:
        on_channel_event(s, ev);
    }
}

/* ---- turns ---- */

/* Send what is queued, wait, then act upon what came: a caller that got what it
 * waited for is not kept waiting. False: the connection is over. */
static bool
turn(struct ssh_carrier *s, uint64_t deadline_ms)
{
    struct pollfd fds[2] = {{0}, {.fd = interrupt_fd(), .events = POLLIN}};
    struct conn_event ev;
    pump_flush(&s->pump);
    if (pump_wait(&s->pump, fds, 2, s->has_more_events ? 0 : deadline_ms) != ERR_NONE)
        conn_rx_end(s->conn, errno);
    pump_tick(&s->pump);
    int n = 0;
    while (n < EVENTS_PER_TURN && conn_next_event(s->conn, &ev)) {
        on_event(s, &ev);
        n++;
    }
    s->has_more_events = n == EVENTS_PER_TURN;
    if (s->t && !s->is_over && transfer_run(s->t, clock_now_ms()) != ERR_NONE)
        s->is_over = true;
    pump_flush(&s->pump);
    return !conn_is_over(s->conn);
}

static struct stream *
ssh_stream(struct carrier *c)
{
    return conn_channel_stream(from_carrier(c)->chan);
}

static void
ssh_turn(struct carrier *c, struct transfer *t, uint64_t deadline_ms)
{
    struct ssh_carrier *s = from_carrier(c);
    s->t = t;
    if (!s->is_over && !turn(s, deadline_ms))
        end(s, conn_fault(s->conn)->text);
    s->t = NULL;
    struct conn_counters counters = conn_counters(s->conn);
    carrier_rest_until(
        carrier_rate_pause(c, clock_now_ms(), counters.rx_octets + counters.tx_octets));
}

/* ---- the end ---- */

static void
say_goodbye(struct ssh_carrier *s)
{
    uint64_t until = clock_now_ms() + GOODBYE_MS;
    if (s->chan)
        conn_channel_close(s->chan, 0);
    conn_disconnect(s->conn, DISCONNECT_BY_APPLICATION, "done");
    for (;;) {
        pump_flush(&s->pump);
        if (!conn_tx_pending(s->conn) || clock_now_ms() >= until)
            return;
        struct pollfd writable = {.fd = s->fd, .events = POLLOUT};
        if (poll(&writable, 1, 50) > 0 && (writable.revents & (POLLERR | POLLHUP)))
            return;
        pump_read(&s->pump, POLLOUT); /* it may write again */
    }
}

static void
ssh_close(struct carrier *c)
{
    struct ssh_carrier *s = from_carrier(c);
    if (s->conn) {
        say_goodbye(s);
        login_clear(&s->login);
        conn_free(s->conn);
    }
    if (s->fd >= 0)
        close(s->fd);
    if (s->proxy > 0) {
        kill(s->proxy, SIGHUP);
        (void)waitpid(s->proxy, NULL, 0);
    }
    hosts_clear(&s->hosts);
    free(s);
}

static const struct carrier_ops ssh_ops = {ssh_stream, ssh_turn, ssh_close};

/* ---- opening ---- */

static void
load_hosts(struct ssh_carrier *s)
{
    struct fault fault = {0};
    if (hosts_load(&s->hosts, s->config.settings, &fault) == ERR_NONE)
        return;
    console_error(s->config.console, "%s", fault.text);
    fail(s, EXIT_HOST_KEY);
}

static void
reach_host(struct ssh_carrier *s)
{
    bool is_reached =
        s->config.settings->proxy_command ? connect_proxy(s) : connect_socket(s);
    if (!is_reached || !start_engine(s))
        fail(s, interrupt_count() != 0 ? EXIT_INTERRUPTED : EXIT_CONNECT);
}

static void
run_until_open(struct ssh_carrier *s)
{
    while (s->status == EXIT_OK && !s->is_running) {
        if (interrupt_count() != 0)
            fail(s, EXIT_INTERRUPTED);
        else if (!turn(s, UINT64_MAX) && !s->is_running)
            fail(s, EXIT_CONNECT);
    }
}

enum exit_status
ssh_carrier_open(const struct ssh_carrier_config *config, struct carrier **carrier)
{
    struct ssh_carrier *s = calloc(1, sizeof *s);
    if (!s)
        return EXIT_LOCAL;
    s->carrier.ops = &ssh_ops;
    s->config = *config;
    s->fd = -1;
    s->status = EXIT_OK;
    load_hosts(s);
    if (s->status == EXIT_OK)
        reach_host(s);
    if (s->status == EXIT_OK)
        run_until_open(s);
    enum exit_status status = s->status;
    if (status == EXIT_OK)
        *carrier = &s->carrier;
    else
        ssh_close(&s->carrier);
    return status;
}
