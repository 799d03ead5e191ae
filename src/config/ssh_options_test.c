/* The keyword table: every value type, first value wins, bad values refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "config/ssh_options.h"

struct fixture {
    struct ssh_options o;
    struct buf why;
};

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    ssh_options_init(&f->o);
    buf_init(&f->why, 1024);
    *state = f;
    return f ? 0 : -1;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;
    ssh_options_clear(&f->o);
    buf_clear(&f->why);
    free(f);
    return 0;
}

static void
set(struct fixture *f, const char *text)
{
    assert_int_equal(ssh_options_set_text(&f->o, text, &f->why), ERR_NONE);
}

static void
first_value_wins(void **state)
{
    struct fixture *f = *state;
    set(f, "Port=2022");
    set(f, "port 22");
    set(f, "User alice");
    set(f, "USER=bob");
    set(f, "UserKnownHostsFile a b");
    set(f, "UserKnownHostsFile c");
    assert_int_equal(f->o.port, 2022);
    assert_string_equal(f->o.user, "alice");
    assert_int_equal(f->o.user_known_hosts.n, 2);
    assert_string_equal(f->o.user_known_hosts.item[1], "b");
}

static void
identity_files_accumulate(void **state)
{
    struct fixture *f = *state;
    set(f, "IdentityFile a");
    set(f, "IdentityFile \"b c\"");
    assert_int_equal(f->o.identity_files.n, 2);
    assert_string_equal(f->o.identity_files.item[1], "b c");
}

static void
words_numbers_and_times_are_read(void **state)
{
    struct fixture *f = *state;
    set(f, "StrictHostKeyChecking accept-new");
    set(f, "BatchMode YES");
    set(f, "ConnectTimeout 1m30s");
    set(f, "ServerAliveInterval none");
    set(f, "RekeyLimit 512M 1h");
    set(f, "ProxyCommand nc \"a b\" %h");
    set(f, "AddressFamily inet6");
    assert_int_equal(f->o.strict_host_key, STRICT_ACCEPT_NEW);
    assert_int_equal(f->o.batch_mode, 1);
    assert_int_equal(f->o.connect_timeout, 90);
    assert_int_equal(f->o.server_alive_interval, 0);
    assert_int_equal(f->o.rekey_octets, 512LL << 20);
    assert_int_equal(f->o.rekey_seconds, 3600);
    assert_string_equal(f->o.proxy_command, "nc \"a b\" %h");
    assert_int_equal(f->o.address_family, FAMILY_INET6);
}

static void
bad_values_are_refused_with_the_keyword_named(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {"Port 0",
                                      "Port 65536",
                                      "Port 22x",
                                      "Port",
                                      "Port 22 23",
                                      "BatchMode maybe",
                                      "ConnectTimeout 1y",
                                      "RekeyLimit 1",
                                      "RekeyLimit 1Q",
                                      "RekeyLimit 1G 1x",
                                      "Nonsense yes",
                                      "IdentityFile",
                                      "AddressFamily ipx",
                                      "StrictHostKeyChecking accept"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(ssh_options_set_text(&f->o, bad[i], &f->why), ERR_PROTO);
        const char *why = buf_cstr(&f->why);
        char keyword[32];
        size_t n = strcspn(bad[i], " ");
        memcpy(keyword, bad[i], n);
        keyword[n] = '\0';
        assert_non_null(strstr(why, keyword));
    }
}

static void
keywords_of_shells_are_accepted_and_unknown_ones_by_permission(void **state)
{
    struct fixture *f = *state;
    set(f, "ForwardX11 yes");
    set(f, "LocalForward 8080 localhost:80");
    assert_int_equal(ssh_keyword_kind("forwardagent"), KEYWORD_IGNORED);
    assert_int_equal(ssh_keyword_kind("ciphers"), KEYWORD_SET);
    assert_int_equal(ssh_keyword_kind("cipherz"), KEYWORD_UNKNOWN);
    set(f, "IgnoreUnknown Foo*,Bar");
    set(f, "FooBar baz");
}

static void
defaults_fill_only_what_is_unset(void **state)
{
    struct fixture *f = *state;
    set(f, "Port 2022");
    ssh_options_fill_defaults(&f->o);
    assert_int_equal(f->o.port, 2022);
    assert_int_equal(f->o.strict_host_key, STRICT_ASK);
    assert_int_equal(f->o.password_prompts, 3);
    assert_int_equal(f->o.rekey_octets, 0);
}

static void
sizes_and_times_have_bounds(void **state)
{
    (void)state;
    assert_int_equal(config_size("4096"), 4096);
    assert_int_equal(config_size("1k"), 1024);
    assert_int_equal(config_size("9999999999999G"), -1);
    assert_int_equal(config_size("-1"), -1);
    assert_int_equal(config_time("1w2d"), 777600);
    assert_int_equal(config_time("99999999999"), -1);
    assert_int_equal(config_time(""), -1);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(first_value_wins),
        TEST(identity_files_accumulate),
        TEST(words_numbers_and_times_are_read),
        TEST(bad_values_are_refused_with_the_keyword_named),
        TEST(keywords_of_shells_are_accepted_and_unknown_ones_by_permission),
        TEST(defaults_fill_only_what_is_unset),
        TEST(sizes_and_times_have_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
