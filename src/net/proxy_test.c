/* PROXY headers: good ones, cut ones, hostile ones; lists of trusted networks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/proxy.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define TCP4_ADDRESSES \
    "\xc0\x00\x02\x07" \
    "\xc6\x33\x64\x01" \
    "\x9c\x40"         \
    "\x00\x16"
#define TCP6_ADDRESSES                           \
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x05" \
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01" \
    "\xff\xff"                                   \
    "\x08\xae"
#define MAPPED_ADDRESSES                           \
    "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x07" \
    "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc6\x33\x64\x01" \
    "\x00\x01"                                     \
    "\x00\x16"

static const struct {
    const char *what;
    struct bytes header;
    const char *peer, *local;
} good[] = {
    {"TCP over IPv4", BYTES_LIT(SIGNATURE "\x21\x11\x00\x0c" TCP4_ADDRESSES),
     "192.0.2.7:40000", "198.51.100.1:22"},
    {"TCP over IPv6", BYTES_LIT(SIGNATURE "\x21\x21\x00\x24" TCP6_ADDRESSES),
     "[2001:db8::5]:65535", "[2001:db8::1]:2222"},
    {"IPv4 in IPv6", BYTES_LIT(SIGNATURE "\x21\x21\x00\x24" MAPPED_ADDRESSES),
     "192.0.2.7:1", "198.51.100.1:22"},
    {"values behind the addresses",
     BYTES_LIT(SIGNATURE "\x21\x11\x00\x15" TCP4_ADDRESSES "\x04\x00\x03\0\0\0"
                         "\xea\x00\x00"),
     "192.0.2.7:40000", "198.51.100.1:22"},
    {"LOCAL keeps the socket's", BYTES_LIT(SIGNATURE "\x20\x00\x00\x00"), "127.0.0.1:1",
     "127.0.0.1:2"},
    {"LOCAL with addresses", BYTES_LIT(SIGNATURE "\x20\x11\x00\x0c" TCP4_ADDRESSES),
     "127.0.0.1:1", "127.0.0.1:2"},
};

static const struct {
    const char *what;
    struct bytes header;
} bad[] = {
    {"an identification", BYTES_LIT("SSH-2.0-Impatient\r\n")},
    {"its first octet", BYTES_LIT("S")},
    {"version 1", BYTES_LIT("PROXY TCP4 192.0.2.7 198.51.100.1 40000 22\r\n")},
    {"a broken signature",
     BYTES_LIT("\r\n\r\n\0\r\nQUIX\n\x21\x11\x00\x0c" TCP4_ADDRESSES)},
    {"version 3", BYTES_LIT(SIGNATURE "\x31\x11\x00\x0c" TCP4_ADDRESSES)},
    {"an unknown command", BYTES_LIT(SIGNATURE "\x22\x11\x00\x0c" TCP4_ADDRESSES)},
    {"UDP", BYTES_LIT(SIGNATURE "\x21\x12\x00\x0c" TCP4_ADDRESSES)},
    {"an unspecified family", BYTES_LIT(SIGNATURE "\x21\x00\x00\x0c" TCP4_ADDRESSES)},
    {"IPv6 said, IPv4 sent", BYTES_LIT(SIGNATURE "\x21\x21\x00\x0c" TCP4_ADDRESSES)},
    {"no addresses", BYTES_LIT(SIGNATURE "\x21\x11\x00\x00")},
    {"a length over the limit", BYTES_LIT(SIGNATURE "\x21\x11\x02\x19")},
    {"the greatest length", BYTES_LIT(SIGNATURE "\x21\x11\xff\xff")},
    {"a value longer than the header",
     BYTES_LIT(SIGNATURE "\x21\x11\x00\x10" TCP4_ADDRESSES "\x04\x00\x02\x00")},
    {"half a value", BYTES_LIT(SIGNATURE "\x21\x11\x00\x0e" TCP4_ADDRESSES "\x04\x00")},
};

struct ends {
    struct net_addr peer, local;
};

static struct ends
socket_ends(void)
{
    struct ends e;
    assert_int_equal(net_addr_parse("127.0.0.1:1", 0, &e.peer), ERR_NONE);
    assert_int_equal(net_addr_parse("127.0.0.1:2", 0, &e.local), ERR_NONE);
    return e;
}

static void
assert_address(const struct net_addr *a, const char *wanted)
{
    char text[NET_ADDR_TEXT_MAX];
    net_addr_text(a, text);
    assert_string_equal(text, wanted);
}

static void
header_gives_both_ends(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct ends e = socket_ends();
        struct fault why = {0};
        size_t len;
        enum proxy_step step = proxy_parse(good[i].header, &len, &e.peer, &e.local, &why);
        if (step != PROXY_DONE)
            fail_msg("%s: %s", good[i].what, why.text);
        assert_int_equal(len, good[i].header.n);
        assert_address(&e.peer, good[i].peer);
        assert_address(&e.local, good[i].local);
    }
}

/* As a caller does that must not take an octet of what comes behind. */
static void
asking_for_len_octets_never_reads_past_the_header(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct ends e = socket_ends();
        struct fault why = {0};
        enum proxy_step step = PROXY_MORE;
        size_t have = 0, len = PROXY_FIXED;
        for (int turns = 0; step == PROXY_MORE && turns < 3; turns++) {
            assert_true(len <= good[i].header.n);
            have = len;
            step = proxy_parse(bytes_first(good[i].header, have), &len, &e.peer, &e.local,
                               &why);
        }
        assert_int_equal(step, PROXY_DONE);
        assert_int_equal(have, len);
    }
}

