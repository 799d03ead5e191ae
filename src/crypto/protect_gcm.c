/*
 * aes128-gcm@openssh.com, aes256-gcm@openssh.com: RFC 5647 as OpenSSH uses it.
 *
 *   packet_length(4)  padding_length payload padding   tag(16)
 *   `-- in clear, AAD `-- encrypted, n * 16
 *
 * One context a direction; the key is set once, only the nonce changes. The
 * nonce is the derived IV: 4 fixed octets, then a counter of 8 that has nothing
 * to do with sequence numbers and is not reset by strict key exchange.
 */
#include <stdlib.h>

#include "base/secret.h"
#include "crypto/protect_impl.h"

enum { TAG_LEN = 16, NONCE_LEN = 12, FIXED_LEN = 4 };

struct gcm {
    struct protect base;
    EVP_CIPHER_CTX *ctx;
    uint8_t nonce[NONCE_LEN];
};

static void
nonce_next(struct gcm *g)
{
    for (size_t i = NONCE_LEN; i-- > FIXED_LEN;)
        if (++g->nonce[i] != 0)
            return;
}

/* Nonce and AAD of the packet at hand, then its body, in place. */
static bool
run_packet(struct gcm *g, uint8_t *wire, size_t len)
{
    return EVP_CipherInit_ex2(g->ctx, NULL, NULL, g->nonce, -1, NULL) == 1 &&
           protect_cipher_run(g->ctx, NULL, wire, PACKET_LENGTH_LEN) &&
           protect_cipher_run(g->ctx, wire + PACKET_LENGTH_LEN, wire + PACKET_LENGTH_LEN,
                              len - PACKET_LENGTH_LEN);
}

static enum err
gcm_seal(struct protect *p, uint32_t seq, uint8_t *wire, size_t len)
{
    (void)seq;
    struct gcm *g = (struct gcm *)p;
    uint8_t none[TAG_LEN];
    int n = 0;
    bool is_good =
        run_packet(g, wire, len) && EVP_CipherFinal_ex(g->ctx, none, &n) == 1 &&
        EVP_CIPHER_CTX_ctrl(g->ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, wire + len) == 1;
    nonce_next(g);
    return is_good ? ERR_NONE : ERR_CRYPTO;
}

static enum err
gcm_length(struct protect *p, uint32_t seq, uint8_t *wire, uint32_t *packet_length)
{
    (void)p, (void)seq;
    *packet_length = load_u32(wire);
    return ERR_NONE;
}

/* One pass over the body decrypts and authenticates; the verdict comes last,
 * and a bad one takes the plaintext with it. */
static enum err
gcm_open(struct protect *p, uint32_t seq, uint8_t *wire, size_t len)
{
    (void)seq;
    struct gcm *g = (struct gcm *)p;
    uint8_t none[TAG_LEN];
    int n = 0;
    bool is_good =
        run_packet(g, wire, len) &&
        EVP_CIPHER_CTX_ctrl(g->ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, wire + len) == 1 &&
        EVP_CipherFinal_ex(g->ctx, none, &n) == 1;
    nonce_next(g);
    return is_good ? ERR_NONE : protect_reject(wire, len);
}

static bool
gcm_iv(const struct protect *p, uint8_t iv[PROTECT_IV_MAX])
{
    memcpy(iv, ((const struct gcm *)p)->nonce, NONCE_LEN);
    return true;
}

static void
gcm_free(struct protect *p)
{
    struct gcm *g = (struct gcm *)p;
    EVP_CIPHER_CTX_free(g->ctx);
    mem_wipe(g, sizeof *g);
    free(g);
}

static const struct protect_ops ops = {gcm_seal, gcm_length, gcm_open, gcm_iv, gcm_free};

static enum err
gcm_make(const struct cipher_algo *cipher, const struct mac_algo *mac, bool is_sealing,
         const struct protect_views *keys, struct protect **p)
{
    (void)mac;
    struct gcm *g = calloc(1, sizeof *g);
    if (!g)
        return ERR_NOMEM;
    g->base = (struct protect){
        .ops = &ops,
        .shape = {.head = PACKET_LENGTH_LEN, .tail = TAG_LEN, .block = 16, .aad = 4},
        .may_seal = is_sealing,
        .may_open = !is_sealing,
    };
    memcpy(g->nonce, keys->iv.p, NONCE_LEN);
    g->ctx = protect_cipher_new((enum lib_cipher)cipher->cipher, is_sealing, keys->cipher,
                                g->nonce);
    if (!g->ctx) {
        gcm_free(&g->base);
        return ERR_CRYPTO;
    }
    *p = &g->base;
    return ERR_NONE;
}

const struct protect_make protect_gcm = {gcm_make};
