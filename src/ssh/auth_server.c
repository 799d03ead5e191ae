/*
 * Authentication, the server's side (RFC 4252, 4256; OpenSSH's PROTOCOL 3.1).
 *
 * Requests are decoded, counted and, for publickey, their signature verified
 * here; whether they are right is decided elsewhere (CONN_EV_AUTH_REQUEST,
 * conn_answer_auth). One request at a time. A refusal goes out no sooner than
 * auth_delay_ms after its request, so that fast and slow refusals look alike
 * (threats A4).
 */
#include "ssh/engine.h"

#include "key/cert.h"

enum { PROMPTS_MAX = 32, USER_MAX = 255 };

static const char HOSTBOUND[] = "publickey-hostbound-v00@openssh.com";

void
auth_clear(struct auth_state *a)
{
    buf_clear(&a->methods);
    buf_clear(&a->request);
    buf_clear(&a->signed_data);
    buf_clear(&a->key);
    mem_wipe(a->user, sizeof a->user);
}

void
auth_done(struct conn *c)
{
    c->auth.is_done = true;
    c->phase = PHASE_OPEN;
    c->await = AWAIT_NOTHING;
    c->is_fresh = true;
    packet_rx_start_compression(&c->rx);
    buf_clear(&c->auth.request);
    buf_clear(&c->auth.signed_data);
    conn_raise(c, CONN_EV_AUTH_SUCCESS, NULL);
}

static enum err
count_request(struct conn *c)
{
    if (++c->auth.n_requests > c->limits.auth_requests)
        return conn_fail(c, ERR_LIMIT, DISCONNECT_PROTOCOL_ERROR,
                         "too many authentication requests");
    c->auth.request_ms = c->now_ms;
    c->auth.delay_ms = 0;
    return ERR_NONE;
}

enum err
auth_on_service_request(struct conn *c, const void *msg)
{
    const struct ssh_service_request *m = msg;
    if (!bytes_eq_str(m->service_name, "ssh-userauth"))
        return conn_fail(c, ERR_PROTO, DISCONNECT_SERVICE_NOT_AVAILABLE,
                         "only the service ssh-userauth is available here");
    /* paramiko (2.12) asks again before every attempt, as OpenSSH lets it. */
    bool is_first = c->phase == PHASE_SERVICE;
    if (!is_first && count_request(c) != ERR_NONE)
        return ERR_LIMIT;
    c->phase = PHASE_AUTH;
    struct buf name;
    buf_init(&name, 64);
    put_string(&name, m->service_name);
    enum err e =
        conn_send(c, SSH_SERVICE_ACCEPT,
                  &(struct ssh_service_accept){.service_name = buf_bytes(&name)});
    buf_clear(&name);
    if (e == ERR_NONE && is_first && c->banner)
        e = conn_send(c, SSH_USERAUTH_BANNER,
                      &(struct ssh_userauth_banner){
                          .message = bytes_str(c->banner),
                          .language_tag = BYTES_LIT("\0\0\0\0"),
                      });
    return e;
}

/* The user may not change between requests (threats A5). */
static enum err
take_user(struct conn *c, struct bytes user)
{
    struct auth_state *a = &c->auth;
    if (user.n > USER_MAX || memchr(user.p ? user.p : (const uint8_t *)"", 0, user.n))
        return conn_fail(c, ERR_PROTO, DISCONNECT_ILLEGAL_USER_NAME, "bad user name");
    if (a->has_user && !bytes_eq_str(user, a->user))
        return conn_fail_proto(c, "the user name changed during authentication");
    if (user.n != 0)
        memcpy(a->user, user.p, user.n);
    a->user[user.n] = '\0';
    a->has_user = true;
    return ERR_NONE;
}

static enum err
ask(struct conn *c, struct conn_auth_request *req)
{
    c->auth.method = req->method;
    c->await = AWAIT_AUTH;
    req->user = bytes_str(c->auth.user);
    conn_raise(c, CONN_EV_AUTH_REQUEST, NULL)->auth = *req;
    return ERR_NONE;
}

/* Refuse without asking anybody: what is malformed or not offered. */
static enum err
refuse(struct conn *c)
{
    c->auth.method = AUTH_OTHER;
    c->await = AWAIT_AUTH;
    conn_answer_auth(c, AUTH_DENIED, NULL);
    return c->is_dead ? c->fault.code : ERR_NONE;
}

