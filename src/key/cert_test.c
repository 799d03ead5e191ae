#include "key/cert_make_test.h"

#define CA_ALGOS BYTES_LIT("ssh-ed25519,ecdsa-sha2-nistp256,rsa-sha2-512,rsa-sha2-256")

static enum err
parse(struct bytes blob, struct cert **cert)
{
    struct fault why = {0};
    *cert = NULL;
    enum err e = cert_parse(blob, cert, &why);
    assert_int_equal(why.code, e);
    assert_true((e == ERR_NONE) == (*cert != NULL));
    return e;
}

static struct cert *
fixture_cert(const char *name)
{
    struct cert *cert;
    struct buf blob = test_blob(name);
    assert_int_equal(parse(buf_bytes(&blob), &cert), ERR_NONE);
    buf_clear(&blob);
    return cert;
}

static enum err
verify(const struct cert *cert, const struct cert_check *check, const char *reason)
{
    struct fault why = {0};
    enum err e = cert_verify(cert, check, &why);
    assert_int_equal(why.code, e);
    if (reason && !strstr(why.text, reason))
        fail_msg("'%s' instead of '%s'", why.text, reason);
    return e;
}

/* ---- what ssh-keygen made ---- */

enum { NOW = 1700000000 }; /* 2023 */

static const struct {
    const char *name;
    enum cert_use use;
    const char *principal;
    enum err e;
    const char *reason;
} fixtures[] = {
    {"user-cert", CERT_USER, "alice", ERR_NONE, NULL},
    {"user-cert", CERT_USER, "bob", ERR_NONE, NULL},
    {"user-cert", CERT_USER, "carol", ERR_AUTH, "does not name"},
    {"user-cert", CERT_USER, "alice,bob", ERR_AUTH, "does not name"},
    {"user-cert", CERT_USER, "Alice", ERR_AUTH, "does not name"},
    {"user-cert", CERT_USER, "*", ERR_AUTH, "does not name"},
    {"user-cert", CERT_USER, "", ERR_AUTH, "does not name"},
    {"user-cert", CERT_HOST, "alice", ERR_AUTH, "for a user"},
    {"user-ecdsa-cert", CERT_USER, "alice", ERR_NONE, NULL},
    {"user-rsa-cert", CERT_USER, "alice", ERR_NONE, NULL},
    {"user-sha1-cert", CERT_USER, "alice", ERR_AUTH, "algorithm that is not allowed"},
    {"user-expired-cert", CERT_USER, "alice", ERR_AUTH, "expired"},
    {"user-future-cert", CERT_USER, "alice", ERR_AUTH, "not valid yet"},
    {"user-unknown-critical-cert", CERT_USER, "alice", ERR_AUTH, "option unknown"},
    {"user-nobody-cert", CERT_USER, "alice", ERR_AUTH, "does not name"},
    {"user-nobody-cert", CERT_USER, "", ERR_AUTH, "does not name"},
    {"user-options-cert", CERT_USER, "alice", ERR_AUTH, "from this address"},
    {"host-cert", CERT_HOST, "www.example.com", ERR_NONE, NULL},
    {"host-cert", CERT_HOST, "WWW.Example.com", ERR_NONE, NULL},
    {"host-cert", CERT_HOST, "a.test.example", ERR_NONE, NULL},
    {"host-cert", CERT_HOST, "test.example", ERR_AUTH, "does not name"},
    {"host-cert", CERT_HOST, "", ERR_AUTH, "does not name"},
    {"host-cert", CERT_USER, "www.example.com", ERR_AUTH, "for a host"},
    {"host-ecdsa-cert", CERT_HOST, "www.example.com", ERR_NONE, NULL},
    {"host-expired-cert", CERT_HOST, "www.example.com", ERR_AUTH, "expired"},
};

static void
certificates_of_ssh_keygen_are_good_for_what_they_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(fixtures); i++) {
        struct cert *cert = fixture_cert(fixtures[i].name);
        struct cert_check check = {.use = fixtures[i].use,
                                   .now = NOW,
                                   .ca_algos = CA_ALGOS,
                                   .principal = bytes_str(fixtures[i].principal)};
        enum err e = verify(cert, &check, fixtures[i].reason);
        if (e != fixtures[i].e)
            fail_msg("%s for %s: %s", fixtures[i].name, fixtures[i].principal,
                     err_name(e));
        cert_free(cert);
    }
}

