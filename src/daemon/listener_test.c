/*
 * The listener between a spawner and a monitor that follow a script: places are
 * taken and given back whatever the order of what it is told, and nobody's
 * descriptors stay behind (threats section 13).
 */
#include "daemon/listener.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base_test.h"
#include "crypto/rand.h"
#include "daemon/link.h"
#include "daemon/pre_auth.h"

enum {
    WAIT_MS = 5 * 1000,
    QUIET_MS = 100, /* nothing is said within that: nothing will be */
    FIRST = 1000,   /* process ids as the script gives them out */
    SECOND = 1001,
};

struct rig {
    pid_t pid;
    int spawner, monitor; /* our ends */
    struct net_addr at;
};

/* ---- the listener ---- */

static _Noreturn void
become_listener(const struct rig *r, int listen_fd, int spawner, int monitor)
{
    static const struct listener_hooks none;
    static struct daemon_log log;
    static struct listener l;
    static struct generation g;
    static const struct admission_limits limits = {
        .connections = 8,
        .begin = 8,
        .rate = 100,
        .full = 8,
        .per_source = 2,
        .bits4 = 32,
        .bits6 = 64,
    };
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    listener_block_signals();
    close(r->spawner);
    close(r->monitor);
    daemon_log_init(&log, LOG_LEVEL_ERROR, NULL);
    g = (struct generation){.number = 1,
                            .monitor = 1, /* none of ours: its end is not heard of */
                            .link = monitor,
                            .public_fd = -1,
                            .trusted_proxies = "127.0.0.0/8"};
    l = (struct listener){
        .log = &log,
        .hooks = &none,
        .listen = {listen_fd},
        .bound = {r->at},
        .n_listen = 1,
        .drain_ms = WAIT_MS,
        .generations = {&g},
        .admission = malloc(sizeof *l.admission),
        .places = calloc(ADMISSION_PLACES_MAX, sizeof *l.places),
        .rates = rates_new(),
        .spawner = spawner,
        .spawner_pid = 1,
        .notify.fd = -1,
    };
    if (board_new(ADMISSION_PLACES_MAX, &l.board) != ERR_NONE)
        _exit(99);
    l.pages = board_map_all(l.board, ADMISSION_PLACES_MAX);
    if (!l.admission || !l.places || !l.rates || !l.pages)
        _exit(99);
    admission_init(l.admission, &limits);
    _exit(listener_run(&l));
}

static int
begin(void **state)
{
    static struct rig r;
    struct fault why = {0};
    struct net_addr any;
    int listen_fd, spawner[2], monitor[2];
    assert_int_equal(net_addr_parse("127.0.0.1", 0, &any), ERR_NONE);
    assert_int_equal(socket_listen(&any, &listen_fd, &r.at, &why), ERR_NONE);
    assert_int_equal(link_pair(spawner), ERR_NONE);
    assert_int_equal(link_pair(monitor), ERR_NONE);
    r.spawner = spawner[0];
    r.monitor = monitor[0];
    r.pid = fork();
    if (r.pid == 0)
        become_listener(&r, listen_fd, spawner[1], monitor[1]);
    close(listen_fd);
    close(spawner[1]);
    close(monitor[1]);
    *state = &r;
    return r.pid > 0 ? 0 : -1;
}

static int
end(void **state)
{
    struct rig *r = *state;
    close(r->spawner);
    close(r->monitor);
    kill(r->pid, SIGKILL);
    waitpid(r->pid, NULL, 0);
    return 0;
}

/* ---- what it says ---- */

static struct monitor_word
next_word(const struct rig *r)
{
    struct monitor_word w;
    struct pollfd p = {.fd = r->monitor, .events = POLLIN};
    int fds[LINK_FDS_MAX];
    size_t n;
    assert_int_equal(poll(&p, 1, WAIT_MS), 1);
    assert_int_equal(link_receive_fds(r->monitor, &w, sizeof w, fds, &n), ERR_NONE);
    while (n > 0)
        close(fds[--n]);
    return w;
}

