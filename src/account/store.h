/*
 * The account database: one SQLite file with virtual accounts, groups of them,
 * their keys and secrets, and how much of its quota each account uses.
 *
 * Write-ahead logging: readers and one writer do not disturb each other, a
 * change is whole or absent after kill -9 at any moment, and one that was
 * answered with ERR_NONE is there after a power cut too (except where said).
 * A full disk is an error that leaves the old content as it was.
 *
 * Belongs to one process and one thread: a child opens its own. Knows no clock:
 * `now` is handed in, seconds since 1970. Texts are checked before they are
 * stored (account/member.h), and again when they are read: whoever could write
 * the file by other means gets an error, not an overflow.
 *
 * Errors of all functions: ERR_IO: the system, the disk, or another process that
 * kept the file locked for more than STORE_BUSY_MS; ERR_AUTH: no such account
 * (group, key), or a file that others may touch; ERR_LIMIT: the name exists
 * already, or a bound is reached; ERR_PROTO: a value that is not allowed, or a
 * file that is no account database; ERR_NOMEM. why: a sentence for people.
 */
#ifndef FERRY_ACCOUNT_STORE_H
#define FERRY_ACCOUNT_STORE_H

#include "account/record.h"
#include "base/buf.h"

enum {
    STORE_BUSY_MS = 2000,       /* waited at most for another writer */
    STORE_KEY_LINE_MAX = 16384, /* octets of one key with its options */
    STORE_FINGERPRINT_MAX = 64, /* "SHA256:" and 43 characters */
    STORE_TOTP_MAX = 64,        /* octets of a secret */
    STORE_RECOVERY_MAX = 16,    /* recovery codes of one account */
};

struct store;

enum store_mode {
    STORE_READ,   /* must exist */
    STORE_WRITE,  /* must exist */
    STORE_CREATE, /* made if missing, mode 0600, its directory 0700 too */
};

/*
 * path: the file; it and its directories must be the process's user's or root's,
 * and not writable (the file: not readable) by others. An older schema is
 * brought up to date (not with STORE_READ: ERR_PROTO says so).
 * ERR_AUTH: owner or modes. ERR_IO with why->sys_errno ENOENT: there is none.
 */
enum err store_open(const char *path, enum store_mode mode, struct store **s,
                    struct fault *why) MUST_USE;
void store_close(struct store *s); /* NULL allowed */

/* SQLite's own check of the whole file. ERR_PROTO: damaged. */
enum err store_check(struct store *s, struct fault *why) MUST_USE;

/*
 * Several changes as one: all that follow until store_commit are in or out
 * together. Not nested. store_rollback: also after a failure in between.
 */
enum err store_begin(struct store *s, struct fault *why) MUST_USE;
enum err store_commit(struct store *s, struct fault *why) MUST_USE;
void store_rollback(struct store *s);

/* ---- accounts and groups (store_accounts.c) ---- */

enum store_kind { STORE_ACCOUNT = 0, STORE_GROUP = 1 };

/* As stored: what is not set is unset. name: any octets. */
enum err store_get(struct store *s, enum store_kind kind, struct bytes name,
                   struct account_record *r, struct fault *why) MUST_USE;

/*
 * An account with what it takes from its group: each member that it does not
 * set; disabled if either is. r->group names the group.
 */
enum err store_effective(struct store *s, struct bytes name, struct account_record *r,
                         struct fault *why) MUST_USE;

/* Every one in the order of names, as stored. visit: anything but ERR_NONE ends
 * the walk and is returned. It may not change the store. */
enum err store_list(struct store *s, enum store_kind kind,
                    enum err (*visit)(void *ctx, const struct account_record *r),
                    void *ctx, struct fault *why) MUST_USE;

/* r: is_group says which; id, created and changed are set. ERR_LIMIT: exists. */
enum err store_add(struct store *s, struct account_record *r, int64_t now,
                   struct fault *why) MUST_USE;

/* Write the members whose bits (account/member.h) are in `members`, no others, so that
 * two administrators do not undo each other's change. r->id names the row. */
enum err store_update(struct store *s, const struct account_record *r, uint64_t members,
                      int64_t now, struct fault *why) MUST_USE;

/* With keys, secrets and usage. ERR_LIMIT: a group that has members. */
enum err store_delete(struct store *s, enum store_kind kind, struct bytes name,
                      struct fault *why) MUST_USE;

/* Best effort in time: a power cut may lose the newest. id: an account's. */
enum err
store_note_login(struct store *s, int64_t id, int64_t now, struct fault *why) MUST_USE;

/* ---- keys (store_keys.c) ---- */

struct store_key {
    unsigned index; /* from 1, in the order they were added; not stored */
    const char *fingerprint;
    struct bytes line; /* authorized_keys: options, type, base64, comment */
    int64_t added;
};

/* line, fingerprint: from account/key_input.h. ERR_LIMIT: it is there already, or
 * ACCOUNT_KEYS_MAX are. */
enum err store_key_add(struct store *s, int64_t id, struct bytes line,
                       const char *fingerprint, int64_t now, struct fault *why) MUST_USE;
/* Borrowed for the call. */
enum err store_key_list(struct store *s, int64_t id,
                        enum err (*visit)(void *ctx, const struct store_key *key),
                        void *ctx, struct fault *why) MUST_USE;
/* which: a fingerprint, or an index in decimal. */
enum err store_key_delete(struct store *s, int64_t id, const char *which, int64_t now,
                          struct fault *why) MUST_USE;

