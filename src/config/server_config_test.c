/*
 * The grammar of ferryd's configuration: Include, Match, what overrides what,
 * and what is refused where.
 */
#include "config/server_keyword.h"
#include "config/server_match.h"
#include "config/server_rig.h"

static const struct server_context nobody = {0};

static const char *const bobs_groups[] = {"users", "sftp"};
static const struct server_context bob = {.user = "bob",
                                          .groups = bobs_groups,
                                          .n_groups = 2,
                                          .address = "192.0.2.17",
                                          .local_address = "2001:db8::1",
                                          .local_port = 2022};

/* The value of ClientAliveCountMax for him: which lines were in force. */
static int
count_in(const struct rig_file *files, const char *const *overrides,
         const struct server_context *context)
{
    struct server_config *config;
    struct server_options o;
    struct fault why;
    if (rig_parse(files, overrides, &config, &why) != ERR_NONE)
        fail_msg("%s", why.text);
    server_options_init(&o);
    assert_int_equal(server_config_effective(config, context, &o), ERR_NONE);
    int count = o.alive_count_max;
    server_options_clear(&o);
    server_config_free(config);
    return count;
}

static int
count_of(const char *text, const struct server_context *context)
{
    const struct rig_file files[] = {{"/etc/f.conf", text}, {NULL, NULL}};
    return count_in(files, NULL, context);
}

/* The sentence about a text that must be refused. */
static const char *
refusal_of(const struct rig_file *files, const char *const *overrides)
{
    static struct fault why;
    struct server_config *config;
    assert_int_not_equal(rig_parse(files, overrides, &config, &why), ERR_NONE);
    assert_null(config);
    assert_null(strchr(why.text, '\n'));
    return why.text;
}

static void
assert_refused(const char *text, const char *sentence)
{
    const struct rig_file files[] = {{"/etc/f.conf", text}, {NULL, NULL}};
    assert_string_equal(refusal_of(files, NULL), sentence);
}

/* ---- Match ---- */

static const struct {
    const char *criteria;
    bool is_bob, is_nobody;
} matches[] = {
    {"All", true, true},
    {"all", true, true},
    {"User bob", true, false},
    {"User Bob", false, false},
    {"User alice,b*", true, false},
    {"User *,!bob", false, false},
    {"User !alice", false, false},
    {"User=bob", true, false},
    {"user \"bob\"", true, false},
    {"Group sftp", true, false},
    {"Group s*,!users", false, false},
    {"Group wheel", false, false},
    {"Address 192.0.2.0/24", true, false},
    {"Address 10.0.0.0/8,192.0.2.17", true, false},
    {"Address *,!192.0.2.16/28", false, false},
    {"Address 192.0.*", true, false},
    {"Address 2001:db8::/32", false, false},
    {"Host 192.0.2.1?", true, false},
    {"Host bob.example", false, false},
    {"LocalAddress 2001:db8::/64", true, false},
    {"LocalAddress 192.0.2.0/24", false, false},
    {"LocalPort 2022", true, false},
    {"LocalPort 22,2022", true, false},
    {"LocalPort 22", false, false},
    {"User bob Group sftp LocalPort 2022", true, false},
    {"User bob Address 10.0.0.0/8", false, false},
    {"Invalid-User", false, false},
};

static void
match_holds_when_all_criteria_do(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(matches); i++) {
        char text[256];
        snprintf(text, sizeof text, "Match %s\nClientAliveCountMax 9\n",
                 matches[i].criteria);
        if ((count_of(text, &bob) == 9) != matches[i].is_bob)
            fail_msg("bob: Match %s", matches[i].criteria);
        if ((count_of(text, &nobody) == 9) != matches[i].is_nobody)
            fail_msg("nobody: Match %s", matches[i].criteria);
    }
}

static void
match_invalid_user_is_about_unknown_names(void **state)
{
    (void)state;
    const struct server_context guess = {.user = "admin", .is_user_unknown = true};
    assert_int_equal(count_of("Match invalid-user\nClientAliveCountMax 9", &guess), 9);
}

