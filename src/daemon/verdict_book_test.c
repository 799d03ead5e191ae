/*
 * The automaton of logins against a steward that the test plays: all orders and
 * mixes of factors, and what a pre-authentication process that an attacker
 * controls could put to it (threats A1, A3, A4, A5, A10).
 */
#include "base/base_test.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypto/algos.h"
#include "crypto/rand.h"
#include "daemon/verdict_book.h"

enum { MARK = 77 };

struct rig {
    struct server_config *config;
    struct verdict_book_world world;
    struct verdict_peer peer;
    struct verdict_session session;
    struct verdict *v;
    int desk; /* the steward's end */
    struct steward_facts facts;
    /* What is right. A key is one letter; its lines' commands below. */
    const char *password, *code, *keys;
    const char *command_of[2]; /* of key A, of key B */
    bool admits_nobody, is_busy;
    unsigned n_asked[STEWARD_OPS];
    struct steward_who last_who;
    struct steward_key last_key;
    struct login_reply reply;
    enum err err;
    char said[8192];
};

/* ---- the world ---- */

struct text {
    const char *text;
};

static enum err
read_text(void *ctx, const char *path, struct buf *out, struct fault *why)
{
    const struct text *t = ctx;
    (void)path, (void)why;
    buf_put_str(out, t->text);
    return buf_err(out);
}

static enum err
glob_none(void *ctx, const char *pattern, struct buf *paths, struct fault *why)
{
    (void)ctx, (void)pattern, (void)paths, (void)why;
    return ERR_NONE;
}

static bool
knows_all(void *ctx, enum server_vocabulary vocabulary, struct bytes word)
{
    (void)ctx, (void)vocabulary, (void)word;
    return true;
}

static void
hear(void *ctx, enum log_level level, const char *text)
{
    struct rig *r = ctx;
    size_t n = strlen(r->said);
    (void)level;
    snprintf(r->said + n, sizeof r->said - n, "%s\n", text);
}

static struct log_sink sink;

