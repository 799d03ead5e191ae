/* See monitor.h. */
#include "daemon/monitor.h"

#include <stddef.h>
#include <stdio.h>

#include "base/secret.h"
#include "wire/put.h"

typedef enum err (*monitor_handler)(const struct monitor *, struct monitor_conn *,
                                    const void *request, struct monitor_reply *,
                                    enum monitor_progress *);

#define HANDLER(name)                                                      \
    static enum err name(const struct monitor *m, struct monitor_conn *c,  \
                         const void *request, struct monitor_reply *reply, \
                         enum monitor_progress *progress)
HANDLER(on_proxied);
HANDLER(on_hello);
HANDLER(on_sign);
HANDLER(on_client);
HANDLER(on_login);
HANDLER(on_grant);
HANDLER(on_prove);
HANDLER(on_charge);
HANDLER(on_record);
HANDLER(on_name);
HANDLER(on_leave);

enum { PRE_AUTH = 1U << MONITOR_PRE_AUTH, SESSION = 1U << MONITOR_SESSION };

#define REPLY_OF(member) \
    (offsetof(struct monitor_reply, member) + sizeof((struct monitor_reply *)0)->member)
enum { REPLY_HEAD = offsetof(struct monitor_reply, hello) };

/* All that a process which meets a peer can reach. */
static const struct {
    size_t size;   /* of the request, exactly */
    unsigned ends; /* from which it may come */
    monitor_handler handler;
    size_t reply; /* octets that are sent back */
} requests[MONITOR_OPS] = {
    [MONITOR_PROXIED] = {sizeof(struct monitor_proxied), PRE_AUTH, on_proxied,
                         REPLY_HEAD},
    [MONITOR_HELLO] = {sizeof(struct monitor_ask), PRE_AUTH, on_hello, REPLY_OF(hello)},
    [MONITOR_SIGN] = {sizeof(struct monitor_sign_request), PRE_AUTH | SESSION, on_sign,
                      REPLY_OF(signature)},
    [MONITOR_CLIENT] = {sizeof(struct monitor_client_name), PRE_AUTH, on_client,
                        REPLY_HEAD},
    [MONITOR_LOGIN] = {sizeof(struct monitor_login_request), PRE_AUTH, on_login,
                       REPLY_OF(login)},
    [MONITOR_GRANT] = {sizeof(struct monitor_ask), SESSION, on_grant, REPLY_OF(grant)},
    [MONITOR_PROVE] = {sizeof(struct monitor_sign_request), SESSION, on_prove,
                       REPLY_OF(signature)},
    [MONITOR_CHARGE] = {sizeof(struct monitor_charge), SESSION, on_charge,
                        REPLY_OF(quota)},
    [MONITOR_RECOUNTED] = {sizeof(struct monitor_charge), SESSION, on_charge,
                           REPLY_OF(quota)},
    [MONITOR_RECORD] = {sizeof(struct monitor_record), SESSION, on_record, REPLY_HEAD},
    [MONITOR_NAME] = {sizeof(struct monitor_name_request), SESSION, on_name,
                      REPLY_OF(name)},
    [MONITOR_LEAVE] = {sizeof(struct monitor_ask), SESSION, on_leave, REPLY_HEAD},
};

size_t
monitor_request_size(uint32_t op)
{
    return op < MONITOR_OPS ? requests[op].size : 0;
}

size_t
monitor_reply_size(enum monitor_op op)
{
    return requests[op].reply;
}

/* A session process exists only after the login, a pre-authentication process
 * has nothing to ask any more then. */
static bool
may_come(const struct monitor_conn *c, enum monitor_end end, uint32_t op)
{
    if (!(requests[op].ends & (1U << end)) || c->awaited != 0)
        return false;
    if (end == MONITOR_PRE_AUTH)
        return !c->is_authenticated;
    return c->is_authenticated && (c->was_granted || op == MONITOR_GRANT) && !c->has_left;
}

enum err
monitor_answer(const struct monitor *m, struct monitor_conn *c, enum monitor_end end,
               struct bytes message, struct monitor_reply *reply,
               enum monitor_progress *progress)
{
    uint32_t op;
    *progress = MONITOR_NOW;
    if (message.n < sizeof op)
        return ERR_PROTO;
    memcpy(&op, message.p, sizeof op);
    if (op >= MONITOR_OPS || !requests[op].handler || message.n != requests[op].size ||
        !may_come(c, end, op))
        return ERR_PROTO;
    memset(reply, 0, requests[op].reply);
    reply->op = op;
    enum err err = requests[op].handler(m, c, message.p, reply, progress);
    if (err == ERR_NONE && *progress == MONITOR_LATER) {
        c->awaited = op;
        c->awaiting_end = end;
    }
    return err;
}

