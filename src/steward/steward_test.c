/* The steward as a process: what it answers, and what it makes of hostile accounts,
 * files, questions and neighbours. */
#include "steward/desk_test.h"

#define ALL_ACCOUNTS (SERVER_ACCOUNTS_SYSTEM | SERVER_ACCOUNTS_VIRTUAL)

static void
a_virtual_account_is_looked_up(void **state)
{
    struct desk *d = *state;
    struct account_record r = desk_add(d, "alice");
    desk_set_password(d, &r, "correct horse");
    desk_start(d);
    assert_int_equal(desk_lookup(d, ALL_ACCOUNTS, "alice"), STEWARD_YES);
    assert_int_equal(d->last.facts.kind, STEWARD_VIRTUAL);
    assert_string_equal(d->last.facts.account.root, "/srv/%u");
    assert_true(d->last.facts.account.has_password);
    assert_false(d->last.facts.account.has_totp);
    assert_int_equal(desk_lookup(d, SERVER_ACCOUNTS_SYSTEM, "alice"), STEWARD_NO);
    assert_int_equal(desk_lookup(d, SERVER_ACCOUNTS_VIRTUAL, "nobody-here"), STEWARD_NO);
    assert_int_equal(d->last.facts.kind, STEWARD_NOBODY);
}

static void
a_system_account_is_looked_up(void **state)
{
    struct desk *d = *state;
    desk_start(d);
    if (geteuid() != 0)
        skip();
    assert_int_equal(desk_lookup(d, ALL_ACCOUNTS, "daemon"), STEWARD_YES);
    assert_int_equal(d->last.facts.kind, STEWARD_SYSTEM);
    assert_int_equal(d->last.facts.uid, 1);
    assert_int_equal(d->last.facts.n_groups, 1);
    assert_string_equal(d->last.facts.group_names, "daemon");
    assert_int_equal(desk_lookup(d, SERVER_ACCOUNTS_VIRTUAL, "daemon"), STEWARD_NO);
}

static void
passwords_are_right_or_wrong(void **state)
{
    struct desk *d = *state;
    struct account_record r = desk_add(d, "alice");
    desk_set_password(d, &r, "correct horse");
    desk_add(d, "bare");
    desk_start(d);
    assert_int_equal(desk_password(d, STEWARD_VIRTUAL, "alice", "correct horse"),
                     STEWARD_YES);
    assert_int_equal(desk_password(d, STEWARD_VIRTUAL, "alice", "correct horsf"),
                     STEWARD_NO);
    assert_int_equal(desk_password(d, STEWARD_VIRTUAL, "alice", ""), STEWARD_NO);
    assert_int_equal(desk_password(d, STEWARD_NOBODY, "alice", "correct horse"),
                     STEWARD_NO);
    assert_int_equal(desk_password(d, STEWARD_VIRTUAL, "bare", ""), STEWARD_NO);
    assert_int_equal(desk_password(d, STEWARD_VIRTUAL, "bare", "x"), STEWARD_NO);
    assert_int_equal(desk_password(d, STEWARD_VIRTUAL, "nobody-here", "x"), STEWARD_NO);
}

static void
a_key_needs_its_line_and_its_signature(void **state)
{
    struct desk *d = *state;
    struct account_record r = desk_add(d, "alice");
    struct privkey *own = desk_key(), *foreign = desk_key();
    desk_add_key(d, &r, own, "command=\"internal-sftp -R\"");
    desk_start(d);
    struct steward_key *q = desk_key_question(STEWARD_VIRTUAL, "alice", own);
    assert_int_equal(desk_ask(d, &q->head), STEWARD_YES);
    assert_int_equal(d->last.answer.has_command, 1);
    assert_string_equal(d->last.answer.command, "internal-sftp -R");
    assert_memory_equal(d->last.answer.key, "ED25519 SHA256:", 15);
    q->is_signed = 0;
    assert_int_equal(desk_ask(d, &q->head), STEWARD_YES);
    q = desk_key_question(STEWARD_VIRTUAL, "alice", own);
    q->signature[q->signature_len - 1] ^= 1;
    assert_int_equal(desk_ask(d, &q->head), STEWARD_NO);
    assert_int_equal(d->last.answer.has_command, 0);
    q = desk_key_question(STEWARD_VIRTUAL, "alice", foreign);
    assert_int_equal(desk_ask(d, &q->head), STEWARD_NO);
    q = desk_key_question(STEWARD_NOBODY, "alice", own);
    assert_int_equal(desk_ask(d, &q->head), STEWARD_NO);
    privkey_free(own);
    privkey_free(foreign);
}