static void
match_overrides_what_stands_outside_wherever(void **state)
{
    (void)state;
    assert_int_equal(
        count_of("ClientAliveCountMax 1\nMatch User bob\nClientAliveCountMax 2\n", &bob),
        2);
    assert_int_equal(
        count_of("ClientAliveCountMax 1\nMatch User eve\nClientAliveCountMax 2\n", &bob),
        1);
}

static void
the_first_matching_block_wins(void **state)
{
    (void)state;
    assert_int_equal(count_of("Match Group sftp\nClientAliveCountMax 1\n"
                              "Match User bob\nClientAliveCountMax 2\n",
                              &bob),
                     1);
}

static void
without_a_context_only_match_all_holds(void **state)
{
    (void)state;
    assert_int_equal(count_of("Match User *\nClientAliveCountMax 9\n", NULL), 3);
    assert_int_equal(count_of("Match All\nClientAliveCountMax 9\n", NULL), 9);
}

static void
match_all_ends_a_block_for_daemon_keywords_too(void **state)
{
    (void)state;
    struct fault why;
    char *printed =
        rig_print("Match User bob\nBanner /b\nMatch all\nPort 2022\n", NULL, &why);
    assert_non_null(printed);
    assert_string_equal(rig_line(printed, "port"), "port 2022");
    free(printed);
    assert_refused("Match User bob\nBanner /b\nPort 2022\n",
                   "/etc/f.conf:3: Port: not allowed in a Match block");
}

static void
lists_add_up_within_match_but_not_across_its_border(void **state)
{
    (void)state;
    static const char text[] = "AllowUsers a b\nAllowUsers c\n"
                               "Match User bob\nAllowUsers d\n"
                               "Match Group sftp\nAllowUsers e\n";
    const struct rig_file files[] = {{"/etc/f.conf", text}, {NULL, NULL}};
    struct server_config *config;
    struct server_options o;
    struct fault why;
    assert_int_equal(rig_parse(files, NULL, &config, &why), ERR_NONE);
    server_options_init(&o);
    assert_int_equal(server_config_effective(config, NULL, &o), ERR_NONE);
    assert_int_equal(o.allow_users.n, 3);
    assert_int_equal(server_config_effective(config, &bob, &o), ERR_NONE);
    assert_int_equal(o.allow_users.n, 2);
    assert_string_equal(o.allow_users.item[0], "d");
    assert_string_equal(o.allow_users.item[1], "e");
    server_options_clear(&o);
    server_config_free(config);
}

static void
none_in_match_takes_back_what_holds_outside(void **state)
{
    (void)state;
    struct fault why;
    char *printed = rig_print(
        "ChrootDirectory /srv\nMatch User bob\nChrootDirectory none\n", &bob, &why);
    assert_string_equal(rig_line(printed, "chrootdirectory"), "chrootdirectory none");
    free(printed);
}

static void
the_first_rule_for_a_path_holds(void **state)
{
    (void)state;
    struct fault why;
    char *printed = rig_print("Permissions /in read\nPermissions /in/ all\n", NULL, &why);
    assert_string_equal(rig_line(printed, "permissions"), "permissions /in read");
    assert_null(strstr(printed, "all"));
    free(printed);
}

static const struct {
    const char *criteria, *sentence;
} bad_matches[] = {
    {"", "missing criterion"},
    {"User", "missing pattern of \"User\""},
    {"User \"\"", "missing pattern of \"User\""},
    {"All User bob", "All stands alone"},
    {"All=x", "takes no pattern: \"All\""},
    {"Uesr bob",
     "must be All, User, Group, Address, LocalAddress, LocalPort, Host or Invalid-User, "
     "not \"Uesr\""},
    {"Address 192.0.2.0/33", "malformed address, network or port in \"192.0.2.0/33\""},
    {"Address 192.0.2.1/24", "malformed address, network or port in \"192.0.2.1/24\""},
    {"Address a,,b", "malformed address, network or port in \"a,,b\""},
    {"LocalPort ssh", "malformed address, network or port in \"ssh\""},
    {"LocalPort 0", "malformed address, network or port in \"0\""},
};

