/*
 * What people compare: fingerprints, randomart and the line of ssh-keygen -l.
 * Of a certificate, all of them speak of the key that it certifies.
 */
#ifndef FERRY_KEY_FINGERPRINT_H
#define FERRY_KEY_FINGERPRINT_H

#include "base/buf.h"
#include "crypto/hash.h"

/* How a fingerprint is made: FingerprintHash. */
enum fingerprint_form { FINGERPRINT_SHA256, FINGERPRINT_MD5 };

/*
 * Append "SHA256:" and 43 characters, or "MD5:" and 16 hex pairs.
 * ERR_PROTO: not a key or certificate blob; ERR_CRYPTO, ERR_NOMEM.
 */
enum err
fingerprint_put(enum fingerprint_form form, struct bytes blob, struct buf *out) MUST_USE;

/* Append "256 SHA256:... comment (ED25519)", comment escaped. No line end. */
enum err fingerprint_put_line(enum fingerprint_form form, struct bytes blob,
                              struct bytes comment, struct buf *out) MUST_USE;

/* Append the eleven lines of randomart; the last has no line end. */
enum err
randomart_put(enum fingerprint_form form, struct bytes blob, struct buf *out) MUST_USE;

/*
 * Does typed text (blanks around it ignored) equal the blob's fingerprint in
 * either form? For "yes/no/[fingerprint]" prompts. False also on any error.
 */
bool fingerprint_is(struct bytes typed, struct bytes blob);

#endif
