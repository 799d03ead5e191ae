/*
 * Keys and signatures: every algorithm against every other (threats K6), every
 * malformed key and signature refused, keys from every form they come in.
 */
#include "crypto/sig.h"

#include <openssl/pem.h>

#include "crypto/crypto_test.h"
#include "crypto/key_impl.h"
#include "wire/put.h"

/* Every plain algorithm that signs, with the kind of its key. */
static const char *const signers[] = {
    "ssh-ed25519",         "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521", "rsa-sha2-256",        "rsa-sha2-512",
};

static const char *const all_names[] = {
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-256",
    "rsa-sha2-512",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-ed25519-cert-v01@openssh.com",
    "ecdsa-sha2-nistp256-cert-v01@openssh.com",
    "ecdsa-sha2-nistp384-cert-v01@openssh.com",
    "ecdsa-sha2-nistp521-cert-v01@openssh.com",
    "rsa-sha2-256-cert-v01@openssh.com",
    "rsa-sha2-512-cert-v01@openssh.com",
    "sk-ssh-ed25519-cert-v01@openssh.com",
    "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
};

enum { N_KINDS = KEY_SK_ECDSA_P256 + 1, N_PRIVATE = KEY_RSA + 1 };
static const char application[] = "ssh:";

/* One key of each kind; made once, RSA is slow. The FIDO ones are the public
 * halves of the plain ones under another type. */
static struct privkey *privkeys[N_PRIVATE];
static struct pubkey *sk_ed25519, *sk_ecdsa;

static const struct sig_algo *
algo_named(const char *name)
{
    const struct sig_algo *algo = sig_by_name(bytes_str(name));
    assert_non_null(algo);
    return algo;
}

static const struct pubkey *
pubkey_of(enum key_kind kind)
{
    if (kind == KEY_SK_ED25519)
        return sk_ed25519;
    return kind == KEY_SK_ECDSA_P256 ? sk_ecdsa : privkey_public(privkeys[kind]);
}

/* The plain key's blob with the FIDO type in front and an application behind. */
static struct pubkey *
sk_of(enum key_kind kind, const char *type)
{
    struct cursor c = cursor_of(pubkey_blob(privkey_public(privkeys[kind])));
    cursor_string(&c);
    struct buf blob;
    buf_init(&blob, 1024);
    put_cstring(&blob, type);
    buf_put(&blob, cursor_rest(&c));
    put_cstring(&blob, application);
    struct pubkey *key = NULL;
    assert_int_equal(pubkey_parse(buf_bytes(&blob), &key), ERR_NONE);
    buf_clear(&blob);
    return key;
}

static int
make_keys(void **state)
{
    if (load_libcrypto(state) != 0)
        return -1;
    for (int kind = 0; kind < N_PRIVATE; kind++)
        if (privkey_generate((enum key_kind)kind, 2048, &privkeys[kind]) != ERR_NONE)
            return -1;
    sk_ed25519 = sk_of(KEY_ED25519, "sk-ssh-ed25519@openssh.com");
    sk_ecdsa = sk_of(KEY_ECDSA_P256, "sk-ecdsa-sha2-nistp256@openssh.com");
    return 0;
}

static int
free_keys(void **state)
{
    (void)state;
    for (int kind = 0; kind < N_PRIVATE; kind++)
        privkey_free(privkeys[kind]);
    pubkey_free(sk_ed25519);
    pubkey_free(sk_ecdsa);
    return 0;
}

static const struct bytes message = {(const uint8_t *)"exchange hash", 13};

static void
sign(const char *name, struct bytes data, struct buf *signature)
{
    const struct sig_algo *algo = algo_named(name);
    buf_init(signature, SIG_BLOB_MAX);
    assert_int_equal(sig_sign(algo, privkeys[algo->kind], data, signature), ERR_NONE);
}

static enum err
verify(const char *name, struct bytes signature)
{
    const struct sig_algo *algo = algo_named(name);
    return sig_verify(algo, pubkey_of(algo->kind), signature, message, NULL);
}

/* ---- signatures ---- */

