/*
 * What a connection's process that an attacker controls can make the monitor
 * do (threats A1, S2): every request in every phase, of every size.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "crypto/rand.h"
#include "daemon/monitor.h"
#include "key/pubkey_line.h"
#include "wire/put.h"

struct bench {
    struct host_keys keys;
    struct account account;
    struct monitor monitor;
    struct monitor_session session;
    struct monitor_reply reply;
};

static int
set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    struct fault why = {0};
    struct buf text;
    if (!b || crypto_init() != ERR_NONE ||
        privkey_generate(KEY_ED25519, 0, &b->keys.key[0]) != ERR_NONE)
        return -1;
    b->keys.n = 1;
    account_init(&b->account, "alice", "ssh-ed25519");
    buf_init(&text, 4096);
    pubkey_line_put(host_keys_blob(&b->keys, 0), (struct bytes){0}, &text);
    if (account_set_password(&b->account, BYTES_LIT("secret"), &rand_system) ||
        account_set_keys(&b->account, buf_bytes(&text), "keys", NULL, &why))
        return -1;
    buf_clear(&text);
    b->monitor = (struct monitor){.keys = &b->keys, .account = &b->account, .log = NULL};
    strcpy(b->session.address, "127.0.0.1");
    *state = b;
    return 0;
}

static int
tear_down(void **state)
{
    struct bench *b = *state;
    host_keys_clear(&b->keys);
    account_clear(&b->account);
    free(b);
    return 0;
}

static enum err
ask(struct bench *b, const void *request, size_t n)
{
    return monitor_answer(&b->monitor, &b->session, bytes_of(request, n), &b->reply);
}

static struct monitor_sign_request
sign_request(void)
{
    struct monitor_sign_request r = {.op = MONITOR_SIGN, .n = 32, .algo = "ssh-ed25519"};
    memset(r.hash, 0x5a, r.n);
    return r;
}

static struct monitor_password_request
password_request(const char *user, const char *password)
{
    struct monitor_password_request r = {.op = MONITOR_PASSWORD};
    r.user.n = (uint32_t)strlen(user);
    memcpy(r.user.name, user, r.user.n);
    r.n = (uint32_t)strlen(password);
    memcpy(r.password, password, r.n);
    return r;
}

static void
key_request(struct bench *b, struct monitor_key_request *r, uint32_t is_signed)
{
    struct bytes blob = host_keys_blob(&b->keys, 0);
    memset(r, 0, sizeof *r);
    r->op = MONITOR_KEY;
    r->is_signed = is_signed;
    r->user.n = 5;
    memcpy(r->user.name, "alice", 5);
    r->n = (uint32_t)blob.n;
    memcpy(r->blob, blob.p, blob.n);
}

static void
exchange(struct bench *b)
{
    struct monitor_sign_request r = sign_request();
    assert_int_equal(ask(b, &r, sizeof r), ERR_NONE);
    assert_int_equal(b->reply.verdict, 1);
}

static void
log_in(struct bench *b)
{
    struct monitor_password_request r = password_request("alice", "secret");
    assert_int_equal(ask(b, &r, sizeof r), ERR_NONE);
    assert_true(b->session.is_authenticated);
}

static void
exchange_hash_is_signed_with_the_host_key(void **state)
{
    struct bench *b = *state;
    struct monitor_sign_request r = sign_request();
    exchange(b);
    assert_int_equal(
        sig_verify(sig_by_name(BYTES_LIT("ssh-ed25519")), privkey_public(b->keys.key[0]),
                   bytes_of(b->reply.signature, b->reply.n), bytes_of(r.hash, r.n), NULL),
        ERR_NONE);
}

static void
requests_of_any_other_size_are_misuse(void **state)
{
    struct bench *b = *state;
    static _Alignas(uint32_t) uint8_t message[sizeof(struct monitor_key_request) + 8];
    static const size_t sizes[] = {[MONITOR_SIGN] = sizeof(struct monitor_sign_request),
                                   [MONITOR_PROVE] = sizeof(struct monitor_sign_request),
                                   [MONITOR_PASSWORD] =
                                       sizeof(struct monitor_password_request),
                                   [MONITOR_KEY] = sizeof(struct monitor_key_request)};
    for (uint32_t op = 0; op < 40; op++)
        for (size_t n = 0; n <= sizeof message; n++) {
            memcpy(message, &op, sizeof op);
            if (op < ARRAY_LEN(sizes) && sizes[op] == n)
                continue;
            assert_int_equal(ask(b, message, n), ERR_PROTO);
        }
    assert_false(b->session.is_authenticated);
}

static void
second_hash_before_login_is_misuse(void **state)
{
    struct bench *b = *state;
    struct monitor_sign_request r = sign_request();
    exchange(b);
    assert_int_equal(ask(b, &r, sizeof r), ERR_PROTO);
}

static void
rekeying_after_login_is_signed(void **state)
{
    struct bench *b = *state;
    struct monitor_sign_request r = sign_request();
    exchange(b);
    log_in(b);
    for (int i = 0; i < 10; i++)
        assert_int_equal(ask(b, &r, sizeof r), ERR_NONE);
    assert_int_equal(b->reply.verdict, 1);
}

static void
what_is_no_hash_is_not_signed(void **state)
{
    struct bench *b = *state;
    for (uint32_t n = 0; n < 200; n++) {
        struct monitor_sign_request r = sign_request();
        r.n = n;
        if (n != 32 && n != 48 && n != 64)
            assert_int_equal(ask(b, &r, sizeof r), ERR_PROTO);
    }
    struct monitor_sign_request r = sign_request();
    r.n = UINT32_MAX;
    assert_int_equal(ask(b, &r, sizeof r), ERR_PROTO);
}

static void
unknown_key_or_algorithm_is_misuse(void **state)
{
    struct bench *b = *state;
    struct monitor_sign_request r = sign_request();
    r.key = 1;
    assert_int_equal(ask(b, &r, sizeof r), ERR_PROTO);
    b->session = (struct monitor_session){0};
    r = sign_request();
    memset(r.algo, 'x', sizeof r.algo); /* not terminated */
    assert_int_equal(ask(b, &r, sizeof r), ERR_PROTO);
    b->session = (struct monitor_session){0};
    r = sign_request();
    strcpy(r.algo, "rsa-sha2-512"); /* of another kind than the key */
    assert_int_not_equal(ask(b, &r, sizeof r), ERR_NONE);
    assert_int_equal(b->reply.verdict, 0);
}