/* ---- second factors ---- */

static enum steward_verdict
ask_code(struct desk *d, enum steward_kind kind, const char *code)
{
    struct steward_code q = {.head.op = STEWARD_CODE, .who = desk_who(kind, "alice")};
    q.code_len = (uint32_t)strlen(code);
    memcpy(q.code, code, q.code_len);
    return desk_ask(d, &q.head);
}

static void
a_one_time_code_works_once(void **state)
{
    struct desk *d = *state;
    struct account_record r = desk_add(d, "alice");
    struct fault why = {0};
    struct bytes secret = BYTES_LIT("12345678901234567890");
    char code[TOTP_DIGITS + 1];
    assert_int_equal(store_totp_set(d->store, r.id, secret, 1000, &why), ERR_NONE);
    desk_start(d);
    assert_int_equal(totp_code(secret, (int64_t)time(NULL) / TOTP_STEP_S, code),
                     ERR_NONE);
    assert_int_equal(ask_code(d, STEWARD_NOBODY, code), STEWARD_NO);
    assert_int_equal(ask_code(d, STEWARD_VIRTUAL, "000000 "), STEWARD_NO);
    assert_int_equal(ask_code(d, STEWARD_VIRTUAL, code), STEWARD_YES);
    assert_int_equal(ask_code(d, STEWARD_VIRTUAL, code), STEWARD_NO);
    assert_int_equal(desk_lookup(d, ALL_ACCOUNTS, "alice"), STEWARD_YES);
    assert_true(d->last.facts.account.has_totp);
}

static void
a_recovery_code_works_once(void **state)
{
    struct desk *d = *state;
    struct account_record r = desk_add(d, "alice");
    struct fault why = {0};
    char code[RECOVERY_CODE_LEN + 1], normal[RECOVERY_CODE_LEN + 1];
    char hash[ACCOUNT_HASH_MAX + 1];
    const char *const hashes[] = {hash};
    assert_int_equal(
        store_totp_set(d->store, r.id, BYTES_LIT("12345678901234567890"), 1000, &why),
        ERR_NONE);
    assert_int_equal(recovery_code_make(&rand_system, code), ERR_NONE);
    assert_true(recovery_code_normal(bytes_str(code), normal));
    assert_int_equal(password_hash(bytes_str(normal), &rand_system, hash), ERR_NONE);
    assert_int_equal(store_recovery_set(d->store, r.id, hashes, 1, &why), ERR_NONE);
    desk_start(d);
    assert_int_equal(ask_code(d, STEWARD_VIRTUAL, "aaaaaaaaaa"), STEWARD_NO);
    assert_int_equal(ask_code(d, STEWARD_VIRTUAL, code), STEWARD_YES);
    assert_int_equal(ask_code(d, STEWARD_VIRTUAL, code), STEWARD_NO);
}

static void
a_weaker_hash_is_replaced_at_login(void **state)
{
    static const char weak[] = "$5$saltsalt$myjXcpMpE2Ofk7fj9hqyNYSn6lmWG4Mqnjx.KIRRr4/";
    struct desk *d = *state;
    struct account_record r = desk_add(d, "alice");
    struct fault why = {0};
    char hash[ACCOUNT_HASH_MAX + 1];
    assert_int_equal(store_password_set(d->store, r.id, weak, 1000, &why), ERR_NONE);
    desk_start(d);
    assert_int_equal(desk_password(d, STEWARD_VIRTUAL, "alice", "wrong"), STEWARD_NO);
    assert_int_equal(desk_password(d, STEWARD_VIRTUAL, "alice", "correct horse"),
                     STEWARD_YES);
    assert_int_equal(desk_password(d, STEWARD_VIRTUAL, "alice", "correct horse"),
                     STEWARD_YES);
    desk_stop(d);
    desk_open_store(d);
    assert_int_equal(store_password(d->store, r.id, hash, &why), ERR_NONE);
    assert_memory_equal(hash, "$y$", 3);
}

/* ---- algorithms and signatures ---- */

