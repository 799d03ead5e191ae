#include "base/base_test.h"

#include "wire/cursor.h"
#include "wire/put.h"

static void
reading_past_the_end_latches(void **state)
{
    (void)state;
    struct cursor c = cursor_of(BYTES_LIT("\0\0\0\5abcd"));
    assert_int_equal(cursor_string(&c).n, 0);
    assert_true(c.failed);
    assert_int_equal(cursor_u8(&c), 0);
    assert_int_equal(cursor_left(&c), 0);
    assert_false(cursor_is_done(&c));
}

static void
huge_length_does_not_wrap(void **state)
{
    (void)state;
    struct cursor c = cursor_of(BYTES_LIT("\xff\xff\xff\xff"
                                          "abcd"));
    assert_int_equal(cursor_string(&c).n, 0);
    assert_true(c.failed);
    c = cursor_of(BYTES_LIT("abcd"));
    assert_int_equal(cursor_raw(&c, SIZE_MAX).n, 0);
    assert_true(c.failed);
}

/* RFC 4251 section 5, and what is not canonical or not positive. */
static void
mpint_accepts_canonical_positive_only(void **state)
{
    (void)state;
    static const struct {
        struct bytes in;
        bool is_ok;
        struct bytes magnitude;
    } cases[] = {
        {BYTES_LIT("\0\0\0\0"), true, BYTES_LIT("")},
        {BYTES_LIT("\0\0\0\x08\x09\xa3\x78\xf9\xb2\xe3\x32\xa7"), true,
         BYTES_LIT("\x09\xa3\x78\xf9\xb2\xe3\x32\xa7")},
        {BYTES_LIT("\0\0\0\2\0\x80"), true, BYTES_LIT("\x80")},
        {BYTES_LIT("\0\0\0\2\xed\xcc"), false, BYTES_LIT("")}, /* -1234 */
        {BYTES_LIT("\0\0\0\1\0"), false, BYTES_LIT("")},
        {BYTES_LIT("\0\0\0\2\0\x7f"), false, BYTES_LIT("")},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct cursor c = cursor_of(cases[i].in);
        assert_bytes_equal(cursor_mpint(&c), cases[i].magnitude);
        assert_int_equal(!c.failed, cases[i].is_ok);
    }
}

static void
put_mpint_writes_the_examples_of_rfc_4251(void **state)
{
    (void)state;
    static const struct {
        struct bytes magnitude, out;
    } cases[] = {
        {BYTES_LIT("\0\0"), BYTES_LIT("\0\0\0\0")},
        {BYTES_LIT("\x80"), BYTES_LIT("\0\0\0\2\0\x80")},
        {BYTES_LIT("\0\x09\xa3\x78\xf9\xb2\xe3\x32\xa7"),
         BYTES_LIT("\0\0\0\x08\x09\xa3\x78\xf9\xb2\xe3\x32\xa7")},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf b;
        buf_init(&b, 100);
        put_mpint(&b, cases[i].magnitude);
        assert_bytes_equal(buf_bytes(&b), cases[i].out);
        buf_clear(&b);
    }
}

static bool
list_is_ok(const char *text, size_t n)
{
    struct buf b;
    buf_init(&b, 100000);
    put_string(&b, bytes_of(text, n));
    struct cursor c = cursor_of(buf_bytes(&b));
    (void)cursor_name_list(&c);
    buf_clear(&b);
    return !c.failed;
}

static void
name_list_keeps_its_limits(void **state)
{
    (void)state;
    assert_true(list_is_ok("", 0));
    assert_true(list_is_ok("a,b@c", 5));
    assert_false(list_is_ok("a,,b", 4));
    assert_false(list_is_ok(",a", 2));
    assert_true(list_is_ok("a,", 2)); /* libssh 0.10 sends such lists */
    assert_false(list_is_ok("a,,", 3));
    assert_false(list_is_ok("a b", 3));
    assert_false(list_is_ok("a\0b", 3));
    assert_false(list_is_ok("a\x7f", 2));
    assert_false(list_is_ok("a\xc3\xa4", 3));
    char name[66];
    memset(name, 'x', sizeof name);
    assert_true(list_is_ok(name, 64));
    assert_false(list_is_ok(name, 65));
    char many[200];
    for (size_t i = 0; i < sizeof many; i++)
        many[i] = i % 2 ? ',' : 'n';
    assert_true(list_is_ok(many, 64 * 2 - 1));
    assert_false(list_is_ok(many, 65 * 2 - 1));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading_past_the_end_latches),
        cmocka_unit_test(huge_length_does_not_wrap),
        cmocka_unit_test(mpint_accepts_canonical_positive_only),
        cmocka_unit_test(put_mpint_writes_the_examples_of_rfc_4251),
        cmocka_unit_test(name_list_keeps_its_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
