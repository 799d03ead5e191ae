/* See run.h. */
#include "daemon/run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "crypto/rand.h"
#include "daemon/activation.h"
#include "daemon/config_files.h"
#include "daemon/files.h"
#include "daemon/link.h"
#include "daemon/listener.h"
#include "daemon/recorder_link.h"
#include "daemon/run_options.h"
#include "daemon/run_settings.h"
#include "net/clock.h"

enum {
    EXIT_USAGE = 2,
    STEWARD_FD = 3,
};

struct daemon {
    const char *path; /* of the configuration */
    const struct run_options *cli;
    const struct environment *env;
    const char *trace;            /* NULL: none */
    struct run_settings settings; /* in force */
    struct daemon_log log;
    struct sandbox_plan plan;
    struct recorder_link recorder;
    struct listener listener;
    uint64_t instance; /* random, of this life */
    char bans_path[PATH_MAX];
    bool has_pid_file;
};

/* ---- the steward ---- */

static _Noreturn void
become_steward(const char *path, const struct daemon *d, const struct run_settings *s,
               int fd)
{
    char number[24];
    const char *argv[16] = {"ferryd-accounts", "steward",   "--fd",   "3",
                            "--database",      s->database, "--keep", number};
    int n = 8;
    snprintf(number, sizeof number, "%llu", (unsigned long long)d->instance);
    if (d->env->keep_instance) { /* the ferryd that we replace has sessions still */
        argv[n++] = "--keep";
        argv[n++] = d->env->keep_instance;
    }
    if (s->options.use_pam) {
        argv[n++] = "--pam";
        argv[n++] = s->options.pam_service;
    }
    if (fd != STEWARD_FD && dup2(fd, STEWARD_FD) < 0)
        _exit(1);
    fcntl(STEWARD_FD, F_SETFD, 0);
    close_range(STEWARD_FD + 1, ~0U, 0);
    execve(path, (char *const *)argv, environ);
    _exit(1);
}

static enum err
start_steward(const struct daemon *d, const struct run_settings *s, int *link,
              struct fault *why)
{
    char path[PATH_MAX];
    int pair[2];
    enum err err = program_find("ferryd-accounts", path, why);
    if (err != ERR_NONE)
        return err;
    if (link_pair(pair) != ERR_NONE)
        return fault_errno(why, ERR_IO, errno, "socketpair");
    pid_t pid = fork();
    if (pid == 0)
        become_steward(path, d, s, pair[1]);
    close(pair[1]);
    *link = pair[0];
    if (pid > 0)
        return ERR_NONE;
    close(pair[0]);
    return fault_errno(why, ERR_IO, errno, "cannot start the steward");
}

/* ---- the recorder ---- */

static enum err
start_recorder(const struct run_settings *s, struct recorder_link *r, struct fault *why)
{
    enum err err = recorder_check(&s->options, why);
    if (err != ERR_NONE || !recorder_is_wanted(&s->options))
        return err;
    return recorder_link_start(r, &s->options, s->state_dir,
                               (enum log_level)s->public->log_level, why);
}

static void
set_log(struct daemon_log *log, const struct run_settings *s,
        const struct recorder_link *r, const char *trace)
{
    daemon_log_init(log, (enum log_level)s->public->log_level, trace);
    log->style = (enum server_log_style)s->options.log_style;
    if (recorder_has_logs(&s->options))
        daemon_log_to_recorder(log, r->writers[RECORDER_LOG_TRUSTED]);
}

/* Where the processes that the spawner makes log to. */
static void
fill_log_fds(const struct daemon *d, struct generation *g)
{
    bool has_logs = recorder_has_logs(&d->settings.options);
    g->log = has_logs ? d->recorder.writers[RECORDER_LOG_TRUSTED] : -1;
    g->log_pre_auth = has_logs ? d->recorder.writers[RECORDER_LOG_PREAUTH] : -1;
}

/* ---- a generation ---- */

static enum err
start_generation(struct daemon *d, const struct run_settings *s, struct recorder_link *r,
                 struct generation *g, struct fault *why)
{
    struct monitor_book book = {
        .config = s->config,
        .options = &s->options,
        .pubkey_algos = s->pubkey_algos,
        .ca_algos = s->ca_algos,
        .banners = s->banners,
        .n_banners = s->n_banners,
        .state_dir = s->state_dir,
        .steward = -1,
        .recorder = -1,
        .instance = d->instance,
        .is_root = s->is_root,
        .virtual_uid = s->virtual_uid,
        .virtual_gid = s->virtual_gid,
    };
    struct daemon_log log;
    struct monitor_process process = {.book = &book, .plan = &d->plan, .log = &log};
    set_log(&log, s, r, d->trace);
    s->public->logs_to_recorder = recorder_has_logs(&s->options);
    enum err err = start_steward(d, s, &book.steward, why);
    if (err == ERR_NONE)
        err = recorder_link_join(r, g->number, &book.recorder, why);
    if (err == ERR_NONE)
        err = generation_start(g, &process, s->public, why);
    /* The monitor has them now. */
    if (book.steward >= 0)
        close(book.steward);
    if (book.recorder >= 0)
        close(book.recorder);
    return err;
}

