#include "base/base_test.h"

#include "ssh/conn.h"
#include "ssh/negotiate.h"

static struct ssh_kexinit
kexinit(const char *kex, const char *host_key, const char *cipher, const char *mac)
{
    struct bytes none = BYTES_LIT("none");
    return (struct ssh_kexinit){.kex_algorithms = bytes_str(kex),
                                .server_host_key_algorithms = bytes_str(host_key),
                                .encryption_client_to_server = bytes_str(cipher),
                                .encryption_server_to_client = bytes_str(cipher),
                                .mac_client_to_server = bytes_str(mac),
                                .mac_server_to_client = bytes_str(mac),
                                .compression_client_to_server = none,
                                .compression_server_to_client = none};
}

static void
the_clients_order_decides(void **state)
{
    (void)state;
    struct ssh_kexinit c =
        kexinit("ecdh-sha2-nistp256,curve25519-sha256", "rsa-sha2-512,ssh-ed25519",
                "aes128-ctr,aes256-ctr", "hmac-sha2-512,hmac-sha2-256");
    struct ssh_kexinit s =
        kexinit("curve25519-sha256,ecdh-sha2-nistp256", "ssh-ed25519,rsa-sha2-512",
                "aes256-ctr,aes128-ctr", "hmac-sha2-256,hmac-sha2-512");
    struct algo_choice choice;
    struct fault why = {.code = ERR_NONE};
    assert_int_equal(negotiate(&c, &s, &choice, &why), ERR_NONE);
    assert_string_equal(choice.kex->name, "ecdh-sha2-nistp256");
    assert_string_equal(choice.host_key->name, "rsa-sha2-512");
    assert_string_equal(choice.cipher[DIR_C2S]->name, "aes128-ctr");
    assert_string_equal(choice.mac[DIR_S2C]->name, "hmac-sha2-512");
    assert_false(choice.guess_was_right);
}

static void
directions_may_differ(void **state)
{
    (void)state;
    struct ssh_kexinit c =
        kexinit("curve25519-sha256", "ssh-ed25519", "aes128-ctr", "hmac-sha2-256");
    struct ssh_kexinit s = c;
    c.encryption_server_to_client = s.encryption_server_to_client =
        BYTES_LIT("chacha20-poly1305@openssh.com");
    c.compression_client_to_server = s.compression_client_to_server =
        BYTES_LIT("zlib@openssh.com,none");
    struct algo_choice choice;
    struct fault why = {.code = ERR_NONE};
    assert_int_equal(negotiate(&c, &s, &choice, &why), ERR_NONE);
    assert_string_equal(choice.cipher[DIR_C2S]->name, "aes128-ctr");
    assert_true(choice.cipher[DIR_S2C]->is_aead);
    assert_null(choice.mac[DIR_S2C]);
    assert_non_null(choice.mac[DIR_C2S]);
    assert_true(choice.zlib[DIR_C2S]);
    assert_false(choice.zlib[DIR_S2C]);
    assert_true(choice.guess_was_right);
}

static void
mac_lists_need_not_meet_with_an_aead(void **state)
{
    (void)state;
    struct ssh_kexinit c = kexinit("curve25519-sha256", "ssh-ed25519",
                                   "aes128-gcm@openssh.com", "hmac-sha2-256");
    struct ssh_kexinit s = kexinit("curve25519-sha256", "ssh-ed25519",
                                   "aes128-gcm@openssh.com", "hmac-sha2-512");
    struct algo_choice choice;
    struct fault why = {.code = ERR_NONE};
    assert_int_equal(negotiate(&c, &s, &choice, &why), ERR_NONE);
    assert_null(choice.mac[DIR_C2S]);
}

static void
nothing_in_common_names_the_slot(void **state)
{
    (void)state;
    const struct {
        struct ssh_kexinit server;
        const char *words;
    } cases[] = {
        {kexinit("x", "ssh-ed25519", "aes128-ctr", "hmac-sha2-256"),
         "key exchange method"},
        {kexinit("curve25519-sha256", "x", "aes128-ctr", "hmac-sha2-256"),
         "host key algorithm"},
        {kexinit("curve25519-sha256", "ssh-ed25519", "x", "hmac-sha2-256"), "cipher"},
        {kexinit("curve25519-sha256", "ssh-ed25519", "aes128-ctr", "x"), "MAC"},
        {kexinit("curve25519-sha256", "ssh-ed25519", "aes128-ctr", ""), "MAC"},
    };
    struct ssh_kexinit c =
        kexinit("curve25519-sha256", "ssh-ed25519", "aes128-ctr", "hmac-sha2-256");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct algo_choice choice;
        struct fault why = {.code = ERR_NONE};
        assert_int_equal(negotiate(&c, &cases[i].server, &choice, &why), ERR_PROTO);
        assert_int_equal(why.reason, DISCONNECT_KEY_EXCHANGE_FAILED);
        assert_non_null(strstr(why.text, cases[i].words));
    }
}

/* Both ends naming a method that only one of them knows must not crash either. */
static void
pseudo_methods_are_never_chosen(void **state)
{
    (void)state;
    struct ssh_kexinit c = kexinit("ext-info-c,curve25519-sha256", "ssh-ed25519",
                                   "aes128-ctr", "hmac-sha2-256");
    struct ssh_kexinit s = c;
    struct algo_choice choice;
    struct fault why = {.code = ERR_NONE};
    assert_int_equal(negotiate(&c, &s, &choice, &why), ERR_PROTO);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_clients_order_decides),
        cmocka_unit_test(directions_may_differ),
        cmocka_unit_test(mac_lists_need_not_meet_with_an_aead),
        cmocka_unit_test(nothing_in_common_names_the_slot),
        cmocka_unit_test(pseudo_methods_are_never_chosen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