static enum err
on_password(struct conn *c, struct cursor *fields, struct conn_auth_request *req)
{
    struct ssh_auth_password m;
    if (!msg_get(&ssh_msgs[SSH_AUTH_PASSWORD], fields, &m))
        return conn_fail_proto(c, "malformed password request");
    req->method = m.is_change ? AUTH_PASSWORD_CHANGE : AUTH_PASSWORD;
    req->password = m.password;
    struct cursor rest = cursor_of(m.new_password);
    if (m.is_change)
        req->new_password = cursor_string(&rest);
    if (!cursor_is_done(&rest))
        return conn_fail_proto(c, "malformed password request");
    if (req->password.n > SECRET_MAX || req->new_password.n > SECRET_MAX)
        return refuse(c); /* threats A6 */
    return ask(c, req);
}

void
auth_signed_data(struct bytes session_id, struct bytes user, struct bytes algo,
                 struct bytes key, struct bytes host_key, struct buf *out)
{
    bool is_hostbound = host_key.n != 0;
    put_string(out, session_id);
    buf_put_u8(out, SSH_MSG_USERAUTH_REQUEST);
    put_string(out, user);
    put_cstring(out, "ssh-connection");
    put_cstring(out, is_hostbound ? HOSTBOUND : "publickey");
    put_bool(out, true);
    put_string(out, algo);
    put_string(out, key);
    if (is_hostbound)
        put_string(out, host_key);
}

/* algorithm name, key type and signature name must agree, and the algorithm be
 * on our list, before the key is looked at (threats K6, A2). */
static bool
is_acceptable_key(const struct conn *c, const struct sig_algo *algo, struct bytes key)
{
    struct cursor type = cursor_of(key);
    return algo && name_list_has(bytes_str(c->lists[ALGO_USER_KEY]), algo->name) &&
           key.n <= KEY_BLOB_MAX && bytes_eq_str(cursor_string(&type), algo->key_type);
}

static bool
verify_user_signature(struct conn *c, struct conn_auth_request *req)
{
    struct pubkey *key = NULL;
    struct buf plain;
    buf_init(&plain, KEY_BLOB_MAX);
    enum err e = cert_plain_blob(req->key, &plain);
    if (e == ERR_NONE)
        e = pubkey_parse(buf_bytes(&plain), &key);
    if (e == ERR_NONE)
        e = sig_verify(req->algo, key, req->signature, buf_bytes(&c->auth.signed_data),
                       &req->attest);
    pubkey_free(key);
    buf_clear(&plain);
    return e == ERR_NONE;
}

/* The fields behind the key: host key (host-bound only), then the signature. */
static enum err
take_signature(struct conn *c, struct bytes more, struct conn_auth_request *req)
{
    struct cursor rest = cursor_of(more);
    struct bytes host_key = req->is_hostbound ? cursor_string(&rest) : (struct bytes){0};
    if (req->method == AUTH_PUBLICKEY)
        req->signature = cursor_string(&rest);
    if (!cursor_is_done(&rest))
        return conn_fail_proto(c, "malformed publickey request");
    if (req->is_hostbound && !bytes_eq(host_key, buf_bytes(&c->kex.host_key)))
        return conn_fail(c, ERR_AUTH, DISCONNECT_PROTOCOL_ERROR,
                         "the client is bound to another host key");
    if (req->method != AUTH_PUBLICKEY)
        return ERR_NONE;
    buf_reset(&c->auth.signed_data);
    auth_signed_data(conn_session_id(c), bytes_str(c->auth.user),
                     bytes_str(req->algo->name), req->key, host_key,
                     &c->auth.signed_data);
    req->signed_data = buf_bytes(&c->auth.signed_data);
    return buf_err(&c->auth.signed_data);
}

static enum err
on_publickey(struct conn *c, struct cursor *fields, struct conn_auth_request *req)
{
    struct ssh_auth_publickey m;
    if (!msg_get(&ssh_msgs[SSH_AUTH_PUBLICKEY], fields, &m))
        return conn_fail_proto(c, "malformed publickey request");
    req->method = m.has_signature ? AUTH_PUBLICKEY : AUTH_PUBLICKEY_QUERY;
    req->algo = sig_by_name(m.algorithm);
    req->key = m.key;
    if (!m.has_signature && ++c->auth.n_queries > c->limits.auth_queries)
        return conn_fail(c, ERR_LIMIT, DISCONNECT_PROTOCOL_ERROR,
                         "too many keys were offered");
    if (!is_acceptable_key(c, req->algo, m.key))
        return refuse(c);
    enum err e = take_signature(c, m.more, req);
    if (e != ERR_NONE)
        return c->is_dead ? e
                          : conn_fail(c, e, DISCONNECT_PROTOCOL_ERROR, "out of memory");
    if (m.has_signature && !verify_user_signature(c, req))
        return refuse(c);
    return ask(c, req);
}

