/*
 * Hashes and HMAC. SHA-2 for the protocol; SHA-1 only for hashed known_hosts
 * names and, with MD5, for check-file and old fingerprints: never for a
 * signature or a key exchange.
 */
#ifndef FERRY_CRYPTO_HASH_H
#define FERRY_CRYPTO_HASH_H

#include "base/bytes.h"
#include "base/err.h"

enum hash_id { HASH_MD5, HASH_SHA1, HASH_SHA224, HASH_SHA256, HASH_SHA384, HASH_SHA512 };

enum { HASH_MAX_LEN = 64 };

/* Octets of the digest. */
size_t hash_len(enum hash_id id);

/* "sha256", ... as check-file and FingerprintHash spell them; false: unknown. */
bool hash_by_name(struct bytes name, enum hash_id *id);
const char *hash_name(enum hash_id id);

/* One digest over parts handed in one after the other. */
struct hash;
enum err hash_new(enum hash_id id, struct hash **h) MUST_USE;
enum err hash_update(struct hash *h, struct bytes data) MUST_USE;
/* Write hash_len octets; the state starts over, ready for the next digest. */
enum err hash_final(struct hash *h, uint8_t *out) MUST_USE;
void hash_free(struct hash *h); /* NULL allowed */

/* All at once. out: hash_len(id) octets. */
enum err hash_digest(enum hash_id id, struct bytes data, uint8_t *out) MUST_USE;
enum err
hmac_digest(enum hash_id id, struct bytes key, struct bytes data, uint8_t *out) MUST_USE;

#endif