static void
every_algorithm_verifies_only_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(signers); i++) {
        struct buf signature;
        sign(signers[i], message, &signature);
        for (size_t k = 0; k < ARRAY_LEN(all_names); k++) {
            const struct sig_algo *algo = algo_named(all_names[k]);
            bool belongs = strcmp(algo->sig_name, signers[i]) == 0;
            for (int kind = 0; kind < N_KINDS; kind++) {
                enum err e = sig_verify(algo, pubkey_of((enum key_kind)kind),
                                        buf_bytes(&signature), message, NULL);
                bool is_right = belongs && algo->kind == (enum key_kind)kind;
                if ((e == ERR_NONE) != is_right)
                    fail_msg("%s as %s with key %d: %s", signers[i], all_names[k], kind,
                             err_name(e));
            }
        }
        buf_clear(&signature);
    }
}

static void
signing_needs_a_key_of_the_right_kind(void **state)
{
    (void)state;
    struct buf signature;
    buf_init(&signature, SIG_BLOB_MAX);
    for (size_t k = 0; k < ARRAY_LEN(all_names); k++) {
        const struct sig_algo *algo = algo_named(all_names[k]);
        for (int kind = 0; kind < N_PRIVATE; kind++) {
            bool is_right = algo->kind == (enum key_kind)kind;
            enum err e = sig_sign(algo, privkeys[kind], message, &signature);
            assert_int_equal(e, is_right ? ERR_NONE : ERR_BUG);
            assert_true(is_right || signature.n == 0);
            buf_reset(&signature);
        }
    }
    buf_clear(&signature);
}

static void
certificate_names_sign_under_the_plain_name(void **state)
{
    (void)state;
    struct buf signature;
    sign("rsa-sha2-512-cert-v01@openssh.com", message, &signature);
    struct cursor c = cursor_of(buf_bytes(&signature));
    assert_true(bytes_eq_str(cursor_string(&c), "rsa-sha2-512"));
    assert_int_equal(cursor_string(&c).n, 256);
    assert_true(cursor_is_done(&c));
    buf_clear(&signature);
}

static void
no_octet_of_signature_or_message_can_change(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(signers); i++) {
        struct buf signature;
        sign(signers[i], message, &signature);
        for (size_t at = 0; at < signature.n; at++) {
            signature.p[at] ^= 0x01;
            if (verify(signers[i], buf_bytes(&signature)) != ERR_CRYPTO)
                fail_msg("%s: octet %zu", signers[i], at);
            signature.p[at] ^= 0x01;
        }
        const struct sig_algo *algo = algo_named(signers[i]);
        assert_int_equal(sig_verify(algo, pubkey_of(algo->kind), buf_bytes(&signature),
                                    BYTES_LIT("exchange hasj"), NULL),
                         ERR_CRYPTO);
        buf_clear(&signature);
    }
}

static void
cut_and_extended_signatures_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(signers); i++) {
        struct buf signature;
        sign(signers[i], message, &signature);
        for (size_t n = 0; n < signature.n; n++)
            assert_int_equal(verify(signers[i], bytes_of(signature.p, n)), ERR_CRYPTO);
        buf_put_u8(&signature, 0);
        assert_int_equal(verify(signers[i], buf_bytes(&signature)), ERR_CRYPTO);
        buf_clear(&signature);
    }
}

/* A signature blob around a chosen inner part. */
static enum err
verify_inner(const char *name, struct bytes inner)
{
    struct buf signature;
    buf_init(&signature, SIG_BLOB_MAX + 64);
    put_cstring(&signature, name);
    put_string(&signature, inner);
    const struct sig_algo *algo = algo_named(name);
    enum err e =
        sig_verify(algo, pubkey_of(algo->kind), buf_bytes(&signature), message, NULL);
    buf_clear(&signature);
    return e;
}

