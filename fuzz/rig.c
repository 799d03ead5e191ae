/* See rig.h. */
#include "rig.h"

#include <stdlib.h>

#include "crypto/rand.h"
#include "records.h"
#include "ssh/engine.h"

enum {
    EVENTS_BOUND = 20000, /* in one go; more means that it never rests */
    TURNS_BOUND = 1000,
    CHANS = 4,
    WRITE_MAX = 65535,
};

/* ---- fixed randomness and keys ---- */

static enum err
fixed_fill(void *ctx, uint8_t *p, size_t n)
{
    uint64_t *s = ctx;
    for (size_t i = 0; i < n; i++) {
        *s = *s * 6364136223846793005U + 1442695040888963407U;
        p[i] = (uint8_t)(*s >> 56);
    }
    return ERR_NONE;
}

/* RFC 8032 7.1, tests 1 and 2: openssh-key-v1's private fields of each. */
#define HOST_PUBLIC                                                    \
    "\xd7\x5a\x98\x01\x82\xb1\x0a\xb7\xd5\x4b\xfe\xd3\xc9\x64\x07\x3a" \
    "\x0e\xe1\x72\xf3\xda\xa6\x23\x25\xaf\x02\x1a\x68\xf7\x07\x51\x1a"
#define HOST_SEED                                                      \
    "\x9d\x61\xb1\x9d\xef\xfd\x5a\x60\xba\x84\x4a\xf4\x92\xec\x2c\xc4" \
    "\x44\x49\xc5\x69\x7b\x32\x69\x19\x70\x3b\xac\x03\x1c\xae\x7f\x60"
#define USER_PUBLIC                                                    \
    "\x3d\x40\x17\xc3\xe8\x43\x89\x5a\x92\xb7\x0a\xa7\x4d\x1b\x7e\xbc" \
    "\x9c\x98\x2c\xcf\x2e\xc4\x96\x8c\xc0\xcd\x55\xf1\x2a\xf4\x66\x0c"
#define USER_SEED                                                      \
    "\x4c\xcd\x08\x9b\x28\xff\x96\xda\x9d\xb6\xc3\x46\xec\x11\x4e\x0f" \
    "\x5b\x8a\x31\x9f\x35\xab\xa6\x24\xda\x8c\xf6\xed\x4f\xb8\xa6\xfb"

static struct privkey *host_key, *user_key;

static void
load_keys(void)
{
    struct bytes host =
        BYTES_LIT("\0\0\0\x20" HOST_PUBLIC "\0\0\0\x40" HOST_SEED HOST_PUBLIC);
    struct bytes user =
        BYTES_LIT("\0\0\0\x20" USER_PUBLIC "\0\0\0\x40" USER_SEED USER_PUBLIC);
    size_t used;
    if (host_key)
        return;
    if (crypto_init() != ERR_NONE ||
        privkey_parse_fields(KEY_ED25519, host, &used, &host_key) != ERR_NONE ||
        privkey_parse_fields(KEY_ED25519, user, &used, &user_key) != ERR_NONE)
        abort();
}

/* ---- one side ---- */

struct side {
    struct conn *conn;
    enum conn_role role;
    uint64_t seed;
    struct rand_source rand;
    struct chan *chans[CHANS]; /* open ones */
    size_t n_chans;
    bool is_tested;             /* answers come from the input's choices */
    bool logs_in;               /* client: with a password, as soon as it may */
    bool is_over, was_let_in;   /* DISCONNECTED came; a verdict granted entrance */
    struct conn_event question; /* not answered yet, when has_question */
    bool has_question;
};

struct rig {
    struct side tested, peer; /* peer.conn NULL: nobody */
    struct bytes choices;
    uint64_t now;
    size_t piece;         /* octets that arrive at a time */
    bool user_key_signed; /* an honest client proved to own user_key */
    struct log_sink log;  /* traces, if the input says so, once the way is gone */
};

static void
swallow_line(void *ctx, enum log_level level, const char *text)
{
    (void)ctx;
    (void)level;
    if (strchr(text, '\n'))
        abort();
}