/* ---- hooks of the listener ---- */

static enum err
configure_penalties(struct listener *l, const struct run_settings *s, struct fault *why)
{
    const struct server_options *o = &s->options;
    enum err err = penalties_configure(l->penalties, &o->penalties, s->limits.bits4,
                                       s->limits.bits6, o->penalty_exempt);
    return err ? fault_set(why, err, 0,
                           "PerSourcePenaltyExemptList: not a list of "
                           "addresses and networks")
               : ERR_NONE;
}

/* What a running daemon keeps whatever the file says; a restart changes it. */
static void
note_what_stays(struct daemon *d, const struct run_settings *fresh)
{
    if (fresh->n_listen != d->settings.n_listen ||
        memcmp(fresh->listen, d->settings.listen, sizeof fresh->listen) != 0)
        log_line(&d->log.sink, LOG_LEVEL_WARN,
                 "reload: the addresses to listen on change with a restart only");
    if (strcmp(fresh->control, d->settings.control) != 0 ||
        strcmp(fresh->state_dir, d->settings.state_dir) != 0)
        log_line(&d->log.sink, LOG_LEVEL_WARN,
                 "reload: control socket and state directory change with a restart only");
}

/* From here on nothing can fail: the fresh settings and recorder take over. */
static void
adopt(struct daemon *d, struct listener *l, struct run_settings *fresh,
      struct recorder_link *recorder)
{
    note_what_stays(d, fresh);
    admission_set_limits(l->admission, &fresh->limits);
    set_log(&d->log, fresh, recorder, d->trace);
    l->drain_ms = (uint64_t)fresh->options.drain_s * 1000;
    l->login_ms = fresh->public->limits.login_ms;
    l->has_no_keepalive = !fresh->options.tcp_keep_alive;
    recorder_link_retire(&d->recorder);
    run_settings_clear(&d->settings);
    d->recorder = *recorder;
    d->settings = *fresh;
}

static enum err
hook_reload(void *ctx, struct listener *l, struct generation *g, struct fault *why)
{
    struct daemon *d = ctx;
    struct run_settings fresh;
    struct recorder_link recorder;
    recorder_link_init(&recorder);
    enum err err = run_settings_make(
        &fresh, d->path, (const char *const *)d->cli->overrides, d->env, d->trace, why);
    if (err == ERR_NONE)
        err = start_recorder(&fresh, &recorder, why);
    if (err == ERR_NONE)
        err = start_generation(d, &fresh, &recorder, g, why);
    if (err == ERR_NONE)
        err = configure_penalties(l, &fresh, why);
    if (err == ERR_NONE) {
        adopt(d, l, &fresh, &recorder);
        fill_log_fds(d, g);
        return ERR_NONE;
    }
    recorder_link_retire(&recorder);
    run_settings_clear(&fresh);
    return err;
}

static void
hook_reopen(void *ctx)
{
    const struct daemon *d = ctx;
    if (d->recorder.pid > 0)
        kill(d->recorder.pid, SIGUSR1);
}

/* True: nothing goes on without it. pid 0: everything ends. */
static bool
hook_ended(void *ctx, pid_t pid, int status)
{
    struct daemon *d = ctx;
    struct fault why = {0};
    (void)status;
    if (pid == 0) {
        daemon_log_to_recorder(&d->log, -1);
        recorder_link_retire(&d->recorder);
        return false;
    }
    if (pid != d->recorder.pid)
        return false;
    log_line(&d->log.sink, LOG_LEVEL_ERROR, "the recorder has ended: starting another");
    if (recorder_link_restart(&d->recorder, &d->settings.options, d->settings.state_dir,
                              d->log.level, &why) == ERR_NONE)
        return false;
    daemon_log_to_recorder(&d->log, -1);
    log_line(&d->log.sink, LOG_LEVEL_ERROR, "no recorder can be started: %s", why.text);
    return true;
}

