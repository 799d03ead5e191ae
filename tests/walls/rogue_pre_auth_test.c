/*
 * A pre-authentication process that its peer has taken over (threats A1, A5, S2,
 * T7; doc/SECURITY.md): it speaks the monitor's protocol in every order, with
 * honest and hostile bodies, to a real monitor process as `ferryd serve` and as
 * `ferryd run` have it. A model says what each message has to come to; it gains
 * nothing that the factors it shows would not give it anyhow.
 */
#include "rogue_rig.h"

#include <dirent.h>

/* ---- what may be sent ---- */

enum effect {
    MISUSE, /* never in order */
    GREETS,
    SIGNS,
    NAMES, /* what the client calls itself */
    /* Logins. */
    LOOKS,   /* denied, not counted */
    MATCHES, /* the query of a key that would do */
    FAILS,   /* denied, counted */
    PROMPTS, /* keyboard-interactive begins */
    ANSWERS, /* a wrong answer */
    LOGS_IN,
};

struct symbol {
    const char *name;
    enum effect effect;
    char user; /* of a login: whose name it bears */
    const void *(*make)(const struct rogue *c, size_t *n);
};

static const void *
op(uint32_t number, size_t *n)
{
    static union monitor_request r;
    memset(&r, 0, sizeof r);
    r.op = number;
    *n = monitor_request_size(number);
    return &r;
}

#define MESSAGE(name) static const void *name(const struct rogue *c, size_t *n)

MESSAGE(proxied)
{
    static struct monitor_proxied r = {.op = MONITOR_PROXIED, .address = "192.0.2.99"};
    (void)c;
    *n = sizeof r;
    return &r;
}

MESSAGE(hello)
{
    (void)c;
    return op(MONITOR_HELLO, n);
}

static const void *
client_of(const char *text, size_t *n)
{
    static struct monitor_client_name r;
    r = (struct monitor_client_name){.op = MONITOR_CLIENT};
    memset(r.text, 0, sizeof r.text);
    memcpy(r.text, text, strlen(text));
    *n = sizeof r;
    return &r;
}

MESSAGE(client)
{
    (void)c;
    return client_of("SSH-2.0-rogue", n);
}

MESSAGE(client_without_text)
{
    (void)c;
    return client_of("", n);
}

MESSAGE(client_with_control)
{
    (void)c;
    return client_of("SSH-2.0-\x1b[2J", n);
}

MESSAGE(client_without_end)
{
    static struct monitor_client_name r = {.op = MONITOR_CLIENT};
    (void)c;
    memset(r.text, 'x', sizeof r.text);
    *n = sizeof r;
    return &r;
}

static const void *
sign_with(const struct rogue *c, uint32_t key, uint32_t octets, const char *algo,
          size_t *n)
{
    static struct monitor_sign_request r;
    r = rogue_sign(c, octets);
    r.key = key;
    memset(r.algo, 0, sizeof r.algo);
    memcpy(r.algo, algo, strlen(algo) < sizeof r.algo ? strlen(algo) : sizeof r.algo);
    *n = sizeof r;
    return &r;
}

MESSAGE(sign)
{
    return sign_with(c, 0, 32, "ssh-ed25519", n);
}

MESSAGE(sign_text)
{
    return sign_with(c, 0, 33, "ssh-ed25519", n);
}

MESSAGE(sign_nothing)
{
    return sign_with(c, 0, 0, "ssh-ed25519", n);
}

MESSAGE(sign_beyond)
{
    return sign_with(c, 0, UINT32_MAX, "ssh-ed25519", n);
}

MESSAGE(sign_other_key)
{
    return sign_with(c, 1U << 31, 32, "ssh-ed25519", n);
}

MESSAGE(sign_other_algo)
{
    return sign_with(c, 0, 32, "rsa-sha2-256", n);
}

MESSAGE(sign_unknown_algo)
{
    return sign_with(c, 0, 32, "none", n);
}

