/*
 * Key types as the first string of a blob names them, plain and certificate
 * alike: the one table between names, kinds and the words people read.
 * Algorithm names (rsa-sha2-256, ...) are crypto/sig.h's, not these.
 */
#ifndef FERRY_KEY_KEY_TYPE_H
#define FERRY_KEY_KEY_TYPE_H

#include "crypto/sig.h"

struct key_type {
    const char *name; /* "ssh-rsa", "ssh-rsa-cert-v01@openssh.com", ... */
    const char *word; /* "RSA", "RSA-CERT", as ssh-keygen -l writes it */
    enum key_kind kind;
    bool is_cert;
};

/* NULL: not known (ssh-dss, for example). */
const struct key_type *key_type_by_name(struct bytes name);

/* The row of the plain type of a kind. Never NULL. */
const struct key_type *key_type_plain(enum key_kind kind);

/* The type of a blob; NULL: malformed or not known. Looks at nothing else. */
const struct key_type *key_type_of_blob(struct bytes blob);

/* The first string of a blob, whatever it says; empty: malformed. Borrowed. */
struct bytes key_blob_type(struct bytes blob);

/*
 * How many length-prefixed fields follow the type of a plain key: RFC 4253 6.6,
 * 5656 3.1, 8709 4, PROTOCOL.u2f.
 */
unsigned key_field_count(enum key_kind kind);

/*
 * Does a blob of a known type hold every field of its type and nothing behind?
 * What the fields say is left to pubkey_parse and cert_parse.
 */
bool key_blob_is_whole(struct bytes blob);

/*
 * Bits of a blob's key, plain or certificate: 256, 521, RSA's modulus. Weak
 * keys are measured too (pubkey_parse would refuse them). 0: malformed.
 */
unsigned key_blob_bits(struct bytes blob);

#endif
