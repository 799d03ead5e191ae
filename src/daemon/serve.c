/* See serve.h. */
#include "daemon/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crypto/rand.h"
#include "daemon/listener.h"
#include "daemon/monitor_process.h"

enum { MONITOR_START_MS = 30 * 1000 };

/* Everything that is made before the first connection. Big: on the heap. */
struct serve {
    struct settings settings;
    struct daemon_log log;
    struct sandbox_plan plan;
    struct link_public public;
    struct listener listener;
    struct net_addr bound[OPTION_TEXTS_MAX];
    int link[2]; /* ours, the monitor's */
};

static enum err
open_root(struct serve *s, struct fault *why)
{
    s->listener.root = open(s->settings.dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (s->listener.root < 0)
        return fault_errno(why, ERR_IO, errno, "%.160s", s->settings.dir);
    return ERR_NONE;
}

static enum err
listen_all(struct serve *s, struct fault *why)
{
    enum err err = ERR_NONE;
    for (uint32_t i = 0; err == ERR_NONE && i < s->settings.n_listen; i++)
        err = socket_listen(&s->settings.listen[i], &s->listener.listen[i], &s->bound[i],
                            why);
    return err;
}

static void
log_walls(struct serve *s)
{
    struct buf text;
    buf_init(&text, 1024);
    sandbox_describe(&s->plan, &text);
    const char *line = buf_cstr(&text);
    if (line)
        log_line(&s->log.sink, LOG_LEVEL_INFO, "%s", line);
    buf_clear(&text);
}

static enum err
prepare(struct serve *s, const struct serve_options *o, const struct environment *env,
        struct fault *why)
{
    tzset(); /* reads its file now: later there are no files (threats P11) */
    if (crypto_init() != ERR_NONE)
        return fault_set(why, ERR_CRYPTO, 0, "%s cannot be used", crypto_version());
    enum err err = settings_make(&s->settings, o, env, why);
    if (err == ERR_NONE)
        err = open_root(s, why);
    if (err == ERR_NONE)
        err = sandbox_prepare(&s->plan, (enum sandbox_policy)o->sandbox, why);
    if (err == ERR_NONE)
        err = listen_all(s, why);
    if (err == ERR_NONE && link_pair(s->link) != ERR_NONE)
        err = fault_errno(why, ERR_IO, errno, "socketpair");
    return err;
}

/* Before any key is read: what the listener never had, its children can't leak. */
static enum err
start_monitor(struct serve *s, struct fault *why)
{
    const struct monitor_process process = {
        .settings = &s->settings,
        .bound = s->bound,
        .plan = &s->plan,
        .log = &s->log,
        .link = s->link[1],
    };
    pid_t pid = fork();
    if (pid == 0)
        _exit(monitor_process_run(&process));
    close(s->link[1]);
    if (pid < 0)
        return fault_errno(why, ERR_IO, errno, "cannot fork");
    s->listener.monitor = pid;
    s->listener.link = s->link[0];
    return ERR_NONE;
}

static enum err
receive_within(int link, void *message, size_t n, int timeout_ms)
{
    struct pollfd p = {.fd = link, .events = POLLIN};
    if (poll(&p, 1, timeout_ms) != 1)
        return ERR_IO;
    return link_receive(link, message, n);
}

/* ERR_AUTH: the monitor has said why it can't. */
static enum err
await_monitor(struct serve *s, struct fault *why)
{
    struct link_notice notice = {0};
    enum err err = receive_within(s->link[0], &notice, sizeof notice, MONITOR_START_MS);
    if (err == ERR_NONE && notice.type == LINK_READY)
        err = receive_within(s->link[0], &s->public, sizeof s->public, MONITOR_START_MS);
    if (err == ERR_NONE && notice.type == LINK_READY && s->public.n_keys <= HOST_KEYS_MAX)
        return ERR_NONE;
    close(s->link[0]);
    waitpid(s->listener.monitor, NULL, 0);
    if (notice.type == LINK_FAILED)
        return fault_set(why, ERR_AUTH, 0, "not started");
    return fault_set(why, ERR_BUG, 0, "the monitor process did not start");
}

static enum err
start(struct serve *s, struct fault *why)
{
    enum err err = start_monitor(s, why);
    if (err == ERR_NONE)
        err = await_monitor(s, why);
    if (err != ERR_NONE)
        return err;
    /* Children that drop nothing more still can't be looked into or gain. */
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    s->listener.settings = &s->settings;
    s->listener.public = &s->public;
    s->listener.plan = &s->plan;
    s->listener.log = &s->log;
    log_walls(s);
    return ERR_NONE;
}

int
serve_run(const struct serve_options *options, const struct environment *env)
{
    struct serve *s = calloc(1, sizeof *s);
    struct fault why = {0};
    if (!s)
        return 1;
    daemon_log_init(&s->log, settings_log_level(options), NULL);
    s->listener.trace = settings_trace(options, env);
    listener_block_signals();
    enum err err = prepare(s, options, env, &why);
    if (err == ERR_NONE)
        err = start(s, &why);
    int status = 1;
    if (err == ERR_NONE)
        status = listener_run(&s->listener);
    else
        log_line(&s->log.sink, LOG_LEVEL_ERROR, "%s", why.text);
    settings_clear(&s->settings);
    sandbox_plan_clear(&s->plan);
    free(s);
    return err == ERR_PROTO ? 2 : status;
}
