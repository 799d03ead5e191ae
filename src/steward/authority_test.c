/*
 * Certificates of trusted authorities (threats A7): forged principals, options,
 * times and signers, against a steward as ferryd starts it.
 */
#include "steward/desk_test.h"

#include "key/cert_make_test.h"

#define MALLORY BYTES_LIT("\0\0\0\7mallory")
/* One principal whose name holds a comma, and one that begins like alice. */
#define COMMA      BYTES_LIT("\0\0\0\15mallory,alice")
#define ALICE_MORE BYTES_LIT("\0\0\0\6alice2")
/* A critical option nobody knows; a forced command; an address. */
#define UNKNOWN BYTES_LIT("\0\0\0\7unknown\0\0\0\0")
#define FORCED                                           \
    BYTES_LIT("\0\0\0\15force-command\0\0\0\24\0\0\0\20" \
              "internal-sftp -R")
#define ELSEWHERE                                          \
    BYTES_LIT("\0\0\0\16source-address\0\0\0\16\0\0\0\012" \
              "10.0.0.0/8")

static const struct {
    const char *what;
    struct cert_draft draft;
    enum steward_verdict verdict;
} rows[] = {
    {"good", {.use = CERT_USER, .principals = ALICE}, STEWARD_YES},
    {"a command",
     {.use = CERT_USER, .principals = ALICE, .critical = FORCED},
     STEWARD_YES},
    {"no principals", {.use = CERT_USER}, STEWARD_NO},
    {"another principal", {.use = CERT_USER, .principals = MALLORY}, STEWARD_NO},
    {"a comma", {.use = CERT_USER, .principals = COMMA}, STEWARD_NO},
    {"a longer name", {.use = CERT_USER, .principals = ALICE_MORE}, STEWARD_NO},
    {"a host's", {.use = CERT_HOST, .principals = ALICE}, STEWARD_NO},
    {"unknown critical option",
     {.use = CERT_USER, .principals = ALICE, .critical = UNKNOWN},
     STEWARD_NO},
    {"address",
     {.use = CERT_USER, .principals = ALICE, .critical = ELSEWHERE},
     STEWARD_NO},
    {"expired",
     {.use = CERT_USER, .principals = ALICE, .valid_before = 1000000000},
     STEWARD_NO},
    {"not yet valid",
     {.use = CERT_USER, .principals = ALICE, .valid_after = UINT64_MAX - 1},
     STEWARD_NO},
    {"another signer",
     {.use = CERT_USER, .principals = ALICE, .ca = "ed25519"},
     STEWARD_NO},
    {"another signer in the authority's name",
     {.use = CERT_USER, .principals = ALICE, .ca = "ed25519", .ca_claimed = "ca"},
     STEWARD_NO},
};

static void
write_line(const struct desk *d, const char *name, const char *fixture, char *path)
{
    struct buf blob = test_blob(fixture), line;
    buf_init(&line, 4096);
    pubkey_line_put(buf_bytes(&blob), (struct bytes){0}, &line);
    buf_put_str(&line, "\n");
    desk_file(d, name, buf_bytes(&line), 0644, path);
    buf_clear(&blob);
    buf_clear(&line);
}

/* A question with this certificate, signed by the key that it certifies. */
static struct steward_key *
question(const struct cert_draft *draft, const char *ca_keys)
{
    struct cert_draft d = *draft;
    struct privkey *key = test_key("ed25519");
    struct steward_key *q = desk_key_question(STEWARD_VIRTUAL, "alice", key);
    struct buf data, signature;
    d.valid_before = d.valid_before ? d.valid_before : UINT64_MAX;
    struct buf blob = cert_make(&d);
    snprintf(q->algo, sizeof q->algo, "ssh-ed25519-cert-v01@openssh.com");
    snprintf(q->rules.ca_keys, sizeof q->rules.ca_keys, "%s", ca_keys);
    q->blob_len = (uint32_t)blob.n;
    memcpy(q->blob, blob.p, blob.n);
    buf_init(&data, 65536);
    buf_init(&signature, LOGIN_SIGNATURE_MAX);
    auth_signed_data(BYTES_LIT("session"), BYTES_LIT("alice"), bytes_str(q->algo),
                     buf_bytes(&blob), (struct bytes){0}, &data);
    assert_int_equal(sig_sign(sig_by_name(bytes_str("ssh-ed25519")), key,
                              buf_bytes(&data), &signature),
                     ERR_NONE);
    q->signature_len = (uint32_t)signature.n;
    memcpy(q->signature, signature.p, signature.n);
    buf_clear(&data);
    buf_clear(&signature);
    buf_clear(&blob);
    privkey_free(key);
    return q;
}

static void
forged_certificates_let_nobody_in(void **state)
{
    struct desk *d = *state;
    char path[PATH_MAX];
    desk_add(d, "alice");
    write_line(d, "ca_keys", "ca", path);
    desk_start(d);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct steward_key *q = question(&rows[i].draft, path);
        if (desk_ask(d, &q->head) != rows[i].verdict)
            fail_msg("%s: %s", rows[i].what, d->last.answer.text);
    }
    struct steward_key *q = question(&rows[1].draft, path);
    assert_int_equal(desk_ask(d, &q->head), STEWARD_YES);
    assert_string_equal(d->last.answer.command, "internal-sftp -R");
    q = question(&rows[0].draft, "none");
    assert_int_equal(desk_ask(d, &q->head), STEWARD_NO);
}

/* AuthorizedPrincipalsFile: its names count instead of the login name. */
static void
a_file_of_principals_decides_alone(void **state)
{
    static const struct {
        const char *file;
        struct bytes principals;
        enum steward_verdict verdict;
    } cases[] = {
        {"mallory\n", MALLORY, STEWARD_YES},
        {"# mallory\nother\n", MALLORY, STEWARD_NO},
        {"mallory\n", ALICE, STEWARD_NO},
        {"from=\"10.0.0.0/8\" mallory\n", MALLORY, STEWARD_NO},
        {"from=\"192.0.2.7\" mallory\n", MALLORY, STEWARD_YES},
        {"nonsense mallory\n", MALLORY, STEWARD_NO},
        {"mallory,alice\n", COMMA, STEWARD_NO},
        {"x\",principals=\"mallory\n", MALLORY, STEWARD_NO},
        {"", MALLORY, STEWARD_NO},
    };
    struct desk *d = *state;
    char ca[PATH_MAX], path[PATH_MAX];
    desk_add(d, "alice");
    write_line(d, "ca_keys", "ca", ca);
    desk_start(d);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct cert_draft draft = {.use = CERT_USER,
                                         .principals = cases[i].principals};
        desk_file(d, "principals-alice", bytes_str(cases[i].file), 0644, path);
        struct steward_key *q = question(&draft, ca);
        snprintf(q->rules.principals_file, sizeof q->rules.principals_file,
                 "%s/principals-%%u", d->dir);
        if (desk_ask(d, &q->head) != cases[i].verdict)
            fail_msg("%s: %s\n%s", cases[i].file, d->last.answer.text, d->said);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(forged_certificates_let_nobody_in, desk_make,
                                        desk_remove),
        cmocka_unit_test_setup_teardown(a_file_of_principals_decides_alone, desk_make,
                                        desk_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
