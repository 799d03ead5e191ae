/*
 * The SFTP server, version 3: octets of one channel in, calls of a vfs, octets
 * out through a stream (draft-ietf-secsh-filexfer-02; OpenSSH's PROTOCOL for
 * the extensions; doc/PROTOCOL.md for where we differ).
 *
 * It knows neither SSH nor sockets nor the clock: whatever carries the stream
 * hands slices in (`sftp_server_input`) and drains the stream. Requests are
 * answered in the order in which they came, one at a time.
 *
 * File contents are never copied here: READ lets the vfs fill the stream's
 * holes, WRITE hands the caller's slices to the vfs as they come.
 */
#ifndef FERRY_SFTP_SERVER_H
#define FERRY_SFTP_SERVER_H

#include <time.h>

#include "base/log.h"
#include "base/rand.h"
#include "base/stream.h"
#include "vfs/vfs.h"

enum {
    SFTP_MESSAGE_MAX = 262144, /* octets behind the length field; OpenSSH's bound */
    SFTP_DATA_MAX = 261120,    /* octets of one READ or WRITE; the same */
    SFTP_HANDLES_MAX = 256,    /* open at a time on one channel (threats R3) */
    SFTP_OWNER_MAX = 32,       /* octets of a user's or group's name that are shown */
};

/* ---- what the server asks of the program around it ---- */

/*
 * All functions get ctx. Names are written terminated; false: unknown, which is
 * shown as the number. They must not need files that a sandbox has closed.
 */
struct sftp_host {
    int64_t (*now)(void *ctx);                                    /* seconds since 1970 */
    bool (*local_time)(void *ctx, int64_t seconds, struct tm *t); /* for listings */
    bool (*user_name)(void *ctx, uint32_t uid, char name[SFTP_OWNER_MAX + 1]);
    bool (*group_name)(void *ctx, uint32_t gid, char name[SFTP_OWNER_MAX + 1]);
    /* The home of another account (never called for the own one), as a path of
     * the vfs. NULL: homes of others are not told (threats P13). */
    bool (*home_of)(void *ctx, struct bytes user, struct vfs_path *home);
    void *ctx;
};

/* Hashes for check-file, handed in because crypto/ is not ours to include. */
struct sftp_hashes {
    /* "sha256", "md5", ...: the digest's length in octets (at most
     * SFTP_DIGEST_MAX), 0: not known. */
    size_t (*digest_len)(struct bytes name);
    enum err (*begin)(struct bytes name, void **state);
    enum err (*update)(void *state, struct bytes data);
    /* Writes digest_len octets; the state is ready for the next digest. */
    enum err (*end)(void *state, uint8_t *digest);
    void (*free)(void *state); /* NULL allowed */
};
enum { SFTP_DIGEST_MAX = 64 };

/* What an audit trail hears of. The numbers are those of enum record_kind. */
enum sftp_audit_kind {
    SFTP_AUDIT_UPLOAD = 5,    /* opened for writing, closed without a failure */
    SFTP_AUDIT_UPLOAD_FAILED, /* a failure, or left open */
    SFTP_AUDIT_DOWNLOAD,      /* opened for reading only */
    SFTP_AUDIT_REMOVE,
    SFTP_AUDIT_RENAME, /* other: the new name */
    SFTP_AUDIT_MKDIR,
    SFTP_AUDIT_RMDIR,
    SFTP_AUDIT_QUOTA,   /* a request was refused: EDQUOT */
    SFTP_AUDIT_REFUSED, /* a request was refused by a rule: text names it */
    SFTP_AUDIT_LISTING = 64,
};
enum { SFTP_SHA256_LEN = 32 };

/* One finished use of a file, or one request. Borrowed during the call. */
struct sftp_audit {
    enum sftp_audit_kind kind;
    struct bytes path, other;   /* within the vfs; "" when a request has none */
    unsigned flags;             /* vfs_open_flag it was opened with; 0: no file */
    uint64_t n_read, n_written; /* octets; names listed for a directory */
    int64_t seconds;            /* from open to close */
    int error;                  /* the first failure while open, or of close; 0: none */
    const char *text;           /* the deciding rule or the failure's sentence; "" */
    bool was_left_open;         /* closed by us because the channel ended */
    /* Of a file, when it was closed; zeros when it could not be examined. */
    uint64_t size, dev, ino;
    bool has_sha256; /* of the whole file, which came in order from its start */
    uint8_t sha256[SFTP_SHA256_LEN];
};

