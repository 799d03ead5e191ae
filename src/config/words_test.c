/* The configuration grammar: lines into words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "config/words.h"

static const struct {
    const char *line;
    const char *words[5]; /* keyword first, NULL behind the last */
} rows[] = {
    {"", {NULL}},
    {"   # comment", {NULL}},
    {"Port 22", {"Port", "22"}},
    {"  Port=22", {"Port", "22"}},
    {"Port = 22  ", {"Port", "22"}},
    {"\tHost a b\tc", {"Host", "a", "b", "c"}},
    {"IdentityFile \"~/my key\"", {"IdentityFile", "~/my key"}},
    {"IdentityFile 'a \"b'", {"IdentityFile", "a \"b"}},
    {"IdentityFile a\\ b", {"IdentityFile", "a b"}},
    {"X \"a\\\"b\\\\c\"", {"X", "a\"b\\c"}},
    {"X a\\nb", {"X", "a\\nb"}},
    {"X a # b", {"X", "a"}},
    {"X a#b", {"X", "a#b"}},
    {"X \"\" b", {"X", "", "b"}},
    {"Key", {"Key"}},
};

static void
words_follow_the_grammar(void **state)
{
    (void)state;
    struct words w;
    words_init(&w);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *why = NULL;
        assert_int_equal(words_split(&w, bytes_str(rows[i].line), &why), ERR_NONE);
        size_t n = 0;
        for (; rows[i].words[n]; n++) {
            assert_true(n < w.n);
            assert_string_equal(words_at(&w, n), rows[i].words[n]);
        }
        assert_int_equal(w.n, n);
    }
    words_clear(&w);
}

static void
words_keep_the_rest_of_the_line_raw(void **state)
{
    (void)state;
    struct words w;
    const char *why = NULL;
    words_init(&w);
    assert_int_equal(
        words_split(&w, BYTES_LIT("ProxyCommand  nc -X \"5\" %h  %p "), &why), ERR_NONE);
    assert_true(bytes_eq(w.rest, BYTES_LIT("nc -X \"5\" %h  %p")));
    words_clear(&w);
}

static void
words_refuse_open_quotes_nul_and_excess(void **state)
{
    (void)state;
    static char long_line[CONFIG_LINE_MAX + 2], many[2 * CONFIG_WORDS_MAX + 2];
    memset(long_line, 'a', sizeof long_line);
    for (size_t i = 0; i < sizeof many; i++)
        many[i] = i % 2 ? ' ' : 'a';
    const struct bytes bad[] = {
        BYTES_LIT("X \"abc"), BYTES_LIT("X 'abc\""), BYTES_LIT("X a\0b"),
        bytes_of(long_line, sizeof long_line), bytes_of(many, sizeof many)};
    struct words w;
    words_init(&w);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        const char *why = NULL;
        assert_int_equal(words_split(&w, bad[i], &why), ERR_PROTO);
        assert_non_null(why);
        assert_int_equal(w.n, 0);
    }
    words_clear(&w);
}

static void
lines_end_at_lf_and_lose_their_cr(void **state)
{
    (void)state;
    struct bytes rest = BYTES_LIT("a\r\nb\n\nc"), line;
    const char *want[] = {"a", "b", "", "c"};
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        assert_true(config_next_line(&rest, &line));
        assert_true(bytes_eq_str(line, want[i]));
    }
    assert_false(config_next_line(&rest, &line));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_follow_the_grammar),
        cmocka_unit_test(words_keep_the_rest_of_the_line_raw),
        cmocka_unit_test(words_refuse_open_quotes_nul_and_excess),
        cmocka_unit_test(lines_end_at_lf_and_lose_their_cr),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
