/*
 * The recorder as a process: what it has receipted is written, whatever is
 * killed when (threats D1, G1, S2). Each test has a directory of its own.
 */
#include "base/base_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "crypto/rand.h"
#include "daemon/audit.h"
#include "daemon/events.h"
#include "daemon/link.h"
#include "daemon/log_limit.h"
#include "daemon/recorder.h"
#include "daemon/recorder_client.h"
#include "net/clock.h"

enum { PATIENCE_MS = 20 * 1000 };

struct bench {
    char dir[64], audit[96], log[96], script[96], ran[96], share[96];
    char *words[1];
    struct server_options options;
    struct recorder_config config;
    int control, logs[RECORDER_LOGS], monitor; /* our ends */
    pid_t pid;
    struct recorder_client *client;
    bool is_stored[1024]; /* by token */
    enum recorder_result result[1024];
};

static void
write_file(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0700);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static char *
read_file(const char *path)
{
    static char text[4 << 20];
    int fd = open(path, O_RDONLY);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = 0;
    return text;
}

static void
configure(struct bench *b)
{
    b->options.log_style = SERVER_LOG_TEXT;
    b->options.log_target = b->log;
    b->options.audit_log = b->audit;
    b->words[0] = b->script;
    b->options.events[SERVER_EVENT_UPLOAD].item = b->words;
    b->options.events[SERVER_EVENT_UPLOAD].n = 1;
    b->options.event_user = (char *)(uintptr_t)(geteuid() == 0 ? "root" : NULL);
    b->options.event_timeout_s = 10;
    b->config = (struct recorder_config){
        .options = &b->options, .state_dir = b->dir, .level = LOG_LEVEL_INFO};
}

/* A new process with the same ends, but for its control. */
static void
start_recorder(struct bench *b)
{
    int pair[2];
    assert_int_equal(link_pair(pair), ERR_NONE);
    b->config.control = pair[1];
    b->control = pair[0];
    b->pid = fork();
    assert_true(b->pid >= 0);
    if (b->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        alarm(120);
        _exit(recorder_run(&b->config));
    }
    close(pair[1]);
}

static void
kill_recorder(struct bench *b)
{
    kill(b->pid, SIGKILL);
    assert_int_equal(waitpid(b->pid, NULL, 0), b->pid);
    close(b->control);
}

static int
set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    int pair[2];
    assert_non_null(b);
    assert_int_equal(crypto_init(), ERR_NONE);
    snprintf(b->dir, sizeof b->dir, "/tmp/ferry-recorder-XXXXXX");
    assert_non_null(mkdtemp(b->dir));
    snprintf(b->audit, sizeof b->audit, "%s/audit.log", b->dir);
    snprintf(b->log, sizeof b->log, "%s/log", b->dir);
    snprintf(b->script, sizeof b->script, "%s/program", b->dir);
    snprintf(b->ran, sizeof b->ran, "%s/ran", b->dir);
    snprintf(b->share, sizeof b->share, "%s/share", b->dir);
    assert_int_equal(mkdir(b->share, 0700), 0);
    char script[256];
    snprintf(script, sizeof script, "#!/bin/sh\ncat >>%s\n", b->ran);
    write_file(b->script, script, 0700);
    configure(b);
    for (int i = 0; i < RECORDER_LOGS; i++) {
        assert_int_equal(link_pair(pair), ERR_NONE);
        b->config.logs[i] = pair[1];
        b->logs[i] = pair[0];
    }
    assert_int_equal(link_pair(pair), ERR_NONE);
    b->config.monitors[0] = pair[1];
    b->config.n_monitors = 1;
    b->monitor = pair[0];
    assert_int_equal(recorder_client_new(b->monitor, &b->client), ERR_NONE);
    signal(SIGPIPE, SIG_IGN);
    start_recorder(b);
    *state = b;
    return 0;
}

static int
tear_down(void **state)
{
    struct bench *b = *state;
    char command[128];
    if (b->pid)
        kill_recorder(b);
    recorder_client_free(b->client);
    close(b->monitor);
    for (int i = 0; i < RECORDER_LOGS; i++) {
        close(b->logs[i]);
        close(b->config.logs[i]);
    }
    close(b->config.monitors[0]);
    snprintf(command, sizeof command, "rm -rf %s", b->dir);
    int status = system(command);
    free(b);
    return status;
}

