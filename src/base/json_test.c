/* Machine output: well-formed whatever the bytes are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/json.h"

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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_quoted_and_odd_octets_become_base64),
        cmocka_unit_test(utf8_is_judged_as_the_rfc_has_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
