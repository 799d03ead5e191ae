/*
 * mlkem768x25519-sha256 (draft-ietf-sshm-mlkem-hybrid-kex) and
 * sntrup761x25519-sha512 (draft-ietf-sshm-ntruprime-ssh): a post-quantum KEM
 * and X25519, so that an attacker must break both.
 *
 *   client's value: encapsulation key, X25519 public value
 *   server's value: ciphertext,        X25519 public value
 *   K = string HASH(KEM secret, X25519 secret)      (a string, not an mpint)
 *
 * The two KEMs differ in sizes and in three functions: one row each.
 */
#include "base/secret.h"
#include "crypto/kex_impl.h"
#include "crypto/mlkem768.h"
#include "crypto/sntrup761.h"
#include "wire/cursor.h"
#include "wire/put.h"

enum { KEM_SECRET_LEN = 32, CT_MAX = MLKEM768_CT_LEN };

struct kem {
    size_t ek_len, dk_len, ct_len;
    enum err (*keypair)(const struct rand_source *rand, uint8_t *ek, uint8_t *dk);
    enum err (*encaps)(const struct rand_source *rand, const uint8_t *ek, uint8_t *ct,
                       uint8_t *shared);
    enum err (*decaps)(const uint8_t *dk, const uint8_t *ct, uint8_t *shared);
};

static enum err
mlkem_keypair(const struct rand_source *rand, uint8_t *ek, uint8_t *dk)
{
    uint8_t seed[2 * MLKEM768_SEED_LEN];
    enum err e = rand_fill(rand, seed, sizeof seed);
    if (e == ERR_NONE)
        mlkem768_keypair(ek, dk, seed, seed + MLKEM768_SEED_LEN);
    mem_wipe(seed, sizeof seed);
    return e;
}

static enum err
mlkem_encaps(const struct rand_source *rand, const uint8_t *ek, uint8_t *ct,
             uint8_t *shared)
{
    uint8_t m[MLKEM768_SEED_LEN];
    enum err e = rand_fill(rand, m, sizeof m);
    if (e == ERR_NONE)
        e = mlkem768_encaps(ct, shared, ek, m);
    mem_wipe(m, sizeof m);
    return e;
}

static enum err
mlkem_decaps(const uint8_t *dk, const uint8_t *ct, uint8_t *shared)
{
    mlkem768_decaps(shared, ct, dk);
    return ERR_NONE;
}

static enum err
sntrup_keypair(const struct rand_source *rand, uint8_t *ek, uint8_t *dk)
{
    return sntrup761_keypair(ek, dk, rand);
}

static enum err
sntrup_encaps(const struct rand_source *rand, const uint8_t *ek, uint8_t *ct,
              uint8_t *shared)
{
    return sntrup761_encaps(ct, shared, ek, rand);
}

static enum err
sntrup_decaps(const uint8_t *dk, const uint8_t *ct, uint8_t *shared)
{
    return sntrup761_decaps(shared, ct, dk);
}

static const struct kem kems[] = {
    [KEM_MLKEM768] = {MLKEM768_EK_LEN, MLKEM768_DK_LEN, MLKEM768_CT_LEN, mlkem_keypair,
                      mlkem_encaps, mlkem_decaps},
    [KEM_SNTRUP761] = {SNTRUP761_PK_LEN, SNTRUP761_SK_LEN, SNTRUP761_CT_LEN,
                       sntrup_keypair, sntrup_encaps, sntrup_decaps},
};

/* K = string HASH(post-quantum, classical); both are wiped. */
static enum err
combine(enum hash_id hash, uint8_t post_quantum[KEM_SECRET_LEN],
        uint8_t classical[X25519_LEN], struct buf *secret)
{
    uint8_t both[KEM_SECRET_LEN + X25519_LEN], k[HASH_MAX_LEN];
    memcpy(both, post_quantum, KEM_SECRET_LEN);
    memcpy(both + KEM_SECRET_LEN, classical, X25519_LEN);
    enum err e = hash_digest(hash, bytes_of(both, sizeof both), k);
    if (e == ERR_NONE) {
        put_string(secret, bytes_of(k, hash_len(hash)));
        e = buf_err(secret);
    }
    mem_wipe(both, sizeof both);
    mem_wipe(k, sizeof k);
    return e;
}

static enum err
hybrid_keypair(struct kex *kex)
{
    const struct kem *kem = &kems[kex->algo->param];
    enum err e = kem->keypair(kex->rand, kex->public_value, kex->private_key);
    if (e != ERR_NONE)
        return e;
    kex->public_len = kem->ek_len + X25519_LEN;
    return x25519_keypair(kex->rand, kex->private_key + kem->dk_len,
                          kex->public_value + kem->ek_len);
}

/* Take the peer's value apart. False: not exactly as long as it must be. */
static bool
split(struct bytes value, size_t kem_len, struct bytes *kem_part, struct bytes *classical)
{
    struct cursor c = cursor_of(value);
    *kem_part = cursor_raw(&c, kem_len);
    *classical = cursor_raw(&c, X25519_LEN);
    return cursor_is_done(&c);
}

static enum err
hybrid_finish(const struct kex *kex, struct bytes peer_public, struct buf *secret)
{
    const struct kem *kem = &kems[kex->algo->param];
    struct bytes ct, peer;
    if (!split(peer_public, kem->ct_len, &ct, &peer))
        return ERR_CRYPTO;
    uint8_t post_quantum[KEM_SECRET_LEN], classical[X25519_LEN];
    enum err e = x25519_shared(kex->private_key + kem->dk_len, peer, classical);
    if (e == ERR_NONE)
        e = kem->decaps(kex->private_key, ct.p, post_quantum);
    if (e == ERR_NONE)
        e = combine(kex->algo->hash, post_quantum, classical, secret);
    mem_wipe(post_quantum, sizeof post_quantum);
    mem_wipe(classical, sizeof classical);
    return e;
}

/* What the server makes for one exchange. */
struct answer {
    uint8_t ct[CT_MAX];
    uint8_t x25519_private[X25519_LEN], x25519_public[X25519_LEN];
    uint8_t post_quantum[KEM_SECRET_LEN], classical[X25519_LEN];
};

static enum err
answer_make(const struct kem *kem, const struct rand_source *rand, struct bytes ek,
            struct bytes peer, struct answer *a)
{
    enum err e = kem->encaps(rand, ek.p, a->ct, a->post_quantum);
    if (e == ERR_NONE)
        e = x25519_keypair(rand, a->x25519_private, a->x25519_public);
    if (e == ERR_NONE)
        e = x25519_shared(a->x25519_private, peer, a->classical);
    return e;
}

static enum err
hybrid_reply(const struct kex_algo *algo, const struct rand_source *rand,
             struct bytes client_public, struct buf *server_public, struct buf *secret)
{
    const struct kem *kem = &kems[algo->param];
    struct bytes ek, peer;
    if (!split(client_public, kem->ek_len, &ek, &peer))
        return ERR_CRYPTO;
    struct answer a;
    enum err e = answer_make(kem, rand, ek, peer, &a);
    if (e == ERR_NONE)
        e = combine(algo->hash, a.post_quantum, a.classical, secret);
    if (e == ERR_NONE) {
        buf_put(server_public, bytes_of(a.ct, kem->ct_len));
        buf_put(server_public, bytes_of(a.x25519_public, X25519_LEN));
        e = buf_err(server_public);
    }
    mem_wipe(&a, sizeof a);
    return e;
}

const struct kex_ops kex_hybrid = {hybrid_keypair, hybrid_finish, hybrid_reply};
