#include "key/key_test.h"

#include "key/fingerprint.h"
#include "key/key_type.h"

/* ed25519.art: what ssh-keygen -lv draws. */
static void
randomart_is_that_of_ssh_keygen(void **state)
{
    (void)state;
    struct buf blob = test_blob("ed25519"), art, want = test_fixture("ed25519.art");
    buf_init(&art, 4096);
    assert_int_equal(randomart_put(FINGERPRINT_SHA256, buf_bytes(&blob), &art), ERR_NONE);
    buf_put_u8(&art, '\n');
    assert_true(bytes_eq(buf_bytes(&art), buf_bytes(&want)));
    buf_clear(&art);
    buf_clear(&want);
    buf_clear(&blob);
}

/* "name.line" holds ssh-keygen -l and -l -E md5, of plain keys and certificates. */
static void
fingerprint_lines_are_those_of_ssh_keygen(void **state)
{
    (void)state;
    struct buf text = test_fixture("fingerprints"), blob, out;
    struct bytes rest = buf_bytes(&text);
    unsigned n = 0;
    buf_init(&out, 4096);
    while (rest.n != 0) {
        const uint8_t *lf = memchr(rest.p, '\n', rest.n);
        assert_non_null(lf);
        char file[64], want[512];
        struct bytes line = bytes_first(rest, (size_t)(lf - rest.p));
        rest = bytes_skip(rest, line.n + 1);
        int used = 0;
        char copy[600];
        snprintf(copy, sizeof copy, "%.*s", (int)line.n, (const char *)line.p);
        assert_int_equal(sscanf(copy, "%63s %511[^\n]%n", file, want, &used), 2);
        enum fingerprint_form form =
            strstr(want, " MD5:") ? FINGERPRINT_MD5 : FINGERPRINT_SHA256;
        blob = test_blob(file);
        const char *comment = strrchr(want, '@');
        while (comment[-1] != ' ')
            comment--;
        buf_reset(&out);
        assert_int_equal(fingerprint_put_line(form, buf_bytes(&blob),
                                              bytes_of(comment, strcspn(comment, " ")),
                                              &out),
                         ERR_NONE);
        test_text_is(&out, want);
        buf_clear(&blob);
        n++;
    }
    assert_true(n >= 20);
    buf_clear(&out);
    buf_clear(&text);
}

static void
fingerprint_typed_by_a_person_is_compared_whole(void **state)
{
    (void)state;
    struct buf blob = test_blob("ed25519"), other = test_blob("rsa"), text;
    buf_init(&text, 256);
    buf_put_str(&text, " ");
    assert_int_equal(fingerprint_put(FINGERPRINT_SHA256, buf_bytes(&blob), &text),
                     ERR_NONE);
    buf_put_str(&text, "\t");
    assert_true(fingerprint_is(buf_bytes(&text), buf_bytes(&blob)));
    assert_false(fingerprint_is(buf_bytes(&text), buf_bytes(&other)));
    assert_false(fingerprint_is(bytes_first(buf_bytes(&text), 40), buf_bytes(&blob)));
    assert_false(fingerprint_is(BYTES_LIT("yes"), buf_bytes(&blob)));
    assert_false(fingerprint_is((struct bytes){0}, buf_bytes(&blob)));
    assert_false(fingerprint_is((struct bytes){0}, (struct bytes){0}));
    buf_clear(&text);
    buf_clear(&other);
    buf_clear(&blob);
}

static void
fingerprint_of_no_key_is_refused(void **state)
{
    (void)state;
    static const struct bytes bad[] = {
        {0},
        BYTES_LIT("\0\0\0\x07ssh-dss"),
        BYTES_LIT("\xff\xff\xff\xffssh-rsa"),
        BYTES_LIT("\0\0\0\x20ssh-ed25519-cert-v01@openssh.com"),
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct buf out;
        buf_init(&out, 4096);
        assert_int_equal(fingerprint_put(FINGERPRINT_SHA256, bad[i], &out), ERR_PROTO);
        assert_int_equal(randomart_put(FINGERPRINT_SHA256, bad[i], &out), ERR_PROTO);
        assert_int_equal(key_blob_bits(bad[i]), i == 3 ? 256 : 0);
        buf_clear(&out);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(randomart_is_that_of_ssh_keygen),
        cmocka_unit_test(fingerprint_lines_are_those_of_ssh_keygen),
        cmocka_unit_test(fingerprint_typed_by_a_person_is_compared_whole),
        cmocka_unit_test(fingerprint_of_no_key_is_refused),
    };
    return cmocka_run_group_tests(tests, test_init, NULL);
}
