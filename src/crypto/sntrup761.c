/*
 * See sntrup761.h. The scheme of Bernstein, Chuengsatiansup, Lange and van
 * Vredendaal, "NTRU Prime", third round; Short, Small, Hp and ZEnc are its
 * words.
 */
#include "crypto/sntrup761.h"

#include "base/secret.h"
#include "crypto/ct.h"
#include "crypto/hash.h"
#include "crypto/sntrup_code.h"
#include "crypto/sntrup_ring.h"

enum { HP_LEN = 32 }; /* half of a SHA-512 */

/* sk = f || 1/g || pk || rho || Hp(4, pk); ct = rounded || confirmation. */
enum {
    SK_GINV = RING_3_LEN,
    SK_PK = SK_GINV + RING_3_LEN,
    SK_RHO = SK_PK + SNTRUP761_PK_LEN,
    SK_PK_HASH = SK_RHO + RING_3_LEN,
    CT_CONFIRM = RING_ROUND_LEN,
};

_Static_assert(SK_PK_HASH + HP_LEN == SNTRUP761_SK_LEN, "sk layout");
_Static_assert(CT_CONFIRM + HP_LEN == SNTRUP761_CT_LEN, "ct layout");

/* Hp's first octet: what is hashed. */
enum {
    HP_REFUSED = 0,
    HP_SESSION = 1,
    HP_CONFIRM = 2,
    HP_INPUT = 3,
    HP_PK = 4,
};

/* ---- Random polynomials ------------------------------------------------ */

enum { WORD_LEN = 4 };

/* One word a coefficient, little-endian. The caller wipes them. */
static enum err
random_words(uint32_t word[NTRU_P], const struct rand_source *rand)
{
    uint8_t octets[NTRU_P * WORD_LEN];
    enum err e = rand_fill(rand, octets, sizeof octets);
    for (int i = 0; e == ERR_NONE && i < NTRU_P; i++) {
        const uint8_t *p = octets + i * WORD_LEN;
        word[i] =
            p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    }
    mem_wipe(octets, sizeof octets);
    return e;
}

/* Small: every coefficient -1, 0 or 1, with a third of the chance each. */
static enum err
sample_small(struct ring_3 *a, const struct rand_source *rand)
{
    uint32_t word[NTRU_P];
    enum err e = random_words(word, rand);
    if (e != ERR_NONE)
        return e;
    for (int i = 0; i < NTRU_P; i++)
        a->c[i] = (int8_t)((int)((word[i] & 0x3fffffff) * 3 >> 30) - 1);
    mem_wipe(word, sizeof word);
    return ERR_NONE;
}

/* Exchange a[0..n) with b[0..n) wherever a > b. */
static inline void
sort_pairs(uint32_t *restrict a, uint32_t *restrict b, int n)
{
    for (int i = 0; i < n; i++) {
        uint32_t x = a[i], y = b[i];
        uint32_t borrow = (~y & x) | (~(x ^ y) & (y - x)); /* top bit: y < x */
        uint32_t swap = (x ^ y) & (0 - (borrow >> 31));
        a[i] = x ^ swap;
        b[i] = y ^ swap;
    }
}

/* Sort the pairs (i, i + distance) with (i & bit) == offset, i + distance < n.
 * Such i come in runs of `bit`, and distance >= bit: the two runs are apart. */
static void
sort_runs(uint32_t *a, int n, int bit, int offset, int distance)
{
    for (int i = offset; i + distance < n; i += 2 * bit) {
        int left = n - distance - i;
        int run = left < bit ? left : bit;
        sort_pairs(a + i, a + i + distance, run);
    }
}

/* Ascending. Batcher's merge exchange (Knuth, TAOCP 3, algorithm 5.2.2 M): which
 * pairs are compared depends on nothing. */
static void
sort(uint32_t *a, int n)
{
    int top = 1;
    while (2 * top < n)
        top *= 2;
    for (int bit = top; bit > 0; bit /= 2) {
        sort_runs(a, n, bit, 0, bit);
        for (int q = top; q > bit; q /= 2)
            sort_runs(a, n, bit, bit, q - bit);
    }
}

/* Short: exactly NTRU_WEIGHT coefficients are -1 or 1, at places that sorting
 * by random high bits gives; the low two bits carry the coefficient + 1. */
