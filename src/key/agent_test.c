#include "key/key_test.h"

#include "key/agent.h"
#include "wire/put.h"

static const struct sig_algo *
algo(const char *name)
{
    const struct sig_algo *row = sig_by_name(bytes_str(name));
    assert_non_null(row);
    return row;
}

/* ---- requests ---- */

static void
list_request_is_one_octet_in_a_frame(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 64);
    agent_put_list(&out);
    assert_true(bytes_eq(buf_bytes(&out), BYTES_LIT("\0\0\0\1\x0b")));
    buf_clear(&out);
}

static const struct {
    const char *algo;
    uint32_t flags;
} flags[] = {
    {"ssh-ed25519", 0},
    {"ecdsa-sha2-nistp521", 0},
    {"rsa-sha2-256", 2},
    {"rsa-sha2-512", 4},
    {"rsa-sha2-256-cert-v01@openssh.com", 2},
    {"rsa-sha2-512-cert-v01@openssh.com", 4},
};

static void
sign_request_carries_the_flags_of_its_algorithm(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        struct buf out;
        buf_init(&out, 256);
        agent_put_sign(BYTES_LIT("blob"), BYTES_LIT("data"), algo(flags[i].algo), &out);
        struct cursor c = cursor_of(buf_bytes(&out));
        assert_int_equal(cursor_u32(&c), out.n - 4);
        assert_int_equal(cursor_u8(&c), 13);
        assert_true(bytes_eq_str(cursor_string(&c), "blob"));
        assert_true(bytes_eq_str(cursor_string(&c), "data"));
        assert_int_equal(cursor_u32(&c), flags[i].flags);
        assert_true(cursor_is_done(&c));
        buf_clear(&out);
    }
}

static void
session_bind_names_its_extension(void **state)
{
    (void)state;
    struct buf out;
    struct agent_binding binding = {
        .host_key = BYTES_LIT("hk"),
        .session_id = BYTES_LIT("sid"),
        .signature = BYTES_LIT("sig"),
    };
    buf_init(&out, 256);
    agent_put_session_bind(&binding, &out);
    assert_true(
        bytes_eq(buf_bytes(&out), BYTES_LIT("\0\0\0\x32\x1b"
                                            "\0\0\0\x18session-bind@openssh.com"
                                            "\0\0\0\2hk\0\0\0\3sid\0\0\0\3sig\0")));
    buf_clear(&out);
}

static void
add_request_says_how_long_and_whether_to_ask(void **state)
{
    (void)state;
    struct privkey *key = test_key("ed25519");
    struct agent_limits none = {0}, some = {.lifetime_s = 60, .is_confirmed = true};
    struct buf plain, limited;
    buf_init(&plain, 4096);
    buf_init(&limited, 4096);
    agent_put_add(key, BYTES_LIT("me"), &none, &plain);
    agent_put_add(key, BYTES_LIT("me"), &some, &limited);
    assert_int_equal(plain.p[4], 17);
    assert_int_equal(limited.p[4], 25);
    assert_int_equal(limited.n, plain.n + 6);
    assert_memory_equal(limited.p + 5, plain.p + 5, plain.n - 5);
    assert_memory_equal(limited.p + plain.n, "\1\0\0\0\x3c\2", 6);
    buf_clear(&limited);
    buf_clear(&plain);
    privkey_free(key);
}

/* ---- replies ---- */

static const struct {
    struct bytes in;
    enum err e;
    size_t used;
} frames[] = {
    {BYTES_LIT(""), ERR_NONE, 0},
    {BYTES_LIT("\0\0\0"), ERR_NONE, 0},
    {BYTES_LIT("\0\0\0\2\6"), ERR_NONE, 0},
    {BYTES_LIT("\0\0\0\1\6"), ERR_NONE, 5},
    {BYTES_LIT("\0\0\0\1\6more"), ERR_NONE, 5},
    {BYTES_LIT("\0\0\0\0"), ERR_PROTO, 0},
    {BYTES_LIT("\0\4\0\1"), ERR_LIMIT, 0},
    {BYTES_LIT("\xff\xff\xff\xff"), ERR_LIMIT, 0},
};

static void
reply_is_framed_within_the_limit(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
        struct buf in = test_bytes(frames[i].in);
        struct bytes reply = {0};
        size_t used = 99;
        assert_int_equal(agent_reply_next(buf_bytes(&in), &reply, &used), frames[i].e);
        assert_int_equal(used, frames[i].used);
        assert_int_equal(reply.n, used ? used - 4 : 0);
        buf_clear(&in);
    }
}

static void
success_and_both_failures_are_told_apart(void **state)
{
    (void)state;
    assert_int_equal(agent_read_success(BYTES_LIT("\6")), ERR_NONE);
    assert_int_equal(agent_read_success(BYTES_LIT("\5")), ERR_AUTH);
    assert_int_equal(agent_read_success(BYTES_LIT("\x1c")), ERR_AUTH);
    assert_int_equal(agent_read_success(BYTES_LIT("\x0c")), ERR_PROTO);
    assert_int_equal(agent_read_success((struct bytes){0}), ERR_PROTO);
}

#define TWO_KEYS "\0\0\0\2b1\0\0\0\2c1\0\0\0\2b2\0\0\0\0"

