#include "base/base_test.h"

#include <time.h>

#include "base/address.h"

static const struct {
    const char *pattern, *text;
    bool is_match;
} wildcards[] = {
    {"", "", true},
    {"", "a", false},
    {"*", "", true},
    {"*", "abc", true},
    {"a*c", "abbc", true},
    {"a*c", "abb", false},
    {"?", "", false},
    {"?", "a", true},
    {"a?c", "abc", true},
    {"*a*b", "xaxbxb", true},
    {"*a*b", "xaxbx", false},
    {"**", "x", true},
    {"a", "A", false},
    {"*.example.com", "www.example.com", true},
    {"*.example.com", "example.com", false},
    {"ab*", "ab", true},
};

static void
pattern_matches_runs_and_single_octets(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wildcards); i++) {
        bool is_match = pattern_match(bytes_str(wildcards[i].pattern),
                                      bytes_str(wildcards[i].text), PATTERN_EXACT);
        if (is_match != wildcards[i].is_match)
            fail_msg("'%s' on '%s': %d", wildcards[i].pattern, wildcards[i].text,
                     is_match);
    }
    assert_true(pattern_match(BYTES_LIT("WWW.*"), BYTES_LIT("www.X"), PATTERN_FOLD));
}

/* threats R9: a backtracking matcher would need longer than the sun has left. */
static void
pattern_of_many_stars_ends_soon(void **state)
{
    (void)state;
    uint8_t pattern[1001], text[4000];
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = i % 2 ? 'a' : '*';
    pattern[sizeof pattern - 1] = 'b';
    memset(text, 'a', sizeof text);
    clock_t start = clock();
    assert_false(pattern_match(bytes_of(pattern, sizeof pattern),
                               bytes_of(text, sizeof text), PATTERN_EXACT));
    assert_true(clock() - start < CLOCKS_PER_SEC);
}

static const struct {
    const char *list, *text;
    enum pattern_verdict verdict;
} lists[] = {
    {"a,b,c", "b", PATTERN_YES}, {"a,b", "c", PATTERN_NO},
    {"*,!b", "b", PATTERN_VETO}, {"!b,*", "b", PATTERN_VETO},
    {"!b", "a", PATTERN_NO},     {"*,!b", "a", PATTERN_YES},
    {"", "a", PATTERN_NO},       {",,", "", PATTERN_NO},
    {"!", "a", PATTERN_NO},      {"*.x,!bad.x", "bad.x", PATTERN_VETO},
};

static void
pattern_list_negation_outranks_every_match(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        enum pattern_verdict v = pattern_list_match(
            bytes_str(lists[i].list), bytes_str(lists[i].text), PATTERN_EXACT);
        if (v != lists[i].verdict)
            fail_msg("'%s' on '%s': %d", lists[i].list, lists[i].text, v);
    }
}

static const struct {
    const char *cidr, *address;
    enum pattern_verdict verdict;
} cidrs[] = {
    {"192.0.2.0/24", "192.0.2.255", PATTERN_YES},
    {"192.0.2.0/24", "192.0.3.0", PATTERN_NO},
    {"192.0.2.1", "192.0.2.1", PATTERN_YES},
    {"192.0.2.1/32", "192.0.2.2", PATTERN_NO},
    {"0.0.0.0/0", "203.0.113.9", PATTERN_YES},
    {"0.0.0.0/0", "2001:db8::1", PATTERN_NO},
    {"2001:db8::/32", "2001:db8:ffff::1", PATTERN_YES},
    {"2001:db8::/33", "2001:db8:8000::1", PATTERN_NO},
    {"2001:db8::1", "2001:db8::1%eth0", PATTERN_YES},
    {"192.0.2.0/24", "::ffff:192.0.2.7", PATTERN_YES},
    {"::ffff:192.0.2.7", "192.0.2.7", PATTERN_YES},
    {"192.0.2.1/24", "192.0.2.1", PATTERN_BAD}, /* bits behind the mask */
    {"192.0.2.0/33", "192.0.2.1", PATTERN_BAD},
    {"192.0.2.0/-1", "192.0.2.1", PATTERN_BAD},
    {"192.0.2.0/024", "192.0.2.1", PATTERN_BAD},
    {"192.0.2.0/", "192.0.2.1", PATTERN_BAD},
    {"192.0.2.0/24x", "192.0.2.1", PATTERN_BAD},
    {"192.0.2/24", "192.0.2.1", PATTERN_BAD},
    {"2001:db8::/129", "2001:db8::1", PATTERN_BAD},
    {"*", "192.0.2.1", PATTERN_BAD},
    {"", "192.0.2.1", PATTERN_BAD},
};

