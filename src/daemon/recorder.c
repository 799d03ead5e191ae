/* See recorder.h. */
#include "daemon/recorder.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/link.h"
#include "daemon/recorder_books.h"
#include "net/clock.h"

enum {
    MESSAGES_PER_TURN = 64, /* of one sender, before the next has its turn */
    PLACE_CONTROL = 0,      /* in the poll set */
    PLACE_SIGNALS = 1,
    PLACE_LOGS = 2,
    PLACE_MONITORS = PLACE_LOGS + RECORDER_LOGS,
    PLACE_EVENTS = PLACE_MONITORS + RECORDER_MONITORS_MAX,
    PLACES = PLACE_EVENTS + EVENTS_RUNNING_MAX,
};

struct recorder {
    struct books books;
    struct pollfd fds[PLACES]; /* fd -1: closed or free */
    size_t n_outputs;          /* at PLACE_EVENTS */
    struct recorder_request request;
};

/* ---- closing ---- */

static void
close_place(struct recorder *r, int place)
{
    close(r->fds[place].fd);
    r->fds[place].fd = -1;
}

static bool
is_over(const struct recorder *r)
{
    for (int i = 0; i < PLACE_EVENTS; i++)
        if (i != PLACE_SIGNALS && r->fds[i].fd >= 0)
            return false;
    return !r->books.events || !events_are_running(r->books.events);
}

/* ---- control ---- */

static void
add_monitor(struct recorder *r, int fd)
{
    for (int i = PLACE_MONITORS; i < PLACE_EVENTS; i++)
        if (r->fds[i].fd < 0) {
            r->fds[i].fd = fd;
            return;
        }
    log_line(&r->books.sink, LOG_LEVEL_ERROR, "more than %d monitors; one is left out",
             RECORDER_MONITORS_MAX);
    close(fd);
}

static void
on_control(struct recorder *r)
{
    struct recorder_monitor word;
    int fds[LINK_FDS_MAX];
    size_t n;
    enum err err =
        link_receive_fds(r->fds[PLACE_CONTROL].fd, &word, sizeof word, fds, &n);
    if (err == ERR_NONE && n == 1)
        add_monitor(r, fds[0]);
    if (err != ERR_CLOSED)
        return;
    close_place(r, PLACE_CONTROL);
    if (r->books.events)
        events_retire(r->books.events);
}

static void
on_signal(struct recorder *r, uint64_t now_ms)
{
    struct signalfd_siginfo info;
    while (read(r->fds[PLACE_SIGNALS].fd, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGUSR1)
            books_reopen(&r->books);
        if (info.ssi_signo == SIGCHLD && r->books.events)
            events_on_child(r->books.events, now_ms);
    }
}

/* ---- monitors ---- */

static void
close_monitor(struct recorder *r, int place, uint64_t now_ms)
{
    close_place(r, place);
    if (r->books.events)
        events_on_monitor_gone(r->books.events, now_ms);
}

/* One request; false: none is waiting. A receipt that finds no room is given again when
 * the monitor asks again. */
static bool
serve_monitor(struct recorder *r, int place, uint64_t now_ms)
{
    struct recorder_receipt receipt;
    ssize_t n = recv(r->fds[place].fd, &r->request, sizeof r->request, MSG_TRUNC);
    if (n < 0)
        return errno == EINTR;
    if (n == 0) {
        close_monitor(r, place, now_ms);
        return false;
    }
    if (books_take_request(&r->books, &r->request, (size_t)n, &receipt, now_ms) &&
        receipt.id != 0)
        (void)!link_send(r->fds[place].fd, &receipt, sizeof receipt);
    return true;
}

/* ---- log sockets ---- */

/* The sender's number as the kernel knows it; 0: it did not say. */
static uint32_t
sender_of(struct msghdr *message)
{
    struct ucred who;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS &&
            c->cmsg_len == CMSG_LEN(sizeof who)) {
            memcpy(&who, CMSG_DATA(c), sizeof who);
            return (uint32_t)who.pid;
        }
    return 0;
}

