/* What can be set: texts to values and back, and what is refused. */
#include "base/base_test.h"

#include "account/member.h"

static void
values_are_read_and_shown(void **state)
{
    static const struct {
        enum account_member_id id;
        const char *text, *shown; /* shown NULL: as given */
        int64_t number;
    } rows[] = {
        {MEMBER_ID_QUOTA_OCTETS, "10G", NULL, INT64_C(10) << 30},
        {MEMBER_ID_QUOTA_OCTETS, "1500", NULL, 1500},
        {MEMBER_ID_QUOTA_OCTETS, "2048k", "2M", 2 << 20},
        {MEMBER_ID_QUOTA_OCTETS, "none", NULL, 0},
        {MEMBER_ID_QUOTA_OCTETS, "0", "none", 0},
        {MEMBER_ID_MAX_SESSIONS, "none", NULL, 0},
        {MEMBER_ID_UMASK, "027", NULL, 027},
        {MEMBER_ID_UMASK, "7", "007", 7},
        {MEMBER_ID_EXPIRES, "2030-12-31", NULL, 1924991999},
        {MEMBER_ID_EXPIRES, "1924991999", "2030-12-31", 1924991999},
        {MEMBER_ID_EXPIRES, "1234567890", NULL, 1234567890},
        {MEMBER_ID_EXPIRES, "never", NULL, ACCOUNT_NEVER_EXPIRES},
        {MEMBER_ID_READ_ONLY, "yes", NULL, 1},
        {MEMBER_ID_UID, "4294967294", NULL, UINT32_MAX - 1},
    };
    struct account_record r;
    struct buf text;
    (void)state;
    buf_init(&text, 128);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct account_member *m = &account_members[rows[i].id];
        struct fault why = {0};
        account_record_init(&r, false, "a");
        assert_false(account_member_is_set(m, &r));
        assert_int_equal(account_member_set(m, &r, rows[i].text, &why), ERR_NONE);
        assert_true(account_member_number(m, &r) == rows[i].number);
        buf_reset(&text);
        account_member_put(m, &r, &text);
        assert_string_equal(buf_cstr(&text),
                            rows[i].shown ? rows[i].shown : rows[i].text);
    }
    buf_clear(&text);
}

static void
values_that_make_no_sense_are_refused_with_their_names(void **state)
{
    static const struct {
        enum account_member_id id;
        const char *text;
    } rows[] = {
        {MEMBER_ID_ROOT, "relative"},
        {MEMBER_ID_ROOT, "/a/../b"},
        {MEMBER_ID_ROOT, "/a/.."},
        {MEMBER_ID_ROOT, "/a/%h"},
        {MEMBER_ID_ROOT, "/a/%"},
        {MEMBER_ID_ROOT, "/a\nb"},
        {MEMBER_ID_ROOT, "/\xff"},
        {MEMBER_ID_ROOT, ""},
        {MEMBER_ID_GROUP, "-rf"},
        {MEMBER_ID_CHAIN, "passwort"},
        {MEMBER_ID_CHAIN, "publickey,"},
        {MEMBER_ID_CHAIN, "publickey,,password"},
        {MEMBER_ID_NETWORKS, "10.0.0.0/8,300.1.1.1"},
        {MEMBER_ID_NETWORKS, "10.0.0.1/8"},
        {MEMBER_ID_NETWORKS, "!10.0.0.0/8"},
        {MEMBER_ID_NETWORKS, "10.0.0.0/8,,10.0.0.0/8"},
        {MEMBER_ID_REFUSED_NAMES, "a/b"},
        {MEMBER_ID_REFUSED_NAMES, "a,,b"},
        {MEMBER_ID_RIGHTS, "/ everything"},
        {MEMBER_ID_RIGHTS, "in all"},
        {MEMBER_ID_QUOTA_OCTETS, "-1"},
        {MEMBER_ID_QUOTA_OCTETS, "10X"},
        {MEMBER_ID_QUOTA_OCTETS, "999999999999999T"},
        {MEMBER_ID_QUOTA_OCTETS, "99999999999999999999"},
        {MEMBER_ID_UID, "0"},
        {MEMBER_ID_UID, "4294967295"},
        {MEMBER_ID_UMASK, "089"},
        {MEMBER_ID_UMASK, "1777"},
        {MEMBER_ID_EXPIRES, "2030-04-31"},
        {MEMBER_ID_EXPIRES, "2030-13-01"},
        {MEMBER_ID_EXPIRES, "31.12.2030"},
        {MEMBER_ID_EXPIRES, "1969-12-31"},
        {MEMBER_ID_READ_ONLY, "maybe"},
    };
    struct account_record r;
    (void)state;
    account_record_init(&r, false, "a");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct account_member *m = &account_members[rows[i].id];
        struct fault why = {0};
        if (account_member_set(m, &r, rows[i].text, &why) != ERR_PROTO)
            fail_msg("%s took \"%s\"", m->name, rows[i].text);
        assert_true(strncmp(why.text, m->name, strlen(m->name)) == 0);
        assert_false(account_member_is_set(m, &r));
    }
}

static void
texts_are_bounded(void **state)
{
    static char text[ACCOUNT_RIGHTS_MAX + 64];
    struct account_record r;
    (void)state;
    account_record_init(&r, false, "a");
    for (size_t i = 0; i < MEMBER_IDS; i++) {
        const struct account_member *m = &account_members[i];
        struct fault why = {0};
        memset(text, 'a', sizeof text - 1);
        text[0] = '/';
        text[m->kind == MEMBER_TEXT ? m->max + 1 : 64] = 0;
        assert_int_equal(account_member_set(m, &r, text, &why), ERR_PROTO);
    }
}

static void
the_table_and_the_record_fit(void **state)
{
    (void)state;
    for (size_t i = 0; i < MEMBER_IDS; i++) {
        const struct account_member *m = &account_members[i];
        size_t size = m->kind == MEMBER_TEXT ? (size_t)m->max + 1 : sizeof(int64_t);
        assert_non_null(m->name);
        assert_non_null(m->help);
        assert_true((m->value == NULL) == (m->kind == MEMBER_FLAG));
        assert_true(m->offset + size <= sizeof(struct account_record));
    }
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_read_and_shown),
        cmocka_unit_test(values_that_make_no_sense_are_refused_with_their_names),
        cmocka_unit_test(texts_are_bounded),
        cmocka_unit_test(the_table_and_the_record_fit),
    };
    return cmocka_run_group_tests_name("account/member", tests, NULL, NULL);
}
