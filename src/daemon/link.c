/* See link.h. */
#include "daemon/link.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Room for descriptors, aligned for their header. */
union fd_control {
    struct cmsghdr align;
    char room[CMSG_SPACE(LINK_FDS_MAX * sizeof(int))];
};

enum err
link_pair(int fds[2])
{
    int rc = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds);
    return rc == 0 ? ERR_NONE : ERR_IO;
}

enum err
link_send(int link, const void *message, size_t n)
{
    if (write(link, message, n) == (ssize_t)n)
        return ERR_NONE;
    return errno == EAGAIN ? ERR_LIMIT : ERR_IO;
}

enum err
link_send_fds(int link, const void *message, size_t n, const int *fds, size_t n_fds)
{
    union fd_control control = {0};
    /* sendmsg does not write; its type only can't say so. */
    struct iovec iov = {(void *)(uintptr_t)message, n};
    struct msghdr header = {.msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = control.room,
                            .msg_controllen = CMSG_SPACE(n_fds * sizeof *fds)};
    struct cmsghdr *head = CMSG_FIRSTHDR(&header);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(n_fds * sizeof *fds);
    memcpy(CMSG_DATA(head), fds, n_fds * sizeof *fds);
    if (sendmsg(link, &header, MSG_NOSIGNAL) == (ssize_t)n)
        return ERR_NONE;
    return errno == EAGAIN ? ERR_LIMIT : ERR_IO;
}

/* What recv says when it did not give a message. */
static enum err
receive_error(ssize_t n)
{
    if (n == 0)
        return ERR_CLOSED;
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? ERR_LIMIT : ERR_CLOSED;
    return ERR_PROTO;
}

enum err
link_receive(int link, void *message, size_t n)
{
    ssize_t got = recv(link, message, n, MSG_TRUNC);
    return got == (ssize_t)n ? ERR_NONE : receive_error(got);
}

static size_t
take_fds(struct msghdr *header, int fds[LINK_FDS_MAX])
{
    struct cmsghdr *head = CMSG_FIRSTHDR(header);
    if (!head || head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
        return 0;
    size_t n = (head->cmsg_len - CMSG_LEN(0)) / sizeof *fds;
    n = n < LINK_FDS_MAX ? n : LINK_FDS_MAX;
    memcpy(fds, CMSG_DATA(head), n * sizeof *fds);
    return n;
}

enum err
link_receive_fds(int link, void *message, size_t n, int fds[LINK_FDS_MAX], size_t *n_fds)
{
    union fd_control control = {0};
    struct iovec iov = {message, n};
    struct msghdr header = {.msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = control.room,
                            .msg_controllen = sizeof control.room};
    *n_fds = 0;
    ssize_t got = recvmsg(link, &header, MSG_CMSG_CLOEXEC | MSG_TRUNC);
    if (got > 0)
        *n_fds = take_fds(&header, fds);
    if (got == (ssize_t)n)
        return ERR_NONE;
    enum err err = receive_error(got);
    while (*n_fds > 0)
        close(fds[--*n_fds]);
    return err;
}

enum err
link_await(int link, void *message, size_t n, int timeout_ms)
{
    struct pollfd p = {.fd = link, .events = POLLIN};
    int ready;
    do
        ready = poll(&p, 1, timeout_ms);
    while (ready < 0 && errno == EINTR);
    return ready == 1 ? link_receive(link, message, n) : ERR_LIMIT;
}