static bool
serve_log(struct recorder *r, enum recorder_log from, uint64_t now_ms)
{
    int place = PLACE_LOGS + (int)from;
    _Alignas(struct log_message) uint8_t room[sizeof(struct log_message) + LOG_TEXT_MAX];
    _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(struct ucred))];
    struct iovec iov = {room, sizeof room};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    ssize_t n = recvmsg(r->fds[place].fd, &message, MSG_CMSG_CLOEXEC);
    if (n < 0)
        return errno == EINTR;
    if (n == 0) {
        close_place(r, place);
        return false;
    }
    books_take_line(&r->books, from, bytes_of(room, (size_t)n), sender_of(&message),
                    now_ms);
    return true;
}

/* ---- the loop ---- */

static void
serve_place(struct recorder *r, int place, uint64_t now_ms)
{
    for (int i = 0; i < MESSAGES_PER_TURN && r->fds[place].fd >= 0; i++) {
        bool has_more =
            place < PLACE_MONITORS
                ? serve_log(r, (enum recorder_log)(place - PLACE_LOGS), now_ms)
                : serve_monitor(r, place, now_ms);
        if (!has_more)
            return;
    }
}

static void
take_turn(struct recorder *r, uint64_t now_ms)
{
    if (r->fds[PLACE_CONTROL].revents)
        on_control(r);
    if (r->books.events)
        events_on_poll(r->books.events, r->fds + PLACE_EVENTS, r->n_outputs);
    if (r->fds[PLACE_SIGNALS].revents)
        on_signal(r, now_ms);
    for (int i = PLACE_LOGS; i < PLACE_EVENTS; i++)
        if (r->fds[i].fd >= 0 && r->fds[i].revents)
            serve_place(r, i, now_ms);
    books_tick(&r->books, now_ms);
}

static void
loop(struct recorder *r)
{
    while (!is_over(r)) {
        uint64_t now = clock_now_ms();
        r->n_outputs =
            r->books.events ? events_poll(r->books.events, r->fds + PLACE_EVENTS) : 0;
        int timeout = clock_poll_timeout(books_deadline(&r->books), now);
        if (poll(r->fds, PLACE_EVENTS + r->n_outputs, timeout) < 0) {
            if (errno != EINTR)
                return;
            continue;
        }
        take_turn(r, clock_now_ms());
    }
}

/* ---- beginning ---- */

