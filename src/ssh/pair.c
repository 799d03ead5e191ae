/* See pair.h. */
#include "ssh/pair.h"

#include <stdlib.h>

#include "crypto/rand.h"

enum { TURNS_MAX = 100000 };

static struct privkey *host_key;

void
pair_init(void)
{
    if (crypto_init() != ERR_NONE ||
        privkey_generate(KEY_ED25519, 0, &host_key) != ERR_NONE)
        abort();
}

void
pair_exit(void)
{
    privkey_free(host_key);
}

struct bytes
pair_key(void)
{
    return pubkey_blob(privkey_public(host_key));
}

/* *key: borrowed by what is returned. */
static struct conn_config
config_for(const struct pair *p, enum conn_role role, struct conn_host_key *key)
{
    *key = (struct conn_host_key){pair_key()};
    return (struct conn_config){
        .role = role,
        .software = "FerryPair",
        .rand = &rand_system,
        .limits = p->limits,
        .host_keys = key,
        .n_host_keys = 1,
        .auth_methods = "password",
        .lists = {[ALGO_KEX] = "curve25519-sha256",
                  [ALGO_HOST_KEY] = "ssh-ed25519",
                  [ALGO_CIPHER] = p->suite.cipher,
                  [ALGO_MAC] = p->suite.mac,
                  [ALGO_COMPRESSION] = p->suite.compression,
                  [ALGO_USER_KEY] = "ssh-ed25519"},
    };
}

static struct conn *
make(const struct pair *p, enum conn_role role)
{
    struct conn *c = NULL;
    struct conn_host_key key;
    struct conn_config config = config_for(p, role, &key);
    if (conn_new(&config, p->now, &c) != ERR_NONE)
        abort();
    return c;
}

void
pair_new_suite(struct pair *p, const struct conn_limits *limits,
               const struct pair_suite *suite)
{
    *p = (struct pair){.suite = *suite,
                       .limits = *limits,
                       .now = 1000,
                       .answers_auth = true,
                       .client_logs_in = true,
                       .consumes = true};
    p->client = make(p, CONN_CLIENT);
    p->server = make(p, CONN_SERVER);
    conn_auth_user(p->client, "tester");
}

void
pair_new(struct pair *p, const struct conn_limits *limits)
{
    static const struct pair_suite usual = {"aes128-gcm@openssh.com",
                                            "hmac-sha2-256-etm@openssh.com", "none"};
    pair_new_suite(p, limits, &usual);
}

void
pair_export(struct pair *p, struct buf *state)
{
    if (conn_export(p->server, state) != ERR_NONE)
        abort();
}

enum err
pair_import(struct pair *p, struct bytes state, struct fault *why)
{
    struct conn *next = NULL;
    struct conn_host_key key;
    struct conn_config config = config_for(p, CONN_SERVER, &key);
    enum err e = conn_import(&config, state, p->now, &next, why);
    if (e != ERR_NONE)
        return e;
    conn_free(p->server);
    p->server = next;
    p->hands_over = false;
    return ERR_NONE;
}

void
pair_free(struct pair *p)
{
    conn_free(p->client);
    conn_free(p->server);
}

static bool
carry(struct conn *from, struct conn *to, bool is_deaf)
{
    struct iovec iov[16];
    bool moved = false;
    int n = is_deaf ? 0 : conn_tx_iov(from, iov, 16);
    for (int i = 0; i < n; i++) {
        size_t done = 0;
        while (done < iov[i].iov_len) {
            size_t room = 0;
            uint8_t *space = conn_rx_space(to, &room);
            size_t k = iov[i].iov_len - done < room ? iov[i].iov_len - done : room;
            if (space && k != 0) {
                memcpy(space, (uint8_t *)iov[i].iov_base + done, k);
                conn_rx_added(to, k);
            } else if (!to->is_dead) {
                conn_tx_sent(from, done);
                return moved || done != 0;
            }
            done += space ? k : iov[i].iov_len - done;
        }
        conn_tx_sent(from, done);
        return true; /* the list is stale once something was sent */
    }
    return moved;
}

static void
sign(struct conn *c, const struct conn_sign *request)
{
    struct buf sig;
    buf_init(&sig, SIG_BLOB_MAX);
    if (sig_sign(request->algo, host_key, request->data, &sig) != ERR_NONE)
        abort();
    conn_answer_sign(c, request->token, buf_bytes(&sig));
    buf_clear(&sig);
}