static void
ecdsa_zero_and_oversized_numbers_are_refused(void **state)
{
    (void)state;
    static const uint8_t big[600] = {0x7f};
    static const struct {
        struct bytes r, s;
    } rows[] = {
        {{0}, {0}},
        {{(const uint8_t *)"\x01", 1}, {0}},
        {{0}, {(const uint8_t *)"\x01", 1}},
        {{(const uint8_t *)"\x01", 1}, {(const uint8_t *)"\x01", 1}},
        {{big, 600}, {(const uint8_t *)"\x01", 1}},
        {{big, 67}, {big, 67}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf inner;
        buf_init(&inner, 2048);
        put_mpint(&inner, rows[i].r);
        put_mpint(&inner, rows[i].s);
        assert_int_equal(verify_inner("ecdsa-sha2-nistp256", buf_bytes(&inner)),
                         ERR_CRYPTO);
        buf_clear(&inner);
    }
    static const char negative[] = "\0\0\0\1\xff\0\0\0\1\1";
    assert_int_equal(verify_inner("ecdsa-sha2-nistp256", bytes_of(negative, 10)),
                     ERR_CRYPTO);
}

/* One signature in 256 begins with a zero, which some peers leave out. */
static void
rsa_signature_without_its_leading_zero_verifies(void **state)
{
    (void)state;
    const struct sig_algo *algo = algo_named("rsa-sha2-256");
    for (uint32_t i = 0; i < 20000; i++) {
        uint8_t text[4];
        struct buf whole, cut;
        store_u32(text, i);
        sign("rsa-sha2-256", bytes_of(text, 4), &whole);
        struct cursor c = cursor_of(buf_bytes(&whole));
        cursor_string(&c);
        struct bytes inner = cursor_string(&c);
        bool has_zero = inner.p[0] == 0;
        buf_init(&cut, SIG_BLOB_MAX);
        put_cstring(&cut, "rsa-sha2-256");
        put_string(&cut, bytes_skip(inner, 1));
        enum err e = sig_verify(algo, pubkey_of(KEY_RSA), buf_bytes(&cut),
                                bytes_of(text, 4), NULL);
        buf_clear(&whole);
        buf_clear(&cut);
        assert_int_equal(e, has_zero ? ERR_NONE : ERR_CRYPTO);
        if (has_zero)
            return;
    }
    fail_msg("no signature began with a zero");
}

static void
rsa_signature_longer_than_the_modulus_is_refused(void **state)
{
    (void)state;
    struct buf signature, inner;
    sign("rsa-sha2-256", message, &signature);
    struct cursor c = cursor_of(buf_bytes(&signature));
    cursor_string(&c);
    buf_init(&inner, 1024);
    buf_put_u8(&inner, 0);
    buf_put(&inner, cursor_string(&c));
    assert_int_equal(verify_inner("rsa-sha2-256", buf_bytes(&inner)), ERR_CRYPTO);
    assert_int_equal(verify_inner("rsa-sha2-256", (struct bytes){0}), ERR_CRYPTO);
    buf_clear(&inner);
    buf_clear(&signature);
}

/* RFC 8032 7.1, test 2. */
static void
ed25519_matches_rfc8032(void **state)
{
    (void)state;
    uint8_t seed[32], pk[32];
    unhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", seed, 32);
    unhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", pk, 32);
    struct buf fields, signature;
    buf_init(&fields, 256);
    buf_init(&signature, 256);
    put_string(&fields, bytes_of(pk, 32));
    put_u32(&fields, 64);
    buf_put(&fields, bytes_of(seed, 32));
    buf_put(&fields, bytes_of(pk, 32));
    struct privkey *key = NULL;
    size_t used = 0;
    assert_int_equal(privkey_parse_fields(KEY_ED25519, buf_bytes(&fields), &used, &key),
                     ERR_NONE);
    assert_int_equal(used, fields.n);
    assert_int_equal(
        sig_sign(algo_named("ssh-ed25519"), key, BYTES_LIT("\x72"), &signature),
        ERR_NONE);
    expect_all_hex(signature.p + 19, 64,
                   "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                   "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
    privkey_free(key);
    buf_clear(&fields);
    buf_clear(&signature);
}

/* ---- FIDO ---- */

/* What an authenticator with the plain key inside would answer. */
static void
sk_sign(const char *plain, const char *sk_name, uint8_t flags, uint32_t counter,
        struct buf *signature)
{
    struct buf text, inner;
    uint8_t digest[32];
    buf_init(&text, 256);
    buf_init(signature, 1024);
    assert_int_equal(hash_digest(HASH_SHA256, bytes_str(application), digest), ERR_NONE);
    buf_put(&text, bytes_of(digest, 32));
    buf_put_u8(&text, flags);
    put_u32(&text, counter);
    assert_int_equal(hash_digest(HASH_SHA256, message, digest), ERR_NONE);
    buf_put(&text, bytes_of(digest, 32));
    sign(plain, buf_bytes(&text), &inner);
    struct cursor c = cursor_of(buf_bytes(&inner));
    cursor_string(&c);
    put_cstring(signature, sk_name);
    put_string(signature, cursor_string(&c));
    buf_put_u8(signature, flags);
    put_u32(signature, counter);
    buf_clear(&inner);
    buf_clear(&text);
}

static const struct {
    const char *plain, *name;
} sk_rows[] = {{"ssh-ed25519", "sk-ssh-ed25519@openssh.com"},
               {"ecdsa-sha2-nistp256", "sk-ecdsa-sha2-nistp256@openssh.com"}};

static void
fido_signatures_tell_presence_and_counter(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sk_rows); i++) {
        for (uint8_t flags = 0; flags < 8; flags++) {
            struct buf signature;
            struct sk_attest attest = {true, true, 1};
            const struct sig_algo *algo = algo_named(sk_rows[i].name);
            sk_sign(sk_rows[i].plain, sk_rows[i].name, flags, 0x01020304, &signature);
            assert_int_equal(sig_verify(algo, pubkey_of(algo->kind),
                                        buf_bytes(&signature), message, &attest),
                             ERR_NONE);
            assert_int_equal(attest.is_user_present, (flags & 1) != 0);
            assert_int_equal(attest.is_user_verified, (flags & 4) != 0);
            assert_int_equal(attest.counter, 0x01020304);
            buf_clear(&signature);
        }
    }
}

