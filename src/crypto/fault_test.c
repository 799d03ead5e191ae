/*
 * Every call into libcrypto, and every allocation, fails once: whatever was
 * being done must then fail too, and give back all memory (threats K1). The
 * faults that made connections readable elsewhere were results of 0 or -1
 * taken for success, so both are tried.
 *
 * And a signer that computes wrongly: no signature of its may leave (K5).
 */
#include <stdlib.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include "crypto/bcrypt_pbkdf.h"
#include "crypto/crypto_test.h"
#include "crypto/kex.h"
#include "crypto/key_impl.h"
#include "crypto/protect.h"
#include "wire/put.h"

enum call {
#define CALL(type, failure, name, formals, actuals) CALL_##name,
#include "crypto/fault_calls.inc"
#undef CALL
    CALLS
};

static const char *const call_names[CALLS] = {
#define CALL(type, failure, name, formals, actuals) #name,
#include "crypto/fault_calls.inc"
#undef CALL
};

/* What the wrappers do; the tests' only channel to them. */
static struct {
    size_t n_calls;  /* since the scenario began */
    size_t fails_at; /* 1: the first; 0: none */
    int refusal;     /* what an int function then returns */
    long n_blocks;   /* allocated by us and by libcrypto, not yet freed */
    bool was_reached[CALLS];
    size_t signer_flips; /* 1 + octet of a signature to spoil; 0: none */
} fault;

static bool
fault_fires(enum call call)
{
    fault.was_reached[call] = true;
    return ++fault.n_calls == fault.fails_at;
}

/* The linker sends `name` to __wrap_name, and __real_name to libcrypto. */
#define NOTHING NULL
#define REFUSAL fault.refusal
#define CALL(type, failure, name, formals, actuals) \
    type __real_##name formals;                     \
    type __wrap_##name formals;                     \
    type wrapped_##name formals;
#include "crypto/fault_calls.inc"
#undef CALL

