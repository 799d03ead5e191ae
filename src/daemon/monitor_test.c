/*
 * What a process that an attacker controls can make the monitor do (threats A1,
 * S2): every request in every phase, of every size, from both ends.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/base_test.h"
#include "crypto/rand.h"
#include "daemon/monitor.h"
#include "daemon/verdict_single.h"
#include "key/pubkey_line.h"
#include "ssh/conn.h"
#include "wire/put.h"

struct bench {
    struct host_keys keys;
    struct daemon_public public;
    struct account account;
    struct grant grant;
    struct monitor_backend backend;
    struct monitor monitor;
    struct monitor_conn conn;
    struct monitor_reply reply;
    struct record recorded; /* the last one */
    unsigned n_charges;
};

/* ---- a backend that remembers ---- */

static enum err
verdict_new(void *ctx, struct monitor_conn *c, const struct verdict_peer *peer,
            struct verdict **v)
{
    struct bench *b = ctx;
    (void)c;
    return verdict_single_new(&b->account, &b->grant, NULL, peer, v);
}

static enum err
charge(void *ctx, struct monitor_conn *c, const struct monitor_charge *r,
       struct monitor_reply *reply, enum monitor_progress *progress)
{
    struct bench *b = ctx;
    (void)c, (void)r, (void)reply;
    b->n_charges++;
    *progress = MONITOR_LATER;
    return ERR_NONE;
}

static enum err
record(void *ctx, struct monitor_conn *c, const struct record *r,
       struct monitor_reply *reply, enum monitor_progress *progress)
{
    struct bench *b = ctx;
    (void)c, (void)progress;
    b->recorded = *r;
    reply->verdict = 1;
    return ERR_NONE;
}

static enum err
name(void *ctx, struct monitor_conn *c, const struct monitor_name_request *r,
     struct monitor_reply *reply, enum monitor_progress *progress)
{
    (void)ctx, (void)c, (void)r, (void)reply, (void)progress;
    return ERR_NONE;
}

static void
leave(void *ctx, struct monitor_conn *c)
{
    (void)ctx, (void)c;
}

static int
set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    struct fault why = {0};
    struct buf text;
    if (!b || crypto_init() != ERR_NONE ||
        privkey_generate(KEY_ED25519, 0, &b->keys.key[0]) != ERR_NONE)
        return -1;
    b->keys.n = b->public.n_keys = 1;
    struct bytes blob = host_keys_blob(&b->keys, 0);
    b->public.key[0].n = (uint32_t)blob.n;
    memcpy(b->public.key[0].p, blob.p, blob.n);
    account_init(&b->account, "alice", "ssh-ed25519");
    snprintf(b->grant.user, sizeof b->grant.user, "alice");
    buf_init(&text, 4096);
    /* The host's key may log in too, since it is at hand. */
    pubkey_line_put(blob, (struct bytes){0}, &text);
    if (account_set_password(&b->account, BYTES_LIT("secret"), &rand_system) ||
        account_set_keys(&b->account, buf_bytes(&text), "keys", NULL, &why))
        return -1;
    buf_clear(&text);
    b->backend = (struct monitor_backend){verdict_new, charge, record, name, leave, b};
    b->monitor = (struct monitor){&b->keys, &b->public, &b->backend, NULL};
    strcpy(b->conn.address, "127.0.0.1");
    b->conn.id = 4711;
    *state = b;
    return 0;
}

static int
tear_down(void **state)
{
    struct bench *b = *state;
    monitor_conn_clear(&b->conn);
    host_keys_clear(&b->keys);
    account_clear(&b->account);
    free(b);
    return 0;
}

/* ---- asking ---- */

static enum err
ask(struct bench *b, enum monitor_end end, const void *request, size_t n)
{
    enum monitor_progress progress;
    return monitor_answer(&b->monitor, &b->conn, end, bytes_of(request, n), &b->reply,
                          &progress);
}

static enum err
ask_op(struct bench *b, enum monitor_end end, uint32_t op)
{
    const struct monitor_ask r = {op};
    return ask(b, end, &r, sizeof r);
}

static struct monitor_sign_request
sign_request(void)
{
    struct monitor_sign_request r = {.op = MONITOR_SIGN, .n = 32, .algo = "ssh-ed25519"};
    memset(r.hash, 0x5a, r.n);
    return r;
}

static void
login_request(struct monitor_login_request *r, enum login_method method)
{
    memset(r, 0, sizeof *r);
    r->op = MONITOR_LOGIN;
    r->login.method = method;
    r->login.user_len = 5;
    memcpy(r->login.user, "alice", 5);
}