/* threats K6: every name of a key must be the same one, and an allowed one. */
static void
names_of_an_algorithm_must_agree(void **state)
{
    static const char *const names[] = {
        "rsa-sha2-512",
        "ssh-rsa",
        "ecdsa-sha2-nistp256",
        "sk-ssh-ed25519@openssh.com",
        "ssh-ed25519-cert-v01@openssh.com",
        "ssh-ed2551",
        "",
    };
    struct desk *d = *state;
    struct account_record r = desk_add(d, "alice");
    struct privkey *key = desk_key();
    desk_add_key(d, &r, key, "");
    desk_start(d);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct steward_key *q = desk_key_question(STEWARD_VIRTUAL, "alice", key);
        snprintf(q->algo, sizeof q->algo, "%s", names[i]);
        if (desk_ask(d, &q->head) != STEWARD_NO)
            fail_msg("%s", names[i]);
    }
    struct steward_key *q = desk_key_question(STEWARD_VIRTUAL, "alice", key);
    snprintf(q->rules.pubkey_algos, sizeof q->rules.pubkey_algos, "rsa-sha2-512");
    assert_int_equal(desk_ask(d, &q->head), STEWARD_NO);
    /* And the name inside the signature. */
    q = desk_key_question(STEWARD_VIRTUAL, "alice", key);
    q->signature[4 + 4] ^= 1;
    assert_int_equal(desk_ask(d, &q->head), STEWARD_NO);
    privkey_free(key);
}

/* threats A3 */
static void
a_signature_is_for_one_session_user_and_host_key(void **state)
{
    struct desk *d = *state;
    struct account_record alice = desk_add(d, "alice"), bob = desk_add(d, "bob");
    struct privkey *key = desk_key();
    desk_add_key(d, &alice, key, "");
    desk_add_key(d, &bob, key, "");
    desk_start(d);
    struct steward_key *q = desk_key_question(STEWARD_VIRTUAL, "alice", key);
    q->session_id[0] ^= 1;
    assert_int_equal(desk_ask(d, &q->head), STEWARD_NO);
    q = desk_key_question(STEWARD_VIRTUAL, "alice", key);
    q->who = desk_who(STEWARD_VIRTUAL, "bob");
    assert_int_equal(desk_ask(d, &q->head), STEWARD_NO);
    q = desk_key_question(STEWARD_VIRTUAL, "alice", key);
    q->is_hostbound = 1;
    q->host_key_len = 3;
    memcpy(q->host_key, "key", 3);
    assert_int_equal(desk_ask(d, &q->head), STEWARD_NO);
    q = desk_key_question(STEWARD_VIRTUAL, "alice", key);
    assert_int_equal(desk_ask(d, &q->head), STEWARD_YES);
    privkey_free(key);
}

static void
lines_of_a_key_limit_it(void **state)
{
    static const struct {
        const char *options;
        enum steward_verdict verdict;
    } rows[] = {
        {"from=\"192.0.2.0/24\"", STEWARD_YES},   {"from=\"10.0.0.0/8\"", STEWARD_NO},
        {"expiry-time=\"20200101\"", STEWARD_NO}, {"restrict,no-pty", STEWARD_YES},
        {"cert-authority", STEWARD_NO},           {"environment=\"A=b\"", STEWARD_YES},
    };
    struct desk *d = *state;
    struct privkey *keys[ARRAY_LEN(rows)];
    struct account_record r = desk_add(d, "alice");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        keys[i] = desk_key();
        desk_add_key(d, &r, keys[i], rows[i].options);
    }
    desk_start(d);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct steward_key *q = desk_key_question(STEWARD_VIRTUAL, "alice", keys[i]);
        if (desk_ask(d, &q->head) != rows[i].verdict)
            fail_msg("%s: %s", rows[i].options, d->last.answer.text);
        privkey_free(keys[i]);
    }
}

static void
revoked_keys_that_cannot_be_read_revoke_all(void **state)
{
    struct desk *d = *state;
    char path[PATH_MAX], line[1024];
    struct account_record r = desk_add(d, "alice");
    struct privkey *key = desk_key(), *other = desk_key();
    desk_add_key(d, &r, key, "");
    desk_start(d);
    struct steward_key *q = desk_key_question(STEWARD_VIRTUAL, "alice", key);
    snprintf(q->rules.revoked_keys, sizeof q->rules.revoked_keys, "%s/nowhere", d->dir);
    assert_int_equal(desk_ask(d, &q->head), STEWARD_NO);
    assert_non_null(strstr(d->said, "RevokedKeys cannot be read"));
    desk_line(other, "", line, sizeof line);
    desk_file(d, "revoked", bytes_str(line), 0644, path);
    snprintf(q->rules.revoked_keys, sizeof q->rules.revoked_keys, "%s", path);
    assert_int_equal(desk_ask(d, &q->head), STEWARD_YES);
    desk_line(key, "", line, sizeof line);
    desk_file(d, "revoked", bytes_str(line), 0644, path);
    assert_int_equal(desk_ask(d, &q->head), STEWARD_NO);
    desk_file(d, "revoked", bytes_str(line), 0666, path);
    q = desk_key_question(STEWARD_VIRTUAL, "alice", key);
    snprintf(q->rules.revoked_keys, sizeof q->rules.revoked_keys, "%s", path);
    assert_int_equal(desk_ask(d, &q->head), STEWARD_NO);
    privkey_free(key);
    privkey_free(other);
}