static enum err
on_kbdint(struct conn *c, struct cursor *fields, struct conn_auth_request *req)
{
    struct ssh_auth_kbdint m;
    if (!msg_get(&ssh_msgs[SSH_AUTH_KBDINT], fields, &m))
        return conn_fail_proto(c, "malformed keyboard-interactive request");
    req->method = AUTH_KBDINT;
    return ask(c, req);
}

/* The request outlives its packet: it is answered later. */
static enum err
keep_request(struct conn *c, const struct ssh_userauth_request *m,
             struct ssh_userauth_request *kept)
{
    struct buf *b = &c->auth.request;
    buf_clear(b);
    buf_put(b, m->method_name);
    buf_put(b, m->method_fields);
    if (buf_err(b) != ERR_NONE)
        return conn_fail(c, buf_err(b), DISCONNECT_PROTOCOL_ERROR,
                         "authentication request too long");
    kept->method_name = bytes_first(buf_bytes(b), m->method_name.n);
    kept->method_fields = bytes_skip(buf_bytes(b), m->method_name.n);
    return ERR_NONE;
}

enum err
auth_on_request(struct conn *c, const void *msg)
{
    const struct ssh_userauth_request *m = msg;
    struct ssh_userauth_request kept = {0};
    c->phase = PHASE_AUTH; /* a dialogue in progress is abandoned: RFC 4252 5.1 */
    enum err e = count_request(c);
    if (e == ERR_NONE)
        e = take_user(c, m->user_name);
    if (e == ERR_NONE && !bytes_eq_str(m->service_name, "ssh-connection"))
        e = conn_fail(c, ERR_PROTO, DISCONNECT_SERVICE_NOT_AVAILABLE,
                      "only the service ssh-connection is available here");
    if (e == ERR_NONE)
        e = keep_request(c, m, &kept);
    mem_wipe((uint8_t *)(uintptr_t)c->payload.p,
             c->payload.n); /* it may hold a password */
    if (e != ERR_NONE)
        return e;
    struct conn_auth_request req = {.method_name = kept.method_name};
    struct cursor fields = cursor_of(kept.method_fields);
    if (bytes_eq_str(kept.method_name, "password"))
        return on_password(c, &fields, &req);
    req.is_hostbound = bytes_eq_str(kept.method_name, HOSTBOUND);
    if (req.is_hostbound || bytes_eq_str(kept.method_name, "publickey"))
        return on_publickey(c, &fields, &req);
    if (bytes_eq_str(kept.method_name, "keyboard-interactive"))
        return on_kbdint(c, &fields, &req);
    req.method = bytes_eq_str(kept.method_name, "none") ? AUTH_NONE : AUTH_OTHER;
    return ask(c, &req);
}

/* Count the answers before anybody reads them; a wrong number is a refusal. */
enum err
auth_on_info_response(struct conn *c, const void *msg)
{
    const struct ssh_userauth_info_response *m = msg;
    c->phase = PHASE_AUTH;
    enum err e = count_request(c);
    if (e != ERR_NONE)
        return e;
    struct buf *b = &c->auth.request;
    buf_clear(b);
    buf_put(b, m->responses);
    mem_wipe((uint8_t *)(uintptr_t)c->payload.p, c->payload.n);
    struct cursor cur = cursor_of(buf_bytes(b));
    bool is_right_count = m->num_responses == c->auth.n_prompts;
    for (uint32_t i = 0; is_right_count && i < m->num_responses; i++)
        if (cursor_string(&cur).n > SECRET_MAX)
            is_right_count = false;
    if (!is_right_count || !cursor_is_done(&cur))
        return refuse(c);
    struct conn_auth_request req = {.method = AUTH_KBDINT_RESPONSE,
                                    .method_name = BYTES_LIT("keyboard-interactive"),
                                    .responses = buf_bytes(b),
                                    .n_responses = m->num_responses};
    return ask(c, &req);
}

/* ---- answers ---- */

enum err
auth_send_failure(struct conn *c)
{
    c->await = AWAIT_NOTHING;
    struct ssh_userauth_failure m = {
        .methods_that_can_continue = buf_bytes(&c->auth.methods),
        .partial_success = c->auth.reply_is_partial,
    };
    return conn_send(c, SSH_USERAUTH_FAILURE, &m);
}