static void
swallow_trace(void *ctx, enum trace_part part, const char *text)
{
    (void)part;
    swallow_line(ctx, LOG_LEVEL_DEBUG, text);
}

/* The next choice, below n; 0 is the honest one, and the peer's only one. */
static unsigned
choose(struct rig *r, const struct side *s, unsigned n)
{
    if (!s->is_tested || r->choices.n == 0)
        return 0;
    unsigned x = r->choices.p[0];
    r->choices = bytes_skip(r->choices, 1);
    return x % n;
}

/* Read every octet, for the sanitizers to see that it may be. */
static void
touch(struct bytes x)
{
    for (size_t i = 0; i < x.n; i++)
        (void)*(const volatile uint8_t *)(x.p + i);
}

/* ---- questions ---- */

/* The host key's signature of the first exchange is the same in most runs, and
 * making it costs as much as the rest of a run: the last one is kept. */
static void
sign_as_host(const struct conn_sign *ask, struct buf *sig)
{
    static uint8_t data[HASH_MAX_LEN], made[256];
    static size_t data_len, made_len;
    if (ask->data.n == data_len && bytes_eq(ask->data, bytes_of(data, data_len))) {
        buf_put(sig, bytes_of(made, made_len));
        return;
    }
    if (sig_sign(ask->algo, host_key, ask->data, sig) != ERR_NONE)
        abort();
    if (ask->data.n > sizeof data || sig->n > sizeof made)
        return;
    data_len = ask->data.n;
    made_len = sig->n;
    memcpy(data, ask->data.p, data_len);
    memcpy(made, sig->p, made_len);
}

static void
answer_sign(struct rig *r, struct side *s, const struct conn_sign *ask)
{
    struct buf sig;
    bool is_refused = choose(r, s, 8) == 1;
    buf_init(&sig, SIG_BLOB_MAX);
    touch(ask->data);
    touch(ask->key);
    if (s->role == CONN_SERVER && !is_refused)
        sign_as_host(ask, &sig);
    else if (!is_refused && sig_sign(ask->algo, user_key, ask->data, &sig) != ERR_NONE)
        abort();
    r->user_key_signed = r->user_key_signed || s->role == CONN_CLIENT;
    conn_answer_sign(s->conn, ask->token, buf_bytes(&sig));
    buf_clear(&sig);
}

static void
answer_auth(struct rig *r, struct side *s, const struct conn_auth_request *auth)
{
    static const struct conn_prompt prompts[] = {{"Password: ", false}, {"", true}};
    bool is_kbdint = auth->method == AUTH_KBDINT || auth->method == AUTH_KBDINT_RESPONSE;
    touch(auth->user);
    touch(auth->password);
    touch(auth->new_password);
    touch(auth->key);
    touch(auth->signature);
    touch(auth->signed_data);
    touch(auth->responses);
    if (auth->method == AUTH_PUBLICKEY && !r->user_key_signed)
        abort(); /* who made that signature? */
    unsigned choice = choose(r, s, 6);
    bool is_asked_back = auth->method == AUTH_KBDINT ? choice % 4 == 0 : choice >= 4;
    if (is_kbdint && is_asked_back) {
        conn_answer_auth_prompt(s->conn, "name", "", prompts, 2 - choose(r, s, 3));
        return;
    }
    enum auth_verdict verdict = choice == 1   ? AUTH_DENIED
                                : choice == 2 ? AUTH_PARTIAL
                                              : AUTH_ACCEPTED;
    if (verdict == AUTH_ACCEPTED && auth->method != AUTH_PUBLICKEY_QUERY)
        s->was_let_in = true;
    conn_answer_auth(s->conn, verdict, choice == 2 ? "publickey,password" : NULL);
}

static struct bytes
user_blob(void)
{
    return pubkey_blob(privkey_public(user_key));
}