static const void *
login(struct monitor_login_request *r, size_t *n)
{
    *n = sizeof *r;
    return r;
}

MESSAGE(login_none)
{
    (void)c;
    return login(rogue_login(LOGIN_NONE, "alice"), n);
}

MESSAGE(login_none_bob)
{
    (void)c;
    return login(rogue_login(LOGIN_NONE, "bob"), n);
}

MESSAGE(login_empty_password)
{
    (void)c;
    return login(rogue_password("alice", ""), n);
}

static const void *
query(const struct privkey *key, const char *user, size_t *n)
{
    struct monitor_login_request *r = rogue_key(user, key, NULL, NULL, (struct bytes){0});
    r->login.method = LOGIN_KEY_QUERY;
    return login(r, n);
}

MESSAGE(query_known)
{
    return query(c->rig->alice, "alice", n);
}

MESSAGE(query_foreign)
{
    return query(c->rig->mallory, "alice", n);
}

/* user, key, signer, whose name and which session was signed. */
static const void *
key_login(const char *user, const struct privkey *key, const struct privkey *signer,
          const char *signed_user, struct bytes session_id, size_t *n)
{
    return login(rogue_key(user, key, signer, signed_user, session_id), n);
}

static struct bytes
session_of(const struct rogue *c)
{
    return bytes_of(c->session_id, sizeof c->session_id);
}

MESSAGE(key_unsigned)
{
    return key_login("alice", c->rig->alice, NULL, NULL, session_of(c), n);
}

MESSAGE(key_signed_by_another)
{
    return key_login("alice", c->rig->alice, c->rig->mallory, "alice", session_of(c), n);
}

MESSAGE(key_signed_for_bob)
{
    return key_login("alice", c->rig->alice, c->rig->alice, "bob", session_of(c), n);
}

MESSAGE(key_of_another_session)
{
    static const uint8_t other[32] = {1, 2, 3};
    return key_login("alice", c->rig->alice, c->rig->alice, "alice",
                     bytes_of(other, sizeof other), n);
}

MESSAGE(key_of_no_session)
{
    return key_login("alice", c->rig->alice, c->rig->alice, "alice", (struct bytes){0},
                     n);
}

MESSAGE(key_foreign)
{
    return key_login("alice", c->rig->mallory, c->rig->mallory, "alice", session_of(c),
                     n);
}

/* A plain signature that is said to be bound to the host key. */
MESSAGE(key_not_hostbound)
{
    struct monitor_login_request *r =
        rogue_key("alice", c->rig->alice, c->rig->alice, "alice", session_of(c));
    r->login.is_hostbound = 1;
    return login(r, n);
}

MESSAGE(key_for_bob)
{
    return key_login("bob", c->rig->alice, c->rig->alice, "bob", session_of(c), n);
}

MESSAGE(key_right)
{
    return key_login("alice", c->rig->alice, c->rig->alice, "alice", session_of(c), n);
}

MESSAGE(kbdint)
{
    (void)c;
    return login(rogue_login(LOGIN_KBDINT, "alice"), n);
}

MESSAGE(kbdint_empty_answer)
{
    (void)c;
    return login(rogue_answer("alice", ""), n);
}

MESSAGE(login_long_user)
{
    struct monitor_login_request *r = rogue_login(LOGIN_NONE, "alice");
    (void)c;
    r->login.user_len = UINT32_MAX;
    return login(r, n);
}

MESSAGE(login_long_blob)
{
    struct monitor_login_request *r = rogue_login(LOGIN_KEY_QUERY, "alice");
    (void)c;
    r->login.blob_len = KEY_BLOB_MAX + 1;
    return login(r, n);
}

MESSAGE(login_long_signature)
{
    struct monitor_login_request *r = rogue_login(LOGIN_KEY, "alice");
    (void)c;
    r->login.signature_len = LOGIN_SIGNATURE_MAX + 1;
    return login(r, n);
}

