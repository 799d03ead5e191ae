#include "key/key_test.h"

#include "key/cert_make_test.h"
#include "key/known_hosts.h"

enum { NOW = 1700000000 };

static struct host_query
query_for(const char *name, uint16_t port)
{
    return (struct host_query){.name = bytes_str(name),
                               .port = port,
                               .now = NOW,
                               .ca_algos = BYTES_LIT("ssh-ed25519,rsa-sha2-512")};
}

static enum host_verdict
check_text(struct bytes text, const char *name, uint16_t port, struct bytes blob,
           struct host_finding *f)
{
    struct known_hosts_file file = {text, "known_hosts"};
    struct host_query query = query_for(name, port);
    host_finding_init(f);
    enum host_verdict v = known_hosts_check(&file, 1, &query, blob, f);
    assert_int_equal(v, f->verdict);
    return v;
}

/* The line of fixture known_hosts that decides. */
static const struct {
    const char *name;
    uint16_t port;
    const char *key;
    enum host_verdict verdict;
    unsigned line;
} hosts[] = {
    {"www.example.com", 22, "ed25519", HOST_KEY_KNOWN, 3},
    {"WWW.Example.COM", 22, "ed25519", HOST_KEY_KNOWN, 3},
    {"192.0.2.1", 22, "ed25519", HOST_KEY_KNOWN, 3},
    {"192.0.2.1", 22, "rsa", HOST_KEY_OTHER_TYPE, 3},
    {"www.example.com", 22, "rsa", HOST_KEY_KNOWN, 4},
    {"www.example.com", 22, "ca", HOST_KEY_CHANGED, 3},
    {"www.example.com", 22, "ca-rsa", HOST_KEY_CHANGED, 4},
    {"www.example.com", 22, "ecdsa256", HOST_KEY_OTHER_TYPE, 3},
    {"www.example.com", 2222, "ecdsa256", HOST_KEY_KNOWN, 5},
    {"www.example.com", 2222, "ed25519", HOST_KEY_OTHER_TYPE, 5},
    {"www.example.com", 2223, "ed25519", HOST_KEY_NEW, 0},
    {"a.wild.example", 22, "ecdsa384", HOST_KEY_KNOWN, 6},
    {"bad.wild.example", 22, "ecdsa384", HOST_KEY_NEW, 0},
    {"a.wild.example", 2222, "ecdsa384", HOST_KEY_NEW, 0}, /* "[a.wild.example]:2222" */
    {"nowhere.example", 22, "ed25519", HOST_KEY_NEW, 0},
    {"nowhere.example", 22, "ecdsa521", HOST_KEY_REVOKED, 8},
    {"www.example.com", 22, "ecdsa521", HOST_KEY_REVOKED, 8},
    /* certificates by the CA of line 7 */
    {"www.example.com", 22, "host-cert", HOST_KEY_KNOWN, 7},
    {"a.test.example", 22, "host-cert", HOST_KEY_KNOWN, 7},
    {"nowhere.example", 22, "host-cert", HOST_KEY_NEW, 0},
    {"a.test.example", 22, "user-cert", HOST_KEY_NEW, 0},
    {"a.test.example", 22, "host-expired-cert", HOST_KEY_NEW, 0},
    /* no good as a certificate, but its plain key is on record */
    {"www.example.com", 22, "host-expired-cert", HOST_KEY_KNOWN, 3},
    {"www.example.com", 22, "host-ecdsa-cert", HOST_KEY_OTHER_TYPE, 3},
    /* a CA's key is not a host's key */
    {"a.test.example", 22, "ca", HOST_KEY_NEW, 0},
};

static void
verdict_names_the_line_that_decides(void **state)
{
    (void)state;
    struct buf text = test_fixture("known_hosts");
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        struct buf blob = test_blob(hosts[i].key);
        struct host_finding f;
        enum host_verdict v = check_text(buf_bytes(&text), hosts[i].name, hosts[i].port,
                                         buf_bytes(&blob), &f);
        if (v != hosts[i].verdict || f.line != hosts[i].line)
            fail_msg("%s:%u with %s: verdict %d, line %u", hosts[i].name, hosts[i].port,
                     hosts[i].key, v, f.line);
        assert_int_equal(f.line != 0, f.file != NULL);
        assert_int_equal(f.line != 0, f.recorded.n != 0);
        host_finding_clear(&f);
        buf_clear(&blob);
    }
    buf_clear(&text);
}