/* A client at one of its AUTH events: the next request. */
static void
log_in(struct side *s, unsigned method)
{
    static const struct bytes answers[2] = {{(const uint8_t *)"secret", 6}, {NULL, 0}};
    const struct sig_algo *algo = sig_by_name(BYTES_LIT("ssh-ed25519"));
    switch (method) {
    case 0:
        conn_auth_password(s->conn, BYTES_LIT("secret"));
        return;
    case 1:
        conn_auth_none(s->conn);
        return;
    case 2:
        conn_auth_query(s->conn, algo, user_blob());
        return;
    case 3:
        conn_auth_publickey(s->conn, algo, user_blob());
        return;
    case 4:
        conn_auth_kbdint(s->conn);
        return;
    case 5:
        conn_auth_respond(s->conn, answers, 2);
        return;
    default:
        conn_auth_password_change(s->conn, BYTES_LIT("secret"), BYTES_LIT("fresh"));
        return;
    }
}

/* Answer what was left open; in the end everything is. */
static void
answer(struct rig *r, struct side *s)
{
    struct conn_event ev = s->question;
    if (!s->has_question)
        return;
    s->has_question = false;
    switch (ev.type) {
    case CONN_EV_SIGN:
        answer_sign(r, s, &ev.sign);
        return;
    case CONN_EV_HOST_KEY:
        conn_answer_host_key(s->conn, choose(r, s, 8) != 1);
        return;
    case CONN_EV_AUTH_REQUEST:
        answer_auth(r, s, &ev.auth);
        return;
    case CONN_EV_CHANNEL_REQUEST:
        conn_answer_channel_request(ev.chan, choose(r, s, 4) != 1);
        return;
    default: /* a client's AUTH events */
        if (s->logs_in)
            log_in(s, choose(r, s, 7));
        return;
    }
}

/* Now or, if the input says so, later. */
static void
ask(struct rig *r, struct side *s, const struct conn_event *ev)
{
    s->question = *ev;
    s->has_question = true;
    if (choose(r, s, 8) != 7)
        answer(r, s);
}

/* ---- channels ---- */

static void
remember(struct side *s, struct chan *ch)
{
    if (s->n_chans < CHANS)
        s->chans[s->n_chans++] = ch;
}

static void
forget(struct side *s, const struct chan *ch)
{
    for (size_t i = 0; i < s->n_chans; i++)
        if (s->chans[i] == ch)
            s->chans[i--] = s->chans[--s->n_chans];
    if (s->has_question && s->question.chan == ch)
        s->has_question = false;
}

static void
write_control(struct stream *st, size_t n)
{
    static const uint8_t octets[WRITE_MAX];
    if (stream_has_room(st) && stream_write(st, bytes_of(octets, n)) != ERR_NONE)
        abort(); /* no other failure than out of memory is allowed here */
}

/* Reserve n and commit all but `less` of it, behind a head or none. */
static void
write_bulk(struct stream *st, size_t n, size_t less)
{
    struct bytes head = bytes_first(BYTES_LIT("head"), less % 5);
    struct iovec holes[STREAM_HOLES_MAX];
    int n_holes = STREAM_HOLES_MAX;
    size_t sum = 0;
    if (head.n + n == 0 || stream_reserve(st, head.n, n, holes, &n_holes) != ERR_NONE)
        return;
    for (int i = 0; i < n_holes; i++) {
        memset(holes[i].iov_base, i, holes[i].iov_len);
        sum += holes[i].iov_len;
    }
    if (sum != n)
        abort();
    if (less > n)
        stream_abandon(st);
    else if (stream_commit(st, head, n - less) != ERR_NONE)
        abort();
}

static void
on_data(struct rig *r, struct side *s, const struct conn_event *ev)
{
    struct bytes data = ev->channel.data;
    touch(data);
    switch (choose(r, s, 4)) {
    case 0:
        conn_channel_consumed(ev->chan, data.n);
        return;
    case 1:
        return;
    case 2:
        conn_channel_consumed(ev->chan, data.n / 2);
        return;
    default: /* an answer longer than the question */
        write_bulk(conn_channel_stream(ev->chan), data.n * 3, data.n);
        conn_channel_consumed(ev->chan, data.n);
        return;
    }
}

