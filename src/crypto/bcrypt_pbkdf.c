/*
 * See bcrypt_pbkdf.h. Blowfish with its expensive key schedule, keyed with
 * SHA-512 of passphrase and salt, summed over the rounds.
 *
 * The S-boxes make memory accesses depend on the passphrase. That is bcrypt;
 * it runs on the user's own machine, on the user's own passphrase.
 */
#include "crypto/bcrypt_pbkdf.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/secret.h"
#include "blowfish_pi.h"
#include "crypto/hash.h"
#include "wire/put.h"

enum {
    SUBKEYS = 18,
    BOXES = 4,
    BOX_LEN = 256,
    SHA_LEN = 64,
    BLOCK_LEN = 32,  /* octets of one bcrypt hash */
    EXPANSIONS = 64, /* of salt and passphrase, and encryptions: cost 6 */
    SALT_MAX = 1 << 20,
};

struct blowfish {
    uint32_t p[SUBKEYS];
    uint32_t s[BOXES][BOX_LEN];
};
_Static_assert(sizeof blowfish_pi == sizeof(struct blowfish), "one word of pi each");

struct half {
    uint32_t l, r;
};

/* 64 octets as big-endian words, read around and around. */
struct word_ring {
    uint32_t word[SHA_LEN / 4];
    unsigned at;
};

