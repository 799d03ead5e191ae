/* The figures for Prometheus: every figure once, with the right type. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "admin/metrics_text.h"

static char text[METRICS_MAX];

static void
make(const struct control_status *s)
{
    struct buf out;
    buf_init(&out, METRICS_MAX - 1);
    metrics_put(&out, s);
    snprintf(text, sizeof text, "%s", buf_cstr(&out));
    buf_clear(&out);
}

/* Exactly one line is this one. */
static void
check_line(const char *line)
{
    char wanted[200];
    snprintf(wanted, sizeof wanted, "\n%s\n", line);
    const char *at = strstr(text, wanted);
    if (!at)
        print_error("missing: %s\n", line);
    assert_non_null(at);
    assert_null(strstr(at + 1, wanted));
}

static void
figures_are_the_status(void **state)
{
    const struct control_status s = {
        .version = "0.1.0",
        .generation = 3,
        .n_connections = 12,
        .n_authenticated = 10,
        .max_connections = 512,
        .n_bans = 2,
        .octets_in = UINT64_MAX,
        .octets_out = 5,
        .counts = {.accepted = 100,
                   .logins_ok = 90,
                   .logins_failed = 7,
                   .refused_ban = 1,
                   .refused_penalty = 2,
                   .refused_source = 3,
                   .refused_startup = 4,
                   .refused_full = 5,
                   .penalties = {[PENALTY_GRACE] = 8},
                   .crashes = 1},
    };
    static const char *const lines[] = {
        "ferry_build_info{version=\"0.1.0\"} 1",
        "ferry_config_generation 3",
        "ferry_connections 12",
        "ferry_connections_authenticated 10",
        "ferry_connections_limit 512",
        "ferry_connections_accepted_total 100",
        "ferry_connections_refused_total{reason=\"ban\"} 1",
        "ferry_connections_refused_total{reason=\"penalty\"} 2",
        "ferry_connections_refused_total{reason=\"source\"} 3",
        "ferry_connections_refused_total{reason=\"startups\"} 4",
        "ferry_connections_refused_total{reason=\"full\"} 5",
        "ferry_logins_total{result=\"ok\"} 90",
        "ferry_logins_total{result=\"failed\"} 7",
        "ferry_misdeeds_total{kind=\"crash\"} 0",
        "ferry_misdeeds_total{kind=\"grace\"} 8",
        "ferry_bans 2",
        "ferry_file_bytes_total{direction=\"in\"} 18446744073709551615",
        "ferry_file_bytes_total{direction=\"out\"} 5",
        "ferry_process_crashes_total 1",
        "# TYPE ferry_logins_total counter",
        "# TYPE ferry_connections gauge",
    };
    (void)state;
    make(&s);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        check_line(lines[i]);
}

static void
version_cannot_leave_its_label(void **state)
{
    const struct control_status s = {.version = "1\"} 2\n\\\x7f"};
    (void)state;
    make(&s);
    check_line("ferry_build_info{version=\"1\\\"} 2?\\\\?\"} 1");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_the_status),
        cmocka_unit_test(version_cannot_leave_its_label),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
