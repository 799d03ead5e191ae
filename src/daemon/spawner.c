/* See spawner.h. */
#include "daemon/spawner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crypto/rand.h"
#include "daemon/link.h"
#include "daemon/pre_auth.h"
#include "daemon/session.h"

enum {
    FORKS_PER_LIFE = 200,
    N_FDS = 3, /* of a request that starts a process */
};

struct spawner {
    const struct daemon_public *public;
    struct sandbox_plan plan;
    struct daemon_log log, pre_auth_log;
    int signals;
    unsigned n_forks;
    bool has_crashed; /* a child has: start anew */
};

/* ---- telling ---- */

/* A listener that does not take our words is gone or hangs; poll tells which. */
static void
tell(enum spawn_notice_type type, const struct spawn_request *about, pid_t pid,
     int status)
{
    struct spawn_notice notice = {.type = type, .pid = pid, .status = status};
    if (about) {
        notice.op = about->op;
        notice.id = about->id;
    }
    struct pollfd p = {.fd = SPAWNER_FD_LINK, .events = POLLOUT};
    while (link_send(SPAWNER_FD_LINK, &notice, sizeof notice) == ERR_LIMIT)
        if (poll(&p, 1, -1) < 0 && errno != EINTR)
            return;
}

/* ---- children ---- */

/* Before anything else in a child: what is the parent's alone goes. */
static void
forget_parent(const struct spawner *s)
{
    close(s->signals);
    close(SPAWNER_FD_LINK);
    close(SPAWNER_FD_PUBLIC);
    close(SPAWNER_FD_EXE);
}

static _Noreturn void
become_pre_auth(struct spawner *s, const struct spawn_request *r, const int fds[N_FDS])
{
    const struct pre_auth_config config = {
        .public = s->public,
        .plan = &s->plan,
        .log = &s->pre_auth_log,
        .socket = fds[0],
        .monitor = fds[1],
        .handover = fds[2],
        .peer = r->peer,
        .local = r->local,
        .is_proxy = r->is_proxy != 0,
    };
    prctl(PR_SET_NAME, "ferryd-preauth", 0, 0, 0);
    close(SPAWNER_FD_BOARD);
    _exit(pre_auth_run(&config));
}

static _Noreturn void
become_session(struct spawner *s, const struct spawn_request *r, const int fds[N_FDS])
{
    const struct session_config config = {
        .public = s->public,
        .plan = &s->plan,
        .log = &s->log,
        .socket = fds[0],
        .monitor = fds[1],
        .handover = fds[2],
        .board = SPAWNER_FD_BOARD,
        .place = r->place,
        .peer = r->peer,
        .is_over_limit = r->is_over_limit != 0,
    };
    prctl(PR_SET_NAME, "ferryd-session", 0, 0, 0);
    _exit(session_run(&config));
}

static void
start_child(struct spawner *s, const struct spawn_request *r, const int fds[N_FDS])
{
    pid_t pid = fork();
    if (pid == 0) {
        forget_parent(s);
        if (r->op == SPAWN_PRE_AUTH)
            become_pre_auth(s, r, fds);
        become_session(s, r, fds);
    }
    s->n_forks++;
    tell(pid > 0 ? SPAWN_STARTED : SPAWN_FAILED, r, pid, 0);
}

/* A process id counts only while its child has not been reaped. */
static void
signal_child(const struct spawn_request *r)
{
    siginfo_t info = {0};
    if (r->pid > 0 &&
        waitid(P_PID, (id_t)r->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
        info.si_pid == 0)
        kill(r->pid, r->signal);
}

static void
reap(struct spawner *s)
{
    struct signalfd_siginfo ignored;
    pid_t pid;
    int status;
    while (read(s->signals, &ignored, sizeof ignored) == sizeof ignored)
        ;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL &&
            WTERMSIG(status) != SIGTERM)
            s->has_crashed = true;
        tell(SPAWN_ENDED, NULL, pid, status);
    }
}

/* ---- the listener's word ---- */

/* What the public part says about the log. */
static void
set_logs(struct spawner *s)
{
    const struct daemon_public *p = s->public;
    const char *trace = p->trace[0] ? p->trace : NULL;
    struct daemon_log *logs[] = {&s->log, &s->pre_auth_log};
    static const int fds[] = {SPAWNER_FD_LOG, SPAWNER_FD_LOG_PRE_AUTH};
    for (int i = 0; i < 2; i++) {
        daemon_log_init(logs[i], (enum log_level)p->log_level, trace);
        logs[i]->style = (enum server_log_style)p->log_style;
        daemon_log_to_recorder(logs[i], p->logs_to_recorder ? fds[i] : -1);
    }
}

static void
take_public(struct spawner *s, const int *fds, size_t n)
{
    const struct daemon_public *public = public_map(fds[0]);
    if (!public || (public->logs_to_recorder && n != 3) ||
        dup3(fds[0], SPAWNER_FD_PUBLIC, O_CLOEXEC) < 0)
        return; /* the listener has made it: it is whole, or memory is short */
    if (public->logs_to_recorder &&
        (dup3(fds[1], SPAWNER_FD_LOG, O_CLOEXEC) < 0 ||
         dup3(fds[2], SPAWNER_FD_LOG_PRE_AUTH, O_CLOEXEC) < 0))
        return;
    public_unmap(s->public);
    s->public = public;
    set_logs(s);
}