/* A virtual account "alice" with a password, and a dialogue with her address. */
static void
rig_open(struct rig *r, const char *config)
{
    static const struct verdict_banner banners[] = {{"/etc/banner", "Welcome\n"}};
    struct text text = {config};
    const struct server_config_reader reader = {read_text, glob_none, knows_all, &text};
    struct fault why = {0};
    int fds[2];
    *r = (struct rig){.password = "right", .code = "123456", .keys = "A"};
    if (server_config_parse("/etc/f.conf", NULL, &reader, &r->config, &why) != ERR_NONE)
        fail_msg("%s", why.text);
    assert_int_equal(
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    sink = (struct log_sink){.line = hear, .ctx = r};
    r->desk = fds[1];
    r->world = (struct verdict_book_world){
        .config = r->config,
        .pubkey_algos = algo_list(PROFILE_DEFAULT, ALGO_SERVER, ALGO_USER_KEY),
        .ca_algos = algo_list(PROFILE_DEFAULT, ALGO_SERVER, ALGO_CA_SIGNATURE),
        .banners = banners,
        .n_banners = 1,
        .delay_key = "known to the monitor alone",
        .log = &sink,
    };
    assert_int_equal(steward_client_new(fds[0], &sink, &r->world.steward), ERR_NONE);
    r->peer = (struct verdict_peer){"192.0.2.7", "192.0.2.1", 4711, 22};
    r->session =
        (struct verdict_session){BYTES_LIT("exchange hash"), BYTES_LIT("host key")};
    r->facts.kind = STEWARD_VIRTUAL;
    r->facts.account = (struct account_record){
        .name = "alice",
        .root = "/srv/%u",
        .expires = ACCOUNT_UNSET,
        .max_sessions = ACCOUNT_UNSET,
        .upload_rate = ACCOUNT_UNSET,
        .download_rate = ACCOUNT_UNSET,
        .quota_octets = ACCOUNT_UNSET,
        .quota_files = ACCOUNT_UNSET,
        .uid = ACCOUNT_UNSET,
        .gid = ACCOUNT_UNSET,
        .umask = ACCOUNT_UNSET,
        .is_read_only = ACCOUNT_UNSET,
        .is_atomic = ACCOUNT_UNSET,
        .is_durable = ACCOUNT_UNSET,
    };
}

static void
rig_begin(struct rig *r)
{
    assert_int_equal(verdict_book_new(&r->world, &r->peer, MARK, &r->v), ERR_NONE);
}

static void
rig_close(struct rig *r)
{
    if (r->v)
        r->v->ops->free(r->v);
    steward_client_free(r->world.steward);
    server_config_free(r->config);
    close(r->desk);
}

/* ---- the steward that is played ---- */

static bool
is_right(const char *want, const uint8_t *p, uint32_t n)
{
    return want && bytes_eq(bytes_of(p, n), bytes_str(want));
}

static void
play_key(struct rig *r, const struct steward_key *q, struct steward_answer *a)
{
    static const char blob_type[] = {0,   0,   0,   11,  's', 's', 'h', '-',
                                     'e', 'd', '2', '5', '5', '1', '9'};
    r->last_key = *q;
    assert_true(q->blob_len == sizeof blob_type + 1);
    char letter = (char)q->blob[sizeof blob_type];
    bool is_signed_well =
        !q->is_signed || is_right("signed", q->signature, q->signature_len);
    bool is_known = q->who.kind != STEWARD_NOBODY && strchr(r->keys, letter) != NULL;
    snprintf(a->key, sizeof a->key, "ED25519 SHA256:%c", letter);
    const char *command =
        letter == 'A' || letter == 'B' ? r->command_of[letter - 'A'] : NULL;
    if (command) { /* told in any case: a refused key's must not count */
        a->has_command = 1;
        snprintf(a->command, sizeof a->command, "%s", command);
    }
    a->head.verdict = is_known && is_signed_well ? STEWARD_YES : STEWARD_NO;
}

union question {
    struct steward_head head;
    struct steward_lookup lookup;
    struct steward_password password;
    struct steward_key key;
    struct steward_code code;
    struct steward_admit admit;
    struct steward_pam_begin pam_begin;
    struct steward_pam_answer pam_answer;
};

static void
play(struct rig *r, const union question *q, struct steward_answer *a)
{
    switch (q->head.op) {
    case STEWARD_PASSWORD:
        r->last_who = q->password.who;
        a->head.verdict =
            q->password.who.kind != STEWARD_NOBODY &&
            is_right(r->password, q->password.password, q->password.password_len);
        if (r->is_busy)
            a->head.verdict = STEWARD_FAILED;
        return;
    case STEWARD_KEY:
        play_key(r, &q->key, a);
        return;
    case STEWARD_CODE:
        a->head.verdict = is_right(r->code, q->code.code, q->code.code_len);
        return;
    case STEWARD_PAM_BEGIN:
        a->head.verdict =
            q->pam_begin.has_password
                ? is_right(r->password, q->pam_begin.password, q->pam_begin.password_len)
                : STEWARD_PROMPT;
        a->dialogue = 5;
        a->n_prompts = 2;
        snprintf(a->prompt[0].text, sizeof a->prompt[0].text, "Password: ");
        snprintf(a->prompt[1].text, sizeof a->prompt[1].text, "Token: ");
        return;
    case STEWARD_PAM_ANSWER:
        assert_int_equal(q->pam_answer.dialogue, 5);
        a->head.verdict = q->pam_answer.n_answers == 2 &&
                          is_right(r->password, q->pam_answer.answer[0].text,
                                   q->pam_answer.answer[0].len);
        return;
    default:
        a->head.verdict = q->head.op != STEWARD_ADMIT || !r->admits_nobody;
    }
}

/* Answer what is asked until the dialogue has its reply. */
static void
settle(struct rig *r, enum verdict_progress progress)
{
    static union question q;
    while (r->err == ERR_NONE && progress == VERDICT_LATER) {
        assert_true(read(r->desk, &q, sizeof q) > 0);
        assert_int_equal(q.head.mark, MARK);
        r->n_asked[q.head.op]++;
        if (q.head.op == STEWARD_PAM_END)
            continue;
        struct steward_answer a = {.head = q.head};
        struct steward_facts facts = r->facts;
        facts.head = q.head;
        facts.head.verdict = facts.kind == STEWARD_NOBODY ? STEWARD_NO : STEWARD_YES;
        play(r, &q, &a);
        r->err = verdict_book_on_answer(
            r->v, q.head.op == STEWARD_LOOKUP ? &facts.head : &a.head, &r->reply,
            &progress);
    }
}

/* ---- the process that asks ---- */

static void
put(struct rig *r, struct login_request *q)
{
    enum verdict_progress progress = VERDICT_NOW;
    memset(&r->reply, 0xa5, sizeof r->reply);
    r->err = r->v->ops->request(r->v, &r->session, q, &r->reply, &progress);
    settle(r, progress);
}

static void
set_key(struct login_request *q, char letter)
{
    static const uint8_t head[] = {0,   0,   0,   11,  's', 's', 'h', '-',
                                   'e', 'd', '2', '5', '5', '1', '9'};
    memcpy(q->blob, head, sizeof head);
    q->blob[sizeof head] = (uint8_t)letter;
    q->blob_len = sizeof head + 1;
    snprintf(q->algo, sizeof q->algo, "ssh-ed25519");
    q->signature_len = 6;
    memcpy(q->signature, "signed", 6);
}

static struct login_request
request_of(enum login_method method, const char *user)
{
    struct login_request q = {.method = method};
    q.user_len = (uint32_t)strlen(user);
    memcpy(q.user, user, q.user_len);
    return q;
}

/*
 * One step in words: "none", "password:TEXT", "query:K", "key:K", "forged:K" (a bad
 * signature), "kbd", "answer:TEXT".
 */
static void
step_as(struct rig *r, const char *user, const char *words)
{
    static const struct {
        const char *word;
        enum login_method method;
    } rows[] = {
        {"none", LOGIN_NONE},
        {"password:", LOGIN_PASSWORD},
        {"query:", LOGIN_KEY_QUERY},
        {"key:", LOGIN_KEY},
        {"forged:", LOGIN_KEY},
        {"kbd", LOGIN_KBDINT},
        {"answer:", LOGIN_KBDINT_ANSWER},
    };
    struct login_request q = {0};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strncmp(words, rows[i].word, strlen(rows[i].word)) == 0)
            q = request_of(rows[i].method, user);
    const char *colon = strchr(words, ':');
    const char *text = colon ? colon + 1 : "";
    if (q.method == LOGIN_KEY || q.method == LOGIN_KEY_QUERY)
        set_key(&q, text[0]);
    if (words[0] == 'f')
        q.signature[0] ^= 1;
    if (q.method == LOGIN_PASSWORD) {
        q.secret_len = (uint32_t)strlen(text);
        memcpy(q.secret, text, q.secret_len);
    }
    if (q.method == LOGIN_KBDINT_ANSWER) {
        q.n_answers = 1;
        q.answer[0].len = (uint32_t)strlen(text);
        memcpy(q.answer[0].text, text, strlen(text));
    }
    put(r, &q);
}

