/* See process.h. */
#include "steward/process.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crypto/rand.h"
#include "steward/pam_dialogue.h"
#include "steward/questions.h"

enum { KEEP_MAX = 16, SEND_MS = 10000 };

struct options {
    int fd;
    const char *database, *pam_service;
    uint64_t keep[KEEP_MAX];
    size_t n_keep;
};

struct process {
    struct steward steward;
    struct log_sink log;
    int fd, signals;
    bool is_over;
    struct job_reply reply;
    _Alignas(uint64_t) uint8_t message[STEWARD_MESSAGE_MAX];
};

/* ---- what goes out ---- */

/* The monitor never waits for us and always reads: a full socket is a moment. One
 * that stays full belongs to a monitor that is gone. */
static void
send_out(struct process *p, const void *message, size_t n)
{
    struct pollfd poll_fd = {.fd = p->fd, .events = POLLOUT};
    while (!p->is_over && send(p->fd, message, n, MSG_NOSIGNAL) != (ssize_t)n) {
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN || poll(&poll_fd, 1, SEND_MS) == 0)
            p->is_over = true;
    }
}

static void
send_line(void *ctx, enum log_level level, const char *text)
{
    struct steward_answer a = {.head.op = STEWARD_LOG, .level = level};
    memcpy(a.text, text, strnlen(text, sizeof a.text - 1));
    send_out(ctx, &a, sizeof a);
}

static void
send_trace(void *ctx, enum trace_part part, const char *text)
{
    (void)ctx, (void)part, (void)text;
}

static void
on_line(void *ctx, const struct steward_answer *line)
{
    struct steward_answer a = *line;
    a.head = (struct steward_head){.op = STEWARD_LOG};
    send_out(ctx, &a, sizeof a);
}

static void
send_reply(struct process *p, const struct job_reply *reply)
{
    send_out(p, reply, steward_answer_size(reply->head.op));
}

static void
on_answered(void *ctx, struct job *job, struct job_reply *reply)
{
    struct process *p = ctx;
    question_finish(&p->steward, job, reply);
    mem_wipe(reply->hash, sizeof reply->hash);
    send_reply(p, reply);
}

/* ---- what comes in ---- */

static void
on_question(struct process *p, size_t n)
{
    struct job *job = job_new(p->message, n);
    struct job_reply *reply = &p->reply;
    memset(reply, 0, sizeof *reply);
    memcpy(&reply->head, p->message, sizeof reply->head);
    reply->head.verdict = STEWARD_FAILED;
    mem_wipe(p->message, n); /* it may be a password */
    if (!job) {
        send_reply(p, reply);
        return;
    }
    reply->head.verdict = STEWARD_NO;
    switch (question_begin(&p->steward, job, reply)) {
    case QUESTION_ANSWERED:
        send_reply(p, reply);
        break;
    case QUESTION_WORK:
        workers_add(&p->steward.workers, job);
        return;
    case QUESTION_TAKEN:
        break;
    }
    job_free(job);
}

/* A message that is not a question ends us: the monitor is not what it should be. */
static void
hear(struct process *p)
{
    ssize_t n = recv(p->fd, p->message, sizeof p->message, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || !question_is_sound(p->message, (size_t)n)) {
        p->is_over = true;
        return;
    }
    on_question(p, (size_t)n);
}

static void
serve(struct process *p)
{
    enum { CLIENT, SIGNALS, OWN };
    struct pollfd fds[OWN + WORKERS_MAX];
    struct workers *w = &p->steward.workers;
    while (!p->is_over) {
        fds[CLIENT] = (struct pollfd){.fd = p->fd, .events = POLLIN};
        fds[SIGNALS] = (struct pollfd){.fd = p->signals, .events = POLLIN};
        workers_poll(w, fds + OWN);
        if (poll(fds, ARRAY_LEN(fds), workers_timeout(w)) < 0 && errno != EINTR)
            return;
        struct signalfd_siginfo ended[16];
        (void)!read(p->signals, ended, sizeof ended); /* who, the workers find out */
        workers_turn(w, fds + OWN);
        if (fds[CLIENT].revents != 0)
            hear(p);
    }
}

/* ---- starting ---- */

static enum err
open_store(struct process *p, const struct options *o, struct fault *why)
{
    if (!o->database)
        return ERR_NONE;
    enum err err = store_open(o->database, STORE_CREATE, &p->steward.store, why);
    if (err == ERR_NONE)
        err = store_usage_recover(p->steward.store, o->keep, o->n_keep, why);
    return err;
}

