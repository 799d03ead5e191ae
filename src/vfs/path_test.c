/* The one path parser: threats P1, P9. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "vfs/path.h"

static void
parse_normalises(void **state)
{
    static const char *const cases[][3] = {
        /* start, name, result */
        {"/", "", "/"},
        {"/", "/", "/"},
        {"/", "//", "/"},
        {"/", ".", "/"},
        {"/", "..", "/"},
        {"/", "/../..", "/"},
        {"/", "a", "/a"},
        {"/", "a/", "/a"},
        {"/", "a//b", "/a/b"},
        {"/", "a/./b/.", "/a/b"},
        {"/", "a/../b", "/b"},
        {"/", "a/../../b", "/b"},
        {"/s/t", "", "/s/t"},
        {"/s/t", "x", "/s/t/x"},
        {"/s/t", "../x", "/s/x"},
        {"/s/t", "/x", "/x"},
        {"/s/t", "../../..", "/"},
        {"/", "...", "/..."},
        {"/", "..a/.b", "/..a/.b"},
        {"/", "a\\..\\b", "/a\\..\\b"},
        {"/", "\xff\xfe/\xc0\xae", "/\xff\xfe/\xc0\xae"},
        {"/", " ", "/ "},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct vfs_path start, p;
        assert_int_equal(vfs_path_parse(&start, NULL, bytes_str(cases[i][0])), 0);
        assert_int_equal(vfs_path_parse(&p, &start, bytes_str(cases[i][1])), 0);
        assert_string_equal(p.text, cases[i][2]);
        assert_int_equal(p.n, strlen(p.text));
    }
}

static void
parse_refuses_what_no_file_system_has(void **state)
{
    (void)state;
    char *long_name = malloc(70000);
    assert_non_null(long_name);
    memset(long_name, 'a', 70000);
    static const struct {
        size_t n;
        int error;
    } cases[] = {{255, 0},
                 {256, ENAMETOOLONG},
                 {4095, ENAMETOOLONG},
                 {4096, ENAMETOOLONG},
                 {70000, ENAMETOOLONG}};
    struct vfs_path p;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(vfs_path_parse(&p, NULL, bytes_of(long_name, cases[i].n)),
                         cases[i].error);
    for (size_t i = 0; i < 70000; i += 2)
        long_name[i] = '/';
    assert_int_equal(vfs_path_parse(&p, NULL, bytes_of(long_name, 4094)), 0);
    assert_int_equal(p.n, 4094);
    assert_int_equal(vfs_path_parse(&p, &p, BYTES_LIT("bb")), ENAMETOOLONG);
    assert_string_equal(p.text, "/"); /* nothing half-done is left */
    assert_int_equal(vfs_path_parse(&p, NULL, bytes_of("a\0b", 3)), EINVAL);
    assert_int_equal(vfs_path_parse(&p, NULL, bytes_of("\0", 1)), EINVAL);
    free(long_name);
}

static void
last_and_relative_are_what_system_calls_want(void **state)
{
    struct vfs_path p;
    (void)state;
    assert_int_equal(vfs_path_parse(&p, NULL, BYTES_LIT("/a/b")), 0);
    assert_string_equal(vfs_path_relative(&p), "a/b");
    assert_string_equal(vfs_path_last(&p), "b");
    vfs_path_pop(&p);
    vfs_path_pop(&p);
    vfs_path_pop(&p);
    assert_string_equal(vfs_path_relative(&p), ".");
    assert_string_equal(vfs_path_last(&p), ".");
}

static bool
is_normal(const struct vfs_path *p)
{
    if (p->text[0] != '/' || strlen(p->text) != p->n)
        return false;
    if (vfs_path_is_root(p))
        return true;
    return !strstr(p->text, "//") && !strstr(p->text, "/./") &&
           !strstr(p->text, "/../") && p->text[p->n - 1] != '/' &&
           strcmp(vfs_path_last(p), "..") != 0 && strcmp(vfs_path_last(p), ".") != 0;
}

static void
whatever_is_parsed_comes_out_normal(void **state)
{
    static const char *const parts[] = {"..", ".", "", "a", "b", "...", "..a", "\xff"};
    (void)state;
    for (unsigned seed = 0; seed < 100000; seed++) {
        char name[256] = "";
        unsigned x = seed;
        for (int i = 0; i < 6; i++, x /= 8) {
            strcat(name, parts[x % 8]);
            strcat(name, "/");
        }
        struct vfs_path p;
        assert_int_equal(vfs_path_parse(&p, NULL, bytes_str(name)), 0);
        if (!is_normal(&p))
            fail_msg("\"%s\" became \"%s\"", name, p.text);
        struct vfs_path again;
        assert_int_equal(vfs_path_parse(&again, NULL, vfs_path_bytes(&p)), 0);
        assert_string_equal(again.text, p.text);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_normalises),
        cmocka_unit_test(parse_refuses_what_no_file_system_has),
        cmocka_unit_test(last_and_relative_are_what_system_calls_want),
        cmocka_unit_test(whatever_is_parsed_comes_out_normal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