static void
why_a_certificate_does_not_count_is_told(void **state)
{
    (void)state;
    struct buf text = test_fixture("known_hosts"), blob = test_blob("host-expired-cert");
    struct host_finding f;
    assert_int_equal(
        check_text(buf_bytes(&text), "a.test.example", 22, buf_bytes(&blob), &f),
        HOST_KEY_NEW);
    assert_string_equal(f.why.text, "certificate has expired");
    assert_true(f.has_ca);
    host_finding_clear(&f);
    buf_clear(&blob);
    buf_clear(&text);
}

static void
hashed_names_of_ssh_keygen_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint16_t port;
        const char *key;
        enum host_verdict verdict;
    } cases[] = {
        {"hashed.example", 22, "ed25519", HOST_KEY_KNOWN},
        {"Hashed.Example", 22, "ed25519", HOST_KEY_KNOWN},
        {"hashed.example", 22, "ca", HOST_KEY_CHANGED},
        {"hashed.example", 2222, "rsa", HOST_KEY_KNOWN},
        {"hashed.example", 2223, "rsa", HOST_KEY_NEW},
        {"hashed.exampl", 22, "ed25519", HOST_KEY_NEW},
    };
    struct buf text = test_fixture("known_hosts-hashed");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf blob = test_blob(cases[i].key);
        struct host_finding f;
        assert_int_equal(check_text(buf_bytes(&text), cases[i].name, cases[i].port,
                                    buf_bytes(&blob), &f),
                         cases[i].verdict);
        host_finding_clear(&f);
        buf_clear(&blob);
    }
    buf_clear(&text);
}

/* Salt 00..13, computed with another HMAC implementation. */
static void
hashed_name_vectors(void **state)
{
    (void)state;
    static const struct {
        const char *hosts, *name;
        enum host_match match;
    } cases[] = {
        {"|1|AAECAwQFBgcICQoLDA0ODxAREhM=|nnUK16ANsXd3hL31YfAkGOluSjU=", "example.com",
         HOST_MATCH_SOLE},
        {"|1|AAECAwQFBgcICQoLDA0ODxAREhM=|Wgcx+Fm+LmaWwC7rQ80eIf2uHe0=",
         "[example.com]:2222", HOST_MATCH_SOLE},
        {"|1|AAECAwQFBgcICQoLDA0ODxAREhM=|Wgcx+Fm+LmaWwC7rQ80eIf2uHe0=", "example.com",
         HOST_MATCH_NO},
        /* salts of 19 and 21 octets, other versions, more than two parts */
        {"|1|AAECAwQFBgcICQoLDA0ODxAREg==|nnUK16ANsXd3hL31YfAkGOluSjU=", "example.com",
         HOST_MATCH_NO},
        {"|1|AAECAwQFBgcICQoLDA0ODxAREhMU|nnUK16ANsXd3hL31YfAkGOluSjU=", "example.com",
         HOST_MATCH_NO},
        {"|2|AAECAwQFBgcICQoLDA0ODxAREhM=|nnUK16ANsXd3hL31YfAkGOluSjU=", "example.com",
         HOST_MATCH_NO},
        {"|1|AAECAwQFBgcICQoLDA0ODxAREhM=|nnUK16ANsXd3hL31YfAkGOluSjU=|x", "example.com",
         HOST_MATCH_NO},
        {"|1|AAECAwQFBgcICQoLDA0ODxAREhM=", "example.com", HOST_MATCH_NO},
        {"|1||", "example.com", HOST_MATCH_NO},
        {"|", "example.com", HOST_MATCH_NO},
        {"example.com,x", "example.com", HOST_MATCH_SHARED},
        {"EXAMPLE.com", "example.com", HOST_MATCH_SOLE},
        {"*", "example.com", HOST_MATCH_SHARED},
        {"*,!example.com", "example.com", HOST_MATCH_NO},
        {"!example.com", "example.com", HOST_MATCH_NO},
        {"", "example.com", HOST_MATCH_NO},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        enum err e = ERR_NONE;
        enum host_match m =
            known_hosts_match(bytes_str(cases[i].hosts), bytes_str(cases[i].name), &e);
        assert_int_equal(e, ERR_NONE);
        if (m != cases[i].match)
            fail_msg("%s on %s: %d", cases[i].hosts, cases[i].name, m);
    }
}