/* Three have something to do beside failing. */
#define __wrap_malloc         wrapped_malloc
#define __wrap_calloc         wrapped_calloc
#define __wrap_EVP_DigestSign wrapped_EVP_DigestSign
#define CALL(type, failure, name, formals, actuals)                        \
    type __wrap_##name formals                                             \
    {                                                                      \
        return fault_fires(CALL_##name) ? failure : __real_##name actuals; \
    }
#include "crypto/fault_calls.inc"
#undef CALL
#undef __wrap_malloc
#undef __wrap_calloc
#undef __wrap_EVP_DigestSign

static void *
counted(void *p)
{
    fault.n_blocks += p != NULL;
    return p;
}

void *
__wrap_malloc(size_t n)
{
    return counted(wrapped_malloc(n));
}

void *
__wrap_calloc(size_t n, size_t size)
{
    return counted(wrapped_calloc(n, size));
}

void __real_free(void *p);
void __wrap_free(void *p);

void
__wrap_free(void *p)
{
    fault.n_blocks -= p != NULL;
    __real_free(p);
}

int
__wrap_EVP_DigestSign(EVP_MD_CTX *ctx, unsigned char *sig, size_t *n,
                      const unsigned char *data, size_t data_len)
{
    int rc = wrapped_EVP_DigestSign(ctx, sig, n, data, data_len);
    if (rc == 1 && fault.signer_flips != 0 && fault.signer_flips <= *n)
        sig[fault.signer_flips - 1] ^= 0x10;
    return rc;
}

/* libcrypto's own allocations are counted but never fail here. */
static void *
lib_malloc(size_t n, const char *file, int line)
{
    (void)file, (void)line;
    return counted(__real_malloc(n));
}

static void *
lib_realloc(void *p, size_t n, const char *file, int line)
{
    (void)file, (void)line;
    void *q = realloc(p, n);
    fault.n_blocks += (p == NULL && q != NULL) - (p != NULL && n == 0);
    return q;
}

static void
lib_free(void *p, const char *file, int line)
{
    (void)file, (void)line;
    __wrap_free(p);
}

/* ---- scenarios: ERR_NONE only when all went well and the result is right ---- */

static struct privkey *key_ed, *key_ec, *key_rsa_2048;
static struct buf fields[KEY_RSA + 1], pem_text, pem_encrypted;

/* Scenarios in which an attacker has changed something must never succeed,
 * least of all because a call failed. */
static bool is_attacked;

static enum err
check_packets(struct protect *sealer, struct protect *opener)
{
    uint8_t wire[128];
    struct protect_shape shape = protect_shape(sealer);
    size_t len = shape.aad + 3 * shape.block;
    uint32_t packet_length = 0;
    fill_counting(wire, len, 0);
    store_u32(wire, (uint32_t)len - 4);
    enum err e = protect_seal(sealer, 1, wire, len);
    if (is_attacked)
        wire[len] ^= 0x01; /* the tag */
    if (e == ERR_NONE)
        e = protect_length(opener, 1, wire, &packet_length);
    if (e == ERR_NONE)
        e = packet_length == len - 4 ? protect_open(opener, 1, wire, len) : ERR_BUG;
    return e == ERR_NONE && wire[len - 1] != len - 1 ? ERR_BUG : e;
}

static enum err
packet_passes(const char *cipher_name, const char *mac_name)
{
    const struct cipher_algo *cipher = cipher_by_name(bytes_str(cipher_name));
    const struct mac_algo *mac = mac_by_name(bytes_str(mac_name));
    static const uint8_t zeros[64];
    struct bytes key = bytes_of(zeros, cipher->key_len);
    struct bytes iv = bytes_of(zeros, cipher->iv_len);
    struct bytes mac_key = bytes_of(zeros, mac ? mac->key_len : 0);
    struct protect *sealer = NULL, *opener = NULL;
    enum err e = protect_new(cipher, mac, true, key, iv, mac_key, &sealer);
    if (e == ERR_NONE)
        e = protect_new(cipher, mac, false, key, iv, mac_key, &opener);
    if (e == ERR_NONE)
        e = check_packets(sealer, opener);
    struct protect_keys keys;
    if (e == ERR_NONE)
        e = protect_export(sealer, &keys);
    protect_free(sealer);
    protect_free(opener);
    return e;
}

static enum err
gcm_packet_passes(void)
{
    return packet_passes("aes128-gcm@openssh.com", NULL);
}

static enum err
chacha_packet_passes(void)
{
    return packet_passes("chacha20-poly1305@openssh.com", NULL);
}

static enum err
etm_packet_passes(void)
{
    return packet_passes("aes256-ctr", "hmac-sha2-256-etm@openssh.com");
}

static enum err
eam_packet_passes(void)
{
    return packet_passes("aes256-ctr", "hmac-sha2-512");
}

static enum err
both_agree(const char *method)
{
    const struct kex_algo *algo = kex_by_name(bytes_str(method));
    struct buf server_public, client_secret, server_secret;
    struct kex *client = NULL;
    uint8_t key[64];
    buf_init(&server_public, KEX_PUBLIC_MAX);
    buf_init(&client_secret, KEX_PUBLIC_MAX);
    buf_init(&server_secret, KEX_PUBLIC_MAX);
    enum err e = kex_new(algo, &rand_system, &client);
    if (e == ERR_NONE)
        e = kex_reply(algo, &rand_system, kex_public(client), &server_public,
                      &server_secret);
    if (e == ERR_NONE)
        e = kex_finish(client, buf_bytes(&server_public), &client_secret);
    if (e == ERR_NONE && !bytes_eq(buf_bytes(&client_secret), buf_bytes(&server_secret)))
        e = ERR_BUG;
    if (e == ERR_NONE)
        e = kex_derive_key(algo->hash, buf_bytes(&client_secret), BYTES_LIT("H"), 'A',
                           BYTES_LIT("H"), key, sizeof key);
    kex_free(client);
    buf_clear(&server_public);
    buf_clear(&client_secret);
    buf_clear(&server_secret);
    return e;
}

static enum err
x25519_agrees(void)
{
    return both_agree("curve25519-sha256");
}

static enum err
mlkem_agrees(void)
{
    return both_agree("mlkem768x25519-sha256");
}

static enum err
sntrup_agrees(void)
{
    return both_agree("sntrup761x25519-sha512");
}

static enum err
nistp256_agrees(void)
{
    return both_agree("ecdh-sha2-nistp256");
}

static enum err
group14_agrees(void)
{
    return both_agree("diffie-hellman-group14-sha256");
}

static enum err
signature_verifies(const char *name, const struct privkey *key)
{
    const struct sig_algo *algo = sig_by_name(bytes_str(name));
    struct buf signature;
    buf_init(&signature, SIG_BLOB_MAX);
    enum err e = sig_sign(algo, key, BYTES_LIT("data"), &signature);
    assert_true(e == ERR_NONE || signature.n == 0);
    struct bytes data = is_attacked ? BYTES_LIT("date") : BYTES_LIT("data");
    if (e == ERR_NONE)
        e = sig_verify(algo, privkey_public(key), buf_bytes(&signature), data, NULL);
    buf_clear(&signature);
    return e;
}

static enum err
ed25519_signs(void)
{
    return signature_verifies("ssh-ed25519", key_ed);
}

static enum err
ecdsa_signs(void)
{
    return signature_verifies("ecdsa-sha2-nistp256", key_ec);
}

static enum err
rsa_signs(void)
{
    return signature_verifies("rsa-sha2-512", key_rsa_2048);
}

static enum err
key_is_read(enum key_kind kind)
{
    struct privkey *key = NULL;
    size_t used = 0;
    enum err e = privkey_parse_fields(kind, buf_bytes(&fields[kind]), &used, &key);
    privkey_free(key);
    return e;
}

static enum err
ed25519_key_is_read(void)
{
    return key_is_read(KEY_ED25519);
}

static enum err
ecdsa_key_is_read(void)
{
    return key_is_read(KEY_ECDSA_P256);
}

static enum err
rsa_key_is_read(void)
{
    return key_is_read(KEY_RSA);
}

static enum err
pem_is_read(const struct buf *text, struct bytes passphrase)
{
    struct privkey *key = NULL;
    enum err e = privkey_parse_pem(buf_bytes(text), passphrase, &key);
    privkey_free(key);
    return e;
}

static enum err
plain_pem_is_read(void)
{
    return pem_is_read(&pem_text, (struct bytes){0});
}

static enum err
encrypted_pem_is_read(void)
{
    return pem_is_read(&pem_encrypted, BYTES_LIT("pass"));
}

static enum err
generate(enum key_kind kind)
{
    struct privkey *key = NULL;
    enum err e = privkey_generate(kind, 0, &key);
    privkey_free(key);
    return e;
}

static enum err
ed25519_key_is_made(void)
{
    return generate(KEY_ED25519);
}

static enum err
ecdsa_key_is_made(void)
{
    return generate(KEY_ECDSA_P384);
}

static enum err
hashes_are_made(void)
{
    uint8_t a[HASH_MAX_LEN], b[HASH_MAX_LEN];
    struct hash *h = NULL;
    enum err e = hash_new(HASH_SHA384, &h);
    if (e == ERR_NONE)
        e = hash_update(h, BYTES_LIT("abc"));
    if (e == ERR_NONE)
        e = hash_final(h, a);
    if (e == ERR_NONE)
        e = hash_digest(HASH_SHA384, BYTES_LIT("abc"), b);
    if (e == ERR_NONE && memcmp(a, b, 48) != 0)
        e = ERR_BUG;
    hash_free(h);
    if (e == ERR_NONE)
        e = hmac_digest(HASH_SHA1, BYTES_LIT("key"), BYTES_LIT("abc"), a);
    return e;
}

static enum err
bcrypt_is_made(void)
{
    uint8_t out[48];
    return bcrypt_pbkdf(BYTES_LIT("p"), BYTES_LIT("s"), 2, out, sizeof out);
}

static const struct {
    const char *name;
    enum err (*run)(void);
    bool can_be_attacked;
} scenarios[] = {
    {"gcm", gcm_packet_passes, true},
    {"chacha", chacha_packet_passes, true},
    {"encrypt-then-MAC", etm_packet_passes, true},
    {"encrypt-and-MAC", eam_packet_passes, true},
    {"x25519", x25519_agrees, false},
    {"mlkem", mlkem_agrees, false},
    {"sntrup", sntrup_agrees, false},
    {"nistp256", nistp256_agrees, false},
    {"group14", group14_agrees, false},
    {"ed25519 signs", ed25519_signs, true},
    {"ecdsa signs", ecdsa_signs, true},
    {"rsa signs", rsa_signs, true},
    {"ed25519 key", ed25519_key_is_read, false},
    {"ecdsa key", ecdsa_key_is_read, false},
    {"rsa key", rsa_key_is_read, false},
    {"pem", plain_pem_is_read, false},
    {"encrypted pem", encrypted_pem_is_read, false},
    {"new ed25519", ed25519_key_is_made, false},
    {"new ecdsa", ecdsa_key_is_made, false},
    {"hashes", hashes_are_made, false},
    {"bcrypt", bcrypt_is_made, false},
};

/* One run; what libcrypto keeps for its thread (errors, generators) is given
 * back, so that the blocks left over are leaks. */
static enum err
run_with_fault_at(enum err (*run)(void), size_t at, int refusal)
{
    fault.n_calls = 0;
    fault.fails_at = at;
    fault.refusal = refusal;
    enum err e = run();
    fault.fails_at = 0;
    OPENSSL_thread_stop();
    return e;
}

enum { CALLS_MAX = 2000 };

static void
check_scenario(const char *name, enum err (*run)(void), int refusal)
{
    enum err expected = is_attacked ? ERR_CRYPTO : ERR_NONE;
    assert_int_equal(run_with_fault_at(run, 0, refusal), expected); /* warms caches */
    size_t n_calls = fault.n_calls;
    assert_in_range(n_calls, 1, CALLS_MAX);
    for (size_t at = 1; at <= n_calls; at++) {
        long n_blocks = fault.n_blocks;
        enum err e = run_with_fault_at(run, at, refusal);
        if (e == ERR_NONE)
            fail_msg("%s: call %zu of %zu failed (%d) unnoticed", name, at, n_calls,
                     refusal);
        if (fault.n_blocks != n_blocks)
            fail_msg("%s: call %zu of %zu failed (%d): %ld blocks leaked", name, at,
                     n_calls, refusal, fault.n_blocks - n_blocks);
    }
}

static void
a_failed_call_is_never_success_and_never_leaks(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(scenarios); i++) {
        check_scenario(scenarios[i].name, scenarios[i].run, 0);
        check_scenario(scenarios[i].name, scenarios[i].run, -1);
    }
}

