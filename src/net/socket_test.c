/* Addresses as text, listening and connecting on loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "net/clock.h"
#include "net/connect.h"

static void
parse_accepts_every_form(void **state)
{
    static const struct {
        const char *text, *shown;
    } cases[] = {
        {"127.0.0.1:22", "127.0.0.1:22"},
        {"10.1.2.3", "10.1.2.3:2022"},
        {":99", "127.0.0.1:99"},
        {"99", "127.0.0.1:99"},
        {"0", "127.0.0.1:0"},
        {"[::1]:65535", "[::1]:65535"},
        {"[::1]", "[::1]:2022"},
        {"2001:db8::5", "[2001:db8::5]:2022"},
        {"*:7", "[::]:7"},
        {"*", "[::]:2022"},
        {"[::ffff:192.0.2.1]:8", "192.0.2.1:8"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct net_addr a;
        char text[NET_ADDR_TEXT_MAX];
        assert_int_equal(net_addr_parse(cases[i].text, 2022, &a), ERR_NONE);
        net_addr_text(&a, text);
        assert_string_equal(text, cases[i].shown);
    }
}

static void
parse_refuses_names_and_bad_ports(void **state)
{
    static const char *const cases[] = {
        "example.org:22", "127.0.0.1:", "127.0.0.1:65536",
        "127.0.0.1:x",    "[::1",       "[::1]22",
        "65536",          "1.2.3:4",    "127.0.0.1:000022",
        "[1.2.3.4.5]",    "::1:zz",     "-1",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct net_addr a;
        assert_int_equal(net_addr_parse(cases[i], 2022, &a), ERR_PROTO);
    }
}

static void
listen_and_connect_meet_on_a_free_port(void **state)
{
    struct net_addr a, bound, peer, reached;
    struct fault why = {0};
    const struct connect_options options = {.timeout_ms = 5000};
    int listening, client, server;
    (void)state;
    assert_int_equal(net_addr_parse("127.0.0.1:0", 0, &a), ERR_NONE);
    assert_int_equal(socket_listen(&a, &listening, &bound, &why), ERR_NONE);
    assert_int_equal(socket_accept(listening, &server, &peer), ERR_LIMIT);
    uint16_t port = net_addr_port(&bound);
    assert_int_equal(socket_connect("localhost", port, &options, &client, &reached, &why),
                     ERR_NONE);
    struct pollfd p = {.fd = listening, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 5000), 1);
    assert_int_equal(socket_accept(listening, &server, &peer), ERR_NONE);
    assert_int_equal(write(client, "x", 1), 1);
    close(client);
    close(server);
    close(listening);
}

static void
both_families_may_be_listened_on_at_one_port(void **state)
{
    struct net_addr v6, v4, bound;
    struct fault why = {0};
    char text[32];
    int first, second;
    (void)state;
    assert_int_equal(net_addr_parse("[::]:0", 0, &v6), ERR_NONE);
    if (socket_listen_apart(&v6, &first, &bound, &why) != ERR_NONE)
        skip(); /* a kernel without IPv6 */
    snprintf(text, sizeof text, "0.0.0.0:%u", net_addr_port(&bound));
    assert_int_equal(net_addr_parse(text, 0, &v4), ERR_NONE);
    assert_int_equal(socket_listen_apart(&v4, &second, &bound, &why), ERR_NONE);
    close(first);
    close(second);
}

static void
connect_says_why_nobody_answers(void **state)
{
    struct net_addr a, bound, reached;
    struct fault why = {0};
    const struct connect_options options = {.timeout_ms = 5000};
    int listening, fd;
    (void)state;
    assert_int_equal(net_addr_parse("127.0.0.1:0", 0, &a), ERR_NONE);
    assert_int_equal(socket_listen(&a, &listening, &bound, &why), ERR_NONE);
    close(listening);
    assert_int_equal(
        socket_connect("127.0.0.1", net_addr_port(&bound), &options, &fd, &reached, &why),
        ERR_IO);
    assert_non_null(strstr(why.text, "Connection refused"));
    assert_int_equal(fd, -1);
}

/* 192.0.2.0/24 is for documentation: nothing answers, or the network says no. */
static void
connect_gives_up_in_time(void **state)
{
    struct net_addr reached;
    struct fault why = {0};
    const struct connect_options options = {.timeout_ms = 300};
    int fd;
    (void)state;
    uint64_t begin = clock_now_ms();
    assert_int_equal(socket_connect("192.0.2.1", 9, &options, &fd, &reached, &why),
                     ERR_IO);
    assert_in_range(clock_now_ms() - begin, 0, 5000);
}

static void
poll_timeout_is_clamped(void **state)
{
    (void)state;
    assert_int_equal(clock_poll_timeout(UINT64_MAX, 5), -1);
    assert_int_equal(clock_poll_timeout(5, 5), 0);
    assert_int_equal(clock_poll_timeout(4, 5), 0);
    assert_int_equal(clock_poll_timeout(105, 5), 100);
    assert_int_equal(clock_poll_timeout(UINT64_MAX - 1, 5), INT32_MAX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_accepts_every_form),
        cmocka_unit_test(parse_refuses_names_and_bad_ports),
        cmocka_unit_test(listen_and_connect_meet_on_a_free_port),
        cmocka_unit_test(both_families_may_be_listened_on_at_one_port),
        cmocka_unit_test(connect_says_why_nobody_answers),
        cmocka_unit_test(connect_gives_up_in_time),
        cmocka_unit_test(poll_timeout_is_clamped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
