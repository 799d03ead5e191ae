/*
 * Authentication, the client's side (RFC 4252, 4256; OpenSSH's PROTOCOL 3.1).
 *
 * Which method, which key, which password: the caller decides at each
 * CONN_EV_AUTH_* event with a conn_auth_* call. Here the requests are built and
 * the replies told apart; the phase says what number 60 means.
 */
#include "ssh/engine.h"

enum { PROMPTS_MAX = 32 };

enum err
auth_begin(struct conn *c)
{
    return conn_send(
        c, SSH_SERVICE_REQUEST,
        &(struct ssh_service_request){.service_name = BYTES_LIT("ssh-userauth")});
}

static enum err
wait_for_caller(struct conn *c, enum conn_event_type type)
{
    c->await = AWAIT_AUTH;
    conn_raise(c, type, NULL);
    return ERR_NONE;
}

enum err
auth_on_service_accept(struct conn *c, const void *msg)
{
    (void)msg;
    c->phase = PHASE_AUTH;
    return wait_for_caller(c, CONN_EV_AUTH_START);
}

enum err
auth_on_failure(struct conn *c, const void *msg)
{
    const struct ssh_userauth_failure *m = msg;
    c->phase = PHASE_AUTH;
    c->await = AWAIT_AUTH;
    buf_reset(&c->auth.methods);
    buf_put(&c->auth.methods, m->methods_that_can_continue);
    struct conn_event *ev = conn_raise(c, CONN_EV_AUTH_FAILURE, NULL);
    ev->failure.methods = m->methods_that_can_continue;
    ev->failure.is_partial = m->partial_success;
    return ERR_NONE;
}

enum err
auth_on_success(struct conn *c, const void *msg)
{
    (void)msg;
    auth_done(c);
    c->tx.compresses = c->tx.compress != NULL;
    return ERR_NONE;
}

enum err
auth_on_banner(struct conn *c, const void *msg)
{
    const struct ssh_userauth_banner *m = msg;
    conn_raise(c, CONN_EV_AUTH_BANNER, NULL)->banner = m->message;
    return ERR_NONE;
}

enum err
auth_on_pk_ok(struct conn *c, const void *msg)
{
    const struct ssh_userauth_pk_ok *m = msg;
    bool is_same = bytes_eq_str(m->algorithm, c->auth.algo->name) &&
                   bytes_eq(m->key, buf_bytes(&c->auth.key));
    if (!is_same)
        return conn_fail_proto(c, "the server accepted another key than the one offered");
    c->phase = PHASE_AUTH;
    return wait_for_caller(c, CONN_EV_AUTH_PK_OK);
}

enum err
auth_on_passwd_changereq(struct conn *c, const void *msg)
{
    const struct ssh_userauth_passwd_changereq *m = msg;
    c->phase = PHASE_AUTH;
    c->await = AWAIT_AUTH;
    conn_raise(c, CONN_EV_AUTH_PASSWD_CHANGE, NULL)->info.instruction = m->prompt;
    return ERR_NONE;
}

enum err
auth_on_info_request(struct conn *c, const void *msg)
{
    const struct ssh_userauth_info_request *m = msg;
    if (m->num_prompts > PROMPTS_MAX)
        return conn_fail_proto(c, "the server asks %u questions at once", m->num_prompts);
    struct cursor cur = cursor_of(m->prompts);
    for (uint32_t i = 0; i < m->num_prompts; i++) {
        (void)cursor_string(&cur);
        (void)cursor_bool(&cur);
    }
    if (!cursor_is_done(&cur))
        return conn_fail_proto(c, "malformed questions");
    c->auth.n_prompts = m->num_prompts;
    c->await = AWAIT_AUTH;
    struct conn_event *ev = conn_raise(c, CONN_EV_AUTH_INFO_REQUEST, NULL);
    ev->info.name = m->name;
    ev->info.instruction = m->instruction;
    ev->info.prompts = m->prompts;
    ev->info.n_prompts = m->num_prompts;
    return ERR_NONE;
}