MESSAGE(login_many_answers)
{
    struct monitor_login_request *r = rogue_login(LOGIN_KBDINT_ANSWER, "alice");
    (void)c;
    r->login.n_answers = LOGIN_PROMPTS_MAX + 1;
    return login(r, n);
}

MESSAGE(login_endless_algo)
{
    struct monitor_login_request *r = rogue_login(LOGIN_KEY_QUERY, "alice");
    (void)c;
    memset(r->login.algo, 'x', sizeof r->login.algo);
    return login(r, n);
}

MESSAGE(login_unknown_method)
{
    (void)c;
    return login(rogue_login(LOGIN_KBDINT_ANSWER + 1, "alice"), n);
}

MESSAGE(login_too_short)
{
    const void *r = login_none(c, n);
    *n -= 1;
    return r;
}

MESSAGE(login_too_long)
{
    static uint8_t longer[sizeof(struct monitor_login_request) + 64];
    memcpy(longer, login_none(c, n), *n);
    *n = sizeof longer;
    return longer;
}

MESSAGE(grant)
{
    (void)c;
    return op(MONITOR_GRANT, n);
}

MESSAGE(prove)
{
    (void)c;
    return op(MONITOR_PROVE, n);
}

MESSAGE(charge)
{
    (void)c;
    return op(MONITOR_CHARGE, n);
}

MESSAGE(recounted)
{
    (void)c;
    return op(MONITOR_RECOUNTED, n);
}

MESSAGE(record)
{
    (void)c;
    return op(MONITOR_RECORD, n);
}

MESSAGE(name)
{
    (void)c;
    return op(MONITOR_NAME, n);
}

MESSAGE(leave)
{
    (void)c;
    return op(MONITOR_LEAVE, n);
}

MESSAGE(no_op)
{
    const void *r = op(0, n);
    (void)c;
    *n = 4;
    return r;
}

MESSAGE(op_beyond)
{
    static const uint32_t beyond = UINT32_MAX;
    (void)c;
    *n = sizeof beyond;
    return &beyond;
}

MESSAGE(one_octet)
{
    const void *r = op(MONITOR_HELLO, n);
    (void)c;
    *n = 1;
    return r;
}

static const struct symbol symbols[] = {
    {"HELLO", GREETS, 0, hello},
    {"SIGN", SIGNS, 0, sign},
    {"CLIENT", NAMES, 0, client},
    {"CLIENT without text", NAMES, 0, client_without_text},
    {"LOGIN none", LOOKS, 'a', login_none},
    {"LOGIN none of bob", LOOKS, 'b', login_none_bob},
    {"LOGIN empty password", FAILS, 'a', login_empty_password},
    {"LOGIN query of the key", MATCHES, 'a', query_known},
    {"LOGIN query of a foreign key", LOOKS, 'a', query_foreign},
    {"LOGIN key unsigned", FAILS, 'a', key_unsigned},
    {"LOGIN key signed by another", FAILS, 'a', key_signed_by_another},
    {"LOGIN key signed for bob", FAILS, 'a', key_signed_for_bob},
    {"LOGIN key of another session", FAILS, 'a', key_of_another_session},
    {"LOGIN key of no session", FAILS, 'a', key_of_no_session},
    {"LOGIN foreign key", FAILS, 'a', key_foreign},
    {"LOGIN key said to be host-bound", FAILS, 'a', key_not_hostbound},
    {"LOGIN alice's key for bob", FAILS, 'b', key_for_bob},
    {"LOGIN key", LOGS_IN, 'a', key_right},
    {"LOGIN keyboard-interactive", PROMPTS, 'a', kbdint},
    {"LOGIN empty answer", ANSWERS, 'a', kbdint_empty_answer},
    /* From here on nothing an honest process sends. */
    {"PROXIED", MISUSE, 0, proxied},
    {"CLIENT with a control character", MISUSE, 0, client_with_control},
    {"CLIENT without an end", MISUSE, 0, client_without_end},
    {"SIGN 33 octets", MISUSE, 0, sign_text},
    {"SIGN 0 octets", MISUSE, 0, sign_nothing},
    {"SIGN 4 GiB", MISUSE, 0, sign_beyond},
    {"SIGN with no such key", MISUSE, 0, sign_other_key},
    {"SIGN with another kind's algorithm", MISUSE, 0, sign_other_algo},
    {"SIGN with an unknown algorithm", MISUSE, 0, sign_unknown_algo},
    {"LOGIN with a long user", MISUSE, 'a', login_long_user},
    {"LOGIN with a long key", MISUSE, 'a', login_long_blob},
    {"LOGIN with a long signature", MISUSE, 'a', login_long_signature},
    {"LOGIN with many answers", MISUSE, 'a', login_many_answers},
    {"LOGIN with an endless algorithm", MISUSE, 'a', login_endless_algo},
    {"LOGIN with an unknown method", MISUSE, 'a', login_unknown_method},
    {"LOGIN too short", MISUSE, 'a', login_too_short},
    {"LOGIN too long", MISUSE, 'a', login_too_long},
    {"GRANT", MISUSE, 0, grant},
    {"PROVE", MISUSE, 0, prove},
    {"CHARGE", MISUSE, 0, charge},
    {"RECOUNTED", MISUSE, 0, recounted},
    {"RECORD", MISUSE, 0, record},
    {"NAME", MISUSE, 0, name},
    {"LEAVE", MISUSE, 0, leave},
    {"op 0", MISUSE, 0, no_op},
    {"op 4294967295", MISUSE, 0, op_beyond},
    {"one octet", MISUSE, 0, one_octet},
};