/* What a server is doing, for those who watch it. */
struct sftp_current {
    uint64_t octets_in, octets_out; /* of files */
    uint64_t n_requests, n_files;   /* files: opened */
    struct bytes path;              /* of the handle used last; borrowed; n 0: none */
    unsigned flags;                 /* vfs_open_flag; 0: a directory or none */
    uint64_t offset;                /* behind the octets moved last */
    uint64_t size;                  /* when it was opened; 0: not known */
};

/* ---- configuration ---- */

/* In which order the two paths of SYMLINK come (doc/PROTOCOL.md). */
enum sftp_symlink_order {
    SFTP_SYMLINK_BY_PEER,      /* target first, unless peer_software sends link first */
    SFTP_SYMLINK_TARGET_FIRST, /* as OpenSSH and most clients */
    SFTP_SYMLINK_LINK_FIRST,   /* as the draft */
};

/*
 * Which requests are served, one bit a row of the request table. Made with
 * sftp_requests_of from the names that -p and -P of sftp-server(8) use.
 */
struct sftp_request_set {
    uint64_t bits;
};

struct sftp_server_config {
    struct vfs *vfs;   /* borrowed; outlives the server */
    const char *home;  /* the account's own, as a path of the vfs; NULL or "": "/" */
    const char *start; /* where relative names begin; NULL: home */
    const char *user;  /* the own account's name, for home-directory and "~user" */
    const char *peer_software;      /* from its identification, "" when unknown */
    bool is_read_only;              /* refuse every request that could change something */
    struct sftp_request_set denied; /* -P, and what -p leaves out */
    enum sftp_symlink_order symlink_order;
    const struct rand_source *rand; /* for handles */
    const struct sftp_host *host;
    const struct sftp_hashes *hashes; /* NULL: no check-file */
    /* Hash uploads (SHA-256) as they arrive: check-file is then answered without
     * reading them again, and the audit has the digest. Needs `hashes`. */
    bool hashes_uploads;
    const struct log_sink *log; /* may be NULL */
    /* Called once for each file and directory, when it is closed, and for the
     * requests that enum sftp_audit_kind lists. May be NULL. */
    void (*audit)(void *ctx, const struct sftp_audit *use);
    void *audit_ctx;
};

/*
 * The requests named in a comma-separated list ("read,stat,posix-rename"), the
 * names being those of sftp_request_name. False: *unknown is the first name
 * that is none.
 */
bool sftp_requests_of(struct bytes list, struct sftp_request_set *set,
                      struct bytes *unknown) MUST_USE;

/* All requests that are not in the set. */
struct sftp_request_set sftp_requests_except(struct sftp_request_set set);

/* The name of the ith request in the table's order; NULL behind the last. */
const char *sftp_request_name(size_t i);

/* ---- the server ---- */

struct sftp_server;

/*
 * One server for one channel. Everything the configuration points to is
 * borrowed and must outlive the server; its texts are copied. `out` likewise.
 * ERR_NOMEM.
 */
enum err sftp_server_new(const struct sftp_server_config *config, struct stream *out,
                         struct sftp_server **s) MUST_USE;

/*
 * Take octets as they arrive, in slices of any size; borrowed for the call.
 * *used <= in.n: less when the stream has no room, or after a step of a long
 * request. Call again with the rest once it has drained, or soon when it has room.
 * in.n may be 0: to go on with what sftp_server_is_busy tells.
 * ERR_PROTO: the framing is broken (sftp_server_fault says how): close the
 * channel. ERR_NOMEM, and what the stream returned: the same.
 */
enum err sftp_server_input(struct sftp_server *s, struct bytes in, size_t *used) MUST_USE;

/*
 * True while a request is in hand that needs no further octets: a long copy, or
 * a reply that waits for room. When the stream has room, call sftp_server_input
 * again soon, even with nothing; do other work in between: each call does one
 * bounded step.
 */
bool sftp_server_is_busy(const struct sftp_server *s);

/*
 * The peer sends nothing more. True: it ended between two requests, and all
 * were answered. False: a request was cut off or is still in hand (see
 * sftp_server_is_busy).
 */
bool sftp_server_eof(struct sftp_server *s);

/* Why sftp_server_input failed: a sentence, "" when it did not. Borrowed. */
const char *sftp_server_fault(const struct sftp_server *s);

/* *now: borrowed until the next call of sftp_server_input or _free. */
void sftp_server_current(const struct sftp_server *s, struct sftp_current *now);

/* Abandons every open file (vfs.h), telling the audit hook; frees. NULL allowed. */
void sftp_server_free(struct sftp_server *s);

#endif