static enum err
ask_password(struct bench *b, const char *password)
{
    static struct monitor_login_request r;
    login_request(&r, LOGIN_PASSWORD);
    r.login.secret_len = (uint32_t)strlen(password);
    memcpy(r.login.secret, password, r.login.secret_len);
    return ask(b, MONITOR_PRE_AUTH, &r, sizeof r);
}

static void
key_request(struct bench *b, struct monitor_login_request *r, enum login_method method)
{
    struct bytes blob = host_keys_blob(&b->keys, 0);
    login_request(r, method);
    strcpy(r->login.algo, "ssh-ed25519");
    r->login.blob_len = (uint32_t)blob.n;
    memcpy(r->login.blob, blob.p, blob.n);
}

/* Over what a client that has the key would sign. */
static void
sign_login(struct bench *b, struct monitor_login_request *r, const char *user)
{
    struct buf data, signature;
    buf_init(&data, 65536);
    buf_init(&signature, 4096);
    auth_signed_data(bytes_of(b->conn.session_id.p, b->conn.session_id.n),
                     bytes_str(user), BYTES_LIT("ssh-ed25519"),
                     host_keys_blob(&b->keys, 0), (struct bytes){0}, &data);
    assert_int_equal(sig_sign(sig_by_name(BYTES_LIT("ssh-ed25519")), b->keys.key[0],
                              buf_bytes(&data), &signature),
                     ERR_NONE);
    r->login.signature_len = (uint32_t)signature.n;
    memcpy(r->login.signature, signature.p, signature.n);
    buf_clear(&signature);
    buf_clear(&data);
}

static void
exchange(struct bench *b)
{
    struct monitor_sign_request r = sign_request();
    assert_int_equal(ask_op(b, MONITOR_PRE_AUTH, MONITOR_HELLO), ERR_NONE);
    assert_int_equal(ask(b, MONITOR_PRE_AUTH, &r, sizeof r), ERR_NONE);
    assert_int_equal(b->reply.verdict, 1);
}

static void
log_in(struct bench *b)
{
    exchange(b);
    assert_int_equal(ask_password(b, "secret"), ERR_NONE);
    assert_int_equal(b->reply.login.verdict, LOGIN_ACCEPTED);
    assert_true(b->conn.is_authenticated);
}

static void
log_in_and_take_grant(struct bench *b)
{
    log_in(b);
    assert_int_equal(ask_op(b, MONITOR_SESSION, MONITOR_GRANT), ERR_NONE);
}

/* ---- before the login ---- */

static void
exchange_hash_is_signed_with_the_host_key(void **state)
{
    struct bench *b = *state;
    struct monitor_sign_request r = sign_request();
    exchange(b);
    assert_int_equal(sig_verify(sig_by_name(BYTES_LIT("ssh-ed25519")),
                                privkey_public(b->keys.key[0]),
                                bytes_of(b->reply.signature.p, b->reply.signature.n),
                                bytes_of(r.hash, r.n), NULL),
                     ERR_NONE);
}

static void
requests_of_any_other_size_are_misuse(void **state)
{
    struct bench *b = *state;
    static _Alignas(uint64_t) uint8_t message[sizeof(struct monitor_login_request) + 8];
    for (uint32_t op = 0; op < MONITOR_OPS + 8; op++)
        for (size_t n = 0; n <= sizeof message; n += n < 1024 ? 1 : 61) {
            memcpy(message, &op, sizeof op);
            if (n == monitor_request_size(op))
                continue;
            assert_int_equal(ask(b, MONITOR_PRE_AUTH, message, n), ERR_PROTO);
            assert_int_equal(ask(b, MONITOR_SESSION, message, n), ERR_PROTO);
        }
    assert_false(b->conn.is_authenticated);
}

static void
a_session_is_answered_nothing_before_the_login(void **state)
{
    struct bench *b = *state;
    static _Alignas(uint64_t) uint8_t message[sizeof(union monitor_request)];
    exchange(b);
    for (uint32_t op = 0; op < MONITOR_OPS; op++) {
        memset(message, 0, sizeof message);
        memcpy(message, &op, sizeof op);
        assert_int_equal(ask(b, MONITOR_SESSION, message, monitor_request_size(op)),
                         ERR_PROTO);
    }
}

