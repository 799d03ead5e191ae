/* Lists of users from elsewhere, line by line. */
#include "base/base_test.h"

#include "account/import.h"

#define HASH6                                                                      \
    "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc" \
    ".eoxqOmSuNp2xS0ktL3nh/"

struct wanted {
    enum import_step step;
    unsigned line;
    const char *name, *password, *hash;
    int64_t uid, gid;
    const char *home, *dirs;
    bool is_disabled;
    int64_t expires;
};

static void
check_walk(struct import *it, const struct wanted *wanted, size_t n)
{
    static struct import_row row;
    struct fault why = {0};
    for (size_t i = 0; i < n; i++) {
        const struct wanted *w = &wanted[i];
        enum import_step step = import_next(it, &row, &why);
        if (step != w->step)
            fail_msg("row %zu: %d, %s", i, step, why.text);
        assert_int_equal(row.line, w->line);
        assert_string_equal(row.name, w->name);
        if (step == IMPORT_BAD) {
            assert_true(why.text[0] != 0);
            continue;
        }
        assert_bytes_equal(secret_bytes(&row.password), bytes_str(w->password));
        assert_string_equal(row.hash, w->hash);
        assert_int_equal(row.uid, w->uid);
        assert_int_equal(row.gid, w->gid);
        assert_string_equal(row.home, w->home);
        assert_string_equal(row.dirs, w->dirs);
        assert_int_equal(row.is_disabled, w->is_disabled);
        assert_int_equal(row.expires, w->expires);
    }
    assert_int_equal(import_next(it, &row, &why), IMPORT_END);
}

static void
lists_of_containers_are_read(void **state)
{
    static const char text[] = "# users\r\n"
                               "foo:123:1001:100:upload,a/b\r\n"
                               "\n"
                               "bar:" HASH6 ":e:1002\n"
                               "keys::1003\n"
                               "plain:p w\n"
                               "e:e\n"
                               "last:x:::up";
    static const struct wanted rows[] = {
        {IMPORT_ROW, 2, "foo", "123", "", 1001, 100, "", "upload,a/b", false, -1},
        {IMPORT_ROW, 4, "bar", "", HASH6, 1002, -1, "", "", false, -1},
        {IMPORT_ROW, 5, "keys", "", "", 1003, -1, "", "", false, -1},
        {IMPORT_ROW, 6, "plain", "p w", "", -1, -1, "", "", false, -1},
        {IMPORT_ROW, 7, "e", "e", "", -1, -1, "", "", false, -1},
        {IMPORT_ROW, 8, "last", "x", "", -1, -1, "", "up", false, -1},
    };
    struct import it;
    (void)state;
    import_list_start(&it, bytes_of(text, sizeof text - 1));
    check_walk(&it, rows, ARRAY_LEN(rows));
}

static void
bad_lines_are_told_and_passed(void **state)
{
    static const char text[] = "nocolon\n"
                               "../etc:x\n"
                               "a:b:c\n"
                               "a:b:1:2:../up\n"
                               "a:b:1:2:/abs\n"
                               "a:b:1:2:x,,y\n"
                               "a:b:1:2:x:y\n"
                               "a:$1$x$y:e\n"
                               "a:b:99999999999\n"
                               "good:b\n";
    static const struct wanted rows[] = {
        {.step = IMPORT_BAD, .line = 1, .name = ""},
        {.step = IMPORT_BAD, .line = 2, .name = ""},
        {.step = IMPORT_BAD, .line = 3, .name = "a"},
        {.step = IMPORT_BAD, .line = 4, .name = "a"},
        {.step = IMPORT_BAD, .line = 5, .name = "a"},
        {.step = IMPORT_BAD, .line = 6, .name = "a"},
        {.step = IMPORT_BAD, .line = 7, .name = "a"},
        {.step = IMPORT_BAD, .line = 8, .name = "a"},
        {.step = IMPORT_BAD, .line = 9, .name = "a"},
        {IMPORT_ROW, 10, "good", "b", "", -1, -1, "", "", false, -1},
    };
    struct import it;
    (void)state;
    import_list_start(&it, bytes_of(text, sizeof text - 1));
    check_walk(&it, rows, ARRAY_LEN(rows));
}

static void
passwd_and_shadow_are_joined(void **state)
{
    static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
                                 "alice:x:1000:1000:Alice,,,:/home/alice:/bin/sh\n"
                                 "locked:x:1001:1001::/home/locked:/bin/false\n"
                                 "none:x:1002:1002::/home/none:/bin/sh\n"
                                 "blank:x:1003:1003::/home/blank:/bin/sh\n"
                                 "nobody:x:65534:65534::/nonexistent:/bin/false\n"
                                 "old:x:1004:1004::/home/old:/bin/sh\n"
                                 "few:x:1005\n"
                                 "missing:" HASH6 ":1006:1006::/home/m:/bin/sh\n";
    static const char shadow[] = "root:" HASH6 ":19000:0:99999:7:::\n"
                                 "alice:" HASH6 ":19000:0:99999:7::20000:\n"
                                 "locked:!" HASH6 ":19000:0:99999:7:::\n"
                                 "none:*:19000:0:99999:7:::\n"
                                 "blank::19000:0:99999:7:::\n"
                                 "old:ab01FAX.bQRSU:19000:0:99999:7:::\n";
    static const struct wanted rows[] = {
        {IMPORT_ROW, 2, "alice", "", HASH6, 1000, 1000, "/home/alice", "", false,
         INT64_C(20000) * 86400},
        {IMPORT_ROW, 3, "locked", "", HASH6, 1001, 1001, "/home/locked", "", true, -1},
        {IMPORT_ROW, 4, "none", "", "", 1002, 1002, "/home/none", "", false, -1},
        {IMPORT_ROW, 5, "blank", "", "", 1003, 1003, "/home/blank", "", false, -1},
        {.step = IMPORT_BAD, .line = 7, .name = "old"},
        {.step = IMPORT_BAD, .line = 8, .name = ""},
        {IMPORT_ROW, 9, "missing", "", HASH6, 1006, 1006, "/home/m", "", false, -1},
    };
    struct import it;
    (void)state;
    import_passwd_start(&it, bytes_of(passwd, sizeof passwd - 1),
                        bytes_of(shadow, sizeof shadow - 1), 1000);
    check_walk(&it, rows, ARRAY_LEN(rows));
}

static void
lines_too_long_are_bad_whole(void **state)
{
    static char text[IMPORT_LINE_MAX + 64];
    static const struct wanted rows[] = {
        {.step = IMPORT_BAD, .line = 1, .name = ""},
        {IMPORT_ROW, 2, "b", "c", "", -1, -1, "", "", false, -1},
    };
    struct import it;
    (void)state;
    memset(text, 'a', sizeof text);
    memcpy(text + sizeof text - 5, "\nb:c\n", 5);
    import_list_start(&it, bytes_of(text, sizeof text));
    check_walk(&it, rows, ARRAY_LEN(rows));
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_of_containers_are_read),
        cmocka_unit_test(bad_lines_are_told_and_passed),
        cmocka_unit_test(passwd_and_shadow_are_joined),
        cmocka_unit_test(lines_too_long_are_bad_whole),
    };
    return cmocka_run_group_tests_name("account/import", tests, NULL, NULL);
}
