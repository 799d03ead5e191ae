/*
 * What the parts of the store share: the connection, and one statement run from
 * its text to its end. Values are always bound, never pasted into SQL.
 *
 * A statement's failure latches: after one, binding and stepping do nothing,
 * and statement_end tells.
 */
#ifndef FERRY_ACCOUNT_STORE_IMPL_H
#define FERRY_ACCOUNT_STORE_IMPL_H

#include <sqlite3.h>

#include "account/store.h"

struct store {
    sqlite3 *db;
    char path[PATH_MAX];
    unsigned depth; /* transactions begun by callers and by operations of ours */
};

/* What SQLite just said, as a sentence. */
enum err store_fault(struct store *s, struct fault *why);

struct statement {
    struct store *store;
    sqlite3_stmt *stmt;
    int n_bound;
    struct fault *why;
    enum err err;
};

/* sql: one statement with parameters ?1, ?2, ..., bound in this order. */
void
statement_begin(struct statement *q, struct store *s, const char *sql, struct fault *why);
void statement_bind_int(struct statement *q, int64_t x);
/* Borrowed until statement_end. */
void statement_bind_text(struct statement *q, struct bytes text);
void statement_bind_blob(struct statement *q, struct bytes blob);
void statement_bind_null(struct statement *q);

/* To the next row; false: no more, or failed. */
bool statement_step(struct statement *q);
int64_t statement_int(struct statement *q, int column);
/* As a C string; "" for NULL. An embedded NUL latches ERR_PROTO. Borrowed until
 * the next step. */
const char *statement_text(struct statement *q, int column);
struct bytes statement_blob(struct statement *q, int column);
bool statement_is_null(struct statement *q, int column);

/* Latch a failure of the caller's own (a stored value that is not allowed). */
void statement_fail(struct statement *q, enum err err);
enum err statement_end(struct statement *q) MUST_USE;
/* One that gives no rows: all of the above. *n_changed (may be NULL): rows it changed. */
enum err statement_run(struct statement *q, int64_t *n_changed) MUST_USE;

/*
 * An operation that takes several statements: part of the caller's transaction if
 * there is one. end: commits when err is ERR_NONE, otherwise takes all back;
 * returns err, or what the commit failed with.
 */
enum err transaction_begin(struct store *s, struct fault *why) MUST_USE;
enum err transaction_end(struct store *s, enum err err, struct fault *why) MUST_USE;

/*
 * Whether commits wait for the disk: synchronous FULL or NORMAL. Back to true after
 * every use. Has no effect inside a transaction.
 */
enum err store_set_durable(struct store *s, bool is_durable, struct fault *why) MUST_USE;

/* Bring an older file up to date; ERR_PROTO: made by a newer version, or not ours. */
enum err store_migrate(struct store *s, enum store_mode mode, struct fault *why) MUST_USE;

#endif
