/* See sim.h. */
#include "sim.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/rand.h"
#include "ssh/handover.h"
#include "wire/cursor.h"

enum { STEPS_MAX = 2 * 1000 * 1000, TIME_MAX_MS = 2000 * 1000 * 1000 };

static struct privkey *host_keys[3], *user_key; /* ed25519, ecdsa, rsa */

struct prng {
    uint64_t s;
};

static uint64_t
prng_next(struct prng *r)
{
    r->s += 0x9e3779b97f4a7c15u; /* splitmix64 */
    uint64_t z = r->s;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint32_t
prng_below(struct prng *r, uint32_t n)
{
    return (uint32_t)(prng_next(r) % n);
}

static enum err
prng_fill(void *ctx, uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)prng_next(ctx);
    return ERR_NONE;
}

static uint8_t
pattern(uint32_t at)
{
    return (uint8_t)(at * 31 + (at >> 8) * 7 + (at >> 16));
}

struct end {
    struct conn *conn;
    struct chan *chan;
    uint32_t sent, received; /* octets of the pattern */
    bool sent_eof, saw_exit, is_over, is_login_wrong_done;
    bool waits; /* for the hand-over: no event is taken */
    int kbdint_round;
};

struct sim {
    const struct sim_config *config;
    struct prng rng;
    uint64_t now;
    struct end client, server;
    const struct rand_source *server_rand;
    struct sim_result result;
};

void
sim_init(void)
{
    if (crypto_init() != ERR_NONE ||
        privkey_generate(KEY_ED25519, 0, &host_keys[0]) != ERR_NONE ||
        privkey_generate(KEY_ECDSA_P256, 0, &host_keys[1]) != ERR_NONE ||
        privkey_generate(KEY_RSA, 2048, &host_keys[2]) != ERR_NONE ||
        privkey_generate(KEY_ED25519, 0, &user_key) != ERR_NONE)
        abort();
}

void
sim_clear(void)
{
    for (size_t i = 0; i < ARRAY_LEN(host_keys); i++)
        privkey_free(host_keys[i]);
    privkey_free(user_key);
}

static void
say(struct sim *s, const char *what)
{
    if (s->result.why[0] == '\0')
        snprintf(s->result.why, sizeof s->result.why, "%s", what);
}

static void
sign(struct conn *c, const struct conn_sign *request, const struct privkey *key)
{
    struct buf sig;
    buf_init(&sig, SIG_BLOB_MAX);
    if (sig_sign(request->algo, key, request->data, &sig) != ERR_NONE)
        buf_reset(&sig);
    conn_answer_sign(c, request->token, buf_bytes(&sig));
    buf_clear(&sig);
}

static const struct privkey *
host_key_for(const struct sig_algo *algo)
{
    for (size_t i = 0; i < ARRAY_LEN(host_keys); i++)
        if (pubkey_kind(privkey_public(host_keys[i])) == algo->kind)
            return host_keys[i];
    return NULL;
}

/* ---- the server's side ---- */

static void
server_auth(struct end *e, const struct conn_auth_request *auth)
{
    static const struct conn_prompt prompt = {"Password: ", false};
    struct cursor responses = cursor_of(auth->responses);
    bool is_ok = false;
    switch (auth->method) {
    case AUTH_PASSWORD:
        is_ok = bytes_eq_str(auth->password, "right");
        break;
    case AUTH_PUBLICKEY:
    case AUTH_PUBLICKEY_QUERY:
        is_ok = bytes_eq(auth->key, pubkey_blob(privkey_public(user_key)));
        break;
    case AUTH_KBDINT:
        conn_answer_auth_prompt(e->conn, "", "", &prompt, 1);
        return;
    case AUTH_KBDINT_RESPONSE:
        is_ok = bytes_eq_str(cursor_string(&responses), "right");
        break;
    default:
        break;
    }
    is_ok = is_ok && bytes_eq_str(auth->user, "sim");
    conn_answer_auth(e->conn, is_ok ? AUTH_ACCEPTED : AUTH_DENIED, NULL);
}