/* Lines with "$X" for the key lines of the fixtures named in key_of. */
static const char *
key_of(char c)
{
    switch (c) {
    case 'K':
        return "ed25519";
    case 'C':
        return "ca";
    case 'R':
        return "rsa";
    default:
        return "ecdsa256";
    }
}

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
        struct buf blob = test_blob(key_of(*++text));
        pubkey_line_put(buf_bytes(&blob), (struct bytes){0}, &out);
        buf_clear(&blob);
    }
    test_tighten(&out);
    return out;
}

/* Fixture ed25519 is presented by host h on port 22. */
static const struct {
    const char *text;
    enum host_verdict verdict;
    unsigned line;
} lines[] = {
    {"h $K", HOST_KEY_KNOWN, 1},
    {"h\t$K comment\r\n", HOST_KEY_KNOWN, 1},
    {" h $K", HOST_KEY_KNOWN, 1},
    {"#h $K", HOST_KEY_NEW, 0},
    {"h $C\nh $K", HOST_KEY_KNOWN, 2}, /* one of two keys of a type */
    {"h $K\nh $C", HOST_KEY_KNOWN, 1},
    {"h $C\nx $K", HOST_KEY_CHANGED, 1},
    {"h $R\nh $C", HOST_KEY_CHANGED, 2},
    {"h $K\n@revoked h $K", HOST_KEY_REVOKED, 2}, /* outranks what is known */
    {"@revoked h $K\nh $K", HOST_KEY_REVOKED, 1},
    {"@revoked x $K\nh $K", HOST_KEY_KNOWN, 2},
    {"@revoked *,!h $K\nh $K", HOST_KEY_KNOWN, 2},
    {"@revoked h $C\nh $K", HOST_KEY_KNOWN, 2},
    {"@cert-authority h $K", HOST_KEY_NEW, 0}, /* a CA's key is not the host's */
    {"@cert-authority @revoked h $K", HOST_KEY_NEW, 0},
    {"@CERT-AUTHORITY h $K", HOST_KEY_NEW, 0},
    {"@whatever h $K", HOST_KEY_NEW, 0},
    {"@ h $K", HOST_KEY_NEW, 0},
    {"h ssh-ed25519", HOST_KEY_NEW, 0},
    {"h ssh-ed25519 AAAA", HOST_KEY_NEW, 0},
    {"h ssh-rsa $K", HOST_KEY_NEW, 0},
    {"h", HOST_KEY_NEW, 0},
    {"$K", HOST_KEY_NEW, 0}, /* a .pub file by mistake: "ssh-ed25519" is no host */
    {"h,x $K", HOST_KEY_KNOWN, 1},
    {"x,h $K", HOST_KEY_KNOWN, 1},
    {"!h,* $K", HOST_KEY_NEW, 0},
    {"[h]:22 $K", HOST_KEY_NEW, 0}, /* port 22 is written without brackets */
};

static void
lines_mean_what_sshd_8_says(void **state)
{
    (void)state;
    struct buf blob = test_blob("ed25519");
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct buf text = expand(lines[i].text);
        struct host_finding f;
        enum host_verdict v = check_text(buf_bytes(&text), "h", 22, buf_bytes(&blob), &f);
        if (v != lines[i].verdict || f.line != lines[i].line)
            fail_msg("'%s': verdict %d, line %u", lines[i].text, v, f.line);
        host_finding_clear(&f);
        buf_clear(&text);
    }
    buf_clear(&blob);
}