static void
record_of(struct bench *b, enum record_kind kind, unsigned number, struct record *r)
{
    memset(r, 0, sizeof *r);
    r->kind = kind;
    r->connection = 7;
    strcpy(r->user, "alice");
    strcpy(r->address, "192.0.2.7");
    snprintf(r->root, sizeof r->root, "%s", b->share);
    r->path_len = (uint32_t)snprintf((char *)r->path, sizeof r->path, "/file%u.", number);
    r->octets_written = r->size = number;
    r->inode = 1000000 + number;
}

static void
put(struct bench *b, const struct record *r, uint64_t token)
{
    assert_int_equal(recorder_client_put(b->client, r, token, clock_now_ms()), ERR_NONE);
}

/* Send and receive for at most so long, or until nothing is pending. */
static void
talk(struct bench *b, uint64_t ms, const uint64_t *awaited)
{
    uint64_t token, end = clock_now_ms() + ms;
    enum recorder_result result;
    while (clock_now_ms() < end && !(awaited && b->is_stored[*awaited])) {
        short out = recorder_client_wants_out(b->client) ? POLLOUT : 0;
        struct pollfd p = {.fd = b->monitor, .events = (short)(POLLIN | out)};
        poll(&p, 1, 5);
        while (recorder_client_take(b->client, &token, &result)) {
            b->is_stored[token] = true;
            b->result[token] = result;
        }
        recorder_client_tick(b->client, clock_now_ms());
    }
}

static void
await(struct bench *b, uint64_t token)
{
    talk(b, PATIENCE_MS, &token);
    assert_true(b->is_stored[token]);
}

static void
await_text(const char *path, const char *text)
{
    uint64_t end = clock_now_ms() + PATIENCE_MS;
    while (!strstr(read_file(path), text) && clock_now_ms() < end)
        poll(NULL, 0, 20);
    if (!strstr(read_file(path), text))
        print_error("%s lacks \"%s\":\n%s\n", path, text, read_file(path));
    assert_non_null(strstr(read_file(path), text));
}

/* Every line follows the one before; "recovered" excuses what is torn. */
static void
assert_chain(const char *path)
{
    struct audit_tail tail = {0}, prev, next;
    struct bytes rest = bytes_str(read_file(path));
    while (rest.n != 0) {
        const uint8_t *end = memchr(rest.p, '\n', rest.n);
        struct bytes line = bytes_first(rest, end ? (size_t)(end - rest.p) : rest.n);
        rest = bytes_skip(rest, line.n + 1);
        if (audit_open_line(line, &prev, &next) != ERR_NONE) {
            /* Torn: the next line tells. */
            char want[64];
            snprintf(want, sizeof want, "\"torn\":%zu", line.n);
            assert_true(rest.n != 0 && memmem(rest.p, rest.n, want, strlen(want)));
            continue;
        }
        assert_int_equal(next.seq, tail.seq + 1);
        assert_memory_equal(prev.hash, tail.hash, sizeof tail.hash);
        tail = next;
    }
}

/* ---- tests ---- */