static void
step(struct rig *r, const char *words)
{
    step_as(r, "alice", words);
}

static char
letter_of(const struct rig *r)
{
    static const char letters[] = {[LOGIN_DENIED] = 'D',
                                   [LOGIN_PARTIAL] = 'P',
                                   [LOGIN_PROMPT] = '?',
                                   [LOGIN_ACCEPTED] = 'A',
                                   [LOGIN_GONE] = 'G'};
    if (r->err != ERR_NONE)
        return r->err == ERR_PROTO ? '!' : 'E';
    return r->reply.verdict < sizeof letters ? letters[r->reply.verdict] : '#';
}

static void
assert_step(struct rig *r, const char *words, char verdict)
{
    step(r, words);
    if (letter_of(r) != verdict)
        fail_msg("%s: %c instead of %c (%s)\n%s", words, letter_of(r), verdict,
                 r->err ? err_name(r->err) : r->reply.detail, r->said);
    bool is_query = words[0] == 'q';
    assert_true((r->v->ops->grant(r->v) != NULL) == (verdict == 'A' && !is_query));
}

/* ---- chains ---- */

struct chain_row {
    const char *config, *own; /* own: the account's chain */
    bool has_totp;
    const char *steps; /* "WORDS=VERDICT WORDS=VERDICT ..." */
    const char *how;   /* at the end; NULL: no login */
};

#define ANY_ORDER "AuthenticationMethods publickey,password password,publickey\n"

static const struct chain_row chain_rows[] = {
    /* No chain: each factor by itself. */
    {"", "", false, "password:right=A", "password"},
    {"", "", false, "key:A=A", "publickey"},
    {"", "", false, "kbd=? answer:right=A", "keyboard-interactive"},
    {"", "", false, "none=D password:wrong=D password:right=A", "password"},
    {"", "", false, "query:A=A key:A=A", "publickey"},
    {"", "", false, "query:X=D key:X=D key:A=A", "publickey"},
    {"", "", false, "kbd=? answer:wrong=D kbd=? answer:right=A", "keyboard-interactive"},
    /* An empty password is never right, whatever the account has. */
    {"", "", false, "password:=D", NULL},
    {"", "", false, "kbd=? answer:=D", NULL},
    /* Two factors, in order. */
    {"AuthenticationMethods publickey,password\n", "", false,
     "password:right=D key:A=P password:right=A", "publickey,password"},
    {"AuthenticationMethods publickey,password\n", "", false,
     "key:A=P key:A=D password:wrong=D password:right=A", "publickey,password"},
    {"AuthenticationMethods publickey,password\n", "", false,
     "query:A=A password:right=D", NULL},
    {"AuthenticationMethods publickey,password\n", "", false,
     "forged:A=D password:right=D key:A=P forged:A=D password:right=A",
     "publickey,password"},
    {ANY_ORDER, "", false, "password:right=P key:A=A", "password,publickey"},
    {ANY_ORDER, "", false, "key:A=P password:right=A", "publickey,password"},
    {ANY_ORDER, "", false, "key:A=P key:A=D kbd=D", NULL},
    {"AuthenticationMethods publickey,keyboard-interactive\n", "", false,
     "kbd=D key:A=P kbd=? answer:right=A", "publickey,keyboard-interactive"},
    /* Two keys are two keys. */
    {"AuthenticationMethods publickey,publickey\n", "", false,
     "key:A=P key:A=D query:A=D key:B=A", "publickey,publickey"},
    /* The account's own chain comes before the configuration's. */
    {"AuthenticationMethods publickey,password\n", "password", false, "password:right=A",
     "password"},
    {"", "publickey,password", false, "password:right=D key:A=P password:right=A",
     "publickey,password"},
    /* What is switched off can't be shown, nor be a part of a chain. */
    {"PasswordAuthentication no\n", "", false, "password:right=D key:A=A", "publickey"},
    {"PubkeyAuthentication no\n", "", false, "query:A=D key:A=D password:right=A",
     "password"},
    {"KbdInteractiveAuthentication no\n", "", false, "kbd=D password:right=A",
     "password"},
    {"PasswordAuthentication no\n", "publickey,password", false,
     "key:A=D password:right=D", NULL},
    /* A second factor that was set up is asked for on every way. */
    {"", "", true, "kbd=? answer:right=? answer:123456=A", "keyboard-interactive"},
    {"", "", true, "kbd=? answer:right=? answer:000000=D", NULL},
    {"", "", true, "kbd=? answer:wrong=D", NULL},
    {"", "", true, "password:right=P kbd=? answer:123456=A",
     "password,keyboard-interactive"},
    {"", "", true, "key:A=P kbd=? answer:123456=A", "publickey,keyboard-interactive"},
    {"", "", true, "key:A=P password:right=P kbd=? answer:right=D", NULL},
    {"", "publickey", true, "key:A=P kbd=? answer:123456=A",
     "publickey,keyboard-interactive"},
    {"", "publickey,keyboard-interactive", true, "kbd=D key:A=P kbd=? answer:123456=A",
     "publickey,keyboard-interactive"},
    /* The code alone never stands for a chain's only factor. */
    {"", "publickey,password keyboard-interactive", true, "key:A=P kbd=? answer:123456=D",
     NULL},
    {"", "publickey,password keyboard-interactive", true,
     "key:A=P kbd=? answer:right=? answer:123456=A", "publickey,keyboard-interactive"},
    {"", "publickey,password keyboard-interactive", true,
     "key:A=P password:right=P kbd=? answer:123456=A",
     "publickey,password,keyboard-interactive"},
    /* Another request abandons a dialogue; its code prompt can't be answered later. */
    {"", "", true, "kbd=? answer:right=? password:wrong=D answer:123456=!", NULL},
    {"", "", false, "answer:right=!", NULL},
    {"", "", false, "kbd=? none=D answer:right=!", NULL},
    /* Nothing follows a login. */
    {"", "", false, "password:right=A password:right=!", "password"},
};

