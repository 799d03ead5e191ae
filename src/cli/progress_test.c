/* Progress lines: figures, widths, rates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cli/progress.h"

static const char *
text_of(struct buf *b)
{
    const char *text = buf_cstr(b);
    assert_non_null(text);
    return text;
}

static void
sizes_take_six_columns(void **state)
{
    (void)state;
    static const struct {
        uint64_t octets;
        const char *text;
    } rows[] = {{0, "   0 B"},
                {9999, "9999 B"},
                {10000, "  10KB"},
                {1794000000, "1711MB"},
                {UINT64_MAX, "  16EB"}};
    struct buf out;
    buf_init(&out, 64);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        buf_reset(&out);
        size_put_short(&out, rows[i].octets);
        assert_string_equal(text_of(&out), rows[i].text);
    }
    buf_clear(&out);
}

static void
human_sizes_have_one_decimal_below_ten(void **state)
{
    (void)state;
    static const struct {
        uint64_t octets;
        const char *text;
    } rows[] = {{512, "512"},        {1023, "1023"},       {1024, "1.0K"},
                {10 << 10, "10K"},   {1824 << 20, "1.8G"}, {1048575, "1.0M"},
                {1ULL << 60, "1.0E"}};
    struct buf out;
    buf_init(&out, 64);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        buf_reset(&out);
        size_put_human(&out, rows[i].octets);
        assert_string_equal(text_of(&out), rows[i].text);
    }
    buf_clear(&out);
}

/* 100 MB/s for `ms`, told every 100 ms. */
static void
run_rate(struct progress_rate *r, uint64_t ms)
{
    progress_rate_start(r, 0, 0);
    for (uint64_t t = 100; t <= ms; t += 100)
        progress_rate_update(r, t, t * 100000);
}

static void
line_shows_percent_size_rate_and_eta(void **state)
{
    (void)state;
    struct progress_rate rate;
    run_rate(&rate, 10000);
    const struct progress_line line = {.name = BYTES_LIT("big.iso"),
                                       .done = 1000000000,
                                       .size = 2000000000,
                                       .is_size_known = true,
                                       .rate = &rate,
                                       .now_ms = 10000};
    struct buf out;
    buf_init(&out, 4096);
    progress_put_line(&out, &line, 80);
    const char *text = text_of(&out);
    assert_non_null(strstr(text, "big.iso"));
    assert_non_null(strstr(text, " 50%  954MB  95.4MB/s   00:10 ETA"));
    assert_true(out.n < 80);
    buf_clear(&out);
}

static void
line_says_stalled_and_unknown(void **state)
{
    (void)state;
    struct progress_rate rate;
    run_rate(&rate, 1000);
    struct progress_line line = {.name = BYTES_LIT("x"),
                                 .done = 5,
                                 .rate = &rate,
                                 .now_ms = 1000 + PROGRESS_STALL_MS};
    struct buf out;
    buf_init(&out, 4096);
    progress_put_line(&out, &line, 80);
    assert_non_null(strstr(text_of(&out), "- stalled -"));
    buf_reset(&out);
    line.now_ms = 1000;
    progress_put_line(&out, &line, 80);
    assert_null(strstr(text_of(&out), "%"));
    assert_non_null(strstr(text_of(&out), "--:-- ETA"));
    buf_clear(&out);
}

static void
lines_fit_every_width(void **state)
{
    (void)state;
    struct progress_rate rate;
    run_rate(&rate, 500);
    /* Three octets a character: a cut in the middle of one would show. */
    static const char name[] = "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82"
                               "\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac";
    struct buf out;
    buf_init(&out, 4096);
    for (int width = 46; width < 200; width++) {
        const struct progress_line line = {.name = bytes_str(name),
                                           .done = 1,
                                           .size = 3,
                                           .is_size_known = true,
                                           .rate = &rate,
                                           .now_ms = 500};
        buf_reset(&out);
        progress_put_line(&out, &line, width);
        size_t columns = 0, leads = 0, tails = 0;
        for (size_t i = 0; i < out.n; i++) {
            columns += (out.p[i] & 0xc0) != 0x80;
            leads += out.p[i] == 0xe2;
            tails += (out.p[i] & 0xc0) == 0x80;
        }
        assert_true(columns < (size_t)width);
        assert_int_equal(tails, 2 * leads);
    }
    buf_clear(&out);
}

static void
total_counts_files_and_octets(void **state)
{
    (void)state;
    struct progress_rate rate;
    run_rate(&rate, 10000);
    const struct progress_sum sum = {.files = 120,
                                     .files_done = 37,
                                     .size = 2000000000,
                                     .done = 1000000000,
                                     .rate = &rate,
                                     .now_ms = 10000};
    struct buf out;
    buf_init(&out, 4096);
    progress_put_total(&out, &sum, 80);
    assert_string_equal(text_of(&out),
                        "total  37/120 files  50%  954MB   95.4MB/s   00:10 ETA");
    buf_clear(&out);
}

static void
a_resume_s_first_octets_are_no_speed(void **state)
{
    (void)state;
    struct progress_rate rate;
    progress_rate_start(&rate, 0, 1000000000);
    progress_rate_update(&rate, 1000, 1000000000 + 1024000);
    assert_true(rate.octets_per_second < 1100000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_take_six_columns),
        cmocka_unit_test(human_sizes_have_one_decimal_below_ten),
        cmocka_unit_test(line_shows_percent_size_rate_and_eta),
        cmocka_unit_test(line_says_stalled_and_unknown),
        cmocka_unit_test(lines_fit_every_width),
        cmocka_unit_test(total_counts_files_and_octets),
        cmocka_unit_test(a_resume_s_first_octets_are_no_speed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