/* ---- events ---- */

static bool
is_channel_event(enum conn_event_type type)
{
    return type >= CONN_EV_CHANNEL_OPENED && type <= CONN_EV_HOSTKEYS_PROVEN;
}

static void
check_event(const struct side *s, const struct conn_event *ev)
{
    bool is_in = conn_is_authenticated(s->conn);
    if (s->is_over || (is_channel_event(ev->type) && !is_in))
        abort();
    if (s->role == CONN_SERVER && (is_in || ev->type == CONN_EV_AUTH_SUCCESS) &&
        !s->was_let_in)
        abort();
}

static void
on_event(struct rig *r, struct side *s, const struct conn_event *ev)
{
    struct chan *ch;
    switch (ev->type) {
    case CONN_EV_SIGN:
    case CONN_EV_HOST_KEY:
    case CONN_EV_AUTH_REQUEST:
    case CONN_EV_CHANNEL_REQUEST:
        touch(ev->type == CONN_EV_CHANNEL_REQUEST ? ev->channel.data : (struct bytes){0});
        ask(r, s, ev);
        return;
    case CONN_EV_AUTH_FAILURE:
        touch(ev->failure.methods);
        ask(r, s, ev);
        return;
    case CONN_EV_AUTH_INFO_REQUEST:
    case CONN_EV_AUTH_PASSWD_CHANGE:
        touch(ev->info.name);
        touch(ev->info.instruction);
        touch(ev->info.prompts);
        ask(r, s, ev);
        return;
    case CONN_EV_AUTH_START:
    case CONN_EV_AUTH_PK_OK:
        ask(r, s, ev);
        return;
    case CONN_EV_AUTH_BANNER:
        touch(ev->banner);
        return;
    case CONN_EV_AUTH_SUCCESS:
        if (s->role == CONN_CLIENT && choose(r, s, 4) != 1)
            (void)!conn_open_session(s->conn, &ch);
        return;
    case CONN_EV_CHANNEL_OPENED:
        remember(s, ev->chan);
        if (s->role == CONN_CLIENT && choose(r, s, 4) != 1)
            conn_channel_subsystem(ev->chan, "sftp");
        return;
    case CONN_EV_CHANNEL_DATA:
        on_data(r, s, ev);
        return;
    case CONN_EV_CHANNEL_STDERR:
        touch(ev->channel.data);
        return;
    case CONN_EV_CHANNEL_EXIT:
    case CONN_EV_CHANNEL_OPEN_FAILED:
        touch(ev->channel.text);
        forget(s, ev->type == CONN_EV_CHANNEL_EXIT ? NULL : ev->chan);
        return;
    case CONN_EV_CHANNEL_EOF:
        if (choose(r, s, 2) == 0)
            conn_channel_close(ev->chan, 0);
        return;
    case CONN_EV_CHANNEL_CLOSED:
        forget(s, ev->chan);
        return;
    case CONN_EV_HOSTKEYS:
        touch(ev->hostkeys.list);
        conn_hostkeys_prove(s->conn, ev->hostkeys.list);
        return;
    case CONN_EV_HOSTKEYS_PROVEN:
        touch(ev->hostkeys.list);
        return;
    case CONN_EV_DISCONNECTED:
        s->is_over = true;
        if (conn_fault(s->conn)->code == ERR_NONE || conn_fault(s->conn)->text[0] == '\0')
            abort();
        return;
    default:
        return;
    }
}

static void
drain(struct rig *r, struct side *s)
{
    struct conn_event ev;
    for (unsigned n = 0; s->conn && conn_next_event(s->conn, &ev); n++) {
        if (n == EVENTS_BOUND)
            abort();
        check_event(s, &ev);
        on_event(r, s, &ev);
        if (choose(r, s, 16) == 15)
            return; /* a program that has other things to do first */
    }
}