static void
pre_authentication_is_answered_nothing_after_the_login(void **state)
{
    struct bench *b = *state;
    static _Alignas(uint64_t) uint8_t message[sizeof(union monitor_request)];
    log_in(b);
    for (uint32_t op = 0; op < MONITOR_OPS; op++) {
        memset(message, 0, sizeof message);
        memcpy(message, &op, sizeof op);
        assert_int_equal(ask(b, MONITOR_PRE_AUTH, message, monitor_request_size(op)),
                         ERR_PROTO);
    }
}

static void
nothing_is_signed_before_the_greeting(void **state)
{
    struct bench *b = *state;
    struct monitor_sign_request r = sign_request();
    assert_int_equal(ask(b, MONITOR_PRE_AUTH, &r, sizeof r), ERR_PROTO);
}

static void
second_hash_before_login_is_misuse(void **state)
{
    struct bench *b = *state;
    struct monitor_sign_request r = sign_request();
    exchange(b);
    assert_int_equal(ask(b, MONITOR_PRE_AUTH, &r, sizeof r), ERR_PROTO);
}

static void
what_is_no_hash_is_not_signed(void **state)
{
    struct bench *b = *state;
    assert_int_equal(ask_op(b, MONITOR_PRE_AUTH, MONITOR_HELLO), ERR_NONE);
    for (uint32_t n = 0; n < 200; n++) {
        struct monitor_sign_request r = sign_request();
        r.n = n == 199 ? UINT32_MAX : n;
        if (n != 32 && n != 48 && n != 64)
            assert_int_equal(ask(b, MONITOR_PRE_AUTH, &r, sizeof r), ERR_PROTO);
    }
}

static void
unknown_key_or_algorithm_is_misuse(void **state)
{
    struct bench *b = *state;
    struct monitor_sign_request r = sign_request();
    assert_int_equal(ask_op(b, MONITOR_PRE_AUTH, MONITOR_HELLO), ERR_NONE);
    r.key = 1;
    assert_int_equal(ask(b, MONITOR_PRE_AUTH, &r, sizeof r), ERR_PROTO);
    r = sign_request();
    memset(r.algo, 'x', sizeof r.algo); /* not terminated */
    assert_int_equal(ask(b, MONITOR_PRE_AUTH, &r, sizeof r), ERR_PROTO);
    b->conn.session_id.n = 0;
    r = sign_request();
    strcpy(r.algo, "rsa-sha2-512"); /* of another kind than the key */
    assert_int_not_equal(ask(b, MONITOR_PRE_AUTH, &r, sizeof r), ERR_NONE);
    assert_int_equal(b->reply.verdict, 0);
}

static void
a_proxy_is_believed_only_when_the_listener_says_so(void **state)
{
    struct bench *b = *state;
    struct monitor_proxied r = {.op = MONITOR_PROXIED, .address = "192.0.2.7"};
    assert_int_equal(ask(b, MONITOR_PRE_AUTH, &r, sizeof r), ERR_PROTO);
    b->conn.may_be_proxied = true;
    assert_int_equal(ask(b, MONITOR_PRE_AUTH, &r, sizeof r), ERR_NONE);
    assert_string_equal(b->conn.address, "192.0.2.7");
    assert_int_equal(ask(b, MONITOR_PRE_AUTH, &r, sizeof r), ERR_PROTO);
}

static void
login_before_the_exchange_is_misuse(void **state)
{
    struct bench *b = *state;
    assert_int_equal(ask_password(b, "secret"), ERR_PROTO);
    assert_int_equal(ask_op(b, MONITOR_PRE_AUTH, MONITOR_HELLO), ERR_NONE);
    assert_int_equal(ask_password(b, "secret"), ERR_PROTO);
    assert_false(b->conn.is_authenticated);
}

static void
wrong_password_is_a_no_and_no_misuse(void **state)
{
    struct bench *b = *state;
    exchange(b);
    assert_int_equal(ask_password(b, "wrong"), ERR_NONE);
    assert_int_equal(b->reply.login.verdict, LOGIN_DENIED);
    assert_false(b->conn.is_authenticated);
}

static void
lengths_beyond_their_fields_are_misuse(void **state)
{
    struct bench *b = *state;
    static struct monitor_login_request r;
    exchange(b);
    uint32_t *const lengths[] = {&r.login.user_len,      &r.login.secret_len,
                                 &r.login.n_answers,     &r.login.blob_len,
                                 &r.login.signature_len, &r.login.is_hostbound,
                                 &r.login.method,        &r.login.answer[0].len};
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        login_request(&r, LOGIN_KBDINT_ANSWER);
        r.login.n_answers = 1;
        *lengths[i] = UINT32_MAX;
        assert_int_equal(ask(b, MONITOR_PRE_AUTH, &r, sizeof r), ERR_PROTO);
    }
    assert_false(b->conn.is_authenticated);
}

