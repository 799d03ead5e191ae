/*
 * ferry-sftp-server: the SFTP server on standard input and output, for sshd's
 * "Subsystem sftp" line and for sftp(1) -D. Options as sftp-server(8).
 *
 * It acts as the user it was started as, with the whole file system, as that
 * program does: whoever starts it has authenticated and perhaps chrooted.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "crypto/rand.h"
#include "net/pipe_stream.h"
#include "daemon/sftp_hashes.h"
#include "daemon/sftp_system.h"
#include "sftp/server.h"
#include "vfs/posix.h"

/* Octets of requests read at a time: as much as a WRITE of the largest size, so
 * that one whole is written to the file at once. */
enum { INPUT_SIZE = SFTP_MESSAGE_MAX + 4 };

enum { EXIT_USAGE = 1, EXIT_FAILED = 255 };

struct program {
    struct sftp_server_config config;
    struct log_sink log;
    enum log_level level;
    bool is_silent;
    bool logs_to_stderr;
    int facility;
    const char *start_template;
    struct sftp_request_set allowed;
    bool has_allowed;

    char user[256], home[VFS_PATH_MAX + 1];
    char *start;

    struct pipe_stream out;
    struct sftp_server *server;
    uint8_t *input;
    size_t at, fill; /* of input: what the server has not taken */
    bool is_eof;
};

/* ---- words of the command line ---- */

struct level_word {
    const char *word;
    enum log_level level;
};

static const struct level_word level_words[] = {
    {"QUIET", LOG_LEVEL_ERROR},     {"FATAL", LOG_LEVEL_ERROR},
    {"ERROR", LOG_LEVEL_ERROR},     {"INFO", LOG_LEVEL_INFO},
    {"VERBOSE", LOG_LEVEL_VERBOSE}, {"DEBUG", LOG_LEVEL_DEBUG},
    {"DEBUG1", LOG_LEVEL_DEBUG},    {"DEBUG2", LOG_LEVEL_DEBUG},
    {"DEBUG3", LOG_LEVEL_DEBUG},
};

static const struct facility_word {
    const char *word;
    int facility;
} facility_words[] = {
    {"DAEMON", LOG_DAEMON}, {"USER", LOG_USER},     {"AUTH", LOG_AUTH},
    {"LOCAL0", LOG_LOCAL0}, {"LOCAL1", LOG_LOCAL1}, {"LOCAL2", LOG_LOCAL2},
    {"LOCAL3", LOG_LOCAL3}, {"LOCAL4", LOG_LOCAL4}, {"LOCAL5", LOG_LOCAL5},
    {"LOCAL6", LOG_LOCAL6}, {"LOCAL7", LOG_LOCAL7},
};

static const char usage_text[] =
    "usage: ferry-sftp-server [-ehR] [-d start_directory] [-f log_facility]\n"
    "\t[-l log_level] [-P denied_requests] [-p allowed_requests] [-u umask]\n"
    "       ferry-sftp-server -Q protocol_feature\n";

static _Noreturn void
usage(FILE *to, int status)
{
    fputs(usage_text, to);
    exit(status);
}

static _Noreturn void
die(const char *what, const char *detail)
{
    fprintf(stderr, "ferry-sftp-server: %s%s%s\n", what, detail ? ": " : "",
            detail ? detail : "");
    exit(EXIT_USAGE);
}

static void
set_level(struct program *p, const char *word)
{
    for (size_t i = 0; i < ARRAY_LEN(level_words); i++)
        if (strcasecmp(word, level_words[i].word) == 0) {
            p->level = level_words[i].level;
            /* The two quietest would only be heard of when we give up. */
            p->is_silent = i < 2;
            return;
        }
    die("no such log level", word);
}

static void
set_facility(struct program *p, const char *word)
{
    for (size_t i = 0; i < ARRAY_LEN(facility_words); i++)
        if (strcasecmp(word, facility_words[i].word) == 0) {
            p->facility = facility_words[i].facility;
            return;
        }
    die("no such log facility", word);
}

static struct sftp_request_set
request_set(const char *list)
{
    struct sftp_request_set set;
    struct bytes unknown;
    if (!sftp_requests_of(bytes_str(list), &set, &unknown)) {
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)(unknown.n < 60 ? unknown.n : 60),
                 (const char *)unknown.p);
        die("no such request (see -Q requests)", name);
    }
    return set;
}

static void
set_umask(const char *text)
{
    char *end;
    errno = 0;
    long mask = strtol(text, &end, 8);
    if (errno != 0 || end == text || *end || mask < 0 || mask > 0777)
        die("not an umask", text);
    umask((mode_t)mask);
}

