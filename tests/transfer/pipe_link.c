/* See pipe_link.h. */
#include "pipe_link.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SLAB_LEN = 512 << 10, SLABS = 24, IOV_MAX_USED = 64 };

/* Octets on their way, when a round trip is played. */
struct delayed {
    struct delayed *next;
    uint64_t due_ms;
    size_t n;
    uint8_t octets[];
};

uint64_t
pipe_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* ---- the stream ---- */

static struct pipe_link *
link_of(struct stream *s)
{
    return (struct pipe_link *)s;
}

static void
enqueue(struct pipe_link *l, const uint8_t *p, size_t n, struct slab *owner)
{
    assert(l->n_queued < PIPE_QUEUE_MAX);
    l->queue[(l->first + l->n_queued++) % PIPE_QUEUE_MAX] =
        (struct pipe_piece){p, n, owner};
}

static enum err
link_reserve(struct stream *s, size_t head_len, size_t want, struct iovec *holes,
             int *n_holes)
{
    struct pipe_link *l = link_of(s);
    if (slab_pool_is_full(&l->pool))
        return ERR_LIMIT;
    l->reserved = slab_carve(&l->pool, head_len + want, &l->reserved_owner);
    if (!l->reserved)
        return ERR_NOMEM;
    holes[0] = (struct iovec){l->reserved + head_len, want};
    *n_holes = 1;
    return ERR_NONE;
}

static enum err
link_commit(struct stream *s, struct bytes head, size_t n)
{
    struct pipe_link *l = link_of(s);
    memcpy(l->reserved, head.p, head.n);
    enqueue(l, l->reserved, head.n + n, l->reserved_owner);
    return ERR_NONE;
}

static void
link_abandon(struct stream *s)
{
    slab_unref(link_of(s)->reserved_owner);
}

static enum err
link_write(struct stream *s, struct bytes control)
{
    struct pipe_link *l = link_of(s);
    struct slab *owner;
    uint8_t *p = slab_carve(&l->pool, control.n, &owner);
    if (!p)
        return ERR_NOMEM;
    memcpy(p, control.p, control.n);
    enqueue(l, p, control.n, owner);
    return ERR_NONE;
}

static bool
link_has_room(struct stream *s)
{
    struct pipe_link *l = link_of(s);
    return !slab_pool_is_full(&l->pool) && l->n_queued < PIPE_QUEUE_MAX / 4;
}

static const struct stream_ops link_ops = {link_reserve, link_commit, link_abandon,
                                           link_write, link_has_room};

/* ---- the program ---- */

static void
set_nonblocking(int fd)
{
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    fcntl(fd, F_SETPIPE_SZ, 1 << 20);
}

void
pipe_link_open(struct pipe_link *l, const char *const *argv)
{
    int to[2], from[2];
    *l = (struct pipe_link){.stream = {&link_ops}};
    slab_pool_init(&l->pool, SLAB_LEN, SLABS);
    l->rx = malloc(PIPE_RX_LEN);
    assert(l->rx && pipe2(to, O_CLOEXEC) == 0 && pipe2(from, O_CLOEXEC) == 0);
    l->pid = fork();
    assert(l->pid >= 0);
    if (l->pid == 0) {
        dup2(to[0], STDIN_FILENO);
        dup2(from[1], STDOUT_FILENO);
        execv(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    l->out = to[1];
    l->in = from[0];
    set_nonblocking(l->out);
    set_nonblocking(l->in);
}

static void
drop_first(struct pipe_link *l)
{
    slab_unref(l->queue[l->first].owner);
    l->first = (l->first + 1) % PIPE_QUEUE_MAX;
    l->n_queued--;
}

void
pipe_link_close(struct pipe_link *l)
{
    int status;
    close(l->in);
    close(l->out);
    waitpid(l->pid, &status, 0);
    while (l->n_queued != 0)
        drop_first(l);
    while (l->delayed_first) {
        struct delayed *d = l->delayed_first;
        l->delayed_first = d->next;
        free(d);
    }
    slab_pool_clear(&l->pool);
    free(l->rx);
}

/* ---- a turn ---- */

static void
write_some(struct pipe_link *l)
{
    while (l->n_queued != 0) {
        struct iovec iov[IOV_MAX_USED];
        int n_iov = 0;
        for (size_t i = 0; i < l->n_queued && n_iov < IOV_MAX_USED; i++) {
            const struct pipe_piece *q = &l->queue[(l->first + i) % PIPE_QUEUE_MAX];
            iov[n_iov++] = (struct iovec){(void *)(uintptr_t)q->p, q->n};
        }
        ssize_t n = writev(l->out, iov, n_iov);
        if (n <= 0)
            return;
        size_t sent = (size_t)n;
        while (l->n_queued != 0 && sent >= l->queue[l->first].n) {
            sent -= l->queue[l->first].n;
            drop_first(l);
        }
        if (sent != 0) {
            l->queue[l->first].p += sent;
            l->queue[l->first].n -= sent;
        }
    }
}

static void
hand_on(struct transfer *t, struct bytes octets)
{
    enum err e = transfer_input(t, pipe_now(), octets);
    (void)e; /* told as an event */
}

static void
take(struct pipe_link *l, struct transfer *t, size_t n)
{
    if (l->delay_ms == 0) {
        hand_on(t, bytes_of(l->rx, n));
        return;
    }
    struct delayed *d = malloc(sizeof *d + n);
    assert(d);
    *d = (struct delayed){.due_ms = pipe_now() + l->delay_ms, .n = n};
    memcpy(d->octets, l->rx, n);
    if (l->delayed_first)
        l->delayed_last->next = d;
    else
        l->delayed_first = d;
    l->delayed_last = d;
}

static void
deliver_due(struct pipe_link *l, struct transfer *t)
{
    while (l->delayed_first && l->delayed_first->due_ms <= pipe_now()) {
        struct delayed *d = l->delayed_first;
        l->delayed_first = d->next;
        hand_on(t, bytes_of(d->octets, d->n));
        free(d);
    }
}

void
pipe_turn(struct pipe_link *l, struct transfer *t, int timeout_ms)
{
    enum err e = transfer_run(t, pipe_now());
    (void)e; /* told as an event */
    write_some(l);
    struct pollfd fds[2] = {{.fd = l->in, .events = POLLIN},
                            {.fd = l->n_queued ? l->out : -1, .events = POLLOUT}};
    if (l->delayed_first) {
        uint64_t now = pipe_now(), due = l->delayed_first->due_ms;
        timeout_ms = due > now ? (int)(due - now) : 0;
    }
    poll(fds, 2, timeout_ms);
    if (fds[0].revents != 0) {
        ssize_t n = read(l->in, l->rx, PIPE_RX_LEN);
        if (n > 0)
            take(l, t, (size_t)n);
        else if (n == 0 || errno != EAGAIN)
            transfer_end(t, NULL);
    }
    deliver_due(l, t);
}

bool
pipe_run(struct pipe_link *l, struct transfer *t, uint64_t limit_ms)
{
    uint64_t end = pipe_now() + limit_ms;
    while (!transfer_is_idle(t)) {
        if (pipe_now() > end)
            return false;
        pipe_turn(l, t, 200);
    }
    return true;
}
