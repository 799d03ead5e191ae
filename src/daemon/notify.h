/*
 * Telling the service manager how we are: the protocol of sd_notify(3), spoken
 * here so that no library of the manager's is linked (threats S7). One datagram
 * a message, sent at once or not at all: a manager that does not listen never
 * makes the listener wait, and nothing depends on its having heard.
 *
 * The environment is read and cleared by main.c; what it held comes as text.
 */
#ifndef FERRY_DAEMON_NOTIFY_H
#define FERRY_DAEMON_NOTIFY_H

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include "base/err.h"

struct notify {
    int fd; /* -1: nobody to tell, every message is dropped */
    struct sockaddr_un to;
    socklen_t to_len;
};

/*
 * socket: the value of NOTIFY_SOCKET, a path or "@name" of an abstract socket;
 * NULL or "": no manager. Borrowed for the call.
 * ERR_PROTO: no such name can be reached from here (vsock, a relative path, too
 * long). ERR_IO: no socket. After a failure *n may be used and tells nobody.
 */
enum err notify_open(struct notify *n, const char *socket, struct fault *why) MUST_USE;
void notify_close(struct notify *n);

/* status: one line for people, shown by `systemctl status`; cut at 200 octets and at
 * the first octet that is not printable ASCII. NULL: none. */
void notify_ready(const struct notify *n, const char *status);
void notify_status(const struct notify *n, const char *status);
void notify_stopping(const struct notify *n, const char *status);

/* SIGHUP came: notify_ready tells that the new configuration stands, or that the
 * old one was kept. */
void notify_reloading(const struct notify *n);

/* Another process takes over as the service: a restart that drops nobody. Said by the
 * old one, before the new one says notify_ready. */
void notify_main_pid(const struct notify *n, pid_t pid);

/* Starting, reloading or stopping goes on for that long from now. */
void notify_extend(const struct notify *n, uint64_t ms);

/* A sign of life, due at least as often as notify_watchdog_ms says. */
void notify_watchdog(const struct notify *n);

/*
 * How often to give a sign of life, in ms: half of what the manager asks for.
 * usec, pid: the values of WATCHDOG_USEC and WATCHDOG_PID, NULL allowed.
 * 0: nobody asks, or another process than self is asked.
 */
uint64_t notify_watchdog_ms(const char *usec, const char *pid, pid_t self);

#endif
