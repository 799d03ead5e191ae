/* internal-sftp's command line, taken apart and put together. */
#include "base/base_test.h"
#include "config/sftp_command.h"

static enum err
parse(const char *text, struct sftp_command *c)
{
    struct buf why;
    buf_init(&why, 1024);
    enum err e = sftp_command_parse(bytes_str(text), c, &why);
    if ((e == ERR_PROTO) != (why.n != 0))
        fail_msg("%s: %s", text, buf_cstr(&why));
    buf_clear(&why);
    return e;
}

static void
every_option_reaches_its_member(void **state)
{
    (void)state;
    struct sftp_command c;
    assert_int_equal(parse("internal-sftp -Re -d /in/%u -f local3 -l verbose -P remove "
                           "-P rmdir,rename -p read,open -u 077 -m 640",
                           &c),
                     ERR_NONE);
    assert_true(c.is_read_only);
    assert_string_equal(c.start_directory, "/in/%u");
    assert_string_equal(c.log_facility, "LOCAL3");
    assert_string_equal(c.log_level, "VERBOSE");
    assert_string_equal(c.denied, "remove,rmdir,rename");
    assert_string_equal(c.allowed, "read,open");
    assert_int_equal(c.umask, 077);
    assert_int_equal(c.file_mode, 0640);
    sftp_command_clear(&c);
}

static void
nothing_said_is_unset(void **state)
{
    (void)state;
    struct sftp_command c;
    assert_int_equal(parse("internal-sftp", &c), ERR_NONE);
    assert_false(c.is_read_only);
    assert_null(c.start_directory);
    assert_null(c.allowed);
    assert_null(c.denied);
    assert_null(c.log_level);
    assert_null(c.log_facility);
    assert_int_equal(c.umask, OPTION_UNSET);
    assert_int_equal(c.file_mode, OPTION_UNSET);
    sftp_command_clear(&c);
}

static void
values_may_be_attached_and_the_last_one_wins(void **state)
{
    (void)state;
    struct sftp_command c;
    assert_int_equal(parse("/usr/libexec/sftp-server -Rd/a -u022 -d \"/b c\"", &c),
                     ERR_NONE);
    assert_string_equal(c.start_directory, "/b c");
    assert_int_equal(c.umask, 022);
    sftp_command_clear(&c);
}

static void
malformed_commands_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "/bin/sh",
        "sftp-server2",
        "internal-sftp -d",
        "internal-sftp -d ''",
        "internal-sftp -Q requests",
        "internal-sftp -h",
        "internal-sftp -",
        "internal-sftp --",
        "internal-sftp -u 8",
        "internal-sftp -u 1000",
        "internal-sftp -u 00022",
        "internal-sftp -l",
        "internal-sftp -l LOUDER",
        "internal-sftp -f MAIL",
        "internal-sftp -P ''",
        "internal-sftp -P a;b",
        "internal-sftp x",
        "internal-sftp \"-R",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct sftp_command c;
        if (parse(bad[i], &c) != ERR_PROTO)
            fail_msg("taken: %s", bad[i]);
        sftp_command_clear(&c);
    }
}

static void
what_is_printed_parses_as_the_same(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "internal-sftp", "internal-sftp -R -u 0007 -m 0660",
        "internal-sftp -d \"/a \\\"b\"", "internal-sftp -f AUTH -l DEBUG2 -P a,b -p c"};
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct sftp_command c;
        struct buf once;
        buf_init(&once, 4096);
        assert_int_equal(parse(lines[i], &c), ERR_NONE);
        sftp_command_print(&c, &once);
        sftp_command_clear(&c);
        assert_int_equal(parse(buf_cstr(&once), &c), ERR_NONE);
        struct buf twice;
        buf_init(&twice, 4096);
        sftp_command_print(&c, &twice);
        assert_string_equal(buf_cstr(&once), buf_cstr(&twice));
        sftp_command_clear(&c);
        buf_clear(&once);
        buf_clear(&twice);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_reaches_its_member),
        cmocka_unit_test(nothing_said_is_unset),
        cmocka_unit_test(values_may_be_attached_and_the_last_one_wins),
        cmocka_unit_test(malformed_commands_are_refused),
        cmocka_unit_test(what_is_printed_parses_as_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