static void
fido_flags_and_counter_are_signed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sk_rows); i++) {
        struct buf signature;
        sk_sign(sk_rows[i].plain, sk_rows[i].name, 0, 9, &signature);
        for (size_t back = 1; back <= 5; back++) {
            struct sk_attest attest = {true, true, 1};
            const struct sig_algo *algo = algo_named(sk_rows[i].name);
            signature.p[signature.n - back] ^= 1;
            assert_int_equal(sig_verify(algo, pubkey_of(algo->kind),
                                        buf_bytes(&signature), message, &attest),
                             ERR_CRYPTO);
            assert_false(attest.is_user_present || attest.is_user_verified);
            assert_int_equal(attest.counter, 0);
            signature.p[signature.n - back] ^= 1;
        }
        for (size_t n = 0; n < signature.n; n++)
            assert_int_equal(verify(sk_rows[i].name, bytes_of(signature.p, n)),
                             ERR_CRYPTO);
        buf_put_u8(&signature, 0);
        assert_int_equal(verify(sk_rows[i].name, buf_bytes(&signature)), ERR_CRYPTO);
        buf_clear(&signature);
    }
}

/* ---- public keys ---- */

static enum err
parse(struct bytes blob)
{
    struct pubkey *key = NULL;
    enum err e = pubkey_parse(blob, &key);
    assert_true((e == ERR_NONE) == (key != NULL));
    pubkey_free(key);
    return e;
}

static void
public_keys_must_be_whole_and_nothing_more(void **state)
{
    (void)state;
    for (int kind = 0; kind < N_KINDS; kind++) {
        const struct pubkey *key = pubkey_of((enum key_kind)kind);
        struct bytes blob = pubkey_blob(key);
        for (size_t n = 0; n < blob.n; n++)
            assert_int_not_equal(parse(bytes_first(blob, n)), ERR_NONE);
        struct buf longer;
        buf_init(&longer, 4096);
        buf_put(&longer, blob);
        assert_int_equal(parse(buf_bytes(&longer)), ERR_NONE);
        buf_put_u8(&longer, 0);
        assert_int_equal(parse(buf_bytes(&longer)), ERR_PROTO);
        buf_clear(&longer);
    }
}

