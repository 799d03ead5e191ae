#include "key/key_test.h"

#include "key/key_type.h"

static const char *const names[] = {"ed25519",   "ecdsa256",      "ecdsa384",
                                    "ecdsa521",  "rsa",           "rsa1024",
                                    "user-cert", "user-rsa-cert", "host-cert"};

static void
line_comes_back_as_it_was_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char file[64];
        snprintf(file, sizeof file, "%s.pub", names[i]);
        struct buf text = test_fixture(file), blob, out;
        struct bytes comment;
        buf_init(&blob, KEY_BLOB_MAX);
        buf_init(&out, PUBKEY_LINE_MAX);
        struct bytes line = bytes_first(buf_bytes(&text), text.n - 1); /* its LF */
        assert_int_equal(pubkey_line_parse(line, &blob, &comment), ERR_NONE);
        pubkey_line_put(buf_bytes(&blob), comment, &out);
        assert_true(bytes_eq(buf_bytes(&out), line));
        buf_clear(&out);
        buf_clear(&blob);
        buf_clear(&text);
    }
}

static void
line_cut_inside_its_key_is_refused(void **state)
{
    (void)state;
    struct buf text = test_fixture("user-options-cert.pub"), blob;
    const uint8_t *comment = memrchr(text.p, ' ', text.n);
    assert_non_null(comment);
    size_t key_end = (size_t)(comment - text.p);
    buf_init(&blob, KEY_BLOB_MAX);
    for (size_t n = 0; n <= text.n; n++) {
        struct buf cut = test_bytes(bytes_first(buf_bytes(&text), n));
        struct bytes note;
        enum err e = pubkey_line_parse(buf_bytes(&cut), &blob, &note);
        assert_int_equal(e, n < key_end ? ERR_PROTO : ERR_NONE);
        assert_int_equal(e == ERR_NONE, blob.n != 0);
        buf_clear(&cut);
    }
    buf_clear(&blob);
    buf_clear(&text);
}

#define BLOB_ED25519 \
    "AAAAC3NzaC1lZDI1NTE5AAAAIMYWoGX7qm9g3tmoFmKEKQ9aETTZglziDNyCPNYSW6lE"

static const struct {
    struct bytes line;
    enum err e;
} lines[] = {
    {BYTES_LIT("ssh-ed25519 " BLOB_ED25519), ERR_NONE},
    {BYTES_LIT("ssh-ed25519 " BLOB_ED25519 "AAAA"),
     ERR_PROTO}, /* octets behind the key */
    {BYTES_LIT("\t ssh-ed25519\t\t" BLOB_ED25519 "  two words \r"), ERR_NONE},
    {BYTES_LIT("ssh-rsa " BLOB_ED25519), ERR_PROTO}, /* type word and type differ */
    {BYTES_LIT("rsa-sha2-256 " BLOB_ED25519), ERR_PROTO},
    {BYTES_LIT("SSH-ED25519 " BLOB_ED25519), ERR_PROTO},
    {BYTES_LIT("ssh-dss AAAAB3NzaC1kc3MAAAA="), ERR_PROTO},
    {BYTES_LIT("ssh-ed25519"), ERR_PROTO},
    {BYTES_LIT("ssh-ed25519 "), ERR_PROTO}, /* threats A2: no blob at all */
    {BYTES_LIT("ssh-ed25519 ===="), ERR_PROTO},
    {BYTES_LIT("ssh-ed25519 AAAA\0"), ERR_PROTO},
    {BYTES_LIT("ssh-ed25519 /////////////////////w=="), ERR_PROTO}, /* length 2^32-1 */
    {BYTES_LIT("ssh-ed25519 ../../etc/passwd"), ERR_PROTO}, /* threats A2: path-like */
    {BYTES_LIT(""), ERR_PROTO},
};

static void
line_refuses_what_is_not_one_known_key(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct buf line = test_bytes(lines[i].line), blob;
        struct bytes comment;
        buf_init(&blob, KEY_BLOB_MAX);
        enum err e = pubkey_line_parse(buf_bytes(&line), &blob, &comment);
        if (e != lines[i].e)
            fail_msg("case %zu: %s", i, err_name(e));
        assert_true((e == ERR_NONE) == (blob.n != 0));
        buf_clear(&blob);
        buf_clear(&line);
    }
}

static void
line_over_the_limit_is_refused(void **state)
{
    (void)state;
    struct buf line, blob;
    struct bytes comment;
    buf_init(&line, 1 << 20);
    buf_init(&blob, KEY_BLOB_MAX);
    buf_put_str(&line, "ssh-ed25519 " BLOB_ED25519 " ");
    memset(buf_extend(&line, PUBKEY_LINE_MAX), 'c', PUBKEY_LINE_MAX);
    assert_int_equal(pubkey_line_parse(buf_bytes(&line), &blob, &comment), ERR_LIMIT);
    buf_reset(&line);
    buf_put_str(&line, "ssh-ed25519 ");
    memset(buf_extend(&line, 40000), 'A', 40000);
    assert_int_equal(pubkey_line_parse(buf_bytes(&line), &blob, &comment), ERR_LIMIT);
    buf_clear(&blob);
    buf_clear(&line);
}

static void
line_put_keeps_a_comment_on_its_line(void **state)
{
    (void)state;
    struct buf blob = test_blob("ed25519"), out;
    buf_init(&out, 4096);
    pubkey_line_put(buf_bytes(&blob), BYTES_LIT("a\nssh-rsa b\x7f\r"), &out);
    assert_null(memchr(out.p, '\n', out.n));
    assert_null(memchr(out.p, '\r', out.n));
    buf_reset(&out);
    pubkey_line_put(BYTES_LIT("\0\0\0\x04"
                              "a b\n"),
                    (struct bytes){0}, &out);
    assert_int_equal(buf_err(&out), ERR_PROTO);
    buf_clear(&out);
    buf_clear(&blob);
}

