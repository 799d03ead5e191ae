/* See monitor_client.h. */
#include "daemon/monitor_client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

enum { ANSWER_MS = 10 * 1000 };

/* One message each way. The descriptor is non-blocking. */
static enum err
ask(struct monitor_client *m, const void *request, size_t n)
{
    uint32_t op;
    memcpy(&op, request, sizeof op);
    if (write(m->fd, request, n) != (ssize_t)n)
        return ERR_IO;
    struct pollfd p = {.fd = m->fd, .events = POLLIN};
    int ready;
    do
        ready = poll(&p, 1, ANSWER_MS);
    while (ready < 0 && errno == EINTR);
    if (ready != 1 || read(m->fd, &m->reply, sizeof m->reply) != sizeof m->reply ||
        m->reply.op != op || m->reply.n > sizeof m->reply.signature)
        return ERR_IO;
    return m->reply.verdict == 1 ? ERR_NONE : ERR_AUTH;
}

enum err
monitor_sign(struct monitor_client *m, uint32_t key, const struct conn_sign *sign,
             struct bytes *signature)
{
    struct monitor_sign_request r = {.op = MONITOR_SIGN, .key = key};
    *signature = (struct bytes){0};
    snprintf(r.algo, sizeof r.algo, "%s", sign->algo->name);
    /* Longer than a hash: a proof of possession, which the monitor words itself. */
    if (sign->data.n > sizeof r.hash) {
        r.op = MONITOR_PROVE;
    } else {
        r.n = (uint32_t)sign->data.n;
        memcpy(r.hash, sign->data.p, sign->data.n);
    }
    enum err err = ask(m, &r, sizeof r);
    if (err == ERR_NONE)
        *signature = bytes_of(m->reply.signature, m->reply.n);
    return err;
}

/* A name that is too long is nobody's; cut, it might become somebody's. */
static void
set_user(struct monitor_user *user, struct bytes name)
{
    if (name.n > sizeof user->name)
        name.n = 0;
    user->n = (uint32_t)name.n;
    if (name.n != 0)
        memcpy(user->name, name.p, name.n);
}

enum err
monitor_password(struct monitor_client *m, struct bytes user, struct bytes password)
{
    struct monitor_password_request r = {.op = MONITOR_PASSWORD};
    if (password.n > sizeof r.password)
        password.n = 0; /* refused, in the same time */
    set_user(&r.user, user);
    r.n = (uint32_t)password.n;
    if (password.n != 0)
        memcpy(r.password, password.p, password.n);
    enum err err = ask(m, &r, sizeof r);
    mem_wipe(&r, sizeof r);
    return err;
}

enum err
monitor_key(struct monitor_client *m, enum monitor_key_use use, struct bytes user,
            struct bytes blob, uint32_t *flags)
{
    struct monitor_key_request r = {.op = MONITOR_KEY,
                                    .is_signed = use == MONITOR_KEY_LOGIN};
    *flags = 0;
    if (blob.n > sizeof r.blob)
        return ERR_AUTH;
    set_user(&r.user, user);
    r.n = (uint32_t)blob.n;
    memcpy(r.blob, blob.p, blob.n);
    enum err err = ask(m, &r, sizeof r);
    if (err == ERR_NONE)
        *flags = m->reply.flags;
    return err;
}
