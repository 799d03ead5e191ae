/*
 * What is in the account database, as the steps that made it so: PRAGMA
 * user_version counts the steps a file has seen. A step that was released is
 * never changed; a new wish is a new step.
 */
#include "account/store_impl.h"

#include <stdio.h>

/* PRAGMA application_id: "Fery". */
#define APPLICATION_ID 0x46657279

/*
 * AUTOINCREMENT: the id of an account that was deleted never comes back, so that what
 * a worker still does for the old one cannot meet a new one. Usage is kept by name:
 * system accounts have some too and are not in `account`.
 */
static const char *const step_1[] = {
    "CREATE TABLE account ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " is_group INTEGER NOT NULL, name TEXT NOT NULL,"
    " is_disabled INTEGER NOT NULL DEFAULT 0,"
    " password TEXT, totp_secret BLOB, totp_last_step INTEGER NOT NULL DEFAULT -1,"
    " group_name TEXT, root TEXT, chain TEXT, expires INTEGER, networks TEXT,"
    " refused_names TEXT, rights TEXT, max_sessions INTEGER,"
    " upload_rate INTEGER, download_rate INTEGER,"
    " quota_octets INTEGER, quota_files INTEGER, uid INTEGER, gid INTEGER,"
    " umask INTEGER, is_read_only INTEGER, is_atomic INTEGER, is_durable INTEGER,"
    " created INTEGER NOT NULL, changed INTEGER NOT NULL, last_login INTEGER,"
    " UNIQUE (is_group, name)) STRICT",

    "CREATE INDEX account_by_group ON account (group_name) WHERE group_name IS NOT NULL",

    "CREATE TABLE key ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,"
    " fingerprint TEXT NOT NULL, line TEXT NOT NULL, added INTEGER NOT NULL,"
    " UNIQUE (account, fingerprint)) STRICT",

    "CREATE TABLE recovery ("
    " account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,"
    " hash TEXT NOT NULL, PRIMARY KEY (account, hash)) STRICT, WITHOUT ROWID",

    "CREATE TABLE usage ("
    " kind INTEGER NOT NULL, name TEXT NOT NULL,"
    " octets INTEGER NOT NULL DEFAULT 0, files INTEGER NOT NULL DEFAULT 0,"
    " changes INTEGER NOT NULL DEFAULT 0, needs_recount INTEGER NOT NULL DEFAULT 1,"
    " PRIMARY KEY (kind, name)) STRICT, WITHOUT ROWID",

    "CREATE TABLE lease ("
    " instance INTEGER NOT NULL, connection INTEGER NOT NULL,"
    " kind INTEGER NOT NULL, name TEXT NOT NULL,"
    " PRIMARY KEY (instance, connection)) STRICT, WITHOUT ROWID",

    "CREATE INDEX lease_by_owner ON lease (kind, name)",
    NULL,
};

static const char *const *const steps[] = {step_1};

enum { SCHEMA_VERSION = ARRAY_LEN(steps) };

static enum err
read_pragma(struct store *s, const char *sql, int64_t *x, struct fault *why)
{
    struct statement q;
    statement_begin(&q, s, sql, why);
    *x = statement_step(&q) ? statement_int(&q, 0) : 0;
    return statement_end(&q);
}

static enum err
run(struct store *s, const char *sql, struct fault *why)
{
    struct statement q;
    statement_begin(&q, s, sql, why);
    return statement_run(&q, NULL);
}

/* A PRAGMA takes no parameters. */
static enum err
write_pragma(struct store *s, const char *name, int x, struct fault *why)
{
    char sql[64];
    snprintf(sql, sizeof sql, "PRAGMA %s = %d", name, x);
    return run(s, sql, why);
}

static enum err
read_version(struct store *s, int64_t *version, struct fault *why)
{
    int64_t application;
    enum err err = read_pragma(s, "PRAGMA user_version", version, why);
    if (err == ERR_NONE)
        err = read_pragma(s, "PRAGMA application_id", &application, why);
    if (err)
        return err;
    if (*version > SCHEMA_VERSION && application == APPLICATION_ID)
        return fault_set(why, ERR_PROTO, 0, "%.120s: made by a newer version of ferryd",
                         s->path);
    if ((*version != 0 && application != APPLICATION_ID) || *version < 0)
        return fault_set(why, ERR_PROTO, 0, "%.120s: not an account database", s->path);
    return ERR_NONE;
}

/* Nothing of somebody else's may be in a file that we are about to make ours. */
static enum err
check_is_empty(struct store *s, struct fault *why)
{
    int64_t n;
    enum err err = read_pragma(s, "SELECT count(*) FROM sqlite_schema", &n, why);
    if (err == ERR_NONE && n != 0)
        err = fault_set(why, ERR_PROTO, 0, "%.120s: not an account database", s->path);
    return err;
}

static enum err
take_steps(struct store *s, struct fault *why)
{
    int64_t version;
    /* Asked again inside the transaction: another process may have been faster. */
    enum err err = read_version(s, &version, why);
    if (err == ERR_NONE && version == 0)
        err = check_is_empty(s, why);
    for (; err == ERR_NONE && version < SCHEMA_VERSION; version++)
        for (const char *const *sql = steps[version]; *sql && err == ERR_NONE; sql++)
            err = run(s, *sql, why);
    if (err == ERR_NONE)
        err = write_pragma(s, "application_id", APPLICATION_ID, why);
    return err ? err : write_pragma(s, "user_version", SCHEMA_VERSION, why);
}

enum err
store_migrate(struct store *s, enum store_mode mode, struct fault *why)
{
    int64_t version;
    enum err err = read_version(s, &version, why);
    if (err || version == SCHEMA_VERSION)
        return err;
    if (mode == STORE_READ)
        return fault_set(why, ERR_PROTO, 0,
                         "%.120s: of an older version; a command that changes an account "
                         "brings it up to date",
                         s->path);
    err = transaction_begin(s, why);
    return err ? err : transaction_end(s, take_steps(s, why), why);
}
