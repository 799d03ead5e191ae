/*
 * Opening the account database and talking to SQLite: files and their modes,
 * limits, errors, statements and transactions. What is in it: store_schema.c.
 */
#include "account/store_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* No value of ours comes near; a damaged file could name any. */
enum { VALUE_MAX = 1 << 20, SQL_MAX = 16384, EXPRESSION_DEPTH_MAX = 64 };

/* ---- failures ---- */

enum err
store_fault(struct store *s, struct fault *why)
{
    int sys_errno = s->db ? sqlite3_system_errno(s->db) : 0;
    switch (sqlite3_errcode(s->db)) {
    case SQLITE_NOMEM:
        return fault_set(why, ERR_NOMEM, 0, "out of memory");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return fault_set(why, ERR_IO, 0,
                         "%.120s: another process keeps the database locked", s->path);
    case SQLITE_FULL:
        return fault_errno(why, ERR_IO, ENOSPC, "%.120s", s->path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return fault_set(why, ERR_PROTO, 0, "%.120s: not an account database, or damaged",
                         s->path);
    case SQLITE_CONSTRAINT:
        return fault_set(why, ERR_LIMIT, 0, "%.120s: exists already, or is not allowed",
                         s->path);
    case SQLITE_READONLY:
        return fault_set(why, ERR_IO, 0, "%.120s: may only be read", s->path);
    default:
        return fault_errno(why, ERR_IO, sys_errno, "%.120s: %.80s", s->path,
                           sqlite3_errmsg(s->db));
    }
}

/* ---- statements ---- */

void
statement_begin(struct statement *q, struct store *s, const char *sql, struct fault *why)
{
    *q = (struct statement){.store = s, .why = why};
    if (sqlite3_prepare_v2(s->db, sql, -1, &q->stmt, NULL) != SQLITE_OK)
        q->err = store_fault(s, why);
}

static void
statement_bound(struct statement *q, int result)
{
    if (result != SQLITE_OK)
        q->err = store_fault(q->store, q->why);
}

void
statement_bind_int(struct statement *q, int64_t x)
{
    if (q->err == ERR_NONE)
        statement_bound(q, sqlite3_bind_int64(q->stmt, ++q->n_bound, x));
}

void
statement_bind_text(struct statement *q, struct bytes text)
{
    /* A NULL pointer would bind NULL. */
    const char *p = text.n ? (const char *)text.p : "";
    if (q->err == ERR_NONE)
        statement_bound(q, sqlite3_bind_text64(q->stmt, ++q->n_bound, p, text.n,
                                               SQLITE_STATIC, SQLITE_UTF8));
}

void
statement_bind_blob(struct statement *q, struct bytes blob)
{
    if (q->err == ERR_NONE)
        statement_bound(
            q, sqlite3_bind_blob64(q->stmt, ++q->n_bound, blob.p, blob.n, SQLITE_STATIC));
}

void
statement_bind_null(struct statement *q)
{
    if (q->err == ERR_NONE)
        statement_bound(q, sqlite3_bind_null(q->stmt, ++q->n_bound));
}

bool
statement_step(struct statement *q)
{
    if (q->err != ERR_NONE)
        return false;
    int result = sqlite3_step(q->stmt);
    if (result != SQLITE_ROW && result != SQLITE_DONE)
        q->err = store_fault(q->store, q->why);
    return result == SQLITE_ROW;
}

int64_t
statement_int(struct statement *q, int column)
{
    return sqlite3_column_int64(q->stmt, column);
}

const char *
statement_text(struct statement *q, int column)
{
    const char *text = (const char *)sqlite3_column_text(q->stmt, column);
    if (!text)
        return "";
    if (strlen(text) == (size_t)sqlite3_column_bytes(q->stmt, column))
        return text;
    q->err = fault_set(q->why, ERR_PROTO, 0, "%.120s: a text with a NUL", q->store->path);
    return "";
}

struct bytes
statement_blob(struct statement *q, int column)
{
    const void *p = sqlite3_column_blob(q->stmt, column);
    return bytes_of(p, p ? (size_t)sqlite3_column_bytes(q->stmt, column) : 0);
}

bool
statement_is_null(struct statement *q, int column)
{
    return sqlite3_column_type(q->stmt, column) == SQLITE_NULL;
}

void
statement_fail(struct statement *q, enum err err)
{
    if (q->err == ERR_NONE)
        q->err = err;
}

enum err
statement_end(struct statement *q)
{
    sqlite3_finalize(q->stmt);
    q->stmt = NULL;
    return q->err;
}

enum err
statement_run(struct statement *q, int64_t *n_changed)
{
    while (statement_step(q))
        continue;
    if (n_changed)
        *n_changed = q->err == ERR_NONE ? sqlite3_changes64(q->store->db) : 0;
    return statement_end(q);
}

static enum err
run(struct store *s, const char *sql, struct fault *why)
{
    struct statement q;
    statement_begin(&q, s, sql, why);
    return statement_run(&q, NULL);
}

/* ---- transactions ---- */

enum err
transaction_begin(struct store *s, struct fault *why)
{
    if (s->depth == 0) {
        /* IMMEDIATE: waits for other writers now, within STORE_BUSY_MS, rather than
         * failing in the middle. */
        enum err err = run(s, "BEGIN IMMEDIATE", why);
        if (err)
            return err;
    }
    s->depth++;
    return ERR_NONE;
}

void
store_rollback(struct store *s)
{
    struct fault ignored = {0};
    s->depth = 0;
    /* After some failures SQLite has rolled back by itself. */
    if (!sqlite3_get_autocommit(s->db) && run(s, "ROLLBACK", &ignored) != ERR_NONE)
        return;
}

enum err
transaction_end(struct store *s, enum err err, struct fault *why)
{
    s->depth -= s->depth != 0;
    if (s->depth != 0)
        return err; /* the caller's transaction decides */
    if (err == ERR_NONE)
        err = run(s, "COMMIT", why);
    if (err != ERR_NONE)
        store_rollback(s);
    return err;
}

enum err
store_begin(struct store *s, struct fault *why)
{
    return transaction_begin(s, why);
}

enum err
store_commit(struct store *s, struct fault *why)
{
    return transaction_end(s, ERR_NONE, why);
}

enum err
store_set_durable(struct store *s, bool is_durable, struct fault *why)
{
    return run(
        s, is_durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", why);
}

/* ---- the file ---- */

static bool
is_owner_trusted(const struct stat *st)
{
    return st->st_uid == 0 || st->st_uid == geteuid();
}

/* Nobody else may swap the file or one of the directories it lies in. real: resolved
 * directory; cut up on the way. */
static enum err
check_directories(const char *path, char *real, struct fault *why)
{
    for (;;) {
        struct stat st;
        if (stat(real, &st) != 0)
            return fault_errno(why, ERR_IO, errno, "%.160s", real);
        bool is_open = (st.st_mode & 022) != 0 && !(st.st_mode & S_ISVTX);
        if (is_open || !is_owner_trusted(&st))
            return fault_set(why, ERR_AUTH, 0,
                             "%.100s: others may change the directory %.100s", path,
                             real);
        char *slash = strrchr(real, '/');
        if (!slash || !real[1])
            return ERR_NONE;
        slash[slash == real] = 0;
    }
}

static enum err
check_file(const char *path, struct fault *why)
{
    struct stat st;
    /* Not opened here: closing a second descriptor would drop SQLite's locks. */
    if (lstat(path, &st) != 0)
        return fault_errno(why, ERR_IO, errno, "%.160s", path);
    if (!S_ISREG(st.st_mode))
        return fault_set(why, ERR_AUTH, 0, "%.160s: not a regular file", path);
    if (!is_owner_trusted(&st))
        return fault_set(why, ERR_AUTH, 0, "%.160s: belongs to another user (uid %lu)",
                         path, (unsigned long)st.st_uid);
    if (st.st_mode & 077)
        return fault_set(why, ERR_AUTH, 0,
                         "%.160s: mode %04o lets others read it; chmod 600 would help",
                         path, (unsigned)st.st_mode & 07777);
    return ERR_NONE;
}

/* An empty file is an empty database: there is no moment at which it has another mode
 * or half a schema. */
static enum err
create_file(const char *path, struct fault *why)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == EEXIST
                   ? ERR_NONE
                   : fault_errno(why, ERR_IO, errno, "cannot create %.160s", path);
    close(fd);
    return ERR_NONE;
}

/* mkdir -p with mode 0700. */
static enum err
make_directories(const char *directory, struct fault *why)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s", directory);
    for (char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash)
            *slash = 0;
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            return fault_errno(why, ERR_IO, errno, "cannot make the directory %.160s",
                               path);
        if (!slash)
            return ERR_NONE;
        *slash = '/';
    }
}

