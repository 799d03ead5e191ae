/*
 * What can be set of an account or a group: one row a member of
 * struct account_record. The row is the only truth: the database's columns,
 * `ferryd user`'s options and output, inheritance and the checks of values
 * come from it.
 */
#ifndef FERRY_ACCOUNT_MEMBER_H
#define FERRY_ACCOUNT_MEMBER_H

#include "account/record.h"
#include "base/buf.h"

enum account_member_kind {
    MEMBER_TEXT,   /* char[max + 1]; "": unset */
    MEMBER_NUMBER, /* int64_t from here on; ACCOUNT_UNSET: unset */
    MEMBER_LIMIT,  /* a number; "none": 0 */
    MEMBER_SIZE,   /* octets, with K, M, G, T; "none": 0 */
    MEMBER_OCTAL,
    MEMBER_DATE, /* YYYY-MM-DD, its last second in UTC; or seconds since 1970 */
    MEMBER_FLAG, /* 0, 1 */
};

/* In the table's order; 1 << of it is the bit for store_update. */
enum account_member_id {
    MEMBER_ID_GROUP,
    MEMBER_ID_ROOT,
    MEMBER_ID_CHAIN,
    MEMBER_ID_EXPIRES,
    MEMBER_ID_NETWORKS,
    MEMBER_ID_REFUSED_NAMES,
    MEMBER_ID_RIGHTS,
    MEMBER_ID_MAX_SESSIONS,
    MEMBER_ID_UPLOAD_RATE,
    MEMBER_ID_DOWNLOAD_RATE,
    MEMBER_ID_QUOTA_OCTETS,
    MEMBER_ID_QUOTA_FILES,
    MEMBER_ID_UID,
    MEMBER_ID_GID,
    MEMBER_ID_UMASK,
    MEMBER_ID_READ_ONLY,
    MEMBER_ID_ATOMIC,
    MEMBER_ID_DURABLE,
    MEMBER_IDS,
};

#define MEMBER_BIT(id) (UINT64_C(1) << (id))
/* Not a row: every account has it. */
#define MEMBER_BIT_DISABLED MEMBER_BIT(MEMBER_IDS)

/* --expires never: 9999-12-31, so that an account can outlive its group's date. */
#define ACCOUNT_NEVER_EXPIRES INT64_C(253402300799)

struct account_member {
    const char *name;   /* the option without "--", and the JSON member */
    const char *column; /* of the database */
    enum account_member_kind kind;
    size_t offset;     /* in struct account_record */
    int64_t min, max;  /* numbers: range; texts: octets at most */
    const char *value; /* what --help calls the value; NULL: flags */
    const char *help;
    char separator; /* given several times: joined with it; 0: once only */
    /* Checks a text further; NULL: any printable text will do. */
    bool (*check)(const char *text, struct fault *why);
};

/* MEMBER_IDS rows. */
extern const struct account_member account_members[];

/* Nothing set but the name, which must be valid (account/name.h). */
void account_record_init(struct account_record *r, bool is_group, const char *name);

bool
account_member_is_set(const struct account_member *m, const struct account_record *r);
void account_member_unset(const struct account_member *m, struct account_record *r);

/*
 * Set from text as people write it: "10G", "027", "2026-12-31", "none".
 * ERR_PROTO: *why names the member and what it takes.
 */
enum err account_member_set(const struct account_member *m, struct account_record *r,
                            const char *text, struct fault *why) MUST_USE;

/* The value as it is stored; of the member's kind. Borrowed from r. */
const char *
account_member_text(const struct account_member *m, const struct account_record *r);
int64_t
account_member_number(const struct account_member *m, const struct account_record *r);

/* Set to a stored value after the checks of account_member_set. */
enum err
account_member_load_text(const struct account_member *m, struct account_record *r,
                         const char *text, struct fault *why) MUST_USE;
enum err
account_member_load_number(const struct account_member *m, struct account_record *r,
                           int64_t x, struct fault *why) MUST_USE;

/* Append the value as account_member_set takes it. Nothing when unset. */
void account_member_put(const struct account_member *m, const struct account_record *r,
                        struct buf *out);

/* Every member that r does not set, from its group (which may be NULL). */
void account_record_inherit(struct account_record *r, const struct account_record *group);

#endif
