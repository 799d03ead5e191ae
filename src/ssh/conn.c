/*
 * The engine's life: bytes in and out, events, deadlines, the end.
 * See conn.h for the contract and engine.h for who owns what.
 */
#include "ssh/engine.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- life ---- */

static const struct conn_limits default_limits = {
    .ident_ms = 10 * 1000,
    .kex_ms = 20 * 1000,
    .login_ms = 60 * 1000,
    .auth_failures = 6,
    .auth_requests = 64,
    .auth_queries = 20,
    .auth_delay_ms = 5,
    .channels = 10,
    .window = 2 * 1024 * 1024,
    .window_max = 15 * 1024 * 1024, /* more confuses OpenSSH's client */
    .max_packet = 128 * 1024,
    .out_budget = 4 * 1024 * 1024,
    .rekey_octets = 0,
    .rekey_ms = 3600 * 1000,
    .keepalive_ms = 0,
    .keepalive_max = 3,
};

static uint32_t
or_default(uint32_t value, uint32_t fallback)
{
    return value ? value : fallback;
}

static void
set_limits(struct conn *c, const struct conn_limits *l)
{
    const struct conn_limits *d = &default_limits;
    c->limits = (struct conn_limits){
        .ident_ms = or_default(l->ident_ms, d->ident_ms),
        .kex_ms = or_default(l->kex_ms, d->kex_ms),
        .login_ms = or_default(l->login_ms, d->login_ms),
        .auth_failures = or_default(l->auth_failures, d->auth_failures),
        .auth_requests = or_default(l->auth_requests, d->auth_requests),
        .auth_queries = or_default(l->auth_queries, d->auth_queries),
        .auth_delay_ms = or_default(l->auth_delay_ms, d->auth_delay_ms),
        .channels = or_default(l->channels, d->channels),
        .window = or_default(l->window, d->window),
        .window_max = or_default(l->window_max, d->window_max),
        .max_packet = or_default(l->max_packet, d->max_packet),
        .out_budget = or_default(l->out_budget, d->out_budget),
        .rekey_octets = l->rekey_octets,
        .rekey_ms = or_default(l->rekey_ms, d->rekey_ms),
        .keepalive_ms = l->keepalive_ms,
        .keepalive_max = or_default(l->keepalive_max, d->keepalive_max),
    };
    if (c->limits.window_max < c->limits.window)
        c->limits.window_max = c->limits.window;
    if (c->limits.max_packet > PACKET_MAX - 1024)
        c->limits.max_packet = PACKET_MAX - 1024;
}

static void
init_bufs(struct conn *c)
{
    struct kex_run *k = &c->kex;
    struct {
        struct buf *b;
        size_t max;
    } const bufs[] = {
        {&c->host_keys, (size_t)CHANNELS_MAX * KEY_BLOB_MAX},
        {&k->own_init, PACKET_MAX_BEFORE_AUTH},
        {&k->peer_init, PACKET_MAX},
        {&k->gex_p, MPINT_MAX},
        {&k->gex_g, MPINT_MAX},
        {&k->client_public, KEX_PUBLIC_MAX},
        {&k->server_public, KEX_PUBLIC_MAX},
        {&k->secret, KEX_PUBLIC_MAX},
        {&k->host_key, KEY_BLOB_MAX},
        {&k->accepted_host_key, KEY_BLOB_MAX},
        {&k->signature, SIG_BLOB_MAX},
        {&c->auth.methods, 1024},
        {&c->auth.request, PACKET_MAX_BEFORE_AUTH},
        {&c->auth.signed_data, (size_t)4 * KEY_BLOB_MAX},
        {&c->auth.key, KEY_BLOB_MAX},
        {&c->peer_extensions, PACKET_MAX_BEFORE_AUTH},
        {&c->server_sig_algs, PACKET_MAX_BEFORE_AUTH},
        {&c->sign_data, (size_t)4 * KEY_BLOB_MAX},
        {&c->prove_list, PACKET_MAX},
        {&c->prove_reply, PACKET_MAX},
    };
    for (size_t i = 0; i < ARRAY_LEN(bufs); i++)
        buf_init(bufs[i].b, bufs[i].max);
}

static char *
copy_text(const char *s, enum err *e)
{
    char *copy = s ? strdup(s) : NULL;
    if (s && !copy)
        *e = ERR_NOMEM;
    return copy;
}

