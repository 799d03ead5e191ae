/*
 * What every process of the daemon may know: algorithms, limits, the public
 * halves of the host keys, how to confine oneself. Made once a configuration by
 * the listener, laid into sealed shared memory, and mapped read-only by the
 * spawner and all that it forks. Holds no secret and no pointer.
 */
#ifndef FERRY_DAEMON_PUBLIC_H
#define FERRY_DAEMON_PUBLIC_H

#include <limits.h>

#include "crypto/algos.h"
#include "daemon/host_keys.h"
#include "daemon/options.h"
#include "ssh/conn.h"

enum {
    PUBLIC_LIST_MAX = 2048, /* octets of a list of algorithms */
    PUBLIC_BLOB_MAX = 2304, /* of a public RSA key of 16,384 bits, and some */
    PUBLIC_KEYS_MAX = 2 * HOST_KEYS_MAX, /* plain keys and their certificates */
    PUBLIC_SHIELDED_MAX = 16,
};

struct public_key {
    uint32_t n;
    uint32_t signer; /* index of the private key: a certificate has its key's */
    uint8_t p[PUBLIC_BLOB_MAX];
};

struct daemon_public {
    uint32_t size; /* of this struct: both sides are one program, or they part */
    char lists[ALGO_SLOTS][PUBLIC_LIST_MAX];
    char comments[256]; /* of our identification; "" none */
    struct conn_limits limits;
    uint32_t n_keys;
    struct public_key key[PUBLIC_KEYS_MAX];
    char trusted_proxies[2048]; /* CIDR list; "" none */

    uint32_t sandbox; /* enum sandbox_policy */
    uint32_t
        changes_ids; /* the daemon is root: pre-authentication gets an id of its own */
    uint32_t pre_auth_uid, pre_auth_gid;
    char empty_dir[PATH_MAX]; /* where it is locked in */

    uint32_t log_level;        /* enum log_level */
    uint32_t log_style;        /* enum server_log_style, on standard error */
    uint32_t logs_to_recorder; /* the spawner's log descriptors are the recorder's */
    char trace[64];            /* parts; "" none */
    /* Files of the daemon's own that lie inside a shared folder: `ferryd serve`.
     * Relative to it. */
    uint32_t n_shielded;
    char shielded[PUBLIC_SHIELDED_MAX][PATH_MAX];
};

/* A sealed memfd that holds a copy. The caller's. ERR_IO. */
enum err public_seal(const struct daemon_public *public, int *fd) MUST_USE;

/* Map it for reading. NULL: it is not one, or no memory. */
const struct daemon_public *public_map(int fd);
void public_unmap(const struct daemon_public *public);

#endif
