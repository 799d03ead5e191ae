/*
 * Stored passwords: crypt(5) strings, made as yescrypt, verified also as
 * bcrypt, SHA-512 and SHA-256 crypt, and as nothing else. The work that a
 * string asks for is judged before it is done (threats F4), and a user who
 * does not exist costs as much as one who does (threats A4, A6).
 *
 * Slow on purpose: tens of milliseconds and 64 MiB a call for what is made here,
 * seconds for the worst that is accepted. Call it where nobody else waits.
 */
#ifndef FERRY_ACCOUNT_PASSWORD_H
#define FERRY_ACCOUNT_PASSWORD_H

#include "account/record.h"
#include "base/rand.h"
#include "base/secret.h"

enum {
    PASSWORD_MAX = SECRET_MAX, /* octets; none is longer, none is empty */
    PASSWORD_STRONG_MIN = 8,   /* octets, asked for when one is set */
    /* What a stored string may ask for. */
    PASSWORD_BCRYPT_COST_MAX = 16,     /* 2^16 rounds: about four seconds */
    PASSWORD_SHA_ROUNDS_MAX = 5000000, /* about two seconds */
    PASSWORD_YESCRYPT_N_LOG2_MAX = 16, /* with r = 32: 256 MiB, 0.3 seconds */
    PASSWORD_YESCRYPT_R_MAX = 32,
};

/*
 * Hash for storing, with yescrypt at our cost and a new salt.
 * password: 1..PASSWORD_MAX octets without NUL; ERR_PROTO otherwise.
 * ERR_NOMEM, ERR_CRYPTO: no randomness, or libcrypt refused.
 */
enum err password_hash(struct bytes password, const struct rand_source *rand,
                       char hash[ACCOUNT_HASH_MAX + 1]) MUST_USE;

/*
 * The same with the setting (and so the salt) of an existing string, which must
 * be usable: equal passwords give equal strings. For lists of one-time codes.
 */
enum err password_hash_like(struct bytes password, const char *setting,
                            char hash[ACCOUNT_HASH_MAX + 1]) MUST_USE;

/*
 * ERR_NONE: it is this password. ERR_AUTH: it is not, or it could be nobody's
 * (empty, too long, a NUL inside). ERR_PROTO: the string is not one that is
 * accepted (password_hash_is_usable): nothing was computed.
 */
enum err password_verify(struct bytes password, const char *hash) MUST_USE;

/*
 * Is this a string that password_verify accepts: a known scheme, whole, and
 * asking for no more than the limits above? why: the sentence; may be NULL.
 */
bool password_hash_is_usable(const char *hash, struct fault *why);

/* Made otherwise than password_hash makes them now: hash again after a login. */
bool password_needs_rehash(const char *hash);

/* Nobody's: verify against it when there is no account or it has no password.
 * Costs what password_hash's strings cost. Static. */
const char *password_dummy_hash(void);

/*
 * Is this good enough to be set? At least PASSWORD_STRONG_MIN octets, not the
 * user's name, not one octet repeated. why: the sentence.
 */
bool password_is_strong(struct bytes password, const char *user, struct fault *why);

#endif
