/*
 * A system account's own key files, read as that account (threats A8), and what
 * AuthorizedKeysCommand says. For workers only: it changes who the process is,
 * for good.
 */
#ifndef FERRY_STEWARD_SYSTEM_KEYS_H
#define FERRY_STEWARD_SYSTEM_KEYS_H

#include "steward/system_account.h"

enum {
    KEYS_COMMAND_MS = 10000, /* an AuthorizedKeysCommand may take so long */
    KEYS_COMMAND_WORDS = 64,
};

struct system_keys {
    const struct steward_key *q;
    const struct log_sink *log;
    struct identity user;
    char uid[16];
};

/* Who is it? ERR_AUTH: no such account, or not one that we may act for. */
enum err system_keys_begin(struct system_keys *k, const struct steward_key *q,
                           const struct log_sink *log, struct fault *why) MUST_USE;

/* Append what the command prints, if one is configured; on failure nothing, and the
 * log says why. argv, no shell; bounded in octets and time. */
void system_keys_command(const struct system_keys *k, struct buf *text);

/* Become the account, when root. ERR_AUTH, ERR_IO: it did not work: give up. */
enum err system_keys_become(const struct system_keys *k, struct fault *why) MUST_USE;

/* Each file of AuthorizedKeysFile that may be trusted, until `visit` says that it
 * has found what it looked for. */
bool system_keys_files(const struct system_keys *k,
                       bool (*visit)(void *ctx, struct bytes text, const char *path),
                       void *ctx);

/*
 * A file named with tokens (AuthorizedPrincipalsFile), relative to the home of a
 * system account; as whoever the process is. ERR_AUTH: not to be trusted or not
 * there; the log says why.
 */
enum err system_keys_read(const struct steward_key *q, const char *template,
                          const struct log_sink *log, struct buf *text) MUST_USE;

#endif
