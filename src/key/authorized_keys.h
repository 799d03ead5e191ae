/*
 * authorized_keys as sshd(8) describes it: which keys may log in, and how far
 * each may go. Fails closed: a line that isn't understood wholly (an unknown
 * option, a stray comma, a missing quote, an over-long line) authorises nobody.
 */
#ifndef FERRY_KEY_AUTHORIZED_KEYS_H
#define FERRY_KEY_AUTHORIZED_KEYS_H

#include "base/buf.h"
#include "base/log.h"
#include "key/cert.h"

enum {
    AUTHORIZED_KEYS_MAX = 1 << 20, /* octets of a file (threats A8) */
    AUTHORIZED_LINE_MAX = 32768,   /* octets of a line; longer: skipped whole */
    AUTHORIZED_OPTION_MAX = 8192,  /* octets of one option's value */
    AUTHORIZED_TRIES_MAX = 64,     /* lines weighed that name one key */
    AUTHORIZED_LOG_MAX = 16,       /* lines that one look-up may log (threats G1) */
};

/* One line's key and what it is limited to. */
struct authorized_key {
    unsigned line;        /* from 1 */
    struct buf blob;      /* the key, or with is_ca the CA's */
    struct bytes comment; /* borrowed from the text */
    bool is_ca;           /* cert-authority: certificates signed by it count */
    bool is_restricted;   /* restrict */
    bool is_touch_waived; /* no-touch-required */
    bool is_verify_required;
    bool has_command, has_from, has_principals;
    struct buf command;    /* unescaped */
    struct buf from;       /* pattern list */
    struct buf principals; /* comma-separated */
    uint64_t expires;      /* seconds since 1970; not valid at or after */
};

#define AUTHORIZED_NEVER_EXPIRES UINT64_MAX

void authorized_key_init(struct authorized_key *key);
void authorized_key_clear(struct authorized_key *key);

/* Walks a file. text must stay while it is used. */
struct authorized_keys {
    struct bytes rest;
    unsigned line;
    int32_t utc_offset_s; /* see struct authorized_query */
};

enum authorized_step {
    AUTHORIZED_END,
    AUTHORIZED_KEY,     /* *key is filled */
    AUTHORIZED_IGNORED, /* a line that isn't valid: key->line and why say more */
};

void authorized_keys_start(struct authorized_keys *it, struct bytes text,
                           int32_t utc_offset_s);

/*
 * The next line that is not blank or a comment. key: initialised by the
 * caller, cleared here first. why: overwritten when the line is ignored.
 * Of a file above AUTHORIZED_KEYS_MAX nothing is read: one ignored line 0.
 */
enum authorized_step authorized_keys_next(struct authorized_keys *it,
                                          struct authorized_key *key, struct fault *why);

struct authorized_query {
    struct bytes text;          /* the file */
    const char *file;           /* its name, for the log */
    struct bytes blob;          /* the key offered: plain, or a certificate */
    struct bytes user;          /* login name, for certificates' principals */
    struct bytes address;       /* the client's, as text */
    struct bytes host;          /* the client's name; empty: not resolved */
    uint64_t now;               /* seconds since 1970, wall clock */
    int32_t utc_offset_s;       /* local time, east of UTC: expiry-time without Z */
    struct bytes ca_algos;      /* as in struct cert_check */
    const struct log_sink *log; /* ignored lines and refusals; may be NULL */
};

/*
 * Is this key authorised, and with which limits? Every line is weighed by
 * itself; the first that names the key and lets it in counts.
 * *match: initialised by the caller; that line. For a certificate (whose CA has
 *   a cert-authority line): verified wholly, and its force-command,
 *   verify-required and no-touch-required are joined into match: both must
 *   agree where both speak.
 * ERR_AUTH: no line lets it in. ERR_PROTO: the blob is malformed. ERR_NOMEM.
 * The signature is still to be checked; match counts for this key alone.
 */
enum err authorized_keys_find(const struct authorized_query *query,
                              struct authorized_key *match) MUST_USE;

#endif
