/* Files of ssh_config: Host, Match, Include and the errors' places. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "config/ssh_config.h"

/* Files by name, for Include. */
static const struct {
    const char *name, *text;
} files[] = {
    {"inner", "User inner\nHost other\nPort 1\n"},
    {"loop", "Include loop\n"},
    {"broken", "\nPort x\n"},
};

static enum err
include(void *ctx, struct ssh_config *c, const char *pattern, int depth,
        struct fault *fault)
{
    (void)ctx;
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        if (strcmp(files[i].name, pattern) == 0)
            return ssh_config_read(c, pattern, bytes_str(files[i].text), depth, fault);
    return ERR_NONE;
}

static bool
exec_true(void *ctx, const char *command)
{
    *(int *)ctx += 1;
    return strcmp(command, "true") == 0;
}

static int n_executed;
static const struct ssh_config_hooks hooks = {include, exec_true, &n_executed};

static enum err
read_for(const char *host, const char *text, struct ssh_options *o, struct fault *fault)
{
    struct ssh_config c = {
        .options = o, .hooks = &hooks, .original_host = host, .local_user = "me"};
    ssh_options_init(o);
    ssh_config_begin_source(&c);
    return ssh_config_read(&c, "conf", bytes_str(text), 0, fault);
}

static const struct {
    const char *label, *host, *text;
    int port; /* expected; OPTION_UNSET: none */
} rows[] = {
    {"host pattern", "a.org", "Host *.org\nPort 1\nHost *\nPort 2\n", 1},
    {"other host", "b.net", "Host *.org\nPort 1\nHost *\nPort 2\n", 2},
    {"veto", "x.org", "Host *.org !x.*\nPort 1\n", OPTION_UNSET},
    {"match host", "h", "Match host h,i\nPort 3\n", 3},
    {"match hostname", "h", "HostName real\nMatch host h\nPort 3\n", OPTION_UNSET},
    {"match originalhost", "h", "HostName real\nMatch originalhost h\nPort 3\n", 3},
    {"match user", "h", "User u\nMatch user u\nPort 4\n", 4},
    {"match local user", "h", "Match user me localuser me\nPort 4\n", 4},
    {"match negated", "h", "Match !host h\nPort 5\nMatch all\nPort 6\n", 6},
    {"match exec", "h", "Match exec true\nPort 7\n", 7},
    {"match exec fails", "h", "Match exec false\nPort 7\n", OPTION_UNSET},
    {"match final not yet", "h", "Match final\nPort 8\n", OPTION_UNSET},
    {"include ends its blocks", "h", "Include inner\nPort 9\n", 9},
    {"inactive include", "h", "Host z\nInclude broken\n", OPTION_UNSET},
};

static void
blocks_apply_where_they_should(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct ssh_options o;
        struct fault fault = {0};
        enum err e = read_for(rows[i].host, rows[i].text, &o, &fault);
        if (e != ERR_NONE || o.port != rows[i].port)
            fail_msg("%s: port %d, expected %d (%s)", rows[i].label, o.port, rows[i].port,
                     fault.text);
        ssh_options_clear(&o);
    }
}

static const struct {
    const char *text, *message;
} broken[] = {
    {"\n\nPort x\n", "conf line 3: Port: unsupported value \"x\""},
    {"Host z\nPort x\n", "conf line 2: Port: unsupported value \"x\""},
    {"Frob 1\n", "conf line 1: Bad configuration option: unknown keyword \"Frob\""},
    {"User \"a\n", "conf line 1: missing closing quote"},
    {"Include broken\n", "broken line 2: Port: unsupported value \"x\""},
    {"Include loop\n", "loop line 1: Include: nested too deeply"},
    {"Match frob x\n", "conf line 1: Match: unsupported criterion \"frob\""},
    {"Match host\n", "conf line 1: Match: missing argument of \"host\""},
    {"Host\n", "conf line 1: Host: missing pattern"},
};

static void
errors_name_file_and_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        struct ssh_options o;
        struct fault fault = {0};
        assert_int_equal(read_for("h", broken[i].text, &o, &fault), ERR_PROTO);
        assert_string_equal(fault.text, broken[i].message);
        ssh_options_clear(&o);
    }
}

static void
exec_runs_nothing_once_the_answer_is_known(void **state)
{
    (void)state;
    struct ssh_options o;
    struct fault fault = {0};
    n_executed = 0;
    assert_int_equal(read_for("h",
                              "Match host other exec true\nHost z\nMatch all exec true\n",
                              &o, &fault),
                     ERR_NONE);
    assert_int_equal(n_executed, 1);
    ssh_options_clear(&o);
}

static void
larger_than_the_bound_is_refused(void **state)
{
    (void)state;
    struct ssh_options o;
    struct fault fault = {0};
    char *text = malloc(CONFIG_FILE_MAX + 2);
    assert_non_null(text);
    memset(text, '\n', CONFIG_FILE_MAX + 1);
    text[CONFIG_FILE_MAX + 1] = '\0';
    assert_int_equal(read_for("h", text, &o, &fault), ERR_PROTO);
    ssh_options_clear(&o);
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_apply_where_they_should),
        cmocka_unit_test(errors_name_file_and_line),
        cmocka_unit_test(exec_runs_nothing_once_the_answer_is_known),
        cmocka_unit_test(larger_than_the_bound_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
