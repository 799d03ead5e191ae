/*
 * The pump drives one engine over one non-blocking socket: octets from the
 * socket into conn_rx_space, what conn_tx_iov shows to the socket, and the
 * time into conn_tick. It owns neither the engine nor the descriptor, and it
 * interprets nothing: events are the caller's, pulled between reading and
 * writing, so that everything a batch of reads caused leaves in one writev.
 *
 * The loop of every shell:
 *
 *     for (;;) {
 *         pump_tick(&p);
 *         while (conn_next_event(c, &ev)) handle(&ev);
 *         pump_flush(&p);
 *         if (conn_is_over(c)) break;
 *         fds[1..n) = whatever else the shell waits for;
 *         pump_wait(&p, fds, n, UINT64_MAX);      reads as well
 *     }
 *
 * A failing socket is no error of the pump: it becomes the engine's
 * CONN_EV_DISCONNECTED through conn_rx_end.
 */
#ifndef FERRY_NET_PUMP_H
#define FERRY_NET_PUMP_H

#include <poll.h>

#include "ssh/conn.h"

struct pump {
    struct conn *conn;
    int fd;
    bool is_blocked; /* the socket took less than we had: wait for POLLOUT */
    bool has_more;   /* the last read filled its room: more is likely there */
    bool is_ended;   /* end of file or an error was told to the engine */
    bool is_broken;  /* writing failed: output is dropped */
};

/* fd: a connected stream socket, or any stream that works with read and
 * writev; non-blocking. Borrowed, as is the engine, until the pump is unused. */
void pump_init(struct pump *p, struct conn *conn, int fd);

/* Tell the engine the time. */
void pump_tick(struct pump *p);

/* The poll events that the pump waits for; 0: only for time or an answer. */
short pump_wanted(const struct pump *p);

/*
 * True when waiting would be a waste: the socket most likely has more to read.
 * pump_wait then asks poll with a timeout of zero or not at all.
 */
bool pump_is_ready(const struct pump *p);

/*
 * Act on what poll said of fd: read until the socket is empty or a turn's
 * budget is spent. revents 0 is fine and does nothing.
 */
void pump_read(struct pump *p, short revents);

/* Write until nothing is left or the socket is full. */
void pump_flush(struct pump *p);

/*
 * Wait for the socket, the engine's deadline, deadline_ms (UINT64_MAX: none)
 * or one of the caller's descriptors, then read.
 * fds[0] is the pump's and is filled here; fds[1..n) are the caller's: events
 * set before, revents valid after. n >= 1.
 * ERR_IO: poll failed, errno is kept. A signal only ends the wait.
 */
enum err
pump_wait(struct pump *p, struct pollfd *fds, nfds_t n, uint64_t deadline_ms) MUST_USE;

#endif