enum { SYMBOLS = ARRAY_LEN(symbols), TRIES = 6 };

/* ---- the model ---- */

enum outcome { ENDS, YES, DENIED, GONE, WOULD_DO, ASKED, IN };

struct model {
    enum rogue_kind kind;
    bool is_greeted, is_signed, is_named, is_prompted, is_in;
    char user;
    unsigned n_failures;
};

static bool
once(bool *flag, bool may)
{
    bool is_first = may && !*flag;
    *flag = true;
    return is_first;
}

static enum outcome
failure(struct model *m)
{
    return ++m->n_failures >= TRIES && m->kind == ROGUE_RUN ? GONE : DENIED;
}

static enum outcome
predict_login(struct model *m, const struct symbol *s)
{
    bool was_prompted = m->is_prompted;
    bool is_other = m->user && m->user != s->user;
    m->is_prompted = false;
    m->user = s->user;
    /* `ferryd serve` knows one name: every other is just wrong. */
    if (m->kind == ROGUE_RUN &&
        (is_other || m->n_failures >= TRIES || (s->effect == ANSWERS && !was_prompted)))
        return ENDS;
    switch (s->effect) {
    case LOOKS:
        return DENIED;
    case MATCHES:
        return WOULD_DO;
    case PROMPTS:
        m->is_prompted = true;
        return ASKED;
    case LOGS_IN:
        m->is_in = true;
        return IN;
    default:
        return failure(m);
    }
}

static enum outcome
predict(struct model *m, const struct symbol *s)
{
    if (m->is_in || s->effect == MISUSE)
        return ENDS;
    switch (s->effect) {
    case GREETS:
        return once(&m->is_greeted, true) ? YES : ENDS;
    case SIGNS:
        return once(&m->is_signed, m->is_greeted) ? YES : ENDS;
    case NAMES:
        return once(&m->is_named, true) ? YES : ENDS;
    default:
        return m->is_signed ? predict_login(m, s) : ENDS;
    }
}

/* ---- sequences ---- */