/* ---- octets ---- */

/* Returns how many were taken. Many octets come in larger pieces: a run must be
 * short. */
static size_t
feed(struct rig *r, struct side *to, struct bytes octets)
{
    size_t done = 0, piece = octets.n / 32 > r->piece ? octets.n / 32 : r->piece;
    while (done < octets.n) {
        size_t room = 0;
        uint8_t *space = conn_rx_space(to->conn, &room);
        if (!space && room != 0)
            abort();
        if (room == 0)
            return conn_fault(to->conn)->code == ERR_NONE ? done : octets.n;
        size_t n = octets.n - done < room ? octets.n - done : room;
        n = to->is_tested && n > piece ? piece : n;
        memcpy(space, octets.p + done, n);
        conn_rx_added(to->conn, n);
        done += n;
        drain(r, to);
    }
    return done;
}

/* What one side has to send reaches the other; true: something moved. */
static bool
carry(struct rig *r, struct side *from, struct side *to)
{
    struct iovec iov[8];
    bool has_moved = false;
    int n;
    for (unsigned turns = 0; (n = conn_tx_iov(from->conn, iov, 8)) != 0; turns++) {
        if (turns == TURNS_BOUND)
            abort();
        size_t taken = to->conn ? feed(r, to, bytes_of(iov[0].iov_base, iov[0].iov_len))
                                : iov[0].iov_len;
        conn_tx_sent(from->conn, taken);
        has_moved = has_moved || taken != 0;
        if (taken < iov[0].iov_len)
            break;
    }
    return has_moved;
}

static void
talk(struct rig *r, unsigned turns)
{
    for (unsigned i = 0; i < turns; i++) {
        bool has_moved = carry(r, &r->tested, &r->peer);
        if (r->peer.conn) {
            drain(r, &r->peer);
            has_moved = carry(r, &r->peer, &r->tested) || has_moved;
        }
        drain(r, &r->tested);
        if (!has_moved)
            return;
    }
}

/* A payload as a packet in clear (RFC 4253 6). */
static void
feed_in_clear(struct rig *r, struct bytes payload)
{
    static const uint8_t padding[16];
    size_t pad = 8 - (payload.n + 5) % 8;
    pad += pad < 4 || payload.n + 5 + pad < 16 ? 8 : 0;
    struct buf b;
    buf_init(&b, 70000);
    put_u32(&b, (uint32_t)(1 + payload.n + pad));
    buf_put_u8(&b, (uint8_t)pad);
    buf_put(&b, payload);
    buf_put(&b, bytes_of(padding, pad));
    (void)feed(r, &r->tested, buf_bytes(&b));
    buf_clear(&b);
}

static void
inject(struct rig *r, struct bytes payload, bool is_urgent)
{
    if (!r->peer.conn) {
        if (r->tested.conn->phase == PHASE_IDENT) /* unless a RAW record has sent one */
            (void)feed(r, &r->tested, BYTES_LIT("SSH-2.0-Fuzz\r\n"));
        feed_in_clear(r, payload);
        return;
    }
    if (conn_send_payload(r->peer.conn, payload, PACKET_PLAIN, is_urgent) != ERR_NONE)
        abort();
    carry(r, &r->peer, &r->tested);
}

/* ---- what programs do by themselves ---- */

