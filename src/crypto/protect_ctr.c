/*
 * aes128-ctr, aes192-ctr, aes256-ctr with an HMAC: RFC 4344 4, RFC 6668.
 *
 * encrypt-then-MAC (OpenSSH's -etm names):
 *   packet_length(4)  padding_length payload padding   tag
 *   `-- in clear      `-- encrypted
 *   tag = HMAC(sequence_number, packet_length, ciphertext)
 *
 * encrypt-and-MAC (RFC 4253 6.4):
 *   everything before the tag is encrypted, packet_length too
 *   tag = HMAC(sequence_number, plaintext)
 *
 * The counter runs on from packet to packet, so each octet must go through the
 * cipher once and in order. In encrypt-and-MAC the receiver has to decrypt a
 * block to learn the length before anything is authenticated: that block stays
 * decrypted in place, and opening goes on behind it.
 */
#include <stdlib.h>

#include "base/secret.h"
#include "crypto/protect_impl.h"
#include "wire/put.h"

enum { BLOCK_LEN = 16 };

struct ctr {
    struct protect base;
    EVP_CIPHER_CTX *cipher;
    EVP_MAC_CTX *hmac;
    size_t tag_len;
};

static bool
make_tag(struct ctr *c, uint32_t seq, const uint8_t *wire, size_t len, uint8_t *tag)
{
    uint8_t number[4];
    store_u32(number, seq);
    size_t n = 0;
    return EVP_MAC_init(c->hmac, NULL, 0, NULL) == 1 &&
           EVP_MAC_update(c->hmac, number, sizeof number) == 1 &&
           EVP_MAC_update(c->hmac, wire, len) == 1 &&
           EVP_MAC_final(c->hmac, tag, &n, c->tag_len) == 1 && n == c->tag_len;
}

static bool
tag_is_good(struct ctr *c, uint32_t seq, const uint8_t *wire, size_t len)
{
    uint8_t tag[PROTECT_TAIL_MAX];
    return make_tag(c, seq, wire, len, tag) && mem_equal_ct(tag, wire + len, c->tag_len);
}

static bool
crypt_from(struct ctr *c, size_t skip, uint8_t *wire, size_t len)
{
    return protect_cipher_run(c->cipher, wire + skip, wire + skip, len - skip);
}

/* Packets are whole blocks, so between them no key stream is left over and the
 * counter says everything. */
static bool
ctr_iv(const struct protect *p, uint8_t iv[PROTECT_IV_MAX])
{
    const struct ctr *c = (const struct ctr *)p;
    return EVP_CIPHER_CTX_get_updated_iv(c->cipher, iv, BLOCK_LEN) == 1;
}

static void
ctr_free(struct protect *p)
{
    struct ctr *c = (struct ctr *)p;
    EVP_CIPHER_CTX_free(c->cipher);
    EVP_MAC_CTX_free(c->hmac);
    mem_wipe(c, sizeof *c);
    free(c);
}

/* ---- encrypt-then-MAC ---- */

static enum err
etm_seal(struct protect *p, uint32_t seq, uint8_t *wire, size_t len)
{
    struct ctr *c = (struct ctr *)p;
    bool is_good = crypt_from(c, PACKET_LENGTH_LEN, wire, len) &&
                   make_tag(c, seq, wire, len, wire + len);
    return is_good ? ERR_NONE : ERR_CRYPTO;
}

static enum err
etm_length(struct protect *p, uint32_t seq, uint8_t *wire, uint32_t *packet_length)
{
    (void)p, (void)seq;
    *packet_length = load_u32(wire);
    return ERR_NONE;
}

static enum err
etm_open(struct protect *p, uint32_t seq, uint8_t *wire, size_t len)
{
    struct ctr *c = (struct ctr *)p;
    if (!tag_is_good(c, seq, wire, len))
        return protect_reject(wire, len);
    return crypt_from(c, PACKET_LENGTH_LEN, wire, len) ? ERR_NONE
                                                       : protect_reject(wire, len);
}

static const struct protect_ops etm_ops = {etm_seal, etm_length, etm_open, ctr_iv,
                                           ctr_free};

/* ---- encrypt-and-MAC ---- */

static enum err
eam_seal(struct protect *p, uint32_t seq, uint8_t *wire, size_t len)
{
    struct ctr *c = (struct ctr *)p;
    bool is_good = make_tag(c, seq, wire, len, wire + len) && crypt_from(c, 0, wire, len);
    return is_good ? ERR_NONE : ERR_CRYPTO;
}

static enum err
eam_length(struct protect *p, uint32_t seq, uint8_t *wire, uint32_t *packet_length)
{
    (void)seq;
    if (!crypt_from((struct ctr *)p, 0, wire, BLOCK_LEN))
        return ERR_CRYPTO;
    *packet_length = load_u32(wire);
    return ERR_NONE;
}

static enum err
eam_open(struct protect *p, uint32_t seq, uint8_t *wire, size_t len)
{
    struct ctr *c = (struct ctr *)p;
    bool is_good = crypt_from(c, BLOCK_LEN, wire, len) && tag_is_good(c, seq, wire, len);
    return is_good ? ERR_NONE : protect_reject(wire, len);
}

static const struct protect_ops eam_ops = {eam_seal, eam_length, eam_open, ctr_iv,
                                           ctr_free};

static enum err
ctr_make(const struct cipher_algo *cipher, const struct mac_algo *mac, bool is_sealing,
         const struct protect_views *keys, struct protect **p)
{
    struct ctr *c = calloc(1, sizeof *c);
    if (!c)
        return ERR_NOMEM;
    c->tag_len = hash_len(mac->hash);
    c->base = (struct protect){
        .ops = mac->is_etm ? &etm_ops : &eam_ops,
        .shape = {.head = mac->is_etm ? PACKET_LENGTH_LEN : BLOCK_LEN,
                  .tail = c->tag_len,
                  .block = BLOCK_LEN,
                  .aad = mac->is_etm ? PACKET_LENGTH_LEN : 0},
        .may_seal = is_sealing,
        .may_open = !is_sealing,
    };
    c->cipher = protect_cipher_new((enum lib_cipher)cipher->cipher, is_sealing,
                                   keys->cipher, keys->iv.p);
    c->hmac = lib_hmac_new(mac->hash, keys->mac);
    if (!c->cipher || !c->hmac) {
        ctr_free(&c->base);
        return ERR_CRYPTO;
    }
    *p = &c->base;
    return ERR_NONE;
}

const struct protect_make protect_ctr = {ctr_make};
