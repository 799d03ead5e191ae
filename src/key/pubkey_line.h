/*
 * Public keys as text: "type base64 comment" on one line (.pub files, and the
 * tails of authorized_keys and known_hosts lines), and RFC 4716.
 * Blobs may be plain keys or certificates; here their fields are only counted:
 * pubkey_parse and cert_parse look at what they say.
 */
#ifndef FERRY_KEY_PUBKEY_LINE_H
#define FERRY_KEY_PUBKEY_LINE_H

#include "base/buf.h"

enum {
    PUBKEY_LINE_MAX = 65536,  /* octets of a line; longer ones are skipped whole */
    PUBKEY_TEXT_MAX = 262144, /* octets of a public key file */
    PUBKEY_COMMENT_MAX = 1024,
};

/*
 * One line's key. blob: reset, then filled. comment: borrowed from line.
 * Leading blanks are allowed.
 * ERR_PROTO: not a known key type, not base64, the type word differs from
 *   the type inside the blob, or the blob is cut short. ERR_LIMIT: longer than
 * PUBKEY_LINE_MAX or a blob above KEY_BLOB_MAX. On failure blob is empty.
 */
enum err
pubkey_line_parse(struct bytes line, struct buf *blob, struct bytes *comment) MUST_USE;

/*
 * A public key file: either form; the first key counts, blank lines and '#'
 * comments in front are skipped. blob, comment: reset, then filled.
 * why: the reason for people. Errors as above.
 */
enum err pubkey_text_parse(struct bytes text, struct buf *blob, struct buf *comment,
                           struct fault *why) MUST_USE;

/*
 * Append "type base64" and, unless comment is empty, " comment" (its control
 * octets dropped, so that one key stays one line). No line end.
 * Failure, also of a blob without a type, latches in out.
 */
void pubkey_line_put(struct bytes blob, struct bytes comment, struct buf *out);

#endif
