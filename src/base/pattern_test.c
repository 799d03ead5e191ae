#include "base/base_test.h"

#include "base/pattern.h"

static const struct {
    const char *pattern, *text;
    bool matches;
} rows[] = {
    {"", "", true},           {"", "a", false},
    {"*", "", true},          {"a*c", "abbbc", true},
    {"a*c", "abbbd", false},  {"?", "", false},
    {"?at", "cat", true},     {"*.de", "x.de", true},
    {"*.de", "x.dee", false}, {"a*b*c", "aXbYbZc", true},
    {"**", "anything", true}, {"EXAMPLE.*", "example.org", true},
};

static void
pattern_matches_stars_and_question_marks(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(pattern_match(bytes_str(rows[i].pattern),
                                       bytes_str(rows[i].text), PATTERN_FOLD),
                         rows[i].matches);
}

static void
pattern_respects_case_when_told(void **state)
{
    (void)state;
    assert_false(pattern_match(BYTES_LIT("Root"), BYTES_LIT("root"), PATTERN_EXACT));
}

/* Exponential matchers never return from this one. */
static void
pattern_with_many_stars_ends_soon(void **state)
{
    (void)state;
    char pattern[202], text[10000];
    for (size_t i = 0; i < 100; i++) {
        pattern[2 * i] = '*';
        pattern[2 * i + 1] = 'a';
    }
    pattern[200] = 'b';
    memset(text, 'a', sizeof text);
    assert_false(pattern_match(bytes_of(pattern, 201), bytes_of(text, sizeof text),
                               PATTERN_EXACT));
}

static void
pattern_list_vetoes_and_needs_a_positive_match(void **state)
{
    (void)state;
    struct bytes list = BYTES_LIT("*.org,!bad.org");
    assert_int_equal(pattern_list_match(list, BYTES_LIT("good.org"), PATTERN_FOLD),
                     PATTERN_YES);
    assert_int_equal(pattern_list_match(list, BYTES_LIT("bad.org"), PATTERN_FOLD),
                     PATTERN_VETO);
    assert_int_equal(pattern_list_match(BYTES_LIT("!x"), BYTES_LIT("y"), PATTERN_FOLD),
                     PATTERN_NO);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pattern_matches_stars_and_question_marks),
        cmocka_unit_test(pattern_respects_case_when_told),
        cmocka_unit_test(pattern_with_many_stars_ends_soon),
        cmocka_unit_test(pattern_list_vetoes_and_needs_a_positive_match),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