/* resolved: the directory's real name and the file's own, so that SQLite can be told
 * to follow no link. */
static enum err
locate(const char *path, enum store_mode mode, char resolved[PATH_MAX], struct fault *why)
{
    char copy[PATH_MAX], directory[PATH_MAX];
    if (!*path || strlen(path) >= sizeof copy - sizeof "-journal")
        return fault_set(why, ERR_PROTO, 0, "the database's name is empty or too long");
    snprintf(copy, sizeof copy, "%s", path);
    const char *parent = dirname(copy);
    enum err err = mode == STORE_CREATE ? make_directories(parent, why) : ERR_NONE;
    if (err)
        return err;
    char *real = realpath(parent, NULL);
    if (!real)
        return fault_errno(why, ERR_IO, errno, "%.160s", path);
    snprintf(directory, sizeof directory, "%s", real);
    err = check_directories(path, directory, why);
    snprintf(copy, sizeof copy, "%s", path);
    int n = snprintf(resolved, PATH_MAX, "%s/%s", real[1] ? real : "", basename(copy));
    free(real);
    if (err == ERR_NONE && (n < 0 || n >= PATH_MAX))
        err = fault_set(why, ERR_PROTO, 0, "%.160s: name too long", path);
    return err;
}

/* ---- opening ---- */