/* Send data back, as bulk through a reservation or as control. */
static size_t
echo(struct sim *s, struct chan *ch, struct bytes data)
{
    struct stream *st = conn_channel_stream(ch);
    size_t done = 0;
    while (done < data.n && stream_has_room(st)) {
        struct bytes rest = bytes_skip(data, done);
        struct bytes part = bytes_first(rest, 1 + prng_below(&s->rng, 9000));
        struct iovec holes[STREAM_HOLES_MAX];
        int n_holes = STREAM_HOLES_MAX;
        size_t head_len = part.n > 4 ? 4 : 0, at = head_len;
        bool is_bulk = head_len != 0 && prng_below(&s->rng, 2) == 0;
        if (!is_bulk) {
            if (stream_write(st, part) != ERR_NONE)
                return done;
            done += part.n;
            continue;
        }
        size_t want = part.n - head_len + prng_below(&s->rng, 500);
        if (stream_reserve(st, head_len, want, holes, &n_holes) != ERR_NONE)
            return done;
        for (int i = 0; i < n_holes && at < part.n; i++) {
            size_t n = part.n - at < holes[i].iov_len ? part.n - at : holes[i].iov_len;
            memcpy(holes[i].iov_base, part.p + at, n);
            at += n;
        }
        if (stream_commit(st, bytes_first(part, head_len), part.n - head_len) != ERR_NONE)
            return done;
        done += part.n;
    }
    return done;
}

static void
server_event(struct sim *s, struct conn_event *ev)
{
    struct end *e = &s->server;
    switch (ev->type) {
    case CONN_EV_SIGN:
        sign(e->conn, &ev->sign, host_key_for(ev->sign.algo));
        return;
    case CONN_EV_AUTH_REQUEST:
        server_auth(e, &ev->auth);
        return;
    case CONN_EV_AUTH_SUCCESS:
        e->waits = s->config->hands_over;
        return;
    case CONN_EV_CHANNEL_REQUEST:
        conn_answer_channel_request(ev->chan, bytes_eq_str(ev->channel.data, "echo"));
        return;
    case CONN_EV_CHANNEL_DATA:
        conn_channel_consumed(ev->chan, echo(s, ev->chan, ev->channel.data));
        return;
    case CONN_EV_CHANNEL_EOF:
        conn_channel_close(ev->chan, 7);
        return;
    case CONN_EV_DISCONNECTED:
        e->is_over = true;
        return;
    default:
        return;
    }
}

/* ---- the client's side ---- */

static void
client_login(struct sim *s)
{
    struct end *e = &s->client;
    if (s->config->wants_wrong_password_first && !e->is_login_wrong_done) {
        e->is_login_wrong_done = true;
        conn_auth_password(e->conn, BYTES_LIT("wrong"));
        return;
    }
    switch (s->config->login) {
    case SIM_PASSWORD:
        conn_auth_password(e->conn, BYTES_LIT("right"));
        return;
    case SIM_KBDINT:
        conn_auth_kbdint(e->conn);
        return;
    case SIM_PUBLICKEY:
        conn_auth_query(e->conn, sig_by_name(BYTES_LIT("ssh-ed25519")),
                        pubkey_blob(privkey_public(user_key)));
        return;
    }
}

static void
client_send(struct sim *s)
{
    struct end *e = &s->client;
    uint8_t part[40000];
    if (!e->chan)
        return;
    struct stream *st = conn_channel_stream(e->chan);
    while (e->sent < s->config->octets && stream_has_room(st)) {
        uint32_t n = 1 + prng_below(&s->rng, sizeof part - 1);
        if (n > s->config->octets - e->sent)
            n = s->config->octets - e->sent;
        for (uint32_t i = 0; i < n; i++)
            part[i] = pattern(e->sent + i);
        e->sent += (uint32_t)echo(s, e->chan, bytes_of(part, n));
        if (prng_below(&s->rng, 4) == 0)
            break;
    }
    if (e->sent == s->config->octets && !e->sent_eof) {
        e->sent_eof = true;
        conn_channel_eof(e->chan);
    }
}

static void
client_data(struct sim *s, struct conn_event *ev)
{
    struct end *e = &s->client;
    size_t n = ev->channel.data.n;
    if (prng_below(&s->rng, 8) == 0)
        n = prng_below(&s->rng, (uint32_t)n + 1); /* a slow consumer */
    for (size_t i = 0; i < n; i++)
        if (ev->channel.data.p[i] != pattern(e->received++)) {
            say(s, "an octet came back changed");
            return;
        }
    conn_channel_consumed(ev->chan, n);
}