/* "SSH-2.0-software comments" and its line end (RFC 4253 4.2). */
static enum err
set_own_ident(struct conn *c, const struct conn_config *config)
{
    bool has_comments = config->comments && config->comments[0] != '\0';
    int n = snprintf(c->own_ident, sizeof c->own_ident, "SSH-2.0-%s%s%s\r\n",
                     config->software, has_comments ? " " : "",
                     has_comments ? config->comments : "");
    if (n < 0 || (size_t)n >= sizeof c->own_ident)
        return ERR_LIMIT;
    c->own_ident_len = (size_t)n - 2;
    bool is_printable = ident_is_printable(bytes_of(c->own_ident, c->own_ident_len));
    return is_printable && !strchr(config->software, ' ') ? ERR_NONE : ERR_BUG;
}

static enum err
copy_config(struct conn *c, const struct conn_config *config)
{
    enum err e = ERR_NONE;
    for (size_t i = 0; i < ALGO_SLOTS; i++)
        c->lists[i] = copy_text(config->lists[i] ? config->lists[i] : "", &e);
    c->banner = copy_text(config->banner, &e);
    buf_put_str(&c->auth.methods, config->auth_methods ? config->auth_methods : "");
    for (size_t i = 0; i < config->n_host_keys; i++)
        put_string(&c->host_keys, config->host_keys[i].blob);
    if (e == ERR_NONE)
        e = set_own_ident(c, config);
    if (e == ERR_NONE)
        e = buf_err(&c->host_keys);
    return e != ERR_NONE ? e : buf_err(&c->auth.methods);
}

enum err
conn_make(const struct conn_config *config, uint64_t now_ms, struct conn **out)
{
    struct conn *c = calloc(1, sizeof *c);
    if (!c)
        return ERR_NOMEM;
    c->role = config->role;
    c->rand = config->rand;
    c->log = config->log;
    c->now_ms = c->start_ms = c->rx_ms = c->busy_ms = now_ms;
    set_limits(c, &config->limits);
    init_bufs(c);
    slab_pool_init(&c->pool, SLAB_SIZE, c->limits.out_budget / SLAB_SIZE + 2);
    enum err e = copy_config(c, config);
    if (e == ERR_NONE)
        e = packet_rx_init(&c->rx);
    if (e == ERR_NONE)
        e = packet_tx_init(&c->tx, &c->pool, c->rand);
    if (e != ERR_NONE) {
        conn_free(c);
        return e;
    }
    *out = c;
    return ERR_NONE;
}

enum err
conn_new(const struct conn_config *config, uint64_t now_ms, struct conn **out)
{
    struct conn *c = NULL;
    enum err e = conn_make(config, now_ms, &c);
    if (e == ERR_NONE)
        e = kex_start(c); /* KEXINIT leaves together with the identification */
    if (e != ERR_NONE) {
        conn_free(c);
        return e;
    }
    *out = c;
    return ERR_NONE;
}

void
conn_free(struct conn *c)
{
    if (!c)
        return;
    chan_free_all(c);
    packet_tx_clear(&c->tx);
    packet_rx_clear(&c->rx);
    kex_clear(&c->kex);
    auth_clear(&c->auth);
    struct buf *const bufs[] = {&c->host_keys, &c->peer_extensions, &c->server_sig_algs,
                                &c->sign_data, &c->prove_list,      &c->prove_reply};
    for (size_t i = 0; i < ARRAY_LEN(bufs); i++)
        buf_clear(bufs[i]);
    for (size_t i = 0; i < ALGO_SLOTS; i++)
        free(c->lists[i]);
    free(c->banner);
    slab_pool_clear(&c->pool);
    mem_wipe(c, sizeof *c);
    free(c);
}

/* ---- sending ---- */

void
conn_trace_msg(const struct conn *c, const char *arrow, const struct msg_desc *desc,
               struct bytes payload)
{
    if (!log_wants(c->log, TRACE_WIRE))
        return;
    struct buf text;
    buf_init(&text, 8192);
    msg_print_wire(desc, &text, payload);
    const char *words = buf_cstr(&text);
    log_trace(c->log, TRACE_WIRE, "%s %s", arrow, words ? words : desc->name);
    buf_clear(&text);
}