static void
revoked_authority_and_revoked_inner_key_refuse_a_certificate(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "@cert-authority * $C\n@revoked * $C",
        "@cert-authority * $C\n@revoked * $K",
        "@revoked * $K\n@cert-authority * $C",
    };
    struct buf blob = test_blob("host-cert"); /* of ed25519, by ca */
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct buf text = expand(texts[i]);
        struct host_finding f;
        assert_int_equal(
            check_text(buf_bytes(&text), "www.example.com", 22, buf_bytes(&blob), &f),
            HOST_KEY_REVOKED);
        assert_false(f.is_by_ca);
        host_finding_clear(&f);
        buf_clear(&text);
    }
    buf_clear(&blob);
}

static void
forged_certificate_by_a_trusted_name_is_not_known(void **state)
{
    (void)state;
    struct cert_draft draft = cert_draft_for(CERT_HOST, BYTES_LIT("\0\0\0\1h"));
    draft.ca = "ca-ecdsa";
    draft.ca_claimed = "ca";
    draft.algo = "ecdsa-sha2-nistp256";
    struct buf blob = cert_make(&draft), text = expand("@cert-authority * $C");
    struct host_finding f;
    assert_int_equal(check_text(buf_bytes(&text), "h", 22, buf_bytes(&blob), &f),
                     HOST_KEY_NEW);
    host_finding_clear(&f);
    buf_clear(&text);
    buf_clear(&blob);
}

static void
later_files_count_as_much_as_the_first(void **state)
{
    (void)state;
    struct buf a = expand("h $R\n"), b = expand("\nh $K\n"),
               c = expand("@revoked h $R\n");
    struct known_hosts_file files[] = {
        {buf_bytes(&a), "a"}, {buf_bytes(&b), "b"}, {buf_bytes(&c), "c"}};
    struct host_query query = query_for("h", 22);
    struct buf ed25519 = test_blob("ed25519"), rsa = test_blob("rsa");
    struct host_finding f;
    unsigned kinds;
    bool has_ca;
    host_finding_init(&f);
    assert_int_equal(known_hosts_check(files, 3, &query, buf_bytes(&ed25519), &f),
                     HOST_KEY_KNOWN);
    assert_string_equal(f.file, "b");
    assert_int_equal(f.line, 2);
    assert_int_equal(f.kinds, 1U << KEY_ED25519 | 1U << KEY_RSA);
    assert_int_equal(known_hosts_check(files, 3, &query, buf_bytes(&rsa), &f),
                     HOST_KEY_REVOKED);
    assert_string_equal(f.file, "c");
    assert_int_equal(f.line, 1);
    assert_int_equal(known_hosts_check(NULL, 0, &query, buf_bytes(&rsa), &f),
                     HOST_KEY_NEW);
    known_hosts_types(files, 3, &query, &kinds, &has_ca);
    assert_int_equal(kinds, 1U << KEY_ED25519 | 1U << KEY_RSA);
    assert_false(has_ca);
    host_finding_clear(&f);
    buf_clear(&rsa);
    buf_clear(&ed25519);
    buf_clear(&c);
    buf_clear(&b);
    buf_clear(&a);
}

/* ---- failing closed ---- */

static void
malformed_key_or_name_is_refused(void **state)
{
    (void)state;
    struct buf text = test_fixture("known_hosts"), blob = test_blob("ed25519");
    static const struct bytes bad[] = {
        {0},
        BYTES_LIT("\0\0\0\0"),
        BYTES_LIT("\0\0\0\x07ssh-dss"),
        BYTES_LIT("\0\0\0\x20ssh-ed25519-cert-v01@openssh.com"),
        BYTES_LIT("\xff\xff\xff\xff"),
    };
    static const char *const names[] = {"",   "a b", "a,b", "*",   "w?w",
                                        "!x", "|1|", "@x",  "a\n", "#"};
    struct host_finding f;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(check_text(buf_bytes(&text), "h", 22, bad[i], &f),
                         HOST_KEY_REFUSE);
        assert_true(f.why.text[0] != '\0');
        host_finding_clear(&f);
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_int_equal(check_text(buf_bytes(&text), names[i], 22, buf_bytes(&blob), &f),
                         HOST_KEY_REFUSE);
        host_finding_clear(&f);
    }
    buf_clear(&blob);
    buf_clear(&text);
}

