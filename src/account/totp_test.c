/* One-time codes: the vectors of RFC 4226 and 6238, the window, and no second use. */
#include "base/base_test.h"

#include "account/totp.h"
#include "crypto/rand.h"

/* RFC 4226 appendix D and RFC 6238 appendix B: the same secret, in ASCII. */
#define RFC_SECRET BYTES_LIT("12345678901234567890")

static void
codes_are_those_of_rfc_4226(void **state)
{
    static const char *const codes[] = {"755224", "287082", "359152", "969429", "338314",
                                        "254676", "287922", "162583", "399871", "520489"};
    char code[TOTP_DIGITS + 1];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        assert_int_equal(totp_code(RFC_SECRET, (int64_t)i, code), ERR_NONE);
        assert_string_equal(code, codes[i]);
    }
}

/* The RFC shows eight digits; ours are the last six of them. */
static const struct {
    int64_t now;
    const char *code;
} rfc_6238[] = {
    {59, "287082"},         {1111111109, "081804"}, {1111111111, "050471"},
    {1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"},
};

static void
codes_are_those_of_rfc_6238(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rfc_6238); i++) {
        int64_t step = 0;
        assert_int_equal(totp_verify(RFC_SECRET, bytes_str(rfc_6238[i].code),
                                     rfc_6238[i].now, TOTP_NEVER, &step),
                         ERR_NONE);
        assert_int_equal(step, rfc_6238[i].now / 30);
    }
}

static void
a_code_holds_one_step_early_and_late_and_no_more(void **state)
{
    static const struct {
        int64_t now;
        enum err err;
    } rows[] = {{1234567890 - 60, ERR_AUTH},
                {1234567890 - 30, ERR_NONE},
                {1234567890 + 30, ERR_NONE},
                {1234567890 + 60, ERR_AUTH}};
    int64_t step;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(
            totp_verify(RFC_SECRET, BYTES_LIT("005924"), rows[i].now, TOTP_NEVER, &step),
            rows[i].err);
}

static void
a_used_step_and_those_before_it_are_refused(void **state)
{
    int64_t step = 0, spent = 1234567890 / 30;
    (void)state;
    assert_int_equal(
        totp_verify(RFC_SECRET, BYTES_LIT("005924"), 1234567890, spent - 1, &step),
        ERR_NONE);
    assert_int_equal(step, spent);
    assert_int_equal(
        totp_verify(RFC_SECRET, BYTES_LIT("005924"), 1234567890, spent, &step), ERR_AUTH);
    assert_int_equal(
        totp_verify(RFC_SECRET, BYTES_LIT("005924"), 1234567890, spent + 1, &step),
        ERR_AUTH);
}

static void
typed_codes_may_hold_blanks_and_nothing_else(void **state)
{
    static const struct {
        const char *typed;
        enum err err;
    } rows[] = {{"005 924", ERR_NONE}, {" 005924 ", ERR_NONE}, {"", ERR_AUTH},
                {"05924", ERR_AUTH},   {"0059240", ERR_AUTH},  {"00592x", ERR_AUTH},
                {"005924\n", ERR_AUTH}};
    int64_t step;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(totp_verify(RFC_SECRET, bytes_str(rows[i].typed), 1234567890,
                                     TOTP_NEVER, &step),
                         rows[i].err);
}

/* RFC 4648 section 10, without its padding. */
static void
base32_is_that_of_rfc_4648(void **state)
{
    static const char *const rows[][2] = {{"", ""},
                                          {"f", "MY"},
                                          {"fo", "MZXQ"},
                                          {"foo", "MZXW6"},
                                          {"foob", "MZXW6YQ"},
                                          {"fooba", "MZXW6YTB"},
                                          {"foobar", "MZXW6YTBOI"}};
    struct buf out;
    (void)state;
    buf_init(&out, 64);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        buf_reset(&out);
        base32_encode(bytes_str(rows[i][0]), &out);
        assert_bytes_equal(buf_bytes(&out), bytes_str(rows[i][1]));
        buf_reset(&out);
        assert_int_equal(base32_decode(bytes_str(rows[i][1]), &out), ERR_NONE);
        assert_bytes_equal(buf_bytes(&out), bytes_str(rows[i][0]));
    }
    buf_reset(&out);
    assert_int_equal(base32_decode(BYTES_LIT("mzxw 6ytb-oi======"), &out), ERR_NONE);
    assert_bytes_equal(buf_bytes(&out), BYTES_LIT("foobar"));
    assert_int_equal(base32_decode(BYTES_LIT("MZXW1"), &out), ERR_PROTO);
    buf_clear(&out);
}

static void
the_link_for_apps_names_everything(void **state)
{
    struct buf uri;
    (void)state;
    buf_init(&uri, 512);
    totp_uri("Ferry & Co", "alice@example.org", BYTES_LIT("foobar"), &uri);
    assert_string_equal(buf_cstr(&uri),
                        "otpauth://totp/Ferry%20%26%20Co:alice%40example.org?secret="
                        "MZXW6YTBOI&issuer=Ferry%20%26%20Co&algorithm=SHA1&digits=6&"
                        "period=30");
    buf_clear(&uri);
}

static void
recovery_codes_survive_how_people_type_them(void **state)
{
    char code[RECOVERY_CODE_LEN + 1], typed[32], back[RECOVERY_CODE_LEN + 1];
    (void)state;
    assert_int_equal(recovery_code_make(&rand_system, code), ERR_NONE);
    snprintf(typed, sizeof typed, " %.5s-%s ", code, code + 5);
    for (char *at = typed; *at; at++)
        *at = (char)(*at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at);
    assert_true(recovery_code_normal(bytes_str(typed), back));
    assert_string_equal(back, code);
    assert_false(recovery_code_normal(BYTES_LIT("short"), back));
    assert_false(recovery_code_normal(BYTES_LIT("abcdefghijk"), back));
    assert_false(recovery_code_normal(BYTES_LIT("abcdefgh\0j"), back));
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_are_those_of_rfc_4226),
        cmocka_unit_test(codes_are_those_of_rfc_6238),
        cmocka_unit_test(a_code_holds_one_step_early_and_late_and_no_more),
        cmocka_unit_test(a_used_step_and_those_before_it_are_refused),
        cmocka_unit_test(typed_codes_may_hold_blanks_and_nothing_else),
        cmocka_unit_test(base32_is_that_of_rfc_4648),
        cmocka_unit_test(the_link_for_apps_names_everything),
        cmocka_unit_test(recovery_codes_survive_how_people_type_them),
    };
    if (crypto_init() != ERR_NONE)
        return 1;
    return cmocka_run_group_tests_name("account/totp", tests, NULL, NULL);
}