static void
list_reply_is_walked_key_by_key(void **state)
{
    (void)state;
    struct agent_keys keys;
    struct agent_key key;
    assert_int_equal(agent_read_list(BYTES_LIT("\x0c\0\0\0\2" TWO_KEYS), &keys),
                     ERR_NONE);
    assert_true(agent_keys_next(&keys, &key));
    assert_true(bytes_eq_str(key.blob, "b1"));
    assert_true(bytes_eq_str(key.comment, "c1"));
    assert_true(agent_keys_next(&keys, &key));
    assert_true(bytes_eq_str(key.blob, "b2"));
    assert_int_equal(key.comment.n, 0);
    assert_false(agent_keys_next(&keys, &key));
}

static const struct {
    struct bytes reply;
    enum err e;
} bad_lists[] = {
    {BYTES_LIT(""), ERR_PROTO},
    {BYTES_LIT("\5"), ERR_AUTH},
    {BYTES_LIT("\6"), ERR_PROTO},
    {BYTES_LIT("\x0c"), ERR_PROTO},
    {BYTES_LIT("\x0c\0\0\0\3" TWO_KEYS), ERR_PROTO},         /* says one more */
    {BYTES_LIT("\x0c\0\0\0\1" TWO_KEYS), ERR_PROTO},         /* says one less */
    {BYTES_LIT("\x0c\xff\xff\xff\xff" TWO_KEYS), ERR_LIMIT}, /* threats T8 */
    {BYTES_LIT("\x0c\0\0\x08\x01"), ERR_LIMIT},
    {BYTES_LIT("\x0c\0\0\x08\0"), ERR_PROTO},
    {BYTES_LIT("\x0c\0\0\0\1\xff\xff\xff\xff"), ERR_PROTO},
};

static void
list_reply_that_lies_is_refused_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad_lists); i++) {
        struct buf reply = test_bytes(bad_lists[i].reply);
        struct agent_keys keys;
        struct agent_key key;
        enum err e = agent_read_list(buf_bytes(&reply), &keys);
        if (e != bad_lists[i].e)
            fail_msg("case %zu: %s", i, err_name(e));
        assert_false(agent_keys_next(&keys, &key));
        buf_clear(&reply);
    }
}

static struct buf
sign_reply(const char *name, const char *trailing)
{
    struct buf b;
    buf_init(&b, 256);
    buf_put_u8(&b, 14);
    size_t mark = put_string_begin(&b);
    put_cstring(&b, name);
    put_cstring(&b, "signature");
    put_string_end(&b, mark);
    buf_put_str(&b, trailing);
    test_tighten(&b);
    return b;
}

static const struct {
    const char *name, *trailing, *wanted;
    enum err e;
} signatures[] = {
    {"rsa-sha2-512", "", "rsa-sha2-512", ERR_NONE},
    {"rsa-sha2-512", "", "rsa-sha2-512-cert-v01@openssh.com", ERR_NONE},
    {"ssh-rsa", "", "rsa-sha2-512", ERR_AUTH}, /* an agent that ignores flags */
    {"rsa-sha2-256", "", "rsa-sha2-512", ERR_AUTH},
    {"ssh-ed25519", "", "ssh-ed25519", ERR_NONE},
    {"ssh-ed25519", "x", "ssh-ed25519", ERR_PROTO},
    {"", "", "ssh-ed25519", ERR_AUTH},
};

static void
signature_must_bear_the_name_that_was_asked_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(signatures); i++) {
        struct buf reply = sign_reply(signatures[i].name, signatures[i].trailing);
        struct bytes signature;
        enum err e = agent_read_signature(buf_bytes(&reply), algo(signatures[i].wanted),
                                          &signature);
        if (e != signatures[i].e)
            fail_msg("case %zu: %s", i, err_name(e));
        assert_true((e == ERR_NONE) == (signature.n != 0));
        buf_clear(&reply);
    }
}

static void
signature_reply_cut_anywhere_is_refused(void **state)
{
    (void)state;
    struct buf reply = sign_reply("ssh-ed25519", "");
    for (size_t n = 0; n < reply.n; n++) {
        struct buf cut = test_bytes(bytes_first(buf_bytes(&reply), n));
        struct bytes signature;
        assert_int_equal(
            agent_read_signature(buf_bytes(&cut), algo("ssh-ed25519"), &signature),
            ERR_PROTO);
        buf_clear(&cut);
    }
    buf_clear(&reply);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(list_request_is_one_octet_in_a_frame),
        cmocka_unit_test(sign_request_carries_the_flags_of_its_algorithm),
        cmocka_unit_test(session_bind_names_its_extension),
        cmocka_unit_test(add_request_says_how_long_and_whether_to_ask),
        cmocka_unit_test(reply_is_framed_within_the_limit),
        cmocka_unit_test(success_and_both_failures_are_told_apart),
        cmocka_unit_test(list_reply_is_walked_key_by_key),
        cmocka_unit_test(list_reply_that_lies_is_refused_whole),
        cmocka_unit_test(signature_must_bear_the_name_that_was_asked_for),
        cmocka_unit_test(signature_reply_cut_anywhere_is_refused),
    };
    return cmocka_run_group_tests(tests, test_init, NULL);
}
