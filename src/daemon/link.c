/* See link.h. */
#include "daemon/link.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* Room for one descriptor, aligned for its header. */
union fd_control {
    struct cmsghdr align;
    char room[CMSG_SPACE(sizeof(int))];
};

enum err
link_pair(int fds[2])
{
    int rc = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds);
    return rc == 0 ? ERR_NONE : ERR_IO;
}

enum err
link_send_fd(int link, const struct link_enter *enter, int fd)
{
    union fd_control control = {0};
    struct link_enter copy = *enter;
    struct iovec iov = {&copy, sizeof copy};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control.room,
                             .msg_controllen = sizeof control.room};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(head), &fd, sizeof fd);
    if (sendmsg(link, &message, MSG_NOSIGNAL) == (ssize_t)sizeof copy)
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
link_receive_fd(int link, struct link_enter *enter, int *fd)
{
    union fd_control control = {0};
    struct iovec iov = {enter, sizeof *enter};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control.room,
                             .msg_controllen = sizeof control.room};
    *fd = -1;
    ssize_t n = recvmsg(link, &message, MSG_CMSG_CLOEXEC);
    struct cmsghdr *head = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
        head->cmsg_len == CMSG_LEN(sizeof *fd))
        memcpy(fd, CMSG_DATA(head), sizeof *fd);
    if (n == (ssize_t)sizeof *enter && *fd >= 0 &&
        memchr(enter->address, 0, sizeof enter->address))
        return ERR_NONE;
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    return receive_error(n);
}

enum err
link_receive(int link, void *message, size_t n)
{
    ssize_t got = read(link, message, n);
    return got == (ssize_t)n ? ERR_NONE : receive_error(got);
}

enum err
link_send(int link, const void *message, size_t n)
{
    if (write(link, message, n) == (ssize_t)n)
        return ERR_NONE;
    return errno == EAGAIN ? ERR_LIMIT : ERR_IO;
}