static void
run_steps(struct rig *r, const char *steps)
{
    char text[512];
    snprintf(text, sizeof text, "%s", steps);
    for (char *save, *one = strtok_r(text, " ", &save); one;
         one = strtok_r(NULL, " ", &save)) {
        char *equals = strrchr(one, '=');
        *equals = 0;
        step(r, one);
        if (letter_of(r) != equals[1])
            fail_msg("%s: at %s: %c (%s)\n%s", steps, one, letter_of(r),
                     r->err ? "" : r->reply.detail, r->said);
    }
}

static void
chains_let_in_when_shown_in_full_and_in_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(chain_rows); i++) {
        const struct chain_row *row = &chain_rows[i];
        char config[512];
        struct rig r;
        snprintf(config, sizeof config, "MaxAuthTries 20\n%s", row->config);
        rig_open(&r, config);
        r.keys = "AB";
        r.facts.account.has_totp = row->has_totp;
        snprintf(r.facts.account.chain, sizeof r.facts.account.chain, "%s", row->own);
        rig_begin(&r);
        run_steps(&r, row->steps);
        if ((r.v->ops->grant(r.v) != NULL) != (row->how != NULL))
            fail_msg("row %zu: %s: a login, or none", i, row->steps);
        if (row->how)
            assert_string_equal(r.v->ops->how(r.v), row->how);
        rig_close(&r);
    }
}

static void
methods_that_can_continue_follow_the_chains(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, ANY_ORDER);
    rig_begin(&r);
    assert_step(&r, "none", 'D');
    assert_string_equal(r.reply.methods, "publickey,password");
    assert_step(&r, "key:A", 'P');
    assert_string_equal(r.reply.methods, "password");
    rig_close(&r);
}

/* ---- what factors bring along ---- */

static void
restrictions_of_all_factors_hold_together(void **state)
{
    static const struct {
        const char *config, *a, *b;
        bool is_account_read_only, is_read_only;
        uint32_t umask;
        const char *denied;
    } rows[] = {
        {"", NULL, NULL, false, false, 022, ""},
        {"", "internal-sftp -R", NULL, false, true, 022, ""},
        {"", NULL, "internal-sftp -R", false, true, 022, ""},
        {"", NULL, NULL, true, true, 022, ""},
        {"ReadOnly yes\n", NULL, NULL, false, true, 022, ""},
        {"ForceCommand internal-sftp -R\n", "internal-sftp", NULL, false, true, 022, ""},
        {"ForceCommand internal-sftp -u 007\n", "internal-sftp -u 070", NULL, false,
         false, 077, ""},
        {"", "internal-sftp -P remove", "internal-sftp -P rename", false, false, 022,
         "remove,rename"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig r;
        char config[256];
        snprintf(config, sizeof config, "AuthenticationMethods publickey,publickey\n%s",
                 rows[i].config);
        rig_open(&r, config);
        r.keys = "AB";
        r.command_of[0] = rows[i].a;
        r.command_of[1] = rows[i].b;
        r.facts.account.is_read_only = rows[i].is_account_read_only ? 1 : ACCOUNT_UNSET;
        rig_begin(&r);
        assert_step(&r, "key:A", 'P');
        assert_step(&r, "key:B", 'A');
        const struct grant *g = r.v->ops->grant(r.v);
        if (g->is_read_only != rows[i].is_read_only || g->umask != rows[i].umask ||
            strcmp(g->denied_requests, rows[i].denied) != 0)
            fail_msg("row %zu: %u %o %s", i, g->is_read_only, g->umask,
                     g->denied_requests);
        rig_close(&r);
    }
}

/* threats A3: the query for key A must lend key B nothing, nor a forged A. */
static void
a_key_that_did_not_verify_brings_nothing_along(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, "");
    r.keys = "AB";
    r.command_of[0] = "internal-sftp -R -d /elsewhere";
    rig_begin(&r);
    assert_step(&r, "query:A", 'A');
    assert_step(&r, "forged:A", 'D');
    assert_step(&r, "key:B", 'A');
    const struct grant *g = r.v->ops->grant(r.v);
    assert_int_equal(g->is_read_only, 0);
    assert_string_equal(g->start, "");
    assert_string_equal(r.v->ops->key(r.v), "ED25519 SHA256:B");
    rig_close(&r);
}

