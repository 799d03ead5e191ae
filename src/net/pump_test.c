/* The pump against an engine of a few lines, over a socket pair. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/clock.h"
#include "net/pump.h"

/* Stands in for ssh/conn.c: the same calls, no protocol. */
struct conn {
    uint8_t rx[4096];
    size_t rx_len, rx_room; /* octets held; how many may be held */
    uint8_t *tx;
    size_t tx_len, tx_sent;
    uint64_t deadline;
    bool is_ended;
    int sys_errno;
};

uint8_t *
conn_rx_space(struct conn *c, size_t *n)
{
    *n = c->rx_room - c->rx_len;
    return *n ? c->rx + c->rx_len : NULL;
}

void
conn_rx_added(struct conn *c, size_t n)
{
    assert_in_range(n, 1, c->rx_room - c->rx_len);
    c->rx_len += n;
}

void
conn_rx_end(struct conn *c, int sys_errno)
{
    assert_false(c->is_ended); /* told once */
    c->is_ended = true;
    c->sys_errno = sys_errno;
}

int
conn_tx_iov(struct conn *c, struct iovec *iov, int max)
{
    assert_in_range(max, 1, 1024);
    if (c->tx_sent == c->tx_len)
        return 0;
    *iov = (struct iovec){c->tx + c->tx_sent, c->tx_len - c->tx_sent};
    return 1;
}

void
conn_tx_sent(struct conn *c, size_t n)
{
    assert_in_range(n, 0, c->tx_len - c->tx_sent);
    c->tx_sent += n;
}

void
conn_tick(struct conn *c, uint64_t now_ms)
{
    (void)c, (void)now_ms;
}

uint64_t
conn_deadline(const struct conn *c)
{
    return c->deadline;
}

struct bench {
    struct conn conn;
    struct pump pump;
    int peer;
};

static struct bench *
bench_of(void **state)
{
    return *state;
}

static int
set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    int fds[2];
    if (!b || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) != 0)
        return -1;
    signal(SIGPIPE, SIG_IGN);
    b->conn.rx_room = sizeof b->conn.rx;
    b->conn.deadline = UINT64_MAX;
    b->peer = fds[1];
    pump_init(&b->pump, &b->conn, fds[0]);
    *state = b;
    return 0;
}

static int
tear_down(void **state)
{
    struct bench *b = bench_of(state);
    close(b->pump.fd);
    if (b->peer >= 0)
        close(b->peer);
    free(b->conn.tx);
    free(b);
    return 0;
}

static void
wait_within(struct bench *b, uint64_t ms)
{
    struct pollfd fds[1];
    assert_int_equal(pump_wait(&b->pump, fds, 1, clock_now_ms() + ms), ERR_NONE);
}

static void
wait_reads_what_came(void **state)
{
    struct bench *b = bench_of(state);
    assert_int_equal(write(b->peer, "hello", 5), 5);
    wait_within(b, 1000);
    assert_int_equal(b->conn.rx_len, 5);
    assert_memory_equal(b->conn.rx, "hello", 5);
    assert_false(pump_is_ready(&b->pump));
}

static void
wait_ends_at_the_engines_deadline(void **state)
{
    struct bench *b = bench_of(state);
    uint64_t begin = clock_now_ms();
    b->conn.deadline = begin + 30;
    wait_within(b, 5000);
    assert_in_range(clock_now_ms() - begin, 29, 2000);
}

static void
full_engine_is_not_read_into(void **state)
{
    struct bench *b = bench_of(state);
    b->conn.rx_room = 3;
    assert_int_equal(write(b->peer, "hello", 5), 5);
    wait_within(b, 1000);
    assert_int_equal(b->conn.rx_len, 3);
    assert_int_equal(pump_wanted(&b->pump), 0);
    wait_within(b, 20); /* must not spin into conn_rx_added */
    b->conn.rx_room = 10;
    assert_int_equal(pump_wanted(&b->pump), POLLIN);
    wait_within(b, 1000);
    assert_memory_equal(b->conn.rx, "hello", 5);
}

static void
flush_stops_at_a_full_socket_and_goes_on(void **state)
{
    enum { SIZE = 4 << 20 };
    struct bench *b = bench_of(state);
    static uint8_t sink[SIZE];
    b->conn.tx = calloc(1, SIZE);
    b->conn.tx_len = SIZE;
    pump_flush(&b->pump);
    assert_in_range(b->conn.tx_sent, 1, SIZE - 1);
    assert_true(pump_wanted(&b->pump) & POLLOUT);
    for (int i = 0; i < 100000 && b->conn.tx_sent < SIZE; i++) {
        (void)!read(b->peer, sink, sizeof sink);
        wait_within(b, 1000);
        pump_flush(&b->pump);
    }
    assert_int_equal(b->conn.tx_sent, SIZE);
}

static void
end_of_file_is_told_once(void **state)
{
    struct bench *b = bench_of(state);
    assert_int_equal(write(b->peer, "last", 4), 4);
    close(b->peer);
    b->peer = -1;
    for (int i = 0; i < 5; i++)
        wait_within(b, 20);
    assert_int_equal(b->conn.rx_len, 4);
    assert_true(b->conn.is_ended);
    assert_int_equal(b->conn.sys_errno, 0);
}

static void
hang_up_ends_an_engine_without_room(void **state)
{
    struct bench *b = bench_of(state);
    b->conn.rx_room = 2;
    assert_int_equal(write(b->peer, "more", 4), 4);
    wait_within(b, 1000);
    close(b->peer);
    b->peer = -1;
    wait_within(b, 1000);
    assert_true(b->conn.is_ended);
    assert_int_equal(b->conn.sys_errno, ECONNRESET);
}

static void
broken_pipe_drops_the_output(void **state)
{
    struct bench *b = bench_of(state);
    b->conn.tx = calloc(1, 1000);
    b->conn.tx_len = 1000;
    close(b->peer);
    b->peer = -1;
    pump_flush(&b->pump);
    assert_int_equal(b->conn.tx_sent, 1000);
    wait_within(b, 100);
    assert_true(b->conn.is_ended);
}

static void
other_descriptors_are_polled_along(void **state)
{
    struct bench *b = bench_of(state);
    int pipe_fds[2];
    assert_int_equal(pipe(pipe_fds), 0);
    assert_int_equal(write(pipe_fds[1], "x", 1), 1);
    struct pollfd fds[2] = {[1] = {.fd = pipe_fds[0], .events = POLLIN}};
    assert_int_equal(pump_wait(&b->pump, fds, 2, UINT64_MAX), ERR_NONE);
    assert_true(fds[1].revents & POLLIN);
    assert_int_equal(b->conn.rx_len, 0);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(wait_reads_what_came, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wait_ends_at_the_engines_deadline, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(full_engine_is_not_read_into, set_up, tear_down),
        cmocka_unit_test_setup_teardown(flush_stops_at_a_full_socket_and_goes_on, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(end_of_file_is_told_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hang_up_ends_an_engine_without_room, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(broken_pipe_drops_the_output, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_descriptors_are_polled_along, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