/* body: what, which channel, how much (uint16). */
static void
act(struct rig *r, struct side *s, struct bytes body)
{
    struct cursor cur = cursor_of(body);
    unsigned what = cursor_u8(&cur) % 16, which = cursor_u8(&cur);
    size_t amount = (size_t)cursor_u8(&cur) << 8;
    amount |= cursor_u8(&cur);
    struct chan *ch = s->n_chans != 0 ? s->chans[which % s->n_chans] : NULL;
    struct chan *fresh;
    bool is_client = s->role == CONN_CLIENT;
    if (!s->conn)
        return;
    if (what < 4 && is_client) {
        log_in(s, which % 7);
    } else if (what == 4) {
        conn_rekey(s->conn);
    } else if (what == 5 && is_client && conn_is_authenticated(s->conn)) {
        (void)!conn_open_session(s->conn, &fresh);
    } else if (what == 6) {
        answer(r, s);
    } else if (what == 7 && amount > 60000) {
        conn_disconnect(s->conn, DISCONNECT_BY_APPLICATION, "enough");
    } else if (ch && what == 8) {
        conn_channel_eof(ch);
    } else if (ch && what == 9) {
        conn_channel_close(ch, which);
    } else if (ch && what == 10 && is_client) {
        conn_channel_exec(ch, "true");
    } else if (ch && what >= 11 && what < 14) {
        write_control(conn_channel_stream(ch), amount);
    } else if (ch) {
        write_bulk(conn_channel_stream(ch), amount, which * (amount / 200));
    }
}

static void
pass_time(struct rig *r, uint64_t ms)
{
    r->now += ms;
    if (!r->tested.is_over)
        conn_tick(r->tested.conn, r->now);
    if (r->peer.conn)
        conn_tick(r->peer.conn, r->now);
    drain(r, &r->tested);
    talk(r, 1);
    if (!r->tested.conn->is_dead && !r->tested.has_question &&
        conn_deadline(r->tested.conn) <= r->now)
        abort(); /* a deadline that its own tick does not meet spins for ever */
}

static void
play(struct rig *r, const struct record *rec)
{
    struct cursor cur = cursor_of(rec->body);
    unsigned turns;
    switch (rec->kind) {
    case RECORD_PACKET:
        inject(r, rec->body, rec->flag != 0);
        return;
    case RECORD_RAW:
        (void)feed(r, &r->tested, rec->body);
        return;
    case RECORD_TIME:
        pass_time(r, (uint64_t)cursor_u8(&cur) << 8);
        return;
    case RECORD_CHOICES:
        r->choices = rec->body;
        return;
    case RECORD_CARRY:
        turns = cursor_u8(&cur);
        talk(r, turns != 0 ? turns : TURNS_BOUND);
        return;
    case RECORD_PEER_ACT:
        act(r, &r->peer, rec->body);
        return;
    default:
        act(r, &r->tested, rec->body);
        return;
    }
}

/* ---- beginning and end ---- */

/* The cheap one first: two engines agree on it, an input can choose others. */
#define SERVER_KEX                                                    \
    "curve25519-sha256,mlkem768x25519-sha256,sntrup761x25519-sha512," \
    "ecdh-sha2-nistp256"
#define CLIENT_KEX SERVER_KEX ",diffie-hellman-group-exchange-sha256"

enum option { OPTION_TRACE = 4, OPTION_SMALL = 8, OPTION_ZLIB = 16 };

static void
make(struct rig *r, struct side *s, enum conn_role role, unsigned options)
{
    static const struct conn_limits roomy = {.auth_delay_ms = 1},
                                    small = {.window = 4096,
                                             .window_max = 8192,
                                             .max_packet = 1500,
                                             .channels = 2,
                                             .auth_failures = 2,
                                             .auth_requests = 4,
                                             .out_budget = 1,
                                             .rekey_octets = 20000,
                                             .rekey_ms = 30000,
                                             .keepalive_ms = 5000};
    struct conn_host_key key = {pubkey_blob(privkey_public(host_key))};
    *s = (struct side){.role = role, .seed = (uint64_t)role, .logs_in = true};
    s->rand = (struct rand_source){fixed_fill, &s->seed};
    struct conn_config config = {
        .role = role,
        /* one whose messages are taken in rekeys: ssh/rules.c */
        .software = s == &r->peer && options >> 5 == 1 ? "AsyncSSH_2.10.1" : "Fuzz",
        .rand = &s->rand,
        .log = &r->log,
        .limits = options & OPTION_SMALL ? small : roomy,
        .host_keys = &key,
        .n_host_keys = 1,
        .banner = options & OPTION_TRACE ? "welcome\n" : NULL,
        .auth_methods = "publickey,password,keyboard-interactive",
        .lists = {[ALGO_KEX] = role == CONN_CLIENT ? CLIENT_KEX : SERVER_KEX,
                  [ALGO_HOST_KEY] = "ssh-ed25519",
                  [ALGO_CIPHER] = "aes128-gcm@openssh.com,chacha20-poly1305@openssh.com,"
                                  "aes128-ctr",
                  [ALGO_MAC] = "hmac-sha2-256-etm@openssh.com,hmac-sha2-256",
                  [ALGO_COMPRESSION] =
                      options & OPTION_ZLIB ? "zlib@openssh.com,none" : "none",
                  [ALGO_USER_KEY] = "ssh-ed25519,ecdsa-sha2-nistp256,"
                                    "ssh-ed25519-cert-v01@openssh.com,"
                                    "sk-ssh-ed25519@openssh.com"},
    };
    if (conn_new(&config, r->now, &s->conn) != ERR_NONE)
        abort();
    if (role == CONN_CLIENT)
        conn_auth_user(s->conn, "tester");
}