static _Noreturn void
answer_query(const char *feature)
{
    if (strcasecmp(feature, "requests") != 0)
        die("nothing to be asked but requests", feature);
    const char *name;
    for (size_t i = 0; (name = sftp_request_name(i)); i++)
        puts(name);
    exit(0);
}

static void
parse_options(struct program *p, int argc, char **argv)
{
    int option;
    while ((option = getopt(argc, argv, "d:ef:hl:P:p:Q:Ru:")) != -1) {
        switch (option) {
        case 'd':
            p->start_template = optarg;
            break;
        case 'e':
            p->logs_to_stderr = true;
            break;
        case 'f':
            set_facility(p, optarg);
            break;
        case 'h':
            usage(stdout, 0);
        case 'l':
            set_level(p, optarg);
            break;
        case 'P':
            p->config.denied.bits |= request_set(optarg).bits;
            break;
        case 'p':
            p->allowed.bits |= request_set(optarg).bits;
            p->has_allowed = true;
            break;
        case 'Q':
            answer_query(optarg);
        case 'R':
            p->config.is_read_only = true;
            break;
        case 'u':
            set_umask(optarg);
            break;
        default:
            usage(stderr, EXIT_USAGE);
        }
    }
    if (optind != argc)
        usage(stderr, EXIT_USAGE);
    if (p->has_allowed)
        p->config.denied.bits |= sftp_requests_except(p->allowed).bits;
}

/* ---- the log ---- */

static void
on_line(void *ctx, enum log_level level, const char *text)
{
    static const int priorities[] = {
        [LOG_LEVEL_ERROR] = LOG_ERR,   [LOG_LEVEL_WARN] = LOG_WARNING,
        [LOG_LEVEL_INFO] = LOG_INFO,   [LOG_LEVEL_VERBOSE] = LOG_INFO,
        [LOG_LEVEL_DEBUG] = LOG_DEBUG,
    };
    const struct program *p = ctx;
    if (p->is_silent || level > p->level)
        return;
    if (p->logs_to_stderr)
        fprintf(stderr, "%s\n", text);
    else
        syslog(priorities[level], "%s", text);
}

static void
on_trace(void *ctx, enum trace_part part, const char *text)
{
    (void)ctx, (void)part;
    fprintf(stderr, "%s\n", text);
}

static void
start_log(struct program *p)
{
    const char *trace = getenv("FERRY_TRACE");
    p->log = (struct log_sink){
        .line = on_line,
        .trace = on_trace,
        .ctx = p,
        .trace_mask = trace ? log_trace_mask(trace) : 0,
    };
    if (!p->logs_to_stderr)
        openlog("ferry-sftp-server", LOG_PID, p->facility);
}

/* ---- who we are and where we start ---- */

static void
find_account(struct program *p)
{
    const struct passwd *pw = getpwuid(getuid());
    if (!pw)
        die("the user has no account", NULL);
    snprintf(p->user, sizeof p->user, "%s", pw->pw_name);
    snprintf(p->home, sizeof p->home, "%s", pw->pw_dir);
}

/* %%, %d and %u in -d. */
static char *
expand_start(const struct program *p)
{
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    if (!out)
        die("out of memory", NULL);
    for (const char *s = p->start_template; *s; s++) {
        const char *word = *s != '%'     ? NULL
                           : s[1] == '%' ? "%"
                           : s[1] == 'd' ? p->home
                           : s[1] == 'u' ? p->user
                                         : "";
        if (word && !*word)
            die("only %%, %d and %u mean something in -d", p->start_template);
        if (word) {
            fputs(word, out);
            s++;
        } else {
            fputc(*s, out);
        }
    }
    if (fclose(out) != 0)
        die("out of memory", NULL);
    return text;
}

static const char *
current_directory(char path[VFS_PATH_MAX + 1])
{
    return getcwd(path, VFS_PATH_MAX + 1) ? path : "/";
}

/* sshd starts us in the user's home; sftp -D wherever the caller is. A -d that
 * cannot be entered is told and passed over. */
static void
find_start(struct program *p)
{
    static char path[VFS_PATH_MAX + 1];
    if (p->start_template) {
        p->start = expand_start(p);
        if (chdir(p->start) != 0)
            log_line(&p->log, LOG_LEVEL_ERROR, "cannot start in \"%s\": %s", p->start,
                     strerror(errno));
    }
    p->config.home = p->home;
    p->config.start = current_directory(path);
    p->config.user = p->user;
}

static void
open_vfs(struct program *p)
{
    /* As the user, with all that the user may do; but see posix.h for links of
     * procfs, and PR_SET_DUMPABLE keeps our own memory from being written. */
    static const struct posix_vfs_options options = {.may_set_id_bits = true,
                                                     .may_chown = true};
    int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int error = root < 0 ? errno : posix_vfs_new(root, &options, &p->config.vfs);
    if (error != 0)
        die("cannot open the root directory", strerror(error));
}