/* Append the account's keys and those of its group, as an authorized_keys text. */
enum err store_keys_text(struct store *s, int64_t id, struct buf *text,
                         struct fault *why) MUST_USE;

/* ---- passwords and second factors (store_secrets.c) ---- */

/* hash: "" when there is none. Wipe it after use. */
enum err store_password(struct store *s, int64_t id, char hash[ACCOUNT_HASH_MAX + 1],
                        struct fault *why) MUST_USE;
/* hash: usable (account/password.h); "": no password any more. */
enum err store_password_set(struct store *s, int64_t id, const char *hash, int64_t now,
                            struct fault *why) MUST_USE;
/* Hashed anew at login: only if it still is `from`; ERR_AUTH: it is not. */
enum err store_password_replace(struct store *s, int64_t id, const char *from,
                                const char *to, struct fault *why) MUST_USE;

struct store_totp {
    size_t secret_len; /* 0: no second factor */
    uint8_t secret[STORE_TOTP_MAX];
    int64_t last_step; /* TOTP_NEVER: none was used */
};

/* Wipe it after use. */
enum err store_totp(struct store *s, int64_t id, struct store_totp *totp,
                    struct fault *why) MUST_USE;
/* secret: 1..STORE_TOTP_MAX octets; no step is used yet. */
enum err store_totp_set(struct store *s, int64_t id, struct bytes secret, int64_t now,
                        struct fault *why) MUST_USE;
/* With the recovery codes. */
enum err
store_totp_clear(struct store *s, int64_t id, int64_t now, struct fault *why) MUST_USE;
/* Spend a step: ERR_AUTH when it or a later one was spent before, by whomever. */
enum err
store_totp_use(struct store *s, int64_t id, int64_t step, struct fault *why) MUST_USE;

/* In place of all old ones. hashes: made with password_hash and password_hash_like,
 * all of one setting. n <= STORE_RECOVERY_MAX. */
enum err store_recovery_set(struct store *s, int64_t id, const char *const *hashes,
                            size_t n, struct fault *why) MUST_USE;
/* The setting for password_hash_like: any unspent hash; "" when none is left. */
enum err
store_recovery_setting(struct store *s, int64_t id, char hash[ACCOUNT_HASH_MAX + 1],
                       unsigned *n_left, struct fault *why) MUST_USE;
/* Spend a code. ERR_AUTH: none has this hash (any more). */
enum err store_recovery_use(struct store *s, int64_t id, const char *hash,
                            struct fault *why) MUST_USE;

/* ---- quota (store_usage.c) ---- */

/* Whose usage: system accounts have some too, when the configuration sets a quota. */
enum usage_kind { USAGE_VIRTUAL = 0, USAGE_SYSTEM = 1 };
struct usage_owner {
    enum usage_kind kind;
    char name[ACCOUNT_NAME_MAX + 1];
};

/* A session that charges; one owner's. instance: a random number of the daemon's life. */
struct usage_session {
    uint64_t instance, connection;
};

struct usage_limits {
    uint64_t octets, files; /* 0: none */
};

/* Octets or files of one charge, either way. */
#define USAGE_CHARGE_MAX (INT64_C(1) << 53)

struct usage_state {
    uint64_t octets, files; /* used */
    bool needs_recount;     /* inexact after a crash, or never counted yet */
    bool is_over_files;     /* of a refused charge */
    uint64_t changes;       /* charges so far: for store_usage_set */
};

/* An owner not known yet has used nothing and needs a count. */
enum err store_usage(struct store *s, const struct usage_owner *owner,
                     struct usage_state *state, struct fault *why) MUST_USE;

struct usage_charge {
    struct usage_owner owner;
    struct usage_session session;
    struct usage_limits limits;
    int64_t octets, files; /* negative: given back */
};

/*
 * Charge or give back within the limits, at once or not at all.
 * The session's first charge leaves its mark durably; the following ones cost no
 * disk flush: after a power cut the mark is found and the tree counted again.
 * *state: as it is afterwards. ERR_LIMIT: a limit would be passed, nothing was
 * charged; state->is_over_files: it was the number of files. ERR_PROTO: more than
 * USAGE_CHARGE_MAX. Giving back more than is used leaves 0; giving back is never
 * refused, also above a limit that was lowered.
 */
enum err store_usage_charge(struct store *s, const struct usage_charge *charge,
                            struct usage_state *state, struct fault *why) MUST_USE;

/* The session ended and gave back what it did not use: its mark goes. */
enum err store_usage_end(struct store *s, const struct usage_session *session,
                         struct fault *why) MUST_USE;
/* The session died: whatever it charged is to be counted again. */
enum err store_usage_abandon(struct store *s, const struct usage_session *session,
                             struct fault *why) MUST_USE;

/* A tree's content, and the state as store_usage told it before the count began. */
struct usage_count {
    uint64_t octets, files;
    struct usage_state begun;
};

/*
 * The tree was counted: what was charged since the beginning is added.
 * *state: as it is afterwards; needs_recount stays set when a session charged
 * meanwhile or has its mark here: count again another time.
 */
enum err store_usage_set(struct store *s, const struct usage_owner *owner,
                         const struct usage_count *count, struct usage_state *state,
                         struct fault *why) MUST_USE;

/*
 * At start: the marks of every instance but those alive (this one, and one that
 * still serves old sessions after a restart) are abandoned.
 */
enum err store_usage_recover(struct store *s, const uint64_t *alive, size_t n_alive,
                             struct fault *why) MUST_USE;

#endif
