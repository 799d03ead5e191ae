/* The control socket, its honest and its hostile clients (threats S8). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/control.h"
#include "daemon/rates.h"

enum { MANY = 5000 };

struct rig {
    char folder[64];
    char path[96];
    struct control *control;
    struct control_host host;
    uint64_t n_sessions, now_ms;
    unsigned n_calls; /* of those that change something */
};

/* ---- the host ---- */

static void
host_status(void *ctx, struct control_status *out)
{
    const struct rig *g = ctx;
    out->n_connections = (uint32_t)g->n_sessions;
}

static bool
host_next_session(void *ctx, uint64_t *cursor, struct control_session *out)
{
    const struct rig *g = ctx;
    if (*cursor >= g->n_sessions)
        return false;
    out->id = ++*cursor;
    return true;
}

static bool
host_next_ban(void *ctx, uint64_t *cursor, struct control_ban *out)
{
    (void)ctx, (void)cursor, (void)out;
    return false;
}

static enum err
host_kill(void *ctx, uint64_t id, const char *account, uint32_t *n, struct fault *why)
{
    struct rig *g = ctx;
    g->n_calls++;
    *n = account[0] ? 3 : 1;
    return id == 99 ? fault_set(why, ERR_LIMIT, 0, "no session 99") : ERR_NONE;
}

static enum err
host_throttle(void *ctx, uint64_t id, uint64_t rate, struct fault *why)
{
    (void)id, (void)rate, (void)why;
    ((struct rig *)ctx)->n_calls++;
    return ERR_NONE;
}

static enum err
host_ban_add(void *ctx, const struct block *block, uint64_t seconds, const char *reason,
             struct fault *why)
{
    (void)block, (void)seconds, (void)reason, (void)why;
    ((struct rig *)ctx)->n_calls++;
    return ERR_NONE;
}

static enum err
host_ban_del(void *ctx, const struct block *block, uint32_t *n, struct fault *why)
{
    (void)block, (void)why;
    ((struct rig *)ctx)->n_calls++;
    *n = 2;
    return ERR_NONE;
}

static enum err
host_act(void *ctx, struct fault *why)
{
    (void)why;
    ((struct rig *)ctx)->n_calls++;
    return ERR_NONE;
}

/* ---- the rig ---- */

static int
set_up(void **state)
{
    struct rig *g = calloc(1, sizeof *g);
    struct fault why = {0};
    assert_non_null(g);
    snprintf(g->folder, sizeof g->folder, "/tmp/ferry-control-XXXXXX");
    assert_non_null(mkdtemp(g->folder));
    snprintf(g->path, sizeof g->path, "%s/run/control.sock", g->folder);
    g->now_ms = 1000;
    g->n_sessions = 3;
    g->host =
        (struct control_host){g,         host_status,   host_next_session, host_next_ban,
                              host_kill, host_throttle, host_ban_add,      host_ban_del,
                              host_act,  host_act};
    assert_int_equal(control_open(g->path, CONTROL_FRESH, &g->host, &g->control, &why),
                     ERR_NONE);
    *state = g;
    return 0;
}

static int
tear_down(void **state)
{
    struct rig *g = *state;
    char run[96];
    control_free(g->control);
    unlink(g->path);
    snprintf(run, sizeof run, "%s/run", g->folder);
    rmdir(run);
    assert_int_equal(rmdir(g->folder), 0);
    free(g);
    return 0;
}

/* What the listener's loop does, until nothing is ready. */
static void
serve(struct rig *g)
{
    struct pollfd fds[CONTROL_FDS_MAX];
    for (;;) {
        nfds_t n = control_poll(g->control, fds);
        int n_ready = poll(fds, n, 0);
        control_serve(g->control, fds, n, g->now_ms);
        if (n_ready <= 0)
            return;
    }
}

static int
client_of(struct rig *g)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", g->path);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    serve(g);
    return fd;
}

static struct control_request
request_for(uint32_t op)
{
    return (struct control_request){.version = CONTROL_VERSION, .op = op};
}

static void
ask(struct rig *g, int fd, const struct control_request *q)
{
    assert_int_equal(send(fd, q, sizeof *q, MSG_NOSIGNAL), sizeof *q);
    serve(g);
}

/* The next record, its size checked; its kind, 0 when there is none. */
static uint32_t
take(int fd, struct control_reply *r)
{
    ssize_t n = recv(fd, r, sizeof *r, 0);
    if (n <= 0)
        return 0;
    assert_int_equal(r->version, CONTROL_VERSION);
    assert_int_equal(n, control_reply_len(r->kind));
    return r->kind;
}

static bool
is_closed(int fd)
{
    char c;
    return recv(fd, &c, 1, MSG_PEEK) == 0;
}

/* ---- tests ---- */

