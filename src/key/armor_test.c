#include "key/key_test.h"

#include "key/armor.h"

static const struct {
    const char *text;
    const char *octets;
} vectors[] = {
    /* RFC 4648 section 10 */
    {"", ""},
    {"Zg==", "f"},
    {"Zm8=", "fo"},
    {"Zm9v", "foo"},
    {"Zm9vYg==", "foob"},
    {"Zm9vYmE=", "fooba"},
    {"Zm9vYmFy", "foobar"},
};

static void
base64_agrees_with_rfc_4648(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        struct buf out;
        buf_init(&out, 64);
        base64_encode(bytes_str(vectors[i].octets), &out);
        test_text_is(&out, vectors[i].text);
        buf_reset(&out);
        assert_int_equal(base64_decode(bytes_str(vectors[i].text), &out), ERR_NONE);
        test_text_is(&out, vectors[i].octets);
        buf_clear(&out);
    }
}

static void
base64_round_trips_every_octet_at_every_length(void **state)
{
    (void)state;
    uint8_t octets[256];
    for (size_t i = 0; i < sizeof octets; i++)
        octets[i] = (uint8_t)(i * 7 + 3);
    for (size_t n = 0; n <= sizeof octets; n++) {
        struct buf text, back;
        buf_init(&text, 1024);
        buf_init(&back, 1024);
        base64_encode(bytes_of(octets, n), &text);
        test_tighten(&text);
        assert_int_equal(base64_decode(buf_bytes(&text), &back), ERR_NONE);
        assert_true(bytes_eq(buf_bytes(&back), bytes_of(octets, n)));
        buf_clear(&text);
        buf_clear(&back);
    }
}

#define BAD(s)       \
    {                \
        BYTES_LIT(s) \
    }
static const struct {
    struct bytes text;
} bad_base64[] = {
    BAD("Z"),
    BAD("Zg"),
    BAD("Zg="),
    BAD("Zg==="),
    BAD("=Zg="),
    BAD("===="),
    BAD("Zm9v="),
    BAD("Zg==Zg=="),
    BAD("Zm8=x"),
    BAD("Zm9v\0"),
    BAD("\0"),
    BAD("Zm 9v"),
    BAD("Zm9v\n"),
    BAD("Zm-_"),
    BAD("Zh=="),
    BAD("Zm9="),
    BAD("Zm9v\x80"
        "AAA"),
};

static void
base64_refuses_what_is_not_exactly_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad_base64); i++) {
        struct buf out;
        buf_init(&out, 64);
        buf_put_str(&out, "kept");
        enum err e = base64_decode(bad_base64[i].text, &out);
        if (e != ERR_PROTO)
            fail_msg("case %zu: %s", i, err_name(e));
        test_text_is(&out, "kept");
        buf_clear(&out);
    }
}

static void
base64_alphabet_has_64_characters(void **state)
{
    (void)state;
    unsigned n_good = 0;
    for (unsigned c = 0; c < 256; c++) {
        uint8_t text[4] = {(uint8_t)c, 'A', 'A', 'A'};
        struct buf out;
        buf_init(&out, 64);
        n_good += base64_decode(bytes_of(text, 4), &out) == ERR_NONE;
        buf_clear(&out);
    }
    assert_int_equal(n_good, 64);
}

static void
base64_wrapped_skips_blanks_and_line_ends_only(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 64);
    assert_int_equal(base64_decode_wrapped(BYTES_LIT(" Zm\r\n9v\tYg =\n= \n"), &out),
                     ERR_NONE);
    test_text_is(&out, "foob");
    assert_int_equal(base64_decode_wrapped(BYTES_LIT("Zm\f9v"), &out), ERR_PROTO);
    buf_clear(&out);
}

static void
base64_decode_reports_a_full_buffer(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 4);
    assert_int_equal(base64_decode(BYTES_LIT("Zm9vYmFy"), &out), ERR_LIMIT);
    assert_int_equal(out.n, 0);
    buf_clear(&out);
}

static const struct {
    const char *text, *body; /* body NULL: no frame */
} frames[] = {
    {"-----BEGIN X-----\nab\ncd\n-----END X-----\n", "ab\ncd\n"},
    {"-----BEGIN X-----\r\nab\r\n-----END X-----", "ab\r\n"},
    {"-----BEGIN X-----\n-----END X-----\nmore", ""},
    {" -----BEGIN X-----\nab\n-----END X-----\n", NULL},
    {"-----BEGIN X----- \nab\n-----END X-----\n", NULL},
    {"-----BEGIN Y-----\nab\n-----END X-----\n", NULL},
    {"-----BEGIN X-----\nab -----END X-----\n", NULL},
    {"-----BEGIN X-----\nab\n-----END X", NULL},
    {"", NULL},
};

static void
armor_frame_starts_the_text_and_ends_on_a_line_of_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
        struct bytes body = {0};
        bool is_found = armor_find(bytes_str(frames[i].text), "X", &body);
        if (is_found != (frames[i].body != NULL))
            fail_msg("case %zu: found %d", i, is_found);
        if (is_found)
            assert_true(bytes_eq_str(body, frames[i].body));
    }
}

static void
armor_is_wrapped_at_70_columns_as_ssh_keygen_does(void **state)
{
    (void)state;
    uint8_t octets[60] = {0};
    struct buf out;
    buf_init(&out, 1024);
    armor_put(bytes_of(octets, sizeof octets), "X", &out);
    test_text_is(&out,
                 "-----BEGIN X-----\n"
                 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                 "AA\nAAAAAAAAAA\n-----END X-----\n");
    buf_clear(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_agrees_with_rfc_4648),
        cmocka_unit_test(base64_round_trips_every_octet_at_every_length),
        cmocka_unit_test(base64_refuses_what_is_not_exactly_it),
        cmocka_unit_test(base64_alphabet_has_64_characters),
        cmocka_unit_test(base64_wrapped_skips_blanks_and_line_ends_only),
        cmocka_unit_test(base64_decode_reports_a_full_buffer),
        cmocka_unit_test(armor_frame_starts_the_text_and_ends_on_a_line_of_its_own),
        cmocka_unit_test(armor_is_wrapped_at_70_columns_as_ssh_keygen_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
