/* See dialogue.h. */
#include "admin/dialogue.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { PATIENCE_S = 10 }; /* for one message of the daemon's */

/* ---- the connection ---- */

static enum err
refuse_connection(struct fault *why, int sys_errno, const char *path)
{
    if (sys_errno == ENOENT || sys_errno == ECONNREFUSED)
        return fault_set(why, ERR_IO, 0, "no ferryd answers at %.108s; is it running?",
                         path);
    if (sys_errno == EACCES)
        return fault_set(why, ERR_AUTH, 0,
                         "%.108s is for root and the daemon's own user only", path);
    return fault_errno(why, ERR_IO, sys_errno, "%.108s", path);
}

enum err
dialogue_connect(struct dialogue *d, const char *path, struct fault *why)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    d->fd = -1;
    int n = snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (n < 0 || (size_t)n >= sizeof address.sun_path)
        return fault_set(why, ERR_IO, 0, "%.108s...: longer than a socket's name can be",
                         path);
    d->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (d->fd < 0)
        return fault_errno(why, ERR_IO, errno, "no socket");
    (void)setsockopt(d->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    (void)setsockopt(d->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(d->fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return ERR_NONE;
    int sys_errno = errno;
    dialogue_close(d);
    return refuse_connection(why, sys_errno, path);
}

void
dialogue_close(struct dialogue *d)
{
    if (d->fd >= 0)
        close(d->fd);
    d->fd = -1;
}

/* ---- asking ---- */

#define IS_TEXT(array) (memchr(array, 0, sizeof(array)) != NULL)

static bool
is_sound(const struct control_reply *r)
{
    switch (r->kind) {
    case CONTROL_END:
        return IS_TEXT(r->end.text);
    case CONTROL_STATUS_RECORD:
        return IS_TEXT(r->status.version) && IS_TEXT(r->status.config) &&
               IS_TEXT(r->status.listening) && IS_TEXT(r->status.walls);
    case CONTROL_SESSION_RECORD:
        return IS_TEXT(r->session.account) && IS_TEXT(r->session.host) &&
               IS_TEXT(r->session.client) && IS_TEXT(r->session.method) &&
               r->session.path_len <= sizeof r->session.path;
    case CONTROL_BAN_RECORD:
        return IS_TEXT(r->ban.block) && IS_TEXT(r->ban.reason);
    default:
        return false;
    }
}

static enum err
receive(const struct dialogue *d, struct control_reply *r, struct fault *why)
{
    ssize_t n = recv(d->fd, r, sizeof *r, MSG_TRUNC);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return fault_set(why, ERR_LIMIT, 0, "the daemon does not answer");
    if (n <= 0)
        return fault_set(why, ERR_CLOSED, 0,
                         "the daemon closed the connection: it ended, is of another "
                         "version, or has too many administrators");
    if ((size_t)n < offsetof(struct control_reply, end) ||
        (size_t)n != control_reply_len(r->kind) || r->version != CONTROL_VERSION ||
        !is_sound(r))
        return fault_set(why, ERR_PROTO, 0, "the daemon is of another version");
    return ERR_NONE;
}

enum err
dialogue_ask(struct dialogue *d, const struct control_request *request,
             dialogue_take *take, void *ctx, struct control_end *end, struct fault *why)
{
    struct control_request q = *request;
    struct control_reply r;
    q.version = CONTROL_VERSION;
    /* A daemon that turned us away has closed already; what it says is read first. */
    (void)!send(d->fd, &q, sizeof q, MSG_NOSIGNAL);
    for (;;) {
        enum err err = receive(d, &r, why);
        if (err != ERR_NONE)
            return err;
        if (r.kind == CONTROL_END)
            break;
        if (take)
            take(ctx, &r);
    }
    *end = r.end;
    if (r.end.error == 0)
        return ERR_NONE;
    /* The sentence is the daemon's; it may hold what a file of ours said. */
    return fault_set(why, (enum err)r.end.error, 0, "%.230s",
                     r.end.text[0] ? r.end.text : "the daemon refused");
}