static void
lists_come_record_by_record_and_end(void **state)
{
    struct rig *g = *state;
    struct control_reply r;
    int fd = client_of(g);
    struct control_request q = request_for(CONTROL_SESSIONS);
    for (int round = 0; round < 2; round++) { /* again on the same connection */
        ask(g, fd, &q);
        for (uint64_t id = 1; id <= 3; id++) {
            assert_int_equal(take(fd, &r), CONTROL_SESSION_RECORD);
            assert_int_equal(r.session.id, id);
        }
        assert_int_equal(take(fd, &r), CONTROL_END);
        assert_int_equal(r.end.n, 3);
        assert_int_equal(r.end.error, 0);
    }
    q = request_for(CONTROL_STATUS);
    ask(g, fd, &q);
    assert_int_equal(take(fd, &r), CONTROL_STATUS_RECORD);
    assert_int_equal(r.status.n_connections, 3);
    assert_int_equal(take(fd, &r), CONTROL_END);
    close(fd);
}

static void
failures_come_with_their_sentence(void **state)
{
    struct rig *g = *state;
    struct control_reply r;
    int fd = client_of(g);
    struct control_request q = request_for(CONTROL_KILL);
    q.id = 99;
    ask(g, fd, &q);
    assert_int_equal(take(fd, &r), CONTROL_END);
    assert_int_equal(r.end.error, ERR_LIMIT);
    assert_string_equal(r.end.text, "no session 99");
    close(fd);
}

static void
operations_reach_the_host_checked(void **state)
{
    static const struct {
        uint32_t op;
        uint64_t id;
        const char *account, *block;
        bool is_called;
        uint32_t n;
    } cases[] = {
        {CONTROL_KILL, 1, "", "", true, 1},
        {CONTROL_KILL, 0, "alice", "", true, 3},
        {CONTROL_KILL, 0, "", "", false, 0}, /* nobody, not everybody */
        {CONTROL_KILL, 1, "alice", "", false, 0},
        {CONTROL_THROTTLE, 1, "", "", true, 1},
        {CONTROL_BAN_ADD, 0, "", "192.0.2.0/24", true, 1},
        {CONTROL_BAN_ADD, 0, "", "192.0.2.1/24", false, 0},
        {CONTROL_BAN_ADD, 0, "", "", false, 0},
        {CONTROL_BAN_DEL, 0, "", "::1", true, 2},
        {CONTROL_BAN_DEL, 0, "", "everybody", false, 0},
        {CONTROL_RELOAD, 0, "", "", true, 0},
        {CONTROL_REOPEN, 0, "", "", true, 0},
    };
    struct rig *g = *state;
    int fd = client_of(g);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct control_reply r;
        struct control_request q = request_for(cases[i].op);
        q.id = cases[i].id;
        snprintf(q.account, sizeof q.account, "%s", cases[i].account);
        snprintf(q.block, sizeof q.block, "%s", cases[i].block);
        g->n_calls = 0;
        ask(g, fd, &q);
        assert_int_equal(take(fd, &r), CONTROL_END);
        assert_int_equal(g->n_calls, cases[i].is_called);
        assert_int_equal(r.end.error == 0, cases[i].is_called);
        assert_int_equal(r.end.n, cases[i].n);
    }
    close(fd);
}

static void
requests_of_any_other_shape_close_the_connection(void **state)
{
    struct rig *g = *state;
    static uint8_t octets[2 * sizeof(struct control_request)];
    static const size_t sizes[] = {1, 4, sizeof(struct control_request) - 1,
                                   sizeof(struct control_request) + 1, sizeof octets};
    struct control_request good = request_for(CONTROL_RELOAD);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        int fd = client_of(g);
        memcpy(octets, &good, sizeof good);
        assert_int_equal(send(fd, octets, sizes[i], MSG_NOSIGNAL), sizes[i]);
        serve(g);
        assert_true(is_closed(fd));
        close(fd);
    }
    struct control_request bad[7];
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        bad[i] = good;
    bad[0].version = 2;
    bad[1].op = 0;
    bad[2].op = CONTROL_OPS;
    bad[3].op = UINT32_MAX;
    memset(bad[4].account, 'a', sizeof bad[4].account);
    memset(bad[5].block, '1', sizeof bad[5].block);
    memset(bad[6].reason, 'r', sizeof bad[6].reason);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        int fd = client_of(g);
        ask(g, fd, &bad[i]);
        assert_true(is_closed(fd));
        close(fd);
    }
    assert_int_equal(g->n_calls, 0);
}