static void
every_beginning_of_a_header_wants_more(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        for (size_t n = 0; n < good[i].header.n; n++) {
            struct ends e = socket_ends();
            struct fault why = {0};
            size_t len;
            assert_int_equal(proxy_parse(bytes_first(good[i].header, n), &len, &e.peer,
                                         &e.local, &why),
                             PROXY_MORE);
            assert_true(len > n);
            assert_address(&e.peer, "127.0.0.1:1");
        }
}

static void
what_is_no_usable_header_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct ends e = socket_ends();
        struct fault why = {0};
        size_t len;
        if (proxy_parse(bad[i].header, &len, &e.peer, &e.local, &why) != PROXY_REFUSED)
            fail_msg("%s was taken", bad[i].what);
        assert_true(why.text[0] != 0);
        assert_address(&e.peer, "127.0.0.1:1");
        assert_address(&e.local, "127.0.0.1:2");
    }
}

static void
longest_header_is_taken(void **state)
{
    enum { VALUE = PROXY_REST_MAX - 12 - 3 };
    uint8_t header[PROXY_HEADER_MAX] = SIGNATURE "\x21\x11\x02\x18" TCP4_ADDRESSES;
    struct ends e = socket_ends();
    struct fault why = {0};
    size_t len;
    (void)state;
    header[PROXY_FIXED + 12] = 0x04;
    header[PROXY_FIXED + 13] = VALUE >> 8;
    header[PROXY_FIXED + 14] = VALUE & 0xff;
    assert_int_equal(
        proxy_parse(bytes_of(header, sizeof header), &len, &e.peer, &e.local, &why),
        PROXY_DONE);
    assert_int_equal(len, PROXY_HEADER_MAX);
}

static void
list_covers_what_its_networks_cover(void **state)
{
    static const struct {
        const char *address, *cidrs;
        bool is_in;
    } cases[] = {
        {"10.1.2.3:5", "192.0.2.0/24,10.0.0.0/8", true},
        {"11.1.2.3:5", "192.0.2.0/24,10.0.0.0/8", false},
        {"[::ffff:10.1.2.3]:5", "10.0.0.0/8", true},
        {"[2001:db8::1]:5", "2001:db8::/32", true},
        {"[2001:db9::1]:5", "2001:db8::/32", false},
        {"127.0.0.1:5", "127.0.0.1", true},
        {"127.0.0.1:5", "", false},
        {"127.0.0.1:5", NULL, false},
        {"127.0.0.1:5", "127.0.0.1,*", false}, /* malformed: nobody is in it */
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct net_addr a;
        assert_int_equal(net_addr_parse(cases[i].address, 0, &a), ERR_NONE);
        if (net_addr_in_list(&a, cases[i].cidrs) != cases[i].is_in)
            fail_msg("%s in %s", cases[i].address, cases[i].cidrs);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_gives_both_ends),
        cmocka_unit_test(asking_for_len_octets_never_reads_past_the_header),
        cmocka_unit_test(every_beginning_of_a_header_wants_more),
        cmocka_unit_test(what_is_no_usable_header_is_refused),
        cmocka_unit_test(longest_header_is_taken),
        cmocka_unit_test(list_covers_what_its_networks_cover),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