void
monitor_conn_clear(struct monitor_conn *c)
{
    if (c->verdict)
        c->verdict->ops->free(c->verdict);
    mem_wipe(c, sizeof *c);
}

/* ---- before the login ---- */

static bool
is_text(const char *text, size_t room)
{
    size_t n = strnlen(text, room);
    for (size_t i = 0; i < n; i++)
        if (text[i] < 0x20 || text[i] > 0x7e)
            return false;
    return n < room;
}

HANDLER(on_proxied)
{
    const struct monitor_proxied *r = request;
    (void)m, (void)progress;
    if (!c->may_be_proxied || c->was_greeted || r->port > UINT16_MAX ||
        r->local_port > UINT16_MAX || !is_text(r->address, sizeof r->address) ||
        !is_text(r->local_address, sizeof r->local_address))
        return ERR_PROTO;
    c->may_be_proxied = false;
    memcpy(c->address, r->address, sizeof c->address);
    memcpy(c->local_address, r->local_address, sizeof c->local_address);
    c->port = (uint16_t)r->port;
    c->local_port = (uint16_t)r->local_port;
    reply->verdict = 1;
    return ERR_NONE;
}

HANDLER(on_hello)
{
    (void)request, (void)progress;
    if (c->was_greeted)
        return ERR_PROTO;
    c->was_greeted = true;
    c->peer = (struct verdict_peer){
        .address = c->address,
        .local_address = c->local_address,
        .port = c->port,
        .local_port = c->local_port,
    };
    enum err err = m->backend->verdict_new(m->backend->ctx, c, &c->peer, &c->verdict);
    if (err != ERR_NONE)
        return err;
    const char *banner = c->verdict->ops->banner(c->verdict);
    size_t n = strnlen(banner, sizeof reply->hello.banner - 1);
    memcpy(reply->hello.banner, banner, n);
    reply->verdict = 1;
    return ERR_NONE;
}

HANDLER(on_client)
{
    const struct monitor_client_name *r = request;
    (void)m, (void)progress;
    if (c->was_named || !is_text(r->text, sizeof r->text))
        return ERR_PROTO;
    c->was_named = true;
    memcpy(c->client, r->text, sizeof c->client);
    reply->verdict = 1;
    return ERR_NONE;
}

static enum err
sign(const struct monitor *m, const struct monitor_sign_request *r, struct bytes data,
     struct monitor_reply *reply)
{
    struct buf signature;
    size_t algo_len = strnlen(r->algo, sizeof r->algo);
    const struct sig_algo *algo = sig_by_name(bytes_of(r->algo, algo_len));
    if (algo_len == sizeof r->algo || !algo)
        return ERR_PROTO;
    const struct privkey *key = m->keys->key[m->public->key[r->key].signer];
    buf_init(&signature, sizeof reply->signature.p);
    enum err err = sig_sign(algo, key, data, &signature);
    if (err == ERR_NONE) {
        reply->verdict = 1;
        reply->signature.n = (uint32_t)signature.n;
        memcpy(reply->signature.p, signature.p, signature.n);
    }
    buf_clear(&signature);
    return err;
}

/*
 * The data is not rebuilt from its parts here (the shared secret is the
 * connection's), but it can be nothing else than a hash: too short for any
 * other text that is signed with a host key.
 */
HANDLER(on_sign)
{
    const struct monitor_sign_request *r = request;
    (void)progress;
    if (r->n != hash_len(HASH_SHA256) && r->n != hash_len(HASH_SHA384) &&
        r->n != hash_len(HASH_SHA512))
        return ERR_PROTO;
    bool is_first = c->session_id.n == 0;
    if (r->key >= m->public->n_keys || !c->was_greeted ||
        ++c->n_signs > MONITOR_SIGNS_MAX)
        return ERR_PROTO;
    if (!is_first && !c->is_authenticated)
        return ERR_PROTO; /* no rekeying before login (threats T7) */
    if (is_first) {
        c->session_id.n = r->n;
        memcpy(c->session_id.p, r->hash, r->n);
        c->host_key = r->key;
    }
    return sign(m, r, bytes_of(r->hash, r->n), reply);
}

void
monitor_note_login(struct monitor_conn *c, const struct monitor_reply *reply)
{
    /* A query is accepted without a grant. */
    if (reply->login.verdict == LOGIN_ACCEPTED && c->verdict->ops->grant(c->verdict))
        c->is_authenticated = true;
    c->is_refused = reply->login.verdict == LOGIN_GONE;
}

