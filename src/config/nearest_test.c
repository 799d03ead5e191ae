/* Which known word is near a misspelt one. */
#include "base/base_test.h"
#include "config/nearest.h"

static const char *const words[] = {"Port", "Banner", "PermitTTY", "PermitTunnel",
                                    "UsePAM"};

static const char *
nearest_to(const char *name)
{
    struct nearest n;
    nearest_begin(&n, name);
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        nearest_offer(&n, words[i]);
    return n.best ? n.best : "";
}

static void
a_slip_is_near_what_was_meant(void **state)
{
    (void)state;
    assert_string_equal(nearest_to("Prt"), "Port");
    assert_string_equal(nearest_to("PORTS"), "Port");
    assert_string_equal(nearest_to("Baner"), "Banner");
    assert_string_equal(nearest_to("PermitTunel"), "PermitTunnel");
    assert_string_equal(nearest_to("permit-tty"), "PermitTTY");
}

static void
what_is_far_or_too_long_is_near_nothing(void **state)
{
    (void)state;
    char longest[NEAREST_MAX + 2];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_string_equal(nearest_to(longest), "");
    assert_string_equal(nearest_to("Qwertz"), "");
    assert_string_equal(nearest_to(""), "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slip_is_near_what_was_meant),
        cmocka_unit_test(what_is_far_or_too_long_is_near_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
