/*
 * The one virtual user of `ferryd serve`: a name, perhaps a password, perhaps
 * a list of keys. Lives in the monitor; a connection's process never sees it.
 *
 * The password itself is not kept: only its HMAC under a key made at start, so
 * that comparing takes the same time whatever was sent and whoever sent it
 * (threats A4, A6, K9).
 */
#ifndef FERRY_DAEMON_ACCOUNT_H
#define FERRY_DAEMON_ACCOUNT_H

#include "account/name.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/rand.h"
#include "base/secret.h"
#include "crypto/algos.h"
#include "crypto/hash.h"

enum { ACCOUNT_USER_MAX = ACCOUNT_NAME_MAX }; /* octets; threats A9 */

struct account {
    char user[ACCOUNT_USER_MAX + 1];
    bool has_password, has_keys;
    uint8_t salt[32];
    uint8_t verifier[HASH_MAX_LEN];
    struct buf authorized_keys; /* text of the file */
    char keys_file[256];        /* its name, for the log */
    char ca_algos[512];         /* signature algorithms allowed to CAs */
};

enum account_verdict { ACCOUNT_DENIED = 0, ACCOUNT_ACCEPTED };

/* What an accepted key asks of the signature that its authenticator makes. */
enum account_key_flag {
    ACCOUNT_TOUCH_WAIVED = 1,
    ACCOUNT_VERIFY_REQUIRED = 2,
};

/* An account with this name that nobody can log in to yet. name: valid. */
void account_init(struct account *a, const char *name, const char *ca_algos);
/* Wipes. */
void account_clear(struct account *a);

/* password: 1..SECRET_MAX octets; ERR_PROTO otherwise. */
enum err account_set_password(struct account *a, struct bytes password,
                              const struct rand_source *rand) MUST_USE;

/* text: of an authorized_keys file; copied. ERR_PROTO: no key is in it. */
enum err account_set_keys(struct account *a, struct bytes text, const char *file,
                          const struct log_sink *log, struct fault *why) MUST_USE;

/* What the methods are called in SSH_MSG_USERAUTH_FAILURE. Static. */
const char *account_methods(const struct account *a);

enum account_verdict account_check_password(const struct account *a, struct bytes user,
                                            struct bytes password) MUST_USE;

struct account_key_query {
    struct bytes user, blob;
    struct bytes address; /* the client's, as text */
    int64_t now;          /* seconds since 1970 */
    const struct log_sink *log;
};

/* flags: enum account_key_flag of the accepted key; 0 otherwise. */
enum account_verdict
account_check_key(const struct account *a, const struct account_key_query *query,
                  uint32_t *flags) MUST_USE;

#endif
