/*
 * Base64 (RFC 4648 section 4), strict. Decoding branches on no decoded value:
 * it sees private keys.
 */
#ifndef FERRY_BASE_BASE64_H
#define FERRY_BASE_BASE64_H

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

#endif
