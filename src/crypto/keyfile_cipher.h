/*
 * One-shot encryption of a private key file's section (OpenSSH's PROTOCOL.key).
 * The ciphers bear the names of SSH's, but there are no packets here: no
 * sequence numbers, no length field, no additional data. CBC is read because
 * OpenSSH 6.5 to 7.5 wrote it; nothing of ours writes it.
 */
#ifndef FERRY_CRYPTO_KEYFILE_CIPHER_H
#define FERRY_CRYPTO_KEYFILE_CIPHER_H

#include "base/bytes.h"
#include "base/err.h"

enum keyfile_mode { KEYFILE_PLAIN, KEYFILE_GCM, KEYFILE_CHACHA };

struct keyfile_cipher {
    const char *name;       /* as the file spells it */
    const char *lib_name;   /* as libcrypto does */
    enum keyfile_mode mode; /* KEYFILE_PLAIN: CTR or CBC, without a tag */
    size_t key_len, iv_len; /* octets */
    size_t block;           /* the section is a multiple of this */
    size_t tag_len;         /* octets behind the section; 0: not authenticated */
};

enum { KEYFILE_KEY_MAX = 64, KEYFILE_TAG_LEN = 16 };

/* NULL: not known. "none" is not a cipher. */
const struct keyfile_cipher *keyfile_cipher_by_name(struct bytes name);

/*
 * Encrypt n octets in place, with a cipher that has no tag; n is a multiple of
 * the block, up to 2 MiB.
 * key: key_len octets of key, then iv_len of IV; one key encrypts one section.
 */
enum err keyfile_seal(const struct keyfile_cipher *cipher, struct bytes key,
                      uint8_t *section, size_t n) MUST_USE;

/*
 * Decrypt in place, with any cipher. tag: what stood behind the section; tag_len octets.
 * ERR_CRYPTO: the tag is wrong (section is wiped), or libcrypto refused.
 * Without a tag a wrong key goes unnoticed here.
 */
enum err keyfile_open(const struct keyfile_cipher *cipher, struct bytes key,
                      uint8_t *section, size_t n, struct bytes tag) MUST_USE;

#endif