static void
client_event(struct sim *s, struct conn_event *ev)
{
    struct end *e = &s->client;
    static const struct bytes right = {(const uint8_t *)"right", 5};
    switch (ev->type) {
    case CONN_EV_HOST_KEY:
        conn_answer_host_key(e->conn, true);
        return;
    case CONN_EV_AUTH_START:
    case CONN_EV_AUTH_FAILURE:
        client_login(s);
        return;
    case CONN_EV_AUTH_PK_OK:
        conn_auth_publickey(e->conn, sig_by_name(BYTES_LIT("ssh-ed25519")),
                            pubkey_blob(privkey_public(user_key)));
        return;
    case CONN_EV_SIGN:
        sign(e->conn, &ev->sign, user_key);
        return;
    case CONN_EV_AUTH_INFO_REQUEST:
        conn_auth_respond(e->conn, &right, 1);
        return;
    case CONN_EV_AUTH_SUCCESS:
        if (conn_open_session(e->conn, &e->chan) != ERR_NONE)
            say(s, "no session");
        return;
    case CONN_EV_CHANNEL_OPENED:
        conn_channel_subsystem(ev->chan, "echo");
        return;
    case CONN_EV_CHANNEL_REQUEST_REPLY:
        if (!ev->channel.ok)
            say(s, "the subsystem was refused");
        return;
    case CONN_EV_CHANNEL_DATA:
        client_data(s, ev);
        return;
    case CONN_EV_CHANNEL_EXIT:
        e->saw_exit = ev->channel.exit_status == 7;
        return;
    case CONN_EV_CHANNEL_EOF:
        conn_channel_close(ev->chan, 0);
        return;
    case CONN_EV_CHANNEL_CLOSED:
        e->chan = NULL;
        conn_disconnect(e->conn, DISCONNECT_BY_APPLICATION, "done");
        return;
    case CONN_EV_DISCONNECTED:
        e->is_over = true;
        return;
    default:
        return;
    }
}

/* ---- carrying ---- */

/* Carry a random piece; true: something moved. */
static bool
carry(struct sim *s, struct conn *from, struct conn *to)
{
    struct iovec iov[4];
    size_t room = 0, most = 1 + prng_below(&s->rng, s->config->chop_max), moved = 0;
    uint8_t *p = conn_rx_space(to, &room);
    int n = conn_tx_iov(from, iov, 4);
    for (int i = 0; i < n; i++) {
        size_t left = most - moved < room - moved ? most - moved : room - moved;
        size_t k = iov[i].iov_len < left ? iov[i].iov_len : left;
        if (p && k != 0)
            memcpy(p + moved, iov[i].iov_base, k);
        moved += p ? k : 0;
        if (!p || k < iov[i].iov_len)
            break;
    }
    if (!p && n != 0) { /* the receiver is gone: octets fall on the floor */
        conn_tx_sent(from, iov[0].iov_len);
        return true;
    }
    if (moved != 0) {
        conn_rx_added(to, moved);
        conn_tx_sent(from, moved);
    }
    return moved != 0;
}

static struct conn_config
config_of(const struct sim *s, enum conn_role role, const struct rand_source *rand,
          struct conn_host_key keys[ARRAY_LEN(host_keys)])
{
    const struct sim_config *f = s->config;
    for (size_t i = 0; i < ARRAY_LEN(host_keys); i++)
        keys[i].blob = pubkey_blob(privkey_public(host_keys[i]));
    return (struct conn_config){
        .role = role,
        .software = "FerrySim",
        .rand = rand,
        .host_keys = keys,
        .n_host_keys = ARRAY_LEN(host_keys),
        .auth_methods = "publickey,password,keyboard-interactive",
        .limits = {.window = f->window,
                   .window_max = f->window,
                   .max_packet = f->max_packet,
                   .rekey_octets = f->rekey_octets,
                   .kex_ms = TIME_MAX_MS,
                   .login_ms = TIME_MAX_MS,
                   .ident_ms = TIME_MAX_MS},
        .lists = {[ALGO_KEX] = f->kex ? f->kex : "curve25519-sha256",
                  [ALGO_HOST_KEY] = f->host_key ? f->host_key : "ssh-ed25519",
                  [ALGO_CIPHER] = f->cipher ? f->cipher : "aes128-gcm@openssh.com",
                  [ALGO_MAC] = f->mac ? f->mac : "hmac-sha2-256-etm@openssh.com",
                  [ALGO_COMPRESSION] = f->compression ? f->compression : "none",
                  [ALGO_USER_KEY] = "ssh-ed25519"},
    };
}

