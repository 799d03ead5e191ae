/*
 * See sig.h. The table of algorithm names, and signatures as they are on the
 * wire; what differs between RSA, ECDSA and Ed25519 is in key_*.c.
 */
#include "crypto/sig.h"

#include <openssl/evp.h>

#include "base/secret.h"
#include "crypto/key_impl.h"
#include "wire/put.h"

#define CERT         "-cert-v01@openssh.com"
#define SK_ED25519   "sk-ssh-ed25519@openssh.com"
#define SK_ECDSA     "sk-ecdsa-sha2-nistp256@openssh.com"
#define SK_ED25519_C "sk-ssh-ed25519-cert-v01@openssh.com"
#define SK_ECDSA_C   "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com"
#define ECDSA        "ecdsa-sha2-nistp"

/* name, key type, name in the signature, kind, hash, is_cert, is_sk */
static const struct sig_algo algos[] = {
    {"ssh-ed25519", "ssh-ed25519", "ssh-ed25519", KEY_ED25519, HASH_SHA512, false, false},
    {"ssh-ed25519" CERT, "ssh-ed25519" CERT, "ssh-ed25519", KEY_ED25519, HASH_SHA512,
     true, false},
    {ECDSA "256", ECDSA "256", ECDSA "256", KEY_ECDSA_P256, HASH_SHA256, false, false},
    {ECDSA "384", ECDSA "384", ECDSA "384", KEY_ECDSA_P384, HASH_SHA384, false, false},
    {ECDSA "521", ECDSA "521", ECDSA "521", KEY_ECDSA_P521, HASH_SHA512, false, false},
    {ECDSA "256" CERT, ECDSA "256" CERT, ECDSA "256", KEY_ECDSA_P256, HASH_SHA256, true,
     false},
    {ECDSA "384" CERT, ECDSA "384" CERT, ECDSA "384", KEY_ECDSA_P384, HASH_SHA384, true,
     false},
    {ECDSA "521" CERT, ECDSA "521" CERT, ECDSA "521", KEY_ECDSA_P521, HASH_SHA512, true,
     false},
    {"rsa-sha2-512", "ssh-rsa", "rsa-sha2-512", KEY_RSA, HASH_SHA512, false, false},
    {"rsa-sha2-256", "ssh-rsa", "rsa-sha2-256", KEY_RSA, HASH_SHA256, false, false},
    {"rsa-sha2-512" CERT, "ssh-rsa" CERT, "rsa-sha2-512", KEY_RSA, HASH_SHA512, true,
     false},
    {"rsa-sha2-256" CERT, "ssh-rsa" CERT, "rsa-sha2-256", KEY_RSA, HASH_SHA256, true,
     false},
    {SK_ED25519, SK_ED25519, SK_ED25519, KEY_SK_ED25519, HASH_SHA512, false, true},
    {SK_ECDSA, SK_ECDSA, SK_ECDSA, KEY_SK_ECDSA_P256, HASH_SHA256, false, true},
    {SK_ED25519_C, SK_ED25519_C, SK_ED25519, KEY_SK_ED25519, HASH_SHA512, true, true},
    {SK_ECDSA_C, SK_ECDSA_C, SK_ECDSA, KEY_SK_ECDSA_P256, HASH_SHA256, true, true},
};

const struct sig_algo *
sig_by_name(struct bytes name)
{
    for (size_t i = 0; i < ARRAY_LEN(algos); i++)
        if (bytes_eq_str(name, algos[i].name))
            return &algos[i];
    return NULL;
}

/* libcrypto's name of the message's hash; NULL: Ed25519 hashes by itself. */
static const char *
digest_of(const struct sig_algo *algo)
{
    bool is_eddsa = algo->kind == KEY_ED25519 || algo->kind == KEY_SK_ED25519;
    return is_eddsa ? NULL : lib_hash_name(algo->hash);
}

static enum err
raw_verify(const struct sig_algo *algo, const struct pubkey *key, struct bytes raw,
           struct bytes data)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool is_good = ctx &&
                   EVP_DigestVerifyInit_ex(ctx, NULL, digest_of(algo), crypto_lib()->ctx,
                                           NULL, key->pkey, NULL) == 1 &&
                   EVP_DigestVerify(ctx, raw.p, raw.n, data.p, data.n) == 1;
    EVP_MD_CTX_free(ctx);
    return is_good ? ERR_NONE : ERR_CRYPTO;
}

/* wire: the inner signature, without its name. */
static enum err
inner_verify(const struct sig_algo *algo, const struct pubkey *key, struct bytes wire,
             struct bytes data)
{
    struct buf raw;
    buf_init(&raw, SIG_BLOB_MAX);
    enum err e = key_row_of(key->kind)->ops->sig_get(key, wire, &raw);
    if (e == ERR_NONE)
        e = raw_verify(algo, key, buf_bytes(&raw), data);
    buf_clear(&raw);
    return e;
}

