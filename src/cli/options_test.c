/* The command line by its tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "cli/command.h"

enum { ARGS_MAX = 12 };

struct fixture {
    struct invocation inv;
    struct buf why;
    char storage[ARGS_MAX][64];
    char *argv[ARGS_MAX + 1];
};

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    buf_init(&f->why, 4096);
    *state = f;
    return f ? 0 : -1;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;
    invocation_clear(&f->inv);
    buf_clear(&f->why);
    free(f);
    return 0;
}

/* Words are separated by single blanks. */
static enum err
parse(struct fixture *f, const char *line)
{
    int argc = 0;
    struct bytes rest = bytes_str(line);
    while (rest.n != 0) {
        const uint8_t *blank = memchr(rest.p, ' ', rest.n);
        size_t n = blank ? (size_t)(blank - rest.p) : rest.n;
        assert_true(argc < ARGS_MAX && n < sizeof f->storage[0]);
        memcpy(f->storage[argc], rest.p, n);
        f->storage[argc][n] = '\0';
        f->argv[argc] = f->storage[argc];
        argc++;
        rest = bytes_skip(rest, n + 1);
    }
    invocation_clear(&f->inv);
    f->inv = (struct invocation){0};
    return invocation_parse(argc, f->argv, &f->inv, &f->why);
}

static void
options_stand_before_behind_and_between(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, "ferry -P 22 get -r h:a --json b -p"), ERR_NONE);
    assert_string_equal(f->inv.command->name, "get");
    assert_int_equal(f->inv.n_operands, 2);
    assert_string_equal(f->inv.operands[0], "h:a");
    assert_string_equal(f->inv.operands[1], "b");
    assert_true(f->inv.recursive && f->inv.preserve && f->inv.is_json);
    assert_string_equal(f->inv.config_lines[0], "Port=22");
}

static void
a_command_s_own_letters_come_first(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, "ferry ls -l h:"), ERR_NONE);
    assert_true(f->inv.list_long);
    assert_null(f->inv.limit_kbit);
    assert_int_equal(parse(f, "ferry get -l 500 h:a"), ERR_NONE);
    assert_string_equal(f->inv.limit_kbit, "500");
    assert_int_equal(parse(f, "ferry -l 500 ls -l h:"), ERR_NONE);
    assert_true(f->inv.list_long);
    assert_string_equal(f->inv.limit_kbit, "500");
}

static void
letters_combine_and_arguments_may_touch(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, "ferry get -rpP2222 -oUser=x -vv h:a"), ERR_NONE);
    assert_true(f->inv.recursive && f->inv.preserve);
    assert_int_equal(f->inv.verbose, 2);
    assert_string_equal(f->inv.config_lines[0], "Port=2222");
    assert_string_equal(f->inv.config_lines[1], "User=x");
}

static void
two_dashes_end_options(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, "ferry put -- -r h:"), ERR_NONE);
    assert_int_equal(f->inv.n_operands, 2);
    assert_string_equal(f->inv.operands[0], "-r");
    assert_false(f->inv.recursive);
}

static void
words_take_their_argument_either_way(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(parse(f, "ferry ls --color=never --password-file f h:"), ERR_NONE);
    assert_string_equal(f->inv.color, "never");
    assert_string_equal(f->inv.password_file, "f");
}

static void
wrong_lines_are_refused_with_a_reason(void **state)
{
    struct fixture *f = *state;
    static const char *const wrong[] = {
        "ferry",           "ferry frob",         "ferry get",
        "ferry mv h:a",    "ferry mv h:a b c",   "ferry get -Q h:a",
        "ferry ls h: -P",  "ferry ls --frob h:", "ferry ls --json=yes h:",
        "ferry probe a b", "ferry ls --color",   "ferry chmod 600",
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        print_message("%s\n", wrong[i]);
        assert_int_equal(parse(f, wrong[i]), ERR_PROTO);
        assert_true(f->why.n != 0);
    }
}

static void
help_names_every_command_and_option(void **state)
{
    struct fixture *f = *state;
    struct buf text;
    buf_init(&text, 65536);
    command_put_overview(&text);
    const char *overview = buf_cstr(&text);
    for (const struct command *c = commands; c->name; c++)
        assert_non_null(strstr(overview, c->name));
    for (const struct option_row *o = common_options; o->letter || o->word; o++)
        assert_non_null(strstr(overview, o->help));
    buf_clear(&text);
    assert_int_equal(parse(f, "ferry help get"), ERR_NONE);
    assert_true(f->inv.wants_help);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(options_stand_before_behind_and_between),
        TEST(a_command_s_own_letters_come_first),
        TEST(letters_combine_and_arguments_may_touch),
        TEST(two_dashes_end_options),
        TEST(words_take_their_argument_either_way),
        TEST(wrong_lines_are_refused_with_a_reason),
        TEST(help_names_every_command_and_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
