/* See pre_auth.h. */
#include "daemon/pre_auth.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypto/rand.h"
#include "daemon/login.h"
#include "net/clock.h"
#include "net/proxy.h"
#include "net/pump.h"
#include "ssh/handover.h"

enum {
    LOGIN_MS = 60 * 1000,
    LOGIN_JITTER_MS = 4 * 1000, /* added at random; threats 13 */
    PROXY_MS = 5 * 1000,        /* for the proxy's header */
    HANDOVER_MS = 10 * 1000,    /* the session process has no more to do than to read */
};

struct pre_auth {
    const struct pre_auth_config *config;
    struct net_addr peer, local; /* as the proxy says, if there is one */
    struct conn *conn;
    struct pump pump;
    struct monitor_client monitor;
    uint64_t start_ms;
    bool has_tried, is_accepted;
};

/* ---- building ---- */

static enum err
wall_in(struct pre_auth *p, struct fault *why)
{
    const struct pre_auth_config *c = p->config;
    const struct daemon_public *public = c->public;
    const int keep[] = {c->socket, c->monitor, c->handover, c->log->recorder};
    const gid_t group = public->pre_auth_gid;
    const struct sandbox_identity nobody = {public->pre_auth_uid, group, &group, 1};
    int empty = -1;
    if (public->changes_ids)
        empty = open(public->empty_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (public->changes_ids && empty < 0)
        return fault_errno(why, ERR_IO, errno, "%.160s", public->empty_dir);
    const struct sandbox_room room = {
        .role = SANDBOX_PRE_AUTH,
        .root = empty,
        .is_chroot = public->changes_ids != 0,
        .identity = public->changes_ids ? &nobody : NULL,
        .keep = keep,
        .n_keep = ARRAY_LEN(keep),
        .death_signal = SIGKILL,
    };
    return sandbox_enter(c->plan, &room, why);
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
make_conn(struct pre_auth *p, struct fault *why)
{
    const struct daemon_public *public = p->config->public;
    struct conn_host_key keys[PUBLIC_KEYS_MAX];
    for (uint32_t i = 0; i < public->n_keys; i++)
        keys[i].blob = bytes_of(public->key[i].p, public->key[i].n);
    const char *banner = p->monitor.reply.hello.banner;
    struct conn_config config = {
        .role = CONN_SERVER,
        .software = "Ferry_0.1",
        .comments = public->comments[0] ? public->comments : NULL,
        .rand = &rand_system,
        .log = &p->config->log->sink,
        .limits = public->limits,
        .host_keys = keys,
        .n_host_keys = public->n_keys,
        .banner = banner[0] ? banner : NULL,
        /* Before a user is known: the widest that there is. */
        .auth_methods = "publickey,password,keyboard-interactive",
    };
    for (int i = 0; i < ALGO_SLOTS; i++)
        config.lists[i] = public->lists[i];
    config.limits.login_ms = login_time(config.limits.login_ms);
    if (conn_new(&config, p->start_ms, &p->conn) != ERR_NONE)
        return fault_set(why, ERR_NOMEM, 0, "cannot make the connection's state");
    pump_init(&p->pump, p->conn, p->config->socket);
    return ERR_NONE;
}

/* ---- a trusted proxy's header ---- */

static bool
wait_for(int fd, short events, uint64_t deadline)
{
    struct pollfd f = {.fd = fd, .events = events};
    for (;;) {
        uint64_t now = clock_now_ms();
        int n = now < deadline ? poll(&f, 1, clock_poll_timeout(deadline, now)) : 0;
        if (n > 0 || (n < 0 && errno != EINTR) || now >= deadline)
            return n > 0;
    }
}

/* Exactly the header: the octets behind it are the client's. */
static enum err
read_header(struct pre_auth *p, struct fault *why)
{
    uint64_t deadline = p->start_ms + PROXY_MS;
    uint8_t header[PROXY_HEADER_MAX];
    size_t n = 0, wanted = PROXY_FIXED;
    for (;;) {
        ssize_t got = wait_for(p->config->socket, POLLIN, deadline)
                          ? read(p->config->socket, header + n, wanted - n)
                          : 0;
        if (got <= 0)
            return fault_set(why, ERR_CLOSED, 0, "the proxy sent no PROXY header");
        n += (size_t)got;
        if (n < wanted)
            continue;
        enum proxy_step step =
            proxy_parse(bytes_of(header, n), &wanted, &p->peer, &p->local, why);
        if (step != PROXY_MORE)
            return step == PROXY_DONE ? ERR_NONE : ERR_PROTO;
        if (wanted <= n || wanted > sizeof header)
            return fault_set(why, ERR_BUG, 0, "the PROXY header has no end");
    }
}

static enum err
learn_peer(struct pre_auth *p, struct fault *why)
{
    struct monitor_proxied r = {.op = MONITOR_PROXIED};
    char host[NET_ADDR_TEXT_MAX];
    enum err err = read_header(p, why);
    if (err != ERR_NONE)
        return err;
    net_addr_host(&p->peer, host);
    snprintf(r.address, sizeof r.address, "%.63s", host);
    net_addr_host(&p->local, host);
    snprintf(r.local_address, sizeof r.local_address, "%.63s", host);
    r.port = net_addr_port(&p->peer);
    r.local_port = net_addr_port(&p->local);
    err = monitor_put(&p->monitor, &r, sizeof r);
    return err ? fault_set(why, err, 0, "the monitor did not take the proxy's word")
               : ERR_NONE;
}

/* ---- events ---- */

static void
log_client(const struct pre_auth *p)
{
    struct buf text;
    buf_init(&text, 512);
    text_escape(&text, conn_peer_ident(p->conn), 120);
    const char *ident = buf_cstr(&text);
    log_line(&p->config->log->sink, LOG_LEVEL_VERBOSE, "Client is \"%s\"",
             ident ? ident : "?");
    buf_clear(&text);
}

static void
on_negotiated(const struct pre_auth *p)
{
    const struct conn_kex_info *k = conn_kex_info(p->conn);
    log_line(&p->config->log->sink, LOG_LEVEL_VERBOSE,
             "kex %s, host key %s, cipher %s/%s, mac %s/%s, compression %s/%s%s", k->kex,
             k->host_key, k->cipher_c2s, k->cipher_s2c, k->mac_c2s, k->mac_s2c,
             k->compression_c2s, k->compression_s2c, k->is_strict ? ", strict" : "");
}

static void
on_sign(struct pre_auth *p, const struct conn_sign *sign)
{
    struct bytes signature;
    if (monitor_sign(&p->monitor, sign, &signature) != ERR_NONE)
        log_line(&p->config->log->sink, LOG_LEVEL_WARN, "the monitor did not sign");
    conn_answer_sign(p->conn, sign->token, signature);
}

static void
on_event(struct pre_auth *p, const struct conn_event *ev)
{
    switch (ev->type) {
    case CONN_EV_IDENT:
        log_client(p);
        if (monitor_tell_client(&p->monitor, conn_peer_ident(p->conn)) != ERR_NONE)
            conn_disconnect(p->conn, DISCONNECT_SERVICE_NOT_AVAILABLE, "try again later");
        return;
    case CONN_EV_NEGOTIATED:
        on_negotiated(p);
        return;
    case CONN_EV_SIGN:
        on_sign(p, &ev->sign);
        return;
    case CONN_EV_AUTH_REQUEST:
        p->has_tried = true;
        login_on_request(&p->monitor, p->conn, &ev->auth);
        return;
    case CONN_EV_AUTH_SUCCESS:
        p->is_accepted = true;
        return;
    default: /* nothing else is anything to us */
        return;
    }
}

/* Until the login, or the end. */
static void
loop(struct pre_auth *p)
{
    struct conn_event ev;
    for (;;) {
        pump_tick(&p->pump);
        while (!p->is_accepted && conn_next_event(p->conn, &ev))
            on_event(p, &ev);
        pump_flush(&p->pump);
        if (p->is_accepted || conn_is_over(p->conn))
            return;
        struct pollfd fds[1];
        if (pump_wait(&p->pump, fds, 1, UINT64_MAX) != ERR_NONE)
            return;
    }
}

/* ---- handing over ---- */

static enum err
send_rest(struct pre_auth *p, uint64_t deadline)
{
    while (conn_tx_pending(p->conn)) {
        pump_flush(&p->pump);
        if (conn_tx_pending(p->conn) &&
            (p->pump.is_broken || !wait_for(p->config->socket, POLLOUT, deadline)))
            return ERR_CLOSED;
    }
    return ERR_NONE;
}

static enum err
write_state(int fd, struct bytes state, uint64_t deadline)
{
    while (state.n != 0) {
        ssize_t n = write(fd, state.p, state.n);
        if (n > 0)
            state = bytes_skip(state, (size_t)n);
        else if (n < 0 && errno == EINTR)
            continue;
        else if (n < 0 && errno != EAGAIN)
            return ERR_IO;
        else if (!wait_for(fd, POLLOUT, deadline))
            return ERR_IO;
    }
    return ERR_NONE;
}

static enum err
hand_over(struct pre_auth *p, struct fault *why)
{
    struct buf state;
    uint64_t deadline = clock_now_ms() + HANDOVER_MS;
    buf_init(&state, HANDOVER_MAX);
    enum err err = send_rest(p, deadline);
    if (err == ERR_NONE)
        err = conn_export(p->conn, &state);
    if (err == ERR_NONE)
        err = write_state(p->config->handover, buf_bytes(&state), deadline);
    buf_clear(&state);
    return err ? fault_set(why, err, 0, "cannot hand the connection over (%s)",
                           err_name(err))
               : ERR_NONE;
}

/* ---- the end ---- */

static int
end_without_login(const struct pre_auth *p)
{
    const struct fault *f = conn_fault(p->conn);
    char host[NET_ADDR_TEXT_MAX];
    bool is_grace =
        clock_now_ms() - p->start_ms >= (p->config->public->limits.login_ms
                                             ? p->config->public->limits.login_ms
                                             : (uint32_t)LOGIN_MS);
    net_addr_host(&p->peer, host);
    log_line(&p->config->log->sink, LOG_LEVEL_INFO,
             "Connection closed by %s port %u: %s [preauth]", host,
             net_addr_port(&p->peer), f->text[0] ? f->text : "closed");
    if (is_grace)
        return PRE_AUTH_GRACE;
    return p->has_tried ? PRE_AUTH_FAILED : PRE_AUTH_NO_TRY;
}

static enum err
set_up(struct pre_auth *p, struct fault *why)
{
    enum err err = wall_in(p, why);
    if (err == ERR_NONE && p->config->is_proxy)
        err = learn_peer(p, why);
    if (err == ERR_NONE && monitor_put_op(&p->monitor, MONITOR_HELLO) != ERR_NONE)
        err = fault_set(why, ERR_IO, 0, "the monitor does not answer");
    if (err == ERR_NONE)
        err = make_conn(p, why);
    return err;
}

static void
log_connection(const struct pre_auth *p)
{
    char host[NET_ADDR_TEXT_MAX];
    net_addr_host(&p->peer, host);
    log_line(&p->config->log->sink, LOG_LEVEL_INFO, "Connection from %s port %u", host,
             net_addr_port(&p->peer));
}

static int
run(struct pre_auth *p)
{
    struct fault why = {0};
    int status = PRE_AUTH_ERROR;
    if (set_up(p, &why) == ERR_NONE) {
        log_connection(p);
        loop(p);
        if (!p->is_accepted)
            status = end_without_login(p);
        else if (hand_over(p, &why) == ERR_NONE)
            status = PRE_AUTH_HANDED_OVER;
    }
    if (why.text[0])
        log_line(&p->config->log->sink, LOG_LEVEL_ERROR, "%s", why.text);
    return status;
}

/* Nobody's work is in our hands: the word to stop ends us on the spot. */
static void
obey_sigterm(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

int
pre_auth_run(const struct pre_auth_config *config)
{
    struct pre_auth *p = calloc(1, sizeof *p);
    if (!p)
        return PRE_AUTH_ERROR;
    p->config = config;
    p->peer = config->peer;
    p->local = config->local;
    p->start_ms = clock_now_ms();
    p->monitor.fd = config->monitor;
    p->monitor.public = config->public;
    obey_sigterm();
    int status = run(p);
    /* The listener has the socket as well, so that our end alone would tell the peer
     * nothing before the listener has heard of it. */
    if (status != PRE_AUTH_HANDED_OVER)
        shutdown(config->socket, SHUT_RDWR);
    conn_free(p->conn);
    free(p);
    return status;
}
