/* See activation.h. */
#include "daemon/activation.h"

#include <errno.h>
#include <fcntl.h>

enum { DIGITS_MAX = 19 }; /* of any number below 2^63 */

bool
activation_number(const char *text, uint64_t *number)
{
    uint64_t x = 0;
    size_t n = text ? strlen(text) : 0;
    if (n == 0 || n > DIGITS_MAX)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        x = x * 10 + (uint64_t)(text[i] - '0');
    }
    *number = x;
    return true;
}

/* The next of "name:name:..."; what is not printable stays out, since it is shown. */
static void
take_name(struct bytes *names, char name[ACTIVATION_NAME_MAX + 1])
{
    const uint8_t *colon = names->n ? memchr(names->p, ':', names->n) : NULL;
    size_t len = colon ? (size_t)(colon - names->p) : names->n;
    size_t used = 0;
    for (size_t i = 0; i < len && used < ACTIVATION_NAME_MAX; i++)
        if (names->p[i] > 0x20 && names->p[i] <= 0x7e)
            name[used++] = (char)names->p[i];
    name[used] = 0;
    *names = bytes_skip(*names, len + 1);
}

/* -1: not a socket, or one without such an option. */
static int
socket_option(int fd, int option)
{
    int value;
    socklen_t len = sizeof value;
    return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 ? value : -1;
}

/* What is wrong with it; NULL: it will do. */
static const char *
unfit(int fd)
{
    int domain = socket_option(fd, SO_DOMAIN);
    if (domain < 0)
        return "is not a socket";
    if ((domain != AF_INET && domain != AF_INET6) ||
        socket_option(fd, SO_TYPE) != SOCK_STREAM)
        return "is not a TCP socket";
    if (socket_option(fd, SO_ACCEPTCONN) != 1)
        return "does not listen";
    return NULL;
}

static bool
set_flags(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
           fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

static enum err
take_one(struct activated *a, struct fault *why)
{
    const char *fault = unfit(a->fd);
    if (fault)
        return fault_set(why, ERR_PROTO, 0, "descriptor %d (%s), handed over, %s", a->fd,
                         a->name[0] ? a->name : "unnamed", fault);
    a->bound.len = sizeof a->bound.ss;
    if (!set_flags(a->fd) ||
        getsockname(a->fd, (struct sockaddr *)&a->bound.ss, &a->bound.len) != 0)
        return fault_errno(why, ERR_IO, errno, "cannot use descriptor %d, handed over",
                           a->fd);
    return ERR_NONE;
}

enum err
activation_take(const struct activation_words *words, pid_t self,
                struct activated taken[ACTIVATION_MAX], size_t *n, struct fault *why)
{
    uint64_t pid, count;
    struct bytes names = bytes_str(words->names);
    *n = 0;
    if (!words->pid || !words->fds)
        return ERR_NONE;
    if (!activation_number(words->pid, &pid) || !activation_number(words->fds, &count))
        return fault_set(why, ERR_PROTO, 0, "LISTEN_PID or LISTEN_FDS is not a number");
    if (pid != (uint64_t)self)
        return ERR_NONE;
    if (count > ACTIVATION_MAX)
        return fault_set(why, ERR_LIMIT, 0, "more than %d sockets were handed over",
                         ACTIVATION_MAX);
    for (size_t i = 0; i < count; i++) {
        taken[i].fd = ACTIVATION_FIRST_FD + (int)i;
        take_name(&names, taken[i].name);
        enum err err = take_one(&taken[i], why);
        if (err != ERR_NONE)
            return err;
    }
    *n = (size_t)count;
    return ERR_NONE;
}