/* ---- system accounts' files: threats A8 ---- */

static struct steward_key *
system_question(const struct privkey *key, const char *file)
{
    struct steward_key *q = desk_key_question(STEWARD_SYSTEM, "daemon", key);
    snprintf(q->rules.keys_files, sizeof q->rules.keys_files, "%s", file);
    return q;
}

static void
key_files_are_found_by_their_tokens(void **state)
{
    struct desk *d = *state;
    char path[PATH_MAX], line[1024], files[PATH_MAX + 64];
    struct privkey *key = desk_key();
    if (geteuid() != 0)
        skip();
    chmod(d->dir, 0755);
    desk_line(key, "", line, sizeof line);
    desk_file(d, "1-daemon", bytes_str(line), 0644, path);
    desk_start(d);
    snprintf(files, sizeof files, "none\n.ssh/none-here\n%s/%%U-%%u\n", d->dir);
    struct steward_key *q = system_question(key, files);
    assert_int_equal(desk_ask(d, &q->head), STEWARD_YES);
    assert_non_null(strstr(d->last.answer.text, "/1-daemon:1"));
    privkey_free(key);
}

enum hostile { FIFO, DEVICE, HUGE_FILE, LONG_LINE, OPEN_FILE, FOREIGN_FILE, HOSTILES };

/* Each would let the key in, were it taken as a plain file. */
static void
make_hostile(const struct desk *d, enum hostile kind, const char *line, char *path)
{
    char *text = calloc(1, 200000);
    memset(text, 'a', 100000);
    snprintf(text + 100000, 100000, " %s\n", line);
    desk_file(d, "hostile", bytes_str(line), 0644, path);
    if (kind == FIFO || kind == DEVICE)
        unlink(path);
    if (kind == FIFO)
        assert_int_equal(mkfifo(path, 0644), 0);
    if (kind == DEVICE)
        assert_int_equal(symlink("/dev/zero", path), 0);
    if (kind == HUGE_FILE)
        assert_int_equal(truncate(path, 1 << 30), 0);
    if (kind == LONG_LINE)
        desk_file(d, "hostile", bytes_str(text), 0644, path);
    if (kind == OPEN_FILE)
        assert_int_equal(chmod(path, 0666), 0);
    if (kind == FOREIGN_FILE)
        assert_int_equal(chown(path, 12345, 12345), 0);
    free(text);
}

static void
hostile_key_files_let_nobody_in(void **state)
{
    struct desk *d = *state;
    char path[PATH_MAX], line[1024];
    struct privkey *key = desk_key();
    if (geteuid() != 0)
        skip();
    chmod(d->dir, 0755);
    desk_line(key, "", line, sizeof line);
    desk_start(d);
    for (unsigned kind = 0; kind < HOSTILES; kind++) {
        make_hostile(d, (enum hostile)kind, line, path);
        struct steward_key *q = system_question(key, path);
        if (desk_ask(d, &q->head) != STEWARD_NO)
            fail_msg("kind %u: %s", kind, d->last.answer.text);
        unlink(path);
    }
    desk_file(d, "hostile", bytes_str(line), 0644, path);
    struct steward_key *q = system_question(key, path);
    assert_int_equal(desk_ask(d, &q->head), STEWARD_YES);
    chmod(d->dir, 0777); /* a directory that others may change */
    q = system_question(key, path);
    assert_int_equal(desk_ask(d, &q->head), STEWARD_NO);
    chmod(d->dir, 0700); /* one that the account itself cannot pass */
    q = system_question(key, path);
    assert_int_equal(desk_ask(d, &q->head), STEWARD_NO);
    privkey_free(key);
}

/* ---- AuthorizedKeysCommand ---- */