static void
fields_are_read_as_ssh_keygen_wrote_them(void **state)
{
    (void)state;
    struct cert *cert = fixture_cert("user-cert");
    struct buf plain = test_blob("ed25519"), ca = test_blob("ca");
    assert_int_equal(cert->serial, 7);
    assert_true(bytes_eq_str(cert->key_id, "id of user"));
    assert_int_equal(cert->valid_after, 0);
    assert_true(cert->valid_before == UINT64_MAX);
    assert_true(bytes_eq(buf_bytes(&cert->plain), buf_bytes(&plain)));
    assert_true(bytes_eq(cert->ca_blob, buf_bytes(&ca)));
    assert_false(cert->options.has_force_command || cert->options.has_source_address ||
                 cert->options.is_verify_required || cert->options.is_touch_waived);
    buf_clear(&ca);
    buf_clear(&plain);
    cert_free(cert);
}

static void
plain_key_inside_every_kind_is_the_certified_one(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"user-cert", "ed25519"},
                                           {"user-ecdsa-cert", "ecdsa521"},
                                           {"user-rsa-cert", "rsa"},
                                           {"host-ecdsa-cert", "ecdsa256"},
                                           {"rsa", "rsa"}};
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        struct buf blob = test_blob(pairs[i][0]), want = test_blob(pairs[i][1]), plain;
        buf_init(&plain, KEY_BLOB_MAX);
        assert_int_equal(cert_plain_blob(buf_bytes(&blob), &plain), ERR_NONE);
        assert_true(bytes_eq(buf_bytes(&plain), buf_bytes(&want)));
        buf_clear(&plain);
        buf_clear(&want);
        buf_clear(&blob);
    }
}

static void
options_of_a_user_certificate_are_decoded(void **state)
{
    (void)state;
    struct cert *cert = fixture_cert("user-options-cert");
    assert_true(cert->options.has_force_command);
    assert_true(bytes_eq_str(cert->options.force_command, "internal-sftp"));
    assert_true(cert->options.has_source_address);
    assert_true(cert->options.is_verify_required);
    assert_true(cert->options.is_touch_waived);
    static const struct {
        const char *address;
        enum err e;
    } addresses[] = {
        {"192.0.2.77", ERR_NONE},
        {"::ffff:192.0.2.77", ERR_NONE},
        {"2001:db8::1", ERR_NONE},
        {"192.0.3.1", ERR_AUTH},
        {"", ERR_AUTH},
        {"UNKNOWN", ERR_AUTH},
    };
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        struct cert_check check = {.use = CERT_USER,
                                   .now = NOW,
                                   .ca_algos = CA_ALGOS,
                                   .principal = BYTES_LIT("alice"),
                                   .address = bytes_str(addresses[i].address)};
        assert_int_equal(verify(cert, &check, NULL), addresses[i].e);
    }
    cert_free(cert);
}

static void
list_of_allowed_principals_replaces_the_login_name(void **state)
{
    (void)state;
    struct cert *cert = fixture_cert("user-cert");
    static const struct {
        const char *allowed;
        enum err e;
    } cases[] = {{"x,bob", ERR_NONE}, {"bob", ERR_NONE}, {"x", ERR_AUTH},
                 {"", ERR_AUTH},      {",", ERR_AUTH},   {"bo", ERR_AUTH}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct cert_check check = {.use = CERT_USER,
                                   .now = NOW,
                                   .ca_algos = CA_ALGOS,
                                   .principal = BYTES_LIT("alice"),
                                   .has_principals_allowed = true,
                                   .principals_allowed = bytes_str(cases[i].allowed)};
        assert_int_equal(verify(cert, &check, NULL), cases[i].e);
    }
    cert_free(cert);
}

/* ---- forged ---- */

static void
certificate_cut_at_any_octet_is_refused(void **state)
{
    (void)state;
    static const char *const files[] = {"user-options-cert", "user-rsa-cert",
                                        "host-ecdsa-cert"};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct buf blob = test_blob(files[i]);
        for (size_t n = 0; n < blob.n; n++) {
            struct buf cut = test_bytes(bytes_first(buf_bytes(&blob), n));
            struct cert *cert;
            assert_int_equal(parse(buf_bytes(&cut), &cert), ERR_PROTO);
            buf_clear(&cut);
        }
        buf_clear(&blob);
    }
}