static void
public_keys_know_kind_and_bits(void **state)
{
    (void)state;
    static const unsigned bits[N_KINDS] = {256, 256, 384, 521, 2048, 256, 256};
    for (int kind = 0; kind < N_KINDS; kind++) {
        const struct pubkey *key = pubkey_of((enum key_kind)kind);
        enum key_kind found;
        assert_int_equal(pubkey_kind(key), kind);
        assert_int_equal(pubkey_bits(key), bits[kind]);
        assert_true(
            key_kind_by_name(bytes_str(key_kind_name((enum key_kind)kind)), &found));
        assert_int_equal(found, kind);
    }
}

static void
unknown_key_types_are_refused(void **state)
{
    (void)state;
    static const char *const types[] = {"", "ssh-dss", "rsa-sha2-256", "ssh-ed448",
                                        "ssh-ed25519-cert-v01@openssh.com"};
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        struct buf blob;
        buf_init(&blob, 256);
        put_cstring(&blob, types[i]);
        put_cstring(&blob, "0123456789abcdef0123456789abcdef");
        assert_int_equal(parse(buf_bytes(&blob)), ERR_PROTO);
        buf_clear(&blob);
    }
    static uint8_t large[KEY_BLOB_MAX + 1];
    assert_int_equal(parse(bytes_of(large, sizeof large)), ERR_PROTO);
}

/* An RSA key of n_len octets, all 0xff but the last. */
static enum err
parse_rsa(size_t n_len, uint8_t last, const char *e_hex)
{
    static uint8_t n[4096];
    uint8_t exponent[16];
    memset(n, 0xff, sizeof n);
    n[n_len - 1] = last;
    size_t e_len = unhex(e_hex, exponent, sizeof exponent);
    struct buf blob;
    buf_init(&blob, KEY_BLOB_MAX);
    put_cstring(&blob, "ssh-rsa");
    put_mpint(&blob, bytes_of(exponent, e_len));
    put_mpint(&blob, bytes_of(n, n_len));
    enum err e = parse(buf_bytes(&blob));
    buf_clear(&blob);
    return e;
}

static void
weak_rsa_keys_are_refused(void **state)
{
    (void)state;
    assert_int_equal(parse_rsa(256, 0xff, "010001"), ERR_NONE);
    assert_int_equal(parse_rsa(2048, 0xff, "010001"), ERR_NONE);
    assert_int_equal(parse_rsa(255, 0xff, "010001"), ERR_CRYPTO); /* 2040 bits */
    assert_int_equal(parse_rsa(128, 0xff, "010001"), ERR_CRYPTO);
    assert_int_equal(parse_rsa(256, 0xfe, "010001"), ERR_CRYPTO);
    assert_int_equal(parse_rsa(256, 0xff, "01"), ERR_CRYPTO);
    assert_int_equal(parse_rsa(256, 0xff, "00"), ERR_CRYPTO);
    assert_int_equal(parse_rsa(256, 0xff, "010000"), ERR_CRYPTO);
    assert_int_equal(parse_rsa(256, 0xff, "01000000000000000001"), ERR_CRYPTO);
    assert_int_equal(parse_rsa(2049, 0xff, "010001"), ERR_PROTO); /* no mpint of ours */
}

static enum err
parse_ecdsa(const char *type, const char *curve, struct bytes point)
{
    struct buf blob;
    buf_init(&blob, 1024);
    put_cstring(&blob, type);
    put_cstring(&blob, curve);
    put_string(&blob, point);
    enum err e = parse(buf_bytes(&blob));
    buf_clear(&blob);
    return e;
}