/* False: the listener is gone. */
static bool
take_request(struct spawner *s)
{
    struct spawn_request r;
    int fds[LINK_FDS_MAX];
    size_t n;
    enum err err = link_receive_fds(SPAWNER_FD_LINK, &r, sizeof r, fds, &n);
    if (err != ERR_NONE)
        return err == ERR_LIMIT;
    if ((r.op == SPAWN_PRE_AUTH || r.op == SPAWN_SESSION) && n == N_FDS)
        start_child(s, &r, fds);
    else if (r.op == SPAWN_PRE_AUTH || r.op == SPAWN_SESSION)
        tell(SPAWN_FAILED, &r, 0, 0); /* the kernel had no room for its descriptors */
    else if (r.op == SPAWN_PUBLIC && n >= 1)
        take_public(s, fds, n);
    else if (r.op == SPAWN_SIGNAL)
        signal_child(&r);
    while (n > 0)
        close(fds[--n]);
    return true;
}

/* ---- one life ---- */

static bool
keep_fd(int fd, bool is_kept)
{
    return fcntl(fd, F_SETFD, is_kept ? 0 : FD_CLOEXEC) == 0;
}

/* Comes back only when it could not be done; then this life goes on. */
static void
start_anew(struct spawner *s)
{
    char name[] = "ferryd: spawner", argument[] = SPAWNER_ARGUMENT;
    char *argv[] = {name, argument, NULL};
    for (int fd = SPAWNER_FD_LINK; fd < SPAWNER_FD_END; fd++)
        keep_fd(fd, true);
    syscall(SYS_execveat, SPAWNER_FD_EXE, "", argv, environ, AT_EMPTY_PATH);
    for (int fd = SPAWNER_FD_LINK; fd < SPAWNER_FD_END; fd++)
        keep_fd(fd, false);
    s->n_forks = 0;
    s->has_crashed = false;
}

static bool
set_up(struct spawner *s)
{
    struct fault why = {0};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    for (int fd = SPAWNER_FD_LINK; fd < SPAWNER_FD_END; fd++)
        if (!keep_fd(fd, false))
            return false;
    tzset(); /* reads its file now: later there are no files (threats P11) */
    s->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    s->public = public_map(SPAWNER_FD_PUBLIC);
    if (s->signals < 0 || !s->public || crypto_init() != ERR_NONE)
        return false;
    set_logs(s);
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 &&
           prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           sandbox_prepare(&s->plan, (enum sandbox_policy)s->public->sandbox, &why) ==
               ERR_NONE;
}

static int
serve(struct spawner *s)
{
    prctl(PR_SET_NAME, "ferryd-spawner", 0, 0, 0);
    tell(SPAWN_READY, NULL, getpid(), 0);
    for (;;) {
        struct pollfd fds[] = {{.fd = SPAWNER_FD_LINK, .events = POLLIN},
                               {.fd = s->signals, .events = POLLIN}};
        reap(s);
        if (s->has_crashed || s->n_forks >= FORKS_PER_LIFE)
            start_anew(s);
        if (poll(fds, ARRAY_LEN(fds), -1) < 0 && errno != EINTR)
            return 1;
        /* The kernel tells our children when we are gone: they end in order. */
        if (fds[0].revents != 0 && !take_request(s))
            return 0;
    }
}

int
spawner_main(void)
{
    struct spawner *s = calloc(1, sizeof *s);
    if (!s)
        return 1;
    int status = set_up(s) ? serve(s) : 1;
    sandbox_plan_clear(&s->plan);
    public_unmap(s->public);
    free(s);
    return status;
}

/* ---- the listener's side ---- */

/* Move descriptors to where a spawner looks for them. Those it is given may lie in
 * each other's way, so all go high first. */
static bool
place_fds(const int from[SPAWNER_FD_END])
{
    int high[SPAWNER_FD_END];
    for (int i = SPAWNER_FD_LINK; i < SPAWNER_FD_END; i++)
        if ((high[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 64)) < 0)
            return false;
    for (int i = SPAWNER_FD_LINK; i < SPAWNER_FD_END; i++)
        if (dup2(high[i], i) < 0)
            return false;
    return close_range(SPAWNER_FD_END, ~0U, 0) == 0;
}

static bool
leave_terminal(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    return null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(null, STDOUT_FILENO) >= 0;
}

static _Noreturn void
become_spawner(const int fds[SPAWNER_FD_END])
{
    char name[] = "ferryd: spawner", argument[] = SPAWNER_ARGUMENT;
    char *argv[] = {name, argument, NULL};
    if (leave_terminal() && place_fds(fds))
        syscall(SYS_execveat, SPAWNER_FD_EXE, "", argv, environ, AT_EMPTY_PATH);
    _exit(1);
}

enum err
spawner_start(const struct spawner_fds *given, int *link, pid_t *pid, struct fault *why)
{
    int pair[2];
    int exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (exe < 0)
        return fault_errno(why, ERR_IO, errno, "/proc/self/exe");
    enum err err = link_pair(pair);
    if (err == ERR_NONE) {
        const int fds[SPAWNER_FD_END] = {
            [SPAWNER_FD_LINK] = pair[1],
            [SPAWNER_FD_PUBLIC] = given->public,
            [SPAWNER_FD_BOARD] = given->board,
            [SPAWNER_FD_EXE] = exe,
            [SPAWNER_FD_LOG] = given->log >= 0 ? given->log : exe,
            [SPAWNER_FD_LOG_PRE_AUTH] =
                given->log_pre_auth >= 0 ? given->log_pre_auth : exe,
        };
        *pid = fork();
        if (*pid == 0)
            become_spawner(fds);
        close(pair[1]);
        *link = pair[0];
        if (*pid < 0)
            close(pair[0]);
    }
    close(exe);
    return err == ERR_NONE && *pid > 0
               ? ERR_NONE
               : fault_errno(why, ERR_IO, errno, "cannot start the spawner");
}