static void
match_refuses_malformed_criteria_with_their_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad_matches); i++) {
        char text[256], sentence[300];
        snprintf(text, sizeof text, "\nMatch %s\n", bad_matches[i].criteria);
        snprintf(sentence, sizeof sentence, "/etc/f.conf:2: Match: %s",
                 bad_matches[i].sentence);
        assert_refused(text, sentence);
    }
}

/* ---- Include ---- */

static void
include_is_read_in_its_place_in_order(void **state)
{
    (void)state;
    const struct rig_file files[] = {
        {"/etc/f.conf", "Include d/*.conf\nClientAliveCountMax 9"},
        {"/etc/d/a.conf", "Banner /a\n"},
        {"/etc/d/b.conf", "ClientAliveCountMax 5\n"},
        {"/etc/d/c.conf", "ClientAliveCountMax 6\n"},
        {NULL, NULL}};
    assert_int_equal(count_in(files, NULL, NULL), 5);
}

static void
include_of_nothing_is_no_error(void **state)
{
    (void)state;
    assert_int_equal(
        count_of("Include /none/*.conf none.conf\nClientAliveCountMax 4", NULL), 4);
}

static void
include_in_match_depends_on_it(void **state)
{
    (void)state;
    const struct rig_file files[] = {{"/etc/f.conf", "Match User bob\nInclude a.conf\n"},
                                     {"/etc/a.conf", "ClientAliveCountMax 5\n"},
                                     {NULL, NULL}};
    assert_int_equal(count_in(files, NULL, &bob), 5);
    assert_int_equal(count_in(files, NULL, &nobody), 3);
}

static void
match_in_an_included_file_needs_both_and_ends_with_it(void **state)
{
    (void)state;
    const struct rig_file nested[] = {{"/etc/f.conf", "Match User eve\nInclude a.conf\n"},
                                      {"/etc/a.conf",
                                       "Match Group sftp\nClientAliveCountMax 5\n"
                                       "Match All\nClientAliveCountMax 6\n"},
                                      {NULL, NULL}};
    assert_int_equal(count_in(nested, NULL, &bob), 3);
    const struct rig_file after[] = {
        {"/etc/f.conf", "Include a.conf\nClientAliveCountMax 7\n"},
        {"/etc/a.conf", "Match User eve\nBanner /a\n"},
        {NULL, NULL}};
    assert_int_equal(count_in(after, NULL, &nobody), 7);
}

static void
daemon_keywords_in_an_include_beneath_match_are_refused(void **state)
{
    (void)state;
    const struct rig_file files[] = {{"/etc/f.conf", "Match User bob\nInclude a.conf\n"},
                                     {"/etc/a.conf", "\nPort 22\n"},
                                     {NULL, NULL}};
    assert_string_equal(refusal_of(files, NULL),
                        "/etc/a.conf:2: Port: not allowed in a Match block");
}

static void
include_of_itself_ends(void **state)
{
    (void)state;
    const struct rig_file files[] = {{"/etc/f.conf", "Include f.conf\n"}, {NULL, NULL}};
    assert_string_equal(refusal_of(files, NULL),
                        "/etc/f.conf:1: Include: nested too deeply");
    const struct rig_file wide[] = {{"/etc/f.conf", "Include f.conf f.conf\n"},
                                    {NULL, NULL}};
    assert_non_null(strstr(refusal_of(wide, NULL), "Include: nested too deeply"));
}

static void
files_in_all_are_bounded(void **state)
{
    (void)state;
    char text[16 * (SERVER_CONFIG_FILES + 1)] = "";
    for (int i = 0; i < SERVER_CONFIG_FILES; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "Include a\n");
    const struct rig_file files[] = {{"/etc/f.conf", text}, {"/etc/a", ""}, {NULL, NULL}};
    assert_string_equal(refusal_of(files, NULL), "/etc/a:0: too many files");
}