static void
a_key_for_another_command_lets_nobody_in(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, "");
    r.command_of[0] = "/usr/bin/backup";
    rig_begin(&r);
    assert_step(&r, "query:A", 'D');
    assert_step(&r, "key:A", 'D');
    rig_close(&r);
}

static void
the_signature_covers_what_the_monitor_knows(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, "");
    rig_begin(&r);
    struct login_request q = request_of(LOGIN_KEY, "alice");
    set_key(&q, 'A');
    q.is_hostbound = 1;
    put(&r, &q);
    assert_int_equal(r.reply.verdict, LOGIN_ACCEPTED);
    assert_bytes_equal(bytes_of(r.last_key.session_id, r.last_key.session_id_len),
                       BYTES_LIT("exchange hash"));
    assert_bytes_equal(bytes_of(r.last_key.host_key, r.last_key.host_key_len),
                       BYTES_LIT("host key"));
    assert_string_equal(r.last_key.who.user, "alice");
    rig_close(&r);
}

static void
no_key_before_an_exchange_hash_was_signed(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, "");
    rig_begin(&r);
    r.session = (struct verdict_session){0};
    assert_step(&r, "key:A", '!');
    rig_close(&r);
}

/* threats K6; the steward looks at the key itself. */
static void
an_algorithm_that_is_not_accepted_is_not_asked_about(void **state)
{
    static const char *const algos[] = {"rsa-sha2-256", "ssh-rsa", "", "ssh-ed25519,",
                                        "ssh-ed25519-cert-v01@openssh.com"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(algos); i++) {
        struct rig r;
        rig_open(&r, "PubkeyAcceptedAlgorithms ssh-ed25519\n");
        rig_begin(&r);
        struct login_request q = request_of(LOGIN_KEY, "alice");
        set_key(&q, 'A');
        snprintf(q.algo, sizeof q.algo, "%s", algos[i]);
        put(&r, &q);
        assert_int_equal(r.reply.verdict, LOGIN_DENIED);
        assert_int_equal(r.n_asked[STEWARD_KEY], 0);
        rig_close(&r);
    }
}

/* ---- hostile processes ---- */

static void
another_user_on_the_same_connection_is_misuse(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, "");
    rig_begin(&r);
    assert_step(&r, "password:wrong", 'D');
    step_as(&r, "alicf", "password:right");
    assert_int_equal(letter_of(&r), '!');
    rig_close(&r);
}

static void
lengths_beyond_their_fields_are_misuse(void **state)
{
    struct login_request q = request_of(LOGIN_PASSWORD, "alice");
    struct {
        const char *what;
        uint32_t *length, value;
    } rows[] = {
        {"method", &q.method, 0},
        {"method", &q.method, LOGIN_KBDINT_ANSWER + 1},
        {"user", &q.user_len, ACCOUNT_NAME_MAX + 1},
        {"user", &q.user_len, UINT32_MAX},
        {"secret", &q.secret_len, SECRET_MAX + 1},
        {"answers", &q.n_answers, LOGIN_PROMPTS_MAX + 1},
        {"blob", &q.blob_len, KEY_BLOB_MAX + 1},
        {"signature", &q.signature_len, LOGIN_SIGNATURE_MAX + 1},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig r;
        rig_open(&r, "");
        rig_begin(&r);
        uint32_t kept = *rows[i].length;
        *rows[i].length = rows[i].value;
        put(&r, &q);
        if (letter_of(&r) != '!')
            fail_msg("%s %u: %c", rows[i].what, rows[i].value, letter_of(&r));
        *rows[i].length = kept;
        rig_close(&r);
    }
}

static void
an_unterminated_algorithm_is_misuse(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, "");
    rig_begin(&r);
    struct login_request q = request_of(LOGIN_KEY, "alice");
    set_key(&q, 'A');
    memset(q.algo, 'a', sizeof q.algo);
    put(&r, &q);
    assert_int_equal(letter_of(&r), '!');
    rig_close(&r);
}

