/* See monitor.h. */
#include "daemon/monitor.h"

#include <time.h>

#include "base/secret.h"
#include "wire/put.h"

typedef enum err (*monitor_handler)(const struct monitor *, struct monitor_session *,
                                    const void *request, struct monitor_reply *);

static enum err on_sign(const struct monitor *m, struct monitor_session *s,
                        const void *request, struct monitor_reply *reply);
static enum err on_prove(const struct monitor *m, struct monitor_session *s,
                         const void *request, struct monitor_reply *reply);
static enum err on_password(const struct monitor *m, struct monitor_session *s,
                            const void *request, struct monitor_reply *reply);
static enum err on_key(const struct monitor *m, struct monitor_session *s,
                       const void *request, struct monitor_reply *reply);

enum phase { BEFORE_LOGIN = 1, AFTER_LOGIN = 2 };

/* All that a connection's process can reach. */
static const struct {
    size_t size;     /* of the request, exactly */
    unsigned phases; /* in which it may come */
    monitor_handler handler;
} requests[] = {
    [MONITOR_SIGN] = {sizeof(struct monitor_sign_request), BEFORE_LOGIN | AFTER_LOGIN,
                      on_sign},
    [MONITOR_PROVE] = {sizeof(struct monitor_sign_request), AFTER_LOGIN, on_prove},
    [MONITOR_PASSWORD] = {sizeof(struct monitor_password_request), BEFORE_LOGIN,
                          on_password},
    [MONITOR_KEY] = {sizeof(struct monitor_key_request), BEFORE_LOGIN, on_key},
};

enum err
monitor_answer(const struct monitor *m, struct monitor_session *s, struct bytes message,
               struct monitor_reply *reply)
{
    uint32_t op;
    memset(reply, 0, sizeof *reply);
    if (message.n < sizeof op)
        return ERR_PROTO;
    memcpy(&op, message.p, sizeof op);
    if (op >= ARRAY_LEN(requests) || !requests[op].handler ||
        message.n != requests[op].size)
        return ERR_PROTO;
    unsigned phase = s->is_authenticated ? AFTER_LOGIN : BEFORE_LOGIN;
    if (!(requests[op].phases & phase))
        return ERR_PROTO;
    reply->op = op;
    return requests[op].handler(m, s, message.p, reply);
}

static enum err
sign(const struct monitor *m, const struct monitor_sign_request *r, struct bytes data,
     struct monitor_reply *reply)
{
    struct buf signature;
    size_t algo_len = strnlen(r->algo, sizeof r->algo);
    const struct sig_algo *algo = sig_by_name(bytes_of(r->algo, algo_len));
    if (algo_len == sizeof r->algo || !algo || r->key >= m->keys->n)
        return ERR_PROTO;
    buf_init(&signature, sizeof reply->signature);
    enum err err = sig_sign(algo, m->keys->key[r->key], data, &signature);
    if (err == ERR_NONE) {
        reply->verdict = 1;
        reply->n = (uint32_t)signature.n;
        memcpy(reply->signature, signature.p, signature.n);
    }
    buf_clear(&signature);
    return err;
}

/*
 * The data is not rebuilt from its parts here (the shared secret is the
 * connection's), but it can be nothing else than a hash: too short for any
 * other text that is signed with a host key.
 */
static enum err
on_sign(const struct monitor *m, struct monitor_session *s, const void *request,
        struct monitor_reply *reply)
{
    const struct monitor_sign_request *r = request;
    if (r->n != hash_len(HASH_SHA256) && r->n != hash_len(HASH_SHA384) &&
        r->n != hash_len(HASH_SHA512))
        return ERR_PROTO;
    bool is_first = s->session_id.n == 0;
    if (!is_first && !s->is_authenticated)
        return ERR_PROTO; /* no rekeying before login (threats T7) */
    if (is_first) {
        s->session_id.n = r->n;
        memcpy(s->session_id.p, r->hash, r->n);
    }
    return sign(m, r, bytes_of(r->hash, r->n), reply);
}

/* hostkeys-prove-00@openssh.com, OpenSSH's PROTOCOL 2.5. A second proof of the
 * same key is refused, not punished: a client may ask twice (threats C5). */
static enum err
on_prove(const struct monitor *m, struct monitor_session *s, const void *request,
         struct monitor_reply *reply)
{
    const struct monitor_sign_request *r = request;
    struct buf text;
    if (r->n != 0 || r->key >= m->keys->n)
        return ERR_PROTO;
    if (s->proven & (1U << r->key))
        return ERR_NONE;
    s->proven |= 1U << r->key;
    buf_init(&text, KEY_BLOB_MAX + 256);
    put_cstring(&text, "hostkeys-prove-00@openssh.com");
    put_string(&text, bytes_of(s->session_id.p, s->session_id.n));
    put_string(&text, host_keys_blob(m->keys, r->key));
    enum err err = buf_err(&text);
    if (err == ERR_NONE)
        err = sign(m, r, buf_bytes(&text), reply);
    buf_clear(&text);
    return err;
}

/* Login is asked for after the key exchange and a bounded number of times. */
static bool
may_log_in(struct monitor_session *s, const struct monitor_user *user)
{
    return s->session_id.n != 0 && user->n <= sizeof user->name &&
           ++s->n_login_requests <= MONITOR_LOGIN_REQUESTS;
}

static enum err
on_password(const struct monitor *m, struct monitor_session *s, const void *request,
            struct monitor_reply *reply)
{
    const struct monitor_password_request *r = request;
    if (!may_log_in(s, &r->user) || r->n > sizeof r->password)
        return ERR_PROTO;
    if (account_check_password(m->account, bytes_of(r->user.name, r->user.n),
                               bytes_of(r->password, r->n)) == ACCOUNT_ACCEPTED) {
        s->is_authenticated = true;
        reply->verdict = 1;
    }
    return ERR_NONE;
}

static enum err
on_key(const struct monitor *m, struct monitor_session *s, const void *request,
       struct monitor_reply *reply)
{
    const struct monitor_key_request *r = request;
    if (!may_log_in(s, &r->user) || r->n > sizeof r->blob || r->is_signed > 1)
        return ERR_PROTO;
    struct account_key_query query = {
        .user = bytes_of(r->user.name, r->user.n),
        .blob = bytes_of(r->blob, r->n),
        .address = bytes_str(s->address),
        .now = time(NULL),
        .log = m->log,
    };
    if (account_check_key(m->account, &query, &reply->flags) == ACCOUNT_ACCEPTED) {
        s->is_authenticated = r->is_signed;
        reply->verdict = 1;
    }
    return ERR_NONE;
}
