/* See monitor_client.h. */
#include "daemon/monitor_client.h"

#include <stdio.h>

#include "daemon/link.h"

enum {
    ANSWER_MS = 30 * 1000,       /* a disk or a directory service may be slow */
    LOGIN_ANSWER_MS = 60 * 1000, /* a queue of password hashes may be before us */
};

static int
patience(uint32_t op)
{
    return op == MONITOR_LOGIN ? LOGIN_ANSWER_MS : ANSWER_MS;
}

enum err
monitor_put(struct monitor_client *m, const void *request, size_t n)
{
    uint32_t op;
    memcpy(&op, request, sizeof op);
    if (m->is_lost)
        return ERR_IO;
    m->is_lost =
        link_send(m->fd, request, n) != ERR_NONE ||
        link_await(m->fd, &m->reply, monitor_reply_size(op), patience(op)) != ERR_NONE ||
        m->reply.op != op;
    if (m->is_lost)
        return ERR_IO;
    return m->reply.verdict == 1 ? ERR_NONE : ERR_AUTH;
}

enum err
monitor_put_op(struct monitor_client *m, enum monitor_op op)
{
    const struct monitor_ask r = {.op = op};
    return monitor_put(m, &r, sizeof r);
}

static bool
find_key(const struct daemon_public *public, struct bytes blob, uint32_t *index)
{
    for (*index = 0; *index < public->n_keys; ++*index)
        if (bytes_eq(blob, bytes_of(public->key[*index].p, public->key[*index].n)))
            return true;
    return false;
}

enum err
monitor_sign(struct monitor_client *m, const struct conn_sign *ask,
             struct bytes *signature)
{
    struct monitor_sign_request r = {.op = MONITOR_SIGN};
    *signature = (struct bytes){0};
    if (!find_key(m->public, ask->key, &r.key))
        return ERR_AUTH;
    snprintf(r.algo, sizeof r.algo, "%s", ask->algo->name);
    /* Longer than a hash: a proof of possession, which the monitor words itself. */
    if (ask->data.n > sizeof r.hash) {
        r.op = MONITOR_PROVE;
    } else {
        r.n = (uint32_t)ask->data.n;
        memcpy(r.hash, ask->data.p, ask->data.n);
    }
    enum err err = monitor_put(m, &r, sizeof r);
    if (err == ERR_NONE && m->reply.signature.n <= sizeof m->reply.signature.p)
        *signature = bytes_of(m->reply.signature.p, m->reply.signature.n);
    return err;
}

enum err
monitor_login(struct monitor_client *m, const struct login_request *login,
              const struct login_reply **reply)
{
    struct monitor_login_request r = {.op = MONITOR_LOGIN, .login = *login};
    enum err err = monitor_put(m, &r, sizeof r);
    mem_wipe(&r, sizeof r);
    *reply = &m->reply.login;
    return err;
}

enum err
monitor_tell_client(struct monitor_client *m, struct bytes ident)
{
    struct monitor_client_name r = {.op = MONITOR_CLIENT};
    ident = bytes_first(ident, ident.n < sizeof r.text ? ident.n : sizeof r.text - 1);
    for (size_t i = 0; i < ident.n; i++)
        r.text[i] = ident.p[i] >= 0x20 && ident.p[i] < 0x7f ? (char)ident.p[i] : '?';
    return monitor_put(m, &r, sizeof r);
}