static void
login_before_the_exchange_is_misuse(void **state)
{
    struct bench *b = *state;
    struct monitor_password_request r = password_request("alice", "secret");
    static struct monitor_key_request k;
    assert_int_equal(ask(b, &r, sizeof r), ERR_PROTO);
    key_request(b, &k, 1);
    assert_int_equal(ask(b, &k, sizeof k), ERR_PROTO);
    assert_false(b->session.is_authenticated);
}

static void
login_after_login_is_misuse(void **state)
{
    struct bench *b = *state;
    struct monitor_password_request r = password_request("alice", "secret");
    exchange(b);
    log_in(b);
    assert_int_equal(ask(b, &r, sizeof r), ERR_PROTO);
}

static void
wrong_password_is_a_no_and_no_misuse(void **state)
{
    struct bench *b = *state;
    struct monitor_password_request r = password_request("alice", "wrong");
    exchange(b);
    assert_int_equal(ask(b, &r, sizeof r), ERR_NONE);
    assert_int_equal(b->reply.verdict, 0);
    assert_false(b->session.is_authenticated);
}

static void
lengths_beyond_their_fields_are_misuse(void **state)
{
    struct bench *b = *state;
    static struct monitor_key_request k;
    exchange(b);
    struct monitor_password_request r = password_request("alice", "secret");
    r.n = sizeof r.password + 1;
    assert_int_equal(ask(b, &r, sizeof r), ERR_PROTO);
    r = password_request("alice", "secret");
    r.user.n = sizeof r.user.name + 1;
    assert_int_equal(ask(b, &r, sizeof r), ERR_PROTO);
    key_request(b, &k, 0);
    k.n = sizeof k.blob + 1;
    assert_int_equal(ask(b, &k, sizeof k), ERR_PROTO);
    key_request(b, &k, 2); /* neither query nor login */
    assert_int_equal(ask(b, &k, sizeof k), ERR_PROTO);
    assert_false(b->session.is_authenticated);
}

