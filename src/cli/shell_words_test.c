/* Words of a shell line, and what their patterns match. */
#include "base/base_test.h"

#include "cli/path_glob.h"
#include "cli/shell_words.h"

static const struct split_case {
    const char *line;
    const char *words; /* joined by "|" */
} split_cases[] = {
    {"", ""},
    {"   ", ""},
    {"# a remark", ""},
    {"ls", "ls"},
    {"  get  a\tb ", "get|a|b"},
    {"get a #b", "get|a"},
    {"get a\\ b", "get|a b"},
    {"get \"a b\" 'c d'", "get|a b|c d"},
    {"get a\" \"b", "get|a b"},
    {"get \"\" x", "get||x"},
    {"get \"a#b\"", "get|a#b"},
    /* wildcards: quoted ones get a backslash, others stay */
    {"get *.c", "get|*.c"},
    {"get \"*.c\"", "get|\\*.c"},
    {"get \\*.c", "get|\\*.c"},
    {"get 'a[1]?'", "get|a\\[1]\\?"},
    {"get '\\*'", "get|\\\\\\*"},
    {"get a\\\\b", "get|a\\\\b"},
    {"get \"a\\\"b\"", "get|a\"b"},
    {"get a\\'b", "get|a'b"},
    {"get b\\", "get|b\\\\"},
    /* a home only when it is not quoted, and at the start */
    {"cd ~/x", "cd|~/x"},
    {"cd '~/x'", "cd|\\~/x"},
    {"cd a~", "cd|a~"},
};

static void
lines_are_split_as_sftp_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(split_cases); i++) {
        struct shell_words w;
        struct buf joined;
        shell_words_init(&w);
        buf_init(&joined, 4096);
        assert_int_equal(shell_words_split(&w, split_cases[i].line), ERR_NONE);
        for (size_t k = 0; k < w.n; k++) {
            if (k != 0)
                buf_put_u8(&joined, '|');
            buf_put_str(&joined, shell_words_at(&w, k));
        }
        assert_string_equal(buf_cstr(&joined), split_cases[i].words);
        assert_int_equal(w.open_quote, 0);
        buf_clear(&joined);
        shell_words_clear(&w);
    }
}

static void
an_open_quote_is_told(void **state)
{
    struct shell_words w;
    (void)state;
    shell_words_init(&w);
    assert_int_equal(shell_words_split(&w, "get \"a b"), ERR_NONE);
    assert_int_equal(w.open_quote, '"');
    assert_int_equal(w.last_start, 4);
    shell_words_clear(&w);
}

static void
too_many_words_are_refused(void **state)
{
    char line[2 * SHELL_WORDS_MAX + 3];
    struct shell_words w;
    (void)state;
    for (size_t i = 0; i <= SHELL_WORDS_MAX; i++)
        memcpy(line + 2 * i, "a ", 3);
    shell_words_init(&w);
    assert_int_equal(shell_words_split(&w, line), ERR_LIMIT);
    shell_words_clear(&w);
}

static void
a_line_longer_than_the_limit_is_refused(void **state)
{
    static char line[SHELL_LINE_MAX + 2];
    struct shell_words w;
    (void)state;
    memset(line, 'a', SHELL_LINE_MAX + 1);
    shell_words_init(&w);
    assert_int_equal(shell_words_split(&w, line), ERR_LIMIT);
    shell_words_clear(&w);
}

static void
text_of_a_word_is_what_was_meant(void **state)
{
    char word[] = "a\\*b\\\\c\\[";
    (void)state;
    shell_word_text(word);
    assert_string_equal(word, "a*b\\c[");
}

static const struct match_case {
    const char *pattern, *name;
    bool matches;
} match_cases[] = {
    {"*", "a", true},       {"*", ".a", false},
    {".*", ".a", true},     {"a*c", "abbc", true},
    {"a*c", "abbd", false}, {"a?c", "abc", true},
    {"a?c", "ac", false},   {"\\*", "*", true},
    {"\\*", "a", false},    {"\\?", "?", true},
    {"\\?", "a", false},    {"[abc]", "b", true},
    {"[a-c]", "b", true},   {"[a-c]", "d", false},
    {"[!a-c]", "d", true},  {"[^a-c]", "b", false},
    {"[]]", "]", true},     {"[", "[", true},
    {"[a", "[a", true},     {"a[b", "a[b", true},
    {"*[0-9]", "x7", true}, {"*a*a*a*b", "aaaaaaaaaaaa", false},
    {"?", ".", false},      {"[.]a", ".a", false},
    {"a\\", "a\\", true},   {"[\\]]", "]", true},
};

static void
components_match_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(match_cases); i++) {
        const struct match_case *c = &match_cases[i];
        if (glob_match(bytes_str(c->pattern), bytes_str(c->name)) != c->matches)
            fail_msg("%s and %s", c->pattern, c->name);
    }
}

static bool
fake_list(void *ctx, const char *dir, struct listing *names)
{
    static const char *const top[] = {"a1", "..", "x/../../etc", "a2", ".hidden", ""};
    static const struct sftp_attrs dirs = {.flags = SFTP_ATTR_PERMISSIONS,
                                           .permissions = 040755};
    (void)ctx;
    if (strcmp(dir, "/d/") != 0)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(top); i++)
        assert_int_equal(listing_add(names, bytes_str(top[i]), &dirs), ERR_NONE);
    return true;
}

static bool
fake_look(void *ctx, const char *path, struct sftp_attrs *attrs)
{
    (void)ctx;
    *attrs = (struct sftp_attrs){0};
    return strcmp(path, "/d/a2/f") == 0;
}

static const struct glob_source fake = {fake_list, fake_look, NULL};

/* threats L1: what a server calls "..", or with a slash in it, is never a path. */
static void
unsafe_names_stand_for_nothing(void **state)
{
    struct listing found = {0};
    (void)state;
    assert_int_equal(glob_expand(&fake, "/d/*", &found), ERR_NONE);
    assert_int_equal(found.n, 2);
    assert_string_equal(found.entries[0].name, "/d/a1");
    assert_string_equal(found.entries[1].name, "/d/a2");
    listing_clear(&found);
}

static void
wildcards_in_the_middle_are_walked(void **state)
{
    struct listing found = {0};
    (void)state;
    assert_int_equal(glob_expand(&fake, "/d/a?/f", &found), ERR_NONE);
    assert_int_equal(found.n, 1);
    assert_string_equal(found.entries[0].name, "/d/a2/f");
    listing_clear(&found);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_split_as_sftp_does),
        cmocka_unit_test(an_open_quote_is_told),
        cmocka_unit_test(too_many_words_are_refused),
        cmocka_unit_test(a_line_longer_than_the_limit_is_refused),
        cmocka_unit_test(text_of_a_word_is_what_was_meant),
        cmocka_unit_test(components_match_names),
        cmocka_unit_test(unsafe_names_stand_for_nothing),
        cmocka_unit_test(wildcards_in_the_middle_are_walked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
