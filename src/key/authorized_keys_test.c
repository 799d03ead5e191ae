#include "key/cert_make_test.h"

#include "key/armor.h"
#include "key/authorized_keys.h"

enum { NOW = 1700000000 }; /* 2023-11-14 22:13:20 UTC */

/* Text with "$K" for fixture ed25519's line, "$R" for rsa's, "$A" for the CA's. */
static struct buf
expand(const char *text)
{
    struct buf out;
    buf_init(&out, 2 << 20);
    for (; *text; text++) {
        if (*text != '$') {
            buf_put_u8(&out, (uint8_t)*text);
            continue;
        }
        text++;
        struct buf blob = test_blob(*text == 'K'   ? "ed25519"
                                    : *text == 'R' ? "rsa"
                                                   : "ca");
        pubkey_line_put(buf_bytes(&blob), (struct bytes){0}, &out);
        buf_clear(&blob);
    }
    test_tighten(&out);
    return out;
}

/* Is the blob let in by this text? match: initialised here, the caller's to clear. */
static enum err
find_blob(const char *text, struct bytes blob, struct authorized_key *match)
{
    struct buf file = expand(text);
    struct authorized_query query = {
        .text = buf_bytes(&file),
        .blob = blob,
        .user = BYTES_LIT("alice"),
        .address = BYTES_LIT("192.0.2.7"),
        .host = BYTES_LIT("client.example.com"),
        .now = NOW,
        .utc_offset_s = 3600,
        .ca_algos = BYTES_LIT("ssh-ed25519"),
    };
    authorized_key_init(match);
    enum err e = authorized_keys_find(&query, match);
    if (e != ERR_NONE)
        assert_true(match->blob.n == 0 && !match->has_command);
    match->comment = (struct bytes){0}; /* borrowed from file */
    buf_clear(&file);
    return e;
}

static enum err
find(const char *text, struct authorized_key *match)
{
    struct buf blob = test_blob("ed25519");
    enum err e = find_blob(text, buf_bytes(&blob), match);
    buf_clear(&blob);
    return e;
}

static const struct {
    const char *text;
    unsigned line; /* 0: not let in */
} files[] = {
    {"$K\n", 1},
    {"$K", 1},
    {"\t $K comment\r\n", 1},
    {"# $K\n\n$R\n$K\n", 4},
    {"$R\n", 0},
    {"", 0},
    {"restrict $K", 1},
    {"RESTRICT,No-PTY $K", 1},
    {"command=\"internal-sftp\",no-port-forwarding,pty $K", 1},
    {"permitopen=\"h:1\",permitlisten=\"1\",tunnel=\"0\",environment=\"A=b\" $K", 1},
    {"x11-forwarding,agent-forwarding,user-rc,no-user-rc,no-x11-forwarding $K", 1},
    /* anything not understood: the whole line is no good */
    {"unknown $K", 0},
    {"restrict,unknown=\"x\" $K", 0},
    {"restrict, $K", 0},
    {",restrict $K", 0},
    {"restrict,,pty $K", 0},
    {"restrict pty $K", 0},
    {"restrict,\"pty\" $K", 0},
    {"restrict=\"yes\" $K", 0},
    {"command $K", 0},
    {"command= $K", 0},
    {"command=internal-sftp $K", 0},
    {"command=\"internal-sftp $K", 0},
    {"command=\"a\\\" $K", 0},
    {"command=\"a\"b $K", 0},
    {"command=\"a\",command=\"a\" $K", 0},
    {"from=\"*\",from=\"*\" $K", 0},
    {"restrict", 0},
    {"restrict ", 0},
    {"=\"x\" $K", 0},
    {"restrict ssh-ed25519 AAAA", 0},
    {"ssh-rsa $K", 0},
    /* a bad line spoils no other */
    {"unknown $K\n$K", 2},
    {"command=\"a $K\n$K", 2},
    {"from=\"10.0.0.0/8\" $K\nfrom=\"192.0.2.0/24\" $K", 2},
    {"cert-authority $K", 0},
    {"cert-authority,principals=\"alice\" $A\n", 0},
};

static void
line_lets_in_only_when_understood_wholly(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct authorized_key match;
        enum err e = find(files[i].text, &match);
        enum err want = files[i].line ? ERR_NONE : ERR_AUTH;
        if (e != want || match.line != files[i].line)
            fail_msg("'%s': %s, line %u", files[i].text, err_name(e), match.line);
        authorized_key_clear(&match);
    }
}

