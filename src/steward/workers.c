/* See workers.h. */
#include "steward/workers.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    HASHES_MIN = 2,
    HASHES_MOST = 32,
    SYSTEMS_MOST = 32,
    DIALOGUES_MOST = 60,
    REAP_AGAIN_MS = 20, /* a killed worker that the kernel still holds */
    LAST_FD = 3,        /* a worker's: standard ones, and this */
};

static uint64_t
now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000U + (uint64_t)t.tv_nsec / 1000000U;
}

void
workers_init(struct workers *w)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned hashes = cores < 1 ? HASHES_MIN : 2U * (unsigned)cores;
    w->limit[JOB_HASH] = hashes > HASHES_MOST ? HASHES_MOST : hashes;
    w->limit[JOB_SYSTEM] = SYSTEMS_MOST;
    w->limit[JOB_PAM] = DIALOGUES_MOST;
    for (size_t i = 0; i < JOB_CLASSES; i++)
        w->end[i] = &w->first[i];
    for (size_t i = 0; i < WORKERS_MAX; i++)
        w->worker[i].fd = -1;
}

/* ---- in the worker ---- */

struct worker_log {
    int fd;
};

static void
send_line(void *ctx, enum log_level level, const char *text)
{
    const struct worker_log *l = ctx;
    struct steward_answer a = {.head.op = STEWARD_LOG, .level = level};
    size_t n = strnlen(text, sizeof a.text - 1);
    memcpy(a.text, text, n);
    (void)!send(l->fd, &a, sizeof a, MSG_NOSIGNAL);
}

static void
send_trace(void *ctx, enum trace_part part, const char *text)
{
    (void)ctx, (void)part, (void)text;
}

static _Noreturn void
be_worker(const struct workers *w, const struct job *job, int fd)
{
    sigset_t none;
    struct worker_log l = {.fd = LAST_FD};
    const struct log_sink log = {.line = send_line, .trace = send_trace, .ctx = &l};
    struct job_reply *reply = calloc(1, sizeof *reply);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* Nothing of the steward's, the database least of all, is open from here on. */
    if (!reply || (fd != LAST_FD && dup3(fd, LAST_FD, O_CLOEXEC) < 0))
        _exit(1);
    if (syscall(SYS_close_range, LAST_FD + 1, ~0U, 0) != 0)
        _exit(1);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    reply->head = job->head;
    w->main(job, LAST_FD, &log, reply);
    (void)!send(LAST_FD, reply, sizeof *reply, MSG_NOSIGNAL);
    _exit(0);
}

/* ---- starting ---- */

static struct worker *
free_worker(struct workers *w)
{
    for (size_t i = 0; i < WORKERS_MAX; i++)
        if (w->worker[i].pid == 0)
            return &w->worker[i];
    return NULL;
}

/* The answer that nobody gives any more. */
static void
give_up(struct workers *w, struct job *job, const char *why)
{
    struct job_reply *reply = calloc(1, sizeof *reply);
    if (reply) {
        reply->head = job->head;
        if (steward_answer_size(job->head.op) == sizeof(struct steward_answer))
            reply_say(reply, STEWARD_FAILED, "%s", why);
        reply->head.verdict = STEWARD_FAILED;
        w->answered(w->ctx, job, reply);
    }
    free(reply);
    job_free(job);
}

static bool
start(struct workers *w, struct worker *worker, struct job *job)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
        return false;
    pid_t pid = fork();
    if (pid == 0)
        be_worker(w, job, fds[1]);
    close(fds[1]);
    if (pid < 0) {
        close(fds[0]);
        return false;
    }
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    *worker = (struct worker){
        .pid = pid, .fd = fds[0], .job = job, .deadline_ms = now_ms() + job->limit_ms};
    w->running[job->class]++;
    return true;
}

/* Whoever waits, as far as there is room. */
static void
start_waiting(struct workers *w)
{
    for (size_t class = 0; class < JOB_CLASSES; class ++) {
        while (w->first[class] && w->running[class] < w->limit[class]) {
            struct worker *worker = free_worker(w);
            struct job *job = w->first[class];
            if (!worker)
                return;
            w->first[class] = job->next;
            if (!w->first[class])
                w->end[class] = &w->first[class];
            w->n_waiting--;
            if (!start(w, worker, job))
                give_up(w, job, "no process can be started");
        }
    }
}

void
workers_add(struct workers *w, struct job *job)
{
    if (w->n_waiting == WORKERS_QUEUE_MAX) {
        give_up(w, job, "too many questions are waiting");
        return;
    }
    job->next = NULL;
    *w->end[job->class] = job;
    w->end[job->class] = &job->next;
    w->n_waiting++;
    start_waiting(w);
}

/* ---- ending ---- */

/* Its question was answered, or never will be; it is killed in case it goes on. */
static void
dismiss(struct workers *w, struct worker *worker)
{
    if (worker->job) {
        w->running[worker->job->class]--;
        job_free(worker->job);
    }
    worker->job = NULL;
    if (worker->fd >= 0)
        close(worker->fd);
    worker->fd = -1;
    worker->dialogue = 0;
    if (worker->pid > 0)
        kill(worker->pid, SIGKILL);
}

static void
reap(struct worker *worker)
{
    if (worker->pid > 0 && worker->fd < 0 &&
        waitpid(worker->pid, NULL, WNOHANG) == worker->pid)
        worker->pid = 0;
}