static enum outcome
outcome_of(const struct rogue *c, bool is_answered)
{
    static const enum outcome verdicts[] = {
        [LOGIN_DENIED] = DENIED, [LOGIN_PARTIAL] = IN, [LOGIN_PROMPT] = ASKED,
        [LOGIN_ACCEPTED] = IN,   [LOGIN_GONE] = GONE,
    };
    if (!is_answered)
        return ENDS;
    if (c->reply.op != MONITOR_LOGIN)
        return c->reply.verdict == 1 ? YES : DENIED;
    enum outcome o = verdicts[c->reply.login.verdict % ARRAY_LEN(verdicts)];
    return o == IN && c->n_accepted == 0 ? WOULD_DO : o;
}

/* What holds whatever was sent. */
static bool
gained_nothing(const struct rogue *c, const struct model *m, enum outcome last)
{
    return c->n_accepted == m->is_in && c->n_misused == (last == ENDS) &&
           c->n_identified <= 1 &&
           (c->n_accepted == 0 || strcmp(c->accepted.account, "alice") == 0);
}

static void
complain(const uint8_t *sequence, size_t n, enum outcome expected, enum outcome got,
         const struct rogue *c)
{
    for (size_t i = 0; i < n; i++)
        print_error("%s%s", i ? ", " : "", symbols[sequence[i]].name);
    fail_msg(": outcome %d instead of %d; accepted %u, misused %u, identified %u", got,
             expected, c->n_accepted, c->n_misused, c->n_identified);
}

/* The number of messages until the connection was ended; n + 1: it lives. */
static size_t
run(struct rig *r, const uint8_t *sequence, size_t n)
{
    struct rogue c;
    struct model m = {.kind = r->kind};
    size_t i = 0;
    enum outcome expected = YES;
    rogue_enter(r, &c);
    memcpy(c.session_id, &c.id, sizeof c.id);
    while (i < n && expected != ENDS) {
        const struct symbol *s = &symbols[sequence[i++]];
        size_t size;
        const void *message = s->make(&c, &size);
        expected = predict(&m, s);
        enum outcome got = outcome_of(&c, rogue_ask(&c, MONITOR_PRE_AUTH, message, size));
        if (got != expected || !gained_nothing(&c, &m, got))
            complain(sequence, i, expected, got, &c);
    }
    rogue_leave(&c);
    return expected == ENDS ? i : n + 1;
}

/* A connection that was there before and is served behind everything. */
static void
serve_bystander(struct rogue *bystander)
{
    rogue_become_session(bystander, "alice");
    assert_true(rogue_ask_op(bystander, MONITOR_SESSION, MONITOR_GRANT));
    assert_string_equal(bystander->reply.grant.user, "alice");
    rogue_leave(bystander);
}

/* All sequences whose beginnings live, as an odometer whose wheels skip what
 * would only repeat an end. */
static unsigned
run_all(struct rig *r, size_t length)
{
    uint8_t sequence[8] = {0};
    unsigned n_run = 0;
    for (;;) {
        size_t end = run(r, sequence, length);
        size_t at = (end > length ? length : end) - 1;
        n_run++;
        while (sequence[at] == SYMBOLS - 1) {
            if (at == 0)
                return n_run;
            at--;
        }
        sequence[at]++;
        memset(sequence + at + 1, 0, sizeof sequence - at - 1);
    }
}

static void
every_order(void **state)
{
    struct rig *r = *state;
    struct rogue bystander;
    rogue_enter_to_stay(r, &bystander);
    unsigned n = run_all(r, 4);
    print_message("%u sequences\n", n);
    assert_true(n > 1000);
    serve_bystander(&bystander);
}

