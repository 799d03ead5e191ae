/* Figures and names for people; names are hostile (threats L3, G1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "admin/show.h"

static void
check_text(struct buf *out, const char *wanted)
{
    assert_string_equal(buf_cstr(out), wanted);
    buf_clear(out);
}

static void
spans_have_two_figures_at_most(void **state)
{
    static const struct {
        uint64_t ms;
        const char *text;
    } cases[] = {{0, "0s"},
                 {999, "0s"},
                 {59999, "59s"},
                 {60000, "1m00s"},
                 {3599000, "59m59s"},
                 {3600000, "1h00m"},
                 {86399000, "23h59m"},
                 {86400000, "1d00h"},
                 {UINT64_MAX, "213503982334d14h"}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out;
        buf_init(&out, 100);
        show_span(&out, cases[i].ms);
        check_text(&out, cases[i].text);
    }
}

static void
cells_are_exactly_as_wide_as_asked(void **state)
{
    static const struct {
        const char *in;
        size_t columns;
        const char *start, *end, *figure;
    } cases[] = {
        {"abc", 5, "abc  ", "abc  ", "  abc"},
        {"abcde", 5, "abcde", "abcde", "abcde"},
        {"abcdef", 5, "abcd~", "~cdef", "abcd~"},
        {"", 2, "  ", "  ", "  "},
        {"abc", 1, "~", "~", "~"},
        {"日本語", 6, "日本語", "日本語", "日本語"},
        {"日本語", 5, "日本~", "~本語", "日本~"},
        {"日本語", 4, "日~ ", "~語 ", "日~ "},
        {"e\xcc\x81t\xc3\xa9", 4, "e\xcc\x81t\xc3\xa9 ", "e\xcc\x81t\xc3\xa9 ",
         " e\xcc\x81t\xc3\xa9"},
        {"\x1b[2J", 9, "\\x1b[2J  ", "\\x1b[2J  ", "  \\x1b[2J"},
        {"a\nb", 4, "a\\nb", "a\\nb", "a\\nb"},
        {"\xff", 4, "\\xff", "\\xff", "\\xff"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out;
        buf_init(&out, 100);
        show_cell(&out, bytes_str(cases[i].in), cases[i].columns);
        assert_int_equal(show_columns(buf_bytes(&out)), cases[i].columns);
        check_text(&out, cases[i].start);
        show_cell_end(&out, bytes_str(cases[i].in), cases[i].columns);
        check_text(&out, cases[i].end);
        show_figure(&out, bytes_str(cases[i].in), cases[i].columns);
        check_text(&out, cases[i].figure);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_have_two_figures_at_most),
        cmocka_unit_test(cells_are_exactly_as_wide_as_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
