/*
 * Revoked keys: key revocation lists (OpenSSH's PROTOCOL.krl), or a plain list
 * of public keys, as the options RevokedKeys and RevokedHostKeys name them.
 *
 * Fails closed: a list that isn't understood wholly revokes every key.
 */
#ifndef FERRY_KEY_KRL_H
#define FERRY_KEY_KRL_H

#include "base/buf.h"

enum { KRL_MAX = 16 << 20 }; /* octets of a file */

enum key_standing {
    KEY_REVOKED = 0, /* or it could not be told */
    KEY_NOT_REVOKED,
};

/*
 * Is this key, plain or certificate, on the list? Looked for are the key, the
 * key that a certificate certifies, the authority's key, and the certificate by
 * its serial number and key id. A serial number 0 is on no list: CAs that don't
 * count leave it so.
 * why: the reason when revoked. An empty list revokes nothing.
 */
enum key_standing
krl_check(struct bytes list, struct bytes blob, struct fault *why) MUST_USE;

#endif
