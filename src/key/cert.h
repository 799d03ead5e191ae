/*
 * Certificates (OpenSSH's PROTOCOL.certkeys): taken apart once, then asked.
 * Parsing proves nothing; cert_verify does, except for two things that it
 * can't know: that its caller trusts the CA (ca_blob), and that nothing of it
 * is revoked. Possession of the key is proved by the signature elsewhere.
 */
#ifndef FERRY_KEY_CERT_H
#define FERRY_KEY_CERT_H

#include "base/buf.h"
#include "key/key_type.h"

enum { CERT_PRINCIPALS_MAX = 256 };

enum cert_use { CERT_USER = 1, CERT_HOST = 2 };

/* A user certificate's critical options and the extensions that concern us. */
struct cert_options {
    bool has_force_command, has_source_address;
    bool is_verify_required; /* FIDO: the authenticator must have verified its user */
    bool is_touch_waived;    /* FIDO: presence is not required */
    struct bytes force_command;
    struct bytes source_address; /* CIDR list; cert_verify checks it */
};

struct cert {
    const struct key_type *type;
    struct buf blob;  /* the whole certificate */
    struct buf plain; /* the certified key as a plain blob, for pubkey_parse */
    /* All below borrow from blob. */
    struct bytes signed_part, signature, ca_blob;
    uint64_t serial;
    enum cert_use use;
    struct bytes key_id;                /* any octets: escape before printing */
    struct bytes principals;            /* packed strings; see cert_has_principal */
    uint64_t valid_after, valid_before; /* seconds since 1970 */
    struct bytes critical, extensions;
    struct cert_options options;   /* of a user certificate */
    struct bytes unknown_critical; /* name of the first critical option unknown to us */
};

/*
 * Take a certificate blob apart; it is copied. *cert: the caller's to cert_free.
 * ERR_PROTO: not a certificate, or malformed anywhere (also inside options).
 * ERR_LIMIT: above KEY_BLOB_MAX or CERT_PRINCIPALS_MAX.
 */
enum err cert_parse(struct bytes blob, struct cert **cert, struct fault *why) MUST_USE;
void cert_free(struct cert *cert); /* NULL allowed */

/* Is name, octet for octet, one of the principals? Empty names never are. */
bool cert_has_principal(const struct cert *cert, struct bytes name);

/* What a certificate is to be used for. */
struct cert_check {
    enum cert_use use;
    uint64_t now; /* seconds since 1970, wall clock */
    /* Signature algorithm names allowed to the CA, comma-separated. */
    struct bytes ca_algos;
    /*
     * Host: the name asked for, without port; principals may hold wildcards.
     * User: the login name, compared exactly.
     */
    struct bytes principal;
    /* User: a comma-separated list (authorized_keys principals="") of which one
     * must be a principal; then the login name need not be. */
    bool has_principals_allowed;
    struct bytes principals_allowed;
    struct bytes address; /* user: the client's, as text, for source-address */
};

/*
 * Signature, CA algorithm, use, time, principals, options. An empty list of
 * principals matches nobody.
 * ERR_AUTH: not for this use, time, principal or address, or an unknown
 * critical option; ERR_CRYPTO: the CA's signature or key is no good.
 */
enum err cert_verify(const struct cert *cert, const struct cert_check *check,
                     struct fault *why) MUST_USE;

/*
 * The plain blob of a key that may be a certificate (a plain one is copied).
 * plain: reset, then filled. ERR_PROTO: malformed.
 */
enum err cert_plain_blob(struct bytes blob, struct buf *plain) MUST_USE;

#endif