static void
an_answer_to_another_question_changes_nothing(void **state)
{
    (void)state;
    struct rig r;
    enum verdict_progress progress;
    rig_open(&r, "");
    rig_begin(&r);
    struct login_request q = request_of(LOGIN_PASSWORD, "alice");
    q.secret_len = 5;
    memcpy(q.secret, "wrong", 5);
    assert_int_equal(r.v->ops->request(r.v, &r.session, &q, &r.reply, &progress),
                     ERR_NONE);
    assert_int_equal(progress, VERDICT_LATER);
    struct steward_answer forged = {
        .head = {.op = STEWARD_PASSWORD, .verdict = STEWARD_YES, .id = 999}};
    assert_int_equal(verdict_book_on_answer(r.v, &forged.head, &r.reply, &progress),
                     ERR_NONE);
    assert_int_equal(progress, VERDICT_LATER);
    assert_null(r.v->ops->grant(r.v));
    /* And a second request while one is under way is misuse. */
    assert_int_equal(r.v->ops->request(r.v, &r.session, &q, &r.reply, &progress),
                     ERR_PROTO);
    rig_close(&r);
}

/* ---- counting ---- */

static void
too_many_wrong_passwords_end_the_connection(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, "MaxAuthTries 3\n");
    rig_begin(&r);
    assert_step(&r, "none", 'D');
    assert_step(&r, "password:1", 'D');
    assert_step(&r, "kbd", '?');
    assert_step(&r, "answer:2", 'D');
    assert_step(&r, "forged:A", 'G');
    assert_int_equal(verdict_book_failure(r.v), LOGIN_FAILURE_AUTH);
    rig_close(&r);
}

static void
offers_of_keys_are_counted_apart(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, "MaxAuthTries 2\n");
    rig_begin(&r);
    for (int i = 0; i < 19; i++)
        assert_step(&r, "query:X", 'D');
    assert_step(&r, "query:X", 'G');
    rig_close(&r);
}

static void
more_requests_than_an_honest_process_sends_are_misuse(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, "");
    rig_begin(&r);
    for (int i = 0; i < LOGIN_REQUESTS_MAX; i++)
        assert_step(&r, "none", 'D');
    assert_step(&r, "none", '!');
    rig_close(&r);
}

static void
a_steward_that_cannot_tell_is_nobodys_failure(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, "");
    r.is_busy = true;
    rig_begin(&r);
    assert_step(&r, "password:right", 'D');
    assert_int_equal(verdict_book_failure(r.v), LOGIN_FAILURE_NONE);
    r.is_busy = false;
    assert_step(&r, "password:wrong", 'D');
    assert_int_equal(verdict_book_failure(r.v), LOGIN_FAILURE_AUTH);
    rig_close(&r);
}

/* ---- who may not log in ---- */

struct refused_row {
    const char *what, *config;
    void (*change)(struct rig *r);
    const char *said;
};

static void
be_unknown(struct rig *r)
{
    r->facts.kind = STEWARD_NOBODY;
}

static void
be_disabled(struct rig *r)
{
    r->facts.account.is_disabled = true;
}

static void
be_expired(struct rig *r)
{
    r->facts.account.expires = 1000;
}

static void
be_elsewhere(struct rig *r)
{
    snprintf(r->facts.account.networks, sizeof r->facts.account.networks, "10.0.0.0/8");
}

static void
be_in_group(struct rig *r)
{
    r->facts.n_group_names = 1;
    snprintf(r->facts.group_names, sizeof r->facts.group_names, "partners");
}

static void
change_nothing(struct rig *r)
{
    (void)r;
}

static void
be_system(struct rig *r, uint32_t uid)
{
    r->facts.kind = STEWARD_SYSTEM;
    r->facts.has_ids = r->facts.is_shell_usable = 1;
    r->facts.uid = r->facts.gid = uid;
    snprintf(r->facts.home, sizeof r->facts.home, "/home/alice");
}

static void
be_root(struct rig *r)
{
    be_system(r, 0);
}

static void
be_without_shell(struct rig *r)
{
    be_system(r, 1000);
    r->facts.is_shell_usable = 0;
}

static void
be_locked(struct rig *r)
{
    be_system(r, 1000);
    r->facts.is_locked = 1;
}

static void
be_out_of_date(struct rig *r)
{
    be_system(r, 1000);
    r->facts.is_expired = 1;
}

static void
be_nologin(struct rig *r)
{
    be_system(r, 1000);
    r->facts.is_nologin = 1;
}

static const struct refused_row refused_rows[] = {
    {"unknown", "", be_unknown, "Invalid user alice from 192.0.2.7 port 4711"},
    {"disabled", "", be_disabled, "not allowed because the account is disabled"},
    {"expired", "", be_expired, "not allowed because the account has expired"},
    {"networks", "", be_elsewhere, "the address is not in the account's networks"},
    {"DenyUsers", "DenyUsers bob ali*\n", change_nothing,
     "User alice from 192.0.2.7 not allowed because listed in DenyUsers"},
    {"DenyUsers at", "DenyUsers alice@192.0.2.0/24\n", change_nothing, "in DenyUsers"},
    {"AllowUsers", "AllowUsers bob\n", change_nothing,
     "User alice from 192.0.2.7 not allowed because not listed in AllowUsers"},
    {"AllowUsers at", "AllowUsers alice@10.*\n", change_nothing, "in AllowUsers"},
    {"DenyGroups", "DenyGroups part*\n", be_in_group, "a group is listed in DenyGroups"},
    {"AllowGroups", "AllowGroups staff\n", be_in_group,
     "none of user's groups are listed in AllowGroups"},
    {"AllowGroups none", "AllowGroups staff\n", change_nothing, "not in any group"},
    {"root", "PermitRootLogin no\n", be_root, "root may not log in"},
    {"shell", "", be_without_shell, "its shell does not exist"},
    {"locked", "", be_locked, "account is locked"},
    {"out of date", "", be_out_of_date, "account has expired"},
    {"nologin", "", be_nologin, "/etc/nologin exists"},
};