static struct spawn_request
next_request(const struct rig *r)
{
    struct spawn_request q;
    struct pollfd p = {.fd = r->spawner, .events = POLLIN};
    int fds[LINK_FDS_MAX];
    size_t n;
    assert_int_equal(poll(&p, 1, WAIT_MS), 1);
    assert_int_equal(link_receive_fds(r->spawner, &q, sizeof q, fds, &n), ERR_NONE);
    assert_int_equal(n, q.op == SPAWN_SIGNAL ? 0 : 3);
    while (n > 0)
        close(fds[--n]);
    return q;
}

static void
assert_quiet(int link)
{
    struct pollfd p = {.fd = link, .events = POLLIN};
    assert_int_equal(poll(&p, 1, QUIET_MS), 0);
}

static void
assert_left(const struct rig *r, uint64_t id)
{
    struct monitor_word w = next_word(r);
    assert_int_equal(w.type, MONITOR_LEFT);
    assert_int_equal(w.id, id);
}

static void
assert_signal(const struct rig *r, pid_t pid, int signal_number)
{
    struct spawn_request q = next_request(r);
    assert_int_equal(q.op, SPAWN_SIGNAL);
    assert_int_equal(q.pid, pid);
    assert_int_equal(q.signal, signal_number);
}

/* ---- what it is told ---- */

static void
spawner_says(const struct rig *r, enum spawn_notice_type type, enum spawn_op op,
             uint64_t id, pid_t pid, int exit_status)
{
    const struct spawn_notice n = {type, op, id, pid, exit_status << 8};
    assert_int_equal(link_send(r->spawner, &n, sizeof n), ERR_NONE);
}

static void
started(const struct rig *r, enum spawn_op op, uint64_t id, pid_t pid)
{
    spawner_says(r, SPAWN_STARTED, op, id, pid, 0);
}

static void
ended(const struct rig *r, pid_t pid, int exit_status)
{
    spawner_says(r, SPAWN_ENDED, 0, 0, pid, exit_status);
}

static void
monitor_says(const struct rig *r, enum monitor_notice_type type, uint64_t id,
             const char *text)
{
    struct monitor_notice n = {.type = type, .id = id};
    snprintf(n.account, sizeof n.account, "%s", text);
    snprintf(n.address, sizeof n.address, "%s", text);
    assert_int_equal(link_send(r->monitor, &n, sizeof n), ERR_NONE);
}

/* A connection: *client is its socket. Its id. */
static uint64_t
come_in(const struct rig *r, int *client)
{
    *client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(*client, (const struct sockaddr *)&r->at.ss, r->at.len), 0);
    struct monitor_word w = next_word(r);
    struct spawn_request q = next_request(r);
    assert_int_equal(w.type, MONITOR_ENTER);
    assert_int_equal(w.end, MONITOR_PRE_AUTH);
    assert_int_equal(q.op, SPAWN_PRE_AUTH);
    assert_int_equal(q.id, w.id);
    return w.id;
}

/* As far as to a session that the spawner was asked for. */
static uint64_t
log_in(const struct rig *r, int *client)
{
    uint64_t id = come_in(r, client);
    started(r, SPAWN_PRE_AUTH, id, FIRST);
    monitor_says(r, MONITOR_ACCEPTED, id, "anna");
    struct monitor_word w = next_word(r);
    assert_int_equal(w.type, MONITOR_ENTER);
    assert_int_equal(w.end, MONITOR_SESSION);
    assert_int_equal(next_request(r).op, SPAWN_SESSION);
    return id;
}

/* The peer sees the end once nobody holds its socket. */
static void
assert_hung_up(int client)
{
    char octet;
    struct pollfd p = {.fd = client, .events = POLLIN};
    assert_int_equal(poll(&p, 1, WAIT_MS), 1);
    assert_true(read(client, &octet, 1) <= 0);
    close(client);
}