static void
set_command(struct steward_key *q, const char *path, const char *words)
{
    snprintf(q->rules.keys_command, sizeof q->rules.keys_command, "%.1000s %.1000s", path,
             words);
    snprintf(q->rules.keys_command_user, sizeof q->rules.keys_command_user, "nobody");
}

static void
a_command_says_which_keys_count(void **state)
{
    struct desk *d = *state;
    char path[PATH_MAX], line[1024], script[4096];
    struct privkey *key = desk_key();
    if (geteuid() != 0)
        skip();
    chmod(d->dir, 0755);
    desk_line(key, "", line, sizeof line);
    snprintf(
        script, sizeof script,
        "#!/bin/sh\n"
        "[ \"$1 $2 $3 $(id -un) $#\" = \"daemon 1 ssh-ed25519 nobody 5\" ] || exit 3\n"
        "[ \"$4\" = '$(id) ; x' ] || exit 4\n"
        "case $5 in SHA256:*) echo '%s' ;; esac\n",
        line);
    desk_file(d, "command", bytes_str(script), 0755, path);
    desk_start(d);
    struct steward_key *q = system_question(key, "none");
    set_command(q, path, "%u %U %t \"$(id) ; x\" %f");
    if (desk_ask(d, &q->head) != STEWARD_YES)
        fail_msg("%s\n%s", d->last.answer.text, d->said);
    set_command(q, path, "root %U %t x %f"); /* ends with a status */
    assert_int_equal(desk_ask(d, &q->head), STEWARD_NO);
    q = system_question(key, "none");
    desk_file(d, "command", bytes_str(script), 0777, path); /* others may change it */
    set_command(q, path, "%u %U %t \"$(id) ; x\" %f");
    assert_int_equal(desk_ask(d, &q->head), STEWARD_NO);
    desk_file(d, "command", BYTES_LIT("#!/bin/sh\nexec cat /dev/zero\n"), 0755, path);
    set_command(q, path, "");
    assert_int_equal(desk_ask(d, &q->head), STEWARD_NO);
    assert_non_null(strstr(d->said, "it printed too much"));
    privkey_free(key);
}

/* ---- hostile names: threats A9 ---- */

static void
hostile_names_are_nobodys(void **state)
{
    static const char *const names[] = {
        "",   "..",   "-x",   "a/b",     "$(id)",  "a b",    "a\nb",   "root;id",
        "%u", ".ssh", "a\\b", "daemon ", "Daemon", "../etc", "\x1b[2J"};
    struct desk *d = *state;
    desk_start(d);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (desk_lookup(d, ALL_ACCOUNTS, names[i]) != STEWARD_NO)
            fail_msg("\"%s\"", names[i]);
        assert_int_equal(desk_password(d, STEWARD_SYSTEM, names[i], "x"), STEWARD_NO);
    }
    assert_null(strchr(d->said, 0x1b));
}

/* ---- many at once: threats A6 ---- */

static void
wrong_passwords_in_parallel_delay_no_look_up(void **state)
{
    enum { WRONG = 100 };
    struct desk *d = *state;
    struct account_record r = desk_add(d, "alice");
    struct steward_password q;
    unsigned n_wrong = 0, wrong_before_look_up = 0;
    uint64_t id;
    desk_set_password(d, &r, "correct horse");
    desk_start(d);
    desk_password_question(&q, STEWARD_VIRTUAL, "alice", "wrong");
    for (int i = 0; i < WRONG; i++)
        assert_int_equal(steward_client_ask(d->client, &q.head, 7, NULL), ERR_NONE);
    struct steward_lookup l = {.head.op = STEWARD_LOOKUP,
                               .accounts = ALL_ACCOUNTS,
                               .who = desk_who(STEWARD_NOBODY, "alice")};
    assert_int_equal(steward_client_ask(d->client, &l.head, 7, &id), ERR_NONE);
    for (int i = 0; i < WRONG + 1; i++) {
        desk_next(d);
        n_wrong +=
            d->last.head.op == STEWARD_PASSWORD && d->last.head.verdict == STEWARD_NO;
        if (d->last.head.id == id)
            wrong_before_look_up = n_wrong;
    }
    assert_int_equal(n_wrong, WRONG);
    /* It was asked last and answered among the first. */
    assert_true(wrong_before_look_up < WRONG / 2);
}

/* ---- quota ---- */

static enum steward_verdict
charge(struct desk *d, enum steward_quota_act act, int64_t octets, int64_t files)
{
    struct steward_quota q = {.head.op = STEWARD_QUOTA,
                              .act = act,
                              .who = desk_who(STEWARD_VIRTUAL, "alice"),
                              .instance = 1,
                              .connection = 2,
                              .octets = octets,
                              .files = files,
                              .limit_octets = 1000,
                              .limit_files = 2};
    return desk_ask(d, &q.head);
}