static void
line_too_long_is_skipped_whole(void **state)
{
    (void)state;
    struct buf key = expand("h $K"), text, blob = test_blob("ed25519");
    struct host_finding f;
    buf_init(&text, 1 << 20);
    memset(buf_extend(&text, KNOWN_HOSTS_LINE_MAX), 'x', KNOWN_HOSTS_LINE_MAX);
    buf_put_u8(&text, ',');
    buf_put(&text, buf_bytes(&key));
    assert_int_equal(check_text(buf_bytes(&text), "h", 22, buf_bytes(&blob), &f),
                     HOST_KEY_NEW);
    host_finding_clear(&f);
    buf_put_u8(&text, '\n');
    buf_put(&text, buf_bytes(&key));
    assert_int_equal(check_text(buf_bytes(&text), "h", 22, buf_bytes(&blob), &f),
                     HOST_KEY_KNOWN);
    assert_int_equal(f.line, 2);
    host_finding_clear(&f);
    buf_clear(&blob);
    buf_clear(&text);
    buf_clear(&key);
}

static void
file_cut_anywhere_knows_no_more_than_the_whole(void **state)
{
    (void)state;
    struct buf text = test_fixture("known_hosts"), blob = test_blob("ed25519");
    for (size_t n = 0; n < text.n; n++) {
        struct buf cut = test_bytes(bytes_first(buf_bytes(&text), n));
        struct host_finding f;
        enum host_verdict v =
            check_text(buf_bytes(&cut), "www.example.com", 22, buf_bytes(&blob), &f);
        assert_true(v == HOST_KEY_NEW || (v == HOST_KEY_KNOWN && f.line == 3));
        host_finding_clear(&f);
        buf_clear(&cut);
    }
    buf_clear(&blob);
    buf_clear(&text);
}

/* ---- writing ---- */

static void
new_line_is_found_again(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        uint16_t port;
        const char *name;
    } cases[] = {{"Host.Example", 22, "host.example"},
                 {"host.example", 2022, "[host.example]:2022"},
                 {"2001:DB8::1", 22, "2001:db8::1"},
                 {"2001:db8::1", 65535, "[2001:db8::1]:65535"}};
    for (size_t i = 0; i < ARRAY_LEN(cases) * 2; i++) {
        struct buf name, text, blob = test_blob("rsa");
        struct host_finding f;
        bool is_hashed = i % 2 != 0;
        buf_init(&name, 300);
        buf_init(&text, 4096);
        assert_int_equal(
            known_hosts_name(bytes_str(cases[i / 2].host), cases[i / 2].port, &name),
            ERR_NONE);
        test_text_is(&name, cases[i / 2].name);
        assert_int_equal(
            known_hosts_put_line(is_hashed ? HOST_NAME_HASHED : HOST_NAME_PLAIN,
                                 buf_bytes(&name), buf_bytes(&blob), &rand_system, &text),
            ERR_NONE);
        assert_true(
            bytes_has_prefix(buf_bytes(&text), is_hashed ? "|1|" : cases[i / 2].name));
        assert_int_equal(text.p[text.n - 1], '\n');
        assert_int_equal(check_text(buf_bytes(&text), cases[i / 2].host,
                                    cases[i / 2].port, buf_bytes(&blob), &f),
                         HOST_KEY_KNOWN);
        host_finding_clear(&f);
        buf_clear(&blob);
        buf_clear(&text);
        buf_clear(&name);
    }
}

static void
name_too_long_is_refused(void **state)
{
    (void)state;
    uint8_t host[HOST_NAME_MAX_LEN + 1];
    struct buf name;
    memset(host, 'a', sizeof host);
    buf_init(&name, 300);
    assert_int_equal(known_hosts_name(bytes_of(host, sizeof host), 22, &name), ERR_PROTO);
    assert_int_equal(known_hosts_name(bytes_of(host, HOST_NAME_MAX_LEN), 65535, &name),
                     ERR_NONE);
    buf_clear(&name);
}

