/* Password strings: what is made, what is accepted, what is refused before any work. */
#include "base/base_test.h"

#include <time.h>

#include "account/password.h"
#include "account/password_make.h"
#include "crypto/rand.h"

/* Of "correct horse", each scheme at its lowest cost; made with crypt(3). */
static const char *const accepted[] = {
    "$y$j75$k2XAnEHBqQ1Ct2aMXFKNa/$E9XAySfP6N2THWdzNKesSVmhpcmhNusa8y5TMfT668.",
    "$2b$04$KBCwKxOzLha2MUDgW0PjXexGfB5dmDvvvgEVjeeXiTo87i0yXWYau",
    "$2y$04$KBCwKxOzLha2MUDgW0PjXexGfB5dmDvvvgEVjeeXiTo87i0yXWYau",
    ("$6$rounds=1000$k2XAnEHBqQ1Ct2aM$yfBXbHVNVf4J0eyDZhe27ipKodSqcTbLWkIV1mTNHVmYxiLcl4/"
     "RsaWmahApFz75S0UnbNJV9U1Xwm7FGZ9ab/"),
    "$5$rounds=1000$k2XAnEHBqQ1Ct2aM$CZKtMpY3YFTaUtD6aj3idKUkEw2Cgx.7d6g93aU54SD",
};

static void
every_scheme_is_verified(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(accepted); i++) {
        assert_true(password_hash_is_usable(accepted[i], NULL));
        assert_int_equal(password_verify(BYTES_LIT("correct horse"), accepted[i]),
                         ERR_NONE);
        assert_int_equal(password_verify(BYTES_LIT("correct horsf"), accepted[i]),
                         ERR_AUTH);
        assert_true(password_needs_rehash(accepted[i]));
    }
}

static void
what_is_hashed_here_is_verified_and_differs_each_time(void **state)
{
    char one[ACCOUNT_HASH_MAX + 1], two[ACCOUNT_HASH_MAX + 1];
    (void)state;
    assert_int_equal(password_hash(BYTES_LIT("s3cret"), &rand_system, one), ERR_NONE);
    assert_int_equal(password_hash(BYTES_LIT("s3cret"), &rand_system, two), ERR_NONE);
    assert_string_not_equal(one, two);
    assert_true(strncmp(one, "$y$", 3) == 0);
    assert_true(password_hash_is_usable(one, NULL));
    assert_false(password_needs_rehash(one));
    assert_int_equal(password_verify(BYTES_LIT("s3cret"), one), ERR_NONE);
    assert_int_equal(password_hash_like(BYTES_LIT("s3cret"), one, two), ERR_NONE);
    assert_string_equal(one, two);
}

/* Threats F4: the work is judged before it is done, so this test takes no time. */
static void
costly_and_unknown_strings_are_refused_before_any_work(void **state)
{
    static const char *const refused[] = {
        "",
        "plain text",
        "x",
        "*",
        "ab01FAX.bQRSU",                  /* DES */
        "$1$salt$qJH7.N4xYta3aEG/dfqo/0", /* MD5 */
        "$2a$04$LBwpVOr5x4Oo3rRc0yaqTOG1nO3Rre6GMqKNkYcGWJEBNCgBBxMOi",
        "$2b$17$LBwpVOr5x4Oo3rRc0yaqTOG1nO3Rre6GMqKNkYcGWJEBNCgBBxMOi",
        "$2b$31$LBwpVOr5x4Oo3rRc0yaqTOG1nO3Rre6GMqKNkYcGWJEBNCgBBxMOi",
        "$2b$99$LBwpVOr5x4Oo3rRc0yaqTOG1nO3Rre6GMqKNkYcGWJEBNCgBBxMOi",
        "$2b$04$short",
        ("$6$rounds=5000001$salt$"
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         "aaaaaaaaaaaaaaaaaaaaaaaaaa"
         "aaaaaa"),
        ("$6$rounds=4294967295$salt$"
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         "aaaaaa"),
        "$6$salt",
        "$y$jFT$gRZ9cOFnJ4yXsPq7LmT2v.$Q5wZrT8kYbN1hXcV6mJfL0pDsA9gEuI3oRtKyWvBn7C",
        "$y$j9z$gRZ9cOFnJ4yXsPq7LmT2v.$Q5wZrT8kYbN1hXcV6mJfL0pDsA9gEuI3oRtKyWvBn7C",
        "$y$zzzzzzzzz$gRZ9cOFnJ4yXsPq7LmT2v.$Q5wZrT8kYbN1hXcV6mJfL0pDsA9gEuI3oRtKyWvBn7C",
        "$7$CU..../....salt$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA",
    };
    struct timespec begin, end;
    (void)state;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct fault why = {0};
        if (password_hash_is_usable(refused[i], &why))
            fail_msg("accepted: %s", refused[i]);
        assert_true(why.text[0] != 0);
        assert_int_equal(password_verify(BYTES_LIT("x"), refused[i]), ERR_PROTO);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    assert_true(end.tv_sec - begin.tv_sec <= 1);
}