static void
reader_that_sleeps_is_dropped_and_holds_nobody_up(void **state)
{
    struct rig *g = *state;
    struct control_reply r;
    int sleeper = client_of(g), other = client_of(g);
    struct control_request q = request_for(CONTROL_SESSIONS);
    g->n_sessions = MANY;
    ask(g, sleeper, &q);
    assert_int_equal(control_deadline(g->control), 1000 + CONTROL_STALL_MS);
    q = request_for(CONTROL_STATUS);
    ask(g, other, &q);
    assert_int_equal(take(other, &r), CONTROL_STATUS_RECORD);
    g->now_ms += CONTROL_STALL_MS;
    serve(g);
    assert_int_equal(control_deadline(g->control), UINT64_MAX);
    unsigned n = 0;
    while (take(sleeper, &r) == CONTROL_SESSION_RECORD)
        n++;
    assert_true(n > 0 && n < MANY); /* what was on its way, then the end of it */
    assert_true(is_closed(sleeper));
    close(sleeper);
    close(other);
}

static void
reader_that_is_slow_gets_everything_once(void **state)
{
    struct rig *g = *state;
    struct control_reply r;
    int fd = client_of(g);
    struct control_request q = request_for(CONTROL_SESSIONS);
    g->n_sessions = MANY;
    ask(g, fd, &q);
    for (uint64_t id = 1; id <= MANY; id++) {
        assert_int_equal(take(fd, &r), CONTROL_SESSION_RECORD);
        assert_int_equal(r.session.id, id);
        g->now_ms += 2000; /* no limit on the whole, as long as it reads */
        serve(g);
    }
    assert_int_equal(take(fd, &r), CONTROL_END);
    assert_int_equal(r.end.n, MANY);
    close(fd);
}

static void
client_that_leaves_in_the_middle_frees_its_place(void **state)
{
    struct rig *g = *state;
    struct control_request q = request_for(CONTROL_SESSIONS);
    g->n_sessions = MANY;
    for (int i = 0; i < 3 * CONTROL_CLIENTS_MAX; i++) {
        int fd = client_of(g);
        ask(g, fd, &q);
        assert_false(is_closed(fd));
        close(fd);
        serve(g);
    }
}

static void
ninth_client_is_turned_away(void **state)
{
    struct rig *g = *state;
    struct control_reply r;
    struct control_request q = request_for(CONTROL_STATUS);
    int fds[CONTROL_CLIENTS_MAX];
    for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
        fds[i] = client_of(g);
    int ninth = client_of(g);
    assert_true(is_closed(ninth));
    close(ninth);
    ask(g, fds[0], &q);
    assert_int_equal(take(fds[0], &r), CONTROL_STATUS_RECORD);
    close(fds[0]);
    serve(g);
    fds[0] = client_of(g);
    assert_false(is_closed(fds[0]));
    for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
        close(fds[i]);
}

static void
socket_is_private_and_removed(void **state)
{
    struct rig *g = *state;
    struct stat st;
    assert_int_equal(stat(g->path, &st), 0);
    assert_int_equal(st.st_mode, S_IFSOCK | 0600);
    control_free(g->control);
    g->control = NULL;
    assert_int_not_equal(stat(g->path, &st), 0);
}

static void
second_daemon_is_refused_unless_it_takes_over(void **state)
{
    struct rig *g = *state;
    struct control *second, *third;
    struct stat st;
    struct fault why = {0};
    assert_int_equal(control_open(g->path, CONTROL_FRESH, &g->host, &second, &why),
                     ERR_LIMIT);
    assert_null(second);
    why = (struct fault){0};
    assert_int_equal(control_open(g->path, CONTROL_TAKE_OVER, &g->host, &third, &why),
                     ERR_NONE);
    control_free(g->control); /* the old one ends: the file is not its own any more */
    g->control = third;
    assert_int_equal(stat(g->path, &st), 0);
    close(client_of(g));
}

static void
left_over_socket_is_replaced_and_a_file_is_not(void **state)
{
    struct rig *g = *state;
    struct fault why = {0};
    control_free(g->control);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", g->path);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd); /* as after kill -9 */
    assert_int_equal(control_open(g->path, CONTROL_FRESH, &g->host, &g->control, &why),
                     ERR_NONE);
    close(client_of(g));
    control_free(g->control);
    g->control = NULL;
    FILE *file = fopen(g->path, "w");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(
        control_open(g->path, CONTROL_TAKE_OVER, &g->host, &g->control, &why), ERR_IO);
    assert_non_null(strstr(why.text, "no socket"));
}

/* ---- what hosts share ---- */