/* ---- files ---- */

static enum err
parse_text(struct bytes text, struct buf *blob, struct buf *comment)
{
    struct fault why = {0};
    buf_init(blob, KEY_BLOB_MAX);
    buf_init(comment, PUBKEY_COMMENT_MAX);
    enum err e = pubkey_text_parse(text, blob, comment, &why);
    assert_true((e != ERR_NONE) == (why.text[0] != '\0'));
    return e;
}

static void
rfc4716_of_ssh_keygen_is_the_same_key(void **state)
{
    (void)state;
    static const char *const files[] = {"ed25519", "rsa"};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        char file[64];
        snprintf(file, sizeof file, "%s.rfc4716", files[i]);
        struct buf want = test_blob(files[i]), text = test_fixture(file), blob, comment;
        assert_int_equal(parse_text(buf_bytes(&text), &blob, &comment), ERR_NONE);
        assert_true(bytes_eq(buf_bytes(&blob), buf_bytes(&want)));
        assert_true(bytes_has_prefix(buf_bytes(&comment),
                                     i ? "2048-bit RSA" : "256-bit ED25519"));
        buf_clear(&comment);
        buf_clear(&blob);
        buf_clear(&text);
        buf_clear(&want);
    }
}

#define BEGIN4716 "---- BEGIN SSH2 PUBLIC KEY ----"
#define END4716   "---- END SSH2 PUBLIC KEY ----"

static const struct {
    struct bytes text;
    const char *comment; /* NULL: refused */
} files4716[] = {
    {BYTES_LIT(BEGIN4716 "\r" BLOB_ED25519 "\r" END4716 "\r"), ""},
    {BYTES_LIT(BEGIN4716 "\r\nComment: \"x\"\r\n" BLOB_ED25519 "\r\n" END4716), "x"},
    {BYTES_LIT(BEGIN4716 "\nx-own: 1\ncOMMENT: one \\\ntwo\nSubject: me\n" BLOB_ED25519
                         "\n" END4716 "\n"),
     "one two"},
    {BYTES_LIT(BEGIN4716 "\nComment: \"open\n" BLOB_ED25519 "\n" END4716 "\n"), "\"open"},
    {BYTES_LIT(BEGIN4716 "\n" BLOB_ED25519 "\n"), NULL},
    {BYTES_LIT(BEGIN4716 "\n" END4716 "\n"), NULL},
    {BYTES_LIT(BEGIN4716 "\nComment: never ends\\"), NULL},
    {BYTES_LIT("--- BEGIN SSH2 PUBLIC KEY ---\n" BLOB_ED25519 "\n" END4716 "\n"), NULL},
    {BYTES_LIT(BEGIN4716 "\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                         "xxxx: 65\n" BLOB_ED25519 "\n" END4716),
     NULL},
};

static void
rfc4716_headers_continue_and_line_ends_vary(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files4716); i++) {
        struct buf text = test_bytes(files4716[i].text), blob, comment;
        enum err e = parse_text(buf_bytes(&text), &blob, &comment);
        if ((e == ERR_NONE) != (files4716[i].comment != NULL))
            fail_msg("case %zu: %s", i, err_name(e));
        if (e == ERR_NONE)
            test_text_is(&comment, files4716[i].comment);
        buf_clear(&comment);
        buf_clear(&blob);
        buf_clear(&text);
    }
}

static void
text_skips_comments_before_the_first_key(void **state)
{
    (void)state;
    struct buf blob, comment;
    struct bytes text =
        BYTES_LIT("# mine\n\n  \nssh-ed25519 " BLOB_ED25519 " me\njunk\n");
    assert_int_equal(parse_text(text, &blob, &comment), ERR_NONE);
    test_text_is(&comment, "me");
    buf_clear(&comment);
    buf_clear(&blob);
    assert_int_equal(parse_text(BYTES_LIT("# only\n"), &blob, &comment), ERR_PROTO);
    buf_clear(&comment);
    buf_clear(&blob);
}

static void
rfc4716_cut_anywhere_is_refused(void **state)
{
    (void)state;
    struct buf text = test_fixture("rsa.rfc4716");
    for (size_t n = 0; n + 1 < text.n; n++) {
        struct buf cut = test_bytes(bytes_first(buf_bytes(&text), n)), blob, comment;
        assert_int_equal(parse_text(buf_bytes(&cut), &blob, &comment), ERR_PROTO);
        buf_clear(&comment);
        buf_clear(&blob);
        buf_clear(&cut);
    }
    buf_clear(&text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_comes_back_as_it_was_written),
        cmocka_unit_test(line_cut_inside_its_key_is_refused),
        cmocka_unit_test(line_refuses_what_is_not_one_known_key),
        cmocka_unit_test(line_over_the_limit_is_refused),
        cmocka_unit_test(line_put_keeps_a_comment_on_its_line),
        cmocka_unit_test(rfc4716_of_ssh_keygen_is_the_same_key),
        cmocka_unit_test(rfc4716_headers_continue_and_line_ends_vary),
        cmocka_unit_test(text_skips_comments_before_the_first_key),
        cmocka_unit_test(rfc4716_cut_anywhere_is_refused),
    };
    return cmocka_run_group_tests(tests, test_init, NULL);
}