/* ---- tests ---- */

static void
a_place_ends_with_its_process(void **state)
{
    const struct rig *r = *state;
    int client;
    uint64_t id = come_in(r, &client);
    started(r, SPAWN_PRE_AUTH, id, FIRST);
    ended(r, FIRST, PRE_AUTH_NO_TRY);
    assert_left(r, id);
    assert_hung_up(client);
    assert_quiet(r->monitor);
}

static void
a_place_ends_when_no_process_can_be_made(void **state)
{
    const struct rig *r = *state;
    int client;
    uint64_t id = come_in(r, &client);
    spawner_says(r, SPAWN_FAILED, SPAWN_PRE_AUTH, id, 0, 0);
    assert_left(r, id);
    assert_hung_up(client);
}

static void
a_session_keeps_the_place_of_a_process_that_ended_early(void **state)
{
    const struct rig *r = *state;
    int client;
    uint64_t id = log_in(r, &client);
    ended(r, FIRST, PRE_AUTH_HANDED_OVER);
    assert_quiet(r->monitor);
    started(r, SPAWN_SESSION, id, SECOND);
    assert_quiet(r->monitor);
    ended(r, SECOND, 0);
    assert_left(r, id);
    assert_quiet(r->monitor);
    close(client);
}

static void
a_session_that_cannot_be_made_gives_the_place_back(void **state)
{
    const struct rig *r = *state;
    int client;
    uint64_t id = log_in(r, &client);
    ended(r, FIRST, PRE_AUTH_ERROR);
    spawner_says(r, SPAWN_FAILED, SPAWN_SESSION, id, 0, 0);
    assert_left(r, id);
    assert_hung_up(client);
}

/* Both wait when the listener wakes: the login was first. */
static void
a_login_counts_though_its_process_has_ended(void **state)
{
    const struct rig *r = *state;
    int client;
    uint64_t id = come_in(r, &client);
    started(r, SPAWN_PRE_AUTH, id, FIRST);
    assert_quiet(r->spawner);
    kill(r->pid, SIGSTOP);
    monitor_says(r, MONITOR_ACCEPTED, id, "anna");
    ended(r, FIRST, PRE_AUTH_HANDED_OVER);
    kill(r->pid, SIGCONT);
    assert_int_equal(next_request(r).op, SPAWN_SESSION);
    assert_int_equal(next_word(r).end, MONITOR_SESSION);
    started(r, SPAWN_SESSION, id, SECOND);
    ended(r, SECOND, 0);
    assert_left(r, id);
    close(client);
}

static void
misuse_kills_a_process_that_is_not_heard_of_yet(void **state)
{
    const struct rig *r = *state;
    int client;
    uint64_t id = come_in(r, &client);
    monitor_says(r, MONITOR_MISUSED, id, "");
    assert_quiet(r->spawner);
    started(r, SPAWN_PRE_AUTH, id, FIRST);
    assert_signal(r, FIRST, SIGKILL);
    close(client);
}

static void
a_stop_reaches_a_session_that_is_being_started(void **state)
{
    const struct rig *r = *state;
    int client, status;
    uint64_t id = log_in(r, &client);
    kill(r->pid, SIGTERM);
    assert_quiet(r->spawner); /* who hands its login over is spared */
    started(r, SPAWN_SESSION, id, SECOND);
    assert_signal(r, SECOND, SIGTERM);
    ended(r, FIRST, PRE_AUTH_HANDED_OVER);
    ended(r, SECOND, 0);
    assert_left(r, id);
    assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(client);
}

static void
a_process_of_nobody_is_killed(void **state)
{
    const struct rig *r = *state;
    int client;
    uint64_t id = come_in(r, &client);
    started(r, SPAWN_SESSION, id + ADMISSION_PLACES_MAX, SECOND);
    assert_signal(r, SECOND, SIGKILL);
    started(r, SPAWN_PRE_AUTH, id, FIRST);
    started(r, SPAWN_PRE_AUTH, id, SECOND); /* a second one */
    assert_signal(r, SECOND, SIGKILL);
    close(client);
}