enum err
conn_send_payload(struct conn *c, struct bytes payload, enum packet_mark mark,
                  bool is_urgent)
{
    struct packet *p = packet_copy(&c->pool, payload);
    if (!p)
        return conn_fail(c, ERR_NOMEM, DISCONNECT_BY_APPLICATION, "out of memory");
    p->mark = mark;
    packet_queue_put(is_urgent ? &c->tx.urgent : &c->tx.queue, p);
    return ERR_NONE;
}

static enum err
send_msg(struct conn *c, enum ssh_msg msg, const void *fields, bool is_urgent)
{
    if (c->is_dead)
        return c->fault.code;
    struct buf b;
    buf_init(&b, PACKET_MAX - 1024);
    msg_put(&ssh_msgs[msg], &b, fields);
    enum err e = buf_err(&b);
    if (e == ERR_NONE) {
        conn_trace_msg(c, "->", &ssh_msgs[msg], buf_bytes(&b));
        e = conn_send_payload(c, buf_bytes(&b), PACKET_PLAIN, is_urgent);
    } else {
        e = conn_fail(c, e, DISCONNECT_BY_APPLICATION, "cannot build a message");
    }
    buf_clear(&b);
    return e;
}

enum err
conn_send(struct conn *c, enum ssh_msg msg, const void *fields)
{
    return send_msg(c, msg, fields, false);
}

enum err
conn_send_urgent(struct conn *c, enum ssh_msg msg, const void *fields)
{
    return send_msg(c, msg, fields, true);
}

/* ---- the end ---- */

static void
send_disconnect(struct conn *c, uint32_t reason, const char *text, bool is_urgent)
{
    struct ssh_disconnect m = {.reason_code = reason,
                               .description = bytes_str(text),
                               .language_tag = BYTES_LIT("\0\0\0\0")};
    (void)send_msg(c, SSH_DISCONNECT, &m, is_urgent); /* it is the end either way */
}

enum err
conn_fail(struct conn *c, enum err code, uint32_t reason, const char *fmt, ...)
{
    if (c->is_dead)
        return c->fault.code;
    char text[sizeof c->fault.text];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    fault_set(&c->fault, code, reason, "%s", text);
    packet_queue_clear(&c->tx.queue);
    bool is_heard = code != ERR_CLOSED && code != ERR_IO && code != ERR_NOMEM;
    if (is_heard && reason != 0 && c->phase != PHASE_IDENT)
        send_disconnect(c, reason, text, true);
    c->is_dead = true;
    return code;
}

/* Move what the peers' windows allow to the connection's queue. */
static void
pump_channels(struct conn *c)
{
    for (uint32_t i = 0, seen = 0; i < CHANNELS_MAX && seen < c->n_chans; i++) {
        struct chan *ch = c->chans[i];
        seen += ch ? 1 : 0;
        if (ch && ch->state == CHAN_OPEN && chan_pump(ch) != ERR_NONE)
            conn_fail(c, ERR_NOMEM, DISCONNECT_BY_APPLICATION, "out of memory");
    }
}

void
conn_disconnect(struct conn *c, enum disconnect_reason reason, const char *text)
{
    if (c->is_dead)
        return;
    pump_channels(c); /* what can go still goes */
    if (c->is_dead)
        return;
    if (c->phase != PHASE_IDENT)
        send_disconnect(c, reason, text, c->tx.is_held);
    fault_set(&c->fault, ERR_CLOSED, reason, "%s", text);
    c->is_dead = true;
}

void
conn_rx_end(struct conn *c, int sys_errno)
{
    c->rx_ended = true;
    if (sys_errno != 0 && !c->is_dead) {
        fault_errno(&c->fault, ERR_CLOSED, sys_errno, "the connection was lost");
        c->is_dead = true;
    }
    if (c->is_dead) { /* nobody is left to hear what is queued */
        packet_queue_clear(&c->tx.queue);
        packet_queue_clear(&c->tx.urgent);
        packet_queue_clear(&c->tx.sealed);
        c->tx.sealed_octets = c->tx.sealed_sent = 0;
    }
}

bool
conn_is_over(struct conn *c)
{
    return c->is_dead && c->told_dead && !conn_tx_pending(c);
}

/* ---- bytes ---- */

/* What the last DATA event left over is kept before its octets' place is used
 * for others. */
