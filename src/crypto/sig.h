/*
 * Public key algorithms: keys, signatures, and the table that says which
 * algorithm name goes with which key type. RFC 4253 6.6, 5656, 8332, 8709,
 * OpenSSH's PROTOCOL.u2f.
 */
#ifndef FERRY_CRYPTO_SIG_H
#define FERRY_CRYPTO_SIG_H

#include "base/buf.h"
#include "base/rand.h"
#include "crypto/hash.h"

enum key_kind {
    KEY_ED25519,
    KEY_ECDSA_P256,
    KEY_ECDSA_P384,
    KEY_ECDSA_P521,
    KEY_RSA,
    KEY_SK_ED25519,
    KEY_SK_ECDSA_P256,
};

/*
 * One row an algorithm name, plain and certificate names alike. For RSA the
 * name differs from the key type: rsa-sha2-256 signs with an "ssh-rsa" key.
 */
struct sig_algo {
    const char *name;     /* in KEXINIT, userauth and server-sig-algs */
    const char *key_type; /* first string of the key (or certificate) blob */
    const char *sig_name; /* first string of the signature blob: the plain name */
    enum key_kind kind;
    enum hash_id hash; /* of the message; unused for Ed25519 */
    bool is_cert;
    bool is_sk; /* FIDO: flags and counter behind the signature; verify only */
};

const struct sig_algo *sig_by_name(struct bytes name);

/* The plain key type name of a kind: "ssh-rsa", ... and back. */
const char *key_kind_name(enum key_kind kind);
bool key_kind_by_name(struct bytes type, enum key_kind *kind);

enum {
    SIG_BLOB_MAX = 16384,
    KEY_BLOB_MAX = 16384,
    RSA_MIN_BITS = 2048,
    RSA_MAX_BITS = 16384
};

/* ---- public keys ---- */
struct pubkey;

/*
 * A plain key blob (type string, fields, nothing behind). Certificates are
 * taken apart by key/cert.h. ERR_PROTO: malformed; ERR_CRYPTO: a weak or
 * invalid key (RSA below RSA_MIN_BITS, even exponent, point off the curve).
 */
enum err pubkey_parse(struct bytes blob, struct pubkey **key) MUST_USE;
void pubkey_free(struct pubkey *key); /* NULL allowed */
enum key_kind pubkey_kind(const struct pubkey *key);
/* The blob it was made of; owned by the key. */
struct bytes pubkey_blob(const struct pubkey *key);
unsigned pubkey_bits(const struct pubkey *key); /* 256, 521, RSA's modulus, ... */

/* What a FIDO authenticator attested; zero for other algorithms. */
struct sk_attest {
    bool is_user_present, is_user_verified;
    uint32_t counter;
};

/*
 * Check a signature blob (string name, ...) over data, under exactly this
 * algorithm: name in the blob == algo->sig_name, key kind == algo->kind.
 * Nothing behind the signature. ERR_CRYPTO: does not verify. attest may be
 * NULL; the caller decides about presence and verification.
 */
enum err
sig_verify(const struct sig_algo *algo, const struct pubkey *key, struct bytes signature,
           struct bytes data, struct sk_attest *attest) MUST_USE;

/* ---- private keys ---- */
struct privkey;

/*
 * From the private fields of openssh-key-v1 behind the type string (also
 * SSH_AGENTC_ADD_IDENTITY's). *used: how many octets they took.
 * ERR_CRYPTO: private and public part do not belong together, or KEY_SK_*,
 * whose private part is in the authenticator.
 */
enum err privkey_parse_fields(enum key_kind kind, struct bytes fields, size_t *used,
                              struct privkey **key) MUST_USE;

/*
 * PEM or PKCS#8 text (traditional RSA/EC, encrypted or not), through
 * libcrypto. passphrase empty: none. ERR_AUTH: a passphrase is needed or was
 * wrong. ERR_PROTO: not such a key. DSA and unnamed curves are refused.
 * ERR_LIMIT: deriving the key from the passphrase would cost too much, or by
 * an older scheme than PBES2.
 */
enum err privkey_parse_pem(struct bytes text, struct bytes passphrase,
                           struct privkey **key) MUST_USE;

/* A new key. KEY_ED25519, KEY_ECDSA_* or KEY_RSA (bits: 2048..16384). */
enum err
privkey_generate(enum key_kind kind, unsigned bits, struct privkey **key) MUST_USE;

/* The private fields, as privkey_parse_fields reads them, without the type. */
enum err privkey_put_fields(const struct privkey *key, struct buf *out) MUST_USE;

void privkey_free(struct privkey *key); /* wipes; NULL allowed */
/* Its public half; owned by the private key. */
const struct pubkey *privkey_public(const struct privkey *key);

/*
 * Sign data: appends the signature blob (string name, string signature ...).
 * The signature is verified before it is given out (threats K5).
 */
enum err sig_sign(const struct sig_algo *algo, const struct privkey *key,
                  struct bytes data, struct buf *signature) MUST_USE;

#endif
