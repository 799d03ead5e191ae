/*
 * chacha20-poly1305@openssh.com: OpenSSH's PROTOCOL.chacha20poly1305,
 * draft-ietf-sshm-chacha20-poly1305.
 *
 *   packet_length(4)            padding_length payload padding     tag(16)
 *   `-- K_1, counter 0          `-- K_2, counter 1 onwards         `-- Poly1305
 *       `--------------- what the tag covers --------------'
 *
 * The nonce is the packet's sequence number; the tag's key is the first half
 * of K_2's block 0. ChaCha20 here is Bernstein's: a counter of 64 bits and a
 * nonce of 64 bits, which libcrypto takes as one "IV" of 16 octets.
 */
#include <stdlib.h>

#include "base/secret.h"
#include "crypto/protect_impl.h"
#include "wire/put.h"

enum { TAG_LEN = 16, KEY_LEN = 32, BLOCK_LEN = 64, IV_LEN = 16 };

struct chacha {
    struct protect base;
    EVP_CIPHER_CTX *body;   /* K_2, the first half of the key */
    EVP_CIPHER_CTX *length; /* K_1 */
    EVP_MAC_CTX *poly;
    uint8_t clear_length[PACKET_LENGTH_LEN]; /* of the packet being received */
};

/* Counter 0, then the sequence number as a big-endian uint64. */
static bool
stream_start(EVP_CIPHER_CTX *ctx, uint32_t seq)
{
    uint8_t iv[IV_LEN] = {0};
    store_u64(iv + 8, seq);
    return EVP_CipherInit_ex2(ctx, NULL, NULL, iv, -1, NULL) == 1;
}

static bool
crypt_length(struct chacha *c, uint32_t seq, uint8_t *out, const uint8_t *in)
{
    return stream_start(c->length, seq) &&
           protect_cipher_run(c->length, out, in, PACKET_LENGTH_LEN);
}

/*
 * Start K_2's stream for this packet and key the MAC with its block 0. The
 * stream then stands at block 1, where the body begins: one set-up for both.
 */
static bool
start_packet(struct chacha *c, uint32_t seq)
{
    static const uint8_t zeros[BLOCK_LEN];
    uint8_t block[BLOCK_LEN];
    bool is_good = stream_start(c->body, seq) &&
                   protect_cipher_run(c->body, block, zeros, BLOCK_LEN) &&
                   EVP_MAC_init(c->poly, block, KEY_LEN, NULL) == 1;
    mem_wipe(block, sizeof block);
    return is_good;
}

static bool
crypt_body(struct chacha *c, uint8_t *wire, size_t len)
{
    uint8_t *body = wire + PACKET_LENGTH_LEN;
    return protect_cipher_run(c->body, body, body, len - PACKET_LENGTH_LEN);
}

static bool
make_tag(struct chacha *c, const uint8_t *wire, size_t len, uint8_t tag[TAG_LEN])
{
    size_t n = 0;
    return EVP_MAC_update(c->poly, wire, len) == 1 &&
           EVP_MAC_final(c->poly, tag, &n, TAG_LEN) == 1 && n == TAG_LEN;
}

static enum err
chacha_seal(struct protect *p, uint32_t seq, uint8_t *wire, size_t len)
{
    struct chacha *c = (struct chacha *)p;
    bool is_good = crypt_length(c, seq, wire, wire) && start_packet(c, seq) &&
                   crypt_body(c, wire, len) && make_tag(c, wire, len, wire + len);
    return is_good ? ERR_NONE : ERR_CRYPTO;
}

/* The length stays encrypted in place: the tag covers it so. */
static enum err
chacha_length(struct protect *p, uint32_t seq, uint8_t *wire, uint32_t *packet_length)
{
    struct chacha *c = (struct chacha *)p;
    if (!crypt_length(c, seq, c->clear_length, wire))
        return ERR_CRYPTO;
    *packet_length = load_u32(c->clear_length);
    return ERR_NONE;
}

/* Nothing is decrypted before the tag is good. */
static enum err
chacha_open(struct protect *p, uint32_t seq, uint8_t *wire, size_t len)
{
    struct chacha *c = (struct chacha *)p;
    uint8_t tag[TAG_LEN];
    if (!start_packet(c, seq) || !make_tag(c, wire, len, tag) ||
        !mem_equal_ct(tag, wire + len, TAG_LEN))
        return protect_reject(wire, len);
    memcpy(wire, c->clear_length, PACKET_LENGTH_LEN);
    return crypt_body(c, wire, len) ? ERR_NONE : protect_reject(wire, len);
}

/* The sequence number is the nonce, and not kept here. */
static bool
chacha_iv(const struct protect *p, uint8_t iv[PROTECT_IV_MAX])
{
    (void)p, (void)iv;
    return true;
}

static void
chacha_free(struct protect *p)
{
    struct chacha *c = (struct chacha *)p;
    EVP_CIPHER_CTX_free(c->body);
    EVP_CIPHER_CTX_free(c->length);
    EVP_MAC_CTX_free(c->poly);
    mem_wipe(c, sizeof *c);
    free(c);
}

static const struct protect_ops ops = {chacha_seal, chacha_length, chacha_open, chacha_iv,
                                       chacha_free};

static enum err
chacha_make(const struct cipher_algo *cipher, const struct mac_algo *mac, bool is_sealing,
            const struct protect_views *keys, struct protect **p)
{
    (void)mac;
    struct chacha *c = calloc(1, sizeof *c);
    if (!c)
        return ERR_NOMEM;
    c->base = (struct protect){
        .ops = &ops,
        .shape = {.head = PACKET_LENGTH_LEN, .tail = TAG_LEN, .block = 8, .aad = 4},
        .may_seal = is_sealing,
        .may_open = !is_sealing,
    };
    enum lib_cipher chacha20 = (enum lib_cipher)cipher->cipher;
    static const uint8_t iv[IV_LEN];
    c->body = protect_cipher_new(chacha20, true, bytes_first(keys->cipher, KEY_LEN), iv);
    c->length = protect_cipher_new(chacha20, true, bytes_skip(keys->cipher, KEY_LEN), iv);
    c->poly = EVP_MAC_CTX_new(crypto_lib()->poly1305);
    if (!c->body || !c->length || !c->poly) {
        chacha_free(&c->base);
        return ERR_CRYPTO;
    }
    *p = &c->base;
    return ERR_NONE;
}

const struct protect_make protect_chacha = {chacha_make};
