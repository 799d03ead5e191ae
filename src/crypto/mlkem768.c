/* See mlkem768.h. FIPS 203 sections 5 (K-PKE) and 6 (the KEM around it). */
#include "crypto/mlkem768.h"

#include "base/secret.h"
#include "crypto/ct.h"
#include "crypto/keccak.h"
#include "crypto/mlkem_poly.h"

/* Where things lie: ek = t || rho; dk = s || ek || H(ek) || z; ct = u || v. */
enum {
    EK_RHO = MLKEM_K * POLY_12BIT_LEN,
    DK_EK = MLKEM_K * POLY_12BIT_LEN,
    DK_HASH = DK_EK + MLKEM768_EK_LEN,
    DK_Z = DK_HASH + SHA3_256_LEN,
    CT_V = MLKEM_K * POLY_10BIT_LEN,
};

_Static_assert(EK_RHO + POLY_SEED_LEN == MLKEM768_EK_LEN, "ek layout");
_Static_assert(DK_Z + MLKEM768_SEED_LEN == MLKEM768_DK_LEN, "dk layout");
_Static_assert(CT_V + POLY_4BIT_LEN == MLKEM768_CT_LEN, "ct layout");

/* A public key, decoded. */
struct public_key {
    struct poly t[MLKEM_K];
    const uint8_t *rho; /* POLY_SEED_LEN octets of the encoded key */
};

/* G's output: the shared secret, then the seed of the encryption's noise. */
struct key_and_coins {
    uint8_t key[MLKEM768_SS_LEN];
    uint8_t coins[POLY_SEED_LEN];
};

_Static_assert(sizeof(struct key_and_coins) == SHA3_512_LEN, "G");

/* H */
static void
hash_h(uint8_t out[SHA3_256_LEN], const uint8_t ek[MLKEM768_EK_LEN])
{
    struct keccak k;
    sha3_256_init(&k);
    keccak_absorb(&k, ek, MLKEM768_EK_LEN);
    keccak_squeeze(&k, out, SHA3_256_LEN);
}

/* G(a || b) */
static void
hash_g(uint8_t out[SHA3_512_LEN], const uint8_t a[32], const uint8_t *b, size_t b_len)
{
    struct keccak k;
    sha3_512_init(&k);
    keccak_absorb(&k, a, 32);
    keccak_absorb(&k, b, b_len);
    keccak_squeeze(&k, out, SHA3_512_LEN);
    keccak_clear(&k);
}

/* J(z || ct): the secret of a ciphertext that is refused. */
static void
hash_j(uint8_t out[MLKEM768_SS_LEN], const uint8_t z[MLKEM768_SEED_LEN],
       const uint8_t ct[MLKEM768_CT_LEN])
{
    struct keccak k;
    shake256_init(&k);
    keccak_absorb(&k, z, MLKEM768_SEED_LEN);
    keccak_absorb(&k, ct, MLKEM768_CT_LEN);
    keccak_squeeze(&k, out, MLKEM768_SS_LEN);
    keccak_clear(&k);
}

/* The noise polynomial number `nonce` of a seed: CBD(PRF(seed, nonce)). */
static void
sample_noise(struct poly *f, const uint8_t seed[POLY_SEED_LEN], uint8_t nonce)
{
    uint8_t prf[POLY_NOISE_LEN];
    struct keccak k;
    shake256_init(&k);
    keccak_absorb(&k, seed, POLY_SEED_LEN);
    keccak_absorb(&k, &nonce, 1);
    keccak_squeeze(&k, prf, sizeof prf);
    poly_sample_noise(f, prf);
    keccak_clear(&k);
    mem_wipe(prf, sizeof prf);
}

/* Noise polynomials first, first + 1, first + 2 in NTT form. */
static void
sample_noise_ntt(struct poly f[MLKEM_K], const uint8_t seed[POLY_SEED_LEN], uint8_t first)
{
    for (uint8_t i = 0; i < MLKEM_K; i++) {
        sample_noise(&f[i], seed, (uint8_t)(first + i));
        poly_ntt(&f[i]);
    }
}

