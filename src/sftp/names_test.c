/* Names and paths: what a server lists is one safe component or nothing (L1). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "sftp/names.h"
#include "wire/put.h"

static void
names_that_choose_paths_are_unsafe(void **state)
{
    (void)state;
    static const struct bytes unsafe[] = {
        {0},
        BYTES_LIT("."),
        BYTES_LIT(".."),
        BYTES_LIT("/"),
        BYTES_LIT("a/b"),
        BYTES_LIT("/etc/passwd"),
        BYTES_LIT("../x"),
        BYTES_LIT("a/.."),
        BYTES_LIT("\0"),
        BYTES_LIT("a\0b"),
    };
    for (size_t i = 0; i < ARRAY_LEN(unsafe); i++)
        assert_false(sftp_name_is_safe(unsafe[i]));
}

static void
odd_names_of_one_component_are_safe(void **state)
{
    (void)state;
    static const char *const safe[] = {"a",    "...",  "-rf",  " ",        "a\nb",
                                       "\x1b", "..a",  "a..",  "\xff\xfe", "~",
                                       "C:",   "a\\b", "$(x)", "'",        "con"};
    for (size_t i = 0; i < ARRAY_LEN(safe); i++)
        assert_true(sftp_name_is_safe(bytes_str(safe[i])));
}

static void
names_end_at_255_octets(void **state)
{
    (void)state;
    uint8_t name[SFTP_NAME_MAX + 1];
    memset(name, 'x', sizeof name);
    assert_true(sftp_name_is_safe(bytes_of(name, SFTP_NAME_MAX)));
    assert_false(sftp_name_is_safe(bytes_of(name, SFTP_NAME_MAX + 1)));
}

static void
join_puts_one_slash_between(void **state)
{
    (void)state;
    static const struct {
        const char *dir, *name, *path;
    } cases[] = {
        {"", "a", "a"}, {"/", "a", "/a"}, {"d", "a", "d/a"}, {"/d/", "a", "/d/a"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf b;
        buf_init(&b, 100);
        sftp_path_join(&b, bytes_str(cases[i].dir), bytes_str(cases[i].name));
        assert_string_equal(buf_cstr(&b), cases[i].path);
        buf_clear(&b);
    }
}

static void
paths_fall_into_directory_and_base(void **state)
{
    (void)state;
    static const struct {
        const char *path, *dir, *base;
    } cases[] = {
        {"a", "", "a"},      {"/a", "/", "a"},     {"a/b", "a", "b"},
        {"/a/b", "/a", "b"}, {"/a/b/", "/a", "b"}, {"a//b", "a", "b"},
        {"a/b//", "a", "b"}, {"//a", "/", "a"},    {"a/..", "a", ".."},
        {"", "", ""},        {"/", "/", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bytes path = bytes_str(cases[i].path);
        assert_true(bytes_eq_str(sftp_path_dir(path), cases[i].dir));
        assert_true(bytes_eq_str(sftp_path_base(path), cases[i].base));
    }
}

static void
put_entry(struct buf *b, const char *name)
{
    put_cstring(b, name);
    put_cstring(b, "long");
    put_attrs(b, &(struct sftp_attrs){.flags = SFTP_ATTR_SIZE, .size = 7});
}

static void
a_walk_reads_every_entry(void **state)
{
    (void)state;
    struct buf b;
    struct sftp_names names;
    struct sftp_name name;
    buf_init(&b, 1000);
    put_entry(&b, "one");
    put_entry(&b, "two");
    assert_true(sftp_names_init(&names, 2, buf_bytes(&b)));
    assert_true(sftp_names_next(&names, &name));
    assert_true(bytes_eq_str(name.filename, "one"));
    assert_int_equal(name.attrs.size, 7);
    assert_true(sftp_names_next(&names, &name));
    assert_true(bytes_eq_str(name.filename, "two"));
    assert_false(sftp_names_next(&names, &name));
    buf_clear(&b);
}

static void
a_count_that_lies_is_refused(void **state)
{
    (void)state;
    static const uint32_t counts[] = {3, 100, 0x7fffffff, 0xffffffff};
    struct buf b;
    struct sftp_names names;
    buf_init(&b, 1000);
    put_entry(&b, "one");
    put_entry(&b, "two");
    for (size_t i = 0; i < ARRAY_LEN(counts); i++)
        assert_false(sftp_names_init(&names, counts[i], buf_bytes(&b)));
    buf_clear(&b);
}

static void
an_entry_cut_anywhere_is_refused(void **state)
{
    (void)state;
    struct buf b;
    struct sftp_names names;
    buf_init(&b, 1000);
    put_entry(&b, "one");
    for (size_t n = 0; n < b.n; n++)
        assert_false(sftp_names_init(&names, 1, bytes_first(buf_bytes(&b), n)));
    buf_clear(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_choose_paths_are_unsafe),
        cmocka_unit_test(odd_names_of_one_component_are_safe),
        cmocka_unit_test(names_end_at_255_octets),
        cmocka_unit_test(join_puts_one_slash_between),
        cmocka_unit_test(paths_fall_into_directory_and_base),
        cmocka_unit_test(a_walk_reads_every_entry),
        cmocka_unit_test(a_count_that_lies_is_refused),
        cmocka_unit_test(an_entry_cut_anywhere_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