static enum err
sample_short(struct ring_3 *a, const struct rand_source *rand)
{
    uint32_t word[NTRU_P];
    enum err e = random_words(word, rand);
    if (e != ERR_NONE)
        return e;
    for (int i = 0; i < NTRU_WEIGHT; i++)
        word[i] &= ~1U;
    for (int i = NTRU_WEIGHT; i < NTRU_P; i++)
        word[i] = (word[i] & ~3U) | 1;
    sort(word, NTRU_P);
    for (int i = 0; i < NTRU_P; i++)
        a->c[i] = (int8_t)((int)(word[i] & 3) - 1);
    mem_wipe(word, sizeof word);
    return ERR_NONE;
}

/* ---- Hashes ------------------------------------------------------------ */

/* Hp(kind, a || b). On failure out is all zero. */
static enum err
hp(uint8_t out[HP_LEN], uint8_t kind, struct bytes a, struct bytes b)
{
    uint8_t input[1 + HP_LEN + SNTRUP761_PK_LEN], digest[HASH_MAX_LEN];
    memset(out, 0, HP_LEN);
    if (a.n > sizeof input - 1 || b.n > sizeof input - 1 - a.n)
        return ERR_BUG;
    input[0] = kind;
    memcpy(input + 1, a.p, a.n);
    if (b.n != 0)
        memcpy(input + 1 + a.n, b.p, b.n);
    enum err e = hash_digest(HASH_SHA512, bytes_of(input, 1 + a.n + b.n), digest);
    if (e == ERR_NONE)
        memcpy(out, digest, HP_LEN);
    mem_wipe(input, sizeof input);
    mem_wipe(digest, sizeof digest);
    return e;
}

/* Hp(kind, Hp(HP_INPUT, input) || tail), where input is an encoded ring_3. */
static enum err
hp_of_input(uint8_t out[HP_LEN], uint8_t kind, const uint8_t input[RING_3_LEN],
            struct bytes tail)
{
    uint8_t inner[HP_LEN];
    enum err e = hp(inner, HP_INPUT, bytes_of(input, RING_3_LEN), (struct bytes){0});
    if (e == ERR_NONE)
        e = hp(out, kind, bytes_of(inner, sizeof inner), tail);
    mem_wipe(inner, sizeof inner);
    return e;
}

/* ---- The scheme -------------------------------------------------------- */

/* g: small and invertible modulo 3, which most are. */
static enum err
sample_invertible(struct ring_3 *g, struct ring_3 *g_inverse,
                  const struct rand_source *rand)
{
    do {
        enum err e = sample_small(g, rand);
        if (e != ERR_NONE)
            return e;
    } while (!ring_3_invert(g_inverse, g));
    return ERR_NONE;
}

/* pk = g / 3f, and f and 1/g at the beginning of sk. */
static enum err
generate(uint8_t pk[SNTRUP761_PK_LEN], uint8_t sk[SK_PK], const struct rand_source *rand)
{
    struct {
        struct ring_3 f, g, g_inverse;
        struct ring_q h;
    } secret;
    enum err e = sample_invertible(&secret.g, &secret.g_inverse, rand);
    if (e == ERR_NONE)
        e = sample_short(&secret.f, rand);
    if (e == ERR_NONE) {
        ring_q_invert_thrice(&secret.h, &secret.f);
        ring_q_mul(&secret.h, &secret.h, &secret.g);
        ring_q_encode(pk, &secret.h);
        ring_3_encode(sk, &secret.f);
        ring_3_encode(sk + SK_GINV, &secret.g_inverse);
    }
    mem_wipe(&secret, sizeof secret);
    return e;
}

enum err
sntrup761_keypair(uint8_t pk[SNTRUP761_PK_LEN], uint8_t sk[SNTRUP761_SK_LEN],
                  const struct rand_source *rand)
{
    enum err e = generate(pk, sk, rand);
    if (e != ERR_NONE)
        return e;
    memcpy(sk + SK_PK, pk, SNTRUP761_PK_LEN);
    e = rand_fill(rand, sk + SK_RHO, RING_3_LEN);
    if (e != ERR_NONE)
        return e;
    return hp(sk + SK_PK_HASH, HP_PK, bytes_of(pk, SNTRUP761_PK_LEN), (struct bytes){0});
}

/* The ciphertext of r: Round(h r) and the hash that confirms r. */
static enum err
hide(uint8_t ct[SNTRUP761_CT_LEN], const struct ring_3 *r,
     const uint8_t pk[SNTRUP761_PK_LEN], const uint8_t pk_hash[HP_LEN])
{
    uint8_t r_encoded[RING_3_LEN];
    struct ring_q h;
    ring_q_decode(&h, pk);
    ring_q_mul(&h, &h, r);
    ring_q_round(&h);
    ring_round_encode(ct, &h);
    ring_3_encode(r_encoded, r);
    enum err e =
        hp_of_input(ct + CT_CONFIRM, HP_CONFIRM, r_encoded, bytes_of(pk_hash, HP_LEN));
    mem_wipe(&h, sizeof h);
    mem_wipe(r_encoded, sizeof r_encoded);
    return e;
}