/* Row i of the public matrix A, and column i. */
static void
sample_row(struct poly row[MLKEM_K], const uint8_t rho[POLY_SEED_LEN], uint8_t i)
{
    for (uint8_t j = 0; j < MLKEM_K; j++)
        poly_sample_ntt(&row[j], rho, j, i);
}

static void
sample_column(struct poly column[MLKEM_K], const uint8_t rho[POLY_SEED_LEN], uint8_t i)
{
    for (uint8_t j = 0; j < MLKEM_K; j++)
        poly_sample_ntt(&column[j], rho, i, j);
}

static void
encode_vector(uint8_t *out, struct poly f[MLKEM_K])
{
    for (int i = 0; i < MLKEM_K; i++) {
        poly_reduce(&f[i]);
        poly_encode12(out + i * POLY_12BIT_LEN, &f[i]);
    }
}

static void
decode_vector(struct poly f[MLKEM_K], const uint8_t *in)
{
    for (int i = 0; i < MLKEM_K; i++)
        poly_decode12(&f[i], in + i * POLY_12BIT_LEN);
}

static void
decode_public(struct public_key *pk, const uint8_t ek[MLKEM768_EK_LEN])
{
    decode_vector(pk->t, ek);
    pk->rho = ek + EK_RHO;
}

/* The check of FIPS 203 7.2: an honest key's coefficients are reduced. */
static bool
is_public_valid(const struct public_key *pk)
{
    for (int i = 0; i < MLKEM_K; i++)
        if (!poly_is_reduced(&pk->t[i]))
            return false;
    return true;
}

/* K-PKE.KeyGen, algorithm 13: t = A s + e. dk: the first part of it only. */
static void
generate(uint8_t ek[MLKEM768_EK_LEN], uint8_t dk[DK_EK],
         const uint8_t d[MLKEM768_SEED_LEN])
{
    static const uint8_t k = MLKEM_K;
    struct {
        uint8_t seeds[SHA3_512_LEN]; /* rho, then sigma */
        struct poly s[MLKEM_K], e[MLKEM_K];
    } secret;
    struct poly row[MLKEM_K], t[MLKEM_K];
    hash_g(secret.seeds, d, &k, 1);
    const uint8_t *rho = secret.seeds, *sigma = secret.seeds + POLY_SEED_LEN;
    sample_noise_ntt(secret.s, sigma, 0);
    sample_noise_ntt(secret.e, sigma, MLKEM_K);
    for (uint8_t i = 0; i < MLKEM_K; i++) {
        sample_row(row, rho, i);
        poly_product(&t[i], row, secret.s);
        poly_undo_scale(&t[i]);
        poly_add(&t[i], &secret.e[i]);
    }
    encode_vector(ek, t);
    memcpy(ek + EK_RHO, rho, POLY_SEED_LEN);
    encode_vector(dk, secret.s);
    mem_wipe(&secret, sizeof secret);
    mem_wipe(t, sizeof t); /* before encoding, t - e told A s */
}

/* K-PKE.Encrypt, algorithm 14: u = A^T y + e1, v = t y + e2 + message. */
static void
encrypt(uint8_t ct[MLKEM768_CT_LEN], const struct public_key *pk,
        const uint8_t m[MLKEM768_SEED_LEN], const uint8_t coins[POLY_SEED_LEN])
{
    struct {
        struct poly y[MLKEM_K], sum, addend;
    } secret;
    struct poly column[MLKEM_K];
    sample_noise_ntt(secret.y, coins, 0);
    for (uint8_t i = 0; i < MLKEM_K; i++) {
        sample_column(column, pk->rho, i);
        poly_product(&secret.sum, column, secret.y);
        poly_inverse_ntt(&secret.sum);
        sample_noise(&secret.addend, coins, (uint8_t)(MLKEM_K + i));
        poly_add(&secret.sum, &secret.addend);
        poly_reduce(&secret.sum);
        poly_compress10(ct + i * POLY_10BIT_LEN, &secret.sum);
    }
    poly_product(&secret.sum, pk->t, secret.y);
    poly_inverse_ntt(&secret.sum);
    sample_noise(&secret.addend, coins, 2 * MLKEM_K);
    poly_add(&secret.sum, &secret.addend);
    poly_decompress1(&secret.addend, m);
    poly_add(&secret.sum, &secret.addend);
    poly_reduce(&secret.sum);
    poly_compress4(ct + CT_V, &secret.sum);
    mem_wipe(&secret, sizeof secret);
}