static void
words_about_nobody_change_nothing(void **state)
{
    const struct rig *r = *state;
    int client;
    uint64_t id = come_in(r, &client);
    for (uint32_t type = 0; type < 16; type++) {
        monitor_says(r, (enum monitor_notice_type)type, id + ADMISSION_PLACES_MAX, "x");
        monitor_says(r, (enum monitor_notice_type)type, 0, "x");
        spawner_says(r, (enum spawn_notice_type)(type + 100), 0, id, FIRST, 0);
    }
    ended(r, SECOND, 0);
    assert_quiet(r->spawner);
    assert_quiet(r->monitor);
    ended(r, 0, 0);
    started(r, SPAWN_PRE_AUTH, id, FIRST);
    ended(r, FIRST, 0);
    assert_left(r, id);
    assert_hung_up(client);
}

static void
a_login_is_accepted_once(void **state)
{
    const struct rig *r = *state;
    int client;
    uint64_t id = log_in(r, &client);
    monitor_says(r, MONITOR_ACCEPTED, id, "berta");
    assert_quiet(r->spawner);
    close(client);
}

/* Two of a source are allowed; behind the proxy they are four. */
static void
sources_are_counted_behind_a_proxy(void **state)
{
    const struct rig *r = *state;
    int client[4];
    uint64_t id[4];
    static const char *const from[] = {"192.0.2.1", "192.0.2.1", "192.0.2.2",
                                       "192.0.2.1"};
    for (int i = 0; i < 4; i++) {
        id[i] = come_in(r, &client[i]);
        started(r, SPAWN_PRE_AUTH, id[i], FIRST + i);
        monitor_says(r, MONITOR_IS_PROXIED, id[i], from[i]);
        if (i < 3)
            assert_quiet(r->spawner);
    }
    assert_signal(r, FIRST + 3, SIGKILL);
    for (int i = 0; i < 4; i++)
        close(client[i]);
}

static unsigned
count_descriptors(pid_t pid)
{
    char path[64];
    unsigned n = 0;
    snprintf(path, sizeof path, "/proc/%ld/fd", (long)pid);
    DIR *d = opendir(path);
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

/* Three ways to end, again and again. */
static void
nothing_stays_open_behind_a_connection(void **state)
{
    const struct rig *r = *state;
    unsigned before = 0;
    for (int i = 0; i < 9; i++) {
        int client;
        uint64_t id = i % 3 == 0 ? log_in(r, &client) : come_in(r, &client);
        if (i % 3 == 0)
            started(r, SPAWN_SESSION, id, SECOND);
        else if (i % 3 == 1)
            started(r, SPAWN_PRE_AUTH, id, FIRST);
        else
            spawner_says(r, SPAWN_FAILED, SPAWN_PRE_AUTH, id, 0, 0);
        ended(r, SECOND, 0);
        ended(r, FIRST, 0);
        assert_left(r, id);
        close(client);
        unsigned now = count_descriptors(r->pid);
        assert_true(i == 0 || now == before);
        before = now;
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_place_ends_with_its_process),
        TEST(a_place_ends_when_no_process_can_be_made),
        TEST(a_session_keeps_the_place_of_a_process_that_ended_early),
        TEST(a_session_that_cannot_be_made_gives_the_place_back),
        TEST(a_login_counts_though_its_process_has_ended),
        TEST(misuse_kills_a_process_that_is_not_heard_of_yet),
        TEST(a_stop_reaches_a_session_that_is_being_started),
        TEST(a_process_of_nobody_is_killed),
        TEST(words_about_nobody_change_nothing),
        TEST(a_login_is_accepted_once),
        TEST(sources_are_counted_behind_a_proxy),
        TEST(nothing_stays_open_behind_a_connection),
    };
    if (crypto_init() != ERR_NONE)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
