/* The option table's parser. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/options.h"

enum { WORDS_MAX = 8 };

static enum err
parse(const char *const *words, struct serve_options *o, struct fault *why)
{
    char *argv[WORDS_MAX + 1];
    int argc = 0;
    while (argc < WORDS_MAX && words[argc]) {
        argv[argc] = (char *)(uintptr_t)words[argc];
        argc++;
    }
    *why = (struct fault){0};
    return serve_options_parse(argc, argv, o, why);
}

static void
values_may_be_attached_or_follow(void **state)
{
    static const char *const words[] = {
        "--user=a", "--listen", "[::1]:1", "--listen=:2", "dir", "--login-grace=7", NULL};
    struct serve_options o;
    struct fault why;
    (void)state;
    assert_int_equal(parse(words, &o, &why), ERR_NONE);
    assert_string_equal(o.user, "a");
    assert_int_equal(o.listen.n, 2);
    assert_string_equal(o.listen.text[0], "[::1]:1");
    assert_string_equal(o.listen.text[1], ":2");
    assert_string_equal(o.dir, "dir");
    assert_int_equal(o.login_grace_s, 7);
}

static void
letters_are_counted_together(void **state)
{
    static const char *const words[] = {"-vvq", "--verbose", NULL};
    struct serve_options o;
    struct fault why;
    (void)state;
    assert_int_equal(parse(words, &o, &why), ERR_NONE);
    assert_int_equal(o.verbose, 3);
    assert_int_equal(o.quiet, 1);
}

static void
two_dashes_end_the_options(void **state)
{
    static const char *const words[] = {"--", "--user", NULL};
    struct serve_options o;
    struct fault why;
    (void)state;
    assert_int_equal(parse(words, &o, &why), ERR_NONE);
    assert_string_equal(o.dir, "--user");
    assert_null(o.user);
}

static void
sizes_take_units(void **state)
{
    static const struct {
        const char *text;
        uint64_t octets;
    } cases[] = {{"1", 1}, {"64K", 65536}, {"3m", 3 << 20}, {"1G", 1 << 30}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *const words[] = {"--rekey-limit", cases[i].text, NULL};
        struct serve_options o;
        struct fault why;
        assert_int_equal(parse(words, &o, &why), ERR_NONE);
        assert_int_equal(o.rekey_octets, cases[i].octets);
    }
}

static void
bad_words_are_usage_errors(void **state)
{
    static const char *const cases[][4] = {
        {"--rekey-limit", "0", NULL},
        {"--rekey-limit", "", NULL},
        {"--rekey-limit", "999999999999999G", NULL},
        {"--rekey-limit", "12T", NULL},
        {"--max-auth-tries", "101", NULL},
        {"--max-auth-tries", "-1", NULL},
        {"--profile", "strong", NULL},
        {"--profile", NULL},
        {"--profil", "gov", NULL},
        {"--help=yes", NULL},
        {"-x", NULL},
        {"-vx", NULL},
        {"", NULL},
        {"a", "b", NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct serve_options o;
        struct fault why;
        assert_int_equal(parse(cases[i], &o, &why), ERR_PROTO);
        assert_true(why.text[0] != 0);
    }
}

static void
ninth_listen_is_refused(void **state)
{
    char *argv[OPTION_TEXTS_MAX + 1];
    static char word[] = "--listen=:1";
    struct serve_options o;
    struct fault why = {0};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(argv); i++)
        argv[i] = word;
    assert_int_equal(serve_options_parse(ARRAY_LEN(argv), argv, &o, &why), ERR_PROTO);
}

static void
long_words_fit_the_sentence(void **state)
{
    char word[5000];
    char *argv[] = {word};
    struct serve_options o;
    struct fault why = {0};
    (void)state;
    memset(word, 'x', sizeof word);
    memcpy(word, "--", 2);
    word[sizeof word - 1] = 0;
    assert_int_equal(serve_options_parse(1, argv, &o, &why), ERR_PROTO);
    assert_in_range(strlen(why.text), 10, sizeof why.text - 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_may_be_attached_or_follow),
        cmocka_unit_test(letters_are_counted_together),
        cmocka_unit_test(two_dashes_end_the_options),
        cmocka_unit_test(sizes_take_units),
        cmocka_unit_test(bad_words_are_usage_errors),
        cmocka_unit_test(ninth_listen_is_refused),
        cmocka_unit_test(long_words_fit_the_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