/* ---- words, lines, bounds ---- */

static void
unknown_keywords_are_refused_with_the_nearest(void **state)
{
    (void)state;
    assert_refused("\n\nMaxAuthTry 3\n", "/etc/f.conf:3: unknown keyword: there is no "
                                         "\"MaxAuthTry\"; did you mean MaxAuthTries?");
    assert_refused("Mtch User bob",
                   "/etc/f.conf:1: unknown keyword: there is no \"Mtch\"; "
                   "did you mean Match?");
    assert_refused("Xyzzyxyzzy yes",
                   "/etc/f.conf:1: unknown keyword: there is no \"Xyzzyxyzzy\"");
}

static void
sshds_words_of_debian_are_taken_but_for_x11(void **state)
{
    (void)state;
    assert_refused("Include /etc/ssh/sshd_config.d/*.conf\n"
                   "KbdInteractiveAuthentication no\nUsePAM yes\nX11Forwarding yes\n"
                   "PrintMotd no\nAcceptEnv LANG LC_*\n"
                   "Subsystem sftp /usr/lib/openssh/sftp-server\n",
                   "/etc/f.conf:4: X11Forwarding: ferryd transfers files only; must be "
                   "no, not \"yes\"");
    struct fault why;
    char *printed = rig_print("KbdInteractiveAuthentication no\nUsePAM yes\n"
                              "X11Forwarding no\nPrintMotd no\nAcceptEnv LANG LC_*\n"
                              "Subsystem sftp /usr/lib/openssh/sftp-server\n",
                              NULL, &why);
    assert_non_null(printed);
    free(printed);
}

static void
overrides_come_before_every_file(void **state)
{
    (void)state;
    const struct rig_file files[] = {
        {"/etc/f.conf", "ClientAliveCountMax 1\nMatch User bob\nClientAliveCountMax 2"},
        {NULL, NULL}};
    const char *const overrides[] = {"ClientAliveCountMax=7", "Banner /x", NULL};
    assert_int_equal(count_in(files, overrides, NULL), 7);
    assert_int_equal(count_in(files, overrides, &bob), 2);
    const char *const bad[] = {"Banner /x", "ClientAliveCountMax=x", NULL};
    assert_string_equal(
        refusal_of(files, bad),
        "-o:2: ClientAliveCountMax: must be a number from 0 to 1000000, not "
        "\"x\"");
    const char *const match[] = {"Match User bob", NULL};
    assert_string_equal(refusal_of(files, match), "-o:1: Match: not on a command line");
}

static void
a_file_that_cannot_be_read_is_an_error(void **state)
{
    (void)state;
    const struct rig_file files[] = {{NULL, NULL}};
    struct server_config_reader reader = {rig_read, rig_glob, NULL,
                                          (void *)(uintptr_t)files};
    struct server_config *config;
    struct fault why = {0};
    assert_int_equal(server_config_parse("/etc/f.conf", NULL, &reader, &config, &why),
                     ERR_IO);
    assert_null(config);
}

static void
nul_octets_and_overlong_lines_are_refused(void **state)
{
    (void)state;
    static char text[CONFIG_LINE_MAX + 64];
    memset(text, 'x', sizeof text - 1);
    memcpy(text, "Banner /", 8);
    assert_refused(text, "/etc/f.conf:1: line too long");
    assert_refused("Banner \"/x", "/etc/f.conf:1: missing closing quote");
    char name[32] = "/etc/f\033[1m.conf";
    const struct rig_file files[] = {{name, "Prot"}, {NULL, NULL}};
    assert_null(strchr(refusal_of(files, NULL), '\033'));
}

