/* See events_program.h. */
#include "daemon/events_program.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STATUS_NOT_RUN = 127 }; /* as a shell says it */

enum err
event_user_find(const char *name, struct event_user *user, struct fault *why)
{
    *user = (struct event_user){.uid = geteuid(), .gid = getegid()};
    if (geteuid() == 0 && !name)
        return fault_set(why, ERR_PROTO, 0, "Event needs an EventUser");
    struct passwd *entry = name ? getpwnam(name) : NULL;
    if (name && !entry)
        return fault_set(why, ERR_PROTO, 0, "EventUser %.60s is not known", name);
    if (!entry || entry->pw_uid == geteuid())
        return ERR_NONE;
    if (geteuid() != 0)
        return fault_set(why, ERR_PROTO, 0, "EventUser %.60s: only root can become it",
                         name);
    user->is_changed = true;
    user->uid = entry->pw_uid;
    user->gid = entry->pw_gid;
    user->n_groups = EVENT_GROUPS_MAX;
    if (getgrouplist(name, entry->pw_gid, user->groups, &user->n_groups) < 0)
        return fault_set(why, ERR_PROTO, 0, "EventUser %.60s is in too many groups",
                         name);
    return ERR_NONE;
}

enum err
event_program_check(const char *path, struct fault *why)
{
    struct stat st;
    if (path[0] != '/')
        return fault_set(why, ERR_AUTH, 0, "Event program %.160s: not an absolute path",
                         path);
    if (stat(path, &st) != 0)
        return fault_errno(why, ERR_IO, errno, "Event program %.160s", path);
    if (!S_ISREG(st.st_mode) || (st.st_mode & 0111) == 0)
        return fault_set(why, ERR_AUTH, 0, "Event program %.160s: not a program", path);
    if ((st.st_mode & 022) != 0 || (st.st_uid != 0 && st.st_uid != geteuid()))
        return fault_set(why, ERR_AUTH, 0, "Event program %.160s: others may change it",
                         path);
    return ERR_NONE;
}

/* ---- in the child ---- */

/* For good: and proved (threats S5). */
static bool
become(const struct event_user *u)
{
    if (!u->is_changed)
        return true;
    return setgroups((size_t)u->n_groups, u->groups) == 0 &&
           setresgid(u->gid, u->gid, u->gid) == 0 &&
           setresuid(u->uid, u->uid, u->uid) == 0 &&
           (u->uid == 0 || (setuid(0) != 0 && geteuid() == u->uid));
}

static bool
take_descriptors(int input, int output)
{
    return dup2(input, STDIN_FILENO) == STDIN_FILENO &&
           dup2(output, STDOUT_FILENO) == STDOUT_FILENO &&
           dup2(output, STDERR_FILENO) == STDERR_FILENO && close_range(3, ~0U, 0) == 0;
}

/* What the recorder ignores or holds back would go through exec. */
static void
reset_signals(void)
{
    sigset_t none;
    for (int i = 1; i < NSIG; i++)
        signal(i, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void
become_program(char *const argv[], const char *word, int input, int output,
               const struct event_user *user, pid_t parent)
{
    static char path[] = "PATH=/usr/local/bin:/usr/bin:/bin";
    static const struct rlimit no_core = {0, 0};
    char event[64];
    char *env[] = {path, event, NULL};
    snprintf(event, sizeof event, "FERRY_EVENT=%s", word);
    setpgid(0, 0);
    reset_signals();
    umask(077);
    if (take_descriptors(input, output) && chdir("/") == 0 && become(user) &&
        setrlimit(RLIMIT_CORE, &no_core) == 0 &&
        /* A run whose recorder died is made again by the next one. */
        prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) == 0 && getppid() == parent)
        execve(argv[0], argv, env);
    dprintf(STDERR_FILENO, "%s", strerror(errno));
    _exit(STATUS_NOT_RUN);
}

/* ---- in the recorder ---- */

enum err
event_run_start(struct event_run *run, char *const argv[], const char *word, int input,
                const struct event_user *user, uint64_t deadline_ms)
{
    int pipe_ends[2];
    pid_t parent = getpid();
    *run = (struct event_run){.output = -1, .deadline_ms = deadline_ms};
    if (pipe2(pipe_ends, O_CLOEXEC) != 0)
        return ERR_IO;
    pid_t pid = fork();
    if (pid == 0)
        become_program(argv, word, input, pipe_ends[1], user, parent);
    close(pipe_ends[1]);
    if (pid < 0) {
        close(pipe_ends[0]);
        return ERR_IO;
    }
    setpgid(pid, pid); /* the child does so too: whoever is first */
    fcntl(pipe_ends[0], F_SETFL, O_NONBLOCK);
    run->pid = pid;
    run->output = pipe_ends[0];
    return ERR_NONE;
}

void
event_run_read(struct event_run *run)
{
    char chunk[4096];
    ssize_t n = run->output >= 0 ? read(run->output, chunk, sizeof chunk) : -1;
    if (n < 0)
        return;
    if (n == 0) {
        close(run->output);
        run->output = -1;
        return;
    }
    size_t room = sizeof run->printed - run->n_printed;
    size_t keep = (size_t)n < room ? (size_t)n : room;
    memcpy(run->printed + run->n_printed, chunk, keep);
    run->n_printed += keep;
}

void
event_run_expire(struct event_run *run, uint64_t now_ms)
{
    if (run->pid == 0 || now_ms < run->deadline_ms)
        return;
    /* Not yet reaped: the number is still its own, and its group's. */
    kill(-run->pid, run->n_signals++ == 0 ? SIGTERM : SIGKILL);
    run->deadline_ms = now_ms + (run->n_signals == 1 ? EVENT_TERM_MS : EVENT_KILL_MS);
}

bool
event_run_reap(struct event_run *run, int *status)
{
    siginfo_t info = {0};
    if (run->pid == 0 ||
        waitid(P_PID, (id_t)run->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
        info.si_pid == 0)
        return false;
    event_run_read(run);
    if (run->output >= 0)
        close(run->output);
    run->output = -1;
    /* It was told to end: what it started ends too. */
    if (run->n_signals != 0)
        kill(-run->pid, SIGKILL);
    bool is_reaped = waitpid(run->pid, status, 0) == run->pid;
    run->pid = 0;
    return is_reaped;
}