static void
bad_points_and_curves_are_refused(void **state)
{
    (void)state;
    uint8_t point[CURVE_POINT_MAX], scalar[32] = {[31] = 7};
    const char *p256 = "ecdsa-sha2-nistp256";
    assert_int_equal(curve_public(curve_by_id(CURVE_P256), bytes_of(scalar, 32), point),
                     ERR_NONE);
    assert_int_equal(parse_ecdsa(p256, "nistp256", bytes_of(point, 65)), ERR_NONE);
    assert_int_equal(parse_ecdsa(p256, "nistp384", bytes_of(point, 65)), ERR_PROTO);
    assert_int_equal(parse_ecdsa("ecdsa-sha2-nistp384", "nistp384", bytes_of(point, 65)),
                     ERR_CRYPTO);
    point[64] ^= 1;
    assert_int_equal(parse_ecdsa(p256, "nistp256", bytes_of(point, 65)), ERR_CRYPTO);
    point[64] ^= 1;
    point[0] = (uint8_t)(2 | (point[64] & 1));
    assert_int_equal(parse_ecdsa(p256, "nistp256", bytes_of(point, 33)), ERR_CRYPTO);
    point[0] = (uint8_t)(6 | (point[64] & 1)); /* the "hybrid" form */
    assert_int_equal(parse_ecdsa(p256, "nistp256", bytes_of(point, 65)), ERR_CRYPTO);
    assert_int_equal(parse_ecdsa(p256, "nistp256", BYTES_LIT("\0")), ERR_CRYPTO);
    memset(point, 0xff, sizeof point);
    point[0] = 4;
    assert_int_equal(parse_ecdsa(p256, "nistp256", bytes_of(point, 65)), ERR_CRYPTO);
}

/* ---- private keys ---- */

static void
fields_of(enum key_kind kind, struct buf *fields)
{
    buf_init(fields, 16384);
    assert_int_equal(privkey_put_fields(privkeys[kind], fields), ERR_NONE);
}

static enum err
parse_fields(enum key_kind kind, struct bytes fields, size_t *used)
{
    struct privkey *key = NULL;
    enum err e = privkey_parse_fields(kind, fields, used, &key);
    assert_true((e == ERR_NONE) == (key != NULL));
    privkey_free(key);
    return e;
}

static void
private_fields_come_back_as_they_were(void **state)
{
    (void)state;
    for (int kind = 0; kind < N_PRIVATE; kind++) {
        struct buf fields, again;
        struct privkey *key = NULL;
        size_t used = 0;
        fields_of((enum key_kind)kind, &fields);
        size_t n = fields.n;
        put_cstring(&fields, "a comment behind");
        assert_int_equal(
            privkey_parse_fields((enum key_kind)kind, buf_bytes(&fields), &used, &key),
            ERR_NONE);
        assert_int_equal(used, n);
        assert_true(bytes_eq(pubkey_blob(privkey_public(key)),
                             pubkey_blob(privkey_public(privkeys[kind]))));
        buf_init(&again, 16384);
        assert_int_equal(privkey_put_fields(key, &again), ERR_NONE);
        assert_true(bytes_eq(buf_bytes(&again), bytes_first(buf_bytes(&fields), n)));
        privkey_free(key);
        buf_clear(&fields);
        buf_clear(&again);
    }
}

static void
private_fields_must_belong_together(void **state)
{
    (void)state;
    size_t used = 0;
    for (int kind = 0; kind < N_PRIVATE; kind++) {
        struct buf fields;
        fields_of((enum key_kind)kind, &fields);
        for (size_t n = 0; n < fields.n; n++)
            assert_int_equal(
                parse_fields((enum key_kind)kind, bytes_of(fields.p, n), &used),
                ERR_PROTO);
        /* Every octet counts: there is none that nobody looks at. */
        for (size_t at = 0; at < fields.n; at++) {
            fields.p[at] ^= 0x02;
            if (parse_fields((enum key_kind)kind, buf_bytes(&fields), &used) == ERR_NONE)
                fail_msg("kind %d: octet %zu", kind, at);
            fields.p[at] ^= 0x02;
        }
        buf_clear(&fields);
    }
}