static void
begin(struct rig *r, enum conn_role role, enum rig_start start, unsigned options)
{
    enum conn_role other = role == CONN_CLIENT ? CONN_SERVER : CONN_CLIENT;
    make(r, &r->tested, role, options);
    if (start == RIG_ALONE)
        return;
    make(r, &r->peer, other, options);
    struct side *client = role == CONN_CLIENT ? &r->tested : &r->peer;
    if (start == RIG_AT_LOGIN || start == RIG_OPEN) {
        client->logs_in = start == RIG_OPEN;
        talk(r, TURNS_BOUND);
        client->logs_in = role == CONN_CLIENT;
    }
    if (start == RIG_OPEN && (r->tested.n_chans != 1 || r->peer.n_chans != 1))
        abort();
}

/* The peer is gone, every question gets its answer: it must end. */
static void
end(struct rig *r)
{
    struct side *s = &r->tested;
    struct iovec iov[8];
    r->choices = (struct bytes){0};
    s->logs_in = false;
    conn_rx_end(s->conn, 0);
    for (unsigned turns = 0; !conn_is_over(s->conn); turns++) {
        if (turns == TURNS_BOUND)
            abort();
        answer(r, s);
        drain(r, s);
        while (conn_tx_iov(s->conn, iov, 8) != 0)
            conn_tx_sent(s->conn, iov[0].iov_len);
        if (s->is_over || s->has_question)
            continue;
        uint64_t at = conn_deadline(s->conn);
        r->now = at != UINT64_MAX && at > r->now ? at : r->now + 1;
        conn_tick(s->conn, r->now);
        if (conn_deadline(s->conn) <= r->now && !s->conn->is_dead)
            abort(); /* a deadline that its own tick does not meet spins for ever */
        if (s->role == CONN_CLIENT && s->conn->await == AWAIT_AUTH)
            conn_disconnect(s->conn, DISCONNECT_AUTH_CANCELLED, "no other method");
    }
    if (!s->is_over || conn_tx_pending(s->conn))
        abort();
}

void
rig_run(enum conn_role role, enum rig_start start, struct bytes input)
{
    static const size_t pieces[8] = {SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX,
                                     1,        7,        64,       500};
    struct rig r = {.now = 1000, .log = {.line = swallow_line, .trace = swallow_trace}};
    struct record rec;
    unsigned options = input.n != 0 ? input.p[0] : 0;
    load_keys();
    r.piece = pieces[options >> 5];
    if (start == RIG_STARTS)
        start = (enum rig_start)(options % RIG_STARTS);
    begin(&r, role, start, options);
    r.tested.is_tested = true;
    r.log.trace_mask = options & OPTION_TRACE ? ~0U : 0;
    struct bytes rest = bytes_skip(input, 1);
    while (record_next(&rest, &rec))
        play(&r, &rec);
    end(&r);
    conn_free(r.tested.conn);
    conn_free(r.peer.conn);
}
