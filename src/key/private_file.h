/*
 * Private key files: openssh-key-v1 (OpenSSH's PROTOCOL.key), and PEM and
 * PKCS#8 through libcrypto. Text in, key out: who reads the file checks its
 * owner and mode.
 */
#ifndef FERRY_KEY_PRIVATE_FILE_H
#define FERRY_KEY_PRIVATE_FILE_H

#include "base/buf.h"
#include "crypto/sig.h"

enum {
    PRIVATE_FILE_MAX = 1 << 20,      /* octets of a file */
    PRIVATE_FILE_ROUNDS = 24,        /* bcrypt rounds that we write */
    PRIVATE_FILE_COMMENT_MAX = 1024, /* octets kept of a comment */
};

/*
 * Read a private key.
 * passphrase: empty when none is known; ignored for a file that needs none.
 * *key: the caller's to privkey_free. comment: reset, then filled; empty for
 *   PEM. May be NULL.
 * ERR_AUTH: the file is encrypted, and with an empty passphrase: one is needed;
 *   with one given: it was wrong. Ask and come again.
 * ERR_PROTO: not a private key, damaged, or a kind that we don't use.
 * ERR_LIMIT: file above PRIVATE_FILE_MAX or bcrypt rounds above
 *   BCRYPT_ROUNDS_MAX (threats F4).
 * ERR_CRYPTO: its halves don't belong together, or the key is weak.
 */
enum err
private_file_parse(struct bytes text, struct bytes passphrase, struct privkey **key,
                   struct buf *comment, struct fault *why) MUST_USE;

/*
 * The public blob of a private key file, without a passphrase: openssh-key-v1
 * always has it in clear (security keys too); PEM only when not encrypted.
 * blob: reset, then filled. Errors as above; ERR_AUTH: encrypted PEM.
 */
enum err
private_file_public(struct bytes text, struct buf *blob, struct fault *why) MUST_USE;

/*
 * Append openssh-key-v1 text. passphrase empty: in clear; else aes256-ctr and
 * bcrypt of PRIVATE_FILE_ROUNDS. out should be cleared by the caller: it holds
 * a secret. ERR_LIMIT: comment above PRIVATE_FILE_COMMENT_MAX, or out is full.
 */
enum err private_file_write(const struct privkey *key, struct bytes comment,
                            struct bytes passphrase, const struct rand_source *rand,
                            struct buf *out) MUST_USE;

#endif
