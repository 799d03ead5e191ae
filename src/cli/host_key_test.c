/* What is done about a host key, verdict by verdict and setting by setting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cli/host_key.h"

static const struct {
    enum host_verdict verdict;
    int strict;
    enum host_key_action action;
} rows[] = {
    {HOST_KEY_KNOWN, STRICT_YES, HOST_KEY_ACCEPT},
    {HOST_KEY_KNOWN, STRICT_ASK, HOST_KEY_ACCEPT},
    {HOST_KEY_NEW, STRICT_YES, HOST_KEY_REJECT},
    {HOST_KEY_NEW, STRICT_ASK, HOST_KEY_ASK},
    {HOST_KEY_NEW, STRICT_ACCEPT_NEW, HOST_KEY_ACCEPT},
    {HOST_KEY_NEW, STRICT_NO, HOST_KEY_ACCEPT},
    {HOST_KEY_OTHER_TYPE, STRICT_YES, HOST_KEY_REJECT},
    {HOST_KEY_OTHER_TYPE, STRICT_ASK, HOST_KEY_ASK},
    {HOST_KEY_OTHER_TYPE, STRICT_ACCEPT_NEW, HOST_KEY_ACCEPT},
};

static void
policy_follows_the_setting_for_new_hosts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(host_key_policy(rows[i].verdict, rows[i].strict),
                         rows[i].action);
}

static void
no_setting_lets_a_changed_revoked_or_unchecked_key_pass(void **state)
{
    (void)state;
    static const enum host_verdict bad[] = {HOST_KEY_CHANGED, HOST_KEY_REVOKED,
                                            HOST_KEY_REFUSE};
    static const int settings[] = {STRICT_NO, STRICT_YES, STRICT_ASK, STRICT_ACCEPT_NEW,
                                   OPTION_UNSET};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        for (size_t j = 0; j < ARRAY_LEN(settings); j++)
            assert_int_equal(host_key_policy(bad[i], settings[j]), HOST_KEY_REJECT);
}

static void
only_new_keys_are_recorded(void **state)
{
    (void)state;
    assert_true(host_key_is_to_be_added(HOST_KEY_NEW));
    assert_true(host_key_is_to_be_added(HOST_KEY_OTHER_TYPE));
    assert_false(host_key_is_to_be_added(HOST_KEY_KNOWN));
    assert_false(host_key_is_to_be_added(HOST_KEY_CHANGED));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policy_follows_the_setting_for_new_hosts),
        cmocka_unit_test(no_setting_lets_a_changed_revoked_or_unchecked_key_pass),
        cmocka_unit_test(only_new_keys_are_recorded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
