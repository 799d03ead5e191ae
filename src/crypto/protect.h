/*
 * The protection of one direction of a connection: a cipher with its MAC, or
 * an AEAD. Packet code (ssh/packet.c) knows no algorithm by name: everything
 * it needs is in the four numbers below and three functions. Works in place.
 *
 * Packet layout, RFC 4253 6: packet_length(4) padding_length(1) payload
 * padding, then the tag. The shapes: RFC 4344 and 6668 (CTR with encrypt-and-
 * MAC), OpenSSH's -etm MACs, RFC 5647 as OpenSSH uses it (GCM), and
 * chacha20-poly1305@openssh.com.
 */
#ifndef FERRY_CRYPTO_PROTECT_H
#define FERRY_CRYPTO_PROTECT_H

#include "base/bytes.h"
#include "base/err.h"
#include "crypto/hash.h"

struct protect_make; /* of protect_impl.h: the shape that the cipher takes */

struct cipher_algo {
    const char *name;
    size_t key_len; /* octets, RFC 4253 7.2 */
    size_t iv_len;
    bool is_aead; /* the negotiated MAC is not used */
    /* Rekey after this many octets under one key: 2^32 cipher blocks, or 1 GiB
     * for a block below 16 octets (RFC 4344 3.2). */
    uint64_t rekey_octets;
    const struct protect_make *make;
    int cipher; /* libcrypto's, for make */
};

struct mac_algo {
    const char *name;
    size_t key_len; /* octets; also the tag's length */
    bool is_etm;
    enum hash_id hash;
};

/* NULL: not known. */
const struct cipher_algo *cipher_by_name(struct bytes name);
const struct mac_algo *mac_by_name(struct bytes name);

struct protect; /* opaque state: keys, counters */

/* What packet code must know of a direction. */
struct protect_shape {
    size_t head;  /* octets of a packet needed to learn its length: 4 or 16 */
    size_t tail;  /* tag octets behind the packet, 0..64 */
    size_t block; /* the padded part is a multiple of this: 8 or 16 */
    size_t aad;   /* leading octets outside the padded part: 0 or 4 */
};

enum { PROTECT_TAIL_MAX = 64 };

/*
 * The protection before the first NEWKEYS: none. head 4, tail 0, block 8, aad 0.
 */
enum err protect_new_none(struct protect **p) MUST_USE;

/*
 * key, iv, mac_key: exactly as long as the algorithms say; copied.
 * mac: ignored, may be NULL, when the cipher is an AEAD.
 */
enum err protect_new(const struct cipher_algo *cipher, const struct mac_algo *mac,
                     bool is_sealing, struct bytes key, struct bytes iv,
                     struct bytes mac_key, struct protect **p) MUST_USE;

/* Wipes the keys. NULL allowed. */
void protect_free(struct protect *p);

enum { PROTECT_KEY_MAX = 64, PROTECT_IV_MAX = 16, PROTECT_MAC_KEY_MAX = 64 };

/* What protect_new was given, or would have to be given; secret. */
struct protect_keys {
    size_t key_len, iv_len, mac_key_len; /* octets used of these */
    uint8_t key[PROTECT_KEY_MAX], iv[PROTECT_IV_MAX], mac_key[PROTECT_MAC_KEY_MAX];
};

/*
 * The keys with which protect_new makes one that goes on where p stands: the
 * counter of CTR and GCM has moved, the rest is as it was.
 * Between two packets only: not behind a protect_length whose protect_open is to come.
 * The caller wipes *keys. ERR_BUG: nothing is protected yet; ERR_CRYPTO.
 */
enum err protect_export(const struct protect *p, struct protect_keys *keys) MUST_USE;

struct protect_shape protect_shape(const struct protect *p);

/*
 * Encrypt one packet in place and write its tag behind it.
 * wire[0..len): packet_length .. padding, in clear; wire[len..len+tail): room.
 */
enum err protect_seal(struct protect *p, uint32_t sequence_number, uint8_t *wire,
                      size_t len) MUST_USE;

/*
 * Learn packet_length from the first shape.head octets. Called once a packet,
 * before protect_open; encrypt-and-MAC decrypts the first block in place here.
 * The value is not authenticated: check its bounds, wait for the rest, do
 * nothing else with it.
 */
enum err protect_length(struct protect *p, uint32_t sequence_number, uint8_t *wire,
                        uint32_t *packet_length) MUST_USE;

/*
 * Verify and decrypt one packet in place. len == 4 + packet_length; the tag
 * lies behind. ERR_CRYPTO: the tag is wrong: not one octet may be used, and
 * the connection ends.
 */
enum err protect_open(struct protect *p, uint32_t sequence_number, uint8_t *wire,
                      size_t len) MUST_USE;

#endif