static const struct {
    const char *option;
    bool is_in;
} limits[] = {
    {"from=\"192.0.2.0/24\"", true},
    {"from=\"192.0.2.7\"", true},
    {"from=\"192.0.2.?\"", true},
    {"from=\"*.example.com\"", true},
    {"from=\"*.EXAMPLE.com\"", true},
    {"from=\"10.0.0.0/8\"", false},
    {"from=\"!192.0.2.7,*\"", false},
    {"from=\"*,!192.0.2.0/24\"", false},
    {"from=\"!10.0.0.0/8,*\"", true},
    {"from=\"192.0.2.7/24,*\"", false}, /* malformed: the whole list is no good */
    {"from=\"\"", false},
    {"expiry-time=\"20231114221321Z\"", true},
    {"expiry-time=\"20231114221320Z\"", false}, /* not accepted at or after */
    {"expiry-time=\"202311142214Z\"", true},
    {"expiry-time=\"202311142213Z\"", false},
    {"expiry-time=\"20231114Z\"", false},
    {"expiry-time=\"20231115Z\"", true},
    {"expiry-time=\"20231114231321\"", true}, /* local: one hour east of UTC */
    {"expiry-time=\"20231114231320\"", false},
    {"expiry-time=\"20991231z\"", true},
    {"expiry-time=\"20991231\",expiry-time=\"20231114Z\"", false}, /* the earliest */
    {"expiry-time=\"20240229\"", true},
    {"expiry-time=\"20230229\"", false}, /* no such day */
    {"expiry-time=\"21000229\"", false},
    {"expiry-time=\"20240001\"", false},
    {"expiry-time=\"20241301\"", false},
    {"expiry-time=\"20240100\"", false},
    {"expiry-time=\"20240431\"", false},
    {"expiry-time=\"202401012400\"", false},
    {"expiry-time=\"202401012360\"", false},
    {"expiry-time=\"20240101235960\"", false},
    {"expiry-time=\"2024010123\"", false},
    {"expiry-time=\"2024\"", false},
    {"expiry-time=\"\"", false},
    {"expiry-time=\"never\"", false},
    {"expiry-time=\"20240101Zx\"", false},
    {"expiry-time=\"2024 101\"", false},
};

static void
limits_keep_out_other_places_and_later_times(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        char text[128];
        struct authorized_key match;
        snprintf(text, sizeof text, "%s $K\n", limits[i].option);
        enum err e = find(text, &match);
        if ((e == ERR_NONE) != limits[i].is_in)
            fail_msg("%s: %s", limits[i].option, err_name(e));
        authorized_key_clear(&match);
    }
}

static void
expiry_time_is_the_second_that_the_calendar_says(void **state)
{
    (void)state;
    struct authorized_key match;
    assert_int_equal(find("expiry-time=\"20380119031408Z\" $K", &match), ERR_NONE);
    assert_true(match.expires == 0x80000000U);
    authorized_key_clear(&match);
    assert_int_equal(find("expiry-time=\"99991231235959Z\" $K", &match), ERR_NONE);
    assert_true(match.expires == 253402300799U);
    authorized_key_clear(&match);
}

static void
options_of_the_matching_line_are_told(void **state)
{
    (void)state;
    struct authorized_key match;
    assert_int_equal(find("$R\nrestrict,command=\"say \\\"hi\\\" a\\b, c\","
                          "from=\"*\",verify-required,no-touch-required $K a b",
                          &match),
                     ERR_NONE);
    assert_int_equal(match.line, 2);
    assert_true(match.is_restricted && match.has_command && match.is_verify_required &&
                match.is_touch_waived && !match.is_ca && match.has_from);
    test_text_is(&match.command, "say \"hi\" a\\b, c");
    assert_true(match.expires == AUTHORIZED_NEVER_EXPIRES);
    authorized_key_clear(&match);
    assert_int_equal(find("no-touch-required,touch-required,verify-required,"
                          "no-verify-required $K",
                          &match),
                     ERR_NONE);
    assert_false(match.is_touch_waived || match.is_verify_required);
    authorized_key_clear(&match);
}

/* threats A3: options of a line that was weighed and refused must not stay. */
static void
options_of_a_refused_line_are_forgotten(void **state)
{
    (void)state;
    struct authorized_key match;
    assert_int_equal(
        find("no-touch-required,command=\"x\",from=\"10.0.0.1\" $K\n$K", &match),
        ERR_NONE);
    assert_int_equal(match.line, 2);
    assert_false(match.has_command || match.is_touch_waived || match.has_from);
    assert_int_equal(match.command.n, 0);
    authorized_key_clear(&match);
}