/* ---- requests ---- */

static bool
may_request(struct conn *c)
{
    if (c->await != AWAIT_AUTH || c->role != CONN_CLIENT || c->is_dead)
        return false;
    if (++c->auth.n_requests <= c->limits.auth_requests)
        return true;
    (void)conn_fail(c, ERR_LIMIT, DISCONNECT_AUTH_CANCELLED,
                    "gave up after %u authentication requests", c->limits.auth_requests);
    return false;
}

/* Send a request; phase: what the reply's number 60 will mean. */
static void
send_request(struct conn *c, const char *method, struct bytes fields, enum phase phase)
{
    struct ssh_userauth_request m = {.user_name = bytes_str(c->auth.user),
                                     .service_name = BYTES_LIT("ssh-connection"),
                                     .method_name = bytes_str(method),
                                     .method_fields = fields};
    c->await = AWAIT_NOTHING;
    c->phase = phase;
    (void)conn_send(c, SSH_USERAUTH_REQUEST, &m); /* a failure has latched */
}

void
conn_auth_user(struct conn *c, const char *user)
{
    size_t n = strnlen(user, sizeof c->auth.user - 1);
    memcpy(c->auth.user, user, n);
    c->auth.user[n] = '\0';
    c->auth.has_user = true;
}

void
conn_auth_none(struct conn *c)
{
    if (may_request(c))
        send_request(c, "none", (struct bytes){0}, PHASE_AUTH);
}

/* An IGNORE of varying length ahead of a short secret hides how long it is. Not
 * behind it: with delayed compression the server inflates what comes after the
 * request that succeeds. */
static void
hide_length(struct conn *c, size_t len)
{
    enum { HIDE_UP_TO = 192 };
    if (len >= HIDE_UP_TO)
        return;
    uint8_t zeros[HIDE_UP_TO] = {0};
    struct buf data;
    buf_init(&data, 2 * HIDE_UP_TO);
    put_string(&data, bytes_of(zeros, HIDE_UP_TO - len));
    (void)conn_send(c, SSH_IGNORE, &(struct ssh_ignore){.data = buf_bytes(&data)});
    buf_clear(&data);
}

static void
send_password(struct conn *c, const struct ssh_auth_password *m)
{
    struct buf fields;
    buf_init(&fields, 4 * SECRET_MAX);
    msg_put(&ssh_msgs[SSH_AUTH_PASSWORD], &fields, m);
    hide_length(c, fields.n);
    send_request(c, "password", buf_bytes(&fields), PHASE_AUTH_PASSWORD);
    buf_clear(&fields);
}

void
conn_auth_password(struct conn *c, struct bytes password)
{
    if (may_request(c))
        send_password(c, &(struct ssh_auth_password){.password = password});
}

void
conn_auth_password_change(struct conn *c, struct bytes old_password,
                          struct bytes new_password)
{
    if (!may_request(c))
        return;
    struct buf fresh;
    buf_init(&fresh, 2 * SECRET_MAX);
    put_string(&fresh, new_password);
    send_password(c, &(struct ssh_auth_password){.is_change = true,
                                                 .password = old_password,
                                                 .new_password = buf_bytes(&fresh)});
    buf_clear(&fresh);
}

/* A publickey request; more: what follows the key. */
static void
send_publickey(struct conn *c, bool has_signature, struct bytes more, enum phase phase)
{
    struct buf fields;
    buf_init(&fields, 4 * KEY_BLOB_MAX);
    struct ssh_auth_publickey m = {.has_signature = has_signature,
                                   .algorithm = bytes_str(c->auth.algo->name),
                                   .key = buf_bytes(&c->auth.key),
                                   .more = more};
    msg_put(&ssh_msgs[SSH_AUTH_PUBLICKEY], &fields, &m);
    bool is_hostbound = c->auth.hostbound && has_signature;
    send_request(c, is_hostbound ? "publickey-hostbound-v00@openssh.com" : "publickey",
                 buf_bytes(&fields), phase);
    buf_clear(&fields);
}

