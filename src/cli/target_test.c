/* HOST:PATH and sftp:// names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "cli/target.h"

static const struct {
    const char *text;
    bool is_remote;
    const char *user, *host, *path; /* host NULL: refused */
    uint16_t port;
} rows[] = {
    {"host", false, NULL, "host", "", 0},
    {"host:", true, NULL, "host", "", 0},
    {"me@host:dir/file", true, "me", "host", "dir/file", 0},
    {"me@home@host:x", true, "me@home", "host", "x", 0},
    {"[::1]:/etc", true, NULL, "::1", "/etc", 0},
    {"me@[fe80::1%eth0]:x", true, "me", "fe80::1%eth0", "x", 0},
    {":path", true, NULL, "", "path", 0},
    {"host:a:b", true, NULL, "host", "a:b", 0},
    {"host:a@b", true, NULL, "host", "a@b", 0},
    {"./a:b", false, NULL, NULL, NULL, 0},
    {"dir/a:b", false, NULL, NULL, NULL, 0},
    {"sftp://host", true, NULL, "host", "", 0},
    {"SFTP://me@host:2222/a%20b", true, "me", "host", "/a b", 2222},
    {"sftp://host/~/x", true, NULL, "host", "x", 0},
    {"sftp://host/~", true, NULL, "host", "", 0},
    {"sftp://[::1]:22/", true, NULL, "::1", "/", 22},
    {"sftp://m%40x@host/", true, "m@x", "host", "/", 0},
    {"sftp://host:0/", true, NULL, NULL, NULL, 0},
    {"sftp://host:65536/", true, NULL, NULL, NULL, 0},
    {"sftp://host:/", true, NULL, NULL, NULL, 0},
    {"sftp://host/%zz", true, NULL, NULL, NULL, 0},
    {"sftp://host/%00", true, NULL, NULL, NULL, 0},
    {"sftp:///path", true, NULL, NULL, NULL, 0},
    /* What a shell or another program's option parser could take amiss. */
    {"-oProxyCommand=x:y", true, NULL, NULL, NULL, 0},
    {"ho$(x)st:y", true, NULL, NULL, NULL, 0},
    {"a b:y", true, NULL, NULL, NULL, 0},
    {"-l@host:y", true, NULL, NULL, NULL, 0},
    {"a`b`@host:y", true, NULL, NULL, NULL, 0},
    {"a -b@host:y", true, NULL, NULL, NULL, 0},
    {"@host:y", true, NULL, NULL, NULL, 0},
};

static void
check_text(const char *got, const char *want)
{
    if (want)
        assert_string_equal(got, want);
    else
        assert_null(got);
}

static void
target_parse_takes_names_apart_and_refuses_odd_ones(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct target t;
        const char *why = NULL;
        enum err e = target_parse(rows[i].text, &t, &why);
        print_message("%s\n", rows[i].text);
        assert_int_equal(target_is_remote(rows[i].text), rows[i].is_remote);
        if (rows[i].host) {
            assert_int_equal(e, ERR_NONE);
            check_text(t.user, rows[i].user);
            check_text(t.host, rows[i].host);
            check_text(t.path, rows[i].path);
            assert_int_equal(t.port, rows[i].port);
        } else {
            assert_int_equal(e, ERR_PROTO);
            assert_non_null(why);
        }
        target_clear(&t);
    }
}

static void
same_host_means_the_same_account_and_port(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool is_same;
    } pairs[] = {{"h:x", "H:y", true},
                 {"me@h:x", "me@h:", true},
                 {"me@h:x", "h:x", false},
                 {"sftp://h:22/", "h:", false}};
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        struct target a, b;
        const char *why;
        assert_int_equal(target_parse(pairs[i].a, &a, &why), ERR_NONE);
        assert_int_equal(target_parse(pairs[i].b, &b, &why), ERR_NONE);
        assert_int_equal(target_is_same_host(&a, &b), pairs[i].is_same);
        target_clear(&a);
        target_clear(&b);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(target_parse_takes_names_apart_and_refuses_odd_ones),
        cmocka_unit_test(same_host_means_the_same_account_and_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
