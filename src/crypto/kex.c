/* See kex.h. The table of methods, and what all of them have in common. */
#include "crypto/kex.h"

#include <assert.h>
#include <stdlib.h>

#include "base/secret.h"
#include "crypto/curve.h"
#include "crypto/kex_impl.h"

static const struct kex_algo algos[] = {
    {"mlkem768x25519-sha256", HASH_SHA256, false, true, &kex_hybrid, KEM_MLKEM768},
    {"sntrup761x25519-sha512", HASH_SHA512, false, true, &kex_hybrid, KEM_SNTRUP761},
    {"sntrup761x25519-sha512@openssh.com", HASH_SHA512, false, true, &kex_hybrid,
     KEM_SNTRUP761},
    {"curve25519-sha256", HASH_SHA256, false, false, &kex_x25519, 0},
    {"curve25519-sha256@libssh.org", HASH_SHA256, false, false, &kex_x25519, 0},
    {"ecdh-sha2-nistp256", HASH_SHA256, false, false, &kex_nist, CURVE_P256},
    {"ecdh-sha2-nistp384", HASH_SHA384, false, false, &kex_nist, CURVE_P384},
    {"ecdh-sha2-nistp521", HASH_SHA512, false, false, &kex_nist, CURVE_P521},
    {"diffie-hellman-group-exchange-sha256", HASH_SHA256, true, false, &kex_dh,
     DH_GROUP_OF_SERVER},
    {"diffie-hellman-group14-sha256", HASH_SHA256, false, false, &kex_dh, DH_GROUP14},
    {"diffie-hellman-group16-sha512", HASH_SHA512, false, false, &kex_dh, DH_GROUP16},
    {"diffie-hellman-group18-sha512", HASH_SHA512, false, false, &kex_dh, DH_GROUP18},
};

const struct kex_algo *
kex_by_name(struct bytes name)
{
    for (size_t i = 0; i < ARRAY_LEN(algos); i++)
        if (bytes_eq_str(name, algos[i].name))
            return &algos[i];
    return NULL;
}

enum err
kex_new(const struct kex_algo *algo, const struct rand_source *rand, struct kex **out)
{
    struct kex *kex = calloc(1, sizeof *kex);
    if (!kex)
        return ERR_NOMEM;
    kex->algo = algo;
    kex->rand = rand;
    enum err e = algo->is_group_exchange ? ERR_NONE : algo->ops->keypair(kex);
    if (e != ERR_NONE) {
        kex_free(kex);
        return e;
    }
    *out = kex;
    return ERR_NONE;
}

enum err
kex_gex_group(struct kex *kex, struct bytes p, struct bytes g, uint32_t min, uint32_t max)
{
    if (!kex->algo->is_group_exchange || kex->p)
        return ERR_BUG;
    return kex_dh_set_group(kex, p, g, min, max);
}

struct bytes
kex_public(const struct kex *kex)
{
    return bytes_of(kex->public_value, kex->public_len);
}

enum err
kex_finish(struct kex *kex, struct bytes peer_public, struct buf *secret)
{
    if (kex->public_len == 0)
        return ERR_BUG; /* group exchange without its group */
    return kex->algo->ops->finish(kex, peer_public, secret);
}

/* The server's side of methods whose two sides are alike. */
static enum err
reply_alike(const struct kex_algo *algo, const struct rand_source *rand,
            struct bytes client_public, struct buf *server_public, struct buf *secret)
{
    struct kex *kex = NULL;
    enum err e = kex_new(algo, rand, &kex);
    if (e != ERR_NONE)
        return e;
    e = kex_finish(kex, client_public, secret);
    if (e == ERR_NONE) {
        buf_put(server_public, kex_public(kex));
        e = buf_err(server_public);
    }
    kex_free(kex);
    return e;
}

enum err
kex_reply(const struct kex_algo *algo, const struct rand_source *rand,
          struct bytes client_public, struct buf *server_public, struct buf *secret)
{
    if (algo->is_group_exchange)
        return ERR_BUG; /* client only */
    if (algo->ops->reply)
        return algo->ops->reply(algo, rand, client_public, server_public, secret);
    return reply_alike(algo, rand, client_public, server_public, secret);
}

void
kex_free(struct kex *kex)
{
    if (!kex)
        return;
    BN_free(kex->p);
    BN_free(kex->g);
    mem_wipe(kex, sizeof *kex);
    free(kex);
}

/* One round: HASH(K, H, rest), where rest is letter and session id, or the
 * key material so far. */
static enum err
derive_round(struct hash *h, struct bytes secret, struct bytes exchange_hash,
             struct bytes rest, struct bytes session_id, uint8_t *out)
{
    const struct bytes parts[] = {secret, exchange_hash, rest, session_id};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        enum err e = hash_update(h, parts[i]);
        if (e != ERR_NONE)
            return e;
    }
    return hash_final(h, out);
}

enum { DERIVE_MAX = 128 };

enum err
kex_derive_key(enum hash_id id, struct bytes secret, struct bytes exchange_hash,
               char letter, struct bytes session_id, uint8_t *out, size_t out_len)
{
    assert(out_len <= DERIVE_MAX);
    struct hash *h = NULL;
    enum err e = hash_new(id, &h);
    uint8_t material[DERIVE_MAX + HASH_MAX_LEN];
    size_t n = 0;
    while (e == ERR_NONE && n < out_len) {
        struct bytes rest = n ? bytes_of(material, n) : bytes_of(&letter, 1);
        struct bytes last = n ? (struct bytes){0} : session_id;
        e = derive_round(h, secret, exchange_hash, rest, last, material + n);
        n += hash_len(id);
    }
    if (e == ERR_NONE && out_len != 0)
        memcpy(out, material, out_len);
    mem_wipe(material, sizeof material);
    hash_free(h);
    return e;
}
