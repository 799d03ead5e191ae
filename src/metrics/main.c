/*
 * ferryd-metrics: the daemon's figures over HTTP, for Prometheus. A program of
 * its own, so that no HTTP is ever spoken where keys, files or accounts are
 * (threats S8): it connects to the control socket first, gives up every
 * privilege, and can then do no more than ask that one socket.
 *
 *     ferryd-metrics --socket PATH --listen ADDR:PORT [--user NAME]
 *
 * It ends when the daemon does; whoever supervises it starts it again.
 */
#include <errno.h>
#include <grp.h>
#include <microhttpd.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "admin/dialogue.h"
#include "admin/metrics_text.h"
#include "net/clock.h"
#include "net/socket.h"

enum {
    CONNECTIONS_MAX = 16,
    CONNECTIONS_PER_SOURCE = 8,
    CONNECTION_TIMEOUT_S = 10,
    CONNECTION_MEMORY = 16 * 1024, /* octets */
    KEEP_MS = 1000, /* figures of so long ago are given again: a flood stops here */
    FILES_MAX = 64, /* descriptors */
};

/* Used by the library's one thread once it runs. */
struct server {
    struct dialogue daemon;
    struct buf text;
    uint64_t made_ms; /* when the text was made; 0: never */
    bool is_daemon_gone;
    pid_t self;
};

struct arguments {
    const char *socket, *listen, *user;
};

/* ---- answering ---- */

static void
take_status(void *ctx, const struct control_reply *r)
{
    if (r->kind == CONTROL_STATUS_RECORD)
        metrics_put(ctx, &r->status);
}

static bool
make_text(struct server *s)
{
    const struct control_request q = {.op = CONTROL_STATUS};
    struct control_end end;
    struct fault why = {0};
    uint64_t now = clock_now_ms();
    if (s->made_ms != 0 && now - s->made_ms < KEEP_MS)
        return true;
    buf_reset(&s->text);
    if (dialogue_ask(&s->daemon, &q, take_status, &s->text, &end, &why) != ERR_NONE) {
        fprintf(stderr, "ferryd-metrics: %s\n", why.text);
        s->is_daemon_gone = true;
        return false;
    }
    s->made_ms = now;
    return buf_err(&s->text) == ERR_NONE;
}

static enum MHD_Result
answer(struct MHD_Connection *connection, unsigned status, struct bytes body)
{
    /* Copied by the library: the text may change before it is sent. */
    struct MHD_Response *r = MHD_create_response_from_buffer(
        body.n, (void *)(uintptr_t)body.p, MHD_RESPMEM_MUST_COPY);
    if (!r)
        return MHD_NO;
    (void)MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE,
                                  status == MHD_HTTP_OK ? METRICS_TYPE : "text/plain");
    (void)MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
    enum MHD_Result result = MHD_queue_response(connection, status, r);
    MHD_destroy_response(r);
    return result;
}

static enum MHD_Result
on_request(void *ctx, struct MHD_Connection *connection, const char *url,
           const char *method, const char *version, const char *upload,
           size_t *upload_len, void **request)
{
    struct server *s = ctx;
    (void)version, (void)upload, (void)request;
    if (*upload_len != 0)
        return MHD_NO; /* nobody sends us anything */
    bool is_get = strcmp(method, MHD_HTTP_METHOD_GET) == 0 ||
                  strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
    if (!is_get)
        return answer(connection, MHD_HTTP_METHOD_NOT_ALLOWED, BYTES_LIT("GET only\n"));
    if (strcmp(url, "/metrics") != 0)
        return answer(connection, MHD_HTTP_NOT_FOUND, BYTES_LIT("only /metrics\n"));
    if (make_text(s))
        return answer(connection, MHD_HTTP_OK, buf_bytes(&s->text));
    kill(s->self, SIGTERM);
    return answer(connection, MHD_HTTP_SERVICE_UNAVAILABLE,
                  BYTES_LIT("the daemon does not answer\n"));
}

/* ---- giving up privileges ---- */

static bool
become(const char *name)
{
    const struct passwd *user = getpwnam(name);
    if (!user || user->pw_uid == 0) {
        fprintf(stderr, "ferryd-metrics: no unprivileged user \"%s\"\n", name);
        return false;
    }
    gid_t gid = user->pw_gid;
    uid_t uid = user->pw_uid;
    return setgroups(0, NULL) == 0 && setresgid(gid, gid, gid) == 0 &&
           setresuid(uid, uid, uid) == 0 && setuid(0) != 0;
}

static bool
limit(__rlimit_resource_t resource, rlim_t most)
{
    const struct rlimit limit = {most, most};
    return setrlimit(resource, &limit) == 0;
}

static bool
give_up_privileges(const char *user)
{
    bool is_done = geteuid() != 0 || become(user);
    return is_done && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && limit(RLIMIT_NOFILE, FILES_MAX) &&
           limit(RLIMIT_FSIZE, 0) && limit(RLIMIT_CORE, 0);
}

/* ---- running ---- */

enum { STATUS_OK = 0, STATUS_FAILED = 1, STATUS_USAGE = 2 };

static int
fail(const char *sentence)
{
    fprintf(stderr, "ferryd-metrics: %s\n", sentence);
    return STATUS_FAILED;
}

static struct MHD_Daemon *
start(struct server *s, int listen_fd)
{
    return MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, s,
        MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS_MAX, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS_PER_SOURCE, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)CONNECTION_TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_MEMORY, MHD_OPTION_END);
}

static int
serve(struct server *s, int listen_fd)
{
    sigset_t set;
    int signal_number;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL); /* before there is a thread */
    signal(SIGPIPE, SIG_IGN);
    struct MHD_Daemon *http = start(s, listen_fd);
    if (!http)
        return fail("the HTTP server does not start");
    sigwait(&set, &signal_number);
    MHD_stop_daemon(http);
    return s->is_daemon_gone ? STATUS_FAILED : STATUS_OK;
}

static int
misused(void)
{
    fputs("usage: ferryd-metrics --socket PATH --listen ADDR:PORT [--user NAME]\n",
          stderr);
    return STATUS_USAGE;
}

static bool
parse(int argc, char **argv, struct arguments *a)
{
    *a = (struct arguments){.user = "nobody"};
    for (int i = 1; i < argc; i += 2) {
        const char **to = strcmp(argv[i], "--socket") == 0   ? &a->socket
                          : strcmp(argv[i], "--listen") == 0 ? &a->listen
                          : strcmp(argv[i], "--user") == 0   ? &a->user
                                                             : NULL;
        if (!to || i + 1 == argc)
            return false;
        *to = argv[i + 1];
    }
    return a->socket && a->listen;
}

int
main(int argc, char **argv)
{
    struct arguments a;
    struct server s = {.daemon.fd = -1, .self = getpid()};
    struct fault why = {0};
    struct net_addr address, bound;
    int listen_fd;
    if (!parse(argc, argv, &a))
        return misused();
    if (net_addr_parse(a.listen, 9922, &address) != ERR_NONE)
        return misused();
    if (dialogue_connect(&s.daemon, a.socket, &why) != ERR_NONE ||
        socket_listen(&address, &listen_fd, &bound, &why) != ERR_NONE)
        return fail(why.text);
    if (!give_up_privileges(a.user))
        return fail("privileges cannot be given up");
    char where[NET_ADDR_TEXT_MAX];
    net_addr_text(&bound, where);
    printf("serving http://%s/metrics\n", where);
    fflush(stdout);
    buf_init(&s.text, METRICS_MAX);
    int status = serve(&s, listen_fd);
    buf_clear(&s.text);
    dialogue_close(&s.daemon);
    return status;
}