/* Once everything was sent; some octets of the client's may have come behind. */
static void
hand_over(struct sim *s)
{
    struct end *e = &s->server;
    struct conn_host_key keys[ARRAY_LEN(host_keys)];
    struct conn_config config = config_of(s, CONN_SERVER, s->server_rand, keys);
    struct conn *next = NULL;
    struct fault why = {0};
    struct buf state;
    if (conn_tx_pending(e->conn) || prng_below(&s->rng, 4) == 0)
        return;
    buf_init(&state, HANDOVER_MAX);
    enum err err = conn_export(e->conn, &state);
    if (err == ERR_NONE)
        err = conn_import(&config, buf_bytes(&state), s->now, &next, &why);
    buf_clear(&state);
    e->waits = false;
    if (err != ERR_NONE) {
        say(s, why.code != ERR_NONE ? why.text : "the hand-over failed");
        return;
    }
    conn_free(e->conn);
    e->conn = next;
}

static void
drain(struct sim *s)
{
    struct conn_event ev;
    if (s->server.waits)
        hand_over(s);
    while (!s->server.waits && conn_next_event(s->server.conn, &ev))
        server_event(s, &ev);
    while (conn_next_event(s->client.conn, &ev))
        client_event(s, &ev);
    client_send(s);
}

static void
step(struct sim *s)
{
    bool moved = carry(s, s->client.conn, s->server.conn);
    moved = carry(s, s->server.conn, s->client.conn) || moved;
    if (!moved) {
        uint64_t at = conn_deadline(s->client.conn), b = conn_deadline(s->server.conn);
        at = b < at ? b : at;
        s->now = at != UINT64_MAX && at > s->now ? at : s->now + 1;
    } else if (prng_below(&s->rng, 16) == 0) {
        s->now++;
    }
    conn_tick(s->client.conn, s->now);
    conn_tick(s->server.conn, s->now);
    if (s->config->has_rekeys_by_hand && prng_below(&s->rng, 40) == 0) {
        s->now += 1000; /* more often a peer may not */
        conn_rekey(prng_below(&s->rng, 2) ? s->client.conn : s->server.conn);
    }
    drain(s);
    if (s->client.is_over && !s->server.is_over && !conn_tx_pending(s->client.conn))
        conn_rx_end(s->server.conn, 0);
    if (s->server.is_over && !s->client.is_over && !conn_tx_pending(s->server.conn))
        conn_rx_end(s->client.conn, 0);
}

static enum err
make_end(struct sim *s, enum conn_role role, struct end *e,
         const struct rand_source *rand)
{
    struct conn_host_key keys[ARRAY_LEN(host_keys)];
    struct conn_config config = config_of(s, role, rand, keys);
    return conn_new(&config, s->now, &e->conn);
}

static void
judge(struct sim *s)
{
    const struct fault *cf = conn_fault(s->client.conn), *sf = conn_fault(s->server.conn);
    bool is_done = s->client.is_over && s->server.is_over;
    bool is_same = s->client.received == s->config->octets && s->client.saw_exit;
    s->result.n_kex = conn_kex_info(s->client.conn)->n_kex;
    s->result.is_ok = is_done && is_same && s->result.why[0] == '\0';
    if (!s->result.is_ok && s->result.why[0] == '\0')
        snprintf(s->result.why, sizeof s->result.why,
                 "%s after %u of %u octets; client: %.90s; server: %.90s",
                 is_done ? "ended" : "stalled", s->client.received, s->config->octets,
                 cf->text, sf->text);
}

struct sim_result
sim_run(const struct sim_config *config)
{
    struct sim s = {.config = config, .rng = {config->seed}, .now = 1000};
    struct prng client_rng = {config->seed ^ 0x1111},
                server_rng = {config->seed ^ 0x2222};
    struct rand_source client_rand = {prng_fill, &client_rng};
    struct rand_source server_rand = {prng_fill, &server_rng};
    s.server_rand = &server_rand;
    if (make_end(&s, CONN_CLIENT, &s.client, &client_rand) == ERR_NONE &&
        make_end(&s, CONN_SERVER, &s.server, &server_rand) == ERR_NONE) {
        conn_auth_user(s.client.conn, "sim");
        while (!(s.client.is_over && s.server.is_over) && s.result.why[0] == '\0' &&
               ++s.result.steps < STEPS_MAX && s.now < TIME_MAX_MS)
            step(&s);
        judge(&s);
    } else {
        say(&s, "no memory for an engine");
    }
    conn_free(s.client.conn);
    conn_free(s.server.conn);
    return s.result;
}