static void
cidr_matches_what_its_mask_covers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cidrs); i++) {
        struct address a;
        assert_true(address_parse(bytes_str(cidrs[i].address), &a));
        enum pattern_verdict v = cidr_match(bytes_str(cidrs[i].cidr), &a);
        if (v != cidrs[i].verdict)
            fail_msg("%s on %s: %d", cidrs[i].cidr, cidrs[i].address, v);
    }
}

static void
address_refuses_what_is_not_one(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.256",
        "::g",
        "1.2.3.4%eth0",
        "example.com",
        "%",
        "00000000000000000000000000000000000000000000000:1"};
    struct address a;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (address_parse(bytes_str(bad[i]), &a))
            fail_msg("'%s' was taken for an address", bad[i]);
    assert_false(address_parse(BYTES_LIT("1.2.3.4\0"), &a));
}

static const struct {
    const char *list, *address, *host;
    enum pattern_verdict verdict;
} froms[] = {
    {"192.0.2.*", "192.0.2.9", "", PATTERN_YES},
    {"*.example.com", "192.0.2.9", "www.Example.com", PATTERN_YES},
    {"*.example.com", "192.0.2.9", "", PATTERN_NO},
    {"*,!192.0.2.0/24", "192.0.2.9", "", PATTERN_VETO},
    {"!192.0.2.9,*", "192.0.2.9", "", PATTERN_VETO},
    {"!192.0.2.9,*", "192.0.2.8", "", PATTERN_YES},
    {"2001:DB8::1", "2001:db8::1", "", PATTERN_YES},
    {"*,192.0.2.1/24", "192.0.2.9", "", PATTERN_BAD},
    {"*,", "192.0.2.9", "", PATTERN_YES},
    {"*,,x", "192.0.2.9", "", PATTERN_BAD},
    {"!192.0.2.0/24,*", "UNKNOWN", "", PATTERN_BAD},
    {"*", "UNKNOWN", "", PATTERN_YES},
    {"", "192.0.2.9", "", PATTERN_NO},
};

static void
from_list_mixes_patterns_addresses_and_networks(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(froms); i++) {
        enum pattern_verdict v =
            from_list_match(bytes_str(froms[i].list), bytes_str(froms[i].address),
                            bytes_str(froms[i].host));
        if (v != froms[i].verdict)
            fail_msg("'%s' on %s: %d", froms[i].list, froms[i].address, v);
    }
}

static void
cidr_list_takes_no_wildcards_and_no_negation(void **state)
{
    (void)state;
    struct bytes a = BYTES_LIT("192.0.2.9");
    assert_int_equal(cidr_list_match(BYTES_LIT("10.0.0.0/8,192.0.2.0/24"), a),
                     PATTERN_YES);
    assert_int_equal(cidr_list_match(BYTES_LIT("10.0.0.0/8"), a), PATTERN_NO);
    assert_int_equal(cidr_list_match(BYTES_LIT("192.0.2.0/24,*"), a), PATTERN_BAD);
    assert_int_equal(cidr_list_match(BYTES_LIT("192.0.2.0/24,!192.0.2.9"), a),
                     PATTERN_BAD);
    assert_int_equal(cidr_list_match(BYTES_LIT("192.0.2.0/24"), BYTES_LIT("?")),
                     PATTERN_BAD);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pattern_matches_runs_and_single_octets),
        cmocka_unit_test(pattern_of_many_stars_ends_soon),
        cmocka_unit_test(pattern_list_negation_outranks_every_match),
        cmocka_unit_test(cidr_matches_what_its_mask_covers),
        cmocka_unit_test(address_refuses_what_is_not_one),
        cmocka_unit_test(from_list_mixes_patterns_addresses_and_networks),
        cmocka_unit_test(cidr_list_takes_no_wildcards_and_no_negation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