static void
hook_status(void *ctx, struct control_status *out)
{
    const struct daemon *d = ctx;
    struct buf text;
    snprintf(out->version, sizeof out->version, "0.1.0");
    snprintf(out->config, sizeof out->config, "%s", d->path);
    out->pid = (uint32_t)getpid();
    buf_init(&text, CONTROL_WALLS_MAX);
    for (int role = 0; role < SANDBOX_ROLES; role++) {
        sandbox_describe(&d->plan, (enum sandbox_role)role, &text);
        buf_put_u8(&text, '\n');
    }
    const char *walls = buf_cstr(&text);
    snprintf(out->walls, sizeof out->walls, "%s", walls ? walls : "");
    buf_clear(&text);
}

static void
hook_bans_changed(void *ctx, const struct bans *bans)
{
    struct daemon *d = ctx;
    struct fault why = {0};
    if (ban_file_save(bans, d->bans_path, &why) != ERR_NONE)
        log_line(&d->log.sink, LOG_LEVEL_ERROR, "bans could not be saved: %s", why.text);
}

/* ---- a restart that drops nobody ---- */

/* The listening sockets to where activation.h looks for them; behind them the
 * descriptor that an octet is awaited from, which is returned. */
static int
place_sockets(const struct listener *l, int ready)
{
    int high[LISTENER_SOCKETS_MAX];
    int ready_high = fcntl(ready, F_DUPFD_CLOEXEC, 256);
    int ready_fd = ACTIVATION_FIRST_FD + (int)l->n_listen;
    for (uint32_t i = 0; i < l->n_listen; i++)
        high[i] = fcntl(l->listen[i], F_DUPFD_CLOEXEC, 256);
    for (uint32_t i = 0; i < l->n_listen; i++)
        dup2(high[i], ACTIVATION_FIRST_FD + (int)i);
    dup2(ready_high, ready_fd);
    close_range((unsigned)ready_fd + 1, ~0U, 0);
    return ready_fd;
}

/* For a program that is about to be started; nothing when there is no value. */
static void
add_variable(char **envp, int *n, const char *name, const char *value)
{
    if (value && asprintf(&envp[*n], "%s=%s", name, value) > 0)
        ++*n;
}

static _Noreturn void
become_successor(const struct daemon *d, const struct listener *l, int ready)
{
    const struct environment *env = d->env;
    char pid[24], n[24], ready_text[24], keep[24], self[PATH_MAX];
    char *envp[16];
    int k = 0;
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    if (len < 0)
        _exit(1);
    self[len] = 0;
    /* An upgrade has replaced the file: its name is what we want. */
    char *deleted = strstr(self, " (deleted)");
    if (deleted)
        *deleted = 0;
    int ready_fd = place_sockets(l, ready);
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    snprintf(n, sizeof n, "%u", l->n_listen);
    snprintf(ready_text, sizeof ready_text, "%d", ready_fd);
    snprintf(keep, sizeof keep, "%llu", (unsigned long long)d->instance);
    add_variable(envp, &k, "LISTEN_PID", pid);
    add_variable(envp, &k, "LISTEN_FDS", n);
    add_variable(envp, &k, "FERRYD_READY_FD", ready_text);
    add_variable(envp, &k, "FERRYD_KEEP", keep);
    add_variable(envp, &k, "NOTIFY_SOCKET", env->notify_socket);
    /* Where an ordinary user's files are, and the clock: it must find the same. */
    add_variable(envp, &k, "HOME", env->home);
    add_variable(envp, &k, "XDG_STATE_HOME", env->xdg_state_home);
    add_variable(envp, &k, "XDG_RUNTIME_DIR", env->xdg_runtime_dir);
    add_variable(envp, &k, "FERRY_TRACE", env->trace);
    add_variable(envp, &k, "TZ", getenv("TZ")); /* main left it alone */
    envp[k] = NULL;
    execve(self, env->argv, envp);
    _exit(1);
}

static enum err
hook_restart(void *ctx, struct listener *l, pid_t *pid, int *ready, struct fault *why)
{
    struct daemon *d = ctx;
    int pair[2];
    if (pipe2(pair, O_CLOEXEC | O_NONBLOCK) != 0)
        return fault_errno(why, ERR_IO, errno, "pipe");
    *pid = fork();
    if (*pid == 0)
        become_successor(d, l, pair[1]);
    close(pair[1]);
    if (*pid < 0) {
        close(pair[0]);
        return fault_errno(why, ERR_IO, errno, "cannot fork");
    }
    *ready = pair[0];
    return ERR_NONE;
}

/* ---- starting ---- */

