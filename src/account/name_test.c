#include "base/base_test.h"

#include "account/name.h"

static void
hostile_names_are_invalid(void **state)
{
    static const char long_name[] =
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    static const struct bytes bad[] = {
        BYTES_LIT(""),
        BYTES_LIT("-rf"),
        BYTES_LIT("."),
        BYTES_LIT(".."),
        BYTES_LIT("a/b"),
        BYTES_LIT("a b"),
        BYTES_LIT("a\0b"),
        BYTES_LIT("a\n"),
        BYTES_LIT("$(id)"),
        BYTES_LIT("\xc3\xbc"),
        BYTES_LIT("a;b"),
        BYTES_LIT("%u"),
        {(const uint8_t *)long_name, 65},
    };
    static const char *const good[] = {"a", "alice", "A.b-c_d@e+f", "0"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(user_name_is_valid(bad[i]));
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_true(user_name_is_valid(bytes_str(good[i])));
    assert_true(user_name_is_valid(bytes_of(long_name, 64)));
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_names_are_invalid),
    };
    return cmocka_run_group_tests_name("account/name", tests, NULL, NULL);
}