static int
compare_ints(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

/* Whatever the listener holds besides ours (threats S4). */
static bool
close_others(const struct recorder_config *c)
{
    int keep[PLACES];
    size_t n = 0;
    unsigned from = 3;
    keep[n++] = c->control;
    for (int i = 0; i < RECORDER_LOGS; i++)
        keep[n++] = c->logs[i];
    for (uint32_t i = 0; i < c->n_monitors; i++)
        keep[n++] = c->monitors[i];
    qsort(keep, n, sizeof *keep, compare_ints);
    for (size_t i = 0; i < n; i++) {
        if (keep[i] < (int)from)
            continue;
        if ((unsigned)keep[i] > from && close_range(from, (unsigned)keep[i] - 1, 0) != 0)
            return false;
        from = (unsigned)keep[i] + 1;
    }
    return close_range(from, ~0U, 0) == 0;
}

/*
 * No core, no debugger, and without events no new privileges. With them not: that
 * would go through exec, as would Landlock and seccomp, and their programs are the
 * administrator's to choose (they may send mail, which takes a set-group-id program).
 */
static bool
recorder_walls(const struct recorder_config *c)
{
    static const struct rlimit no_core = {0, 0};
    return close_others(c) && setrlimit(RLIMIT_CORE, &no_core) == 0 &&
           prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 &&
           (events_are_wanted(c->options->events) ||
            prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
}

static bool
make_signals(struct recorder *r)
{
    sigset_t set, others;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGUSR1);
    others = set;
    /* Ended by its links, not by the terminal: it has to write the others' last words. */
    sigaddset(&others, SIGINT);
    sigaddset(&others, SIGTERM);
    sigaddset(&others, SIGHUP);
    sigprocmask(SIG_BLOCK, &others, NULL);
    signal(SIGPIPE, SIG_IGN);
    r->fds[PLACE_SIGNALS].fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return r->fds[PLACE_SIGNALS].fd >= 0;
}

static void
fill_places(struct recorder *r, const struct recorder_config *c)
{
    static const int yes = 1;
    for (int i = 0; i < PLACES; i++)
        r->fds[i] = (struct pollfd){.fd = -1, .events = POLLIN};
    r->fds[PLACE_CONTROL].fd = c->control;
    for (int i = 0; i < RECORDER_LOGS; i++) {
        r->fds[PLACE_LOGS + i].fd = c->logs[i];
        setsockopt(c->logs[i], SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes);
    }
    for (uint32_t i = 0; i < c->n_monitors && i < RECORDER_MONITORS_MAX; i++)
        r->fds[PLACE_MONITORS + i].fd = c->monitors[i];
}

int
recorder_run(const struct recorder_config *config)
{
    struct recorder *r = calloc(1, sizeof *r);
    struct fault why = {0};
    if (!r)
        return EXIT_FAILURE;
    fill_places(r, config);
    bool is_ready = config->n_monitors <= RECORDER_MONITORS_MAX &&
                    recorder_walls(config) && make_signals(r);
    int status = EXIT_FAILURE;
    if (!is_ready)
        fault_errno(&why, ERR_IO, errno, "the recorder cannot begin");
    else if (books_open(&r->books, config, clock_now_ms(), &why) == ERR_NONE)
        status = EXIT_SUCCESS;
    if (status == EXIT_SUCCESS) {
        log_line(&r->books.sink, LOG_LEVEL_INFO,
                 "recorder: uid %d, own descriptors, no core, no debugger, %s",
                 (int)geteuid(),
                 r->books.events ? "starts events' programs" : "no new privileges");
        loop(r);
        books_close(&r->books);
    } else {
        struct daemon_log log;
        daemon_log_init(&log, LOG_LEVEL_INFO, NULL);
        log_line(&log.sink, LOG_LEVEL_ERROR, "%s", why.text);
    }
    free(r);
    return status;
}

/* Changes nothing: that is for recorder_run. */
static enum err
check_path(const char *option, const char *path, struct fault *why)
{
    char copy[PATH_MAX];
    struct stat st;
    if (path[0] != '/' || strlen(path) >= sizeof copy)
        return fault_set(why, ERR_PROTO, 0, "%s %.160s: not an absolute path", option,
                         path);
    if (stat(path, &st) == 0)
        return S_ISDIR(st.st_mode)
                   ? fault_set(why, ERR_IO, 0, "%s %.160s: a directory", option, path)
                   : ERR_NONE;
    snprintf(copy, sizeof copy, "%s", path);
    if (stat(dirname(copy), &st) != 0 || !S_ISDIR(st.st_mode))
        return fault_set(why, ERR_IO, 0, "%s %.160s: its directory is not there", option,
                         path);
    return ERR_NONE;
}

enum err
recorder_check(const struct server_options *options, struct fault *why)
{
    const struct events_config events = {.programs = options->events,
                                         .user = options->event_user,
                                         .timeout_s = options->event_timeout_s};
    struct log_target target;
    enum err err = log_target_choose(&target, (enum server_log_style)options->log_style,
                                     options->log_target, options->syslog_facility, why);
    if (err == ERR_NONE && target.kind == LOG_TARGET_FILE)
        err = check_path("LogTarget", target.address, why);
    if (err == ERR_NONE && options->audit_log && strcmp(options->audit_log, "none") != 0)
        err = check_path("AuditLog", options->audit_log, why);
    return err == ERR_NONE ? events_check(&events, why) : err;
}