static void
a_failed_call_never_lets_a_forgery_pass(void **state)
{
    (void)state;
    is_attacked = true;
    for (size_t i = 0; i < ARRAY_LEN(scenarios); i++) {
        if (!scenarios[i].can_be_attacked)
            continue;
        check_scenario(scenarios[i].name, scenarios[i].run, 0);
        check_scenario(scenarios[i].name, scenarios[i].run, -1);
    }
    is_attacked = false;
}

/* A wrapper that is never reached would test nothing. */
static void
every_wrapped_call_was_reached(void **state)
{
    (void)state;
    for (size_t i = 0; i < CALLS; i++)
        if (!fault.was_reached[i])
            fail_msg("%s was never called", call_names[i]);
}

static void
a_wrong_signature_never_leaves(void **state)
{
    (void)state;
    static const char *const names[] = {"ssh-ed25519", "ecdsa-sha2-nistp256",
                                        "rsa-sha2-256"};
    const struct privkey *keys[] = {key_ed, key_ec, key_rsa_2048};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        for (size_t octet = 0; octet < 64; octet++) {
            struct buf signature;
            buf_init(&signature, SIG_BLOB_MAX);
            fault.signer_flips = octet + 1;
            enum err e = sig_sign(sig_by_name(bytes_str(names[i])), keys[i],
                                  BYTES_LIT("data"), &signature);
            fault.signer_flips = 0;
            if (e != ERR_CRYPTO || signature.n != 0)
                fail_msg("%s: octet %zu: %s", names[i], octet, err_name(e));
            buf_clear(&signature);
        }
    }
}