/* threats A8: the tail of an over-long line was once read as a new line. */
static void
line_too_long_is_skipped_whole(void **state)
{
    (void)state;
    static const size_t lengths[] = {8192, 16384, AUTHORIZED_LINE_MAX, 65536, 100000};
    struct buf key = expand("$K");
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        struct buf text;
        struct authorized_key match;
        buf_init(&text, 1 << 20);
        memset(buf_extend(&text, lengths[i]), 'x', lengths[i]);
        buf_put_u8(&text, ' ');
        buf_put(&text, buf_bytes(&key));
        assert_int_equal(find(buf_cstr(&text), &match), ERR_AUTH);
        authorized_key_clear(&match);
        buf_put_u8(&text, '\n');
        buf_put(&text, buf_bytes(&key));
        assert_int_equal(find(buf_cstr(&text), &match), ERR_NONE);
        assert_int_equal(match.line, 2);
        authorized_key_clear(&match);
        buf_clear(&text);
    }
    buf_clear(&key);
}

static void
file_too_big_lets_nobody_in(void **state)
{
    (void)state;
    struct buf text = expand("$K\n"), big;
    struct authorized_key match;
    buf_init(&big, AUTHORIZED_KEYS_MAX + 1);
    buf_put(&big, buf_bytes(&text));
    size_t n = AUTHORIZED_KEYS_MAX + 1 - big.n;
    memset(buf_extend(&big, n), '#', n);
    struct buf blob = test_blob("ed25519");
    struct authorized_query query = {.text = buf_bytes(&big), .blob = buf_bytes(&blob)};
    authorized_key_init(&match);
    assert_int_equal(authorized_keys_find(&query, &match), ERR_AUTH);
    query.text.n--;
    assert_int_equal(authorized_keys_find(&query, &match), ERR_NONE);
    authorized_key_clear(&match);
    buf_clear(&blob);
    buf_clear(&big);
    buf_clear(&text);
}

/* threats A2 */
static void
malformed_blob_is_nobodys_key(void **state)
{
    (void)state;
    static const struct bytes bad[] = {
        {0},
        BYTES_LIT("\0\0\0\0"),
        BYTES_LIT("../../etc/passwd"),
        BYTES_LIT("\0\0\0\x07ssh-dss"),
        BYTES_LIT("\xff\xff\xff\xff"),
        BYTES_LIT("\0\0\0\x20ssh-ed25519-cert-v01@openssh.com"),
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct authorized_key match;
        assert_int_equal(find_blob("$K", bad[i], &match), ERR_PROTO);
        authorized_key_clear(&match);
    }
}

static void
nul_in_a_line_makes_it_no_good(void **state)
{
    (void)state;
    struct buf text = expand("$K\n"), blob = test_blob("ed25519");
    struct authorized_key match;
    struct authorized_query query = {.text = buf_bytes(&text), .blob = buf_bytes(&blob)};
    authorized_key_init(&match);
    text.p[text.n - 1] = 0;
    assert_int_equal(authorized_keys_find(&query, &match), ERR_AUTH);
    authorized_key_clear(&match);
    buf_clear(&blob);
    buf_clear(&text);
}

/* ---- certificates ---- */

#define FORCE_SFTP                      \
    "\0\0\0\x0d"                        \
    "force-command\0\0\0\x11\0\0\0\x0d" \
    "internal-sftp"
#define VERIFY   \
    "\0\0\0\x0f" \
    "verify-required\0\0\0\0"
#define NO_TOUCH \
    "\0\0\0\x11" \
    "no-touch-required\0\0\0\0"

static const struct {
    const char *text;
    struct cert_draft draft;
    bool is_in;
} authorities[] = {
    {"cert-authority $A", {.use = 1, .principals = ALICE}, true},
    {"$A", {.use = 1, .principals = ALICE}, false}, /* not marked as a CA */
    {"$K", {.use = 1, .principals = ALICE}, false}, /* its plain key is no CA */
    {"cert-authority $K", {.use = 1, .principals = ALICE}, false},
    {"cert-authority $R", {.use = 1, .principals = ALICE}, false},
    {"cert-authority $A", {.use = 2, .principals = ALICE}, false},
    {"cert-authority $A", {.use = 1}, false},
    {"cert-authority $A", {.use = 1, .principals = BYTES_LIT("\0\0\0\3bob")}, false},
    {"cert-authority,principals=\"x,bob\" $A",
     {.use = 1, .principals = BYTES_LIT("\0\0\0\3bob")},
     true},
    {"cert-authority,principals=\"x\" $A", {.use = 1, .principals = ALICE}, false},
    {"cert-authority,principals=\"\" $A", {.use = 1, .principals = ALICE}, false},
    {"cert-authority $A", {.use = 1, .principals = ALICE, .valid_before = NOW}, false},
    {"cert-authority,expiry-time=\"20200101\" $A",
     {.use = 1, .principals = ALICE},
     false},
    {"cert-authority,from=\"10.0.0.1\" $A", {.use = 1, .principals = ALICE}, false},
    {"cert-authority $A",
     {.use = 1,
      .principals = ALICE,
      .ca = "rsa",
      .algo = "rsa-sha2-256",
      .ca_claimed = "ca"},
     false},
    {"cert-authority $R", /* its algorithm isn't allowed here */
     {.use = 1, .principals = ALICE, .ca = "rsa", .algo = "rsa-sha2-256"},
     false},
    {"cert-authority,command=\"internal-sftp\" $A",
     {.use = 1, .principals = ALICE, .critical = BYTES_LIT(FORCE_SFTP)},
     true},
    {"cert-authority,command=\"other\" $A",
     {.use = 1, .principals = ALICE, .critical = BYTES_LIT(FORCE_SFTP)},
     false},
};