static struct word_ring
ring_of(const uint8_t octets[SHA_LEN])
{
    struct word_ring ring = {.at = 0};
    for (size_t i = 0; i < ARRAY_LEN(ring.word); i++) {
        const uint8_t *p = octets + 4 * i;
        ring.word[i] =
            (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    }
    return ring;
}

static inline uint32_t
ring_next(struct word_ring *ring)
{
    return ring->word[ring->at++ % ARRAY_LEN(ring->word)];
}

static inline uint32_t
mix(const struct blowfish *b, uint32_t x)
{
    uint32_t sum = b->s[0][x >> 24] + b->s[1][x >> 16 & 0xff];
    return (sum ^ b->s[2][x >> 8 & 0xff]) + b->s[3][x & 0xff];
}

/* Two of the sixteen rounds a turn, so that the halves need not be exchanged. */
static inline struct half
encrypt(const struct blowfish *b, struct half x)
{
    for (size_t i = 0; i < SUBKEYS - 2; i += 2) {
        x.l ^= b->p[i];
        x.r ^= mix(b, x.l);
        x.r ^= b->p[i + 1];
        x.l ^= mix(b, x.r);
    }
    return (struct half){x.r ^ b->p[SUBKEYS - 1], x.l ^ b->p[SUBKEYS - 2]};
}

/* Fill words[0..n) with the chain of encryptions; salt may be NULL. */
static struct half
fill(const struct blowfish *b, uint32_t *words, size_t n, struct half x,
     struct word_ring *salt)
{
    for (size_t i = 0; i < n; i += 2) {
        if (salt) {
            x.l ^= ring_next(salt);
            x.r ^= ring_next(salt);
        }
        x = encrypt(b, x);
        words[i] = x.l;
        words[i + 1] = x.r;
    }
    return x;
}

static void
expand(struct blowfish *b, struct word_ring key, struct word_ring *salt)
{
    for (size_t i = 0; i < SUBKEYS; i++)
        b->p[i] ^= ring_next(&key);
    struct half x = fill(b, b->p, SUBKEYS, (struct half){0, 0}, salt);
    for (size_t i = 0; i < BOXES; i++)
        x = fill(b, b->s[i], BOX_LEN, x, salt);
}

static void
encrypt_text(const struct blowfish *b, uint8_t out[BLOCK_LEN])
{
    /* "OxychromaticBlowfishSwatDynamite" */
    struct half text[BLOCK_LEN / 8] = {{0x4f787963, 0x68726f6d},
                                       {0x61746963, 0x426c6f77},
                                       {0x66697368, 0x53776174},
                                       {0x44796e61, 0x6d697465}};
    for (size_t i = 0; i < ARRAY_LEN(text); i++) {
        for (int n = 0; n < EXPANSIONS; n++)
            text[i] = encrypt(b, text[i]);
        const uint32_t words[] = {text[i].l, text[i].r};
        for (size_t k = 0; k < 8; k++) /* little-endian, unlike all the rest */
            out[8 * i + k] = (uint8_t)(words[k / 4] >> 8 * (k % 4));
    }
    mem_wipe(text, sizeof text);
}

static void
bcrypt_hash(struct blowfish *b, const uint8_t pass[SHA_LEN], const uint8_t salt[SHA_LEN],
            uint8_t out[BLOCK_LEN])
{
    struct word_ring pass_ring = ring_of(pass), salt_ring = ring_of(salt);
    struct word_ring running_salt = salt_ring;
    memcpy(b, blowfish_pi, sizeof *b);
    expand(b, pass_ring, &running_salt);
    for (int i = 0; i < EXPANSIONS; i++) {
        expand(b, salt_ring, NULL);
        expand(b, pass_ring, NULL);
    }
    encrypt_text(b, out);
    mem_wipe(&pass_ring, sizeof pass_ring);
}

/* What one derivation works with; on the heap, wiped. */
struct work {
    struct blowfish blowfish;
    uint8_t pass[SHA_LEN], salt[SHA_LEN];
    uint8_t block[BLOCK_LEN], sum[BLOCK_LEN];
};

/* sum = the XOR of all rounds for one block; the first is salted with w->salt. */
static enum err
sum_rounds(struct work *w, uint32_t rounds)
{
    bcrypt_hash(&w->blowfish, w->pass, w->salt, w->block);
    memcpy(w->sum, w->block, BLOCK_LEN);
    for (uint32_t i = 1; i < rounds; i++) {
        enum err e = hash_digest(HASH_SHA512, bytes_of(w->block, BLOCK_LEN), w->salt);
        if (e != ERR_NONE)
            return e;
        bcrypt_hash(&w->blowfish, w->pass, w->salt, w->block);
        for (size_t k = 0; k < BLOCK_LEN; k++)
            w->sum[k] ^= w->block[k];
    }
    return ERR_NONE;
}

/* SHA-512 of the salt and a block number that counts from 1. */
static enum err
salt_for(struct work *w, struct bytes salt, uint32_t number)
{
    struct buf text;
    buf_init(&text, SALT_MAX + 4);
    buf_put(&text, salt);
    put_u32(&text, number);
    enum err e = buf_err(&text);
    if (e == ERR_NONE)
        e = hash_digest(HASH_SHA512, buf_bytes(&text), w->salt);
    buf_clear(&text);
    return e;
}

/*
 * Unlike PBKDF2, the blocks are interleaved: block number b of n_blocks gives
 * octets b, b + n_blocks, ... so that no part of the key comes cheaper.
 */
static enum err
derive(struct work *w, struct bytes salt, uint32_t rounds, uint8_t *out, size_t out_len)
{
    size_t n_blocks = (out_len + BLOCK_LEN - 1) / BLOCK_LEN;
    for (size_t b = 0; b < n_blocks; b++) {
        enum err e = salt_for(w, salt, (uint32_t)b + 1);
        if (e == ERR_NONE)
            e = sum_rounds(w, rounds);
        if (e != ERR_NONE)
            return e;
        for (size_t i = 0; b + i * n_blocks < out_len; i++)
            out[b + i * n_blocks] = w->sum[i];
    }
    return ERR_NONE;
}

enum err
bcrypt_pbkdf(struct bytes pass, struct bytes salt, uint32_t rounds, uint8_t *out,
             size_t out_len)
{
    mem_wipe(out, out_len);
    if (pass.n == 0 || salt.n == 0 || salt.n > SALT_MAX || rounds == 0 ||
        rounds > BCRYPT_ROUNDS_MAX || out_len == 0 || out_len > BCRYPT_OUT_MAX)
        return ERR_LIMIT;
    struct work *w = calloc(1, sizeof *w);
    if (!w)
        return ERR_NOMEM;
    enum err e = hash_digest(HASH_SHA512, pass, w->pass);
    if (e == ERR_NONE)
        e = derive(w, salt, rounds, out, out_len);
    if (e != ERR_NONE)
        mem_wipe(out, out_len);
    mem_wipe(w, sizeof *w);
    free(w);
    return e;
}
