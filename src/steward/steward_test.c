/* The steward as a process: what it answers, and what it makes of hostile accounts,
 * files, questions and neighbours. */
#include "steward/desk_test.h"

#define ALL_ACCOUNTS (SERVER_ACCOUNTS_SYSTEM | SERVER_ACCOUNTS_VIRTUAL)

static void
a_virtual_account_is_looked_up(void **state)
{
    struct desk *d = *state;
    struct account_record r = desk_add(d, "alice");
    desk_set_password(d, &r, "correct horse");
    desk_start(d);
    assert_int_equal(desk_lookup(d, ALL_ACCOUNTS, "alice"), STEWARD_YES);
    assert_int_equal(d->last.facts.kind, STEWARD_VIRTUAL);
    assert_string_equal(d->last.facts.account.root, "/srv/%u");
    assert_true(d->last.facts.account.has_password);
    assert_false(d->last.facts.account.has_totp);
    assert_int_equal(desk_lookup(d, SERVER_ACCOUNTS_SYSTEM, "alice"), STEWARD_NO);
    assert_int_equal(desk_lookup(d, SERVER_ACCOUNTS_VIRTUAL, "nobody-here"), STEWARD_NO);
    assert_int_equal(d->last.facts.kind, STEWARD_NOBODY);
}

static void
a_system_account_is_looked_up(void **state)
{
    struct desk *d = *state;
    desk_start(d);
    if (geteuid() != 0)
        skip();
    assert_int_equal(desk_lookup(d, ALL_ACCOUNTS, "daemon"), STEWARD_YES);
    assert_int_equal(d->last.facts.kind, STEWARD_SYSTEM);
    assert_int_equal(d->last.facts.uid, 1);
    assert_int_equal(d->last.facts.n_groups, 1);
    assert_string_equal(d->last.facts.group_names, "daemon");
    assert_int_equal(desk_lookup(d, SERVER_ACCOUNTS_VIRTUAL, "daemon"), STEWARD_NO);
}

static void
passwords_are_right_or_wrong(void **state)
{
    struct desk *d = *state;
    struct account_record r = desk_add(d, "alice");
    desk_set_password(d, &r, "correct horse");
    desk_add(d, "bare");
    desk_start(d);
    assert_int_equal(desk_password(d, STEWARD_VIRTUAL, "alice", "correct horse"),
                     STEWARD_YES);
    assert_int_equal(desk_password(d, STEWARD_VIRTUAL, "alice", "correct horsf"),
                     STEWARD_NO);
    assert_int_equal(desk_password(d, STEWARD_VIRTUAL, "alice", ""), STEWARD_NO);
    assert_int_equal(desk_password(d, STEWARD_NOBODY, "alice", "correct horse"),
                     STEWARD_NO);
    assert_int_equal(desk_password(d, STEWARD_VIRTUAL, "bare", ""), STEWARD_NO);
    assert_int_equal(desk_password(d, STEWARD_VIRTUAL, "bare", "x"), STEWARD_NO);
    assert_int_equal(desk_password(d, STEWARD_VIRTUAL, "nobody-here", "x"), STEWARD_NO);
}

static void
a_key_needs_its_line_and_its_signature(void **state)
{
    struct desk *d = *state;
    struct account_record r = desk_add(d, "alice");
    struct privkey *own = desk_key(), *foreign = desk_key();
    desk_add_key(d, &r, own, "command=\"internal-sftp -R\"");
    desk_start(d);
    struct steward_key *q = desk_key_question(STEWARD_VIRTUAL, "alice", own);
    assert_int_equal(desk_ask(d, &q->head), STEWARD_YES);
    assert_int_equal(d->last.answer.has_command, 1);
    assert_string_equal(d->last.answer.command, "internal-sftp -R");
    assert_memory_equal(d->last.answer.key, "ED25519 SHA256:", 15);
    q->is_signed = 0;
    assert_int_equal(desk_ask(d, &q->head), STEWARD_YES);
    q = desk_key_question(STEWARD_VIRTUAL, "alice", own);
    q->signature[q->signature_len - 1] ^= 1;
    assert_int_equal(desk_ask(d, &q->head), STEWARD_NO);
    assert_int_equal(d->last.answer.has_command, 0);
    q = desk_key_question(STEWARD_VIRTUAL, "alice", foreign);
    assert_int_equal(desk_ask(d, &q->head), STEWARD_NO);
    q = desk_key_question(STEWARD_NOBODY, "alice", own);
    assert_int_equal(desk_ask(d, &q->head), STEWARD_NO);
    privkey_free(own);
    privkey_free(foreign);
}

int
main(void)
{
#define DESK_TEST(f) cmocka_unit_test_setup_teardown(f, desk_make, desk_remove)
    const struct CMUnitTest tests[] = {
        DESK_TEST(a_virtual_account_is_looked_up),
        DESK_TEST(a_system_account_is_looked_up),
        DESK_TEST(passwords_are_right_or_wrong),
        DESK_TEST(a_key_needs_its_line_and_its_signature),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