static void
guessing_is_cut_off(void **state)
{
    struct bench *b = *state;
    exchange(b);
    for (int i = 0; i < LOGIN_REQUESTS_MAX; i++)
        assert_int_equal(ask_password(b, "wrong"), ERR_NONE);
    assert_int_equal(ask_password(b, "secret"), ERR_PROTO);
    assert_false(b->conn.is_authenticated);
}

/* Threats A3: a query changes nothing; and a key that is merely known is no login. */
static void
a_key_logs_in_only_by_its_signature(void **state)
{
    struct bench *b = *state;
    static struct monitor_login_request r;
    exchange(b);
    key_request(b, &r, LOGIN_KEY_QUERY);
    assert_int_equal(ask(b, MONITOR_PRE_AUTH, &r, sizeof r), ERR_NONE);
    assert_int_equal(b->reply.login.verdict, LOGIN_ACCEPTED);
    assert_false(b->conn.is_authenticated);

    key_request(b, &r, LOGIN_KEY); /* no signature */
    assert_int_equal(ask(b, MONITOR_PRE_AUTH, &r, sizeof r), ERR_NONE);
    assert_int_equal(b->reply.login.verdict, LOGIN_DENIED);

    key_request(b, &r, LOGIN_KEY);
    sign_login(b, &r, "mallory"); /* over another user's name */
    assert_int_equal(ask(b, MONITOR_PRE_AUTH, &r, sizeof r), ERR_NONE);
    assert_int_equal(b->reply.login.verdict, LOGIN_DENIED);
    assert_false(b->conn.is_authenticated);

    sign_login(b, &r, "alice");
    assert_int_equal(ask(b, MONITOR_PRE_AUTH, &r, sizeof r), ERR_NONE);
    assert_int_equal(b->reply.login.verdict, LOGIN_ACCEPTED);
    assert_true(b->conn.is_authenticated);
}

/* ---- after it ---- */

static void
the_grant_is_given_once_and_first(void **state)
{
    struct bench *b = *state;
    struct monitor_sign_request r = sign_request();
    log_in(b);
    assert_int_equal(ask(b, MONITOR_SESSION, &r, sizeof r), ERR_PROTO);
    assert_int_equal(ask_op(b, MONITOR_SESSION, MONITOR_GRANT), ERR_NONE);
    assert_string_equal(b->reply.grant.user, "alice");
    assert_int_equal(ask_op(b, MONITOR_SESSION, MONITOR_GRANT), ERR_PROTO);
}

static void
rekeying_after_login_is_signed(void **state)
{
    struct bench *b = *state;
    struct monitor_sign_request r = sign_request();
    log_in_and_take_grant(b);
    for (int i = 0; i < 10; i++)
        assert_int_equal(ask(b, MONITOR_SESSION, &r, sizeof r), ERR_NONE);
    assert_int_equal(b->reply.verdict, 1);
}

static void
possession_is_proven_once_in_words_of_ours(void **state)
{
    struct bench *b = *state;
    struct monitor_sign_request r = sign_request();
    struct buf text;
    log_in_and_take_grant(b);
    r.op = MONITOR_PROVE;
    r.n = 0;
    assert_int_equal(ask(b, MONITOR_SESSION, &r, sizeof r), ERR_NONE);
    assert_int_equal(b->reply.verdict, 1);
    buf_init(&text, 4096);
    put_cstring(&text, "hostkeys-prove-00@openssh.com");
    put_string(&text, bytes_of(r.hash, 32));
    put_string(&text, host_keys_blob(&b->keys, 0));
    assert_int_equal(sig_verify(sig_by_name(BYTES_LIT("ssh-ed25519")),
                                privkey_public(b->keys.key[0]),
                                bytes_of(b->reply.signature.p, b->reply.signature.n),
                                buf_bytes(&text), NULL),
                     ERR_NONE);
    buf_clear(&text);
    assert_int_equal(ask(b, MONITOR_SESSION, &r, sizeof r), ERR_NONE);
    assert_int_equal(b->reply.verdict, 0);
}