static void
records_are_written_before_their_receipt(void **state)
{
    struct bench *b = *state;
    struct record r;
    record_of(b, RECORD_LOGIN, 1, &r);
    strcpy(r.method, "publickey");
    strcpy(r.key, "ED25519 SHA256:abc");
    put(b, &r, 1);
    await(b, 1);
    assert_int_equal(b->result[1], RECORDER_STORED);
    char *text = read_file(b->audit);
    assert_non_null(strstr(text, "\"t\":\"login\""));
    assert_non_null(strstr(text, "\"key\":\"ED25519 SHA256:abc\""));
    assert_chain(b->audit);
    struct stat st;
    assert_int_equal(stat(b->audit, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void
upload_runs_its_program(void **state)
{
    struct bench *b = *state;
    struct record r;
    record_of(b, RECORD_UPLOAD, 5, &r);
    memset(r.sha256, 0xab, sizeof r.sha256);
    r.has_sha256 = 1;
    put(b, &r, 1);
    await(b, 1);
    await_text(b->ran, "\"path\":\"/file5.\"");
    assert_non_null(strstr(read_file(b->ran), "\"sha256\":\"abab"));
    assert_non_null(strstr(read_file(b->ran), "\"file\":\"/tmp/ferry-recorder-"));
}

/* Threats S2: what a monitor that is owned could send. */
static void
hostile_records_are_refused(void **state)
{
    struct bench *b = *state;
    static struct recorder_request q;
    static const struct {
        size_t offset, n;
    } texts[] = {
        {offsetof(struct record, user), sizeof q.record.user},
        {offsetof(struct record, address), sizeof q.record.address},
        {offsetof(struct record, client), sizeof q.record.client},
        {offsetof(struct record, method), sizeof q.record.method},
        {offsetof(struct record, key), sizeof q.record.key},
        {offsetof(struct record, root), sizeof q.record.root},
        {offsetof(struct record, text), sizeof q.record.text},
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        record_of(b, RECORD_LOGIN, 1, &q.record);
        assert_true(recorder_request_is_valid(&q, sizeof q));
        memset((uint8_t *)&q.record + texts[i].offset, 'x', texts[i].n);
        assert_false(recorder_request_is_valid(&q, sizeof q));
    }
    static const uint32_t lengths[] = {RECORD_PATH_MAX + 1, INT32_MAX, UINT32_MAX};
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        record_of(b, RECORD_UPLOAD, 1, &q.record);
        q.record.path_len = lengths[i];
        put(b, &q.record, i + 1);
        await(b, i + 1);
        assert_int_equal(b->result[i + 1], RECORDER_FAILED);
        record_of(b, RECORD_UPLOAD, 1, &q.record);
        q.record.other_len = lengths[i];
        assert_false(recorder_request_is_valid(&q, sizeof q));
    }
    static const uint32_t kinds[] = {0, RECORD_REFUSED + 1, UINT32_MAX};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        record_of(b, RECORD_LOGIN, 1, &q.record);
        q.record.kind = kinds[i];
        assert_false(recorder_request_is_valid(&q, sizeof q));
    }
    record_of(b, RECORD_LOGIN, 1, &q.record);
    for (size_t n = 0; n < sizeof q; n += 97)
        assert_false(recorder_request_is_valid(&q, n));
    assert_int_equal(write(b->monitor, "short", 5), 5);
    put(b, &q.record, 9); /* it still serves */
    await(b, 9);
    assert_int_equal(b->result[9], RECORDER_STORED);
}

/* Threats G1: who owns a process before the login cannot write others' lines. */
static void
lines_of_strangers_are_marked_encoded_and_limited(void **state)
{
    struct bench *b = *state;
    struct daemon_log own, stranger;
    daemon_log_init(&own, LOG_LEVEL_INFO, NULL);
    daemon_log_init(&stranger, LOG_LEVEL_INFO, NULL);
    daemon_log_to_recorder(&own, b->logs[RECORDER_LOG_TRUSTED]);
    daemon_log_to_recorder(&stranger, b->logs[RECORDER_LOG_PREAUTH]);
    daemon_log_set_source(&stranger, "192.0.2.9");
    await_text(b->log, "recorder: uid"); /* it asks for senders' numbers now */
    daemon_log_about(&own, LOG_LEVEL_INFO, "", 4711, "Accepted password for alice");
    daemon_log_about(&stranger, LOG_LEVEL_INFO, "", 4712, "Accepted password for root");
    daemon_log_about(&stranger, LOG_LEVEL_INFO, "192.0.2.9", 0, "two\nlines \x1b[31m");
    for (int i = 0; i < 3 * LOG_LIMIT_BURST; i++) {
        log_line(&stranger.sink, LOG_LEVEL_INFO, "noise %d.", i);
        poll(NULL, 0, 1);
    }
    log_line(&own.sink, LOG_LEVEL_INFO, "the end");
    await_text(b->log, "the end");
    char *text = read_file(b->log), mine[64];
    assert_non_null(strstr(text, "ferryd[4711]: Accepted password for alice\n"));
    assert_null(strstr(text, "ferryd[4712]"));
    snprintf(mine, sizeof mine, "ferryd[%d]: Accepted password for root [preauth]\n",
             (int)getpid());
    assert_non_null(strstr(text, mine));
    assert_non_null(strstr(text, "two\\nlines \\x1b[31m [preauth]\n"));
    assert_non_null(strstr(text, "noise 5."));
    assert_null(strstr(text, "noise 85."));
}

/* Threats G1: failed logins fill neither the audit log nor the events' queue. */
static void
flood_of_failed_logins_is_kept_in_a_number(void **state)
{
    struct bench *b = *state;
    struct record r;
    size_t n = 0;
    for (uint64_t i = 1; i <= 4 * LOG_LIMIT_BURST; i++) {
        record_of(b, RECORD_LOGIN_FAILED, 1, &r);
        put(b, &r, i);
        await(b, i);
    }
    for (const char *p = read_file(b->audit); (p = strstr(p, "login-failed")) != NULL;
         p++)
        n++;
    assert_in_range(n, LOG_LIMIT_BURST, LOG_LIMIT_BURST + 10); /* some are given back */
    record_of(b, RECORD_LOGIN, 1, &r); /* who comes in is always told */
    put(b, &r, 999);
    await(b, 999);
    assert_non_null(strstr(read_file(b->audit), "\"t\":\"login\""));
    assert_chain(b->audit);
}

static void
log_is_reopened_on_a_signal(void **state)
{
    struct bench *b = *state;
    char old[128];
    struct daemon_log log;
    daemon_log_init(&log, LOG_LEVEL_INFO, NULL);
    daemon_log_to_recorder(&log, b->logs[RECORDER_LOG_TRUSTED]);
    log_line(&log.sink, LOG_LEVEL_INFO, "before");
    await_text(b->log, "before");
    snprintf(old, sizeof old, "%s.1", b->log);
    assert_int_equal(rename(b->log, old), 0);
    log_line(&log.sink, LOG_LEVEL_INFO, "between");
    await_text(old, "between");
    kill(b->pid, SIGUSR1);
    uint64_t end = clock_now_ms() + PATIENCE_MS;
    while (access(b->log, F_OK) != 0 && clock_now_ms() < end)
        poll(NULL, 0, 10);
    log_line(&log.sink, LOG_LEVEL_INFO, "after");
    await_text(b->log, "after");
    assert_null(strstr(read_file(old), "after"));
}

static void
recorder_ends_when_nobody_can_speak_to_it(void **state)
{
    struct bench *b = *state;
    int status;
    struct record r;
    record_of(b, RECORD_LOGOUT, 1, &r);
    put(b, &r, 1);
    await(b, 1);
    close(b->control);
    for (int i = 0; i < RECORDER_LOGS; i++) {
        close(b->logs[i]);
        b->logs[i] = -1;
    }
    close(b->monitor);
    b->monitor = -1;
    assert_int_equal(waitpid(b->pid, &status, 0), b->pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    b->pid = 0;
}

/* Threats D1, F6: nothing that has a receipt is gone. */
static void
killed_at_any_moment_loses_nothing_receipted(void **state)
{
    struct bench *b = *state;
    struct record r;
    unsigned number = 0, seed = (unsigned)time(NULL);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 6; i++) {
            record_of(b, i % 2 ? RECORD_UPLOAD : RECORD_DOWNLOAD, ++number, &r);
            put(b, &r, number);
        }
        talk(b, (uint64_t)rand_r(&seed) % 60, NULL);
        kill_recorder(b);
        start_recorder(b);
    }
    for (uint64_t token = 1; token <= number; token++)
        await(b, token);
    assert_chain(b->audit);
    for (unsigned i = 1; i <= number; i++) {
        char wanted[64];
        snprintf(wanted, sizeof wanted, "\"path\":\"/file%u.\"", i);
        assert_int_equal(b->result[i], RECORDER_STORED);
        if (!strstr(read_file(b->audit), wanted))
            fail_msg("seed %u: %s is not in the audit log", seed, wanted);
        if (i % 2 == 0)
            await_text(b->ran, wanted);
    }
}