/* Host h proved $K and $E; its $C is gone. */
static const struct {
    const char *before, *after;
} updates[] = {
    {"", "h $K\nh $E\n"},
    {"h $C\n", "h $K\nh $E\n"},
    {"# top\n\nx $C\nh $C\nh $K end\n", "# top\n\nx $C\nh $K end\nh $E\n"},
    {"h $C", "h $K\nh $E\n"},
    {"x $C", "x $C\nh $K\nh $E\n"}, /* the missing line end is made good */
    {"h,x $C\n* $C\n", "h,x $C\n* $C\nh $K\nh $E\n"}, /* shared lines stay */
    {"@revoked h $C\n@cert-authority h $C\n",
     "@revoked h $C\n@cert-authority h $C\nh $K\nh $E\n"},
    {"h $R\nnonsense\r\n", "h $R\nnonsense\r\nh $K\nh $E\n"},
    {"h,x $K\n", "h,x $K\nh $E\n"}, /* already on record */
};

static void
update_touches_the_lines_of_this_host_alone(void **state)
{
    (void)state;
    struct buf k = test_blob("ed25519"), e256 = test_blob("ecdsa256"),
               c = test_blob("ca");
    struct bytes add[] = {buf_bytes(&k), buf_bytes(&e256)}, drop[] = {buf_bytes(&c)};
    struct host_key_changes changes = {add, drop, 2, 1};
    for (size_t i = 0; i < ARRAY_LEN(updates); i++) {
        struct buf before = expand(updates[i].before), after = expand(updates[i].after);
        struct buf out;
        buf_init(&out, 1 << 16);
        assert_int_equal(known_hosts_update(buf_bytes(&before), BYTES_LIT("h"), &changes,
                                            HOST_NAME_PLAIN, NULL, &out),
                         ERR_NONE);
        if (!bytes_eq(buf_bytes(&out), buf_bytes(&after)))
            fail_msg("case %zu: %s", i, buf_cstr(&out));
        buf_clear(&out);
        buf_clear(&after);
        buf_clear(&before);
    }
    buf_clear(&c);
    buf_clear(&e256);
    buf_clear(&k);
}

static void
update_drops_hashed_lines_and_writes_hashed_ones(void **state)
{
    (void)state;
    struct buf text = test_fixture("known_hosts-hashed"), out;
    struct buf old = test_blob("ed25519"), fresh = test_blob("ca");
    struct bytes add[] = {buf_bytes(&fresh)}, drop[] = {buf_bytes(&old)};
    struct host_key_changes changes = {add, drop, 1, 1};
    struct host_finding f;
    buf_init(&out, 1 << 16);
    assert_int_equal(known_hosts_update(buf_bytes(&text), BYTES_LIT("hashed.example"),
                                        &changes, HOST_NAME_HASHED, &rand_system, &out),
                     ERR_NONE);
    assert_null(memmem(out.p, out.n, "hashed", 6));
    assert_int_equal(
        check_text(buf_bytes(&out), "hashed.example", 22, buf_bytes(&fresh), &f),
        HOST_KEY_KNOWN);
    host_finding_clear(&f);
    assert_int_equal(
        check_text(buf_bytes(&out), "hashed.example", 22, buf_bytes(&old), &f),
        HOST_KEY_CHANGED);
    host_finding_clear(&f);
    buf_clear(&out);
    buf_clear(&fresh);
    buf_clear(&old);
    buf_clear(&text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdict_names_the_line_that_decides),
        cmocka_unit_test(why_a_certificate_does_not_count_is_told),
        cmocka_unit_test(hashed_names_of_ssh_keygen_are_found),
        cmocka_unit_test(hashed_name_vectors),
        cmocka_unit_test(lines_mean_what_sshd_8_says),
        cmocka_unit_test(revoked_authority_and_revoked_inner_key_refuse_a_certificate),
        cmocka_unit_test(forged_certificate_by_a_trusted_name_is_not_known),
        cmocka_unit_test(later_files_count_as_much_as_the_first),
        cmocka_unit_test(malformed_key_or_name_is_refused),
        cmocka_unit_test(line_too_long_is_skipped_whole),
        cmocka_unit_test(file_cut_anywhere_knows_no_more_than_the_whole),
        cmocka_unit_test(new_line_is_found_again),
        cmocka_unit_test(name_too_long_is_refused),
        cmocka_unit_test(update_touches_the_lines_of_this_host_alone),
        cmocka_unit_test(update_drops_hashed_lines_and_writes_hashed_ones),
    };
    return cmocka_run_group_tests(tests, test_init, NULL);
}
