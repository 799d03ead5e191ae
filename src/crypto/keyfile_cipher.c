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

/* CTR, CBC and GCM. tag: what GCM must find. */
static bool
run_aes(const struct keyfile_cipher *cipher, enum direction direction, const uint8_t *key,
        uint8_t *section, size_t n, const uint8_t *tag)
{
    EVP_CIPHER_CTX *ctx =
        context_new(cipher->lib_name, direction, key, key + cipher->key_len);
    bool is_good = ctx && crypt_in_place(ctx, section, n) &&
                   (cipher->mode != KEYFILE_GCM || gcm_set_tag(ctx, tag)) && finish(ctx);
    EVP_CIPHER_CTX_free(ctx);
    return is_good;
}

static bool
poly_is_good(const uint8_t *key, const uint8_t *section, size_t n, const uint8_t *tag)
{
    uint8_t have[KEYFILE_TAG_LEN];
    size_t tag_len = 0;
    EVP_MAC_CTX *mac = EVP_MAC_CTX_new(crypto_lib()->poly1305);
    bool is_good = mac && EVP_MAC_init(mac, key, CHACHA_KEY_LEN, NULL) == 1 &&
                   EVP_MAC_update(mac, section, n) == 1 &&
                   EVP_MAC_final(mac, have, &tag_len, sizeof have) == 1 &&
                   tag_len == sizeof have && mem_equal_ct(have, tag, sizeof have);
    EVP_MAC_CTX_free(mac);
    return is_good;
}

/*
 * The packet cipher's body at sequence number 0: the first half of the key,
 * block 0 of its stream keys the tag, the section begins at block 1.
 */
static bool
open_chacha(const struct keyfile_cipher *cipher, const uint8_t *key, uint8_t *section,
            size_t n, const uint8_t *tag)
{
    static const uint8_t iv[CHACHA_IV_LEN];
    uint8_t block[CHACHA_BLOCK] = {0};
    EVP_CIPHER_CTX *ctx = context_new(cipher->lib_name, OPENING, key, iv);
    bool is_good = ctx && crypt_in_place(ctx, block, sizeof block) &&
                   poly_is_good(block, section, n, tag) &&
                   crypt_in_place(ctx, section, n);
    mem_wipe(block, sizeof block);
    EVP_CIPHER_CTX_free(ctx);
    return is_good;
}

static bool
is_usable(const struct keyfile_cipher *cipher, struct bytes key, size_t n)
{
    return key.n == cipher->key_len + cipher->iv_len && n != 0 && n <= SECTION_MAX &&
           n % cipher->block == 0;
}

enum err
keyfile_seal(const struct keyfile_cipher *cipher, struct bytes key, uint8_t *section,
             size_t n)
{
    if (!is_usable(cipher, key, n) || cipher->mode != KEYFILE_PLAIN)
        return ERR_BUG;
    if (run_aes(cipher, SEALING, key.p, section, n, NULL))
        return ERR_NONE;
    mem_wipe(section, n);
    return ERR_CRYPTO;
}

enum err
keyfile_open(const struct keyfile_cipher *cipher, struct bytes key, uint8_t *section,
             size_t n, struct bytes tag)
{
    if (!is_usable(cipher, key, n) || tag.n != cipher->tag_len)
        return ERR_BUG;
    bool is_good = cipher->mode == KEYFILE_CHACHA
                       ? open_chacha(cipher, key.p, section, n, tag.p)
                       : run_aes(cipher, OPENING, key.p, section, n, tag.p);
    if (is_good)
        return ERR_NONE;
    mem_wipe(section, n);
    return ERR_CRYPTO;
}
