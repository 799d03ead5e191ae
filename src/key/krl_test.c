#include "key/cert_make_test.h"

#include "key/krl.h"

static enum key_standing
standing(struct bytes list, struct bytes blob)
{
    struct fault why = {0};
    enum key_standing s = krl_check(list, blob, &why);
    assert_int_equal(s == KEY_REVOKED, why.text[0] != '\0');
    return s;
}

/* user-cert: serial 7, "id of user", fixture ed25519's key, by ca. */
static const struct {
    const char *list, *key;
    enum key_standing standing;
} fixtures[] = {
    {"krl-keys", "rsa", KEY_REVOKED},
    {"krl-keys", "ecdsa256", KEY_REVOKED}, /* by SHA-1 */
    {"krl-keys", "ecdsa384", KEY_REVOKED}, /* by SHA-256 */
    {"krl-keys", "ed25519", KEY_NOT_REVOKED},
    {"krl-keys", "user-cert", KEY_NOT_REVOKED},
    {"krl-keys", "user-rsa-cert", KEY_REVOKED}, /* the key inside */
    {"krl-serial", "user-cert", KEY_REVOKED},
    {"krl-serial", "ed25519", KEY_NOT_REVOKED},
    {"krl-serial", "user-options-cert", KEY_NOT_REVOKED}, /* serial 0 */
    {"krl-serial", "user-ecdsa-cert", KEY_NOT_REVOKED},
    {"krl-range", "user-cert", KEY_REVOKED},
    {"krl-range", "user-options-cert", KEY_NOT_REVOKED},
    {"krl-bitmap", "user-cert", KEY_REVOKED},
    {"krl-bitmap", "user-options-cert", KEY_NOT_REVOKED},
    {"krl-other-ca", "user-cert", KEY_NOT_REVOKED},
    {"krl-id", "user-cert", KEY_REVOKED},
    {"krl-id", "user-options-cert", KEY_NOT_REVOKED},
    {"krl-ca", "user-cert", KEY_REVOKED},
    {"krl-ca", "host-cert", KEY_REVOKED},
    {"krl-ca", "ca", KEY_REVOKED},
    {"krl-ca", "ed25519", KEY_NOT_REVOKED},
    {"krl-ca", "user-ecdsa-cert", KEY_NOT_REVOKED},
};

static void
lists_of_ssh_keygen_revoke_what_they_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(fixtures); i++) {
        struct buf list = test_fixture(fixtures[i].list);
        struct buf blob = test_blob(fixtures[i].key);
        enum key_standing s = standing(buf_bytes(&list), buf_bytes(&blob));
        if (s != fixtures[i].standing)
            fail_msg("%s on %s: %d", fixtures[i].list, fixtures[i].key, s);
        buf_clear(&blob);
        buf_clear(&list);
    }
}