static void
certificate_needs_its_authority_and_all_it_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(authorities); i++) {
        struct cert_draft draft = authorities[i].draft;
        struct authorized_key match;
        if (draft.valid_before == 0)
            draft.valid_before = UINT64_MAX;
        struct buf blob = cert_make(&draft);
        enum err e = find_blob(authorities[i].text, buf_bytes(&blob), &match);
        if ((e == ERR_NONE) != authorities[i].is_in)
            fail_msg("case %zu, '%s': %s", i, authorities[i].text, err_name(e));
        authorized_key_clear(&match);
        buf_clear(&blob);
    }
}

static void
certificate_and_line_restrict_together(void **state)
{
    (void)state;
    struct cert_draft draft = cert_draft_for(1, ALICE);
    draft.critical = BYTES_LIT(FORCE_SFTP VERIFY);
    draft.extensions = BYTES_LIT(NO_TOUCH);
    struct buf blob = cert_make(&draft);
    struct authorized_key match;
    assert_int_equal(find_blob("cert-authority $A", buf_bytes(&blob), &match), ERR_NONE);
    assert_true(match.has_command && match.is_verify_required);
    assert_false(match.is_touch_waived); /* the line would have to agree */
    test_text_is(&match.command, "internal-sftp");
    authorized_key_clear(&match);
    assert_int_equal(
        find_blob("cert-authority,no-touch-required $A", buf_bytes(&blob), &match),
        ERR_NONE);
    assert_true(match.is_touch_waived);
    authorized_key_clear(&match);
    buf_clear(&blob);
}

/* ---- the log ---- */

static void
count_line(void *ctx, enum log_level level, const char *text)
{
    (void)level;
    assert_non_null(strstr(text, "keys:"));
    ++*(unsigned *)ctx;
}

static void
bad_lines_are_logged_up_to_a_limit(void **state)
{
    (void)state;
    unsigned n_lines = 0;
    struct log_sink sink = {.line = count_line, .ctx = &n_lines};
    struct buf text, blob = test_blob("ed25519");
    struct authorized_key match;
    buf_init(&text, 1 << 20);
    for (int i = 0; i < 1000; i++)
        buf_put_str(&text, "bad line\n");
    struct authorized_query query = {
        .text = buf_bytes(&text), .blob = buf_bytes(&blob), .file = "keys", .log = &sink};
    authorized_key_init(&match);
    assert_int_equal(authorized_keys_find(&query, &match), ERR_AUTH);
    assert_int_equal(n_lines, AUTHORIZED_LOG_MAX);
    authorized_key_clear(&match);
    buf_clear(&blob);
    buf_clear(&text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_lets_in_only_when_understood_wholly),
        cmocka_unit_test(limits_keep_out_other_places_and_later_times),
        cmocka_unit_test(expiry_time_is_the_second_that_the_calendar_says),
        cmocka_unit_test(options_of_the_matching_line_are_told),
        cmocka_unit_test(options_of_a_refused_line_are_forgotten),
        cmocka_unit_test(line_too_long_is_skipped_whole),
        cmocka_unit_test(file_too_big_lets_nobody_in),
        cmocka_unit_test(malformed_blob_is_nobodys_key),
        cmocka_unit_test(nul_in_a_line_makes_it_no_good),
        cmocka_unit_test(certificate_needs_its_authority_and_all_it_says),
        cmocka_unit_test(certificate_and_line_restrict_together),
        cmocka_unit_test(bad_lines_are_logged_up_to_a_limit),
    };
    return cmocka_run_group_tests(tests, test_init, NULL);
}
