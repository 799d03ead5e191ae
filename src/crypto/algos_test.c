/* The lists: every name in them is implemented, and what must not be is not. */
#include "crypto/algos.h"

#include "crypto/crypto_test.h"
#include "crypto/kex.h"
#include "crypto/protect.h"
#include "crypto/sig.h"

static bool
is_implemented(enum algo_slot slot, struct bytes name)
{
    const struct sig_algo *sig = sig_by_name(name);
    switch (slot) {
    case ALGO_KEX:
        return kex_by_name(name) != NULL;
    case ALGO_HOST_KEY:
    case ALGO_USER_KEY:
        return sig != NULL;
    case ALGO_CA_SIGNATURE:
        return sig && !sig->is_cert;
    case ALGO_CIPHER:
        return cipher_by_name(name) != NULL;
    case ALGO_MAC:
        return mac_by_name(name) != NULL;
    case ALGO_COMPRESSION:
        return bytes_eq_str(name, "none") || bytes_eq_str(name, "zlib@openssh.com");
    case ALGO_SLOTS:
        break;
    }
    return false;
}

static void
each_list(void (*check)(enum algo_profile, enum algo_role, enum algo_slot, struct bytes))
{
    for (int profile = PROFILE_DEFAULT; profile <= PROFILE_GOV; profile++)
        for (int role = ALGO_CLIENT; role <= ALGO_SERVER; role++)
            for (int slot = 0; slot < ALGO_SLOTS; slot++)
                check((enum algo_profile)profile, (enum algo_role)role,
                      (enum algo_slot)slot,
                      bytes_str(algo_list((enum algo_profile)profile,
                                          (enum algo_role)role, (enum algo_slot)slot)));
}

static bool
has(struct bytes list, const char *name)
{
    struct bytes item;
    while (bytes_next_item(&list, &item))
        if (bytes_eq_str(item, name))
            return true;
    return false;
}

static void
check_names(enum algo_profile profile, enum algo_role role, enum algo_slot slot,
            struct bytes list)
{
    (void)profile, (void)role;
    struct bytes rest = list, name, other;
    assert_true(list.n != 0);
    while (bytes_next_item(&rest, &name)) {
        if (!is_implemented(slot, name) || !algo_is_known(slot, name))
            fail_msg("slot %d: %.*s", slot, (int)name.n, name.p);
        struct bytes behind = rest;
        while (bytes_next_item(&behind, &other))
            assert_false(bytes_eq(name, other));
    }
}

static void
every_offered_name_is_implemented_and_offered_once(void **state)
{
    (void)state;
    each_list(check_names);
}

static void
check_weak(enum algo_profile profile, enum algo_role role, enum algo_slot slot,
           struct bytes list)
{
    (void)profile, (void)role, (void)slot;
    static const char *const weak[] = {"ssh-rsa",
                                       "ssh-dss",
                                       "ssh-rsa-cert-v01@openssh.com",
                                       "hmac-sha1",
                                       "hmac-md5",
                                       "aes128-cbc",
                                       "3des-cbc",
                                       "arcfour",
                                       "diffie-hellman-group1-sha1",
                                       "diffie-hellman-group14-sha1",
                                       "zlib"};
    for (size_t i = 0; i < ARRAY_LEN(weak); i++)
        assert_false(has(list, weak[i]));
    if (slot != ALGO_COMPRESSION)
        assert_false(has(list, "none"));
}

static void
nothing_weak_is_in_any_list(void **state)
{
    (void)state;
    each_list(check_weak);
}

static void
the_servers_default_is_the_documented_one(void **state)
{
    (void)state;
    static const char *const expected[ALGO_SLOTS] = {
        [ALGO_KEX] = "mlkem768x25519-sha256,sntrup761x25519-sha512,"
                     "sntrup761x25519-sha512@openssh.com,curve25519-sha256,"
                     "curve25519-sha256@libssh.org",
        [ALGO_CIPHER] = "chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,"
                        "aes128-gcm@openssh.com,aes256-ctr,aes192-ctr,aes128-ctr",
        [ALGO_MAC] = "hmac-sha2-512-etm@openssh.com,hmac-sha2-256-etm@openssh.com",
        [ALGO_COMPRESSION] = "none",
    };
    for (int slot = 0; slot < ALGO_SLOTS; slot++)
        if (expected[slot])
            assert_string_equal(
                algo_list(PROFILE_DEFAULT, ALGO_SERVER, (enum algo_slot)slot),
                expected[slot]);
    struct bytes keys = bytes_str(algo_list(PROFILE_DEFAULT, ALGO_SERVER, ALGO_HOST_KEY));
    assert_true(has(keys, "ssh-ed25519") && has(keys, "rsa-sha2-512") &&
                has(keys, "rsa-sha2-256"));
    assert_false(has(keys, "ecdsa-sha2-nistp256"));
}

