/*
 * The audit log survives what happens to files: torn lines, other writers,
 * rotation, full disks; and what was changed in it shows (threats F6, G1).
 */
#include "base/base_test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "crypto/rand.h"
#include "daemon/audit.h"
#include "daemon/audit_record.h"
#include "daemon/audit_verify.h"

static char dir[64], path[96], old_path[96];
static const struct timespec moment = {1795382101, 123000000};

static int
set_up(void **state)
{
    (void)state;
    assert_int_equal(crypto_init(), ERR_NONE);
    strcpy(dir, "/tmp/ferry-audit-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/audit.log", dir);
    snprintf(old_path, sizeof old_path, "%s/audit.log.1", dir);
    return 0;
}

static int
tear_down(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static void
open_log(struct audit *a)
{
    struct fault why = {0};
    if (audit_open(a, path, &why) != ERR_NONE)
        fail_msg("%s", why.text);
}

static enum err
append(struct audit *a, const char *text)
{
    struct buf line;
    buf_init(&line, AUDIT_LINE_MAX);
    json_begin(&line, "login");
    json_text(&line, "text", bytes_str(text));
    enum err err = audit_append(a, &line, moment);
    buf_clear(&line);
    return err;
}

static void
append_some(struct audit *a, int n)
{
    for (int i = 0; i < n; i++)
        assert_int_equal(append(a, "some"), ERR_NONE);
}

static struct bytes
content_of(const char *name)
{
    static uint8_t text[1 << 20];
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    ssize_t n = read(fd, text, sizeof text);
    close(fd);
    return bytes_of(text, n > 0 ? (size_t)n : 0);
}

static bool
has(const char *name, const char *text)
{
    struct bytes content = content_of(name);
    return memmem(content.p, content.n, text, strlen(text)) != NULL;
}

static void
add_raw(const char *text)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static enum err
verify(struct audit_verifier *v, const char *name, struct fault *why)
{
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    enum err err = audit_verify(v, fd, name, why);
    close(fd);
    return err;
}

static void
assert_verifies(uint64_t n_lines)
{
    struct audit_verifier v = {0};
    struct fault why = {0};
    if (verify(&v, path, &why) != ERR_NONE)
        fail_msg("%s", why.text);
    assert_int_equal(v.n_lines, n_lines);
}

/* ---- writing ---- */

static void
lines_are_chained_from_the_first(void **state)
{
    (void)state;
    struct audit a;
    open_log(&a);
    append_some(&a, 3);
    audit_close(&a);
    assert_verifies(3);
    assert_true(has(path,
                    "{\"v\":1,\"t\":\"login\",\"text\":\"some\",\"seq\":1,\"prev\":\""
                    "00000000000000000000000000000000"
                    "00000000000000000000000000000000\",\"hash\":\""));
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void
chain_goes_on_after_a_restart(void **state)
{
    (void)state;
    struct audit a;
    for (int i = 0; i < 3; i++) {
        open_log(&a);
        append_some(&a, 2);
        audit_close(&a);
    }
    assert_verifies(6);
}

/* Killed in the middle of a write: at every length. */
static void
torn_last_line_is_kept_apart(void **state)
{
    (void)state;
    struct audit a;
    char torn[64] = "{\"v\":1,\"t\":\"upload\",\"path\":\"/x\"";
    for (size_t cut = 1; cut < strlen(torn); cut += 5) {
        char part[64];
        snprintf(part, sizeof part, "%.*s", (int)cut, torn);
        unlink(path);
        open_log(&a);
        append_some(&a, 2);
        audit_close(&a);
        add_raw(part);
        open_log(&a);
        append_some(&a, 1);
        audit_close(&a);
        assert_verifies(4);
        assert_true(has(path, "\"t\":\"recovered\""));
    }
}

static void
file_of_nothing_but_a_torn_line_begins_a_chain(void **state)
{
    (void)state;
    struct audit a;
    open_log(&a);
    audit_close(&a);
    add_raw("{\"v\":1");
    open_log(&a);
    append_some(&a, 1);
    audit_close(&a);
    assert_verifies(2);
}

static void
longest_record_fits(void **state)
{
    (void)state;
    static struct record r;
    struct audit a;
    struct buf line;
    r.kind = RECORD_RENAME;
    r.path_len = r.other_len = RECORD_PATH_MAX;
    memset(r.path, 0x1b, sizeof r.path);
    memset(r.other, 0x1b, sizeof r.other);
    memset(r.text, 0x1b, sizeof r.text - 1);
    memset(r.client, 0x1b, sizeof r.client - 1);
    open_log(&a);
    for (int i = 0; i < 2; i++) {
        buf_init(&line, AUDIT_LINE_MAX);
        json_begin(&line, record_word(r.kind));
        record_put(&line, &r, moment);
        assert_int_equal(audit_append(&a, &line, moment), ERR_NONE);
        buf_clear(&line);
    }
    audit_close(&a);
    add_raw("torn");
    open_log(&a);
    assert_int_equal(a.tail.seq, 2); /* found behind a line of that length */
    audit_close(&a);
}

static void
two_writers_share_one_chain(void **state)
{
    (void)state;
    struct audit a, b;
    open_log(&a);
    open_log(&b);
    for (int i = 0; i < 20; i++)
        append_some(i % 3 ? &a : &b, 1);
    audit_close(&a);
    audit_close(&b);
    assert_verifies(20);
}

static void
two_processes_share_one_chain(void **state)
{
    (void)state;
    struct audit a;
    pid_t children[3];
    for (size_t i = 0; i < ARRAY_LEN(children); i++) {
        children[i] = fork();
        if (children[i] == 0) {
            open_log(&a);
            for (int k = 0; k < 200; k++)
                if (append(&a, "child") != ERR_NONE)
                    _exit(1);
            _exit(0);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(children); i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    assert_verifies(600);
}

/* ---- rotation ---- */

static void
assert_both_verify(uint64_t n_lines)
{
    struct audit_verifier v = {0};
    struct fault why = {0};
    if (verify(&v, old_path, &why) != ERR_NONE || verify(&v, path, &why) != ERR_NONE)
        fail_msg("%s", why.text);
    assert_int_equal(v.n_lines, n_lines);
}

static void
renamed_file_is_followed_by_another_with_the_same_chain(void **state)
{
    (void)state;
    struct audit a, b;
    open_log(&a);
    open_log(&b);
    append_some(&a, 2);
    append_some(&b, 2);
    assert_int_equal(rename(path, old_path), 0);
    append_some(&a, 1);
    append_some(&b, 1);
    audit_close(&a);
    audit_close(&b);
    assert_true(has(path, "\"t\":\"continued\""));
    assert_both_verify(4 + 1 + 2);
}

static void
file_that_logrotate_made_is_taken(void **state)
{
    (void)state;
    struct audit a;
    open_log(&a);
    append_some(&a, 2);
    assert_int_equal(rename(path, old_path), 0);
    close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    append_some(&a, 1);
    audit_close(&a);
    assert_both_verify(2 + 1 + 1);
}

static void
file_rotated_while_nobody_wrote_is_continued(void **state)
{
    (void)state;
    struct audit a;
    open_log(&a);
    append_some(&a, 2);
    audit_close(&a);
    assert_int_equal(rename(path, old_path), 0);
    open_log(&a);
    append_some(&a, 1);
    audit_close(&a);
    assert_both_verify(2 + 1 + 1);
}

/* ---- what is missing or in the way ---- */

/* Threats F6: a limit of the file's size stands in for a disk that is full. */
static void
full_disk_loses_lines_and_says_how_many(void **state)
{
    (void)state;
    struct audit a;
    struct stat st;
    struct rlimit before, full;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    open_log(&a);
    append_some(&a, 2);
    assert_int_equal(stat(path, &st), 0);
    full = before;
    full.rlim_cur = (rlim_t)st.st_size + 100; /* room for a part of a line */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(append(&a, "no room"), ERR_IO);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    append_some(&a, 1);
    audit_close(&a);
    assert_true(has(path, "\"t\":\"recovered\""));
    assert_true(has(path, "\"lines\":5"));
    assert_verifies(2 + 2 + 1);
}

static void
what_others_may_write_is_no_audit_log(void **state)
{
    (void)state;
    struct audit a;
    struct fault why = {0};
    close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    assert_int_equal(chmod(path, 0622), 0);
    assert_int_equal(audit_open(&a, path, &why), ERR_AUTH);
    unlink(path);
    assert_int_equal(symlink(old_path, path), 0);
    why = (struct fault){0};
    assert_int_equal(audit_open(&a, path, &why), ERR_IO);
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    why = (struct fault){0};
    assert_int_equal(audit_open(&a, path, &why), ERR_IO);
}

/* ---- verifying ---- */

/* The file without line `left_out` (0: all), with `from` of line `changed` replaced. */
static void
rewrite(int left_out, int changed, const char *from, const char *to)
{
    struct bytes rest = content_of(path);
    struct buf out;
    buf_init(&out, 1 << 20);
    for (int number = 1; rest.n != 0; number++) {
        const uint8_t *end = memchr(rest.p, '\n', rest.n);
        size_t n = end ? (size_t)(end - rest.p) + 1 : rest.n;
        const uint8_t *at =
            number == changed ? memmem(rest.p, n, from, strlen(from)) : NULL;
        if (at) {
            buf_put(&out, bytes_of(rest.p, (size_t)(at - rest.p)));
            buf_put_str(&out, to);
            size_t behind = (size_t)(at - rest.p) + strlen(from);
            buf_put(&out, bytes_of(rest.p + behind, n - behind));
        } else if (number != left_out) {
            buf_put(&out, bytes_first(rest, n));
        }
        rest = bytes_skip(rest, n);
    }
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_int_equal(write(fd, out.p, out.n), (ssize_t)out.n);
    close(fd);
    buf_clear(&out);
}

static void
changes_in_the_middle_are_found(void **state)
{
    (void)state;
    static const struct {
        int left_out, changed;
        const char *from, *to;
        const char *where; /* of the finding; NULL: none */
    } rows[] = {
        {0, 0, "", "", NULL},          {3, 0, "", "", ":3:"},
        {1, 0, "", "", NULL}, /* looks as if an earlier file held it: said, not refused */
        {0, 3, "some", "none", ":3:"}, {0, 3, "\"seq\":3", "\"seq\":4", ":3:"},
        {0, 3, "\n", "", ":3:"},       {0, 3, "{", "", ":3:"},
        {0, 3, "{", "x\n{", ":3:"},    {0, 3, "\"hash\":\"", "\"hash\":\"0", ":3:"},
        {0, 5, "some", "none", ":5:"}, {0, 5, "{", "", ":5:"},
        {5, 0, "", "", NULL}, /* a chain without its end is one: no key, no promise */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct audit a;
        struct audit_verifier v = {0};
        struct fault why = {0};
        unlink(path);
        open_log(&a);
        append_some(&a, 5);
        audit_close(&a);
        rewrite(rows[i].left_out, rows[i].changed, rows[i].from, rows[i].to);
        enum err err = verify(&v, path, &why);
        assert_int_equal(err, rows[i].where ? ERR_CRYPTO : ERR_NONE);
        if (rows[i].where && !strstr(why.text, rows[i].where))
            fail_msg("row %zu: %s", i, why.text);
        assert_int_equal(v.first_seq, rows[i].left_out == 1 ? 2 : 1);
    }
}

static void
unfinished_end_is_told_and_no_fault(void **state)
{
    (void)state;
    struct audit a;
    struct audit_verifier v = {0};
    struct fault why = {0};
    open_log(&a);
    append_some(&a, 2);
    audit_close(&a);
    add_raw("{\"v\":1,");
    assert_int_equal(verify(&v, path, &why), ERR_NONE);
    assert_int_equal(v.unfinished, 7);
}

/* ---- what a line says ---- */

static void
record_names_are_octets_and_lines_stay_one(void **state)
{
    (void)state;
    static struct record r = {.kind = RECORD_UPLOAD,
                              .connection = 9,
                              .user = "a\nb",
                              .address = "192.0.2.1",
                              .port = 22,
                              .path_len = 5,
                              .path = "/\xff\n\x1b",
                              .octets_written = 12,
                              .size = 12,
                              .milliseconds = 1500,
                              .error = 28,
                              .text = "no\x1b[31mroom"};
    struct buf line, value;
    buf_init(&line, AUDIT_LINE_MAX);
    buf_init(&value, 1024);
    json_begin(&line, record_word(r.kind));
    record_put(&line, &r, moment);
    json_end(&line);
    struct bytes object = bytes_first(buf_bytes(&line), line.n - 1);
    assert_true(json_is_flat_object(object));
    assert_null(memchr(object.p, '\n', object.n));
    assert_null(memchr(object.p, 0x1b, object.n));
    assert_true(json_get_text(object, "path", &value));
    assert_bytes_equal(buf_bytes(&value), bytes_of(r.path, r.path_len));
    assert_non_null(strstr(buf_cstr(&line), "\"path_b64\":\""));
    assert_non_null(strstr(buf_cstr(&line), "\"time\":\"2026-11-22T21:15:01.123Z\""));
    assert_non_null(strstr(buf_cstr(&line), "\"seconds\":1.500"));
    assert_non_null(strstr(buf_cstr(&line), "\"error\":\"ENOSPC\""));
    assert_non_null(strstr(buf_cstr(&line), "\"result\":\"failed\""));
    buf_clear(&line);
    buf_clear(&value);
}

#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(lines_are_chained_from_the_first),
        IN_DIR(chain_goes_on_after_a_restart),
        IN_DIR(torn_last_line_is_kept_apart),
        IN_DIR(file_of_nothing_but_a_torn_line_begins_a_chain),
        IN_DIR(longest_record_fits),
        IN_DIR(two_writers_share_one_chain),
        IN_DIR(two_processes_share_one_chain),
        IN_DIR(renamed_file_is_followed_by_another_with_the_same_chain),
        IN_DIR(file_that_logrotate_made_is_taken),
        IN_DIR(file_rotated_while_nobody_wrote_is_continued),
        IN_DIR(full_disk_loses_lines_and_says_how_many),
        IN_DIR(what_others_may_write_is_no_audit_log),
        IN_DIR(changes_in_the_middle_are_found),
        IN_DIR(unfinished_end_is_told_and_no_fault),
        cmocka_unit_test(record_names_are_octets_and_lines_stay_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
