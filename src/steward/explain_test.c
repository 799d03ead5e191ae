/* `ferryd explain`: which rule it names, and its exit status. */
#include "steward/desk_test.h"

#include <getopt.h>

#include "account/member.h"
#include "steward/explain.h"

enum { ARGS_MAX = 12 };

/* Run it with these words (blanks between); its standard output goes to text. */
static int
explain(const struct desk *d, const char *words, char text[8192])
{
    char line[512], config[PATH_MAX], out[PATH_MAX];
    const char *argv[ARGS_MAX] = {"explain", "-f", config};
    int argc = 3, status;
    snprintf(config, sizeof config, "%s/f.conf", d->dir);
    snprintf(out, sizeof out, "%s/out", d->dir);
    snprintf(line, sizeof line, "%s", words);
    for (char *save, *one = strtok_r(line, " ", &save); one && argc < ARGS_MAX - 1;
         one = strtok_r(NULL, " ", &save))
        argv[argc++] = one;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        if (!freopen(out, "w", stdout) || !freopen("/dev/null", "w", stderr))
            _exit(99);
        optind = 1;
        exit(explain_command(argc, (char **)(uintptr_t)argv));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    FILE *f = fopen(out, "r");
    assert_non_null(f);
    text[fread(text, 1, 8191, f)] = 0;
    fclose(f);
    return WEXITSTATUS(status);
}

static void
fill(struct desk *d)
{
    char path[PATH_MAX], text[1024];
    struct fault why = {0};
    struct account_record r = desk_add(d, "alice");
    snprintf(r.root, sizeof r.root, "%s/root", d->dir);
    snprintf(r.rights, sizeof r.rights, "/in dropbox\n/out read");
    snprintf(r.refused_names, sizeof r.refused_names, "*.exe");
    assert_int_equal(store_update(d->store, &r,
                                  MEMBER_BIT(MEMBER_ID_ROOT) |
                                      MEMBER_BIT(MEMBER_ID_RIGHTS) |
                                      MEMBER_BIT(MEMBER_ID_REFUSED_NAMES),
                                  1000, &why),
                     ERR_NONE);
    struct account_record off = desk_add(d, "off");
    off.is_disabled = true;
    assert_int_equal(store_update(d->store, &off, MEMBER_BIT_DISABLED, 1000, &why),
                     ERR_NONE);
    chmod(d->dir, 0755);
    snprintf(path, sizeof path, "%s/root", d->dir);
    assert_int_equal(mkdir(path, 0755), 0);
    snprintf(path, sizeof path, "%s/root/in", d->dir);
    assert_int_equal(mkdir(path, 0755) || chmod(path, 0777), 0);
    snprintf(path, sizeof path, "%s/root/out", d->dir);
    assert_int_equal(symlink("/etc", path), 0);
    snprintf(text, sizeof text,
             "AccountDatabase %s\nVirtualUser nobody\n"
             "Match Address 10.0.0.0/8\n  ReadOnly yes\n",
             d->database);
    desk_file(d, "f.conf", bytes_str(text), 0644, path);
}

static void
it_names_the_rule_that_decides(void **state)
{
    static const struct {
        const char *words;
        int status;
        const char *says;
    } rows[] = {
        {"alice login", 0, "allowed: alice login"},
        {"alice upload /in/a", 0, "rule \"/in dropbox\" allows upload"},
        {"alice upload in/a", 0, "allowed"},
        {"alice download /in/a", 1, "rule \"/in dropbox\" allows no download"},
        {"alice upload /in/a.exe", 1, "the pattern \"*.exe\" refuses the name"},
        {"alice list /", 1, "no rule covers \"/\""},
        {"alice list /in/../..", 1, "no rule covers \"/\""},
        {"alice download /out/passwd", 1, "a symbolic link leads out of the root"},
        {"alice upload /in/a --address 10.1.1.1", 1, "read-only for this account"},
        {"off login", 1, "the account is disabled"},
        {"nobody-here login", 1, "there is no account of this name"},
        {"../etc login", 1, "there is no account of this name"},
        {"--json alice download /in/a", 1, "\"allowed\":false}"},
        {"--json alice upload /in/a", 0, "\"allowed\":true}"},
        {"alice", 2, ""},
        {"alice fly /", 2, ""},
        {"alice list", 2, ""},
        {"alice list / x", 2, ""},
    };
    struct desk *d = *state;
    char text[8192];
    fill(d);
    store_close(d->store);
    d->store = NULL;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int status = explain(d, rows[i].words, text);
        if (status != rows[i].status || !strstr(text, rows[i].says))
            fail_msg("%s: %d\n%s", rows[i].words, status, text);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_names_the_rule_that_decides, desk_make,
                                        desk_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
