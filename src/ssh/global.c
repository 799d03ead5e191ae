/*
 * Global requests (RFC 4254 4): keepalive, and host key rotation as in
 * OpenSSH's PROTOCOL 2.5, hostkeys-00 and hostkeys-prove-00, in both roles.
 * Requests for forwarding are refused like everything unknown.
 */
#include "ssh/engine.h"

#include "base/log.h"
#include "key/cert.h"

static const char HOSTKEYS[] = "hostkeys-00@openssh.com";
static const char PROVE[] = "hostkeys-prove-00@openssh.com";
static const char KEEPALIVE[] = "keepalive@openssh.com";

static enum err
send_request(struct conn *c, const char *name, bool want_reply, struct bytes data)
{
    struct ssh_global_request m = {
        .request_name = bytes_str(name), .want_reply = want_reply, .data = data};
    return conn_send(c, SSH_GLOBAL_REQUEST, &m);
}

static enum err
refuse(struct conn *c, bool want_reply)
{
    static const struct ssh_request_failure failure = {.end_ = 0};
    return want_reply ? conn_send(c, SSH_REQUEST_FAILURE, &failure) : ERR_NONE;
}

/* Ours is answered in order: remember what it was. */
static bool
expect_reply(struct conn *c, enum global_kind kind)
{
    if (c->n_globals == GLOBALS_MAX)
        return false;
    c->globals[c->n_globals++] = kind;
    return true;
}

/* ---- server: announce and prove host keys ---- */

/* Peers that break on hostkeys-00 (ssh-transport notes in doc/PROTOCOL.md). */
static bool
chokes_on_hostkeys(const struct conn *c)
{
    static const char *const software[] = {"Cisco-1.", "TTSSH/1.", "TTSSH/2.",
                                           "TeraTerm"};
    for (size_t i = 0; i < ARRAY_LEN(software); i++)
        if (bytes_has_prefix(bytes_str(c->peer_ident.software), software[i]))
            return true;
    return false;
}

static bool
is_plain_key(struct bytes blob)
{
    enum key_kind kind;
    struct cursor cur = cursor_of(blob);
    return key_kind_by_name(cursor_string(&cur), &kind);
}

enum err
global_announce_hostkeys(struct conn *c)
{
    if (chokes_on_hostkeys(c))
        return ERR_NONE;
    struct buf list;
    buf_init(&list, PACKET_MAX / 2);
    struct cursor keys = cursor_of(buf_bytes(&c->host_keys));
    while (cursor_left(&keys) != 0) {
        struct bytes blob = cursor_string(&keys);
        if (is_plain_key(blob))
            put_string(&list, blob);
    }
    enum err e = buf_err(&list);
    e = e == ERR_NONE ? send_request(c, HOSTKEYS, false, buf_bytes(&list))
                      : conn_fail(c, e, DISCONNECT_BY_APPLICATION, "out of memory");
    buf_clear(&list);
    return e;
}

static bool
is_own_key(const struct conn *c, struct bytes blob)
{
    struct cursor keys = cursor_of(buf_bytes(&c->host_keys));
    while (cursor_left(&keys) != 0)
        if (bytes_eq(cursor_string(&keys), blob))
            return true;
    return false;
}

/* An RSA key signs with the algorithm that the key exchange chose, if that is
 * one of RSA's, else with SHA-512. */
static const struct sig_algo *
prove_algo(const struct conn *c, struct bytes blob)
{
    struct cursor cur = cursor_of(blob);
    struct bytes type = cursor_string(&cur);
    if (!bytes_eq_str(type, "ssh-rsa"))
        return sig_by_name(type);
    const struct sig_algo *kex = c->kex.choice.host_key;
    return kex->kind == KEY_RSA ? sig_by_name(bytes_str(kex->sig_name))
                                : sig_by_name(BYTES_LIT("rsa-sha2-512"));
}

static void
put_prove_data(const struct conn *c, struct bytes key, struct buf *out)
{
    put_cstring(out, PROVE);
    put_string(out, bytes_of(c->kex.session_id, c->kex.session_id_len));
    put_string(out, key);
}

/* The key at prove_done, or empty when all are done. */
static struct bytes
next_to_prove(const struct conn *c)
{
    struct cursor cur = cursor_of(bytes_skip(buf_bytes(&c->prove_list), c->prove_done));
    return cursor_string(&cur);
}

static enum err
ask_for_proof(struct conn *c)
{
    struct bytes key = next_to_prove(c);
    if (key.n == 0) {
        c->await = AWAIT_NOTHING;
        return conn_send(
            c, SSH_REQUEST_SUCCESS,
            &(struct ssh_request_success){.data = buf_bytes(&c->prove_reply)});
    }
    buf_reset(&c->sign_data);
    put_prove_data(c, key, &c->sign_data);
    c->await = AWAIT_PROVE_SIGN;
    c->sign = (struct conn_sign){.token = ++c->sign_token,
                                 .algo = prove_algo(c, key),
                                 .key = key,
                                 .data = buf_bytes(&c->sign_data)};
    conn_raise(c, CONN_EV_SIGN, NULL)->sign = c->sign;
    return ERR_NONE;
}

enum err
global_proved(struct conn *c, struct bytes signature)
{
    if (signature.n == 0) {
        c->await = AWAIT_NOTHING;
        return refuse(c, true);
    }
    put_string(&c->prove_reply, signature);
    c->prove_done += 4 + next_to_prove(c).n;
    return ask_for_proof(c);
}

