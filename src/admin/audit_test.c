/*
 * ferryd audit, as it is called: its exit status and what it prints.
 */
#include "base/base_test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "admin/admin.h"
#include "base/json.h"
#include "crypto/rand.h"
#include "daemon/audit.h"

static char dir[64], path[96], old_path[96], out_path[96];

static int
set_up(void **state)
{
    (void)state;
    assert_int_equal(crypto_init(), ERR_NONE);
    strcpy(dir, "/tmp/ferry-admin-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/audit.log", dir);
    snprintf(old_path, sizeof old_path, "%s/audit.log.1", dir);
    snprintf(out_path, sizeof out_path, "%s/out", dir);
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
add_lines(int n, const char *user)
{
    struct audit a;
    struct fault why = {0};
    struct buf line;
    assert_int_equal(audit_open(&a, path, &why), ERR_NONE);
    for (int i = 0; i < n; i++) {
        char name[64];
        snprintf(name, sizeof name, "/%s%d\x1b[31m", user, i);
        buf_init(&line, AUDIT_LINE_MAX);
        json_begin(&line, "upload");
        json_text(&line, "user", bytes_str(user));
        json_text(&line, "path", bytes_str(name));
        json_text(&line, "result", BYTES_LIT("ok"));
        assert_int_equal(audit_append(&a, &line, (struct timespec){0}), ERR_NONE);
        buf_clear(&line);
    }
    audit_close(&a);
}

static const char *
printed(void)
{
    static char text[1 << 16];
    int fd = open(out_path, O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = 0;
    return text;
}

/* In a process of its own, whose output goes to a file. words: separated by blanks. */
static pid_t
start(const char *words)
{
    static char copy[1024];
    char *argv[16], *rest = copy;
    int argc = 0;
    snprintf(copy, sizeof copy, "%s", words);
    for (char *word; (word = strsep(&rest, " ")) != NULL;)
        argv[argc++] = word;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        int fd = open(out_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        alarm(60);
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
        int status = admin_audit(argc, argv, NULL);
        fflush(stdout);
        _exit(status);
    }
    return pid;
}

static int
run(const char *words)
{
    int status;
    pid_t pid = start(words);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int
run_with(const char *words, const char *file)
{
    char line[512];
    snprintf(line, sizeof line, "%s %s", words, file);
    return run(line);
}

static void
verify_takes_rotated_files_in_their_order(void **state)
{
    (void)state;
    char both[256];
    add_lines(3, "alice");
    assert_int_equal(rename(path, old_path), 0);
    add_lines(2, "bob");
    snprintf(both, sizeof both, "verify %s %s", path, old_path);
    assert_int_equal(run(both), ADMIN_OK);
    assert_non_null(strstr(printed(), "6 lines, 1 to 6"));
    assert_int_equal(run_with("verify", path), ADMIN_OK);
    assert_non_null(strstr(printed(), "earlier lines are in files"));
}

static void
verify_names_the_first_broken_line(void **state)
{
    (void)state;
    char command[256];
    add_lines(5, "alice");
    snprintf(command, sizeof command, "sed -i 3s/alice/mallory/ %s", path);
    assert_int_equal(system(command), 0);
    assert_int_equal(run_with("verify", path), ADMIN_FAILED);
    assert_non_null(strstr(printed(), "audit.log:3: its hash is wrong"));
    snprintf(command, sizeof command, "sed -i 3d %s", path);
    assert_int_equal(system(command), 0);
    assert_int_equal(run_with("verify", path), ADMIN_FAILED);
    assert_non_null(strstr(printed(), "audit.log:3: it does not follow"));
}

static size_t
count(const char *text)
{
    size_t n = 0;
    for (const char *p = printed(); (p = strstr(p, text)) != NULL; p++)
        n++;
    return n;
}

static void
tail_shows_the_last_lines_of_whom_it_is_asked(void **state)
{
    (void)state;
    add_lines(30, "alice");
    add_lines(2, "bob");
    add_lines(20, "alice");
    assert_int_equal(run_with("tail", path), ADMIN_OK);
    assert_int_equal(count("\n"), 10);
    assert_int_equal(run_with("tail -n 3", path), ADMIN_OK);
    assert_int_equal(count("\n"), 3);
    assert_non_null(strstr(printed(), "upload alice /alice19\\x1b[31m ok\n"));
    assert_null(strchr(printed(), 0x1b));
    assert_int_equal(run_with("tail -n 40 --user bob", path), ADMIN_OK);
    assert_int_equal(count("\n"), 2);
    assert_int_equal(run_with("tail -n 1 --json", path), ADMIN_OK);
    assert_non_null(strstr(printed(), "{\"v\":1,\"t\":\"upload\",\"user\":\"alice\""));
    assert_int_equal(run_with("tail -n 0", path), ADMIN_USAGE);
    assert_int_equal(run_with("tail -n x", path), ADMIN_USAGE);
    assert_int_equal(run_with("tail", "/nonexistent/file"), ADMIN_FAILED);
}

static void
tail_follows_into_the_next_file(void **state)
{
    (void)state;
    char words[256];
    int status;
    add_lines(1, "alice");
    snprintf(words, sizeof words, "tail -f -n 5 %s", path);
    pid_t pid = start(words);
    for (int i = 0; i < 1000 && count("alice0") == 0; i++)
        usleep(10000);
    add_lines(1, "bob");
    assert_int_equal(rename(path, old_path), 0);
    add_lines(1, "carol");
    for (int i = 0; i < 1000 && count("carol0") == 0; i++)
        usleep(10000);
    kill(pid, SIGTERM);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(count("alice0"), 1);
    assert_int_equal(count("bob0"), 1);
    assert_int_equal(count("carol0"), 1);
}

#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(verify_takes_rotated_files_in_their_order),
        IN_DIR(verify_names_the_first_broken_line),
        IN_DIR(tail_shows_the_last_lines_of_whom_it_is_asked),
        IN_DIR(tail_follows_into_the_next_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
