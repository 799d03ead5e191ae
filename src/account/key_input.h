/*
 * Keys as people hand them in: lines of .pub and authorized_keys files with LF or
 * CRLF, or one RFC 4716 file. Brought to the form that the store keeps.
 */
#ifndef FERRY_ACCOUNT_KEY_INPUT_H
#define FERRY_ACCOUNT_KEY_INPUT_H

#include "base/buf.h"

enum { KEY_INPUT_MAX = 262144 }; /* octets of one text */

/* line: one line of authorized_keys, printable; fingerprint: "SHA256:...". Borrowed.
 * Anything but ERR_NONE ends the walk and is returned. */
typedef enum err key_input_take(void *ctx, struct bytes line, const char *fingerprint);

/*
 * Every key of a text. Options are those of sshd's authorized_keys; a command other than
 * internal-sftp, a certificate in place of a key, a weak key and a private key are
 * refused. ERR_PROTO: *why says which line; those before it were taken already.
 * No key at all is ERR_PROTO too.
 */
enum err key_input_each(struct bytes text, key_input_take *take, void *ctx,
                        struct fault *why) MUST_USE;

#endif
