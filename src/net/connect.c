/* See connect.h. */
#include "net/connect.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "net/clock.h"

enum {
    ATTEMPTS_MAX = 16,
    NEXT_ATTEMPT_MS = 250 /* RFC 8305 5: connection attempt delay */
};

struct race {
    struct net_addr addr[ATTEMPTS_MAX];
    struct pollfd fds[ATTEMPTS_MAX]; /* [0..n_started); fd -1: failed */
    int n_addr, n_started, n_open;
    int last_errno;
};

static int
other_family(int family)
{
    return family == AF_INET6 ? AF_INET : AF_INET6;
}

/* Addresses in the resolver's order, but with the families taking turns. */
static void
fill_addresses(struct race *r, const struct addrinfo *list)
{
    const struct addrinfo *taken[ATTEMPTS_MAX];
    int n_taken = 0, family = list ? list->ai_family : AF_UNSPEC;
    while (r->n_addr < ATTEMPTS_MAX) {
        const struct addrinfo *pick = NULL, *any = NULL;
        for (const struct addrinfo *ai = list; ai; ai = ai->ai_next) {
            bool is_taken = false;
            for (int i = 0; i < n_taken; i++)
                is_taken |= taken[i] == ai;
            if (is_taken || ai->ai_addrlen > sizeof r->addr[0].ss)
                continue;
            if (!any)
                any = ai;
            if (!pick && ai->ai_family == family)
                pick = ai;
        }
        pick = pick ? pick : any;
        if (!pick)
            return;
        taken[n_taken++] = pick;
        struct net_addr *a = &r->addr[r->n_addr++];
        memcpy(&a->ss, pick->ai_addr, pick->ai_addrlen);
        a->len = pick->ai_addrlen;
        family = other_family(pick->ai_family);
    }
}

static enum err
look_up(struct race *r, const char *host, uint16_t port, int family, struct fault *fault)
{
    char service[8];
    struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM}, *list;
    snprintf(service, sizeof service, "%u", port);
    int rc = getaddrinfo(host, service, &hints, &list);
    if (rc != 0)
        return fault_set(fault, ERR_IO, 0, "cannot find %s: %s", host,
                         rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
    fill_addresses(r, list);
    freeaddrinfo(list);
    return ERR_NONE;
}

static void
start_next(struct race *r, const struct net_addr *bind_to)
{
    const struct net_addr *a = &r->addr[r->n_started];
    struct pollfd *p = &r->fds[r->n_started++];
    p->events = POLLOUT;
    p->fd = socket(a->ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (p->fd >= 0 &&
        (!bind_to ||
         bind(p->fd, (const struct sockaddr *)&bind_to->ss, bind_to->len) == 0) &&
        (connect(p->fd, (const struct sockaddr *)&a->ss, a->len) == 0 ||
         errno == EINPROGRESS)) {
        r->n_open++;
        return;
    }
    r->last_errno = errno;
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
}

/* Index of an attempt that is connected now; -1: none. Failed ones are closed. */
static int
find_winner(struct race *r)
{
    for (int i = 0; i < r->n_started; i++) {
        struct pollfd *p = &r->fds[i];
        if (p->fd < 0 || p->revents == 0)
            continue;
        int error = 0;
        socklen_t len = sizeof error;
        if (getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0 &&
            !(p->revents & (POLLERR | POLLHUP)))
            return i;
        r->last_errno = error ? error : ECONNREFUSED;
        close(p->fd);
        p->fd = -1;
        r->n_open--;
    }
    return -1;
}

/* The winner's index; -1: none, last_errno says why. */
static int
run(struct race *r, const struct net_addr *bind_to, uint64_t deadline_ms)
{
    for (;;) {
        if (r->n_started < r->n_addr)
            start_next(r, bind_to);
        else if (r->n_open == 0)
            return -1;
        uint64_t now = clock_now_ms(), wake = deadline_ms;
        if (now >= deadline_ms) {
            r->last_errno = ETIMEDOUT;
            return -1;
        }
        if (r->n_started < r->n_addr && now + NEXT_ATTEMPT_MS < wake)
            wake = now + NEXT_ATTEMPT_MS;
        if (r->n_open == 0)
            continue; /* the next address at once */
        if (poll(r->fds, (nfds_t)r->n_started, clock_poll_timeout(wake, now)) <= 0)
            continue;
        int winner = find_winner(r);
        if (winner >= 0)
            return winner;
    }
}

enum err
socket_connect(const char *host, uint16_t port, const struct connect_options *o, int *fd,
               struct net_addr *peer, struct fault *fault)
{
    struct race r = {0};
    *fd = -1;
    enum err err = look_up(&r, host, port, o->family, fault);
    if (err != ERR_NONE)
        return err;
    uint64_t deadline_ms = o->timeout_ms ? clock_now_ms() + o->timeout_ms : UINT64_MAX;
    int winner = run(&r, o->bind_to, deadline_ms);
    for (int i = 0; i < r.n_started; i++)
        if (i != winner && r.fds[i].fd >= 0)
            close(r.fds[i].fd);
    if (winner < 0)
        return fault_errno(fault, ERR_IO, r.last_errno, "cannot connect to %s port %u",
                           host, port);
    *fd = r.fds[winner].fd;
    *peer = r.addr[winner];
    socket_tune(*fd);
    return ERR_NONE;
}