static void
client_event(struct pair *p, const struct conn_event *ev)
{
    switch (ev->type) {
    case CONN_EV_SIGN:
        sign(p->client, &ev->sign);
        return;
    case CONN_EV_HOST_KEY:
        conn_answer_host_key(p->client, true);
        return;
    case CONN_EV_AUTH_FAILURE:
        p->n_auth_failures++;
        return;
    case CONN_EV_AUTH_START:
        if (p->client_logs_in)
            conn_auth_password(p->client, BYTES_LIT("secret"));
        return;
    case CONN_EV_CHANNEL_DATA:
        p->client_got += ev->channel.data.n;
        conn_channel_consumed(ev->chan, p->consumes ? ev->channel.data.n : 0);
        return;
    case CONN_EV_CHANNEL_CLOSED:
    case CONN_EV_CHANNEL_OPEN_FAILED:
        p->client_chan = NULL;
        return;
    case CONN_EV_HOSTKEYS:
        p->n_hostkeys++;
        conn_hostkeys_prove(p->client, ev->hostkeys.list);
        return;
    case CONN_EV_HOSTKEYS_PROVEN:
        p->n_proven++;
        return;
    default:
        return;
    }
}

static void
server_event(struct pair *p, const struct conn_event *ev)
{
    switch (ev->type) {
    case CONN_EV_SIGN:
        sign(p->server, &ev->sign);
        return;
    case CONN_EV_AUTH_REQUEST:
        p->n_auth_requests++;
        if (p->on_auth)
            p->on_auth(p, &ev->auth);
        conn_answer_auth(p->server, p->answers_auth ? AUTH_ACCEPTED : AUTH_DENIED, NULL);
        return;
    case CONN_EV_CHANNEL_OPENED:
        p->server_chan = ev->chan;
        return;
    case CONN_EV_CHANNEL_REQUEST:
        conn_answer_channel_request(ev->chan, bytes_eq_str(ev->channel.data, "sftp"));
        return;
    case CONN_EV_CHANNEL_DATA:
        p->server_got += ev->channel.data.n;
        conn_channel_consumed(ev->chan, p->consumes ? ev->channel.data.n : 0);
        return;
    case CONN_EV_CHANNEL_CLOSED:
        p->server_chan = NULL;
        return;
    default:
        return;
    }
}

static bool
drain(struct pair *p)
{
    struct conn_event ev;
    bool any = false;
    while (conn_next_event(p->client, &ev)) {
        any = true;
        client_event(p, &ev);
    }
    bool waits = p->hands_over && conn_is_authenticated(p->server);
    while (!waits && conn_next_event(p->server, &ev)) {
        waits = p->hands_over && ev.type == CONN_EV_AUTH_SUCCESS;
        any = true;
        server_event(p, &ev);
    }
    return any;
}

void
pair_run(struct pair *p)
{
    for (int i = 0; i < TURNS_MAX; i++) {
        bool moved = drain(p);
        moved = carry(p->client, p->server, p->server_is_deaf) || moved;
        moved = carry(p->server, p->client, p->client_is_deaf) || moved;
        if (!moved)
            return;
    }
    abort(); /* it never came to rest */
}

void
pair_tick(struct pair *p, uint64_t ms)
{
    p->now += ms;
    conn_tick(p->client, p->now);
    conn_tick(p->server, p->now);
    pair_run(p);
}

void
pair_login(struct pair *p)
{
    pair_run(p);
    if (!conn_is_authenticated(p->client) || !conn_is_authenticated(p->server))
        abort();
}

void
pair_open(struct pair *p)
{
    pair_login(p);
    if (conn_open_session(p->client, &p->client_chan) != ERR_NONE)
        abort();
    pair_run(p);
    conn_channel_subsystem(p->client_chan, "sftp");
    pair_run(p);
    if (!p->server_chan || !p->server_chan->has_program)
        abort();
}

void
pair_inject(struct conn *from, struct bytes payload)
{
    if (conn_send_payload(from, payload, PACKET_PLAIN, false) != ERR_NONE)
        abort();
}

void
pair_inject_urgent(struct conn *from, struct bytes payload)
{
    if (conn_send_payload(from, payload, PACKET_PLAIN, true) != ERR_NONE)
        abort();
}

void
pair_inject_msg(struct conn *from, enum ssh_msg msg, const void *fields)
{
    if (conn_send(from, msg, fields) != ERR_NONE)
        abort();
}
