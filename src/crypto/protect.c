/*
 * See protect.h. The tables of ciphers and MACs, what comes before the first
 * NEWKEYS, and the one place where lengths are checked; the cryptography is in
 * protect_gcm.c, protect_chacha.c and protect_ctr.c.
 */
#include "crypto/protect.h"

#include <limits.h>
#include <stdlib.h>

#include "base/secret.h"
#include "crypto/protect_impl.h"

#define GIB         ((uint64_t)1 << 30)
#define REKEY_AES   (64 * GIB) /* 2^32 blocks of 16 octets */
#define REKEY_SMALL (1 * GIB)

static const struct cipher_algo ciphers[] = {
    {"chacha20-poly1305@openssh.com", 64, 0, true, REKEY_SMALL, &protect_chacha,
     LIB_CHACHA20},
    {"aes256-gcm@openssh.com", 32, 12, true, REKEY_AES, &protect_gcm, LIB_AES_256_GCM},
    {"aes128-gcm@openssh.com", 16, 12, true, REKEY_AES, &protect_gcm, LIB_AES_128_GCM},
    {"aes256-ctr", 32, 16, false, REKEY_AES, &protect_ctr, LIB_AES_256_CTR},
    {"aes192-ctr", 24, 16, false, REKEY_AES, &protect_ctr, LIB_AES_192_CTR},
    {"aes128-ctr", 16, 16, false, REKEY_AES, &protect_ctr, LIB_AES_128_CTR},
};

static const struct mac_algo macs[] = {
    {"hmac-sha2-512-etm@openssh.com", 64, true, HASH_SHA512},
    {"hmac-sha2-256-etm@openssh.com", 32, true, HASH_SHA256},
    {"hmac-sha2-512", 64, false, HASH_SHA512},
    {"hmac-sha2-256", 32, false, HASH_SHA256},
};

/* Far above any packet, far below where libcrypto's int lengths end. */
enum { WIRE_MAX = 1 << 24 };

const struct cipher_algo *
cipher_by_name(struct bytes name)
{
    for (size_t i = 0; i < ARRAY_LEN(ciphers); i++)
        if (bytes_eq_str(name, ciphers[i].name))
            return &ciphers[i];
    return NULL;
}

const struct mac_algo *
mac_by_name(struct bytes name)
{
    for (size_t i = 0; i < ARRAY_LEN(macs); i++)
        if (bytes_eq_str(name, macs[i].name))
            return &macs[i];
    return NULL;
}

/* For protect_export; the lengths have been checked. */
static void
keep_keys(struct protect *p, const struct protect_views *v)
{
    p->keys = (struct protect_keys){
        .key_len = v->cipher.n, .iv_len = v->iv.n, .mac_key_len = v->mac.n};
    memcpy(p->keys.key, v->cipher.p, v->cipher.n);
    if (v->iv.n != 0)
        memcpy(p->keys.iv, v->iv.p, v->iv.n);
    if (v->mac.n != 0)
        memcpy(p->keys.mac_key, v->mac.p, v->mac.n);
}

enum err
protect_new(const struct cipher_algo *cipher, const struct mac_algo *mac, bool is_sealing,
            struct bytes key, struct bytes iv, struct bytes mac_key, struct protect **p)
{
    if (key.n != cipher->key_len || iv.n != cipher->iv_len)
        return ERR_BUG;
    if (!cipher->is_aead && (!mac || mac_key.n != mac->key_len))
        return ERR_BUG;
    const struct protect_views keys = {
        .cipher = key, .iv = iv, .mac = cipher->is_aead ? (struct bytes){0} : mac_key};
    enum err e = cipher->make->make(cipher, mac, is_sealing, &keys, p);
    if (e == ERR_NONE)
        keep_keys(*p, &keys);
    return e;
}

enum err
protect_export(const struct protect *p, struct protect_keys *keys)
{
    *keys = p->keys;
    if (keys->key_len == 0)
        return ERR_BUG;
    return p->ops->iv_now(p, keys->iv) ? ERR_NONE : ERR_CRYPTO;
}

void
protect_free(struct protect *p)
{
    if (p)
        p->ops->free(p);
}

struct protect_shape
protect_shape(const struct protect *p)
{
    return p->shape;
}

/* Packet code keeps these bounds; a slip there must not become one here. */
static bool
len_is_sane(const struct protect *p, size_t len)
{
    return len >= p->shape.head && len > p->shape.aad && len <= WIRE_MAX;
}

enum err
protect_seal(struct protect *p, uint32_t sequence_number, uint8_t *wire, size_t len)
{
    if (!p->may_seal || !len_is_sane(p, len))
        return ERR_BUG;
    return p->ops->seal(p, sequence_number, wire, len);
}

enum err
protect_length(struct protect *p, uint32_t sequence_number, uint8_t *wire,
               uint32_t *packet_length)
{
    if (!p->may_open)
        return ERR_BUG;
    return p->ops->length(p, sequence_number, wire, packet_length);
}

enum err
protect_open(struct protect *p, uint32_t sequence_number, uint8_t *wire, size_t len)
{
    if (!p->may_open || !len_is_sane(p, len))
        return ERR_BUG;
    return p->ops->open(p, sequence_number, wire, len);
}

/* ---- before the first NEWKEYS ---- */

static enum err
none_pass(struct protect *p, uint32_t seq, uint8_t *wire, size_t len)
{
    (void)p, (void)seq, (void)wire, (void)len;
    return ERR_NONE;
}

static enum err
none_length(struct protect *p, uint32_t seq, uint8_t *wire, uint32_t *packet_length)
{
    (void)p, (void)seq;
    *packet_length = load_u32(wire);
    return ERR_NONE;
}

static bool
none_iv(const struct protect *p, uint8_t iv[PROTECT_IV_MAX])
{
    (void)p, (void)iv;
    return false;
}

static void
none_free(struct protect *p)
{
    free(p);
}

static const struct protect_ops none_ops = {none_pass, none_length, none_pass, none_iv,
                                            none_free};

enum err
protect_new_none(struct protect **p)
{
    *p = calloc(1, sizeof **p);
    if (!*p)
        return ERR_NOMEM;
    (*p)->ops = &none_ops;
    (*p)->may_seal = (*p)->may_open = true;
    (*p)->shape = (struct protect_shape){.head = 4, .tail = 0, .block = 8, .aad = 0};
    return ERR_NONE;
}

/* ---- for the three shapes ---- */

EVP_CIPHER_CTX *
protect_cipher_new(enum lib_cipher cipher, bool is_sealing, struct bytes key,
                   const uint8_t *iv)
{
    const EVP_CIPHER *evp = crypto_lib()->cipher[cipher];
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool is_good = ctx &&
                   EVP_CipherInit_ex2(ctx, evp, key.p, iv, is_sealing, NULL) == 1 &&
                   EVP_CIPHER_CTX_get_key_length(ctx) == (int)key.n &&
                   EVP_CIPHER_CTX_set_padding(ctx, 0) == 1;
    if (is_good)
        return ctx;
    EVP_CIPHER_CTX_free(ctx);
    return NULL;
}

bool
protect_cipher_run(EVP_CIPHER_CTX *ctx, uint8_t *out, const uint8_t *in, size_t n)
{
    int done = 0;
    return EVP_CipherUpdate(ctx, out, &done, in, (int)n) == 1 && done == (int)n;
}

enum err
protect_reject(uint8_t *wire, size_t len)
{
    mem_wipe(wire, len);
    return ERR_CRYPTO;
}