static void
fail(struct workers *w, struct worker *worker, const char *why)
{
    struct job *job = worker->job;
    /* A dialogue that waits for its peer owes nobody an answer. */
    bool is_asked = job && worker->dialogue == 0;
    worker->job = NULL;
    if (job)
        w->running[job->class]--;
    dismiss(w, worker);
    if (is_asked)
        give_up(w, job, why);
    else
        job_free(job);
}

/* ---- PAM's dialogues ---- */

static struct worker *
worker_of(struct workers *w, uint64_t mark, uint64_t dialogue)
{
    for (size_t i = 0; dialogue != 0 && i < WORKERS_MAX; i++) {
        struct worker *worker = &w->worker[i];
        if (worker->job && worker->dialogue == dialogue && worker->job->head.mark == mark)
            return worker;
    }
    return NULL;
}

bool
workers_answer_dialogue(struct workers *w, const struct steward_pam_answer *answer)
{
    struct worker *worker = worker_of(w, answer->head.mark, answer->dialogue);
    if (!worker)
        return false;
    worker->dialogue = 0;
    worker->job->head = answer->head;
    if (send(worker->fd, answer, sizeof *answer, MSG_NOSIGNAL) != sizeof *answer)
        fail(w, worker, "the PAM dialogue has ended");
    return true;
}

void
workers_end_dialogue(struct workers *w, uint64_t mark, uint64_t dialogue)
{
    struct worker *worker = worker_of(w, mark, dialogue);
    if (worker)
        dismiss(w, worker);
}

/* ---- what workers say ---- */

static void
on_line(struct workers *w, struct worker *worker, const struct job_reply *reply)
{
    struct steward_answer line = reply->answer;
    if (worker->n_lines++ >= WORKERS_LINES_MAX)
        return;
    line.text[sizeof line.text - 1] = 0;
    for (char *p = line.text; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
    w->line(w->ctx, &line);
}

/* Only what is asked of a worker may it say: its job's op, one of the verdicts. */
static void
on_reply(struct workers *w, struct worker *worker, struct job_reply *reply)
{
    struct job *job = worker->job;
    bool is_prompt = reply->head.verdict == STEWARD_PROMPT && job->class == JOB_PAM;
    if (reply->head.verdict > STEWARD_FAILED ||
        (reply->head.verdict == STEWARD_PROMPT && !is_prompt)) {
        fail(w, worker, "a worker gave no sound answer");
        return;
    }
    uint32_t verdict = reply->head.verdict;
    reply->head = job->head;
    reply->head.verdict = verdict;
    reply->hash[sizeof reply->hash - 1] = 0;
    if (is_prompt)
        reply->answer.dialogue = worker->dialogue = ++w->last_dialogue;
    w->answered(w->ctx, job, reply);
    if (!is_prompt)
        dismiss(w, worker);
}

static void
hear(struct workers *w, struct worker *worker, struct job_reply *reply)
{
    ssize_t n = recv(worker->fd, reply, sizeof *reply, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n == (ssize_t)sizeof(struct steward_answer) && reply->head.op == STEWARD_LOG)
        on_line(w, worker, reply);
    else if (n == (ssize_t)sizeof *reply && worker->dialogue == 0)
        on_reply(w, worker, reply);
    else
        fail(w, worker, "a worker ended without an answer");
}

void
workers_poll(const struct workers *w, struct pollfd fds[WORKERS_MAX])
{
    for (size_t i = 0; i < WORKERS_MAX; i++)
        fds[i] = (struct pollfd){.fd = w->worker[i].fd, .events = POLLIN};
}

int
workers_timeout(const struct workers *w)
{
    uint64_t now = now_ms(), first = UINT64_MAX;
    for (size_t i = 0; i < WORKERS_MAX; i++) {
        const struct worker *worker = &w->worker[i];
        if (worker->pid == 0)
            continue;
        uint64_t due = worker->fd < 0 ? now + REAP_AGAIN_MS : worker->deadline_ms;
        first = due < first ? due : first;
    }
    if (first == UINT64_MAX)
        return -1;
    return first <= now ? 0 : (int)(first - now);
}

void
workers_turn(struct workers *w, const struct pollfd fds[WORKERS_MAX])
{
    struct job_reply *reply = malloc(sizeof *reply);
    uint64_t now = now_ms();
    for (size_t i = 0; reply && i < WORKERS_MAX; i++) {
        struct worker *worker = &w->worker[i];
        if (worker->fd >= 0 && fds[i].fd == worker->fd && fds[i].revents != 0)
            hear(w, worker, reply);
        if (worker->fd >= 0 && now >= worker->deadline_ms)
            fail(w, worker, "it took too long");
        reap(worker);
    }
    if (reply)
        mem_wipe(reply->hash, sizeof reply->hash);
    free(reply);
    start_waiting(w);
}

void
workers_end(struct workers *w)
{
    for (size_t i = 0; i < WORKERS_MAX; i++)
        dismiss(w, &w->worker[i]);
    for (size_t i = 0; i < WORKERS_MAX; i++)
        if (w->worker[i].pid > 0)
            waitpid(w->worker[i].pid, NULL, 0);
    for (size_t class = 0; class < JOB_CLASSES; class ++) {
        while (w->first[class]) {
            struct job *job = w->first[class];
            w->first[class] = job->next;
            job_free(job);
        }
    }
}
