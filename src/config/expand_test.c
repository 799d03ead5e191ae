/* Tokens, home directory and environment in option values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "config/expand.h"

static const struct expand_tokens tokens = {
    .d = "/home/%u", .h = "server", .p = "2222", .r = "${HOME}", .u = "me"};

static const char *
lookup(const char *name)
{
    return strcmp(name, "DIR") == 0 ? "/tmp/%h" : NULL;
}

static const struct {
    const char *text, *want; /* NULL: refused */
} rows[] = {
    {"~/.ssh/id", "/home/%u/.ssh/id"},
    {"a~/b", "a~/b"},
    {"%h:%p 100%%", "server:2222 100%"},
    {"${DIR}/x", "/tmp/%h/x"}, /* what is brought in is not searched again */
    {"/k/%r", "/k/${HOME}"},
    {"$DIR", "$DIR"},
    {"%q", NULL},
    {"%", NULL},
    {"${NONE}", NULL},
    {"${DIR", NULL},
    {"%l", NULL}, /* known, but not available here */
};

static void
expand_path_replaces_once_and_refuses_the_unknown(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out;
        buf_init(&out, 256);
        enum err e = expand_path(&out, rows[i].text, &tokens, lookup);
        assert_int_equal(e == ERR_NONE, rows[i].want != NULL);
        if (rows[i].want)
            assert_string_equal(buf_cstr(&out), rows[i].want);
        buf_clear(&out);
    }
}

static void
expand_percent_leaves_the_environment_alone(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 256);
    assert_int_equal(expand_percent(&out, "~ ${DIR} %u", &tokens), ERR_NONE);
    assert_string_equal(buf_cstr(&out), "~ ${DIR} me");
    buf_clear(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expand_path_replaces_once_and_refuses_the_unknown),
        cmocka_unit_test(expand_percent_leaves_the_environment_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
