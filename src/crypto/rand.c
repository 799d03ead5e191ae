/*
 * See rand.h and lib.h: libcrypto is loaded here, and its randomness handed out.
 *
 * The context is our own, not libcrypto's default one, and no configuration is
 * read into either: a hostile OPENSSL_CONF or OPENSSL_MODULES can add no
 * provider, no engine and no random source (threats K10).
 */
#include "crypto/rand.h"

#include <assert.h>
#include <stdio.h>

#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/rand.h>

#include "crypto/lib.h"

static struct crypto_lib the_lib;
static bool is_loaded;

static const char *const hash_names[LIB_HASHES] = {
    [HASH_MD5] = "MD5",         [HASH_SHA1] = "SHA1",       [HASH_SHA224] = "SHA2-224",
    [HASH_SHA256] = "SHA2-256", [HASH_SHA384] = "SHA2-384", [HASH_SHA512] = "SHA2-512",
};

static const char *const cipher_names[LIB_CIPHERS] = {
    [LIB_AES_128_CTR] = "AES-128-CTR", [LIB_AES_192_CTR] = "AES-192-CTR",
    [LIB_AES_256_CTR] = "AES-256-CTR", [LIB_AES_128_GCM] = "AES-128-GCM",
    [LIB_AES_256_GCM] = "AES-256-GCM", [LIB_CHACHA20] = "ChaCha20",
};

const struct crypto_lib *
crypto_lib(void)
{
    assert(is_loaded && "crypto_init() comes before everything else");
    return &the_lib;
}

const char *
lib_hash_name(enum hash_id id)
{
    return hash_names[id];
}

/* 3.0.4 computes RSA wrongly on CPUs with AVX-512 (CVE-2022-2274). */
static bool
version_is_good(void)
{
    unsigned major = OPENSSL_version_major();
    bool is_3_0_4 =
        major == 3 && OPENSSL_version_minor() == 0 && OPENSSL_version_patch() == 4;
    return major >= 3 && !is_3_0_4;
}

static bool
fetch_all(struct crypto_lib *lib)
{
    for (size_t i = 0; i < LIB_HASHES; i++) {
        lib->hash[i] = EVP_MD_fetch(lib->ctx, hash_names[i], NULL);
        if (!lib->hash[i])
            return false;
    }
    for (size_t i = 0; i < LIB_CIPHERS; i++) {
        lib->cipher[i] = EVP_CIPHER_fetch(lib->ctx, cipher_names[i], NULL);
        if (!lib->cipher[i])
            return false;
    }
    lib->hmac = EVP_MAC_fetch(lib->ctx, "HMAC", NULL);
    lib->poly1305 = EVP_MAC_fetch(lib->ctx, "POLY1305", NULL);
    return lib->hmac && lib->poly1305;
}

/*
 * Key types, signatures and key exchange are looked up by libcrypto itself in
 * the context's cache. One look-up now fills that cache; the reference is not
 * kept because the cache has its own.
 */
static bool
warm_up(OSSL_LIB_CTX *ctx)
{
    static const char *const types[] = {"RSA", "EC", "ED25519", "X25519"};
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        EVP_KEYMGMT *type = EVP_KEYMGMT_fetch(ctx, types[i], NULL);
        if (!type)
            return false;
        EVP_KEYMGMT_free(type);
    }
    static const char *const signatures[] = {"RSA", "ECDSA", "ED25519"};
    for (size_t i = 0; i < ARRAY_LEN(signatures); i++) {
        EVP_SIGNATURE *signature = EVP_SIGNATURE_fetch(ctx, signatures[i], NULL);
        if (!signature)
            return false;
        EVP_SIGNATURE_free(signature);
    }
    EVP_KEYEXCH *exchange = EVP_KEYEXCH_fetch(ctx, "X25519", NULL);
    if (!exchange)
        return false;
    EVP_KEYEXCH_free(exchange);
    /* Seeds the generators, so that a sandbox need not allow it later. */
    uint8_t seed[16];
    return RAND_bytes_ex(ctx, seed, sizeof seed, 0) == 1;
}

static void
unload(struct crypto_lib *lib)
{
    for (size_t i = 0; i < LIB_HASHES; i++)
        EVP_MD_free(lib->hash[i]);
    for (size_t i = 0; i < LIB_CIPHERS; i++)
        EVP_CIPHER_free(lib->cipher[i]);
    EVP_MAC_free(lib->hmac);
    EVP_MAC_free(lib->poly1305);
    OSSL_LIB_CTX_free(lib->ctx);
    *lib = (struct crypto_lib){0};
}

static bool
load(struct crypto_lib *lib)
{
    if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
        return false;
    lib->ctx = OSSL_LIB_CTX_new();
    if (!lib->ctx)
        return false;
    /* The context owns the provider from here on. */
    if (!OSSL_PROVIDER_load(lib->ctx, "default"))
        return false;
    if (!fetch_all(lib) || !warm_up(lib->ctx))
        return false;
    snprintf(lib->version, sizeof lib->version, "OpenSSL %s",
             OpenSSL_version(OPENSSL_FULL_VERSION_STRING));
    return true;
}

enum err
crypto_init(void)
{
    if (is_loaded)
        return ERR_NONE;
    if (!version_is_good())
        return ERR_CRYPTO;
    if (!load(&the_lib)) {
        unload(&the_lib);
        return ERR_CRYPTO;
    }
    is_loaded = true;
    return ERR_NONE;
}

const char *
crypto_version(void)
{
    return crypto_lib()->version;
}

static enum err
system_fill(void *ctx, uint8_t *p, size_t n)
{
    (void)ctx;
    return RAND_bytes_ex(crypto_lib()->ctx, p, n, 0) == 1 ? ERR_NONE : ERR_CRYPTO;
}

const struct rand_source rand_system = {.fill = system_fill};