/* Everything died between the rename and its record: the tree tells. */
static void
intent_whose_file_is_in_place_becomes_an_event(void **state)
{
    struct bench *b = *state;
    char path[128];
    struct stat st;
    struct record r;
    snprintf(path, sizeof path, "%s/file4.", b->share);
    write_file(path, "1234", 0600);
    assert_int_equal(stat(path, &st), 0);
    record_of(b, RECORD_UPLOAD_INTENT, 4, &r);
    r.inode = st.st_ino;
    r.device = st.st_dev;
    put(b, &r, 1);
    record_of(b, RECORD_UPLOAD_INTENT, 5, &r); /* never comes into place */
    r.device = st.st_dev;
    put(b, &r, 2);
    record_of(b, RECORD_UPLOAD_INTENT, 6, &r); /* its name, but another's size */
    r.path_len = (uint32_t)snprintf((char *)r.path, sizeof r.path, "/file4.");
    r.inode = st.st_ino + 1;
    r.device = st.st_dev;
    put(b, &r, 3);
    for (uint64_t i = 1; i <= 3; i++)
        await(b, i);
    kill_recorder(b);
    start_recorder(b);
    await_text(b->ran, "\"path\":\"/file4.\"");
    assert_null(strstr(read_file(b->ran), "\"path\":\"/file5.\""));
    assert_null(strstr(read_file(b->ran), "\"size\":6"));
}

