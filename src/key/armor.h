/*
 * Base64 (RFC 4648 section 4), strict, and the "-----BEGIN x-----" frame
 * around it. Decoding branches on no decoded value: it sees private keys.
 */
#ifndef FERRY_KEY_ARMOR_H
#define FERRY_KEY_ARMOR_H

#include "base/buf.h"

/*
 * Append what text encodes. ERR_PROTO: any octet outside the alphabet (NUL and
 * blanks included), missing or misplaced padding, set bits behind the last
 * octet. ERR_LIMIT, ERR_NOMEM: from out. On failure out holds what it held.
 */
enum err base64_decode(struct bytes text, struct buf *out) MUST_USE;

/* The same, skipping space, tab, CR and LF between characters. */
enum err base64_decode_wrapped(struct bytes text, struct buf *out) MUST_USE;

/* Append the encoding of data, padded; failure latches in out. */
void base64_encode(struct bytes data, struct buf *out);

/*
 * Find the frame of this label ("OPENSSH PRIVATE KEY"): text starts with
 * "-----BEGIN label-----" on a line of its own, and "-----END label-----"
 * starts a later line. *body: what lies between, borrowed. False: no such frame.
 */
bool armor_find(struct bytes text, const char *label, struct bytes *body);

/* Append frame and body, base64 in 70 columns as ssh-keygen writes it. */
void armor_put(struct bytes data, const char *label, struct buf *out);

#endif
