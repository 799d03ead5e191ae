/*
 * Key exchange methods: from "start" to the shared secret K. The messages and
 * the exchange hash are ssh/kex.c's; here are only the group operations and,
 * for hybrids, their composition. RFC 4253 8, 4419, 5656, 8268, 8731,
 * draft-ietf-sshm-mlkem-hybrid-kex, draft-ietf-sshm-ntruprime-ssh.
 *
 * A public value is the content of the `string` (or of the mpint: the same
 * framing) in INIT and REPLY. K is given in its encoding for the exchange
 * hash and key derivation: with its length, as mpint or string.
 */
#ifndef FERRY_CRYPTO_KEX_H
#define FERRY_CRYPTO_KEX_H

#include "base/buf.h"
#include "base/rand.h"
#include "crypto/hash.h"

struct kex_ops;

struct kex_algo {
    const char *name;
    enum hash_id hash;      /* of the exchange hash and key derivation */
    bool is_group_exchange; /* RFC 4419: kex_gex_group comes first; client only */
    bool is_post_quantum;
    const struct kex_ops *ops; /* of crypto/kex.c */
    int param;                 /* group or curve, for ops */
};

const struct kex_algo *kex_by_name(struct bytes name);

/* Largest public value, octets: sntrup761x25519 with 1190, group18 with 1025. */
enum { KEX_PUBLIC_MAX = 2048 };

struct kex; /* one ephemeral key pair; wiped when freed */

/*
 * Client: a fresh key pair; for group exchange only after kex_gex_group.
 * rand: borrowed until the kex is freed.
 */
enum err kex_new(const struct kex_algo *algo, const struct rand_source *rand,
                 struct kex **kex) MUST_USE;

/*
 * Client, group exchange: the server's group. Accepts 2048..8192 bits and
 * within [min,max], odd p, g > 1 and g < p-1. Makes the key pair.
 * p, g: magnitudes. min, max in bits. ERR_CRYPTO: not acceptable.
 */
enum err kex_gex_group(struct kex *kex, struct bytes p, struct bytes g, uint32_t min,
                       uint32_t max) MUST_USE;

/* Client: our public value, borrowed until the kex is freed. */
struct bytes kex_public(const struct kex *kex);

/*
 * Client: the server's public value gives K, appended to `secret` encoded.
 * ERR_CRYPTO: a bad value (wrong length, off the curve, out of range,
 * all-zero result).
 */
enum err
kex_finish(struct kex *kex, struct bytes peer_public, struct buf *secret) MUST_USE;

/* Server: both steps at once; the ephemeral key never leaves the call. */
enum err kex_reply(const struct kex_algo *algo, const struct rand_source *rand,
                   struct bytes client_public, struct buf *server_public,
                   struct buf *secret) MUST_USE;

void kex_free(struct kex *kex); /* NULL allowed */

/*
 * RFC 4253 7.2: out_len octets of key material for letter 'A'..'F'.
 * secret: K as encoded above. out_len: 0..128.
 */
enum err kex_derive_key(enum hash_id hash, struct bytes secret,
                        struct bytes exchange_hash, char letter, struct bytes session_id,
                        uint8_t *out, size_t out_len) MUST_USE;

#endif