static void
settle_offer(struct conn *c)
{
    if (c->offering && chan_settle(c->offering) != ERR_NONE)
        assert(c->is_dead);
}

uint8_t *
conn_rx_space(struct conn *c, size_t *n)
{
    *n = 0;
    settle_offer(c);
    if (c->is_dead || c->rx_ended)
        return NULL;
    return packet_rx_space(&c->rx, n);
}

void
conn_rx_added(struct conn *c, size_t n)
{
    packet_rx_added(&c->rx, n);
    c->rx_ms = c->busy_ms = c->now_ms;
    c->n_keepalives = 0;
}

/* The identification line goes first and in clear. */
static int
ident_iov(struct conn *c, struct iovec *iov)
{
    size_t left = c->own_ident_len + 2 - c->own_ident_sent;
    iov[0] = (struct iovec){c->own_ident + c->own_ident_sent, left};
    return left != 0 ? 1 : 0;
}

int
conn_tx_iov(struct conn *c, struct iovec *iov, int max)
{
    if (!c->is_dead)
        pump_channels(c);
    enum err e = packet_tx_seal(&c->tx, SEAL_AHEAD);
    if (e != ERR_NONE) {
        conn_fail(c, e, 0, "cannot seal a packet");
        packet_queue_clear(&c->tx.urgent);
    }
    int n = max > 1 ? ident_iov(c, iov) : 0;
    return n + packet_tx_iov(&c->tx, iov + n, max - n);
}

void
conn_tx_sent(struct conn *c, size_t n)
{
    size_t ident_left = c->own_ident_len + 2 - c->own_ident_sent;
    size_t ident = n < ident_left ? n : ident_left;
    c->own_ident_sent += ident;
    packet_tx_sent(&c->tx, n - ident);
    c->busy_ms = c->now_ms;
}

bool
conn_tx_pending(struct conn *c)
{
    if (!c->is_dead)
        pump_channels(c);
    return c->own_ident_sent < c->own_ident_len + 2 || !packet_tx_is_idle(&c->tx);
}

/* ---- time ---- */

static uint64_t
earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Deadlines whose passing ends the connection, with the sentence that says so. */
struct limit_row {
    uint64_t at;
    bool is_on;
    const char *text;
};

static void
list_limits(const struct conn *c, struct limit_row rows[3])
{
    bool is_user_thinking = c->await == AWAIT_HOST_KEY;
    rows[0] =
        (struct limit_row){c->start_ms + c->limits.ident_ms, c->phase == PHASE_IDENT,
                           "no SSH identification came in time"};
    rows[1] = (struct limit_row){c->kex.started_ms + c->limits.kex_ms,
                                 c->kex.is_running && !is_user_thinking,
                                 "the key exchange took too long"};
    rows[2] = (struct limit_row){c->start_ms + c->limits.login_ms,
                                 c->role == CONN_SERVER && !c->auth.is_done,
                                 "authentication took too long"};
}

uint64_t
conn_deadline(const struct conn *c)
{
    uint64_t at = UINT64_MAX;
    if (c->is_dead)
        return at;
    struct limit_row rows[3];
    list_limits(c, rows);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].is_on)
            at = earlier(at, rows[i].at);
    if (c->await == AWAIT_AUTH_DELAY)
        at = earlier(at, c->auth.reply_ms);
    if (c->is_fresh)
        return at;
    if (c->auth.is_done && kex_is_idle(c))
        at = earlier(at, c->kex.last_done_ms + c->limits.rekey_ms);
    if (c->auth.is_done && c->limits.keepalive_ms != 0) {
        uint64_t last = c->keepalive_ms > c->rx_ms ? c->keepalive_ms : c->rx_ms;
        at = earlier(at, last + c->limits.keepalive_ms);
    }
    if (c->busy_ms != 0)
        at = earlier(at, c->busy_ms + TRIM_MS);
    return at;
}

/* Nothing moved for a while: hold no bulk memory. */
static void
trim_when_idle(struct conn *c)
{
    if (c->busy_ms == 0 || c->now_ms - c->busy_ms < TRIM_MS)
        return;
    c->busy_ms = 0;
    slab_pool_trim(&c->pool);
    if (c->n_events == 0 && !c->offering && c->await == AWAIT_NOTHING)
        packet_rx_trim(&c->rx);
}