static void
certificate_with_any_bit_flipped_is_refused(void **state)
{
    (void)state;
    struct buf blob = test_blob("user-cert");
    struct cert_check check = {.use = CERT_USER,
                               .now = NOW,
                               .ca_algos = CA_ALGOS,
                               .principal = BYTES_LIT("alice")};
    for (size_t bit = 0; bit < blob.n * 8; bit++) {
        struct cert *cert;
        struct fault why = {0};
        blob.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (parse(buf_bytes(&blob), &cert) == ERR_NONE &&
            cert_verify(cert, &check, &why) == ERR_NONE)
            fail_msg("bit %zu of octet %zu changes nothing", bit % 8, bit / 8);
        cert_free(cert);
        blob.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    buf_clear(&blob);
}

#define OPT(name_len, name, data_len, data) "\0\0\0" name_len name "\0\0\0" data_len data
#define FORCE_LS                            OPT("\x0d", "force-command", "\x06", "\0\0\0\2ls")
#define VERIFY                              OPT("\x0f", "verify-required", "\0", "")
#define SOURCE_ANY                        \
    OPT("\x0e", "source-address", "\x0d", \
        "\0\0\0\x09"                      \
        "0.0.0.0/0")
#define NO_TOUCH    OPT("\x11", "no-touch-required", "\0", "")
#define EXT_UNKNOWN OPT("\x0a", "aaaa@x.org", "\1", "x")

static const struct {
    const char *what;
    struct cert_draft draft;
    enum err parsed, verified;
} forged[] = {
    {"as it should be", {.use = 1, .principals = ALICE}, ERR_NONE, ERR_NONE},
    {"use 0", {.use = 0, .principals = ALICE}, ERR_PROTO, ERR_BUG},
    {"use 3", {.use = 3, .principals = ALICE}, ERR_PROTO, ERR_BUG},
    {"use 2^32-1", {.use = UINT32_MAX, .principals = ALICE}, ERR_PROTO, ERR_BUG},
    {"trailing octet",
     {.use = 1, .principals = ALICE, .trailing = "x"},
     ERR_PROTO,
     ERR_BUG},
    {"no principals", {.use = 1}, ERR_NONE, ERR_AUTH},
    {"an empty principal",
     {.use = 1, .principals = BYTES_LIT("\0\0\0\0")},
     ERR_NONE,
     ERR_AUTH},
    {"one principal, a comma in it",
     {.use = 1,
      .principals = BYTES_LIT("\0\0\0\x0d"
                              "mallory,alice")},
     ERR_NONE,
     ERR_AUTH},
    {"a principal with a NUL",
     {.use = 1,
      .principals = BYTES_LIT("\0\0\0\x07"
                              "alice\0x")},
     ERR_NONE,
     ERR_AUTH},
    {"a wildcard principal",
     {.use = 1, .principals = BYTES_LIT("\0\0\0\1*")},
     ERR_NONE,
     ERR_AUTH},
    {"principals cut short",
     {.use = 1, .principals = BYTES_LIT("\0\0\0\6alice")},
     ERR_PROTO,
     ERR_BUG},
    {"valid for no time",
     {.use = 1, .principals = ALICE, .valid_after = NOW, .valid_before = NOW},
     ERR_NONE,
     ERR_AUTH},
    {"valid from now on",
     {.use = 1, .principals = ALICE, .valid_after = NOW, .valid_before = NOW + 1},
     ERR_NONE,
     ERR_NONE},
    {"signed by another CA",
     {.use = 1, .principals = ALICE, .ca = "ed25519", .ca_claimed = "ca"},
     ERR_NONE,
     ERR_CRYPTO},
    {"a certificate as CA",
     {.use = 1, .principals = ALICE, .ca_claimed = "user-cert"},
     ERR_PROTO,
     ERR_BUG},
    {"CA of another kind than the signature",
     {.use = 1, .principals = ALICE, .ca_claimed = "ca-ecdsa"},
     ERR_NONE,
     ERR_CRYPTO},
    {"signed with rsa-sha2-256",
     {.use = 1, .principals = ALICE, .ca = "ca-rsa", .algo = "rsa-sha2-256"},
     ERR_NONE,
     ERR_NONE},
    {"CA algorithm not in the list",
     {.use = 1, .principals = ALICE, .ca = "ecdsa384", .algo = "ecdsa-sha2-nistp384"},
     ERR_NONE,
     ERR_AUTH},
    {"force-command",
     {.use = 1, .principals = ALICE, .critical = BYTES_LIT(FORCE_LS)},
     ERR_NONE,
     ERR_NONE},
    {"force-command twice",
     {.use = 1, .principals = ALICE, .critical = BYTES_LIT(FORCE_LS FORCE_LS)},
     ERR_PROTO,
     ERR_BUG},
    {"options out of order",
     {.use = 1, .principals = ALICE, .critical = BYTES_LIT(VERIFY FORCE_LS)},
     ERR_PROTO,
     ERR_BUG},
    {"force-command without a string in it",
     {.use = 1,
      .principals = ALICE,
      .critical = BYTES_LIT(OPT("\x0d", "force-command", "\2", "ls"))},
     ERR_PROTO,
     ERR_BUG},
    {"force-command with more behind the string",
     {.use = 1,
      .principals = ALICE,
      .critical = BYTES_LIT(OPT("\x0d", "force-command", "\7", "\0\0\0\2lsx"))},
     ERR_PROTO,
     ERR_BUG},
    {"verify-required with data",
     {.use = 1,
      .principals = ALICE,
      .critical = BYTES_LIT(OPT("\x0f", "verify-required", "\1", "x"))},
     ERR_PROTO,
     ERR_BUG},
    {"an option without name",
     {.use = 1, .principals = ALICE, .critical = BYTES_LIT(OPT("\0", "", "\0", ""))},
     ERR_PROTO,
     ERR_BUG},
    {"an extension among the critical",
     {.use = 1, .principals = ALICE, .critical = BYTES_LIT(NO_TOUCH)},
     ERR_NONE,
     ERR_AUTH},
    {"a critical option among the extensions",
     {.use = 1, .principals = ALICE, .extensions = BYTES_LIT(FORCE_LS)},
     ERR_NONE,
     ERR_NONE},
    {"an unknown extension",
     {.use = 1, .principals = ALICE, .extensions = BYTES_LIT(EXT_UNKNOWN)},
     ERR_NONE,
     ERR_NONE},
    {"options cut short",
     {.use = 1,
      .principals = ALICE,
      .critical = BYTES_LIT("\0\0\0\x0d"
                            "force")},
     ERR_PROTO,
     ERR_BUG},
    {"an option of length 2^32-1",
     {.use = 1, .principals = ALICE, .extensions = BYTES_LIT("\xff\xff\xff\xff")},
     ERR_PROTO,
     ERR_BUG},
};

static void
forged_certificates_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(forged); i++) {
        struct cert_draft draft = forged[i].draft;
        if (draft.valid_before == 0)
            draft.valid_before = UINT64_MAX;
        struct buf blob = cert_make(&draft);
        struct cert *cert;
        enum err e = parse(buf_bytes(&blob), &cert);
        if (e != forged[i].parsed)
            fail_msg("%s: parsed %s", forged[i].what, err_name(e));
        struct cert_check check = {.use = CERT_USER,
                                   .now = NOW,
                                   .ca_algos = CA_ALGOS,
                                   .principal = BYTES_LIT("alice"),
                                   .address = BYTES_LIT("192.0.2.1")};
        e = cert ? verify(cert, &check, NULL) : ERR_BUG;
        if (e != forged[i].verified)
            fail_msg("%s: verified %s", forged[i].what, err_name(e));
        cert_free(cert);
        buf_clear(&blob);
    }
}

