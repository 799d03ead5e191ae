/* See notify.h. */
#include "daemon/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/activation.h" /* activation_number */

enum { MESSAGE_MAX = 512, STATUS_MAX = 200 };

/* The name as connect and sendto take it. False: not one that we can reach. */
static bool
address_of(const char *name, struct sockaddr_un *to, socklen_t *len)
{
    size_t n = strlen(name);
    *to = (struct sockaddr_un){.sun_family = AF_UNIX};
    if ((name[0] != '/' && name[0] != '@') || n < 2 || n >= sizeof to->sun_path)
        return false;
    memcpy(to->sun_path, name, n);
    /* An abstract name begins with a zero octet and ends where its length says; a
     * path ends with one. */
    bool is_abstract = name[0] == '@';
    if (is_abstract)
        to->sun_path[0] = 0;
    *len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + !is_abstract);
    return true;
}

enum err
notify_open(struct notify *n, const char *socket_name, struct fault *why)
{
    *n = (struct notify){.fd = -1};
    if (!socket_name || socket_name[0] == 0)
        return ERR_NONE;
    if (!address_of(socket_name, &n->to, &n->to_len))
        return fault_set(why, ERR_PROTO, 0,
                         "NOTIFY_SOCKET is neither a path nor an abstract name");
    n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (n->fd < 0)
        return fault_errno(why, ERR_IO, errno, "cannot make a socket for notifications");
    return ERR_NONE;
}

void
notify_close(struct notify *n)
{
    if (n->fd >= 0)
        close(n->fd);
    n->fd = -1;
}

/* Not connected beforehand: a manager that was restarted is found again by name. */
static void
send_text(const struct notify *n, const char *text)
{
    if (n->fd >= 0)
        (void)sendto(n->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT,
                     (const struct sockaddr *)&n->to, n->to_len);
}

/* How much of a status fits in one line. */
static int
printable_len(const char *status)
{
    int len = 0;
    while (len < STATUS_MAX && status[len] >= 0x20 && status[len] <= 0x7e)
        len++;
    return len;
}

static void
send_with_status(const struct notify *n, const char *words, const char *status)
{
    char text[MESSAGE_MAX];
    if (status)
        snprintf(text, sizeof text, "%sSTATUS=%.*s\n", words, printable_len(status),
                 status);
    send_text(n, status ? text : words);
}

void
notify_ready(const struct notify *n, const char *status)
{
    send_with_status(n, "READY=1\n", status);
}

void
notify_status(const struct notify *n, const char *status)
{
    if (status)
        send_with_status(n, "", status);
}

void
notify_stopping(const struct notify *n, const char *status)
{
    send_with_status(n, "STOPPING=1\n", status);
}

/* The manager believes RELOADING only with a time that is not before the one at which
 * it asked, in microseconds: net/clock.h is too coarse to prove that. */
void
notify_reloading(const struct notify *n)
{
    struct timespec now;
    char text[MESSAGE_MAX];
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\n",
             (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
    send_text(n, text);
}

void
notify_main_pid(const struct notify *n, pid_t pid)
{
    char text[MESSAGE_MAX];
    snprintf(text, sizeof text, "MAINPID=%ld\n", (long)pid);
    send_text(n, text);
}

void
notify_extend(const struct notify *n, uint64_t ms)
{
    char text[MESSAGE_MAX];
    snprintf(text, sizeof text, "EXTEND_TIMEOUT_USEC=%" PRIu64 "\n", ms * 1000);
    send_text(n, text);
}

void
notify_watchdog(const struct notify *n)
{
    send_text(n, "WATCHDOG=1\n");
}

uint64_t
notify_watchdog_ms(const char *usec, const char *pid, pid_t self)
{
    uint64_t interval, whom;
    if (!activation_number(usec, &interval))
        return 0;
    if (pid && (!activation_number(pid, &whom) || whom != (uint64_t)self))
        return 0;
    return interval / 2 / 1000;
}