static enum err
send_success(struct conn *c)
{
    uint8_t success = SSH_MSG_USERAUTH_SUCCESS;
    enum err e =
        conn_send_payload(c, bytes_of(&success, 1), PACKET_STARTS_COMPRESSION, false);
    if (e != ERR_NONE)
        return e;
    auth_done(c);
    return ERR_NONE;
}

static enum err
send_pk_ok(struct conn *c)
{
    struct cursor fields = cursor_of(buf_bytes(&c->auth.request));
    /* The request begins with the method's name, without a length. */
    size_t name_len = c->auth.method == AUTH_PUBLICKEY_QUERY &&
                              bytes_has_prefix(buf_bytes(&c->auth.request), HOSTBOUND)
                          ? strlen(HOSTBOUND)
                          : strlen("publickey");
    cursor_raw(&fields, name_len);
    struct ssh_auth_publickey m;
    if (!msg_get(&ssh_msgs[SSH_AUTH_PUBLICKEY], &fields, &m))
        return conn_fail(c, ERR_BUG, DISCONNECT_BY_APPLICATION, "lost the request");
    c->await = AWAIT_NOTHING;
    return conn_send(
        c, SSH_USERAUTH_PK_OK,
        &(struct ssh_userauth_pk_ok){.algorithm = m.algorithm, .key = m.key});
}

static bool
counts_as_failure(enum auth_method method)
{
    return method != AUTH_NONE && method != AUTH_PUBLICKEY_QUERY;
}

/* "none" only asks what may be tried: it waits for nothing but what
 * conn_auth_delay said. */
static uint32_t
refusal_delay(const struct conn *c)
{
    const struct auth_state *a = &c->auth;
    uint32_t least = a->method == AUTH_NONE ? 0 : c->limits.auth_delay_ms;
    return a->delay_ms > least ? a->delay_ms : least;
}

static enum err
deny(struct conn *c, bool is_partial)
{
    struct auth_state *a = &c->auth;
    a->reply_is_partial = is_partial;
    if (!is_partial && counts_as_failure(a->method) &&
        ++a->n_failures >= c->limits.auth_failures)
        return conn_fail(c, ERR_AUTH, DISCONNECT_PROTOCOL_ERROR,
                         "too many authentication failures");
    a->reply_ms = a->request_ms + refusal_delay(c);
    if (!is_partial && a->reply_ms > c->now_ms) {
        c->await = AWAIT_AUTH_DELAY;
        return ERR_NONE;
    }
    return auth_send_failure(c);
}

void
conn_auth_delay(struct conn *c, uint32_t ms)
{
    if (c->await == AWAIT_AUTH && c->role == CONN_SERVER)
        c->auth.delay_ms = ms;
}

void
conn_answer_auth(struct conn *c, enum auth_verdict verdict, const char *methods)
{
    if (c->await != AWAIT_AUTH || c->role != CONN_SERVER || c->is_dead)
        return;
    if (methods) {
        buf_reset(&c->auth.methods);
        buf_put_str(&c->auth.methods, methods);
    }
    if (verdict == AUTH_ACCEPTED && c->auth.method == AUTH_PUBLICKEY_QUERY)
        (void)send_pk_ok(c); /* a failure has latched */
    else if (verdict == AUTH_ACCEPTED)
        (void)send_success(c);
    else
        (void)deny(c, verdict == AUTH_PARTIAL);
    buf_clear(&c->auth.request); /* a password's time is over */
}

void
conn_answer_auth_prompt(struct conn *c, const char *name, const char *instruction,
                        const struct conn_prompt *prompts, uint32_t n)
{
    if (c->await != AWAIT_AUTH || c->role != CONN_SERVER || c->is_dead)
        return;
    struct buf list;
    buf_init(&list, 16384);
    for (uint32_t i = 0; i < n && i < PROMPTS_MAX; i++) {
        put_cstring(&list, prompts[i].text);
        put_bool(&list, prompts[i].is_echoed);
    }
    c->auth.n_prompts = n < PROMPTS_MAX ? n : PROMPTS_MAX;
    struct ssh_userauth_info_request m = {.name = bytes_str(name),
                                          .instruction = bytes_str(instruction),
                                          .num_prompts = c->auth.n_prompts,
                                          .prompts = buf_bytes(&list)};
    c->await = AWAIT_NOTHING;
    c->phase = PHASE_AUTH_ANSWER;
    (void)conn_send(c, SSH_USERAUTH_INFO_REQUEST, &m); /* a failure has latched */
    buf_clear(&list);
    buf_clear(&c->auth.request);
}
