/*
 * known_hosts as sshd(8) describes it: which keys a host is known by. Text in,
 * verdict out; reading and replacing the files is the client's.
 *
 * Fails closed: the zero verdict refuses, and everything that goes wrong
 * (memory, a malformed key) ends there (threats L7).
 */
#ifndef FERRY_KEY_KNOWN_HOSTS_H
#define FERRY_KEY_KNOWN_HOSTS_H

#include "base/buf.h"
#include "base/rand.h"
#include "key/cert.h"

enum {
    KNOWN_HOSTS_MAX = 16 << 20,   /* octets of a file */
    KNOWN_HOSTS_LINE_MAX = 65536, /* octets of a line; longer: skipped whole */
    HOST_NAME_MAX_LEN = 255,
};

struct known_hosts_file {
    struct bytes text;
    const char *name; /* for reports */
};

/*
 * The host as the user asked for it (or HostKeyAlias). CheckHostIP is a second
 * check with the address as its name.
 */
struct host_query {
    struct bytes name;     /* host name or address; compared in lower case */
    uint16_t port;         /* 22: written plainly, else "[name]:port" */
    uint64_t now;          /* seconds since 1970, for certificates */
    struct bytes ca_algos; /* as in struct cert_check */
};

enum host_verdict {
    HOST_KEY_REFUSE = 0, /* the check itself failed: go no further */
    HOST_KEY_KNOWN,      /* the same key, or a valid certificate by its CA */
    HOST_KEY_NEW,        /* nothing is on record for this name */
    HOST_KEY_OTHER_TYPE, /* only keys of other types are: treat as new, but warn */
    HOST_KEY_CHANGED,    /* another key of this type is: refuse loudly */
    HOST_KEY_REVOKED,    /* this key or its CA is marked @revoked: refuse loudly */
};

/* What decided. */
struct host_finding {
    enum host_verdict verdict;
    bool is_by_ca;    /* known through a certificate */
    const char *file; /* the deciding line's, or NULL */
    unsigned line;    /* from 1; 0: none */
    unsigned kinds;   /* 1u << enum key_kind of every plain key on record */
    bool has_ca;      /* a @cert-authority line names the host */
    /* The key on the deciding line, for its fingerprint. The caller's to clear. */
    struct buf recorded;
    struct fault why; /* for REFUSE, and why a certificate did not count */
};

void host_finding_init(struct host_finding *f);
void host_finding_clear(struct host_finding *f);

/*
 * Judge a presented host key blob (plain or certificate) by all files, in
 * order. A certificate that doesn't count falls back to its plain key.
 * f: initialised by the caller. Returns f->verdict.
 */
enum host_verdict known_hosts_check(const struct known_hosts_file *files, size_t n_files,
                                    const struct host_query *query, struct bytes blob,
                                    struct host_finding *f) MUST_USE;

/*
 * What is on record before a key is seen: kinds and has_ca, for ordering the
 * host key algorithms offered. Revoked lines don't count. On failure zero.
 */
void known_hosts_types(const struct known_hosts_file *files, size_t n_files,
                       const struct host_query *query, unsigned *kinds, bool *has_ca);

/* ---- lines ---- */

enum host_marker { HOST_MARKER_NONE, HOST_MARKER_CA, HOST_MARKER_REVOKED };

/* One line, borrowed from its text except blob. */
struct known_hosts_line {
    unsigned number;    /* from 1 */
    struct bytes whole; /* the line without its end */
    enum host_marker marker;
    struct bytes hosts;
    struct buf blob; /* kept between steps: init and clear it */
    struct bytes comment;
};

struct known_hosts {
    struct bytes rest;
    unsigned number;
};

void known_hosts_start(struct known_hosts *it, struct bytes text);

/*
 * The next line that holds a key, skipping comments, blanks and whatever is
 * not understood. false: at the end, or out of memory (*e says which).
 */
bool known_hosts_next(struct known_hosts *it, struct known_hosts_line *line, enum err *e);

/* How a line's hosts field speaks of a name. */
enum host_match {
    HOST_MATCH_NO = 0,
    HOST_MATCH_SHARED, /* by wildcard, or along with other names */
    HOST_MATCH_SOLE,   /* it is the only name there, plain or hashed */
};

/* name: as known_hosts_name makes it. On failure: HOST_MATCH_NO and *e set. */
enum host_match known_hosts_match(struct bytes hosts, struct bytes name, enum err *e);

/* Append the name under which a host is recorded: "host" or "[host]:port", in
 * lower case. ERR_PROTO: empty, too long, or octets that would break a line. */
enum err known_hosts_name(struct bytes host, uint16_t port, struct buf *out) MUST_USE;

enum host_name_form { HOST_NAME_PLAIN, HOST_NAME_HASHED };

/*
 * Append "name type base64 LF" for a plain key blob; with HOST_NAME_HASHED, a
 * fresh salt from rand (else unused, may be NULL). name: as known_hosts_name.
 * The text before must end with LF: the caller appends in one write.
 */
enum err
known_hosts_put_line(enum host_name_form form, struct bytes name, struct bytes blob,
                     const struct rand_source *rand, struct buf *out) MUST_USE;

/* Keys proven by the server that are to be added, and gone ones to be dropped. */
struct host_key_changes {
    const struct bytes *add, *drop; /* plain blobs */
    size_t n_add, n_drop;
};

/*
 * UpdateHostKeys: write the text of a whole file to out with the changes made.
 * Only lines without marker that name this host alone lose their key; every
 * other line stays octet for octet. New lines come last, in the given form.
 * Keys already on record are not added again.
 */
enum err
known_hosts_update(struct bytes text, struct bytes name,
                   const struct host_key_changes *changes, enum host_name_form form,
                   const struct rand_source *rand, struct buf *out) MUST_USE;

#endif