static enum err
listen_all(struct daemon *d, struct fault *why)
{
    struct listener *l = &d->listener;
    struct activated taken[ACTIVATION_MAX];
    size_t n = 0;
    const struct activation_words words = {d->env->listen_pid, d->env->listen_fds,
                                           d->env->listen_fdnames};
    enum err err = activation_take(&words, getpid(), taken, &n, why);
    for (size_t i = 0; err == ERR_NONE && i < n && i < LISTENER_SOCKETS_MAX; i++) {
        l->listen[i] = taken[i].fd;
        l->bound[i] = taken[i].bound;
        l->n_listen++;
    }
    if (l->n_listen != 0)
        return err;
    for (uint32_t i = 0; err == ERR_NONE && i < d->settings.n_listen; i++) {
        err =
            socket_listen_apart(&d->settings.listen[i], &l->listen[i], &l->bound[i], why);
        l->n_listen += err == ERR_NONE;
    }
    return err;
}

static enum err
start_penalties(struct daemon *d, struct fault *why)
{
    struct listener *l = &d->listener;
    uint64_t seed[2];
    if (rand_fill(&rand_system, seed, sizeof seed) != ERR_NONE)
        return fault_set(why, ERR_CRYPTO, 0, "no random octets");
    l->penalties = penalties_new(seed);
    if (!l->penalties)
        return fault_set(why, ERR_NOMEM, 0, "out of memory");
    snprintf(d->bans_path, sizeof d->bans_path, "%.*s/bans", PATH_MAX - 8,
             d->settings.state_dir);
    enum err err =
        ban_file_load(penalties_bans(l->penalties), d->bans_path, time(NULL), why);
    return err ? err : configure_penalties(l, &d->settings, why);
}

static enum err
start_control(struct daemon *d, struct fault *why)
{
    static struct control_host host;
    if (d->settings.control[0] == 0)
        return ERR_NONE;
    listener_control_host(&d->listener, &host);
    return control_open(d->settings.control,
                        d->env->ready_fd ? CONTROL_TAKE_OVER : CONTROL_FRESH, &host,
                        &d->listener.control, why);
}

static void
log_addresses(struct daemon *d)
{
    for (uint32_t i = 0; i < d->listener.n_listen; i++) {
        char text[NET_ADDR_TEXT_MAX];
        net_addr_host(&d->listener.bound[i], text);
        log_line(&d->log.sink, LOG_LEVEL_INFO, "Server listening on %s port %u.", text,
                 net_addr_port(&d->listener.bound[i]));
    }
}

static enum err
start_log(struct daemon *d, struct fault *why)
{
    enum err err = start_recorder(&d->settings, &d->recorder, why);
    set_log(&d->log, &d->settings, &d->recorder, d->trace);
    return err;
}

static enum err
start(struct daemon *d, struct generation *first, struct fault *why)
{
    static const struct listener_hooks hooks = {
        hook_reload, hook_reopen, hook_restart,
        hook_ended,  hook_status, hook_bans_changed,
    };
    struct listener *l = &d->listener;
    l->log = &d->log;
    l->hooks = &hooks;
    l->hooks_ctx = d;
    l->drain_ms = (uint64_t)d->settings.options.drain_s * 1000;
    l->login_ms = d->settings.public->limits.login_ms;
    l->has_no_keepalive = !d->settings.options.tcp_keep_alive;
    l->generations[0] = first;
    first->number = 1;
    enum err err = start_log(d, why);
    if (err == ERR_NONE)
        err = sandbox_prepare(&d->plan, (enum sandbox_policy)d->settings.public->sandbox,
                              why);
    if (err == ERR_NONE)
        err = listen_all(d, why);
    if (err == ERR_NONE)
        err = start_generation(d, &d->settings, &d->recorder, first, why);
    if (err == ERR_NONE)
        err = start_penalties(d, why);
    fill_log_fds(d, first);
    if (err == ERR_NONE)
        err = listener_init(l, &d->settings.limits, first, why);
    return err ? err : start_control(d, why);
}

/* ---- while it runs ---- */

static void
write_pid_file(struct daemon *d)
{
    const char *path = d->settings.options.pid_file;
    FILE *f = path ? fopen(path, "we") : NULL;
    if (!path)
        return;
    d->has_pid_file = f && fprintf(f, "%ld\n", (long)getpid()) > 0;
    if (f && fclose(f) != 0)
        d->has_pid_file = false;
    if (!d->has_pid_file)
        log_line(&d->log.sink, LOG_LEVEL_WARN, "PidFile %.160s: %s", path,
                 strerror(errno));
}

