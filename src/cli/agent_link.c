/* See agent_link.h. */
#include "cli/agent_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/interrupt.h"

static const char *
socket_path(const char *named)
{
    if (!named || strcmp(named, "SSH_AUTH_SOCK") == 0)
        return getenv("SSH_AUTH_SOCK");
    if (strcasecmp(named, "none") == 0)
        return NULL;
    return named[0] == '$' ? getenv(named + 1) : named;
}

enum err
agent_link_open(struct agent_link *al, const char *named)
{
    al->fd = -1;
    buf_init(&al->reply, AGENT_REPLY_MAX + AGENT_FRAME_HEAD);
    const char *path = socket_path(named);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!path || !*path || strlen(path) >= sizeof address.sun_path)
        return ERR_CLOSED;
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ERR_CLOSED;
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return ERR_CLOSED;
    }
    al->fd = fd;
    return ERR_NONE;
}

void
agent_link_close(struct agent_link *al)
{
    if (al->fd >= 0)
        close(al->fd);
    al->fd = -1;
    buf_clear(&al->reply);
}

static enum err
send_all(int fd, struct bytes request)
{
    while (request.n != 0) {
        ssize_t n = send(fd, request.p, request.n, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR && interrupt_count() == 0)
            continue;
        if (n < 0)
            return ERR_CLOSED;
        request = bytes_skip(request, (size_t)n);
    }
    return ERR_NONE;
}

static enum err
receive_more(struct agent_link *al)
{
    enum { STEP = 4096 };
    uint8_t chunk[STEP];
    ssize_t n;
    do
        n = recv(al->fd, chunk, sizeof chunk, 0);
    while (n < 0 && errno == EINTR && interrupt_count() == 0);
    if (n <= 0)
        return ERR_CLOSED;
    buf_put(&al->reply, bytes_of(chunk, (size_t)n));
    return buf_err(&al->reply);
}

enum err
agent_link_ask(struct agent_link *al, struct bytes request, struct bytes *reply)
{
    if (al->fd < 0)
        return ERR_CLOSED;
    buf_reset(&al->reply);
    enum err e = send_all(al->fd, request);
    size_t used = 0;
    while (e == ERR_NONE && used == 0) {
        e = agent_reply_next(buf_bytes(&al->reply), reply, &used);
        if (e == ERR_NONE && used == 0)
            e = receive_more(al);
    }
    return e;
}