static void
fido_private_halves_are_elsewhere(void **state)
{
    (void)state;
    size_t used = 0;
    struct privkey *key = NULL;
    assert_int_equal(parse_fields(KEY_SK_ED25519, BYTES_LIT("\0\0\0\0"), &used),
                     ERR_CRYPTO);
    assert_int_equal(privkey_generate(KEY_SK_ECDSA_P256, 0, &key), ERR_CRYPTO);
    assert_int_equal(privkey_generate(KEY_RSA, 1024, &key), ERR_CRYPTO);
    assert_null(key);
}

/* ---- PEM ---- */

/* A PEM text in the given form; with a passphrase: encrypted. */
static struct bytes
pem_of(EVP_PKEY *pkey, bool is_traditional, const char *pass, BIO **bio)
{
    const EVP_CIPHER *cipher = pass ? EVP_aes_128_cbc() : NULL;
    int pass_len = pass ? (int)strlen(pass) : 0;
    const unsigned char *kstr = (const unsigned char *)pass;
    char *text = NULL;
    *bio = BIO_new(BIO_s_mem());
    int rc =
        is_traditional
            ? PEM_write_bio_PrivateKey_traditional(*bio, pkey, cipher, kstr, pass_len,
                                                   NULL, NULL)
            : PEM_write_bio_PrivateKey(*bio, pkey, cipher, kstr, pass_len, NULL, NULL);
    assert_int_equal(rc, 1);
    long n = BIO_get_mem_data(*bio, &text);
    return bytes_of(text, (size_t)n);
}

static enum err
parse_pem(struct bytes text, const char *pass, const struct pubkey *expected)
{
    struct privkey *key = NULL;
    enum err e = privkey_parse_pem(text, bytes_str(pass), &key);
    assert_true((e == ERR_NONE) == (key != NULL));
    if (key && expected)
        assert_true(bytes_eq(pubkey_blob(privkey_public(key)), pubkey_blob(expected)));
    privkey_free(key);
    return e;
}

static void
pem_keys_of_every_form_are_read(void **state)
{
    (void)state;
    for (int kind = 0; kind < N_PRIVATE; kind++) {
        for (int is_traditional = 0; is_traditional < 2; is_traditional++) {
            if (is_traditional && kind == KEY_ED25519)
                continue; /* has no such form */
            const struct pubkey *public = privkey_public(privkeys[kind]);
            BIO *bio = NULL;
            struct bytes text = pem_of(privkeys[kind]->pkey, is_traditional, NULL, &bio);
            assert_int_equal(parse_pem(text, NULL, public), ERR_NONE);
            BIO_free(bio);
            text = pem_of(privkeys[kind]->pkey, is_traditional, "open sesame", &bio);
            assert_int_equal(parse_pem(text, "open sesame", public), ERR_NONE);
            assert_int_equal(parse_pem(text, "wrong", NULL), ERR_AUTH);
            assert_int_equal(parse_pem(text, NULL, NULL), ERR_AUTH);
            BIO_free(bio);
        }
    }
}

static void
pem_of_other_things_is_refused(void **state)
{
    (void)state;
    OSSL_LIB_CTX *lib = crypto_lib()->ctx;
    EVP_PKEY *others[] = {EVP_PKEY_Q_keygen(lib, NULL, "X25519"),
                          EVP_PKEY_Q_keygen(lib, NULL, "ED448"),
                          EVP_PKEY_Q_keygen(lib, NULL, "EC", "secp256k1")};
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        BIO *bio = NULL;
        assert_non_null(others[i]);
        struct bytes text = pem_of(others[i], false, NULL, &bio);
        assert_int_equal(parse_pem(text, NULL, NULL), ERR_PROTO);
        BIO_free(bio);
        EVP_PKEY_free(others[i]);
    }
    assert_int_equal(parse_pem(BYTES_LIT(""), NULL, NULL), ERR_PROTO);
    assert_int_equal(parse_pem(BYTES_LIT("-----BEGIN PRIVATE KEY-----\n"), NULL, NULL),
                     ERR_PROTO);
    assert_int_equal(parse_pem(BYTES_LIT("ssh-ed25519 AAAA"), NULL, NULL), ERR_PROTO);
}

