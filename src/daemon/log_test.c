/*
 * The log's forms, where it goes, and what of it strangers can cause (threats
 * G1, F6).
 */
#include "base/base_test.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/json.h"
#include "daemon/log.h"
#include "daemon/log_format.h"
#include "daemon/log_limit.h"
#include "daemon/log_target.h"

static char dir[64];

static int
set_up(void **state)
{
    (void)state;
    setenv("TZ", "UTC", 1);
    tzset();
    strcpy(dir, "/tmp/ferry-log-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int
tear_down(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static const char *
path_of(const char *name)
{
    static char path[108];
    snprintf(path, sizeof path, "%.60s/%.20s", dir, name);
    return path;
}

static struct log_entry
entry_of(const char *text)
{
    return (struct log_entry){.time = {1795382101, 123000000},
                              .level = LOG_LEVEL_WARN,
                              .pid = 4711,
                              .host = "host",
                              .text = text};
}

/* ---- forms ---- */

static void
line_has_the_style_that_is_asked_for(void **state)
{
    (void)state;
    static const struct {
        enum server_log_style style;
        const char *line;
    } rows[] = {
        {SERVER_LOG_TEXT, "2026-11-22T21:15:01.123Z ferryd[4711]: warning: a \"b\"\n"},
        {SERVER_LOG_JSON,
         "{\"v\":1,\"t\":\"log\",\"time\":\"2026-11-22T21:15:01.123Z\",\"level\":"
         "\"warning\",\"pid\":4711,\"text\":\"a \\\"b\\\"\"}\n"},
        {SERVER_LOG_OPENSSH, "Nov 22 21:15:01 host sshd[4711]: warning: a \"b\"\n"},
    };
    const struct log_entry entry = entry_of("a \"b\"");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf line;
        buf_init(&line, LOG_LINE_OCTETS);
        log_put_line(&line, rows[i].style, &entry);
        assert_string_equal(buf_cstr(&line), rows[i].line);
        buf_clear(&line);
    }
}

static void
datagrams_are_those_of_syslog_and_the_journal(void **state)
{
    (void)state;
    const struct log_entry entry = entry_of("a b");
    struct buf out;
    buf_init(&out, LOG_LINE_OCTETS);
    log_put_syslog(&out, SERVER_LOG_OPENSSH, log_facility("AUTH"), &entry);
    assert_string_equal(buf_cstr(&out), "<36>Nov 22 21:15:01 sshd[4711]: warning: a b");
    buf_reset(&out);
    log_put_syslog(&out, SERVER_LOG_JSON, log_facility("local7"), &entry);
    assert_string_equal(
        buf_cstr(&out),
        "<188>Nov 22 21:15:01 ferryd[4711]: "
        "{\"v\":1,\"t\":\"log\",\"time\":\"2026-11-22T21:"
        "15:01.123Z\",\"level\":\"warning\",\"pid\":4711,\"text\":\"a b\"}");
    buf_reset(&out);
    log_put_journal(&out, SERVER_LOG_TEXT, log_facility("DAEMON"), &entry);
    assert_string_equal(buf_cstr(&out),
                        "PRIORITY=4\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=ferryd\n"
                        "SYSLOG_PID=4711\nMESSAGE=warning: a b\n");
    buf_clear(&out);
    assert_int_equal(log_facility(NULL), log_facility("AUTH"));
    assert_int_equal(log_facility("KERN"), -1);
}

/* ---- limits ---- */

static struct log_limit *
new_limit(void)
{
    struct log_limit *l;
    assert_int_equal(log_limit_new(&l), ERR_NONE);
    return l;
}

static void
flood_of_one_source_is_told_in_a_number(void **state)
{
    (void)state;
    struct log_limit *l = new_limit();
    struct log_limit_report report;
    unsigned n = 0;
    for (int i = 0; i < 500; i++)
        n += log_limit_allows(l, "192.0.2.7", 1000);
    assert_int_equal(n, LOG_LIMIT_BURST);
    assert_true(log_limit_allows(l, "192.0.2.8", 1000)); /* others go on */
    assert_false(log_limit_next(l, 1000, &report));
    assert_int_equal(log_limit_deadline(l), 1000 + LOG_LIMIT_REPORT_MS);
    assert_true(log_limit_next(l, 1000 + LOG_LIMIT_REPORT_MS, &report));
    assert_string_equal(report.source, "192.0.2.7");
    assert_int_equal(report.n, 500 - LOG_LIMIT_BURST);
    assert_false(log_limit_next(l, 1000 + LOG_LIMIT_REPORT_MS, &report));
    assert_int_equal(log_limit_deadline(l), UINT64_MAX);
    assert_true(log_limit_allows(l, "192.0.2.7", 1000 + LOG_LIMIT_REFILL_MS));
    log_limit_free(l);
}

static void
addresses_of_one_v6_network_are_one_source(void **state)
{
    (void)state;
    struct log_limit *l = new_limit();
    unsigned n = 0;
    for (unsigned i = 0; i < 500; i++) {
        char address[64];
        snprintf(address, sizeof address, "2001:db8:0:7::%x", i + 1);
        n += log_limit_allows(l, address, 1000);
    }
    assert_int_equal(n, LOG_LIMIT_BURST);
    log_limit_free(l);
}

static void
flood_of_many_sources_is_bounded_and_told(void **state)
{
    (void)state;
    struct log_limit *l = new_limit();
    struct log_limit_report report;
    unsigned n = 0, n_told = 0, n_reports = 0;
    for (unsigned i = 0; i < 50000; i++) {
        char address[64];
        snprintf(address, sizeof address, "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
        n += log_limit_allows(l, address, 1000);
    }
    assert_int_equal(n, LOG_LIMIT_ALL_BURST);
    while (log_limit_next(l, 1000 + LOG_LIMIT_REPORT_MS, &report)) {
        n_told += report.n;
        n_reports++;
    }
    assert_int_equal(n + n_told, 50000);
    assert_in_range(n_reports, 1, LOG_LIMIT_SOURCES + 1);
    log_limit_free(l);
}

static void
texts_that_are_no_address_share_a_bucket(void **state)
{
    (void)state;
    struct log_limit *l = new_limit();
    unsigned n = 0;
    for (unsigned i = 0; i < 500; i++) {
        char text[64];
        snprintf(text, sizeof text, "made up %u", i);
        n += log_limit_allows(l, text, 1000);
    }
    assert_int_equal(n, LOG_LIMIT_BURST);
    log_limit_free(l);
}

/* ---- targets ---- */

static size_t
read_all(const char *path, char *text, size_t max)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, max - 1) : 0;
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = 0;
    return n > 0 ? (size_t)n : 0;
}

static void
file_is_reopened_by_name(void **state)
{
    (void)state;
    struct log_target t;
    struct fault why = {0};
    char text[512], path[108];
    snprintf(path, sizeof path, "%s", path_of("log"));
    const struct log_entry entry = entry_of("one");
    assert_int_equal(log_target_open(&t, SERVER_LOG_TEXT, path, NULL, &why), ERR_NONE);
    log_target_write(&t, &entry);
    assert_int_equal(rename(path, path_of("log.1")), 0);
    assert_int_equal(log_target_reopen(&t, &why), ERR_NONE);
    log_target_write(&t, &entry);
    log_target_close(&t);
    assert_int_not_equal(read_all(path, text, sizeof text), 0);
    assert_int_not_equal(read_all(path_of("log.1"), text, sizeof text), 0);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void
words_that_name_no_target_are_refused(void **state)
{
    (void)state;
    struct log_target t;
    static const struct {
        const char *target, *facility;
        enum err err;
    } rows[] = {
        {"relative/path", NULL, ERR_PROTO},
        {"stderr", "NOWHERE", ERR_PROTO},
        {"/nonexistent/ferry/log", NULL, ERR_IO},
        {"/tmp", NULL, ERR_IO},
        {"stderr", "LOCAL3", ERR_NONE},
        {NULL, NULL, ERR_NONE},
        {"syslog", NULL, ERR_NONE},
        {"journal", NULL, ERR_NONE},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fault why = {0};
        assert_int_equal(
            log_target_open(&t, SERVER_LOG_TEXT, rows[i].target, rows[i].facility, &why),
            rows[i].err);
        assert_int_equal(why.text[0] != 0, rows[i].err != ERR_NONE);
        log_target_close(&t);
    }
}

static int
listen_at(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    unlink(path);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

static void
assert_got(int fd, const char *text)
{
    char got[512];
    ssize_t n = read(fd, got, sizeof got - 1);
    assert_true(n > 0);
    got[n] = 0;
    assert_string_equal(got, text);
}

/* Syslog is restarted, and then does not read for a while. */
static void
syslog_that_comes_back_gets_the_next_line_and_a_count(void **state)
{
    (void)state;
    struct log_target t;
    struct fault why = {0};
    char path[108], got[512];
    snprintf(path, sizeof path, "%s", path_of("socket"));
    const struct log_entry entry = entry_of("one");
    assert_int_equal(log_target_open(&t, SERVER_LOG_TEXT, "syslog", "AUTH", &why),
                     ERR_NONE);
    t.address = path;
    int fd = listen_at(path);
    log_target_write(&t, &entry);
    assert_got(fd, "<36>Nov 22 21:15:01 ferryd[4711]: warning: one");
    close(fd);
    fd = listen_at(path);
    log_target_write(&t, &entry); /* finds the old one closed: to standard error */
    log_target_write(&t, &entry);
    assert_got(fd, "<36>Nov 22 21:15:01 ferryd[4711]: warning: one");
    for (int i = 0; i < 100000 && t.n_lost == 0; i++)
        log_target_write(&t, &entry); /* until its queue is full: never waits */
    assert_int_not_equal(t.n_lost, 0);
    while (read(fd, got, sizeof got) > 0)
        ;
    log_target_write(&t, &entry);
    assert_got(fd,
               "<36>Nov 22 21:15:01 ferryd[4711]: warning: 1 lines of the log were lost");
    close(fd);
    log_target_close(&t);
}

/* ---- what processes say ---- */

static void
line_to_the_recorder_carries_whom_it_is_about(void **state)
{
    (void)state;
    struct daemon_log log;
    struct log_message head;
    int pair[2];
    char room[sizeof head + LOG_TEXT_MAX];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
    daemon_log_init(&log, LOG_LEVEL_INFO, NULL);
    daemon_log_to_recorder(&log, pair[0]);
    daemon_log_set_source(&log, "192.0.2.7");
    log_line(&log.sink, LOG_LEVEL_WARN, "about %d", 7);
    log_line(&log.sink, LOG_LEVEL_DEBUG, "left out");
    daemon_log_about(&log, LOG_LEVEL_INFO, "", 4711, "another");
    assert_int_equal(read(pair[1], room, sizeof room), sizeof head + strlen("about 7"));
    memcpy(&head, room, sizeof head);
    assert_int_equal(head.level, LOG_LEVEL_WARN);
    assert_int_equal(head.pid, getpid());
    assert_string_equal(head.source, "192.0.2.7");
    assert_memory_equal(room + sizeof head, "about 7", 7);
    assert_int_equal(read(pair[1], room, sizeof room), sizeof head + strlen("another"));
    memcpy(&head, room, sizeof head);
    assert_int_equal(head.pid, 4711);
    assert_string_equal(head.source, "");
    close(pair[0]);
    close(pair[1]);
}

static void
recorder_that_sleeps_makes_nobody_wait(void **state)
{
    (void)state;
    struct daemon_log log;
    struct log_message head;
    int pair[2];
    char room[sizeof head + LOG_TEXT_MAX];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
    daemon_log_init(&log, LOG_LEVEL_INFO, NULL);
    daemon_log_to_recorder(&log, pair[0]);
    for (int i = 0; i < 10000; i++)
        log_line(&log.sink, LOG_LEVEL_INFO, "line");
    unsigned n_lost = log.n_lost;
    assert_in_range(n_lost, 1, 9999);
    while (read(pair[1], room, sizeof room) > 0)
        ;
    log_line(&log.sink, LOG_LEVEL_INFO, "awake");
    assert_true(read(pair[1], room, sizeof room) > 0);
    memcpy(&head, room, sizeof head);
    assert_int_equal(head.n_lost, n_lost);
    assert_int_equal(log.n_lost, 0);
    close(pair[0]);
    close(pair[1]);
}

#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(line_has_the_style_that_is_asked_for),
        IN_DIR(datagrams_are_those_of_syslog_and_the_journal),
        IN_DIR(flood_of_one_source_is_told_in_a_number),
        IN_DIR(addresses_of_one_v6_network_are_one_source),
        IN_DIR(flood_of_many_sources_is_bounded_and_told),
        IN_DIR(texts_that_are_no_address_share_a_bucket),
        IN_DIR(file_is_reopened_by_name),
        IN_DIR(words_that_name_no_target_are_refused),
        IN_DIR(syslog_that_comes_back_gets_the_next_line_and_a_count),
        IN_DIR(line_to_the_recorder_carries_whom_it_is_about),
        IN_DIR(recorder_that_sleeps_makes_nobody_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
