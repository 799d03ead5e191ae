/* What a login is allowed: every source of a limit, alone and together. */
#include "base/base_test.h"

#include "config/server_rig.h"
#include "daemon/granting.h"

struct rig {
    struct server_config *config;
    struct server_options options;
    struct steward_facts facts;
    struct granting granting;
    struct grant grant;
    struct fault why;
};

static void
rig_open(struct rig *r, const char *config)
{
    const struct rig_file files[] = {{"/etc/f.conf", config}, {NULL, NULL}};
    static const struct server_context context = {.user = "alice"};
    memset(r, 0, sizeof *r);
    if (rig_parse(files, NULL, &r->config, &r->why) != ERR_NONE)
        fail_msg("%s", r->why.text);
    server_options_init(&r->options);
    assert_int_equal(server_config_effective(r->config, &context, &r->options), ERR_NONE);
    r->facts.kind = STEWARD_VIRTUAL;
    r->facts.account = (struct account_record){
        .name = "alice",
        .root = "/srv/%u",
        .expires = ACCOUNT_UNSET,
        .max_sessions = ACCOUNT_UNSET,
        .upload_rate = ACCOUNT_UNSET,
        .download_rate = ACCOUNT_UNSET,
        .quota_octets = ACCOUNT_UNSET,
        .quota_files = ACCOUNT_UNSET,
        .uid = ACCOUNT_UNSET,
        .gid = ACCOUNT_UNSET,
        .umask = ACCOUNT_UNSET,
        .is_read_only = ACCOUNT_UNSET,
        .is_atomic = ACCOUNT_UNSET,
        .is_durable = ACCOUNT_UNSET,
    };
    r->granting = (struct granting){
        .options = &r->options,
        .facts = &r->facts,
        .user = "alice",
        .is_root = true,
        .virtual_uid = 990,
        .virtual_gid = 991,
    };
}

static void
be_system(struct rig *r)
{
    r->facts.kind = STEWARD_SYSTEM;
    r->facts.has_ids = 1;
    r->facts.uid = 1000;
    r->facts.gid = 1001;
    r->facts.n_groups = 2;
    r->facts.groups[0] = 1001;
    r->facts.groups[1] = 44;
    snprintf(r->facts.home, sizeof r->facts.home, "/home/alice");
}

static void
rig_make(struct rig *r)
{
    if (grant_make(&r->granting, &r->grant, &r->why) != ERR_NONE)
        fail_msg("%s", r->why.text);
}

static void
rig_close(struct rig *r)
{
    server_options_clear(&r->options);
    server_config_free(r->config);
}

static void
a_virtual_account_is_confined_to_its_root(void **state)
{
    struct rig r;
    (void)state;
    rig_open(&r, "");
    rig_make(&r);
    assert_string_equal(r.grant.root, "/srv/alice");
    assert_string_equal(r.grant.home, "/");
    assert_int_equal(r.grant.is_confined, 1);
    assert_int_equal(r.grant.is_chroot, 1);
    assert_int_equal(r.grant.changes_ids, 1);
    assert_int_equal(r.grant.uid, 990);
    assert_int_equal(r.grant.gid, 991);
    assert_int_equal(r.grant.n_groups, 1);
    assert_int_equal(r.grant.groups[0], 991);
    assert_int_equal(r.grant.is_atomic, 1);
    assert_int_equal(r.grant.umask, 022);
    rig_close(&r);
}

static void
a_system_account_is_itself(void **state)
{
    struct rig r;
    (void)state;
    rig_open(&r, "");
    be_system(&r);
    rig_make(&r);
    assert_string_equal(r.grant.root, "/");
    assert_string_equal(r.grant.home, "/home/alice");
    assert_int_equal(r.grant.is_confined, 0);
    assert_int_equal(r.grant.is_chroot, 0);
    assert_int_equal(r.grant.uid, 1000);
    assert_int_equal(r.grant.n_groups, 2);
    assert_int_equal(r.grant.groups[1], 44);
    assert_int_equal(r.grant.is_atomic, 0);
    rig_close(&r);
}

