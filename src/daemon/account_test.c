/* The virtual user: password, keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "crypto/rand.h"
#include "crypto/sig.h"
#include "daemon/account.h"
#include "key/pubkey_line.h"

static void
only_the_whole_password_of_the_user_is_accepted(void **state)
{
    struct account a;
    static const struct {
        const char *user, *password;
        enum account_verdict verdict;
    } cases[] = {
        {"alice", "secret", ACCOUNT_ACCEPTED}, {"alice", "secre", ACCOUNT_DENIED},
        {"alice", "secret ", ACCOUNT_DENIED},  {"alice", "", ACCOUNT_DENIED},
        {"alicia", "secret", ACCOUNT_DENIED},  {"", "secret", ACCOUNT_DENIED},
        {"Alice", "secret", ACCOUNT_DENIED},
    };
    (void)state;
    account_init(&a, "alice", "");
    assert_int_equal(account_set_password(&a, BYTES_LIT("secret"), &rand_system),
                     ERR_NONE);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(account_check_password(&a, bytes_str(cases[i].user),
                                                bytes_str(cases[i].password)),
                         cases[i].verdict);
    account_clear(&a);
}

static void
account_without_password_accepts_none(void **state)
{
    struct account a;
    (void)state;
    account_init(&a, "alice", "");
    assert_int_equal(account_check_password(&a, BYTES_LIT("alice"), BYTES_LIT("")),
                     ACCOUNT_DENIED);
    assert_int_equal(account_set_password(&a, BYTES_LIT(""), &rand_system), ERR_PROTO);
    assert_int_equal(account_check_password(&a, BYTES_LIT("alice"), BYTES_LIT("")),
                     ACCOUNT_DENIED);
    account_clear(&a);
}

struct two_keys {
    struct privkey *mine, *other;
    struct account account;
};

static int
set_up_keys(void **state)
{
    struct two_keys *t = calloc(1, sizeof *t);
    struct fault why = {0};
    struct buf text;
    buf_init(&text, 4096);
    if (!t || privkey_generate(KEY_ED25519, 0, &t->mine) != ERR_NONE ||
        privkey_generate(KEY_ED25519, 0, &t->other) != ERR_NONE)
        return -1;
    buf_put_str(&text, "verify-required,command=\"internal-sftp\" ");
    pubkey_line_put(pubkey_blob(privkey_public(t->mine)), BYTES_LIT("me"), &text);
    buf_put_str(&text, "\n");
    account_init(&t->account, "alice", "ssh-ed25519");
    if (account_set_keys(&t->account, buf_bytes(&text), "keys", NULL, &why) != ERR_NONE)
        return -1;
    buf_clear(&text);
    *state = t;
    return 0;
}

static int
tear_down_keys(void **state)
{
    struct two_keys *t = *state;
    account_clear(&t->account);
    privkey_free(t->mine);
    privkey_free(t->other);
    free(t);
    return 0;
}

static enum account_verdict
check_key(struct two_keys *t, const char *user, struct bytes blob, uint32_t *flags)
{
    const struct account_key_query query = {
        .user = bytes_str(user),
        .blob = blob,
        .address = BYTES_LIT("127.0.0.1"),
        .now = 1000000,
    };
    return account_check_key(&t->account, &query, flags);
}

static void
listed_key_is_accepted_with_its_flags(void **state)
{
    struct two_keys *t = *state;
    uint32_t flags;
    struct bytes mine = pubkey_blob(privkey_public(t->mine));
    assert_int_equal(check_key(t, "alice", mine, &flags), ACCOUNT_ACCEPTED);
    assert_int_equal(flags, ACCOUNT_VERIFY_REQUIRED);
}

/* Threats A2, A3, A4. */
static void
everything_else_is_denied(void **state)
{
    struct two_keys *t = *state;
    uint32_t flags = 77;
    struct bytes mine = pubkey_blob(privkey_public(t->mine));
    struct bytes other = pubkey_blob(privkey_public(t->other));
    assert_int_equal(check_key(t, "alice", other, &flags), ACCOUNT_DENIED);
    assert_int_equal(check_key(t, "bob", mine, &flags), ACCOUNT_DENIED);
    assert_int_equal(check_key(t, "", mine, &flags), ACCOUNT_DENIED);
    assert_int_equal(check_key(t, "alice", (struct bytes){0}, &flags), ACCOUNT_DENIED);
    assert_int_equal(check_key(t, "alice", BYTES_LIT("/etc/passwd"), &flags),
                     ACCOUNT_DENIED);
    assert_int_equal(check_key(t, "alice", bytes_first(mine, mine.n - 1), &flags),
                     ACCOUNT_DENIED);
    assert_int_equal(flags, 0);
}

static void
file_without_a_key_is_refused(void **state)
{
    struct account a;
    struct fault why = {0};
    (void)state;
    account_init(&a, "alice", "");
    assert_int_equal(
        account_set_keys(&a, BYTES_LIT("# none\nrubbish\n"), "keys", NULL, &why),
        ERR_PROTO);
    assert_false(a.has_keys);
    account_clear(&a);
}

static int
load_crypto(void **state)
{
    (void)state;
    return crypto_init() == ERR_NONE ? 0 : -1;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_whole_password_of_the_user_is_accepted),
        cmocka_unit_test(account_without_password_accepts_none),
        cmocka_unit_test_setup_teardown(listed_key_is_accepted_with_its_flags,
                                        set_up_keys, tear_down_keys),
        cmocka_unit_test_setup_teardown(everything_else_is_denied, set_up_keys,
                                        tear_down_keys),
        cmocka_unit_test(file_without_a_key_is_refused),
    };
    return cmocka_run_group_tests(tests, load_crypto, NULL);
}
