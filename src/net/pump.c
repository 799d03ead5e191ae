/* See pump.h. */
#include "net/pump.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

#include "net/clock.h"

enum {
    /* Octets read before events are drained and answers written: enough to
     * spread the cost of a turn, little enough to stay in the L2 cache. */
    READ_BUDGET = 512 * 1024,
    TX_IOV_MAX = 64 /* packets in one writev */
};

void
pump_init(struct pump *p, struct conn *conn, int fd)
{
    *p = (struct pump){.conn = conn, .fd = fd};
}

void
pump_tick(struct pump *p)
{
    conn_tick(p->conn, clock_now_ms());
}

static size_t
iov_len(const struct iovec *iov, int n)
{
    size_t len = 0;
    for (int i = 0; i < n; i++)
        len += iov[i].iov_len;
    return len;
}

static bool
can_read(const struct pump *p)
{
    size_t room = 0;
    return !p->is_ended && conn_rx_space(p->conn, &room) != NULL && room != 0;
}

short
pump_wanted(const struct pump *p)
{
    short events = 0;
    if (can_read(p))
        events |= POLLIN;
    if (p->is_blocked)
        events |= POLLOUT;
    return events;
}

bool
pump_is_ready(const struct pump *p)
{
    return p->has_more && can_read(p);
}

static void
end_reading(struct pump *p, int sys_errno)
{
    p->is_ended = true;
    p->has_more = false;
    conn_rx_end(p->conn, sys_errno);
}

/* One read. Octets that it gave; 0: stop reading for this turn. */
static size_t
read_once(struct pump *p)
{
    size_t room = 0;
    uint8_t *space = conn_rx_space(p->conn, &room);
    p->has_more = false;
    if (!space || room == 0)
        return 0;
    ssize_t got = read(p->fd, space, room);
    if (got > 0) {
        p->has_more = (size_t)got == room;
        conn_rx_added(p->conn, (size_t)got);
        return (size_t)got;
    }
    if (got == 0)
        end_reading(p, 0);
    else if (errno != EAGAIN && errno != EINTR)
        end_reading(p, errno);
    return 0;
}

void
pump_read(struct pump *p, short revents)
{
    if (revents & POLLOUT)
        p->is_blocked = false;
    if (p->is_ended || !(revents & (POLLIN | POLLERR | POLLHUP)))
        return;
    /* POLLERR and POLLHUP come unasked for and would spin while the engine has
     * no room. The connection is dead in both directions then. */
    if (!can_read(p) && (revents & (POLLERR | POLLHUP))) {
        end_reading(p, ECONNRESET);
        return;
    }
    size_t total = 0, got;
    do {
        got = read_once(p);
        total += got;
    } while (got != 0 && p->has_more && total < READ_BUDGET);
}

/* Nobody will read it: let the engine come to its end. */
static void
drop_output(struct pump *p)
{
    struct iovec iov[TX_IOV_MAX];
    int n;
    while ((n = conn_tx_iov(p->conn, iov, TX_IOV_MAX)) != 0)
        conn_tx_sent(p->conn, iov_len(iov, n));
}

/* The peer no longer takes octets, though what it sent last (a DISCONNECT)
 * may still wait to be read. */
static void
end_writing(struct pump *p, int sys_errno)
{
    p->is_broken = true;
    drop_output(p);
    if (!p->is_ended && !can_read(p))
        end_reading(p, sys_errno);
}

void
pump_flush(struct pump *p)
{
    if (p->is_broken)
        drop_output(p);
    struct iovec iov[TX_IOV_MAX];
    int n;
    while (!p->is_blocked && (n = conn_tx_iov(p->conn, iov, TX_IOV_MAX)) != 0) {
        size_t shown = iov_len(iov, n);
        ssize_t sent = writev(p->fd, iov, n);
        if (sent >= 0) {
            conn_tx_sent(p->conn, (size_t)sent);
            /* A short write means a full socket: asking again only costs. */
            p->is_blocked = (size_t)sent < shown;
        } else if (errno == EAGAIN) {
            p->is_blocked = true;
        } else if (errno != EINTR) {
            end_writing(p, errno);
        }
    }
}

enum err
pump_wait(struct pump *p, struct pollfd *fds, nfds_t n, uint64_t deadline_ms)
{
    assert(n >= 1);
    bool is_ready = pump_is_ready(p);
    if (is_ready && n == 1) {
        pump_read(p, POLLIN);
        return ERR_NONE;
    }
    short wanted = pump_wanted(p);
    bool is_deaf = p->is_ended && wanted == 0; /* else POLLHUP would spin */
    fds[0] = (struct pollfd){.fd = is_deaf ? -1 : p->fd, .events = wanted};
    uint64_t engine_ms = conn_deadline(p->conn);
    if (engine_ms < deadline_ms)
        deadline_ms = engine_ms;
    int timeout = is_ready ? 0 : clock_poll_timeout(deadline_ms, clock_now_ms());
    if (poll(fds, n, timeout) < 0) {
        for (nfds_t i = 0; i < n; i++)
            fds[i].revents = 0;
        return errno == EINTR ? ERR_NONE : ERR_IO;
    }
    pump_read(p, is_ready ? (short)(fds[0].revents | POLLIN) : fds[0].revents);
    return ERR_NONE;
}