/* Also threats A4: the same words as for somebody who may, but mistyped. */
static void
whoever_may_not_log_in_is_denied_like_a_wrong_password(void **state)
{
    static const char *const steps[] = {"none", "password:right", "query:A", "key:A",
                                        "kbd",  "answer:right"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refused_rows); i++) {
        const struct refused_row *row = &refused_rows[i];
        struct rig known, refused;
        rig_open(&known, "");
        rig_begin(&known);
        known.password = "something else";
        known.keys = "";
        rig_open(&refused, row->config);
        row->change(&refused);
        rig_begin(&refused);
        for (size_t s = 0; s < ARRAY_LEN(steps); s++) {
            step(&known, steps[s]);
            step(&refused, steps[s]);
            if (letter_of(&known) != letter_of(&refused) ||
                strcmp(known.reply.methods, refused.reply.methods) != 0 ||
                known.reply.n_prompts != refused.reply.n_prompts ||
                (known.reply.n_prompts != 0 &&
                 strcmp(known.reply.prompt[0].text, refused.reply.prompt[0].text) != 0))
                fail_msg("%s: %s tells them apart: %c %s", row->what, steps[s],
                         letter_of(&refused), refused.reply.methods);
            assert_int_equal(refused.reply.is_valid_user, 0);
        }
        /* The password was checked, against nobody's. */
        assert_int_equal(refused.n_asked[STEWARD_PASSWORD], 2);
        assert_int_equal(refused.last_who.kind, STEWARD_NOBODY);
        assert_int_equal(verdict_book_failure(refused.v), LOGIN_FAILURE_BAD_USER);
        if (!strstr(refused.said, row->said))
            fail_msg("%s: the log says %s", row->what, refused.said);
        rig_close(&known);
        rig_close(&refused);
    }
}

/* threats A9 */
static void
names_that_no_account_can_have_are_not_looked_up(void **state)
{
    static const struct {
        const char *name;
        uint32_t n;
    } rows[] = {
        {"", 0},     {"-rf", 3},      {".", 1},      {"..", 2},        {"a/b", 3},
        {"a\0b", 3}, {"a b", 3},      {"a\nb", 3},   {"$(id)", 5},     {"a;b", 3},
        {"a%u", 3},  {"\xc3\xa4", 2}, {"a\\b", 3},   {"../../etc", 9}, {"a'b", 3},
        {"a\"b", 3}, {"a`b", 3},      {"root\0", 5}, {"a:b", 3},       {"\x1b[2J", 4},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig r;
        rig_open(&r, "");
        rig_begin(&r);
        struct login_request q = {.method = LOGIN_PASSWORD, .secret_len = 5};
        q.user_len = rows[i].n;
        memcpy(q.user, rows[i].name, rows[i].n);
        memcpy(q.secret, "right", 5);
        put(&r, &q);
        assert_int_equal(r.err, ERR_NONE);
        assert_int_equal(r.reply.verdict, LOGIN_DENIED);
        assert_int_equal(r.n_asked[STEWARD_LOOKUP], 0);
        assert_int_equal(r.n_asked[STEWARD_PASSWORD], 1);
        assert_string_equal(r.last_who.user, "");
        assert_null(strchr(r.said, 0x1b));
        rig_close(&r);
    }
}

/* threats A4 */
static void
a_refusal_waits_a_time_that_is_the_users_own(void **state)
{
    struct rig a, b;
    uint32_t first;
    (void)state;
    rig_open(&a, "");
    rig_begin(&a);
    assert_step(&a, "none", 'D');
    assert_int_equal(a.reply.delay_ms, 0);
    assert_step(&a, "password:wrong", 'D');
    first = a.reply.delay_ms;
    assert_true(first >= 5);
    rig_close(&a);
    /* Another generation's key makes another time of it, for some of a few names. */
    unsigned n_different = 0;
    for (int i = 0; i < 16; i++) {
        char name[16];
        uint32_t delays[2];
        snprintf(name, sizeof name, "user%d", i);
        for (int generation = 0; generation < 2; generation++) {
            rig_open(&b, "");
            b.world.delay_key[0] = (uint8_t)generation;
            rig_begin(&b);
            step_as(&b, name, "password:wrong");
            delays[generation] = b.reply.delay_ms;
            assert_true(delays[generation] >= 5);
            rig_close(&b);
        }
        n_different += delays[0] != delays[1];
    }
    assert_true(n_different > 0);
}

/* ---- system accounts ---- */

