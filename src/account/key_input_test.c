/* Keys as people hand them in: both forms, both line ends, and what is refused. */
#include "base/base_test.h"

#include "account/key_input.h"
#include "crypto/rand.h"
#include "key/key_test.h"

struct taken {
    unsigned n;
    char line[2048], fingerprint[80];
};

static enum err
take(void *ctx, struct bytes line, const char *fingerprint)
{
    struct taken *t = ctx;
    t->n++;
    snprintf(t->line, sizeof t->line, "%.*s", (int)line.n, (const char *)line.p);
    snprintf(t->fingerprint, sizeof t->fingerprint, "%s", fingerprint);
    return ERR_NONE;
}

static enum err
read_text(const char *text, size_t n, struct taken *t, struct fault *why)
{
    *t = (struct taken){0};
    *why = (struct fault){0};
    return key_input_each(bytes_of(text, n), take, t, why);
}

static void
a_line_is_taken_with_its_options_and_without_its_end(void **state)
{
    static const char *const ends[] = {"\n", "\r\n", "", "\r\n# comment\r\n\r\n"};
    (void)state;
    struct buf key = test_fixture("ed25519.pub");
    while (key.n != 0 && key.p[key.n - 1] == '\n')
        key.n--;
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        char text[4096], wanted[2048];
        struct taken t;
        struct fault why;
        snprintf(wanted, sizeof wanted, "from=\"192.0.2.0/24\",restrict %.*s", (int)key.n,
                 (const char *)key.p);
        snprintf(text, sizeof text, "\xef\xbb\xbf# mine\n  %s%s", wanted, ends[i]);
        assert_int_equal(read_text(text, strlen(text), &t, &why), ERR_NONE);
        assert_int_equal(t.n, 1);
        assert_string_equal(t.line, wanted);
        assert_true(strncmp(t.fingerprint, "SHA256:", 7) == 0);
    }
    buf_clear(&key);
}

static void
rfc_4716_becomes_the_same_key_as_a_line(void **state)
{
    struct taken line, other;
    struct fault why;
    (void)state;
    struct buf line_form = test_fixture("ed25519.pub");
    struct buf other_form = test_fixture("ed25519.rfc4716");
    assert_int_equal(read_text((const char *)line_form.p, line_form.n, &line, &why),
                     ERR_NONE);
    assert_int_equal(read_text((const char *)other_form.p, other_form.n, &other, &why),
                     ERR_NONE);
    assert_string_equal(line.fingerprint, other.fingerprint);
    assert_true(strncmp(other.line, "ssh-ed25519 AAAA", 16) == 0);
    buf_clear(&line_form);
    buf_clear(&other_form);
}

static void
what_could_not_log_in_is_refused_with_its_line(void **state)
{
    static const struct {
        const char *options, *file, *says;
    } rows[] = {
        {"", "ed25519", "private"},
        {"command=\"/bin/sh\" ", "ed25519.pub", "internal-sftp"},
        {"no-such-option ", "ed25519.pub", "line 2"},
        {"", "host-cert.pub", "certificate"},
        {"\x01", "ed25519.pub", "line 2"},
        {"", "rsa1024.pub", "weak"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[8192];
        struct taken t;
        struct fault why;
        struct buf file = test_fixture(rows[i].file);
        snprintf(text, sizeof text, "\n%s%.*s", rows[i].options, (int)file.n,
                 (const char *)file.p);
        assert_int_equal(read_text(text, strlen(text), &t, &why), ERR_PROTO);
        if (!strstr(why.text, rows[i].says))
            fail_msg("%s: %s", rows[i].file, why.text);
        assert_int_equal(t.n, 0);
        buf_clear(&file);
    }
}

static void
a_text_without_a_key_is_refused(void **state)
{
    static const char *const texts[] = {"", "\n\r\n", "# only this\n", "hello\n",
                                        "---- BEGIN SSH2 PUBLIC KEY ----\n"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct taken t;
        struct fault why;
        assert_int_equal(read_text(texts[i], strlen(texts[i]), &t, &why), ERR_PROTO);
        assert_true(why.text[0] != 0);
    }
}

/* Threats A8: its tail is no key of its own. */
static void
an_over_long_line_is_refused_whole(void **state)
{
    static char text[100 * 1024];
    struct taken t;
    struct fault why;
    (void)state;
    struct buf key = test_fixture("ed25519.pub");
    memset(text, ' ', sizeof text);
    text[0] = 'x';
    memcpy(text + sizeof text - key.n, key.p, key.n);
    assert_int_equal(read_text(text, sizeof text, &t, &why), ERR_PROTO);
    assert_int_equal(t.n, 0);
    buf_clear(&key);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_taken_with_its_options_and_without_its_end),
        cmocka_unit_test(rfc_4716_becomes_the_same_key_as_a_line),
        cmocka_unit_test(what_could_not_log_in_is_refused_with_its_line),
        cmocka_unit_test(a_text_without_a_key_is_refused),
        cmocka_unit_test(an_over_long_line_is_refused_whole),
    };
    if (crypto_init() != ERR_NONE)
        return 1;
    return cmocka_run_group_tests_name("account/key_input", tests, NULL, NULL);
}
