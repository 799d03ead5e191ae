#include "base/base_test.h"

#include "base/log.h"

static void
escape_leaves_nothing_that_a_terminal_obeys(void **state)
{
    (void)state;
    static const struct {
        struct bytes in;
        const char *out;
    } cases[] = {
        {BYTES_LIT("plain name.txt"), "plain name.txt"},
        {BYTES_LIT("a\nb\rc\td"), "a\\nb\\rc\\td"},
        {BYTES_LIT("\x1b[31mred"), "\\x1b[31mred"},
        {BYTES_LIT("\x1b]0;title\x07"), "\\x1b]0;title\\x07"},
        {BYTES_LIT("del\x7f"), "del\\x7f"},
        {BYTES_LIT("c1 \xc2\x9b"), "c1 \\xc2\\x9b"},
        {BYTES_LIT("back\\slash"), "back\\\\slash"},
        {BYTES_LIT("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f"},
        {BYTES_LIT("rlo \xe2\x80\xae"), "rlo \\xe2\\x80\\xae"},
        {BYTES_LIT("zwsp \xe2\x80\x8b"), "zwsp \\xe2\\x80\\x8b"},
        {BYTES_LIT("cut \xe2\x82"), "cut \\xe2\\x82"},
        {BYTES_LIT("overlong \xc0\xaf"), "overlong \\xc0\\xaf"},
        {BYTES_LIT("surrogate \xed\xa0\x80"), "surrogate \\xed\\xa0\\x80"},
        {BYTES_LIT("nul \0 end"), "nul \\x00 end"},
        {BYTES_LIT("smile \xf0\x9f\x98\x80"), "smile \xf0\x9f\x98\x80"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf b;
        buf_init(&b, 1000);
        text_escape(&b, cases[i].in, 0);
        assert_string_equal(buf_cstr(&b), cases[i].out);
        buf_clear(&b);
    }
}

static void
escape_cuts_and_says_so(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    text_escape(&b, BYTES_LIT("0123456789"), 4);
    assert_string_equal(buf_cstr(&b), "0123...");
    buf_clear(&b);
}

static void
trace_mask_reads_words(void **state)
{
    (void)state;
    assert_int_equal(log_trace_mask("wire,sftp"), TRACE_WIRE | TRACE_SFTP);
    assert_int_equal(log_trace_mask("kex,bogus,chan"), TRACE_KEX | TRACE_CHAN);
    assert_int_equal(log_trace_mask(""), 0);
    assert_int_equal(log_trace_mask(NULL), 0);
}

struct seen {
    char text[2000];
    int n;
};

static void
see(void *ctx, enum log_level level, const char *text)
{
    struct seen *s = ctx;
    (void)level;
    snprintf(s->text, sizeof s->text, "%s", text);
    s->n++;
}

static void
one_event_is_one_bounded_line(void **state)
{
    (void)state;
    struct seen seen = {.n = 0};
    struct log_sink sink = {.line = see, .ctx = &seen};
    char longer[3000];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    log_line(&sink, LOG_LEVEL_INFO, "%s", longer);
    assert_int_equal(seen.n, 1);
    assert_in_range(strlen(seen.text), 1000, 1024);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escape_leaves_nothing_that_a_terminal_obeys),
        cmocka_unit_test(escape_cuts_and_says_so),
        cmocka_unit_test(trace_mask_reads_words),
        cmocka_unit_test(one_event_is_one_bounded_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