/* A hostile file can do no more than be refused. */
static void
fence(sqlite3 *db)
{
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, VALUE_MAX);
    sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, SQL_MAX);
    sqlite3_limit(db, SQLITE_LIMIT_EXPR_DEPTH, EXPRESSION_DEPTH_MAX);
    sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_limit(db, SQLITE_LIMIT_WORKER_THREADS, 0);
}

/* FULL: the log is flushed at every commit, so that what was answered stays. */
static enum err
settle(struct store *s, enum store_mode mode, struct fault *why)
{
    static const char *const pragmas[] = {
        "PRAGMA cell_size_check = ON",
        "PRAGMA temp_store = MEMORY",
        "PRAGMA secure_delete = ON", /* old hashes don't stay in free pages */
        "PRAGMA synchronous = FULL",
    };
    enum err err = ERR_NONE;
    if (mode != STORE_READ)
        err = run(s, "PRAGMA journal_mode = WAL", why);
    for (size_t i = 0; i < ARRAY_LEN(pragmas) && err == ERR_NONE; i++)
        err = run(s, pragmas[i], why);
    return err ? err : store_migrate(s, mode, why);
}

static enum err
open_database(struct store *s, enum store_mode mode, struct fault *why)
{
    int flags = mode == STORE_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    flags |= SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    if (sqlite3_open_v2(s->path, &s->db, flags, NULL) != SQLITE_OK)
        return s->db ? store_fault(s, why)
                     : fault_set(why, ERR_NOMEM, 0, "out of memory");
    sqlite3_busy_timeout(s->db, STORE_BUSY_MS);
    fence(s->db);
    return settle(s, mode, why);
}

enum err
store_open(const char *path, enum store_mode mode, struct store **out, struct fault *why)
{
    struct store *s = calloc(1, sizeof *s);
    if (!s)
        return fault_set(why, ERR_NOMEM, 0, "out of memory");
    enum err err = locate(path, mode, s->path, why);
    if (err == ERR_NONE && mode == STORE_CREATE)
        err = create_file(s->path, why);
    if (err == ERR_NONE)
        err = check_file(s->path, why);
    if (err == ERR_NONE)
        err = open_database(s, mode, why);
    if (err != ERR_NONE) {
        store_close(s);
        return err;
    }
    *out = s;
    return ERR_NONE;
}

void
store_close(struct store *s)
{
    if (!s)
        return;
    sqlite3_close_v2(s->db);
    free(s);
}

enum err
store_check(struct store *s, struct fault *why)
{
    struct statement q;
    statement_begin(&q, s, "PRAGMA integrity_check(1)", why);
    bool is_sound = statement_step(&q) && strcmp(statement_text(&q, 0), "ok") == 0;
    if (!is_sound && q.err == ERR_NONE)
        statement_fail(&q, fault_set(why, ERR_PROTO, 0, "%.120s: damaged: %.100s",
                                     s->path, statement_text(&q, 0)));
    return statement_end(&q);
}