/* Who waits for us: the service manager, or the ferryd that we replace. */
static void
tell_ready(struct daemon *d)
{
    uint64_t fd;
    notify_ready(&d->listener.notify, "serving");
    if (d->env->ready_fd && activation_number(d->env->ready_fd, &fd) && fd < 4096) {
        (void)!write((int)fd, "1", 1);
        close((int)fd);
    }
}

static int
serve(struct daemon *d)
{
    struct fault why = {0};
    struct generation *first = calloc(1, sizeof *first);
    if (!first)
        return 1;
    if (notify_open(&d->listener.notify, d->env->notify_socket, &why) != ERR_NONE)
        log_line(&d->log.sink, LOG_LEVEL_WARN, "%s", why.text);
    why = (struct fault){0};
    if (start(d, first, &why) != ERR_NONE) {
        log_line(&d->log.sink, LOG_LEVEL_ERROR, "%s", why.text);
        return 1;
    }
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    sandbox_log(&d->plan, &d->log.sink);
    log_addresses(d);
    write_pid_file(d);
    tell_ready(d);
    int status = listener_run(&d->listener);
    control_free(d->listener.control);
    if (d->has_pid_file && !d->listener.has_successor)
        unlink(d->settings.options.pid_file);
    return status;
}

/* ---- -t and -T ---- */

static enum err
print_effective(const struct run_settings *s, const char *spec, struct fault *why)
{
    struct server_options o;
    struct server_context context;
    struct buf text;
    server_options_init(&o);
    enum err err = ERR_NONE;
    char *copy = spec ? strdup(spec) : NULL;
    if (spec)
        err = copy ? run_context_parse(copy, &context, why) : ERR_NOMEM;
    if (err == ERR_NONE)
        err = server_config_effective(s->config, spec ? &context : NULL, &o);
    buf_init(&text, 1 << 20);
    if (err == ERR_NONE)
        server_options_print(&o, &text);
    fwrite(text.p, 1, text.n, stdout);
    buf_clear(&text);
    server_options_clear(&o);
    free(copy);
    return err;
}

static int
check(struct daemon *d)
{
    struct fault why = {0};
    enum err err = recorder_check(&d->settings.options, &why);
    if (err == ERR_NONE && d->cli->is_print)
        err = print_effective(&d->settings, d->cli->context, &why);
    if (err == ERR_NONE)
        return fflush(stdout) == 0 ? 0 : 1;
    fprintf(stderr, "ferryd: %s\n", why.text);
    return EXIT_USAGE;
}

static void
print_usage(FILE *out)
{
    fputs("usage: ferryd run [options]\n"
          "\n"
          "Serve files by SFTP as the configuration says; see ferryd.conf(5).\n"
          "\n"
          "Options:\n",
          out);
    run_options_help(out);
}

static int
run(struct daemon *d)
{
    struct fault why = {0};
    tzset(); /* reads its file now: later there are no files (threats P11) */
    if (crypto_init() != ERR_NONE ||
        rand_fill(&rand_system, &d->instance, sizeof d->instance) != ERR_NONE) {
        fprintf(stderr, "ferryd: %s cannot be used\n", crypto_version());
        return 1;
    }
    if (run_settings_make(&d->settings, d->path, (const char *const *)d->cli->overrides,
                          d->env, d->trace, &why) != ERR_NONE) {
        fprintf(stderr, "ferryd: %s\n", why.text);
        return EXIT_USAGE;
    }
    if (d->cli->is_test || d->cli->is_print)
        return check(d);
    return serve(d);
}

int
run_command(int argc, char **argv, const struct environment *env)
{
    struct daemon *d = calloc(1, sizeof *d);
    struct run_options options;
    struct fault why = {0};
    if (!d)
        return 1;
    enum err err = run_options_parse(argc, argv, &options, &why);
    if (err != ERR_NONE || options.is_help) {
        if (err != ERR_NONE)
            fprintf(stderr, "ferryd: %s\n", why.text);
        print_usage(err ? stderr : stdout);
        run_options_clear(&options);
        free(d);
        return err ? EXIT_USAGE : 0;
    }
    d->cli = &options;
    d->env = env;
    d->trace = options.trace ? options.trace : env->trace;
    d->path = options.config ? options.config : CONFIG_FILES_DEFAULT;
    recorder_link_init(&d->recorder);
    daemon_log_init(&d->log, LOG_LEVEL_INFO, NULL);
    listener_block_signals();
    int status = run(d);
    free(d->listener.generations[0]);
    listener_clear(&d->listener);
    run_settings_clear(&d->settings);
    sandbox_plan_clear(&d->plan);
    run_options_clear(&options);
    free(d);
    return status;
}
