/* The administrator's bans. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/ban.h"

static struct block
block_at(const char *text)
{
    struct block b;
    assert_true(block_parse(bytes_str(text), &b));
    return b;
}

static enum err
add(struct bans *b, const char *block, int64_t until, const char *reason)
{
    struct ban ban = {.block = block_at(block), .since = 10, .until = until};
    snprintf(ban.reason, sizeof ban.reason, "%s", reason);
    return bans_add(b, &ban, 10);
}

static bool
holds(const struct bans *b, const char *text, int64_t wall_s)
{
    struct address a;
    assert_true(address_parse(bytes_str(text), &a));
    return bans_find(b, &a, wall_s) != NULL;
}

static void
blocks_are_read_and_written(void **state)
{
    static const struct {
        const char *text, *shown; /* NULL: refused */
    } cases[] = {
        {"192.0.2.1", "192.0.2.1"},
        {"192.0.2.1/32", "192.0.2.1"},
        {"192.0.2.0/24", "192.0.2.0/24"},
        {"0.0.0.0/0", "0.0.0.0/0"},
        {"2001:DB8::/32", "2001:db8::/32"},
        {"::1", "::1"},
        {"::/0", "::/0"},
        {"::ffff:192.0.2.1", "192.0.2.1"},
        {"192.0.2.1/24", NULL},
        {"192.0.2.0/33", NULL},
        {"192.0.2.0/", NULL},
        {"192.0.2.0/024", NULL},
        {"192.0.2.0/-1", NULL},
        {"2001:db8::/129", NULL},
        {"2001:db8::1/64", NULL},
        {"", NULL},
        {"/24", NULL},
        {"host.example", NULL},
        {"192.0.2.0/24 ", NULL},
        {"192.0.2.0/9999999999", NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct block b;
        char text[BLOCK_TEXT_MAX];
        assert_int_equal(block_parse(bytes_str(cases[i].text), &b),
                         cases[i].shown != NULL);
        if (!cases[i].shown)
            continue;
        block_text(&b, text);
        assert_string_equal(text, cases[i].shown);
    }
}

static void
longest_and_shortest_networks_hold_until_they_end(void **state)
{
    struct bans b = {0};
    (void)state;
    assert_int_equal(add(&b, "192.0.2.0/24", 100, ""), ERR_NONE);
    assert_int_equal(add(&b, "203.0.113.9", BAN_FOREVER, ""), ERR_NONE);
    assert_int_equal(add(&b, "2001:db8::/32", 50, ""), ERR_NONE);
    assert_true(holds(&b, "192.0.2.255", 99));
    assert_false(holds(&b, "192.0.2.255", 100));
    assert_false(holds(&b, "192.0.3.0", 99));
    assert_true(holds(&b, "203.0.113.9", INT64_MAX));
    assert_true(holds(&b, "203.0.113.9", INT64_MIN));
    assert_false(holds(&b, "203.0.113.8", 20));
    assert_true(holds(&b, "2001:db8:ffff::1", 49));
    assert_false(holds(&b, "2001:db9::1", 49));
    bans_clear(&b);
}

static void
second_ban_of_a_block_replaces_the_first(void **state)
{
    struct bans b = {0};
    (void)state;
    assert_int_equal(add(&b, "192.0.2.1", 100, "one"), ERR_NONE);
    assert_int_equal(add(&b, "192.0.2.1", 200, "two"), ERR_NONE);
    assert_int_equal(b.n, 1);
    assert_string_equal(b.sorted[0].reason, "two");
    assert_int_equal(b.sorted[0].until, 200);
    assert_int_equal(add(&b, "192.0.2.2", 10, "over already"), ERR_PROTO);
    struct block other = block_at("192.0.2.0/24"), same = block_at("192.0.2.1/32");
    assert_false(bans_del(&b, &other));
    assert_true(bans_del(&b, &same));
    assert_false(bans_del(&b, &same));
    assert_false(holds(&b, "192.0.2.1", 20));
    bans_clear(&b);
}

static void
table_is_bounded_and_makes_room_from_what_ended(void **state)
{
    struct bans b = {0};
    (void)state;
    for (unsigned i = 0; i < BANS_MAX; i++) {
        char text[32];
        snprintf(text, sizeof text, "10.0.%u.%u", i / 256, i % 256);
        assert_int_equal(add(&b, text, i == 7 ? 11 : BAN_FOREVER, ""), ERR_NONE);
    }
    assert_int_equal(add(&b, "192.0.2.1", 100, ""), ERR_LIMIT);
    struct ban late = {.block = block_at("192.0.2.1"), .until = 100};
    assert_int_equal(bans_add(&b, &late, 12), ERR_NONE);
    assert_int_equal(b.n, BANS_MAX);
    assert_false(holds(&b, "10.0.0.7", 12));
    assert_true(holds(&b, "10.0.15.255", 12));
    bans_clear(&b);
}