static void
take_key(struct conn *c, const struct sig_algo *algo, struct bytes key)
{
    c->auth.algo = algo;
    buf_reset(&c->auth.key);
    buf_put(&c->auth.key, key);
}

void
conn_auth_query(struct conn *c, const struct sig_algo *algo, struct bytes key)
{
    if (!may_request(c))
        return;
    take_key(c, algo, key);
    send_publickey(c, false, (struct bytes){0}, PHASE_AUTH_QUERY);
}

/* The host key that a host-bound signature names: the one of the first exchange
 * (OpenSSH's PROTOCOL 3.1); authentication is over before there is a second. */
static struct bytes
bound_host_key(const struct conn *c)
{
    return c->auth.hostbound ? buf_bytes(&c->kex.host_key) : (struct bytes){0};
}

void
conn_auth_publickey(struct conn *c, const struct sig_algo *algo, struct bytes key)
{
    if (!may_request(c))
        return;
    take_key(c, algo, key);
    buf_reset(&c->sign_data);
    auth_signed_data(conn_session_id(c), bytes_str(c->auth.user), bytes_str(algo->name),
                     key, bound_host_key(c), &c->sign_data);
    c->await = AWAIT_AUTH_SIGN;
    c->sign = (struct conn_sign){.token = ++c->sign_token,
                                 .algo = algo,
                                 .key = buf_bytes(&c->auth.key),
                                 .data = buf_bytes(&c->sign_data)};
    conn_raise(c, CONN_EV_SIGN, NULL)->sign = c->sign;
}

enum err
auth_signed(struct conn *c, struct bytes signature)
{
    if (signature.n == 0) { /* the agent refused: the caller tries something else */
        c->await = AWAIT_AUTH;
        conn_raise(c, CONN_EV_AUTH_FAILURE, NULL)->failure.methods =
            buf_bytes(&c->auth.methods);
        return ERR_NONE;
    }
    struct buf more;
    buf_init(&more, KEY_BLOB_MAX + SIG_BLOB_MAX);
    if (c->auth.hostbound)
        put_string(&more, bound_host_key(c));
    put_string(&more, signature);
    c->await = AWAIT_AUTH;
    send_publickey(c, true, buf_bytes(&more), PHASE_AUTH);
    buf_clear(&more);
    return c->is_dead ? c->fault.code : ERR_NONE;
}

void
conn_auth_kbdint(struct conn *c)
{
    static const struct ssh_auth_kbdint nothing = {.end_ = 0};
    if (!may_request(c))
        return;
    struct buf fields;
    buf_init(&fields, 64);
    msg_put(&ssh_msgs[SSH_AUTH_KBDINT], &fields, &nothing);
    send_request(c, "keyboard-interactive", buf_bytes(&fields), PHASE_AUTH_KBDINT);
    buf_clear(&fields);
}

void
conn_auth_respond(struct conn *c, const struct bytes *answers, uint32_t n)
{
    if (!may_request(c))
        return;
    struct buf list;
    buf_init(&list, (size_t)PROMPTS_MAX * (SECRET_MAX + 4));
    for (uint32_t i = 0; i < n && i < PROMPTS_MAX; i++)
        put_string(&list, answers[i]);
    struct ssh_userauth_info_response m = {.num_responses =
                                               n < PROMPTS_MAX ? n : PROMPTS_MAX,
                                           .responses = buf_bytes(&list)};
    c->await = AWAIT_NOTHING;
    c->phase = PHASE_AUTH_KBDINT;
    hide_length(c, list.n);
    (void)conn_send(c, SSH_USERAUTH_INFO_RESPONSE, &m); /* a failure has latched */
    buf_clear(&list);
}