static void
host_certificate_with_any_critical_option_is_refused(void **state)
{
    (void)state;
    struct cert_draft draft = cert_draft_for(CERT_HOST, ALICE);
    draft.critical = BYTES_LIT(SOURCE_ANY);
    struct buf blob = cert_make(&draft);
    struct cert *cert;
    struct cert_check check = {.use = CERT_HOST,
                               .now = NOW,
                               .ca_algos = CA_ALGOS,
                               .principal = BYTES_LIT("alice"),
                               .address = BYTES_LIT("192.0.2.1")};
    assert_int_equal(parse(buf_bytes(&blob), &cert), ERR_NONE);
    assert_int_equal(verify(cert, &check, "critical options"), ERR_AUTH);
    cert_free(cert);
    buf_clear(&blob);
}

static void
more_than_256_principals_are_refused(void **state)
{
    (void)state;
    for (size_t n = CERT_PRINCIPALS_MAX; n <= CERT_PRINCIPALS_MAX + 1; n++) {
        struct buf principals;
        buf_init(&principals, 1 << 16);
        for (size_t i = 0; i < n; i++)
            put_cstring(&principals, i + 1 == n ? "alice" : "x");
        struct cert_draft draft = cert_draft_for(CERT_USER, buf_bytes(&principals));
        struct buf blob = cert_make(&draft);
        struct cert *cert;
        assert_int_equal(parse(buf_bytes(&blob), &cert),
                         n > CERT_PRINCIPALS_MAX ? ERR_LIMIT : ERR_NONE);
        cert_free(cert);
        buf_clear(&blob);
        buf_clear(&principals);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificates_of_ssh_keygen_are_good_for_what_they_say),
        cmocka_unit_test(fields_are_read_as_ssh_keygen_wrote_them),
        cmocka_unit_test(plain_key_inside_every_kind_is_the_certified_one),
        cmocka_unit_test(options_of_a_user_certificate_are_decoded),
        cmocka_unit_test(list_of_allowed_principals_replaces_the_login_name),
        cmocka_unit_test(certificate_cut_at_any_octet_is_refused),
        cmocka_unit_test(certificate_with_any_bit_flipped_is_refused),
        cmocka_unit_test(forged_certificates_are_refused),
        cmocka_unit_test(host_certificate_with_any_critical_option_is_refused),
        cmocka_unit_test(more_than_256_principals_are_refused),
    };
    return cmocka_run_group_tests(tests, test_init, NULL);
}
