/* See keyfile_cipher.h. Used a few times in a process's life, so algorithms
 * are fetched by name and freed again; CBC is in no other table of ours. */
#include "crypto/keyfile_cipher.h"

#include "base/secret.h"
#include "crypto/lib.h"

enum {
    SECTION_MAX = 2 << 20,
    CHACHA_KEY_LEN = 32,
    CHACHA_BLOCK = 64,
    CHACHA_IV_LEN = 16
};

static const struct keyfile_cipher ciphers[] = {
    {"aes256-ctr", "AES-256-CTR", KEYFILE_PLAIN, 32, 16, 16, 0},
    {"aes192-ctr", "AES-192-CTR", KEYFILE_PLAIN, 24, 16, 16, 0},
    {"aes128-ctr", "AES-128-CTR", KEYFILE_PLAIN, 16, 16, 16, 0},
    {"aes256-cbc", "AES-256-CBC", KEYFILE_PLAIN, 32, 16, 16, 0},
    {"aes192-cbc", "AES-192-CBC", KEYFILE_PLAIN, 24, 16, 16, 0},
    {"aes128-cbc", "AES-128-CBC", KEYFILE_PLAIN, 16, 16, 16, 0},
    {"aes256-gcm@openssh.com", "AES-256-GCM", KEYFILE_GCM, 32, 12, 16, KEYFILE_TAG_LEN},
    {"aes128-gcm@openssh.com", "AES-128-GCM", KEYFILE_GCM, 16, 12, 16, KEYFILE_TAG_LEN},
    {"chacha20-poly1305@openssh.com", "ChaCha20", KEYFILE_CHACHA, 64, 0, 8,
     KEYFILE_TAG_LEN},
};

enum direction { OPENING = 0, SEALING = 1 }; /* EVP_CipherInit's numbers */

const struct keyfile_cipher *
keyfile_cipher_by_name(struct bytes name)
{
    for (size_t i = 0; i < ARRAY_LEN(ciphers); i++)
        if (bytes_eq_str(name, ciphers[i].name))
            return &ciphers[i];
    return NULL;
}

/* NULL: libcrypto refused. */
static EVP_CIPHER_CTX *
context_new(const char *lib_name, enum direction direction, const uint8_t *key,
            const uint8_t *iv)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(crypto_lib()->ctx, lib_name, NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    if (!cipher || !ctx ||
        EVP_CipherInit_ex2(ctx, cipher, key, iv, (int)direction, NULL) != 1 ||
        EVP_CIPHER_CTX_set_padding(ctx, 0) != 1) {
        EVP_CIPHER_CTX_free(ctx);
        ctx = NULL;
    }
    EVP_CIPHER_free(cipher); /* ctx holds a reference of its own */
    return ctx;
}

static bool
crypt_in_place(EVP_CIPHER_CTX *ctx, uint8_t *section, size_t n)
{
    int done = 0;
    return EVP_CipherUpdate(ctx, section, &done, section, (int)n) == 1 &&
           (size_t)done == n;
}

static bool
finish(EVP_CIPHER_CTX *ctx)
{
    uint8_t none[KEYFILE_TAG_LEN];
    int n = 0;
    return EVP_CipherFinal_ex(ctx, none, &n) == 1 && n == 0;
}

static bool
gcm_set_tag(EVP_CIPHER_CTX *ctx, const uint8_t *tag)
{
    uint8_t copy[KEYFILE_TAG_LEN]; /* libcrypto's parameter isn't const */
    memcpy(copy, tag, sizeof copy);
    return EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, sizeof copy, copy) == 1;
}

/* CTR, CBC and GCM. tag: read when opening, written when sealing, GCM only. */
static bool
run_aes(const struct keyfile_cipher *cipher, enum direction direction, const uint8_t *key,
        uint8_t *section, size_t n, uint8_t tag[KEYFILE_TAG_LEN])
{
    bool has_tag = cipher->mode == KEYFILE_GCM;
    EVP_CIPHER_CTX *ctx =
        context_new(cipher->lib_name, direction, key, key + cipher->key_len);
    bool is_good =
        ctx && crypt_in_place(ctx, section, n) &&
        (!has_tag || direction == SEALING || gcm_set_tag(ctx, tag)) && finish(ctx) &&
        (!has_tag || direction == OPENING ||
         EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, KEYFILE_TAG_LEN, tag) == 1);
    EVP_CIPHER_CTX_free(ctx);
    return is_good;
}

static bool
poly_tag(const uint8_t *key, const uint8_t *section, size_t n,
         uint8_t tag[KEYFILE_TAG_LEN])
{
    EVP_MAC_CTX *mac = EVP_MAC_CTX_new(crypto_lib()->poly1305);
    size_t tag_len = 0;
    bool is_good = mac && EVP_MAC_init(mac, key, CHACHA_KEY_LEN, NULL) == 1 &&
                   EVP_MAC_update(mac, section, n) == 1 &&
                   EVP_MAC_final(mac, tag, &tag_len, KEYFILE_TAG_LEN) == 1 &&
                   tag_len == KEYFILE_TAG_LEN;
    EVP_MAC_CTX_free(mac);
    return is_good;
}

/*
 * The packet cipher's body at sequence number 0: the first half of the key,
 * block 0 of its stream keys the tag, the section begins at block 1.
 */
static bool
run_chacha(enum direction direction, const uint8_t *key, uint8_t *section, size_t n,
           uint8_t tag[KEYFILE_TAG_LEN])
{
    static const uint8_t iv[CHACHA_IV_LEN];
    uint8_t block[CHACHA_BLOCK] = {0}, have[KEYFILE_TAG_LEN];
    EVP_CIPHER_CTX *ctx = context_new("ChaCha20", SEALING, key, iv);
    bool is_good = ctx && crypt_in_place(ctx, block, sizeof block);
    if (direction == OPENING)
        is_good = is_good && poly_tag(block, section, n, have) &&
                  mem_equal_ct(have, tag, sizeof have) && crypt_in_place(ctx, section, n);
    else
        is_good = is_good && crypt_in_place(ctx, section, n) &&
                  poly_tag(block, section, n, tag);
    mem_wipe(block, sizeof block);
    EVP_CIPHER_CTX_free(ctx);
    return is_good;
}

static enum err
run(const struct keyfile_cipher *cipher, enum direction direction, struct bytes key,
    uint8_t *section, size_t n, uint8_t tag[KEYFILE_TAG_LEN])
{
    if (key.n != cipher->key_len + cipher->iv_len || n == 0 || n > SECTION_MAX ||
        n % cipher->block != 0)
        return ERR_BUG;
    bool is_good = cipher->mode == KEYFILE_CHACHA
                       ? run_chacha(direction, key.p, section, n, tag)
                       : run_aes(cipher, direction, key.p, section, n, tag);
    if (!is_good)
        mem_wipe(section, n);
    return is_good ? ERR_NONE : ERR_CRYPTO;
}

enum err
keyfile_seal(const struct keyfile_cipher *cipher, struct bytes key, uint8_t *section,
             size_t n, uint8_t tag[KEYFILE_TAG_LEN])
{
    return run(cipher, SEALING, key, section, n, tag);
}

enum err
keyfile_open(const struct keyfile_cipher *cipher, struct bytes key, uint8_t *section,
             size_t n, struct bytes tag)
{
    uint8_t copy[KEYFILE_TAG_LEN] = {0};
    if (tag.n != cipher->tag_len)
        return ERR_BUG;
    if (tag.n != 0)
        memcpy(copy, tag.p, tag.n);
    return run(cipher, OPENING, key, section, n, copy);
}