void
conn_tick(struct conn *c, uint64_t now_ms)
{
    c->now_ms = now_ms > c->now_ms ? now_ms : c->now_ms;
    if (c->is_dead)
        return;
    struct limit_row rows[3];
    list_limits(c, rows);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].is_on && c->now_ms >= rows[i].at) {
            conn_fail(c, ERR_LIMIT, DISCONNECT_BY_APPLICATION, "%s", rows[i].text);
            return;
        }
    if (c->await == AWAIT_AUTH_DELAY && c->now_ms >= c->auth.reply_ms)
        (void)auth_send_failure(c); /* a failure has latched */
    (void)global_check_keepalive(c);
    (void)kex_check_rekey(c);
    trim_when_idle(c);
}

/* ---- events ---- */

struct conn_event *
conn_raise(struct conn *c, enum conn_event_type type, struct chan *chan)
{
    assert(c->n_events < EVENTS_MAX); /* a message raises three at most */
    struct conn_event *ev = &c->events[(c->first_event + c->n_events++) % EVENTS_MAX];
    *ev = (struct conn_event){.type = type, .chan = chan};
    return ev;
}

static bool
take_event(struct conn *c, struct conn_event *ev)
{
    if (c->n_events == 0)
        return false;
    *ev = c->events[c->first_event];
    c->first_event = (c->first_event + 1) % EVENTS_MAX;
    c->n_events--;
    return true;
}

static bool
tell_end(struct conn *c, struct conn_event *ev)
{
    if (c->told_dead)
        return false;
    c->told_dead = true;
    *ev = (struct conn_event){.type = CONN_EV_DISCONNECTED};
    return true;
}

static enum err
take_ident(struct conn *c, bool *has_moved)
{
    size_t used = 0;
    bool is_done = false;
    enum err e = ident_parse(&c->peer_ident, packet_rx_raw(&c->rx),
                             c->role == CONN_CLIENT, &used, &is_done, &c->fault);
    packet_rx_drop(&c->rx, used);
    if (e != ERR_NONE) {
        c->is_dead = true; /* the fault has latched; there is no packet to say it with */
        return e;
    }
    if (is_done) {
        c->phase = PHASE_KEXINIT;
        c->kex.started_ms = c->now_ms;
        conn_raise(c, CONN_EV_IDENT, NULL);
    }
    *has_moved = is_done;
    return ERR_NONE;
}

/* More control is queued than a peer who reads would cause: wait for it to
 * read; in a key exchange, where waiting could last for ever, end it. */
static bool
is_flooded(struct conn *c)
{
    if (c->tx.queue.control <= CONTROL_MAX)
        return false;
    if (c->tx.is_held)
        conn_fail(c, ERR_LIMIT, DISCONNECT_PROTOCOL_ERROR,
                  "too much was asked during a key exchange");
    return true;
}

static enum err
take_packet(struct conn *c, bool *has_moved)
{
    if (is_flooded(c))
        return ERR_NONE;
    struct fault why = {0};
    enum err e = packet_rx_next(&c->rx, &c->payload, &why);
    if (e != ERR_NONE)
        return conn_fail(c, e, why.reason, "%s", why.text);
    *has_moved = c->payload.n != 0;
    e = *has_moved ? rules_dispatch(c, c->payload) : ERR_NONE;
    return e != ERR_NONE ? e : kex_check_rekey(c);
}

static enum err
take_input(struct conn *c, bool *has_moved)
{
    enum err e =
        c->phase == PHASE_IDENT ? take_ident(c, has_moved) : take_packet(c, has_moved);
    if (e != ERR_NONE || *has_moved || !c->rx_ended || is_flooded(c))
        return e;
    return conn_fail(c, ERR_CLOSED, 0,
                     c->phase == PHASE_IDENT ? "the connection was closed before it began"
                                             : "the peer closed the connection");
}

/* Closing, EOF and backlogs: what channels do without a packet from the peer. */
static enum err
advance_channels(struct conn *c)
{
    for (uint32_t i = 0, seen = 0; i < CHANNELS_MAX && seen < c->n_chans; i++) {
        struct chan *ch = c->chans[i];
        if (!ch)
            continue;
        seen++;
        enum err e = ch->state == CHAN_OPEN ? chan_pump(ch) : ERR_NONE;
        if (e != ERR_NONE)
            return conn_fail(c, e, DISCONNECT_BY_APPLICATION, "out of memory");
        e = chan_advance_close(ch);
        if (e != ERR_NONE)
            return e;
        if (c->n_events != 0 || (c->await == AWAIT_NOTHING && chan_offer_backlog(ch)))
            return ERR_NONE;
    }
    return ERR_NONE;
}

