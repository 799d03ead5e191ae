#include "base/base_test.h"

#include "base/buf.h"

static void
append_beyond_max_latches_limit(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 10);
    buf_put(&b, BYTES_LIT("0123456789"));
    assert_int_equal(buf_err(&b), ERR_NONE);
    buf_put_u8(&b, 'x');
    assert_int_equal(buf_err(&b), ERR_LIMIT);
    buf_reset(&b);
    buf_put_u8(&b, 'x');
    assert_int_equal(buf_err(&b), ERR_NONE);
    assert_bytes_equal(buf_bytes(&b), BYTES_LIT("x"));
    buf_clear(&b);
}

static void
failure_refuses_later_appends(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4);
    buf_put(&b, BYTES_LIT("12345"));
    buf_put(&b, BYTES_LIT("1"));
    assert_int_equal(b.n, 0);
    assert_null(buf_extend(&b, 0));
    buf_clear(&b);
}

static void
grows_and_keeps_content(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1 << 20);
    for (int i = 0; i < 100000; i++)
        buf_put_u8(&b, (uint8_t)i);
    assert_int_equal(b.n, 100000);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(b.p[i], (uint8_t)i);
    buf_drop(&b, 99998);
    assert_int_equal(b.n, 2);
    assert_int_equal(b.p[0], (uint8_t)99998);
    buf_clear(&b);
}

static void
printf_needs_room_for_the_text_only(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 64);
    buf_printf(&b, "%d-%s", 42, "x");
    assert_string_equal(buf_cstr(&b), "42-x");
    assert_int_equal(b.n, 4);
    buf_clear(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(append_beyond_max_latches_limit),
        cmocka_unit_test(failure_refuses_later_appends),
        cmocka_unit_test(grows_and_keeps_content),
        cmocka_unit_test(printf_needs_room_for_the_text_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