static void
configuration_that_cannot_be_served_is_refused(void **state)
{
    struct bench *b = *state;
    struct fault why = {0};
    char other[128];
    struct server_options o = b->options;
    assert_int_equal(recorder_check(&o, &why), ERR_NONE);
    snprintf(other, sizeof other, "%s/not-made-by-a-check", b->dir);
    o.audit_log = o.log_target = other;
    assert_int_equal(recorder_check(&o, &why), ERR_NONE);
    assert_int_not_equal(access(other, F_OK), 0);
    static const char *const paths[] = {"relative", "/nonexistent/x", "/tmp"};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        o = b->options;
        o.audit_log = (char *)(uintptr_t)paths[i];
        why = (struct fault){0};
        assert_int_not_equal(recorder_check(&o, &why), ERR_NONE);
        assert_non_null(strstr(why.text, paths[i]));
    }
    o = b->options;
    o.log_target = (char *)(uintptr_t) "somewhere";
    why = (struct fault){0};
    assert_int_equal(recorder_check(&o, &why), ERR_PROTO);
    o = b->options;
    o.event_timeout_s = EVENTS_TIMEOUT_MAX_S + 1;
    why = (struct fault){0};
    assert_int_equal(recorder_check(&o, &why), ERR_PROTO);
    o = b->options;
    assert_int_equal(chmod(b->script, 0777), 0);
    why = (struct fault){0};
    assert_int_equal(recorder_check(&o, &why), ERR_AUTH);
}

/* Threats G2: there is no place for a secret in what is written down. */
static void
record_has_no_room_for_a_secret(void **state)
{
    (void)state;
    /* Grows with any new member: look at it, and at record_put, before changing this. */
    static const size_t known =
        sizeof((struct record){0}.kind) + 4 /* padding */ + sizeof(uint64_t) +
        sizeof((struct record){0}.user) + 64 + 3 /* padding */ + sizeof(uint32_t) + 128 +
        64 + 128 + sizeof(uint32_t) + PATH_MAX + 2 * sizeof(uint32_t) +
        2 * RECORD_PATH_MAX + 6 * sizeof(uint64_t) + sizeof(uint32_t) + 32 +
        sizeof(uint32_t) + RECORD_TEXT_MAX;
    assert_in_range(sizeof(struct record), known, known + 16);
}

#define ON_BENCH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BENCH(records_are_written_before_their_receipt),
        ON_BENCH(upload_runs_its_program),
        ON_BENCH(hostile_records_are_refused),
        ON_BENCH(lines_of_strangers_are_marked_encoded_and_limited),
        ON_BENCH(flood_of_failed_logins_is_kept_in_a_number),
        ON_BENCH(log_is_reopened_on_a_signal),
        ON_BENCH(recorder_ends_when_nobody_can_speak_to_it),
        ON_BENCH(killed_at_any_moment_loses_nothing_receipted),
        ON_BENCH(intent_whose_file_is_in_place_becomes_an_event),
        ON_BENCH(configuration_that_cannot_be_served_is_refused),
        cmocka_unit_test(record_has_no_room_for_a_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