/* Proving costs a signature a key, so once a connection is enough (C5). */
static enum err
on_prove(struct conn *c, const struct ssh_global_request *m)
{
    struct cursor cur = cursor_of(m->data);
    uint32_t n = 0;
    bool is_ok = !c->has_proved && m->want_reply && m->data.n != 0;
    while (is_ok && cursor_left(&cur) != 0) {
        struct bytes key = cursor_string(&cur);
        is_ok =
            !cur.failed && ++n <= PROVE_MAX && is_plain_key(key) && is_own_key(c, key);
    }
    if (!is_ok)
        return refuse(c, m->want_reply);
    c->has_proved = true;
    c->prove_done = 0;
    buf_reset(&c->prove_list);
    buf_reset(&c->prove_reply);
    buf_put(&c->prove_list, m->data);
    return ask_for_proof(c);
}

/* ---- client: learn host keys and have them proved ---- */

static enum err
on_hostkeys(struct conn *c, const struct ssh_global_request *m)
{
    conn_raise(c, CONN_EV_HOSTKEYS, NULL)->hostkeys.list = m->data;
    return ERR_NONE;
}

void
conn_hostkeys_prove(struct conn *c, struct bytes list)
{
    if (c->is_dead || c->has_proved || !expect_reply(c, GLOBAL_PROVE))
        return;
    c->has_proved = true;
    buf_put(&c->prove_list, list);
    (void)send_request(c, PROVE, true, list); /* a failure has latched */
}

static bool
is_proof(const struct conn *c, struct bytes blob, struct bytes signature)
{
    struct cursor cur = cursor_of(signature);
    const struct sig_algo *algo = sig_by_name(cursor_string(&cur));
    struct pubkey *key = NULL;
    struct buf data;
    buf_init(&data, 4 * KEY_BLOB_MAX);
    put_prove_data(c, blob, &data);
    bool is_ok = algo && !algo->is_cert && buf_err(&data) == ERR_NONE &&
                 pubkey_parse(blob, &key) == ERR_NONE &&
                 sig_verify(algo, key, signature, buf_bytes(&data), NULL) == ERR_NONE;
    pubkey_free(key);
    buf_clear(&data);
    return is_ok;
}

static enum err
on_proof(struct conn *c, struct bytes signatures)
{
    struct cursor keys = cursor_of(buf_bytes(&c->prove_list));
    struct cursor sigs = cursor_of(signatures);
    while (cursor_left(&keys) != 0) {
        struct bytes key = cursor_string(&keys);
        struct bytes signature = cursor_string(&sigs);
        if (sigs.failed || !is_proof(c, key, signature)) {
            log_line(c->log, LOG_LEVEL_WARN, "the server could not prove its host keys");
            return ERR_NONE;
        }
    }
    conn_raise(c, CONN_EV_HOSTKEYS_PROVEN, NULL)->hostkeys.list =
        buf_bytes(&c->prove_list);
    return ERR_NONE;
}

/* ---- both ---- */

static enum err
on_no_more_sessions(struct conn *c, const struct ssh_global_request *m)
{
    c->no_more_sessions = true;
    return m->want_reply ? conn_send(c, SSH_REQUEST_SUCCESS,
                                     &(struct ssh_request_success){.end_ = 0})
                         : ERR_NONE;
}

static const struct {
    const char *name;
    enum conn_role role; /* that receives it */
    enum err (*handle)(struct conn *c, const struct ssh_global_request *m);
} requests[] = {
    {PROVE, CONN_SERVER, on_prove},
    {"no-more-sessions@openssh.com", CONN_SERVER, on_no_more_sessions},
    {HOSTKEYS, CONN_CLIENT, on_hostkeys},
};

enum err
global_on_request(struct conn *c, const void *msg)
{
    const struct ssh_global_request *m = msg;
    for (size_t i = 0; i < ARRAY_LEN(requests); i++)
        if (requests[i].role == c->role &&
            bytes_eq_str(m->request_name, requests[i].name))
            return requests[i].handle(c, m);
    return refuse(c, m->want_reply); /* also what keepalive@openssh.com wants */
}

static enum err
on_reply(struct conn *c, bool is_ok, struct bytes data)
{
    if (c->n_globals == 0)
        return conn_fail_proto(c, "a reply to a request that was not made");
    enum global_kind kind = c->globals[0];
    memmove(c->globals, c->globals + 1, --c->n_globals * sizeof *c->globals);
    if (kind == GLOBAL_KEEPALIVE) {
        c->n_keepalives = 0;
        return ERR_NONE;
    }
    return is_ok ? on_proof(c, data) : ERR_NONE;
}

enum err
global_on_success(struct conn *c, const void *msg)
{
    return on_reply(c, true, ((const struct ssh_request_success *)msg)->data);
}

enum err
global_on_failure(struct conn *c, const void *msg)
{
    (void)msg;
    return on_reply(c, false, (struct bytes){0});
}

enum err
global_check_keepalive(struct conn *c)
{
    uint64_t last = c->keepalive_ms > c->rx_ms ? c->keepalive_ms : c->rx_ms;
    bool is_due = c->limits.keepalive_ms != 0 && c->auth.is_done && !c->is_fresh &&
                  c->now_ms - last >= c->limits.keepalive_ms;
    if (!is_due)
        return ERR_NONE;
    if (c->n_keepalives >= c->limits.keepalive_max || !expect_reply(c, GLOBAL_KEEPALIVE))
        return conn_fail(c, ERR_CLOSED, DISCONNECT_CONNECTION_LOST,
                         "the peer does not answer: %u keepalives lost", c->n_keepalives);
    c->n_keepalives++;
    c->keepalive_ms = c->now_ms;
    return send_request(c, KEEPALIVE, true, (struct bytes){0});
}