static void
quota_is_charged_up_to_its_limit(void **state)
{
    struct desk *d = *state;
    desk_add(d, "alice");
    desk_start(d);
    assert_int_equal(charge(d, STEWARD_QUOTA_STATE, 0, 0), STEWARD_YES);
    assert_int_equal(d->last.quota.usage.needs_recount, 1);
    assert_int_equal(charge(d, STEWARD_QUOTA_CHARGE, 600, 1), STEWARD_YES);
    assert_int_equal(charge(d, STEWARD_QUOTA_CHARGE, 600, 0), STEWARD_NO);
    assert_int_equal(d->last.quota.usage.octets, 600);
    assert_int_equal(charge(d, STEWARD_QUOTA_CHARGE, 0, 2), STEWARD_NO);
    assert_int_equal(d->last.quota.is_over_files, 1);
    assert_int_equal(charge(d, STEWARD_QUOTA_CHARGE, -100, 0), STEWARD_YES);
    assert_int_equal(d->last.quota.usage.octets, 500);
    assert_int_equal(charge(d, STEWARD_QUOTA_END, 0, 0), STEWARD_YES);
    assert_int_equal(desk_lookup(d, ALL_ACCOUNTS, "alice"), STEWARD_YES);
    assert_int_equal(d->last.facts.usage.octets, 500);
}

/* ---- names ---- */

static void
names_of_ids_are_told(void **state)
{
    struct desk *d = *state;
    struct steward_names q = {.head.op = STEWARD_NAMES, .n = 2, .ids = {0, 3999999999}};
    desk_start(d);
    assert_int_equal(desk_ask(d, &q.head), STEWARD_YES);
    assert_int_equal(d->last.names.n, 2);
    assert_string_equal(d->last.names.names[0], "root");
    assert_string_equal(d->last.names.names[1], "");
}

/* ---- the end of the pair ---- */

static void
it_ends_with_the_other_end_of_the_pair(void **state)
{
    struct desk *d = *state;
    pid_t pid;
    int status;
    desk_start(d);
    pid = d->pid;
    d->pid = 0;
    steward_client_free(d->client);
    d->client = NULL;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void
a_message_that_is_no_question_ends_it(void **state)
{
    struct desk *d = *state;
    const struct steward_head *answer;
    struct pollfd p;
    enum err err;
    desk_start(d);
    p = (struct pollfd){.fd = steward_client_fd(d->client), .events = POLLIN};
    assert_int_equal(send(p.fd, "hello", 5, 0), 5);
    do
        assert_int_equal(poll(&p, 1, DESK_WAIT_MS), 1);
    while ((err = steward_client_next(d->client, &answer)) == ERR_NONE ||
           err == ERR_LIMIT);
    assert_int_equal(err, ERR_CLOSED);
}

int
main(void)
{
#define DESK_TEST(f) cmocka_unit_test_setup_teardown(f, desk_make, desk_remove)
    const struct CMUnitTest tests[] = {
        DESK_TEST(a_virtual_account_is_looked_up),
        DESK_TEST(a_system_account_is_looked_up),
        DESK_TEST(passwords_are_right_or_wrong),
        DESK_TEST(a_key_needs_its_line_and_its_signature),
        DESK_TEST(a_one_time_code_works_once),
        DESK_TEST(a_recovery_code_works_once),
        DESK_TEST(a_weaker_hash_is_replaced_at_login),
        DESK_TEST(names_of_an_algorithm_must_agree),
        DESK_TEST(a_signature_is_for_one_session_user_and_host_key),
        DESK_TEST(lines_of_a_key_limit_it),
        DESK_TEST(revoked_keys_that_cannot_be_read_revoke_all),
        DESK_TEST(key_files_are_found_by_their_tokens),
        DESK_TEST(hostile_key_files_let_nobody_in),
        DESK_TEST(a_command_says_which_keys_count),
        DESK_TEST(hostile_names_are_nobodys),
        DESK_TEST(wrong_passwords_in_parallel_delay_no_look_up),
        DESK_TEST(quota_is_charged_up_to_its_limit),
        DESK_TEST(names_of_ids_are_told),
        DESK_TEST(it_ends_with_the_other_end_of_the_pair),
        DESK_TEST(a_message_that_is_no_question_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
