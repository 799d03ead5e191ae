#include "base/base_test.h"

#include "ssh/ident.h"

static void
lines_are_judged(void **state)
{
    (void)state;
    static const struct {
        struct bytes in;
        bool may_have_lines_before;
        enum err err;
        bool is_done;
        const char *software;
    } cases[] = {
        {BYTES_LIT("SSH-2.0-OpenSSH_9.2p1 Debian\r\nrest"), false, ERR_NONE, true,
         "OpenSSH_9.2p1"},
        {BYTES_LIT("SSH-2.0-x\n"), false, ERR_NONE, true, "x"},
        {BYTES_LIT("SSH-1.99-x-y\r\n"), false, ERR_NONE, true, "x-y"},
        {BYTES_LIT("SSH-2.0-x"), false, ERR_NONE, false, ""},
        {BYTES_LIT(""), false, ERR_NONE, false, ""},
        {BYTES_LIT("SSH-1.5-old\r\n"), false, ERR_PROTO, false, ""},
        {BYTES_LIT("SSH-3.0-new\r\n"), false, ERR_PROTO, false, ""},
        {BYTES_LIT("GET / HTTP/1.1\r\n"), false, ERR_PROTO, false, ""},
        {BYTES_LIT("SSH-2.0-a\0b\r\n"), false, ERR_PROTO, false, ""},
        {BYTES_LIT("SSH-2.0-a\x1b[2J\r\n"), false, ERR_PROTO, false, ""},
        {BYTES_LIT("SSH-2.0-a\rb\r\n"), false, ERR_PROTO, false, ""},
        {BYTES_LIT("hello\r\nworld\r\nSSH-2.0-s\r\n"), true, ERR_NONE, true, "s"},
        {BYTES_LIT("hello\r\nSSH-2.0-s\r\n"), false, ERR_PROTO, false, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct ident id = {.n_pre_lines = 0};
        struct fault why = {.code = ERR_NONE};
        size_t used = 0;
        bool is_done = false;
        enum err e = ident_parse(&id, cases[i].in, cases[i].may_have_lines_before, &used,
                                 &is_done, &why);
        if (e != cases[i].err || is_done != cases[i].is_done)
            fail_msg("case %zu: err %d, done %d", i, e, is_done);
        if (e == ERR_NONE)
            assert_string_equal(id.software, cases[i].software);
        else
            assert_string_not_equal(why.text, "");
    }
}

static void
what_follows_the_line_is_left(void **state)
{
    (void)state;
    struct ident id = {.n_pre_lines = 0};
    struct fault why = {.code = ERR_NONE};
    size_t used = 0;
    bool is_done = false;
    struct bytes in = BYTES_LIT("SSH-2.0-x\r\n\0\0\1\n");
    assert_int_equal(ident_parse(&id, in, false, &used, &is_done, &why), ERR_NONE);
    assert_true(is_done);
    assert_int_equal(used, 11);
}

static enum err
parse_all(const char *line, unsigned times, bool may_have_lines_before)
{
    struct ident id = {.n_pre_lines = 0};
    struct fault why = {.code = ERR_NONE};
    enum err e = ERR_NONE;
    for (unsigned i = 0; i < times && e == ERR_NONE; i++) {
        size_t used;
        bool is_done;
        e = ident_parse(&id, bytes_str(line), may_have_lines_before, &used, &is_done,
                        &why);
    }
    return e;
}

static void
text_before_it_is_bounded(void **state)
{
    (void)state;
    char line[1001];
    memset(line, 'x', sizeof line - 2);
    line[999] = '\n';
    line[1000] = '\0';
    assert_int_equal(parse_all("a\n", 64, true), ERR_NONE);
    assert_int_equal(parse_all("a\n", 65, true), ERR_PROTO);
    assert_int_equal(parse_all(line, 8, true), ERR_NONE);
    assert_int_equal(parse_all(line, 9, true), ERR_PROTO);
}

static void
endless_line_is_refused(void **state)
{
    (void)state;
    char line[9000];
    memset(line, 'S', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    assert_int_equal(parse_all(line, 1, true), ERR_PROTO);
    line[255] = '\0';
    assert_int_equal(parse_all(line, 1, false), ERR_PROTO);
    line[254] = '\0';
    assert_int_equal(parse_all(line, 1, false), ERR_NONE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_judged),
        cmocka_unit_test(what_follows_the_line_is_left),
        cmocka_unit_test(text_before_it_is_bounded),
        cmocka_unit_test(endless_line_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