/* No core files and no debugger: what is known here is worth more than a session.
 * The standard ones, the pair, and nothing else that was open. */
static enum err
close_doors(struct process *p, struct fault *why)
{
    const struct rlimit none = {0, 0};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    if (sigprocmask(SIG_SETMASK, &set, NULL) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0 ||
        setrlimit(RLIMIT_CORE, &none) != 0 || fcntl(p->fd, F_SETFL, O_NONBLOCK) != 0 ||
        fcntl(p->fd, F_SETFD, FD_CLOEXEC) != 0)
        return fault_errno(why, ERR_IO, errno, "the steward cannot start");
    if (p->fd > 3 && syscall(SYS_close_range, 3U, (unsigned)p->fd - 1, 0) != 0)
        return fault_errno(why, ERR_IO, errno, "close_range");
    if (syscall(SYS_close_range, (unsigned)p->fd + 1, ~0U, 0) != 0)
        return fault_errno(why, ERR_IO, errno, "close_range");
    p->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return p->signals < 0 ? fault_errno(why, ERR_IO, errno, "signalfd") : ERR_NONE;
}

static void
tell_ready(struct process *p, enum err err, const struct fault *why)
{
    struct job_reply *reply = &p->reply;
    memset(reply, 0, sizeof *reply);
    reply->head.op = STEWARD_READY;
    reply_say(reply, err ? STEWARD_NO : STEWARD_YES, "%s", err ? why->text : "ready");
    send_reply(p, reply);
}

static void
tell_bounds(const struct process *p, const struct options *o)
{
    if (geteuid() != 0)
        log_line(&p->log, LOG_LEVEL_INFO,
                 "not started as root: of the system's accounts only our own (uid %u) "
                 "can log in, with keys",
                 (unsigned)geteuid());
    if (o->pam_service && !pam_is_there())
        log_line(&p->log, LOG_LEVEL_ERROR, "UsePAM: this program was built without PAM");
}

static int
run(struct process *p, const struct options *o)
{
    struct fault why = {0};
    struct workers *w = &p->steward.workers;
    p->fd = o->fd;
    p->log = (struct log_sink){.line = send_line, .trace = send_trace, .ctx = p};
    p->steward.log = &p->log;
    p->steward.pam_service = o->pam_service;
    workers_init(w);
    w->main = question_work;
    w->answered = on_answered;
    w->line = on_line;
    w->ctx = p;
    enum err err = close_doors(p, &why);
    if (err == ERR_NONE && crypto_init() != ERR_NONE)
        err = fault_set(&why, ERR_CRYPTO, 0, "libcrypto cannot be used");
    if (err == ERR_NONE)
        err = open_store(p, o, &why);
    tell_ready(p, err, &why);
    if (err == ERR_NONE) {
        tell_bounds(p, o);
        serve(p);
        workers_end(w);
    }
    store_close(p->steward.store);
    return err == ERR_NONE ? 0 : 1;
}

/* ---- the command line ---- */

static bool
parse_number(const char *text, uint64_t *number)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    *number = value;
    return text[0] >= '0' && text[0] <= '9' && !*end && errno == 0;
}

static bool
parse(int argc, char **argv, struct options *o)
{
    static const struct option rows[] = {
        {"fd", required_argument, NULL, 'f'},
        {"database", required_argument, NULL, 'd'},
        {"pam", required_argument, NULL, 'p'},
        {"keep", required_argument, NULL, 'k'},
        {0},
    };
    uint64_t fd = 0;
    int letter;
    while ((letter = getopt_long(argc, argv, "", rows, NULL)) != -1) {
        if (letter == 'f' && (!parse_number(optarg, &fd) || fd < 3 || fd > 1 << 20))
            return false;
        if (letter == 'k' &&
            (o->n_keep == KEEP_MAX || !parse_number(optarg, &o->keep[o->n_keep++])))
            return false;
        if (letter == 'd')
            o->database = optarg;
        if (letter == 'p')
            o->pam_service = optarg;
        if (letter == '?')
            return false;
    }
    o->fd = (int)fd;
    return fd != 0 && optind == argc;
}

int
steward_command(int argc, char **argv)
{
    struct options o = {0};
    if (!parse(argc, argv, &o)) {
        fputs("usage: ferryd-accounts steward --fd N [--database PATH] [--pam SERVICE] "
              "[--keep INSTANCE]...\n"
              "ferryd starts it by itself.\n",
              stderr);
        return 2;
    }
    struct process *p = calloc(1, sizeof *p);
    if (!p)
        return 1;
    int status = run(p, &o);
    mem_wipe(p, sizeof *p);
    free(p);
    return status;
}