static void
impossible_passwords_are_nobodys(void **state)
{
    static char long_one[PASSWORD_MAX + 1];
    char hash[ACCOUNT_HASH_MAX + 1];
    (void)state;
    memset(long_one, 'a', sizeof long_one);
    const struct bytes bad[] = {BYTES_LIT(""), BYTES_LIT("a\0b"),
                                bytes_of(long_one, sizeof long_one)};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(password_hash(bad[i], &rand_system, hash), ERR_PROTO);
        assert_int_equal(password_verify(bad[i], accepted[0]), ERR_AUTH);
    }
}

/* libcrypt takes 511 octets; the limit here is 1,024 and each of them counts. */
static void
all_octets_of_a_long_password_count(void **state)
{
    char text[PASSWORD_MAX], hash[ACCOUNT_HASH_MAX + 1];
    (void)state;
    memset(text, 'a', sizeof text);
    assert_int_equal(password_hash_like(bytes_of(text, sizeof text), accepted[0], hash),
                     ERR_NONE);
    assert_int_equal(password_verify(bytes_of(text, sizeof text), hash), ERR_NONE);
    text[sizeof text - 1] = 'b';
    assert_int_equal(password_verify(bytes_of(text, sizeof text), hash), ERR_AUTH);
    assert_int_equal(password_verify(bytes_of(text, sizeof text - 1), hash), ERR_AUTH);
}

static double
seconds_of(const char *hash)
{
    struct timespec begin, end;
    double least = 1e9;
    for (int i = 0; i < 3; i++) {
        clock_gettime(CLOCK_MONOTONIC, &begin);
        assert_int_equal(password_verify(BYTES_LIT("guess"), hash), ERR_AUTH);
        clock_gettime(CLOCK_MONOTONIC, &end);
        double took = (double)(end.tv_sec - begin.tv_sec) +
                      (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
        least = took < least ? took : least;
    }
    return least;
}

/* Threats A4: within a factor of two here, where others use the processor as well. */
static void
nobodys_hash_costs_what_a_users_costs(void **state)
{
    char hash[ACCOUNT_HASH_MAX + 1];
    (void)state;
    assert_true(password_hash_is_usable(password_dummy_hash(), NULL));
    assert_false(password_needs_rehash(password_dummy_hash()));
    assert_int_equal(password_hash(BYTES_LIT("s3cret"), &rand_system, hash), ERR_NONE);
    double users = seconds_of(hash), nobodys = seconds_of(password_dummy_hash());
    print_message("a hash takes %.0f ms, nobody's %.0f ms\n", users * 1e3, nobodys * 1e3);
    assert_true(nobodys < users * 2 && users < nobodys * 2);
}

static void
weak_passwords_are_told_apart(void **state)
{
    static const struct {
        const char *password;
        bool is_strong;
    } rows[] = {{"short12", false},
                {"aaaaaaaaaaaa", false},
                {"Adelheid", false},
                {"8 octets", true},
                {"correct horse", true}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fault why = {0};
        assert_int_equal(
            password_is_strong(bytes_str(rows[i].password), "adelheid", &why),
            rows[i].is_strong);
        assert_int_equal(why.text[0] == 0, rows[i].is_strong);
    }
}

static void
made_passwords_are_strong_and_differ(void **state)
{
    char one[PASSWORD_MADE_LEN + 1], two[PASSWORD_MADE_LEN + 1];
    struct fault why = {0};
    (void)state;
    assert_int_equal(password_make(&rand_system, one), ERR_NONE);
    assert_int_equal(password_make(&rand_system, two), ERR_NONE);
    assert_string_not_equal(one, two);
    assert_int_equal(strlen(one), PASSWORD_MADE_LEN);
    assert_int_equal(strspn(one, "abcdefghijkmnpqrstuvwxyz23456789-"), PASSWORD_MADE_LEN);
    assert_true(password_is_strong(bytes_str(one), "", &why));
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_scheme_is_verified),
        cmocka_unit_test(what_is_hashed_here_is_verified_and_differs_each_time),
        cmocka_unit_test(costly_and_unknown_strings_are_refused_before_any_work),
        cmocka_unit_test(impossible_passwords_are_nobodys),
        cmocka_unit_test(all_octets_of_a_long_password_count),
        cmocka_unit_test(nobodys_hash_costs_what_a_users_costs),
        cmocka_unit_test(weak_passwords_are_told_apart),
        cmocka_unit_test(made_passwords_are_strong_and_differ),
    };
    if (crypto_init() != ERR_NONE)
        return 1;
    return cmocka_run_group_tests_name("account/password", tests, NULL, NULL);
}