/* K-PKE.Decrypt, algorithm 15: the message is what v - s u rounds to. */
static void
decrypt(uint8_t m[MLKEM768_SEED_LEN], const uint8_t ct[MLKEM768_CT_LEN],
        const uint8_t dk[DK_EK])
{
    struct {
        struct poly s[MLKEM_K], product, w;
    } secret;
    struct poly u[MLKEM_K];
    for (int i = 0; i < MLKEM_K; i++) {
        poly_decompress10(&u[i], ct + i * POLY_10BIT_LEN);
        poly_ntt(&u[i]);
    }
    decode_vector(secret.s, dk);
    poly_product(&secret.product, secret.s, u);
    poly_inverse_ntt(&secret.product);
    poly_decompress4(&secret.w, ct + CT_V);
    poly_sub(&secret.w, &secret.product);
    poly_reduce(&secret.w);
    poly_compress1(m, &secret.w);
    mem_wipe(&secret, sizeof secret);
}

void
mlkem768_keypair(uint8_t ek[MLKEM768_EK_LEN], uint8_t dk[MLKEM768_DK_LEN],
                 const uint8_t d[MLKEM768_SEED_LEN], const uint8_t z[MLKEM768_SEED_LEN])
{
    generate(ek, dk, d);
    memcpy(dk + DK_EK, ek, MLKEM768_EK_LEN);
    hash_h(dk + DK_HASH, ek);
    memcpy(dk + DK_Z, z, MLKEM768_SEED_LEN);
}

enum err
mlkem768_encaps(uint8_t ct[MLKEM768_CT_LEN], uint8_t ss[MLKEM768_SS_LEN],
                const uint8_t ek[MLKEM768_EK_LEN], const uint8_t m[MLKEM768_SEED_LEN])
{
    struct public_key pk;
    decode_public(&pk, ek);
    if (!is_public_valid(&pk))
        return ERR_CRYPTO;
    uint8_t ek_hash[SHA3_256_LEN];
    struct key_and_coins g;
    hash_h(ek_hash, ek);
    hash_g((uint8_t *)&g, m, ek_hash, sizeof ek_hash);
    encrypt(ct, &pk, m, g.coins);
    memcpy(ss, g.key, sizeof g.key);
    mem_wipe(&g, sizeof g);
    return ERR_NONE;
}

void
mlkem768_decaps(uint8_t ss[MLKEM768_SS_LEN], const uint8_t ct[MLKEM768_CT_LEN],
                const uint8_t dk[MLKEM768_DK_LEN])
{
    struct {
        uint8_t m[MLKEM768_SEED_LEN];
        struct key_and_coins g;
        uint8_t ct[MLKEM768_CT_LEN]; /* what an honest peer would have sent */
    } secret;
    struct public_key pk;
    decode_public(&pk, dk + DK_EK);
    decrypt(secret.m, ct, dk);
    hash_g((uint8_t *)&secret.g, secret.m, dk + DK_HASH, SHA3_256_LEN);
    encrypt(secret.ct, &pk, secret.m, secret.g.coins);
    hash_j(ss, dk + DK_Z, ct);
    uint32_t refused = ct_differ_mask(ct, secret.ct, sizeof secret.ct);
    ct_replace(ss, secret.g.key, sizeof secret.g.key, ~refused);
    mem_wipe(&secret, sizeof secret);
}