/* ---- set-up ---- */

static struct privkey *
key_make(enum key_kind kind)
{
    struct privkey *key = NULL;
    assert_int_equal(privkey_generate(kind, 2048, &key), ERR_NONE);
    buf_init(&fields[kind], 16384);
    assert_int_equal(privkey_put_fields(key, &fields[kind]), ERR_NONE);
    return key;
}

static void
pem_make(struct buf *text, const EVP_CIPHER *cipher)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *p = NULL;
    buf_init(text, 8192);
    assert_int_equal(PEM_write_bio_PrivateKey(bio, key_rsa_2048->pkey, cipher,
                                              (const unsigned char *)"pass", 4, NULL,
                                              NULL),
                     1);
    long n = BIO_get_mem_data(bio, &p);
    buf_put(text, bytes_of(p, (size_t)n));
    BIO_free(bio);
}

static int
make_keys(void **state)
{
    if (CRYPTO_set_mem_functions(lib_malloc, lib_realloc, lib_free) != 1 ||
        load_libcrypto(state) != 0)
        return -1;
    key_ed = key_make(KEY_ED25519);
    key_ec = key_make(KEY_ECDSA_P256);
    key_rsa_2048 = key_make(KEY_RSA);
    pem_make(&pem_text, NULL);
    pem_make(&pem_encrypted, EVP_aes_128_cbc());
    return 0;
}

static int
free_keys(void **state)
{
    (void)state;
    privkey_free(key_ed);
    privkey_free(key_ec);
    privkey_free(key_rsa_2048);
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        buf_clear(&fields[i]);
    buf_clear(&pem_text);
    buf_clear(&pem_encrypted);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_call_is_never_success_and_never_leaks),
        cmocka_unit_test(a_failed_call_never_lets_a_forgery_pass),
        cmocka_unit_test(every_wrapped_call_was_reached),
        cmocka_unit_test(a_wrong_signature_never_leaves),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