static void
plain_list_of_keys_revokes_them(void **state)
{
    (void)state;
    static const struct {
        const char *file, *key;
        enum key_standing standing;
    } cases[] = {
        {"rsa.pub", "rsa", KEY_REVOKED},
        {"rsa.pub", "user-rsa-cert", KEY_REVOKED},
        {"rsa.pub", "ed25519", KEY_NOT_REVOKED},
        {"ca.pub", "user-cert", KEY_REVOKED},
        {"user-cert.pub", "user-cert", KEY_REVOKED},
        {"user-cert.pub", "ed25519", KEY_NOT_REVOKED},
        {"rsa", "ed25519", KEY_REVOKED}, /* no list at all: nobody is trusted */
        {"known_hosts", "rsa1024", KEY_REVOKED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf list = test_fixture(cases[i].file), blob = test_blob(cases[i].key);
        if (standing(buf_bytes(&list), buf_bytes(&blob)) != cases[i].standing)
            fail_msg("%s on %s", cases[i].file, cases[i].key);
        buf_clear(&blob);
        buf_clear(&list);
    }
    struct buf blob = test_blob("rsa");
    assert_int_equal(standing((struct bytes){0}, buf_bytes(&blob)), KEY_NOT_REVOKED);
    assert_int_equal(standing(BYTES_LIT("# none\n\n"), buf_bytes(&blob)),
                     KEY_NOT_REVOKED);
    buf_clear(&blob);
}

/* ---- made by hand ---- */

static struct buf
make_list(struct bytes sections)
{
    struct buf b;
    buf_init(&b, 1 << 16);
    buf_put(&b, BYTES_LIT("SSHKRL\n\0\0\0\0\1"));
    for (int i = 0; i < 3; i++)
        put_u64(&b, 0);
    put_cstring(&b, "");
    put_cstring(&b, "a comment");
    buf_put(&b, sections);
    test_tighten(&b);
    return b;
}

/* A section of certificates of any CA with one subsection. */
#define CERTS(outer, type, inner, data) \
    "\1\0\0\0" outer "\0\0\0\0\0\0\0\0" type "\0\0\0" inner data
#define EIGHT(last) "\0\0\0\0\0\0\0" last

static const struct {
    const char *what;
    struct bytes sections;
    uint64_t serial;
    enum key_standing standing;
} made[] = {
    {"nothing", BYTES_LIT(""), 7, KEY_NOT_REVOKED},
    {"serial of any CA", BYTES_LIT(CERTS("\x15", "\x20", "\x08", EIGHT("\7"))), 7,
     KEY_REVOKED},
    {"another serial", BYTES_LIT(CERTS("\x15", "\x20", "\x08", EIGHT("\7"))), 8,
     KEY_NOT_REVOKED},
    {"serial 0 listed", BYTES_LIT(CERTS("\x15", "\x20", "\x08", EIGHT("\0"))), 0,
     KEY_NOT_REVOKED},
    {"range's first", BYTES_LIT(CERTS("\x1d", "\x21", "\x10", EIGHT("\5") EIGHT("\7"))),
     5, KEY_REVOKED},
    {"range's last", BYTES_LIT(CERTS("\x1d", "\x21", "\x10", EIGHT("\5") EIGHT("\7"))), 7,
     KEY_REVOKED},
    {"before the range",
     BYTES_LIT(CERTS("\x1d", "\x21", "\x10", EIGHT("\5") EIGHT("\7"))), 4,
     KEY_NOT_REVOKED},
    {"behind the range",
     BYTES_LIT(CERTS("\x1d", "\x21", "\x10", EIGHT("\5") EIGHT("\7"))), 8,
     KEY_NOT_REVOKED},
    {"range backwards", BYTES_LIT(CERTS("\x1d", "\x21", "\x10", EIGHT("\7") EIGHT("\5"))),
     1, KEY_REVOKED},
    {"bit 0", BYTES_LIT(CERTS("\x1b", "\x22", "\x0e", EIGHT("\5") "\0\0\0\2\1\1")), 5,
     KEY_REVOKED},
    {"bit 1", BYTES_LIT(CERTS("\x1b", "\x22", "\x0e", EIGHT("\5") "\0\0\0\2\1\1")), 6,
     KEY_NOT_REVOKED},
    {"bit 8", BYTES_LIT(CERTS("\x1b", "\x22", "\x0e", EIGHT("\5") "\0\0\0\2\1\1")), 13,
     KEY_REVOKED},
    {"bit 16", BYTES_LIT(CERTS("\x1b", "\x22", "\x0e", EIGHT("\5") "\0\0\0\2\1\1")), 21,
     KEY_NOT_REVOKED},
    {"before bit 0", BYTES_LIT(CERTS("\x1b", "\x22", "\x0e", EIGHT("\5") "\0\0\0\2\1\1")),
     4, KEY_NOT_REVOKED},
    {"serial 2^64-1",
     BYTES_LIT(CERTS("\x1b", "\x22", "\x0e", EIGHT("\5") "\0\0\0\2\1\1")), UINT64_MAX,
     KEY_NOT_REVOKED},
    {"negative bits",
     BYTES_LIT(CERTS("\x1b", "\x22", "\x0e", EIGHT("\5") "\0\0\0\2\x81\1")), 1,
     KEY_REVOKED},
    {"unknown subsection", BYTES_LIT(CERTS("\x0e", "\x24", "\1", "x")), 1, KEY_REVOKED},
    {"octets behind a range",
     BYTES_LIT(CERTS("\x1e", "\x21", "\x11", EIGHT("\5") EIGHT("\7") "x")), 1,
     KEY_REVOKED},
    {"half a serial", BYTES_LIT(CERTS("\x11", "\x20", "\x04", "\0\0\0\0")), 1,
     KEY_REVOKED},
    {"harmless extension", BYTES_LIT("\xff\0\0\0\x0a\0\0\0\1x\0\0\0\0\0"), 1,
     KEY_NOT_REVOKED},
    {"critical extension", BYTES_LIT("\xff\0\0\0\x0a\0\0\0\1x\1\0\0\0\0"), 1,
     KEY_REVOKED},
    {"signature", BYTES_LIT("\4\0\0\0\0"), 1, KEY_REVOKED},
    {"unknown section", BYTES_LIT("\6\0\0\0\0"), 1, KEY_REVOKED},
    {"SHA-1 of 19 octets",
     BYTES_LIT("\3\0\0\0\x17\0\0\0\x13"
               "0123456789012345678"),
     1, KEY_REVOKED},
    {"section of 2^32-1", BYTES_LIT("\2\xff\xff\xff\xff"), 1, KEY_REVOKED},
};

static void
list_not_understood_revokes_everything(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(made); i++) {
        struct cert_draft draft = cert_draft_for(CERT_USER, ALICE);
        draft.serial = made[i].serial;
        struct buf list = make_list(made[i].sections), blob = cert_make(&draft);
        enum key_standing s = standing(buf_bytes(&list), buf_bytes(&blob));
        if (s != made[i].standing)
            fail_msg("%s: %d", made[i].what, s);
        buf_clear(&blob);
        buf_clear(&list);
    }
}

/* Only between two sections may a list end: there it is a whole, shorter one. */
static void
list_cut_inside_a_section_revokes_everything(void **state)
{
    (void)state;
    struct buf list = test_fixture("krl-range"), blob = test_blob("ed25519");
    unsigned n_whole = 0;
    for (size_t n = 1; n < list.n; n++) {
        struct buf cut = test_bytes(bytes_first(buf_bytes(&list), n));
        n_whole += standing(buf_bytes(&cut), buf_bytes(&blob)) == KEY_NOT_REVOKED;
        buf_clear(&cut);
    }
    assert_int_equal(n_whole, 1); /* behind the header */
    buf_clear(&blob);
    buf_clear(&list);
}

static void
malformed_key_is_revoked(void **state)
{
    (void)state;
    static const struct bytes bad[] = {
        {0},
        BYTES_LIT("\0\0\0\0"),
        BYTES_LIT("\0\0\0\x20ssh-ed25519-cert-v01@openssh.com"),
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(standing((struct bytes){0}, bad[i]), KEY_REVOKED);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_of_ssh_keygen_revoke_what_they_name),
        cmocka_unit_test(plain_list_of_keys_revokes_them),
        cmocka_unit_test(list_not_understood_revokes_everything),
        cmocka_unit_test(list_cut_inside_a_section_revokes_everything),
        cmocka_unit_test(malformed_key_is_revoked),
    };
    return cmocka_run_group_tests(tests, test_init, NULL);
}
