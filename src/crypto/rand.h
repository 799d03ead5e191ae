/*
 * The system's randomness, through libcrypto, which reseeds after a fork.
 */
#ifndef FERRY_CRYPTO_RAND_H
#define FERRY_CRYPTO_RAND_H

#include "base/rand.h"

extern const struct rand_source rand_system;

/*
 * Load libcrypto once per process before anything else of this folder: without
 * the system's openssl.cnf and environment, refusing versions with known
 * faults (threats K10), with every algorithm of ours fetched, so that none is
 * loaded after a sandbox has closed. May be called again: does nothing.
 */
enum err crypto_init(void) MUST_USE;

/* "OpenSSL 3.0.19", for --version and logs. */
const char *crypto_version(void);

#endif