static void
roots_password_does_not_count_when_prohibited(void **state)
{
    static const struct {
        const char *value;
        char password, key;
    } rows[] = {
        {"yes", 'A', 'A'},
        {"prohibit-password", 'D', 'A'},
        {"forced-commands-only", 'D', 'A'},
        {"no", 'D', 'D'},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (int with_key = 0; with_key < 2; with_key++) {
            char config[128];
            struct rig r;
            snprintf(config, sizeof config, "PermitRootLogin %s\n", rows[i].value);
            rig_open(&r, config);
            be_root(&r);
            rig_begin(&r);
            assert_step(&r, with_key ? "key:A" : "password:right",
                        with_key ? rows[i].key : rows[i].password);
            rig_close(&r);
        }
    }
}

static void
pam_asks_and_is_answered(void **state)
{
    struct rig r;
    (void)state;
    rig_open(&r, "UsePAM yes\n");
    be_system(&r, 1000);
    rig_begin(&r);
    assert_step(&r, "kbd", '?');
    assert_int_equal(r.reply.n_prompts, 2);
    assert_string_equal(r.reply.prompt[1].text, "Token: ");
    struct login_request q = request_of(LOGIN_KBDINT_ANSWER, "alice");
    q.n_answers = 2;
    q.answer[0].len = 5;
    memcpy(q.answer[0].text, "right", 5);
    put(&r, &q);
    assert_int_equal(letter_of(&r), 'A');
    assert_int_equal(r.n_asked[STEWARD_ADMIT], 1);
    rig_close(&r);
}

static void
a_dialogue_of_pam_that_is_abandoned_is_ended(void **state)
{
    struct rig r;
    (void)state;
    rig_open(&r, "UsePAM yes\n");
    be_system(&r, 1000);
    rig_begin(&r);
    assert_step(&r, "kbd", '?');
    assert_step(&r, "password:right", 'A');
    assert_int_equal(r.n_asked[STEWARD_PAM_END], 1);
    rig_close(&r);
}

static void
what_stands_against_it_at_the_end_counts(void **state)
{
    struct rig r;
    (void)state;
    rig_open(&r, "");
    r.admits_nobody = true;
    rig_begin(&r);
    assert_step(&r, "password:right", 'D');
    assert_step(&r, "password:right", 'D');
    assert_int_equal(r.n_asked[STEWARD_ADMIT], 1);
    rig_close(&r);
}

/* ---- grants ---- */

static void
an_account_without_a_root_directory_is_denied(void **state)
{
    struct rig r;
    (void)state;
    rig_open(&r, "");
    r.facts.account.root[0] = 0;
    rig_begin(&r);
    assert_step(&r, "password:right", 'D');
    assert_non_null(strstr(r.said, "no root directory"));
    rig_close(&r);
}

static void
match_blocks_know_user_group_and_address(void **state)
{
    struct rig r;
    (void)state;
    rig_open(&r, "Banner /etc/banner\n"
                 "Match User alice Group partners Address 192.0.2.0/24\n"
                 "  ReadOnly yes\n"
                 "Match Address 10.0.0.0/8\n"
                 "  Banner none\n");
    be_in_group(&r);
    rig_begin(&r);
    assert_string_equal(r.v->ops->banner(r.v), "Welcome\n");
    assert_step(&r, "password:right", 'A');
    assert_int_equal(r.v->ops->grant(r.v)->is_read_only, 1);
    assert_string_equal(r.v->ops->grant(r.v)->root, "/srv/alice");
    rig_close(&r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains_let_in_when_shown_in_full_and_in_order),
        cmocka_unit_test(methods_that_can_continue_follow_the_chains),
        cmocka_unit_test(restrictions_of_all_factors_hold_together),
        cmocka_unit_test(a_key_that_did_not_verify_brings_nothing_along),
        cmocka_unit_test(a_key_for_another_command_lets_nobody_in),
        cmocka_unit_test(the_signature_covers_what_the_monitor_knows),
        cmocka_unit_test(no_key_before_an_exchange_hash_was_signed),
        cmocka_unit_test(an_algorithm_that_is_not_accepted_is_not_asked_about),
        cmocka_unit_test(another_user_on_the_same_connection_is_misuse),
        cmocka_unit_test(lengths_beyond_their_fields_are_misuse),
        cmocka_unit_test(an_unterminated_algorithm_is_misuse),
        cmocka_unit_test(an_answer_to_another_question_changes_nothing),
        cmocka_unit_test(too_many_wrong_passwords_end_the_connection),
        cmocka_unit_test(offers_of_keys_are_counted_apart),
        cmocka_unit_test(a_steward_that_cannot_tell_is_nobodys_failure),
        cmocka_unit_test(more_requests_than_an_honest_process_sends_are_misuse),
        cmocka_unit_test(whoever_may_not_log_in_is_denied_like_a_wrong_password),
        cmocka_unit_test(names_that_no_account_can_have_are_not_looked_up),
        cmocka_unit_test(a_refusal_waits_a_time_that_is_the_users_own),
        cmocka_unit_test(roots_password_does_not_count_when_prohibited),
        cmocka_unit_test(pam_asks_and_is_answered),
        cmocka_unit_test(a_dialogue_of_pam_that_is_abandoned_is_ended),
        cmocka_unit_test(what_stands_against_it_at_the_end_counts),
        cmocka_unit_test(an_account_without_a_root_directory_is_denied),
        cmocka_unit_test(match_blocks_know_user_group_and_address),
    };
    return crypto_init() == ERR_NONE ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
