/* Sockets handed over: good ones are taken, everything else is named and refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#include "daemon/activation.h"

enum { SELF = 4711 };

/* Put fd where a manager would; whatever the test runner has there stays closed. */
static void
hand_over(int fd, int index)
{
    int place = ACTIVATION_FIRST_FD + index;
    assert_true(fd >= 0);
    if (fd == place)
        return;
    assert_int_equal(dup2(fd, place), place);
    close(fd);
}

static int
listening(const char *text)
{
    struct net_addr a, bound;
    struct fault why = {0};
    int fd;
    assert_int_equal(net_addr_parse(text, 0, &a), ERR_NONE);
    assert_int_equal(socket_listen(&a, &fd, &bound, &why), ERR_NONE);
    assert_int_equal(fcntl(fd, F_SETFD, 0), 0);
    assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
    return fd;
}

static int
close_handed(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++)
        close(ACTIVATION_FIRST_FD + i);
    return 0;
}

static enum err
take(const char *pid, const char *fds, const char *names, struct activated *taken,
     size_t *n, struct fault *why)
{
    const struct activation_words words = {pid, fds, names};
    *why = (struct fault){0};
    return activation_take(&words, SELF, taken, n, why);
}

static void
listening_sockets_are_taken_in_order(void **state)
{
    struct activated taken[ACTIVATION_MAX];
    struct fault why;
    size_t n;
    (void)state;
    hand_over(listening("127.0.0.1:0"), 0);
    hand_over(listening("[::1]:0"), 1);
    if (take("4711", "2", "ssh:v\n6", taken, &n, &why) != ERR_NONE)
        fail_msg("%s", why.text);
    assert_int_equal(n, 2);
    assert_int_equal(taken[0].fd, 3);
    assert_int_equal(taken[1].fd, 4);
    assert_string_equal(taken[0].name, "ssh");
    assert_string_equal(taken[1].name, "v6");
    assert_int_equal(taken[0].bound.ss.ss_family, AF_INET);
    assert_int_equal(taken[1].bound.ss.ss_family, AF_INET6);
    assert_true(net_addr_port(&taken[0].bound) != 0);
    for (int fd = 3; fd <= 4; fd++) {
        assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
        assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    }
}

static void
nothing_handed_over_is_no_fault(void **state)
{
    static const struct {
        const char *pid, *fds;
    } cases[] = {{NULL, NULL}, {NULL, "1"}, {"4711", NULL}, {"4712", "1"}, {"4711", "0"}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct activated taken[ACTIVATION_MAX];
        struct fault why;
        size_t n = 9;
        assert_int_equal(take(cases[i].pid, cases[i].fds, NULL, taken, &n, &why),
                         ERR_NONE);
        assert_int_equal(n, 0);
    }
}

static void
malformed_words_are_refused(void **state)
{
    static const struct {
        const char *pid, *fds;
        enum err err;
    } cases[] = {
        {"", "1", ERR_PROTO},      {"4711", "", ERR_PROTO},
        {"4711x", "1", ERR_PROTO}, {"4711", "-1", ERR_PROTO},
        {"4711", "+1", ERR_PROTO}, {"4711", "99999999999999999999", ERR_PROTO},
        {"4711", "65", ERR_LIMIT}, {"4711", "4294967297", ERR_LIMIT},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct activated taken[ACTIVATION_MAX];
        struct fault why;
        size_t n;
        assert_int_equal(take(cases[i].pid, cases[i].fds, NULL, taken, &n, &why),
                         cases[i].err);
    }
}

static int
file(void)
{
    return open("/dev/null", O_RDWR);
}

static int
udp(void)
{
    return socket(AF_INET, SOCK_DGRAM, 0);
}

static int
local(void)
{
    return socket(AF_UNIX, SOCK_STREAM, 0);
}

static int
not_listening(void)
{
    return socket(AF_INET, SOCK_STREAM, 0);
}

static void
what_does_not_listen_on_tcp_is_named_and_refused(void **state)
{
    static const struct {
        int (*make)(void);
        const char *words;
    } cases[] = {
        {file, "descriptor 4 (odd), handed over, is not a socket"},
        {udp, "descriptor 4 (odd), handed over, is not a TCP socket"},
        {local, "descriptor 4 (odd), handed over, is not a TCP socket"},
        {not_listening, "descriptor 4 (odd), handed over, does not listen"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct activated taken[ACTIVATION_MAX];
        struct fault why;
        size_t n;
        hand_over(listening("127.0.0.1:0"), 0);
        hand_over(cases[i].make(), 1);
        assert_int_equal(take("4711", "2", "good:odd", taken, &n, &why), ERR_PROTO);
        assert_string_equal(why.text, cases[i].words);
        assert_int_equal(n, 0);
    }
}

static void
descriptor_that_is_not_open_is_refused(void **state)
{
    struct activated taken[ACTIVATION_MAX];
    struct fault why;
    size_t n;
    (void)state;
    close_handed(NULL);
    assert_int_equal(take("4711", "1", NULL, taken, &n, &why), ERR_PROTO);
    assert_string_equal(why.text, "descriptor 3 (unnamed), handed over, is not a socket");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(listening_sockets_are_taken_in_order, close_handed),
        cmocka_unit_test(nothing_handed_over_is_no_fault),
        cmocka_unit_test(malformed_words_are_refused),
        cmocka_unit_test_teardown(what_does_not_listen_on_tcp_is_named_and_refused,
                                  close_handed),
        cmocka_unit_test(descriptor_that_is_not_open_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
