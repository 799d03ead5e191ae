/* Machine output: well-formed whatever the bytes are, and read back as it was. */
#include "base/base_test.h"

#include "base/json.h"
#include "base/utf8.h"

static void
check_value(struct bytes value, const char *want)
{
    struct buf out;
    buf_init(&out, 4096);
    json_begin(&out, "t");
    json_text(&out, "k", value);
    json_end(&out);
    assert_string_equal(buf_cstr(&out), want);
    buf_clear(&out);
}

static void
texts_are_quoted_and_odd_octets_become_base64(void **state)
{
    (void)state;
    check_value(BYTES_LIT("plain"), "{\"v\":1,\"t\":\"t\",\"k\":\"plain\"}\n");
    check_value(BYTES_LIT("a\"b\\c\nd\x7f"),
                "{\"v\":1,\"t\":\"t\",\"k\":\"a\\\"b\\\\c\\u000ad\\u007f\"}\n");
    check_value(BYTES_LIT("\xc3\xa4"), "{\"v\":1,\"t\":\"t\",\"k\":\"\xc3\xa4\"}\n");
    check_value(BYTES_LIT("\xc2\x9b"), "{\"v\":1,\"t\":\"t\",\"k\":\"\\u009b\"}\n");
    check_value(BYTES_LIT("\xe2\x80\xae"), "{\"v\":1,\"t\":\"t\",\"k\":\"\\u202e\"}\n");
    check_value(BYTES_LIT("\xff\xfe"), "{\"v\":1,\"t\":\"t\",\"k_b64\":\"//4=\"}\n");
}

static void
utf8_is_judged_as_the_rfc_has_it(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_valid;
    } rows[] = {
        {"", true},
        {"\xf0\x9f\x98\x80", true},
        {"\xc0\x80", false},         /* overlong */
        {"\xe0\x80\x80", false},     /* overlong */
        {"\xed\xa0\x80", false},     /* a surrogate */
        {"\xf4\x90\x80\x80", false}, /* above U+10FFFF */
        {"\xe2\x82", false},         /* cut short */
        {"\x80", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(utf8_is_valid(bytes_str(rows[i].text)), rows[i].is_valid);
}

/* Every octet alone and between others comes back. */
static void
what_was_written_is_read_back(void **state)
{
    (void)state;
    struct buf line, value;
    buf_init(&line, 4096);
    buf_init(&value, 4096);
    for (unsigned c = 0; c < 256; c++) {
        uint8_t text[] = {'a', (uint8_t)c, '"', '\\', 0xf0, 0x9f, 0x98, 0x80};
        buf_reset(&line);
        buf_reset(&value);
        json_begin(&line, "t");
        json_text(&line, "key", BYTES_LIT("other"));
        json_text(&line, "k", bytes_of(text, sizeof text));
        json_number(&line, "n", UINT64_MAX);
        json_end(&line);
        uint64_t n = 0;
        struct bytes object = bytes_first(buf_bytes(&line), line.n - 1);
        assert_true(json_is_flat_object(object));
        assert_true(json_get_text(object, "k", &value));
        assert_bytes_equal(buf_bytes(&value), bytes_of(text, sizeof text));
        assert_true(json_get_number(object, "n", &n));
        assert_true(n == UINT64_MAX);
        for (size_t cut = 0; cut < object.n; cut++)
            assert_false(json_is_flat_object(bytes_first(object, cut)));
    }
    buf_clear(&line);
    buf_clear(&value);
}

static void
what_is_no_flat_object_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",         "{",           "}",          "{\"k\"}",          "{\"k\":}",
        "{k:1}",    "{\"k\":{}}",  "{\"k\":[]}", "{\"k\":1,}",       "{,\"k\":1}",
        "{\"k\":1", "{\"k\":1}x",  "{\"k\":\"}", "{\"k\":\"\\\"}",   "{\"k\":\"a\nb\"}",
        "[1]",      "{\"k\":1}\n", "\"k\"",      "{\"k\":1\"l\":2}", "{\"k\" :1}",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_false(json_is_flat_object(bytes_str(texts[i])));
    assert_true(json_is_flat_object(BYTES_LIT("{}")));
}

static void
values_of_another_kind_are_not_given(void **state)
{
    (void)state;
    static const struct {
        const char *object;
        bool has_text, has_number;
    } rows[] = {
        {"{\"k\":\"7\"}", true, false},
        {"{\"k\":7}", false, true},
        {"{\"k\":-7}", false, false},
        {"{\"k\":7.5}", false, false},
        {"{\"k\":true}", false, false},
        {"{\"k\":18446744073709551616}", false, false},
        {"{\"k\":\"\\ud800\"}", false, false}, /* half a pair */
        {"{\"k\":\"\\udc00\"}", false, false}, /* the other half */
        {"{\"k\":\"\\u12g4\"}", false, false},
        {"{\"k\":\"\\x\"}", false, false},
        {"{\"kk\":\"7\"}", false, false},
        {"{\"k_b64\":\"//4=\"}", true, false},
        {"{\"k_b64\":\"//4\"}", false, false},
        {"{\"k\":\"\\ud83d\\ude00\\u00e4\"}", true, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf value;
        uint64_t n;
        buf_init(&value, 64);
        struct bytes object = bytes_str(rows[i].object);
        assert_int_equal(json_get_text(object, "k", &value), rows[i].has_text);
        assert_int_equal(json_get_number(object, "k", &n), rows[i].has_number);
        buf_clear(&value);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_quoted_and_odd_octets_become_base64),
        cmocka_unit_test(what_was_written_is_read_back),
        cmocka_unit_test(what_is_no_flat_object_is_refused),
        cmocka_unit_test(values_of_another_kind_are_not_given),
        cmocka_unit_test(utf8_is_judged_as_the_rfc_has_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