static void
gov_has_nist_curves_and_aes_only(void **state)
{
    (void)state;
    struct bytes kex = bytes_str(algo_list(PROFILE_GOV, ALGO_CLIENT, ALGO_KEX)), name;
    while (bytes_next_item(&kex, &name))
        assert_true(bytes_has_prefix(name, "ecdh-sha2-nistp"));
    struct bytes ciphers = bytes_str(algo_list(PROFILE_GOV, ALGO_SERVER, ALGO_CIPHER));
    while (bytes_next_item(&ciphers, &name))
        assert_true(bytes_has_prefix(name, "aes"));
    assert_string_equal(algo_list(PROFILE_GOV, ALGO_CLIENT, ALGO_HOST_KEY),
                        algo_list(PROFILE_GOV, ALGO_SERVER, ALGO_HOST_KEY));
}

static void
profiles_have_names(void **state)
{
    (void)state;
    enum algo_profile profile;
    assert_true(algo_profile_by_name(BYTES_LIT("compat"), &profile));
    assert_int_equal(profile, PROFILE_COMPAT);
    assert_true(algo_profile_by_name(BYTES_LIT("gov"), &profile));
    assert_int_equal(profile, PROFILE_GOV);
    assert_false(algo_profile_by_name(BYTES_LIT("strong"), &profile));
}

/* ---- ssh_config's edits ---- */

static const struct {
    const char *defaults, *spec, *result, *bad;
} edits[] = {
    {"aes128-ctr,aes256-ctr", "aes192-ctr", "aes192-ctr", NULL},
    {"aes128-ctr", "+aes192-ctr,aes128-ctr", "aes128-ctr,aes192-ctr", NULL},
    {"aes128-ctr,aes256-ctr", "^aes256-ctr", "aes256-ctr,aes128-ctr", NULL},
    {"aes128-ctr,aes256-ctr", "^aes192-ctr", "aes192-ctr,aes128-ctr,aes256-ctr", NULL},
    {"aes128-ctr,aes256-gcm@openssh.com,aes256-ctr", "-aes*-ctr",
     "aes256-gcm@openssh.com", NULL},
    {"aes128-ctr,aes256-ctr", "-aes128-ctr,3des-cbc", "aes256-ctr", NULL},
    {"aes128-ctr,aes256-ctr", "-aes?2?-ctr,aes2?6-*", "", NULL},
    {"aes128-ctr", "+aes*gcm*",
     "aes128-ctr,aes256-gcm@openssh.com,aes128-gcm@openssh.com", NULL},
    {"aes128-ctr", "aes192-ctr,aes192-ctr", "aes192-ctr", NULL},
    {"aes128-ctr", "+3des-cbc", NULL, "3des-cbc"},
    {"aes128-ctr", "aes128-ctr,arcfour", NULL, "arcfour"},
    {"aes128-ctr", "^blowfish*", NULL, "blowfish*"},
    {"aes128-ctr", "aes128-ctr,,aes256-ctr", NULL, ""},
};

static void
specs_edit_the_default_list(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(edits); i++) {
        struct buf out;
        struct bytes bad;
        buf_init(&out, 4096);
        enum err e = algo_list_apply(ALGO_CIPHER, edits[i].defaults,
                                     bytes_str(edits[i].spec), &out, &bad);
        assert_int_equal(e, edits[i].bad ? ERR_PROTO : ERR_NONE);
        if (edits[i].bad)
            assert_true(bytes_eq_str(bad, edits[i].bad));
        else
            assert_string_equal(buf_cstr(&out), edits[i].result);
        buf_clear(&out);
    }
}

/* Threats R9: patterns made to go back and forth must end soon. */
static void
hostile_patterns_end_soon(void **state)
{
    (void)state;
    struct buf spec, out;
    struct bytes bad;
    buf_init(&spec, 8192);
    buf_init(&out, 4096);
    buf_put_str(&spec, "-");
    for (int i = 0; i < 2000; i++)
        buf_put_str(&spec, "*a");
    buf_put_str(&spec, "*b");
    assert_int_equal(
        algo_list_apply(ALGO_CIPHER, "aes128-ctr", buf_bytes(&spec), &out, &bad),
        ERR_NONE);
    assert_string_equal(buf_cstr(&out), "aes128-ctr");
    buf_clear(&spec);
    buf_clear(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_offered_name_is_implemented_and_offered_once),
        cmocka_unit_test(nothing_weak_is_in_any_list),
        cmocka_unit_test(the_servers_default_is_the_documented_one),
        cmocka_unit_test(gov_has_nist_curves_and_aes_only),
        cmocka_unit_test(profiles_have_names),
        cmocka_unit_test(specs_edit_the_default_list),
        cmocka_unit_test(hostile_patterns_end_soon),
    };
    return cmocka_run_group_tests(tests, load_libcrypto, NULL);
}
