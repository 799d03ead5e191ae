/* Hashes and HMAC against FIPS 180's, RFC 4231's and OpenSSH's examples, and
 * bcrypt_pbkdf against Python bcrypt's kdf. */
#include "crypto/hash.h"

#include "crypto/bcrypt_pbkdf.h"
#include "crypto/crypto_test.h"

static const struct {
    const char *name;
    enum hash_id id;
    size_t len;
    const char *of_abc;
} rows[] = {
    {"md5", HASH_MD5, 16, "900150983cd24fb0d6963f7d28e17f72"},
    {"sha1", HASH_SHA1, 20, "a9993e364706816aba3e25717850c26c9cd0d89d"},
    {"sha224", HASH_SHA224, 28,
     "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"},
    {"sha256", HASH_SHA256, 32,
     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"sha384", HASH_SHA384, 48,
     "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded163"
     "1a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"},
    {"sha512", HASH_SHA512, 64,
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
     "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
};

static void
digests_of_abc(void **state)
{
    (void)state;
    uint8_t digest[HASH_MAX_LEN];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(hash_len(rows[i].id), rows[i].len);
        assert_int_equal(hash_digest(rows[i].id, BYTES_LIT("abc"), digest), ERR_NONE);
        expect_all_hex(digest, rows[i].len, rows[i].of_abc);
    }
}

static void
names_lead_to_ids_and_back(void **state)
{
    (void)state;
    enum hash_id id;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_true(hash_by_name(bytes_str(rows[i].name), &id));
        assert_int_equal(id, rows[i].id);
        assert_string_equal(hash_name(id), rows[i].name);
    }
    assert_false(hash_by_name(BYTES_LIT("sha3-256"), &id));
    assert_false(hash_by_name(BYTES_LIT(""), &id));
}

static void
parts_give_the_same_as_the_whole_and_state_starts_over(void **state)
{
    (void)state;
    uint8_t digest[HASH_MAX_LEN];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct hash *h = NULL;
        assert_int_equal(hash_new(rows[i].id, &h), ERR_NONE);
        for (int round = 0; round < 2; round++) {
            assert_int_equal(hash_update(h, BYTES_LIT("a")), ERR_NONE);
            assert_int_equal(hash_update(h, (struct bytes){0}), ERR_NONE);
            assert_int_equal(hash_update(h, BYTES_LIT("bc")), ERR_NONE);
            assert_int_equal(hash_final(h, digest), ERR_NONE);
            expect_all_hex(digest, rows[i].len, rows[i].of_abc);
        }
        hash_free(h);
    }
}

static void
hmac_of_rfc4231_test_case_2(void **state)
{
    (void)state;
    uint8_t mac[HASH_MAX_LEN];
    struct bytes data = BYTES_LIT("what do ya want for nothing?");
    assert_int_equal(hmac_digest(HASH_SHA256, BYTES_LIT("Jefe"), data, mac), ERR_NONE);
    expect_all_hex(mac, 32,
                   "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    assert_int_equal(hmac_digest(HASH_SHA512, BYTES_LIT("Jefe"), data, mac), ERR_NONE);
    expect_all_hex(mac, 64,
                   "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
                   "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737");
}

/* The example of a hashed known_hosts line: example.com under salt 00..13. */
static void
hmac_sha1_of_a_hashed_host_name(void **state)
{
    (void)state;
    uint8_t salt[20], mac[20];
    fill_counting(salt, sizeof salt, 0);
    assert_int_equal(hmac_digest(HASH_SHA1, bytes_of(salt, sizeof salt),
                                 BYTES_LIT("example.com"), mac),
                     ERR_NONE);
    expect_all_hex(mac, 20, "9e750ad7a00db1777784bdf561f02418e96e4a35");
}

static void
hmac_under_an_empty_key(void **state)
{
    (void)state;
    uint8_t mac[32];
    assert_int_equal(hmac_digest(HASH_SHA256, (struct bytes){0}, (struct bytes){0}, mac),
                     ERR_NONE);
    expect_all_hex(mac, 32,
                   "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void
bcrypt_pbkdf_matches_the_vectors(void **state)
{
    (void)state;
    uint8_t out[48], salt[16];
    assert_int_equal(bcrypt_pbkdf(BYTES_LIT("password"), BYTES_LIT("salt"), 4, out, 32),
                     ERR_NONE);
    expect_all_hex(out, 32,
                   "5bbf0cc293587f1c3635555c27796598d47e579071bf427e9d8fbe842aba34d9");
    fill_counting(salt, sizeof salt, 0);
    assert_int_equal(
        bcrypt_pbkdf(BYTES_LIT("pass\0word"), bytes_of(salt, sizeof salt), 2, out, 48),
        ERR_NONE);
    expect_all_hex(out, 48,
                   "496945e405956abae43528c70f580f2b6ee743e1bf265376"
                   "e9d0f03ccc9d00a4ff4d04262e1db8f0dbbb85dcb36010da");
}

static void
bcrypt_pbkdf_refuses_what_would_take_for_ever(void **state)
{
    (void)state;
    uint8_t out[32];
    struct bytes pass = BYTES_LIT("p"), salt = BYTES_LIT("s"), none = {0};
    assert_int_equal(bcrypt_pbkdf(pass, salt, UINT32_MAX, out, 32), ERR_LIMIT);
    assert_int_equal(bcrypt_pbkdf(pass, salt, BCRYPT_ROUNDS_MAX + 1, out, 32), ERR_LIMIT);
    assert_int_equal(bcrypt_pbkdf(pass, salt, 0, out, 32), ERR_LIMIT);
    assert_int_equal(bcrypt_pbkdf(none, salt, 1, out, 32), ERR_LIMIT);
    assert_int_equal(bcrypt_pbkdf(pass, none, 1, out, 32), ERR_LIMIT);
    assert_int_equal(bcrypt_pbkdf(pass, salt, 1, out, 0), ERR_LIMIT);
    static uint8_t large[BCRYPT_OUT_MAX + 1];
    assert_int_equal(bcrypt_pbkdf(pass, salt, 1, large, sizeof large), ERR_LIMIT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_of_abc),
        cmocka_unit_test(names_lead_to_ids_and_back),
        cmocka_unit_test(parts_give_the_same_as_the_whole_and_state_starts_over),
        cmocka_unit_test(hmac_of_rfc4231_test_case_2),
        cmocka_unit_test(hmac_sha1_of_a_hashed_host_name),
        cmocka_unit_test(hmac_under_an_empty_key),
        cmocka_unit_test(bcrypt_pbkdf_matches_the_vectors),
        cmocka_unit_test(bcrypt_pbkdf_refuses_what_would_take_for_ever),
    };
    return cmocka_run_group_tests(tests, load_libcrypto, NULL);
}