static void
tokens_of_chroot_directory_are_replaced(void **state)
{
    static const struct {
        const char *value, *root; /* root NULL: refused */
    } rows[] = {
        {"%h/files", "/home/alice/files"},
        {"/srv/%u", "/srv/alice"},
        {"/srv/%U/100%%", "/srv/1000/100%"},
        {"none", "/"},
        {"/srv/../%u", NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig r;
        char config[128];
        snprintf(config, sizeof config, "ChrootDirectory %s\n", rows[i].value);
        rig_open(&r, config);
        be_system(&r);
        enum err err = grant_make(&r.granting, &r.grant, &r.why);
        if ((err == ERR_NONE) != (rows[i].root != NULL))
            fail_msg("%s: %s", rows[i].value, r.why.text);
        if (rows[i].root)
            assert_string_equal(r.grant.root, rows[i].root);
        rig_close(&r);
    }
}

/* threats A9 */
static void
no_name_leads_out_of_its_directory(void **state)
{
    static const char *const names[] = {"..", ".", "", "a/b", "-x", "a\nb", "%h"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct rig r;
        rig_open(&r, "");
        r.granting.user = names[i];
        assert_int_equal(grant_make(&r.granting, &r.grant, &r.why), ERR_AUTH);
        rig_close(&r);
    }
}

static void
bad_roots_and_ids_are_refused(void **state)
{
    static const struct {
        const char *root;
        int64_t uid, gid;
    } rows[] = {
        {"", ACCOUNT_UNSET, ACCOUNT_UNSET},
        {"relative", ACCOUNT_UNSET, ACCOUNT_UNSET},
        {"/srv/../etc", ACCOUNT_UNSET, ACCOUNT_UNSET},
        {"/srv/%h", ACCOUNT_UNSET, ACCOUNT_UNSET},
        {"/srv/%x", ACCOUNT_UNSET, ACCOUNT_UNSET},
        {"/srv/%", ACCOUNT_UNSET, ACCOUNT_UNSET},
        {"/srv/%u", 0, ACCOUNT_UNSET},
        {"/srv/%u", ACCOUNT_UNSET, 0},
        {"/srv/%u", UINT32_MAX, ACCOUNT_UNSET},
        {"/srv/%u", INT64_C(1) << 32, 5},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig r;
        rig_open(&r, "");
        snprintf(r.facts.account.root, sizeof r.facts.account.root, "%s", rows[i].root);
        r.facts.account.uid = rows[i].uid;
        r.facts.account.gid = rows[i].gid;
        if (grant_make(&r.granting, &r.grant, &r.why) == ERR_NONE)
            fail_msg("row %zu: %s", i, r.grant.root);
        rig_close(&r);
    }
}

static void
the_accounts_values_come_before_the_configurations(void **state)
{
    struct rig r;
    (void)state;
    rig_open(&r, "UploadRate 1M\nDownloadRate 2M\nQuotaSize 10G\nQuotaFiles 100\n"
                 "MaxAccountSessions 7\nUmask 077\nAtomicUploads no\n");
    rig_make(&r);
    assert_int_equal(r.grant.upload_rate, 1 << 20);
    assert_int_equal(r.grant.download_rate, 2 << 20);
    assert_int_equal(r.grant.quota_octets, INT64_C(10) << 30);
    assert_int_equal(r.grant.quota_files, 100);
    assert_int_equal(r.grant.max_sessions, 7);
    assert_int_equal(r.grant.umask, 077);
    assert_int_equal(r.grant.is_atomic, 0);
    r.facts.account.upload_rate = 5;
    r.facts.account.quota_octets = 0; /* said to have none */
    r.facts.account.max_sessions = 2;
    r.facts.account.umask = 027;
    r.facts.account.is_atomic = 1;
    rig_make(&r);
    assert_int_equal(r.grant.upload_rate, 5);
    assert_int_equal(r.grant.download_rate, 2 << 20);
    assert_int_equal(r.grant.quota_octets, 0);
    assert_int_equal(r.grant.max_sessions, 2);
    assert_int_equal(r.grant.umask, 027);
    assert_int_equal(r.grant.is_atomic, 1);
    rig_close(&r);
}

static void
rules_are_one_a_line(void **state)
{
    struct rig r;
    (void)state;
    rig_open(&r, "");
    snprintf(r.facts.account.refused_names, sizeof r.facts.account.refused_names,
             "*.exe,*.bat");
    snprintf(r.facts.account.rights, sizeof r.facts.account.rights,
             "/in dropbox\n/out read");
    rig_make(&r);
    assert_string_equal(r.grant.refused_names, "*.exe\n*.bat");
    assert_string_equal(r.grant.rights, "/in dropbox\n/out read");
    rig_close(&r);
}

static void
forced_commands_are_joined_to_the_strictest(void **state)
{
    struct rig r;
    struct sftp_limits key;
    (void)state;
    rig_open(&r, "ForceCommand internal-sftp -d /in -p open,stat,write -u 007\n");
    assert_int_equal(sftp_limits_parse("internal-sftp -p stat,remove -P remove -u 020 "
                                       "-d /other",
                                       &key, &r.why),
                     ERR_NONE);
    r.granting.limits = &key;
    rig_make(&r);
    assert_string_equal(r.grant.start, "/in");
    assert_string_equal(r.grant.allowed_requests, "stat");
    assert_string_equal(r.grant.denied_requests, "remove");
    assert_int_equal(r.grant.umask, 027);
    /* Nothing in common: nobody is let in rather than everything allowed. */
    assert_int_equal(sftp_limits_parse("internal-sftp -p mkdir", &key, &r.why), ERR_NONE);
    assert_int_equal(grant_make(&r.granting, &r.grant, &r.why), ERR_AUTH);
    rig_close(&r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_virtual_account_is_confined_to_its_root),
        cmocka_unit_test(a_system_account_is_itself),
        cmocka_unit_test(tokens_of_chroot_directory_are_replaced),
        cmocka_unit_test(no_name_leads_out_of_its_directory),
        cmocka_unit_test(bad_roots_and_ids_are_refused),
        cmocka_unit_test(the_accounts_values_come_before_the_configurations),
        cmocka_unit_test(rules_are_one_a_line),
        cmocka_unit_test(forced_commands_are_joined_to_the_strictest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
