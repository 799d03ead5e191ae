/*
 * The server's private keys. Only the monitor holds them.
 */
#ifndef FERRY_DAEMON_HOST_KEYS_H
#define FERRY_DAEMON_HOST_KEYS_H

#include "base/log.h"
#include "crypto/sig.h"

enum { HOST_KEYS_MAX = 8 };

struct host_keys {
    struct privkey *key[HOST_KEYS_MAX];
    uint32_t n;
};

/* Add the key of a file that nobody else can read, without passphrase. */
enum err
host_keys_load(struct host_keys *keys, const char *path, struct fault *why) MUST_USE;

/* Add the Ed25519 key kept in the state directory; made on the first start. */
enum err host_keys_load_kept(struct host_keys *keys, const char *state_dir,
                             const struct log_sink *log, struct fault *why) MUST_USE;

/* The public half, borrowed. i < keys->n. */
struct bytes host_keys_blob(const struct host_keys *keys, uint32_t i);

/* Wipes. */
void host_keys_clear(struct host_keys *keys);

#endif