/* xorshift64: the same sequences everywhere. */
static uint64_t
next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void
random_orders(void **state)
{
    enum { ROUNDS = 10000, LENGTH = 14 }; /* of each kind */
    struct rig *r = *state;
    struct rogue bystander;
    uint64_t seed = 0x5eed0fa11 + r->kind;
    rogue_enter_to_stay(r, &bystander);
    for (int round = 0; round < ROUNDS; round++) {
        uint8_t sequence[LENGTH] = {0, 1};
        bool is_deep = next_random(&seed) % 8 != 0;
        for (size_t i = is_deep ? 2 : 0; i < LENGTH; i++) {
            bool is_honest = next_random(&seed) % 8 != 0;
            sequence[i] = (uint8_t)(is_honest ? next_random(&seed) % 20
                                              : next_random(&seed) % SYMBOLS);
        }
        (void)run(r, sequence, 1 + next_random(&seed) % LENGTH);
    }
    serve_bystander(&bystander);
}

/* ---- single properties ---- */

static void
requests_are_counted(void **state)
{
    struct rogue c;
    rogue_enter(*state, &c);
    rogue_begin(&c);
    for (int i = 0; i < LOGIN_REQUESTS_MAX; i++)
        assert_true(rogue_send_login(&c, rogue_login(LOGIN_NONE, "alice")));
    assert_false(rogue_send_login(&c, rogue_login(LOGIN_NONE, "alice")));
    assert_int_equal(c.n_misused, 1);
    rogue_leave(&c);
}

static void
T7_one_signature_before_the_login(void **state)
{
    struct rogue c;
    rogue_enter(*state, &c);
    rogue_begin(&c);
    assert_true(c.reply.signature.n > 0);
    assert_true(rogue_send_login(&c, rogue_login(LOGIN_NONE, "alice")));
    const struct monitor_sign_request again = rogue_sign(&c, 32);
    assert_false(rogue_ask(&c, MONITOR_PRE_AUTH, &again, sizeof again));
    assert_int_equal(c.n_misused, 1);
    rogue_leave(&c);
}

/* Two at once: whatever the answer to the first, none comes. */
static void
a_second_request_before_the_answer_ends_it(void **state)
{
    struct rig *r = *state;
    struct rogue c;
    rogue_enter(r, &c);
    rogue_begin(&c);
    rogue_put(&c, MONITOR_PRE_AUTH, rogue_password("alice", ALICE_PASSWORD),
              sizeof(struct monitor_login_request));
    rogue_put(&c, MONITOR_PRE_AUTH, rogue_login(LOGIN_NONE, "alice"),
              sizeof(struct monitor_login_request));
    while (rogue_await(&c, MONITOR_PRE_AUTH))
        ;
    c.n_misused = 0; /* look for what comes behind it */
    rogue_take_notices(&c, 500);
    assert_int_equal(c.n_accepted, r->kind == ROGUE_SERVE);
    rogue_leave(&c);
}

