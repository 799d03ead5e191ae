/*
 * Every allocation of a job fails once: the job may fail, but nothing crashes, hangs,
 * leaks or ends up half under a final name.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transfer/fake_server.h"

enum { REG = S_IFREG | 0644, DIR_ = S_IFDIR | 0755, LNK = S_IFLNK | 0777, LIMIT = 5000 };

static struct fake fake;
static int countdown; /* 0: nothing fails */

static bool
fails_now(void)
{
    return countdown != 0 && !fake.is_busy && --countdown == 0;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
char *__wrap_strdup(const char *s);

void *
__wrap_malloc(size_t n)
{
    return fails_now() ? NULL : __real_malloc(n);
}

void *
__wrap_calloc(size_t n, size_t size)
{
    return fails_now() ? NULL : __real_calloc(n, size);
}

char *
__wrap_strdup(const char *s)
{
    return fails_now() ? NULL : __real_strdup(s);
}

static const struct fake_entry entries[] = {
    {"a", 0, REG, 5000, false},
    {"sub", 0, DIR_, 0, false},
    {"l", 0, LNK, 1, false},
    {"bare", 0, REG, 33, true},
};

static void
shell(const char *command)
{
    if (system(command) != 0)
        fail_msg("%s", command);
}

/* The n-th allocation behind the session's start fails. True: there was one. A job
 * that is content has done all its n_files. */
static bool
run_with_failure(const struct transfer_spec *spec, uint64_t n_files, int n)
{
    uint32_t job;
    fake_init(&fake, NULL);
    fake.entries = entries;
    fake.n_entries = ARRAY_LEN(entries);
    fake.mtime = 1000000;
    fake.link_target = "a";
    fake.extensions = "expand-path@openssh.com=1";
    fake_turn(&fake);
    countdown = n;
    enum err e = transfer_add(fake.t, spec, &job);
    bool is_added = e == ERR_NONE;
    bool is_idle = !is_added || fake_run(&fake);
    bool had_failure = countdown == 0;
    countdown = 0;
    if (!is_idle)
        transfer_end(fake.t, NULL);
    assert_true(transfer_is_idle(fake.t));
    if (is_added && !had_failure)
        assert_int_equal(fake.job_problem.kind, TRANSFER_OK);
    if (is_added && fake.job_problem.kind == TRANSFER_OK)
        assert_int_equal(fake.totals.files_done, n_files);
    fake_clear(&fake);
    return had_failure;
}

static void
every_allocation_may_fail(const struct transfer_spec *spec, uint64_t n_files)
{
    int n = 1;
    while (n < LIMIT && run_with_failure(spec, n_files, n))
        n++;
    assert_true(n < LIMIT);
    assert_true(n > 1);
}

static void
get_survives_each_failing_allocation(void **state)
{
    char target[] = "/tmp/ferry-alloc-test.XXXXXX", command[80];
    struct transfer_spec spec = {.verb = TRANSFER_GET,
                                 .flags = TRANSFER_RECURSIVE | TRANSFER_PRESERVE |
                                          TRANSFER_LINKS | TRANSFER_RESUME,
                                 .path = BYTES_LIT("/dir"),
                                 .local = target};
    (void)state;
    assert_non_null(mkdtemp(target));
    every_allocation_may_fail(&spec, 3);
    snprintf(command, sizeof command, "rm -rf '%s'", target);
    shell(command);
}

static void
put_survives_each_failing_allocation(void **state)
{
    char source[] = "/tmp/ferry-alloc-test.XXXXXX", command[200];
    struct transfer_spec spec = {.verb = TRANSFER_PUT,
                                 .flags = TRANSFER_RECURSIVE | TRANSFER_PRESERVE |
                                          TRANSFER_LINKS | TRANSFER_RESUME,
                                 .path = BYTES_LIT("/dir"),
                                 .local = source};
    (void)state;
    assert_non_null(mkdtemp(source));
    snprintf(command, sizeof command,
             "cd '%s' && mkdir sub && echo x > sub/a && echo y > b && ln -s b l", source);
    shell(command);
    every_allocation_may_fail(&spec, 3);
    snprintf(command, sizeof command, "rm -rf '%s'", source);
    shell(command);
}

static void
commands_survive_each_failing_allocation(void **state)
{
    static const struct {
        struct transfer_spec spec;
        uint64_t n_files;
    } cases[] = {
        {{.verb = TRANSFER_CAT, .path = BYTES_LIT("/dir/a")}, 1},
        {{.verb = TRANSFER_LIST, .path = BYTES_LIT("/dir")}, 0},
        {{.verb = TRANSFER_SETSTAT, .path = BYTES_LIT("~")}, 0},
        {{.verb = TRANSFER_REMOVE,
          .flags = TRANSFER_RECURSIVE,
          .path = BYTES_LIT("/dir")},
         3},
        {{.verb = TRANSFER_MKDIR, .flags = TRANSFER_PARENTS, .path = BYTES_LIT("/a/b")},
         0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        every_allocation_may_fail(&cases[i].spec, cases[i].n_files);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(get_survives_each_failing_allocation),
        cmocka_unit_test(put_survives_each_failing_allocation),
        cmocka_unit_test(commands_survive_each_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