/*
 * AUTH_SUCCESS was given out and the connection was not handed over: go on here.
 * Until then nothing is opened, sent or compressed behind USERAUTH_SUCCESS, so
 * that handover.c need not carry what can't be carried, like the state of zlib.
 */
static enum err
settle_login(struct conn *c)
{
    c->is_fresh = false;
    c->rx.packet_max = PACKET_MAX;
    return c->role == CONN_SERVER ? global_announce_hostkeys(c) : ERR_NONE;
}

bool
conn_next_event(struct conn *c, struct conn_event *ev)
{
    settle_offer(c);
    if (c->n_events == 0)
        chan_reap(c);
    for (;;) {
        if (take_event(c, ev))
            return true;
        if (c->is_dead)
            return tell_end(c, ev);
        bool has_moved = false;
        enum err e = c->is_fresh ? settle_login(c) : ERR_NONE;
        if (e == ERR_NONE)
            e = advance_channels(c);
        if (e == ERR_NONE && c->n_events == 0 && c->await == AWAIT_NOTHING)
            e = take_input(c, &has_moved);
        if (e == ERR_NONE && c->n_events == 0 && !has_moved)
            return false;
        assert(e == ERR_NONE || c->is_dead);
    }
}

/* ---- answers that are not authentication's ---- */

void
conn_answer_host_key(struct conn *c, bool is_accepted)
{
    if (c->await != AWAIT_HOST_KEY || c->is_dead)
        return;
    c->await = AWAIT_NOTHING;
    c->kex.started_ms = c->now_ms; /* the user's thinking was not the peer's time */
    if (is_accepted)
        (void)kex_host_key_accepted(c); /* a failure has latched */
    else
        conn_fail(c, ERR_AUTH, DISCONNECT_HOST_KEY_NOT_VERIFIABLE,
                  "the server's host key was not accepted");
}

void
conn_answer_sign(struct conn *c, uint32_t token, struct bytes signature)
{
    if (token != c->sign_token || c->is_dead)
        return;
    enum await asked = c->await;
    if (asked != AWAIT_KEX_SIGN && asked != AWAIT_AUTH_SIGN && asked != AWAIT_PROVE_SIGN)
        return;
    c->await = AWAIT_NOTHING;
    if (asked == AWAIT_KEX_SIGN)
        (void)kex_signed(c, signature); /* a failure has latched, here and below */
    else if (asked == AWAIT_AUTH_SIGN)
        (void)auth_signed(c, signature);
    else
        (void)global_proved(c, signature);
}

void
conn_rekey(struct conn *c)
{
    if (!c->is_dead && c->auth.is_done && !c->is_fresh && kex_is_idle(c))
        (void)kex_start(c); /* a failure has latched */
}

/* ---- what is known ---- */

bool
conn_is_authenticated(const struct conn *c)
{
    return c->auth.is_done;
}

const struct fault *
conn_fault(const struct conn *c)
{
    return &c->fault;
}

struct bytes
conn_peer_ident(const struct conn *c)
{
    return bytes_str(c->peer_ident.line);
}

const char *
conn_peer_software(const struct conn *c)
{
    return c->peer_ident.software;
}

struct bytes
conn_session_id(const struct conn *c)
{
    return bytes_of(c->kex.session_id, c->kex.session_id_len);
}

struct bytes
conn_server_sig_algs(const struct conn *c)
{
    return buf_bytes(&c->server_sig_algs);
}

struct bytes
conn_peer_extensions(const struct conn *c)
{
    return buf_bytes(&c->peer_extensions);
}

const struct conn_kex_info *
conn_kex_info(const struct conn *c)
{
    return &c->info;
}

struct conn_counters
conn_counters(const struct conn *c)
{
    return (struct conn_counters){.rx_octets = c->rx.octets,
                                  .tx_octets = c->tx.octets,
                                  .rx_packets = c->rx.packets,
                                  .tx_packets = c->tx.packets};
}
