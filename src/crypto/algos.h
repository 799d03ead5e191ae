/*
 * Which algorithms are offered, in which order, by profile: one table
 * (doc/PROTOCOL.md shows it). Names are in wire order, comma-separated.
 */
#ifndef FERRY_CRYPTO_ALGOS_H
#define FERRY_CRYPTO_ALGOS_H

#include "base/buf.h"
#include "base/bytes.h"

enum algo_slot {
    ALGO_KEX,
    ALGO_HOST_KEY,
    ALGO_CIPHER,
    ALGO_MAC,
    ALGO_COMPRESSION,
    ALGO_USER_KEY, /* publickey authentication: server-sig-algs, PubkeyAcceptedAlgorithms
                    */
    ALGO_CA_SIGNATURE,
    ALGO_SLOTS
};

/*
 * default: what is strong and wide-spread. compat: adds NIST curves, ECDSA,
 * finite-field groups of 2048 bits and more, encrypt-and-MAC. gov: NIST curves,
 * AES, SHA-2 only. Never in any: SHA-1, DSA, CBC, RC4, MD5, none.
 */
enum algo_profile { PROFILE_DEFAULT, PROFILE_COMPAT, PROFILE_GOV };

enum algo_role { ALGO_CLIENT, ALGO_SERVER };

/*
 * The list for a slot. The client's default list is the widest that is safe:
 * it must reach old servers; the server's is the profile's own.
 */
const char *
algo_list(enum algo_profile profile, enum algo_role role, enum algo_slot slot);

bool algo_profile_by_name(struct bytes name, enum algo_profile *profile);

/* True when we implement this name in this slot (whatever the profile). */
bool algo_is_known(enum algo_slot slot, struct bytes name);

/*
 * ssh_config's algorithm lists: "+a,b" appends to `defaults`, "-a*" removes by
 * pattern, "^a" puts first, anything else replaces. The result goes to out.
 * ERR_PROTO: a name that we don't implement; *bad is that name.
 */
enum err algo_list_apply(enum algo_slot slot, const char *defaults, struct bytes spec,
                         struct buf *out, struct bytes *bad) MUST_USE;

#endif