HANDLER(on_login)
{
    const struct monitor_login_request *r = request;
    enum verdict_progress when = VERDICT_NOW;
    /* The key exchange comes first. */
    if (c->session_id.n == 0 || c->is_refused || ++c->n_logins > LOGIN_REQUESTS_MAX)
        return ERR_PROTO;
    const struct public_key *key = &m->public->key[c->host_key];
    const struct verdict_session session = {
        .id = bytes_of(c->session_id.p, c->session_id.n),
        .host_key = bytes_of(key->p, key->n),
    };
    reply->verdict = 1;
    enum err err =
        c->verdict->ops->request(c->verdict, &session, &r->login, &reply->login, &when);
    *progress = when == VERDICT_LATER ? MONITOR_LATER : MONITOR_NOW;
    if (err == ERR_NONE && when == VERDICT_NOW)
        monitor_note_login(c, reply);
    return err;
}

/* ---- after it ---- */

HANDLER(on_grant)
{
    (void)m, (void)request, (void)progress;
    if (c->was_granted)
        return ERR_PROTO;
    c->was_granted = true;
    reply->grant = *c->verdict->ops->grant(c->verdict);
    reply->verdict = 1;
    return ERR_NONE;
}

/* hostkeys-prove-00@openssh.com, OpenSSH's PROTOCOL 2.5. A second proof of the
 * same key is refused, not punished: a client may ask twice (threats C5). */
HANDLER(on_prove)
{
    const struct monitor_sign_request *r = request;
    struct buf text;
    (void)progress;
    if (r->n != 0 || r->key >= m->public->n_keys)
        return ERR_PROTO;
    if (c->proven & (1U << r->key))
        return ERR_NONE;
    c->proven |= 1U << r->key;
    const struct public_key *key = &m->public->key[r->key];
    buf_init(&text, KEY_BLOB_MAX + 256);
    put_cstring(&text, "hostkeys-prove-00@openssh.com");
    put_string(&text, bytes_of(c->session_id.p, c->session_id.n));
    put_string(&text, bytes_of(key->p, key->n));
    enum err err = buf_err(&text);
    if (err == ERR_NONE)
        err = sign(m, r, buf_bytes(&text), reply);
    buf_clear(&text);
    return err;
}

HANDLER(on_charge)
{
    const struct monitor_charge *r = request;
    if (r->op == MONITOR_RECOUNTED && (r->octets < 0 || r->files < 0))
        return ERR_PROTO;
    return m->backend->charge(m->backend->ctx, c, r, reply, progress);
}

/* Who it was and from where is ours to say. */
static void
sign_record(const struct monitor_conn *c, struct record *r)
{
    const struct verdict *v = c->verdict;
    const struct grant *grant = v->ops->grant(v);
    r->connection = c->id;
    memcpy(r->user, grant->user, sizeof r->user);
    memcpy(r->address, c->address, sizeof r->address);
    r->port = c->port;
    memcpy(r->client, c->client, sizeof r->client);
    snprintf(r->method, sizeof r->method, "%s", v->ops->how(v));
    snprintf(r->key, sizeof r->key, "%s", v->ops->key(v) ? v->ops->key(v) : "");
    r->is_virtual = grant->is_virtual;
    memcpy(r->root, grant->root, sizeof r->root);
}

HANDLER(on_record)
{
    struct record r = ((const struct monitor_record *)request)->record;
    bool is_ours = r.kind == RECORD_LOGIN || r.kind == RECORD_LOGIN_FAILED ||
                   r.kind == RECORD_LOGOUT;
    if (r.kind == 0 || r.kind > RECORD_REFUSED || is_ours || r.path_len > sizeof r.path ||
        r.other_len > sizeof r.other || r.has_sha256 > 1 ||
        strnlen(r.text, sizeof r.text) == sizeof r.text)
        return ERR_PROTO;
    sign_record(c, &r);
    return m->backend->record(m->backend->ctx, c, &r, reply, progress);
}

HANDLER(on_name)
{
    const struct monitor_name_request *r = request;
    if (r->is_group > 1)
        return ERR_PROTO;
    return m->backend->name(m->backend->ctx, c, r, reply, progress);
}

HANDLER(on_leave)
{
    (void)request, (void)progress;
    c->has_left = true;
    m->backend->leave(m->backend->ctx, c);
    reply->verdict = 1;
    return ERR_NONE;
}