static void
weak_rsa_in_pem_is_refused(void **state)
{
    (void)state;
    EVP_PKEY *weak = EVP_PKEY_Q_keygen(crypto_lib()->ctx, NULL, "RSA", (size_t)1024);
    BIO *bio = NULL;
    assert_non_null(weak);
    assert_int_equal(parse_pem(pem_of(weak, false, NULL, &bio), NULL, NULL), ERR_CRYPTO);
    BIO_free(bio);
    EVP_PKEY_free(weak);
}

/* An encrypted PKCS#8 text whose passphrase takes so many rounds of PBKDF2. */
static struct bytes
pem_with_rounds(const char *pass, int rounds, BIO **out)
{
    BIO *bio = NULL;
    pem_of(privkeys[KEY_ED25519]->pkey, false, pass, &bio);
    X509_SIG *sig = PEM_read_bio_PKCS8(bio, NULL, NULL, NULL);
    assert_non_null(sig);
    X509_ALGOR *place = NULL, *algor = PKCS5_pbe2_set_iv(EVP_aes_128_cbc(), rounds, NULL,
                                                         0, NULL, NID_hmacWithSHA256);
    ASN1_OCTET_STRING *octets = NULL;
    X509_SIG_getm(sig, &place, &octets);
    assert_int_equal(X509_ALGOR_copy(place, algor), 1);
    *out = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PKCS8(*out, sig), 1);
    X509_ALGOR_free(algor);
    X509_SIG_free(sig);
    BIO_free(bio);
    char *text = NULL;
    long n = BIO_get_mem_data(*out, &text);
    return bytes_of(text, (size_t)n);
}

/* Threats F4: the file says how long its passphrase takes. The salt is new
 * too, so what could be paid for ends as a wrong passphrase. */
static void
pem_with_absurd_key_derivation_is_refused_at_once(void **state)
{
    (void)state;
    static const struct {
        int rounds;
        enum err e;
    } rows[] = {{1, ERR_AUTH}, {4096, ERR_AUTH}, {2000 * 1000 * 1000, ERR_LIMIT}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        BIO *bio = NULL;
        struct bytes text = pem_with_rounds("x", rows[i].rounds, &bio);
        assert_int_equal(parse_pem(text, "x", NULL), rows[i].e);
        BIO_free(bio);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_algorithm_verifies_only_its_own),
        cmocka_unit_test(signing_needs_a_key_of_the_right_kind),
        cmocka_unit_test(certificate_names_sign_under_the_plain_name),
        cmocka_unit_test(no_octet_of_signature_or_message_can_change),
        cmocka_unit_test(cut_and_extended_signatures_are_refused),
        cmocka_unit_test(ecdsa_zero_and_oversized_numbers_are_refused),
        cmocka_unit_test(rsa_signature_without_its_leading_zero_verifies),
        cmocka_unit_test(rsa_signature_longer_than_the_modulus_is_refused),
        cmocka_unit_test(ed25519_matches_rfc8032),
        cmocka_unit_test(fido_signatures_tell_presence_and_counter),
        cmocka_unit_test(fido_flags_and_counter_are_signed),
        cmocka_unit_test(public_keys_must_be_whole_and_nothing_more),
        cmocka_unit_test(public_keys_know_kind_and_bits),
        cmocka_unit_test(unknown_key_types_are_refused),
        cmocka_unit_test(weak_rsa_keys_are_refused),
        cmocka_unit_test(bad_points_and_curves_are_refused),
        cmocka_unit_test(private_fields_come_back_as_they_were),
        cmocka_unit_test(private_fields_must_belong_together),
        cmocka_unit_test(fido_private_halves_are_elsewhere),
        cmocka_unit_test(pem_keys_of_every_form_are_read),
        cmocka_unit_test(pem_of_other_things_is_refused),
        cmocka_unit_test(weak_rsa_in_pem_is_refused),
        cmocka_unit_test(pem_with_absurd_key_derivation_is_refused_at_once),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
