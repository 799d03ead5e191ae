/* Listings from attributes: letters, order, columns, hostile names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cli/listing.h"

enum { ALL_FLAGS = 0xf };
static const time_t now = 1700000000;

static void
add(struct listing *l, const char *name, uint32_t mode, uint64_t size, uint32_t mtime)
{
    const struct sftp_attrs attrs = {.flags = ALL_FLAGS,
                                     .size = size,
                                     .uid = 1000,
                                     .gid = 100,
                                     .permissions = mode,
                                     .mtime = mtime};
    assert_int_equal(listing_add(l, bytes_str(name), &attrs), ERR_NONE);
}

static void
check(struct listing *l, const struct listing_style *style, const char *want)
{
    struct buf out;
    buf_init(&out, 65536);
    listing_put(&out, l, style);
    buf_put_u8(&out, 0);
    assert_string_equal((const char *)out.p, want);
    buf_clear(&out);
}

static void
long_lines_come_from_attributes(void **state)
{
    (void)state;
    setenv("TZ", "UTC", 1);
    struct listing l = {0};
    add(&l, "new", 0100644, 1234, 1699999000);
    add(&l, "old", 0104755, 7, 1600000000);
    add(&l, "dir", 041777, 4096, 1699999000);
    check(&l, &(struct listing_style){.is_long = true, .now = now},
          "drwxrwxrwt 1000     100            4096 Nov 14 21:56 dir\n"
          "-rw-r--r-- 1000     100            1234 Nov 14 21:56 new\n"
          "-rwsr-xr-x 1000     100               7 Sep 13  2020 old\n");
    listing_clear(&l);
}

static void
missing_attributes_show_as_unknown(void **state)
{
    (void)state;
    struct listing l = {0};
    const struct sftp_attrs none = {.flags = 0};
    assert_int_equal(listing_add(&l, BYTES_LIT("x"), &none), ERR_NONE);
    check(&l, &(struct listing_style){.is_long = true, .now = now},
          "?????????? ?        ?                 ?            ? x\n");
    listing_clear(&l);
}

static void
order_is_by_name_time_or_size(void **state)
{
    (void)state;
    struct listing l = {0};
    add(&l, "b", 0100644, 3, 10);
    add(&l, "a", 0100644, 1, 30);
    add(&l, "c", 0100644, 2, 20);
    check(&l, &(struct listing_style){.is_single_column = true}, "a\nb\nc\n");
    check(&l, &(struct listing_style){.by_time = true}, "a\nc\nb\n");
    check(&l, &(struct listing_style){.by_size = true}, "b\nc\na\n");
    check(&l, &(struct listing_style){.by_size = true, .is_reversed = true}, "a\nc\nb\n");
    listing_clear(&l);
}

static void
columns_fill_downwards(void **state)
{
    (void)state;
    struct listing l = {0};
    add(&l, "a", 0100644, 0, 0);
    add(&l, "bb", 0100644, 0, 0);
    add(&l, "ccc", 0100644, 0, 0);
    add(&l, "d", 0100644, 0, 0);
    check(&l, &(struct listing_style){.width = 12}, "a    ccc\nbb   d\n");
    check(&l, &(struct listing_style){.width = 1}, "a\nbb\nccc\nd\n");
    listing_clear(&l);
}

static void
hostile_names_are_encoded(void **state)
{
    (void)state;
    struct listing l = {0};
    add(&l, "a\033[2Jb\nc\xe2\x80\xae", 0100644, 0, 0);
    check(&l, &(struct listing_style){.is_single_column = true},
          "a\\x1b[2Jb\\nc\\xe2\\x80\\xae\n");
    listing_clear(&l);
}

static void
colour_marks_directories_and_programs(void **state)
{
    (void)state;
    struct listing l = {0};
    add(&l, "d", 040755, 0, 0);
    add(&l, "p", 0100755, 0, 0);
    add(&l, "x", 0100644, 0, 0);
    check(&l, &(struct listing_style){.has_color = true},
          "\033[1;34md\033[0m\n\033[1;32mp\033[0m\nx\n");
    listing_clear(&l);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_lines_come_from_attributes),
        cmocka_unit_test(missing_attributes_show_as_unknown),
        cmocka_unit_test(order_is_by_name_time_or_size),
        cmocka_unit_test(columns_fill_downwards),
        cmocka_unit_test(hostile_names_are_encoded),
        cmocka_unit_test(colour_marks_directories_and_programs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