static void
guessing_is_cut_off(void **state)
{
    struct bench *b = *state;
    struct monitor_password_request r = password_request("alice", "wrong");
    exchange(b);
    for (int i = 0; i < MONITOR_LOGIN_REQUESTS; i++)
        assert_int_equal(ask(b, &r, sizeof r), ERR_NONE);
    r = password_request("alice", "secret");
    assert_int_equal(ask(b, &r, sizeof r), ERR_PROTO);
    assert_false(b->session.is_authenticated);
}

/* Threats A3: a query changes nothing. */
static void
key_query_does_not_log_in(void **state)
{
    struct bench *b = *state;
    static struct monitor_key_request k;
    exchange(b);
    key_request(b, &k, 0);
    assert_int_equal(ask(b, &k, sizeof k), ERR_NONE);
    assert_int_equal(b->reply.verdict, 1);
    assert_false(b->session.is_authenticated);
    key_request(b, &k, 1);
    assert_int_equal(ask(b, &k, sizeof k), ERR_NONE);
    assert_true(b->session.is_authenticated);
}

static void
possession_is_proven_once_in_words_of_ours(void **state)
{
    struct bench *b = *state;
    struct monitor_sign_request r = sign_request();
    struct buf text;
    exchange(b);
    r.op = MONITOR_PROVE;
    r.n = 0;
    assert_int_equal(ask(b, &r, sizeof r), ERR_PROTO); /* not before login */
    log_in(b);
    assert_int_equal(ask(b, &r, sizeof r), ERR_NONE);
    assert_int_equal(b->reply.verdict, 1);
    buf_init(&text, 4096);
    put_cstring(&text, "hostkeys-prove-00@openssh.com");
    put_string(&text, bytes_of(r.hash, 32));
    put_string(&text, host_keys_blob(&b->keys, 0));
    assert_int_equal(
        sig_verify(sig_by_name(BYTES_LIT("ssh-ed25519")), privkey_public(b->keys.key[0]),
                   bytes_of(b->reply.signature, b->reply.n), buf_bytes(&text), NULL),
        ERR_NONE);
    buf_clear(&text);
    assert_int_equal(ask(b, &r, sizeof r), ERR_NONE);
    assert_int_equal(b->reply.verdict, 0);
}

int
main(void)
{
#define BENCH_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        BENCH_TEST(exchange_hash_is_signed_with_the_host_key),
        BENCH_TEST(requests_of_any_other_size_are_misuse),
        BENCH_TEST(second_hash_before_login_is_misuse),
        BENCH_TEST(rekeying_after_login_is_signed),
        BENCH_TEST(what_is_no_hash_is_not_signed),
        BENCH_TEST(unknown_key_or_algorithm_is_misuse),
        BENCH_TEST(login_before_the_exchange_is_misuse),
        BENCH_TEST(login_after_login_is_misuse),
        BENCH_TEST(wrong_password_is_a_no_and_no_misuse),
        BENCH_TEST(lengths_beyond_their_fields_are_misuse),
        BENCH_TEST(guessing_is_cut_off),
        BENCH_TEST(key_query_does_not_log_in),
        BENCH_TEST(possession_is_proven_once_in_words_of_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