/*
 * What a FIDO authenticator signs: SHA256(application), flags, counter,
 * SHA256(data). OpenSSH's PROTOCOL.u2f.
 */
static enum err
sk_message(const struct pubkey *key, uint8_t flags, uint32_t counter, struct bytes data,
           struct buf *message)
{
    uint8_t digest[HASH_MAX_LEN];
    size_t len = hash_len(HASH_SHA256);
    enum err e = hash_digest(HASH_SHA256, key->application, digest);
    if (e != ERR_NONE)
        return e;
    buf_put(message, bytes_of(digest, len));
    buf_put_u8(message, flags);
    put_u32(message, counter);
    e = hash_digest(HASH_SHA256, data, digest);
    if (e != ERR_NONE)
        return e;
    buf_put(message, bytes_of(digest, len));
    return buf_err(message);
}

enum { SK_USER_PRESENT = 0x01, SK_USER_VERIFIED = 0x04 };

/* A FIDO signature: flags and counter stand behind the inner one. */
static enum err
sk_verify(const struct sig_algo *algo, const struct pubkey *key, struct bytes wire,
          struct cursor *c, struct bytes data, struct sk_attest *attest)
{
    uint8_t flags = cursor_u8(c);
    uint32_t counter = cursor_u32(c);
    if (!cursor_is_done(c))
        return ERR_CRYPTO;
    struct buf message;
    buf_init(&message, 2 * HASH_MAX_LEN + 5);
    enum err e = sk_message(key, flags, counter, data, &message);
    if (e == ERR_NONE)
        e = inner_verify(algo, key, wire, buf_bytes(&message));
    buf_clear(&message);
    if (e != ERR_NONE)
        return e;
    *attest = (struct sk_attest){
        .is_user_present = (flags & SK_USER_PRESENT) != 0,
        .is_user_verified = (flags & SK_USER_VERIFIED) != 0,
        .counter = counter,
    };
    return ERR_NONE;
}

enum err
sig_verify(const struct sig_algo *algo, const struct pubkey *key, struct bytes signature,
           struct bytes data, struct sk_attest *attest)
{
    struct sk_attest unwanted;
    if (!attest)
        attest = &unwanted;
    *attest = (struct sk_attest){0};
    if (algo->kind != key->kind || signature.n > SIG_BLOB_MAX)
        return ERR_CRYPTO;
    struct cursor c = cursor_of(signature);
    struct bytes name = cursor_string(&c);
    struct bytes wire = cursor_string(&c);
    if (c.failed || !bytes_eq_str(name, algo->sig_name))
        return ERR_CRYPTO;
    if (algo->is_sk)
        return sk_verify(algo, key, wire, &c, data, attest);
    return cursor_is_done(&c) ? inner_verify(algo, key, wire, data) : ERR_CRYPTO;
}

static enum err
raw_sign(const struct sig_algo *algo, const struct privkey *key, struct bytes data,
         struct buf *raw)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t n = (size_t)EVP_PKEY_get_size(key->pkey);
    uint8_t *room = buf_extend(raw, n);
    bool is_good = ctx && room &&
                   EVP_DigestSignInit_ex(ctx, NULL, digest_of(algo), crypto_lib()->ctx,
                                         NULL, key->pkey, NULL) == 1 &&
                   EVP_DigestSign(ctx, room, &n, data.p, data.n) == 1 && n <= raw->n;
    EVP_MD_CTX_free(ctx);
    if (!is_good)
        return ERR_CRYPTO;
    buf_truncate(raw, n);
    return ERR_NONE;
}

/* The signature on the wire: string name, string inner. */
static enum err
wire_put(const struct sig_algo *algo, const struct privkey *key, struct bytes raw,
         struct buf *signature)
{
    put_cstring(signature, algo->sig_name);
    size_t mark = put_string_begin(signature);
    enum err e = key_row_of(algo->kind)->ops->sig_put(key->public, raw, signature);
    put_string_end(signature, mark);
    return e == ERR_NONE ? buf_err(signature) : e;
}

/*
 * One faulty RSA signature gives the key away to anyone who sees it, so
 * nothing leaves that our own verification, from the wire's form and with the
 * public half alone, has not accepted (threats K5).
 */
enum err
sig_sign(const struct sig_algo *algo, const struct privkey *key, struct bytes data,
         struct buf *signature)
{
    if (algo->is_sk || algo->kind != key->public->kind)
        return ERR_BUG;
    struct buf raw, wire;
    buf_init(&raw, SIG_BLOB_MAX);
    buf_init(&wire, SIG_BLOB_MAX);
    enum err e = raw_sign(algo, key, data, &raw);
    if (e == ERR_NONE)
        e = wire_put(algo, key, buf_bytes(&raw), &wire);
    if (e == ERR_NONE)
        e = sig_verify(algo, key->public, buf_bytes(&wire), data, NULL);
    if (e == ERR_NONE) {
        buf_put(signature, buf_bytes(&wire));
        e = buf_err(signature);
    }
    buf_clear(&raw);
    buf_clear(&wire);
    return e;
}