static void
start_server(struct program *p)
{
    prctl(PR_SET_DUMPABLE, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a size limit is a write's error, not our end */
    if (crypto_init() != ERR_NONE)
        die("libcrypto cannot be used", NULL);
    p->config.rand = &rand_system;
    p->config.host = &sftp_system_host;
    p->config.hashes = &sftp_hashes;
    p->config.log = &p->log;
    p->input = malloc(INPUT_SIZE);
    pipe_stream_init(&p->out, STDOUT_FILENO);
    if (!p->input || sftp_server_new(&p->config, &p->out.stream, &p->server) != ERR_NONE)
        die("out of memory", NULL);
    log_line(&p->log, LOG_LEVEL_INFO, "session opened for local user %s", p->user);
}

/* ---- the loop ---- */

/* Read what is there. False: reading failed, or there is no more. */
static bool
read_input(struct program *p)
{
    if (p->at != 0 && p->at == p->fill)
        p->at = p->fill = 0;
    if (p->fill == INPUT_SIZE) {
        memmove(p->input, p->input + p->at, p->fill - p->at);
        p->fill -= p->at;
        p->at = 0;
    }
    ssize_t n = read(STDIN_FILENO, p->input + p->fill, INPUT_SIZE - p->fill);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    p->fill += (size_t)n;
    return n != 0;
}

static bool
may_read(const struct program *p)
{
    return !p->is_eof && p->fill - p->at < INPUT_SIZE;
}

/* Let the server work on what is here. False: the framing broke. */
static bool
serve(struct program *p)
{
    size_t used;
    enum err e =
        sftp_server_input(p->server, bytes_of(p->input + p->at, p->fill - p->at), &used);
    p->at += used;
    if (e != ERR_NONE)
        log_line(&p->log, LOG_LEVEL_ERROR, "%s", sftp_server_fault(p->server));
    return e == ERR_NONE;
}

/* The server can go on without new input and without a reader. */
static bool
is_runnable(const struct program *p)
{
    bool has_work = p->at != p->fill || sftp_server_is_busy(p->server);
    return has_work && stream_has_room((struct stream *)&p->out.stream);
}

static bool
wait_for_work(struct program *p)
{
    struct pollfd fds[2] = {
        {.fd = STDIN_FILENO, .events = may_read(p) ? POLLIN : 0},
        {.fd = STDOUT_FILENO, .events = pipe_stream_is_empty(&p->out) ? 0 : POLLOUT},
    };
    if (!fds[0].events)
        fds[0].fd = -1;
    if (poll(fds, 2, is_runnable(p) ? 0 : -1) < 0)
        return errno == EINTR;
    if (fds[0].revents != 0 && !read_input(p))
        p->is_eof = true;
    /* Whoever read our replies is gone: nobody will hear of the rest. */
    return (fds[1].revents & (POLLERR | POLLNVAL)) == 0;
}

static bool
is_done(const struct program *p)
{
    return p->is_eof && p->at == p->fill && !sftp_server_is_busy(p->server) &&
           pipe_stream_is_empty(&p->out);
}

/* Until the input ends and all is answered. False: it went wrong. */
static bool
run(struct program *p)
{
    for (;;) {
        if (!serve(p))
            return false;
        int error = pipe_stream_flush(&p->out);
        if (error != 0) {
            log_line(&p->log, LOG_LEVEL_ERROR, "cannot write replies: %s",
                     strerror(error));
            return false;
        }
        if (is_done(p))
            return sftp_server_eof(p->server);
        if (!wait_for_work(p))
            return false;
    }
}

/* The descriptions may be shared with the shell that started us: they get back
 * the mode they had. */
static int
set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        die("standard input and output cannot be used", strerror(errno));
    return flags;
}

int
main(int argc, char **argv)
{
    static struct program p = {.level = LOG_LEVEL_ERROR, .facility = LOG_AUTH};
    parse_options(&p, argc, argv);
    start_log(&p);
    find_account(&p);
    find_start(&p);
    open_vfs(&p);
    start_server(&p);

    int in_flags = set_nonblocking(STDIN_FILENO);
    int out_flags = set_nonblocking(STDOUT_FILENO);
    bool is_ok = run(&p);
    fcntl(STDIN_FILENO, F_SETFL, in_flags);
    fcntl(STDOUT_FILENO, F_SETFL, out_flags);

    sftp_server_free(p.server);
    vfs_free(p.config.vfs);
    pipe_stream_clear(&p.out);
    free(p.input);
    free(p.start);
    log_line(&p.log, LOG_LEVEL_INFO, "session closed for local user %s", p.user);
    return is_ok ? 0 : EXIT_FAILED;
}