static void
directives_in_all_are_bounded(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, CONFIG_FILE_MAX);
    for (int i = 0; i < SERVER_CONFIG_DIRECTIVES + 1; i++)
        buf_put_str(&text, "UseDNS no\n");
    assert_refused(buf_cstr(&text), "/etc/f.conf:8193: too many directives");
    buf_reset(&text);
    for (int i = 0; i < SERVER_CONFIG_BLOCKS; i++)
        buf_put_str(&text, "Match All\n");
    assert_refused(buf_cstr(&text), "/etc/f.conf:1024: Match: too many of them");
    buf_clear(&text);
}

static void
lists_in_all_are_bounded(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, CONFIG_FILE_MAX);
    for (int i = 0; i < SERVER_LIST_MAX + 1; i++)
        buf_printf(&text, "%s\nAllowUsers u%d\n", i % 1024 == 0 ? "Match User x" : "", i);
    assert_refused(buf_cstr(&text), "/etc/f.conf: more than 4096 values of one list");
    buf_clear(&text);
}

static void
patterns_and_criteria_are_bounded(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, CONFIG_FILE_MAX);
    buf_put_str(&text, "Match User a");
    for (int i = 0; i < MATCH_PATTERNS_MAX; i++)
        buf_put_str(&text, ",a");
    assert_refused(buf_cstr(&text),
                   "/etc/f.conf:1: Match: more than 256 patterns of \"User\"");
    buf_reset(&text);
    buf_put_str(&text, "Match");
    for (int i = 0; i < MATCH_CRITERIA_MAX + 1; i++)
        buf_put_str(&text, " User a");
    assert_refused(buf_cstr(&text), "/etc/f.conf:1: Match: too many criteria");
    buf_clear(&text);
}

static void
a_keys_command_needs_its_user(void **state)
{
    (void)state;
    assert_refused("AuthorizedKeysCommand /bin/keys %u\n",
                   "/etc/f.conf: AuthorizedKeysCommand needs AuthorizedKeysCommandUser");
    struct fault why;
    char *printed = rig_print("AuthorizedKeysCommand /bin/keys %u # all\n"
                              "AuthorizedKeysCommandUser nobody\n",
                              NULL, &why);
    assert_string_equal(rig_line(printed, "authorizedkeyscommand"),
                        "authorizedkeyscommand /bin/keys %u # all");
    free(printed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(match_holds_when_all_criteria_do),
        cmocka_unit_test(match_invalid_user_is_about_unknown_names),
        cmocka_unit_test(match_overrides_what_stands_outside_wherever),
        cmocka_unit_test(the_first_matching_block_wins),
        cmocka_unit_test(without_a_context_only_match_all_holds),
        cmocka_unit_test(match_all_ends_a_block_for_daemon_keywords_too),
        cmocka_unit_test(lists_add_up_within_match_but_not_across_its_border),
        cmocka_unit_test(none_in_match_takes_back_what_holds_outside),
        cmocka_unit_test(the_first_rule_for_a_path_holds),
        cmocka_unit_test(match_refuses_malformed_criteria_with_their_line),
        cmocka_unit_test(include_is_read_in_its_place_in_order),
        cmocka_unit_test(include_of_nothing_is_no_error),
        cmocka_unit_test(include_in_match_depends_on_it),
        cmocka_unit_test(match_in_an_included_file_needs_both_and_ends_with_it),
        cmocka_unit_test(daemon_keywords_in_an_include_beneath_match_are_refused),
        cmocka_unit_test(include_of_itself_ends),
        cmocka_unit_test(files_in_all_are_bounded),
        cmocka_unit_test(unknown_keywords_are_refused_with_the_nearest),
        cmocka_unit_test(sshds_words_of_debian_are_taken_but_for_x11),
        cmocka_unit_test(overrides_come_before_every_file),
        cmocka_unit_test(a_file_that_cannot_be_read_is_an_error),
        cmocka_unit_test(nul_octets_and_overlong_lines_are_refused),
        cmocka_unit_test(directives_in_all_are_bounded),
        cmocka_unit_test(lists_in_all_are_bounded),
        cmocka_unit_test(patterns_and_criteria_are_bounded),
        cmocka_unit_test(a_keys_command_needs_its_user),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
