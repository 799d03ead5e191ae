/* What a service manager hears: the datagrams, over a socket of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "daemon/notify.h"

static char folder[64], path[96];
static int manager = -1;

static void
listen_at(const char *name, size_t n)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    memcpy(at.sun_path, name, n);
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_true(manager >= 0);
    assert_int_equal(bind(manager, (const struct sockaddr *)&at,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)),
                     0);
}

static int
set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/ferry-notify-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/socket", folder);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    if (manager >= 0)
        close(manager);
    manager = -1;
    unlink(path);
    return rmdir(folder);
}

static struct notify
open_notify(const char *name)
{
    struct notify n;
    struct fault why = {0};
    if (notify_open(&n, name, &why) != ERR_NONE)
        fail_msg("%s", why.text);
    return n;
}

static const char *
heard(void)
{
    static char text[1024];
    ssize_t n = recv(manager, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = 0;
    return text;
}

static void
messages_have_the_managers_words(void **state)
{
    (void)state;
    listen_at(path, strlen(path) + 1);
    struct notify n = open_notify(path);
    notify_ready(&n, "12 sessions");
    assert_string_equal(heard(), "READY=1\nSTATUS=12 sessions\n");
    notify_ready(&n, NULL);
    assert_string_equal(heard(), "READY=1\n");
    notify_status(&n, "busy");
    assert_string_equal(heard(), "STATUS=busy\n");
    notify_stopping(&n, NULL);
    assert_string_equal(heard(), "STOPPING=1\n");
    notify_main_pid(&n, 4711);
    assert_string_equal(heard(), "MAINPID=4711\n");
    notify_extend(&n, 1500);
    assert_string_equal(heard(), "EXTEND_TIMEOUT_USEC=1500000\n");
    notify_watchdog(&n);
    assert_string_equal(heard(), "WATCHDOG=1\n");
    notify_close(&n);
}

static void
abstract_socket_is_reached(void **state)
{
    char name[64];
    (void)state;
    int len = snprintf(name, sizeof name, "@ferry-notify-test-%ld", (long)getpid());
    name[0] = 0;
    listen_at(name, (size_t)len);
    name[0] = '@';
    struct notify n = open_notify(name);
    notify_ready(&n, NULL);
    assert_string_equal(heard(), "READY=1\n");
    notify_close(&n);
}

static uint64_t
monotonic_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* An earlier time than that of its request makes the manager wait for ever. */
static void
reloading_carries_the_time_in_microseconds(void **state)
{
    static const char words[] = "RELOADING=1\nMONOTONIC_USEC=";
    (void)state;
    listen_at(path, strlen(path) + 1);
    struct notify n = open_notify(path);
    uint64_t before = monotonic_us();
    notify_reloading(&n);
    uint64_t after = monotonic_us();
    const char *text = heard();
    assert_int_equal(strncmp(text, words, sizeof words - 1), 0);
    uint64_t said = strtoull(text + sizeof words - 1, NULL, 10);
    assert_true(said >= before && said <= after);
    notify_close(&n);
}

static void
status_cannot_say_more_than_a_line(void **state)
{
    char long_status[600], wanted[256];
    (void)state;
    listen_at(path, strlen(path) + 1);
    struct notify n = open_notify(path);
    notify_status(&n, "one\nREADY=1");
    assert_string_equal(heard(), "STATUS=one\n");
    memset(long_status, 'x', sizeof long_status - 1);
    long_status[sizeof long_status - 1] = 0;
    notify_status(&n, long_status);
    snprintf(wanted, sizeof wanted, "STATUS=%.200s\n", long_status);
    assert_string_equal(heard(), wanted);
    notify_close(&n);
}

static void
without_a_manager_nothing_is_said(void **state)
{
    (void)state;
    struct notify n = open_notify(NULL);
    assert_int_equal(n.fd, -1);
    notify_ready(&n, "unheard");
    notify_close(&n);
    n = open_notify("");
    assert_int_equal(n.fd, -1);
}

/* A full queue, and a manager that is gone: neither is waited for. */
static void
manager_that_does_not_read_is_not_waited_for(void **state)
{
    (void)state;
    listen_at(path, strlen(path) + 1);
    struct notify n = open_notify(path);
    alarm(10);
    for (int i = 0; i < 10000; i++)
        notify_watchdog(&n);
    close(manager);
    manager = -1;
    notify_watchdog(&n);
    alarm(0);
    notify_close(&n);
}

static void
names_out_of_reach_are_refused(void **state)
{
    static const char too_long[] =
        "/0123456789012345678901234567890123456789012345678901234567890123456789012345678"
        "9012345678901234567890123456789";
    static const char *const names[] = {
        "relative/socket", "vsock:2:1234", "@", "/", too_long,
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct notify n;
        struct fault why = {0};
        assert_int_equal(notify_open(&n, names[i], &why), ERR_PROTO);
        assert_int_equal(n.fd, -1);
    }
}

static void
watchdog_is_due_at_half_its_time(void **state)
{
    static const struct {
        const char *usec, *pid;
        uint64_t ms;
    } cases[] = {
        {"30000000", NULL, 15000},
        {"30000000", "77", 15000},
        {"30000000", "78", 0},
        {"30000000", "x", 0},
        {"", "77", 0},
        {"-1", "77", 0},
        {NULL, NULL, 0},
        {NULL, "77", 0},
        {"0", NULL, 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(notify_watchdog_ms(cases[i].usec, cases[i].pid, 77),
                         cases[i].ms);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(messages_have_the_managers_words, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(abstract_socket_is_reached, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reloading_carries_the_time_in_microseconds,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(status_cannot_say_more_than_a_line, set_up,
                                        tear_down),
        cmocka_unit_test(without_a_manager_nothing_is_said),
        cmocka_unit_test_setup_teardown(manager_that_does_not_read_is_not_waited_for,
                                        set_up, tear_down),
        cmocka_unit_test(names_out_of_reach_are_refused),
        cmocka_unit_test(watchdog_is_due_at_half_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