static void
reasons_are_one_printable_line(void **state)
{
    struct bans b = {0};
    char many[BAN_REASON_MAX + 1];
    (void)state;
    assert_int_equal(add(&b, "192.0.2.1", 100, "a\nb \x1b[2J"), ERR_NONE);
    assert_string_equal(b.sorted[0].reason, "a\\nb \\x1b[2J");
    memset(many, 0, sizeof many);
    memset(many, '\n', BAN_REASON_MAX);
    assert_int_equal(add(&b, "192.0.2.1", 100, many), ERR_NONE);
    assert_true(strlen(b.sorted[0].reason) <= BAN_REASON_MAX);
    bans_clear(&b);
}

static void
text_round_trips(void **state)
{
    struct bans b = {0}, again = {0};
    struct buf one, other;
    struct fault why = {0};
    (void)state;
    buf_init(&one, BAN_FILE_MAX);
    buf_init(&other, BAN_FILE_MAX);
    assert_int_equal(add(&b, "2001:db8::/32", BAN_FOREVER, "a  reason\\x"), ERR_NONE);
    assert_int_equal(add(&b, "192.0.2.0/24", 100, ""), ERR_NONE);
    assert_int_equal(add(&b, "192.0.2.1", 11, "ended when it is read"), ERR_NONE);
    bans_put(&b, &one);
    assert_int_equal(bans_parse(&again, buf_bytes(&one), 10, &why), ERR_NONE);
    bans_put(&again, &other);
    assert_true(bytes_eq(buf_bytes(&one), buf_bytes(&other)));
    bans_clear(&again);
    assert_int_equal(bans_parse(&again, buf_bytes(&one), 11, &why), ERR_NONE);
    assert_int_equal(again.n, 2);
    bans_clear(&again);
    bans_clear(&b);
    buf_clear(&one);
    buf_clear(&other);
}

static void
malformed_lines_are_refused_by_number(void **state)
{
    static const char *const lines[] = {"",
                                        "192.0.2.1",
                                        "192.0.2.1 1",
                                        "192.0.2.1 1 x r",
                                        "192.0.2.1/24 1 - r",
                                        "192.0.2.1 -1 - r",
                                        "192.0.2.1 1 9999999999999999999 r",
                                        "192.0.2.1 1 - \x1b",
                                        "x 1 - r"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct bans b = {0};
        struct fault why = {0};
        char text[200];
        snprintf(text, sizeof text, "203.0.113.1 1 - good\n%s\n", lines[i]);
        assert_int_equal(bans_parse(&b, bytes_str(text), 10, &why), ERR_PROTO);
        assert_string_equal(why.text, "line 2 is no ban");
        bans_clear(&b);
    }
}

static void
file_is_replaced_whole_and_private(void **state)
{
    char folder[] = "/tmp/ferry-ban-XXXXXX", path[64];
    struct bans b = {0}, again = {0};
    struct fault why = {0};
    struct stat st;
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/bans", folder);
    assert_int_equal(ban_file_load(&again, path, 10, &why), ERR_NONE); /* not there yet */
    assert_int_equal(again.n, 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(add(&b, i ? "192.0.2.1" : "192.0.2.2", 100, "why"), ERR_NONE);
        assert_int_equal(ban_file_save(&b, path, &why), ERR_NONE);
    }
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(ban_file_load(&again, path, 10, &why), ERR_NONE);
    assert_int_equal(again.n, 2);
    assert_int_equal(chmod(path, 0644), 0); /* not as we made it */
    assert_int_equal(ban_file_load(&again, path, 10, &why), ERR_AUTH);
    unlink(path);
    assert_int_equal(rmdir(folder), 0); /* nothing else was left there */
    assert_int_equal(ban_file_save(&b, path, &(struct fault){0}), ERR_IO);
    bans_clear(&b);
    bans_clear(&again);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_read_and_written),
        cmocka_unit_test(longest_and_shortest_networks_hold_until_they_end),
        cmocka_unit_test(second_ban_of_a_block_replaces_the_first),
        cmocka_unit_test(table_is_bounded_and_makes_room_from_what_ended),
        cmocka_unit_test(reasons_are_one_printable_line),
        cmocka_unit_test(text_round_trips),
        cmocka_unit_test(malformed_lines_are_refused_by_number),
        cmocka_unit_test(file_is_replaced_whole_and_private),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