static unsigned
count_descriptors(pid_t pid)
{
    char path[64];
    unsigned n = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *dir = opendir(path);
    if (!dir)
        skip(); /* the monitor cannot be looked at but by root */
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

/* The walls forbid it; where the kernel has no filter it still comes to nothing. */
static void
descriptors_that_come_along_are_not_kept(void **state)
{
    struct rig *r = *state;
    struct rogue c;
    const struct monitor_ask first = {MONITOR_HELLO};
    rogue_enter(r, &c);
    assert_true(rogue_ask(&c, MONITOR_PRE_AUTH, &first, sizeof first));
    unsigned before = count_descriptors(r->monitor);
    const struct monitor_sign_request request = rogue_sign(&c, 32);
    const int fds[LINK_FDS_MAX] = {0, 1, 2, c.fd[MONITOR_PRE_AUTH]};
    assert_int_equal(link_send_fds(c.fd[MONITOR_PRE_AUTH], &request, sizeof request, fds,
                                   LINK_FDS_MAX),
                     ERR_NONE);
    (void)rogue_await(&c, MONITOR_PRE_AUTH);
    assert_true(count_descriptors(r->monitor) <= before);
    rogue_leave(&c);
}

static void
the_session_end_is_shut_before_the_login(void **state)
{
    for (uint32_t number = 0; number < MONITOR_OPS + 2; number++) {
        struct rogue c;
        size_t n;
        rogue_enter(*state, &c);
        rogue_begin(&c);
        rogue_enter_session(&c);
        const void *message = op(number, &n);
        assert_false(rogue_ask(&c, MONITOR_SESSION, message, n ? n : 4));
        assert_int_equal(c.n_misused, 1);
        assert_int_equal(c.n_accepted, 0);
        rogue_leave(&c);
    }
}

/* ---- of `ferryd run` ---- */

static void
A5_the_user_cannot_be_changed(void **state)
{
    struct rogue c;
    rogue_enter(*state, &c);
    rogue_begin(&c);
    assert_true(rogue_send_login(&c, rogue_login(LOGIN_NONE, "bob")));
    assert_false(rogue_send_login(&c, rogue_password("alice", ALICE_PASSWORD)));
    assert_int_equal(c.n_misused, 1);
    assert_int_equal(c.n_accepted, 0);
    rogue_leave(&c);
}

static void
show_bobs_key(struct rogue *c)
{
    const struct privkey *key = c->rig->bob;
    rogue_begin(c);
    assert_true(rogue_send_login(c, rogue_key("bob", key, key, "bob", session_of(c))));
    assert_int_equal(c->reply.login.verdict, LOGIN_PARTIAL);
    assert_int_equal(c->n_accepted, 0);
}

/* bob's key was right. That is worth nothing to alice, to another connection, or
 * twice. */
static void
a_partial_success_counts_for_nobody_else(void **state)
{
    struct rogue c, other;
    rogue_enter(*state, &c);
    show_bobs_key(&c);
    rogue_enter(*state, &other);
    rogue_begin(&other);
    assert_true(rogue_send_login(&other, rogue_password("bob", BOB_PASSWORD)));
    assert_int_equal(other.reply.login.verdict, LOGIN_DENIED);
    rogue_leave(&other);
    assert_true(rogue_send_login(
        &c, rogue_key("bob", c.rig->bob, c.rig->bob, "bob", session_of(&c))));
    assert_int_equal(c.reply.login.verdict, LOGIN_DENIED);
    assert_true(rogue_send_login(&c, rogue_password("bob", ALICE_PASSWORD)));
    assert_int_equal(c.reply.login.verdict, LOGIN_DENIED);
    assert_false(rogue_ask_op(&c, MONITOR_PRE_AUTH, MONITOR_GRANT));
    assert_int_equal(c.n_accepted, 0);
    rogue_leave(&c);

    rogue_enter(*state, &c);
    show_bobs_key(&c);
    assert_false(rogue_send_login(&c, rogue_password("alice", BOB_PASSWORD)));
    assert_int_equal(c.n_accepted, 0);
    rogue_leave(&c);
}

static void
both_factors_let_bob_in(void **state)
{
    struct rogue c;
    rogue_enter(*state, &c);
    show_bobs_key(&c);
    assert_true(rogue_send_login(&c, rogue_password("bob", BOB_PASSWORD)));
    assert_int_equal(c.reply.login.verdict, LOGIN_ACCEPTED);
    assert_int_equal(c.n_accepted, 1);
    assert_string_equal(c.accepted.account, "bob");
    assert_string_equal(c.accepted.how, "publickey,password");
    rogue_leave(&c);
}

static void
begin_code(struct rogue *c)
{
    rogue_begin(c);
    assert_true(rogue_send_login(c, rogue_login(LOGIN_KBDINT, "carol")));
    assert_int_equal(c->reply.login.verdict, LOGIN_PROMPT);
    assert_true(rogue_send_login(c, rogue_answer("carol", ALICE_PASSWORD)));
    assert_int_equal(c->reply.login.verdict, LOGIN_PROMPT);
    assert_int_equal(c->n_accepted, 0);
}

static void
a_one_time_code_lets_in_once(void **state)
{
    struct rogue first, second;
    char code[TOTP_DIGITS + 1];
    int64_t step = time(NULL) / TOTP_STEP_S;
    assert_int_equal(totp_code(BYTES_LIT(CAROL_SECRET), step, code), ERR_NONE);
    rogue_enter(*state, &first);
    rogue_enter(*state, &second);
    begin_code(&first);
    begin_code(&second);
    assert_true(rogue_send_login(&first, rogue_answer("carol", code)));
    assert_int_equal(first.reply.login.verdict, LOGIN_ACCEPTED);
    assert_true(rogue_send_login(&second, rogue_answer("carol", code)));
    assert_int_equal(second.reply.login.verdict, LOGIN_DENIED);
    assert_int_equal(second.n_accepted, 0);
    rogue_leave(&first);
    rogue_leave(&second);
}

/* A password without its code, and a code without its password. */
static void
no_factor_is_skipped(void **state)
{
    struct rogue c;
    rogue_enter(*state, &c);
    rogue_begin(&c);
    assert_true(rogue_send_login(&c, rogue_password("carol", ALICE_PASSWORD)));
    assert_int_not_equal(c.reply.login.verdict, LOGIN_ACCEPTED);
    assert_false(rogue_send_login(&c, rogue_answer("carol", "000000")));
    assert_int_equal(c.n_accepted, 0);
    rogue_leave(&c);
}

/* The engine would have ended it; a process that was taken over does not. */
static void
A4_nobody_tries_on_behind_too_many_tries(void **state)
{
    struct rogue c;
    rogue_enter(*state, &c);
    rogue_begin(&c);
    for (int i = 1; i <= TRIES; i++) {
        assert_true(rogue_send_login(&c, rogue_password("alice", "")));
        assert_int_equal(c.reply.login.verdict, i < TRIES ? LOGIN_DENIED : LOGIN_GONE);
    }
    assert_false(rogue_send_login(&c, rogue_password("alice", ALICE_PASSWORD)));
    assert_int_equal(c.n_accepted, 0);
    assert_int_equal(c.n_misused, 1);
    rogue_leave(&c);
}

/* ---- running ---- */

static int
set_up_serve(void **state)
{
    *state = rig_start(ROGUE_SERVE);
    return 0;
}

static int
set_up_run(void **state)
{
    *state = rig_start(ROGUE_RUN);
    return 0;
}

static int
tear_down(void **state)
{
    rig_stop(*state);
    return 0;
}

int
main(void)
{
    static const struct CMUnitTest serve[] = {
        cmocka_unit_test(every_order),
        cmocka_unit_test(random_orders),
        cmocka_unit_test(requests_are_counted),
        cmocka_unit_test(T7_one_signature_before_the_login),
        cmocka_unit_test(a_second_request_before_the_answer_ends_it),
        cmocka_unit_test(descriptors_that_come_along_are_not_kept),
        cmocka_unit_test(the_session_end_is_shut_before_the_login),
    };
    static const struct CMUnitTest book[] = {
        cmocka_unit_test(every_order),
        cmocka_unit_test(random_orders),
        cmocka_unit_test(requests_are_counted),
        cmocka_unit_test(T7_one_signature_before_the_login),
        cmocka_unit_test(a_second_request_before_the_answer_ends_it),
        cmocka_unit_test(descriptors_that_come_along_are_not_kept),
        cmocka_unit_test(the_session_end_is_shut_before_the_login),
        cmocka_unit_test(A5_the_user_cannot_be_changed),
        cmocka_unit_test(a_partial_success_counts_for_nobody_else),
        cmocka_unit_test(both_factors_let_bob_in),
        cmocka_unit_test(a_one_time_code_lets_in_once),
        cmocka_unit_test(no_factor_is_skipped),
        cmocka_unit_test(A4_nobody_tries_on_behind_too_many_tries),
    };
    alarm(600);
    return cmocka_run_group_tests_name("ferryd serve", serve, set_up_serve, tear_down) +
           cmocka_run_group_tests_name("ferryd run", book, set_up_run, tear_down);
}