static void
session_is_described_from_place_and_page(void **state)
{
    static struct admission a;
    static const struct admission_limits limits = {
        .connections = 4, .begin = 4, .full = 4};
    static union {
        struct board_page page;
        uint8_t room[BOARD_PAGE];
    } board;
    const struct admission_time then = {1000, 500}, later = {3000, 502};
    struct net_addr peer;
    struct control_session s;
    (void)state;
    struct rates *rates = rates_new();
    assert_non_null(rates);
    admission_init(&a, &limits);
    assert_int_equal(net_addr_parse("192.0.2.1:77", 0, &peer), ERR_NONE);
    struct admission_place *p = admission_enter(&a, &peer, &then);
    admission_started(&a, p->id, ADMISSION_PRE_AUTH, 42);
    board_set_file(&board.page, BYTES_LIT("/secret of the last one"), 1, 1);
    control_describe(p, 0, &board.page, rates, 1500, &s);
    assert_int_equal(s.pid, 42);
    assert_int_equal(s.age_ms, 500);
    assert_int_equal(s.path_len, 0); /* nobody is logged in: no page to look at */
    admission_authenticated(&a, p->id, "alice", "publickey", &later);
    admission_started(&a, p->id, ADMISSION_SESSION, 43);
    board_set_file(&board.page, BYTES_LIT("/up"), 2, 10);
    atomic_store(&board.page.throttle, 5);
    board.page.path_len = UINT32_MAX; /* hostile */
    control_describe(p, 0, &board.page, rates, 3700, &s);
    assert_int_equal(s.pid, 43);
    assert_int_equal(s.age_ms, 700);
    assert_int_equal(s.since_s, 502);
    assert_int_equal(s.throttle, 5);
    assert_int_equal(s.path_len, BOARD_PATH_MAX);
    assert_string_equal(s.account, "alice");
    assert_string_equal(s.host, "192.0.2.1");
    assert_int_equal(s.port, 77);
    rates_free(rates);
}

static void
bans_are_listed_before_penalties(void **state)
{
    static const struct server_penalties limits = {.is_enabled = true,
                                                   .crash = 90,
                                                   .noauth = 1,
                                                   .min = 15,
                                                   .max = 600,
                                                   .max_sources4 = 9,
                                                   .max_sources6 = 9};
    static const uint64_t seed[2] = {1, 2};
    static const char *const wanted[] = {"192.0.2.0/24", "192.0.2.7", "203.0.113.1",
                                         "2001:db8::/64"};
    struct penalties *p = penalties_new(seed);
    struct control_ban ban;
    struct address a;
    uint64_t cursor = 0;
    (void)state;
    assert_int_equal(penalties_configure(p, &limits, 32, 64, NULL), ERR_NONE);
    for (int i = 0; i < 2; i++) {
        struct ban b = {.since = 5, .until = i ? 100 : BAN_FOREVER, .reason = "why"};
        assert_true(block_parse(bytes_str(wanted[i]), &b.block));
        assert_int_equal(bans_add(penalties_bans(p), &b, 10), ERR_NONE);
    }
    assert_true(address_parse(BYTES_LIT("203.0.113.1"), &a));
    penalty_add(p, &a, PENALTY_CRASH, 1000);
    assert_true(address_parse(BYTES_LIT("2001:db8::9"), &a));
    penalty_add(p, &a, PENALTY_NOAUTH, 1000);
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        ban = (struct control_ban){0};
        assert_true(control_next_ban(p, 1500, 50, &cursor, &ban));
        assert_string_equal(ban.block, wanted[i]);
        assert_int_equal(ban.kind, i < 2 ? CONTROL_BAN_ADMIN : CONTROL_BAN_PENALTY);
        assert_int_equal(ban.is_refused, i < 3);
    }
    assert_int_equal(ban.until_s, 51);
    assert_false(control_next_ban(p, 1500, 50, &cursor, &ban));
    cursor = 0;
    assert_true(control_next_ban(p, 1500, 100, &cursor, &ban));
    assert_true(control_next_ban(p, 1500, 100, &cursor, &ban)); /* one ban has ended */
    assert_int_equal(ban.kind, CONTROL_BAN_PENALTY);
    penalties_free(p);
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(lists_come_record_by_record_and_end),
        WITH_RIG(failures_come_with_their_sentence),
        WITH_RIG(operations_reach_the_host_checked),
        WITH_RIG(requests_of_any_other_shape_close_the_connection),
        WITH_RIG(reader_that_sleeps_is_dropped_and_holds_nobody_up),
        WITH_RIG(reader_that_is_slow_gets_everything_once),
        WITH_RIG(client_that_leaves_in_the_middle_frees_its_place),
        WITH_RIG(ninth_client_is_turned_away),
        WITH_RIG(socket_is_private_and_removed),
        WITH_RIG(second_daemon_is_refused_unless_it_takes_over),
        WITH_RIG(left_over_socket_is_replaced_and_a_file_is_not),
        cmocka_unit_test(session_is_described_from_place_and_page),
        cmocka_unit_test(bans_are_listed_before_penalties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
