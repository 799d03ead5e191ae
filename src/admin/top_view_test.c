/* What `ferryd top` shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "admin/show.h"
#include "admin/top_view.h"
#include "vfs/vfs.h"

static int
set_up(void **state)
{
    struct top_view *v = calloc(1, sizeof *v);
    assert_non_null(v);
    top_view_resize(v, 100, 10); /* six rows fit */
    *state = v;
    return 0;
}

static int
tear_down(void **state)
{
    top_view_clear(*state);
    free(*state);
    return 0;
}

static struct control_session
session_of(uint64_t id, const char *account, uint64_t rate)
{
    struct control_session s = {.id = id,
                                .is_authenticated = true,
                                .rate_in = rate,
                                .octets_in = rate * 10,
                                .age_ms = id * 1000,
                                .host = "192.0.2.1",
                                .client = "OpenSSH_9.2"};
    snprintf(s.account, sizeof s.account, "%s", account);
    return s;
}

static void
fill(struct top_view *v, size_t n)
{
    top_view_begin(v);
    for (size_t i = 1; i <= n; i++) {
        char name[16];
        snprintf(name, sizeof name, "user%02zu", 99 - i);
        struct control_session s = session_of(i, name, i * 100);
        top_view_add(v, &s);
    }
    top_view_settle(v);
}

static void
rows_are_sorted_and_equal_ones_keep_their_order(void **state)
{
    struct top_view *v = *state;
    fill(v, 5);
    assert_int_equal(v->rows[0].id, 5); /* by rate */
    while (v->order != TOP_BY_ACCOUNT)
        top_view_next_order(v);
    assert_string_equal(v->rows[0].account, "user94");
    top_view_next_order(v); /* by address: all the same */
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(v->rows[i].id, i + 1);
    top_view_next_order(v);
    assert_int_equal(v->rows[0].id, 5); /* by age: the oldest */
    top_view_next_order(v);
    assert_int_equal(v->order, TOP_BY_RATE);
}

static void
selection_follows_its_session(void **state)
{
    struct top_view *v = *state;
    fill(v, 5);
    top_view_move(v, 2);
    assert_int_equal(top_view_selected(v)->id, 3);
    top_view_next_order(v);
    top_view_next_order(v);
    assert_int_equal(top_view_selected(v)->id, 3);
    fill(v, 9);
    assert_int_equal(top_view_selected(v)->id, 3);
    fill(v, 2); /* it is gone: a neighbour */
    assert_non_null(top_view_selected(v));
    fill(v, 0);
    assert_null(top_view_selected(v));
    top_view_move(v, 5);
    assert_null(top_view_selected(v));
}

static void
selection_stays_on_the_screen(void **state)
{
    struct top_view *v = *state;
    fill(v, 50);
    static const int moves[] = {1, 30, -5, 1000, -3, -1000, 7};
    for (size_t i = 0; i < ARRAY_LEN(moves); i++) {
        top_view_move(v, moves[i]);
        assert_true(v->selected >= v->first && v->selected < v->first + 6);
        assert_true(v->first + 6 <= v->n);
    }
    top_view_resize(v, 100, 8);
    assert_true(v->selected >= v->first && v->selected < v->first + 4);
}

/* Lines of the screen without renditions; checks that each has the width. */
static size_t
check_screen(const struct top_view *v)
{
    struct buf out, line;
    size_t n_lines = 1;
    buf_init(&out, 1 << 20);
    buf_init(&line, 1 << 16);
    top_view_draw(v, &out);
    assert_int_equal(buf_err(&out), ERR_NONE);
    for (size_t i = 0; i < out.n; i++) {
        uint8_t c = out.p[i];
        if (c == 0x1b) {
            assert_int_equal(out.p[++i], '[');
            while (!(out.p[i] >= 'A' && out.p[i] <= 'Z') && out.p[i] != 'm')
                i++;
        } else if (c == '\r') {
            assert_int_equal(out.p[++i], '\n');
            assert_int_equal(show_columns(buf_bytes(&line)), v->width);
            buf_reset(&line);
            n_lines++;
        } else {
            assert_true(c >= 0x20 && c != 0x7f);
            buf_put_u8(&line, c);
        }
    }
    assert_int_equal(show_columns(buf_bytes(&line)), v->width);
    buf_clear(&line);
    buf_clear(&out);
    return n_lines;
}

static void
screen_fits_whatever_peers_call_themselves(void **state)
{
    struct top_view *v = *state;
    static const char *const hostile[] = {"\x1b]0;x\x07",       "a\nb\rc",
                                          "\xe2\x80\xae.txt",   "\xff\xfe",
                                          "日本語日本語日本語", ""};
    static const int sizes[][2] = {{100, 10}, {80, 24}, {1, 1}, {40, 6}, {300, 100}};
    top_view_begin(v);
    for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
        struct control_session s = session_of(i + 1, hostile[i], UINT64_MAX);
        s.octets_in = s.octets_out = s.rate_out = s.file_offset = UINT64_MAX;
        s.file_size = 1;
        s.throttle = 1;
        s.file_flags = i % 2 ? VFS_READ : VFS_WRITE | VFS_READ;
        snprintf(s.client, sizeof s.client, "%s", hostile[i]);
        snprintf(s.host, sizeof s.host, "%s", hostile[i]);
        s.path_len = (uint32_t)strlen(hostile[i]);
        memcpy(s.path, hostile[i], s.path_len);
        top_view_add(v, &s);
    }
    top_view_settle(v);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        top_view_resize(v, sizes[i][0], sizes[i][1]);
        assert_int_equal(check_screen(v), v->height);
    }
}

static void
line_tells_file_direction_and_percent(void **state)
{
    struct top_view *v = *state;
    struct buf out;
    struct control_session s = session_of(1, "alice", 2048);
    s.file_flags = VFS_WRITE;
    s.file_size = 200;
    s.file_offset = 99;
    s.path_len = 9;
    memcpy(s.path, "/up/a.bin", 9);
    buf_init(&out, 1 << 16);
    top_view_begin(v);
    top_view_add(v, &s);
    top_view_settle(v);
    top_view_list(v, &out);
    const char *text = buf_cstr(&out);
    const char *row = strstr(text, "alice");
    assert_non_null(row);
    static const char *const words[] = {"192.0.2.1", "OpenSSH_9.2", "/up/a.bin", "up",
                                        "2.0KB/s",   "49%",         "20K"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        const char *at = strstr(row, words[i]);
        if (!at)
            print_error("no %s in: %s\n", words[i], row);
        assert_non_null(at);
    }
    buf_clear(&out);
}

#define WITH_VIEW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_VIEW(rows_are_sorted_and_equal_ones_keep_their_order),
        WITH_VIEW(selection_follows_its_session),
        WITH_VIEW(selection_stays_on_the_screen),
        WITH_VIEW(screen_fits_whatever_peers_call_themselves),
        WITH_VIEW(line_tells_file_direction_and_percent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