/* A session cannot speak in another's name, nor of logins. */
static void
records_are_signed_by_the_monitor(void **state)
{
    struct bench *b = *state;
    static struct monitor_record r;
    log_in_and_take_grant(b);
    r.op = MONITOR_RECORD;
    r.record.kind = RECORD_DOWNLOAD;
    strcpy(r.record.user, "mallory");
    strcpy(r.record.address, "198.51.100.1");
    assert_int_equal(ask(b, MONITOR_SESSION, &r, sizeof r), ERR_NONE);
    assert_string_equal(b->recorded.user, "alice");
    assert_string_equal(b->recorded.address, "127.0.0.1");
    assert_int_equal(b->recorded.connection, 4711);
    static const uint32_t kinds[] = {
        0,         RECORD_LOGIN, RECORD_LOGIN_FAILED, RECORD_LOGOUT, RECORD_REFUSED + 1,
        UINT32_MAX};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        r.record.kind = kinds[i];
        assert_int_equal(ask(b, MONITOR_SESSION, &r, sizeof r), ERR_PROTO);
    }
}

static void
records_with_hostile_lengths_are_misuse(void **state)
{
    struct bench *b = *state;
    static struct monitor_record r;
    log_in_and_take_grant(b);
    uint32_t *const lengths[] = {&r.record.path_len, &r.record.other_len,
                                 &r.record.has_sha256};
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        memset(&r, 0, sizeof r);
        r.op = MONITOR_RECORD;
        r.record.kind = RECORD_DOWNLOAD;
        *lengths[i] = UINT32_MAX;
        assert_int_equal(ask(b, MONITOR_SESSION, &r, sizeof r), ERR_PROTO);
    }
    r.record.has_sha256 = 0;
    memset(r.record.text, 'x', sizeof r.record.text); /* not terminated */
    assert_int_equal(ask(b, MONITOR_SESSION, &r, sizeof r), ERR_PROTO);
}

static void
a_second_question_before_the_answer_is_misuse(void **state)
{
    struct bench *b = *state;
    const struct monitor_charge r = {MONITOR_CHARGE, 1, 0};
    log_in_and_take_grant(b);
    assert_int_equal(ask(b, MONITOR_SESSION, &r, sizeof r), ERR_NONE);
    assert_int_equal(ask(b, MONITOR_SESSION, &r, sizeof r), ERR_PROTO);
    assert_int_equal(b->n_charges, 1);
}

static void
a_tree_cannot_hold_less_than_nothing(void **state)
{
    struct bench *b = *state;
    const struct monitor_charge r = {MONITOR_RECOUNTED, -1, 0};
    log_in_and_take_grant(b);
    assert_int_equal(ask(b, MONITOR_SESSION, &r, sizeof r), ERR_PROTO);
}

static void
nothing_is_answered_after_leaving(void **state)
{
    struct bench *b = *state;
    struct monitor_sign_request r = sign_request();
    log_in_and_take_grant(b);
    assert_int_equal(ask_op(b, MONITOR_SESSION, MONITOR_LEAVE), ERR_NONE);
    assert_int_equal(ask_op(b, MONITOR_SESSION, MONITOR_LEAVE), ERR_PROTO);
    assert_int_equal(ask(b, MONITOR_SESSION, &r, sizeof r), ERR_PROTO);
}

int
main(void)
{
#define BENCH_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        BENCH_TEST(exchange_hash_is_signed_with_the_host_key),
        BENCH_TEST(requests_of_any_other_size_are_misuse),
        BENCH_TEST(a_session_is_answered_nothing_before_the_login),
        BENCH_TEST(pre_authentication_is_answered_nothing_after_the_login),
        BENCH_TEST(nothing_is_signed_before_the_greeting),
        BENCH_TEST(second_hash_before_login_is_misuse),
        BENCH_TEST(what_is_no_hash_is_not_signed),
        BENCH_TEST(unknown_key_or_algorithm_is_misuse),
        BENCH_TEST(a_proxy_is_believed_only_when_the_listener_says_so),
        BENCH_TEST(login_before_the_exchange_is_misuse),
        BENCH_TEST(wrong_password_is_a_no_and_no_misuse),
        BENCH_TEST(lengths_beyond_their_fields_are_misuse),
        BENCH_TEST(guessing_is_cut_off),
        BENCH_TEST(a_key_logs_in_only_by_its_signature),
        BENCH_TEST(the_grant_is_given_once_and_first),
        BENCH_TEST(rekeying_after_login_is_signed),
        BENCH_TEST(possession_is_proven_once_in_words_of_ours),
        BENCH_TEST(records_are_signed_by_the_monitor),
        BENCH_TEST(records_with_hostile_lengths_are_misuse),
        BENCH_TEST(a_second_question_before_the_answer_is_misuse),
        BENCH_TEST(a_tree_cannot_hold_less_than_nothing),
        BENCH_TEST(nothing_is_answered_after_leaving),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