/* The shared secret of an encoded r, or of rho when kind is HP_REFUSED. */
static enum err
session_key(uint8_t ss[SNTRUP761_SS_LEN], uint8_t kind, const uint8_t r[RING_3_LEN],
            const uint8_t ct[SNTRUP761_CT_LEN])
{
    return hp_of_input(ss, kind, r, bytes_of(ct, SNTRUP761_CT_LEN));
}

enum err
sntrup761_encaps(uint8_t ct[SNTRUP761_CT_LEN], uint8_t ss[SNTRUP761_SS_LEN],
                 const uint8_t pk[SNTRUP761_PK_LEN], const struct rand_source *rand)
{
    uint8_t pk_hash[HP_LEN], r_encoded[RING_3_LEN];
    struct ring_3 r;
    memset(ss, 0, SNTRUP761_SS_LEN);
    enum err e = hp(pk_hash, HP_PK, bytes_of(pk, SNTRUP761_PK_LEN), (struct bytes){0});
    if (e == ERR_NONE)
        e = sample_short(&r, rand);
    if (e != ERR_NONE)
        return e;
    e = hide(ct, &r, pk, pk_hash);
    ring_3_encode(r_encoded, &r);
    if (e == ERR_NONE)
        e = session_key(ss, HP_SESSION, r_encoded, ct);
    mem_wipe(&r, sizeof r);
    mem_wipe(r_encoded, sizeof r_encoded);
    return e;
}

/* Coefficients that are not 0. */
static uint32_t
weight(const struct ring_3 *a)
{
    uint32_t n = 0;
    for (int i = 0; i < NTRU_P; i++)
        n += (uint32_t)(a->c[i] & 1);
    return n;
}

/* If r is not short: NTRU_WEIGHT ones, then zeroes, by masks. */
static void
force_short(struct ring_3 *r)
{
    int bad = (int)ct_nonzero_mask(weight(r) ^ NTRU_WEIGHT);
    for (int i = 0; i < NTRU_P; i++) {
        int substitute = i < NTRU_WEIGHT;
        r->c[i] = (int8_t)((r->c[i] & ~bad) | (substitute & bad));
    }
}

/* r of an honest ciphertext: (3 f c mod q) / g mod 3. */
static void
reveal(struct ring_3 *r, const uint8_t ct[SNTRUP761_CT_LEN],
       const uint8_t sk[SNTRUP761_SK_LEN])
{
    struct {
        struct ring_3 f, g_inverse, e;
        struct ring_q c;
    } secret;
    ring_3_decode(&secret.f, sk);
    ring_3_decode(&secret.g_inverse, sk + SK_GINV);
    ring_round_decode(&secret.c, ct);
    ring_q_mul(&secret.c, &secret.c, &secret.f);
    ring_q_triple(&secret.c);
    ring_q_to_3(&secret.e, &secret.c);
    ring_3_mul(r, &secret.e, &secret.g_inverse);
    force_short(r);
    mem_wipe(&secret, sizeof secret);
}

enum err
sntrup761_decaps(uint8_t ss[SNTRUP761_SS_LEN], const uint8_t ct[SNTRUP761_CT_LEN],
                 const uint8_t sk[SNTRUP761_SK_LEN])
{
    struct {
        struct ring_3 r;
        uint8_t input[RING_3_LEN], refused[SNTRUP761_SS_LEN];
        uint8_t ct[SNTRUP761_CT_LEN]; /* what an honest peer would have sent */
    } secret;
    memset(ss, 0, SNTRUP761_SS_LEN);
    reveal(&secret.r, ct, sk);
    ring_3_encode(secret.input, &secret.r);
    enum err e = hide(secret.ct, &secret.r, sk + SK_PK, sk + SK_PK_HASH);
    if (e == ERR_NONE)
        e = session_key(secret.refused, HP_REFUSED, sk + SK_RHO, ct);
    if (e == ERR_NONE)
        e = session_key(ss, HP_SESSION, secret.input, ct);
    if (e == ERR_NONE) {
        uint32_t is_refused = ct_differ_mask(ct, secret.ct, sizeof secret.ct);
        ct_replace(ss, secret.refused, sizeof secret.refused, is_refused);
    }
    mem_wipe(&secret, sizeof secret);
    return e;
}
