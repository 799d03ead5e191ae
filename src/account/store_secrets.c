/* What accounts prove themselves with: password strings, TOTP secrets, recovery codes.
 * Spending a code is one statement, so that of two logins with it one is refused. */
#include "account/store_impl.h"

#include <assert.h>
#include <stdio.h>

#include "account/password.h"
#include "account/totp.h"

static_assert((int)STORE_TOTP_MAX == TOTP_SECRET_MAX, "one length");

static enum err
gone(struct fault *why)
{
    return fault_set(why, ERR_AUTH, 0, "the account is gone");
}

/* Runs a change of one row: none changed is ERR_AUTH with this sentence. */
static enum err
run_on_one(struct statement *q, struct fault *why, const char *otherwise)
{
    int64_t n_changed;
    enum err err = statement_run(q, &n_changed);
    if (err == ERR_NONE && n_changed == 0)
        err = fault_set(why, ERR_AUTH, 0, "%s", otherwise);
    return err;
}

static void
copy_hash(struct statement *q, int column, char hash[ACCOUNT_HASH_MAX + 1])
{
    const char *text = statement_text(q, column);
    if (strlen(text) > ACCOUNT_HASH_MAX)
        statement_fail(q, fault_set(q->why, ERR_PROTO, 0, "%.120s: a hash too long",
                                    q->store->path));
    else
        snprintf(hash, ACCOUNT_HASH_MAX + 1, "%s", text);
}

/* ---- passwords ---- */

enum err
store_password(struct store *s, int64_t id, char hash[ACCOUNT_HASH_MAX + 1],
               struct fault *why)
{
    struct statement q;
    hash[0] = 0;
    statement_begin(&q, s, "SELECT password FROM account WHERE id = ?1", why);
    statement_bind_int(&q, id);
    if (statement_step(&q))
        copy_hash(&q, 0, hash);
    else if (q.err == ERR_NONE)
        statement_fail(&q, gone(why));
    return statement_end(&q);
}

enum err
store_password_set(struct store *s, int64_t id, const char *hash, int64_t now,
                   struct fault *why)
{
    struct statement q;
    if (*hash && !password_hash_is_usable(hash, why))
        return ERR_PROTO;
    statement_begin(&q, s, "UPDATE account SET password = ?2, changed = ?3 WHERE id = ?1",
                    why);
    statement_bind_int(&q, id);
    if (*hash)
        statement_bind_text(&q, bytes_str(hash));
    else
        statement_bind_null(&q);
    statement_bind_int(&q, now);
    return run_on_one(&q, why, "the account is gone");
}

enum err
store_password_replace(struct store *s, int64_t id, const char *from, const char *to,
                       struct fault *why)
{
    struct statement q;
    if (!password_hash_is_usable(to, why))
        return ERR_PROTO;
    statement_begin(
        &q, s, "UPDATE account SET password = ?3 WHERE id = ?1 AND password = ?2", why);
    statement_bind_int(&q, id);
    statement_bind_text(&q, bytes_str(from));
    statement_bind_text(&q, bytes_str(to));
    return run_on_one(&q, why, "the password was changed meanwhile");
}

/* ---- one-time codes ---- */

enum err
store_totp(struct store *s, int64_t id, struct store_totp *totp, struct fault *why)
{
    struct statement q;
    *totp = (struct store_totp){.last_step = TOTP_NEVER};
    statement_begin(&q, s,
                    "SELECT totp_secret, totp_last_step FROM account WHERE id = ?1", why);
    statement_bind_int(&q, id);
    if (!statement_step(&q)) {
        if (q.err == ERR_NONE)
            statement_fail(&q, gone(why));
        return statement_end(&q);
    }
    struct bytes secret = statement_blob(&q, 0);
    if (secret.n > sizeof totp->secret) {
        statement_fail(
            &q, fault_set(why, ERR_PROTO, 0, "%.120s: a secret too long", s->path));
    } else if (secret.n != 0) {
        memcpy(totp->secret, secret.p, secret.n);
        totp->secret_len = secret.n;
        totp->last_step = statement_int(&q, 1);
    }
    return statement_end(&q);
}

enum err
store_totp_set(struct store *s, int64_t id, struct bytes secret, int64_t now,
               struct fault *why)
{
    struct statement q;
    if (secret.n == 0 || secret.n > STORE_TOTP_MAX)
        return fault_set(why, ERR_PROTO, 0, "a secret of 1 to %d octets", STORE_TOTP_MAX);
    statement_begin(&q, s,
                    "UPDATE account SET totp_secret = ?2, totp_last_step = -1, "
                    "changed = ?3 WHERE id = ?1",
                    why);
    statement_bind_int(&q, id);
    statement_bind_blob(&q, secret);
    statement_bind_int(&q, now);
    return run_on_one(&q, why, "the account is gone");
}

static enum err
recovery_clear(struct store *s, int64_t id, struct fault *why)
{
    struct statement q;
    statement_begin(&q, s, "DELETE FROM recovery WHERE account = ?1", why);
    statement_bind_int(&q, id);
    return statement_run(&q, NULL);
}

enum err
store_totp_clear(struct store *s, int64_t id, int64_t now, struct fault *why)
{
    struct statement q;
    enum err err = transaction_begin(s, why);
    if (err)
        return err;
    statement_begin(&q, s,
                    "UPDATE account SET totp_secret = NULL, totp_last_step = -1, "
                    "changed = ?2 WHERE id = ?1",
                    why);
    statement_bind_int(&q, id);
    statement_bind_int(&q, now);
    err = run_on_one(&q, why, "the account is gone");
    if (err == ERR_NONE)
        err = recovery_clear(s, id, why);
    return transaction_end(s, err, why);
}

enum err
store_totp_use(struct store *s, int64_t id, int64_t step, struct fault *why)
{
    struct statement q;
    statement_begin(&q, s,
                    "UPDATE account SET totp_last_step = ?2 WHERE id = ?1 "
                    "AND totp_secret IS NOT NULL AND totp_last_step < ?2",
                    why);
    statement_bind_int(&q, id);
    statement_bind_int(&q, step);
    return run_on_one(&q, why, "this code was used already");
}

/* ---- recovery codes ---- */

static enum err
recovery_add(struct store *s, int64_t id, const char *hash, struct fault *why)
{
    struct statement q;
    if (!password_hash_is_usable(hash, why))
        return ERR_PROTO;
    statement_begin(&q, s, "INSERT INTO recovery (account, hash) VALUES (?1, ?2)", why);
    statement_bind_int(&q, id);
    statement_bind_text(&q, bytes_str(hash));
    return statement_run(&q, NULL);
}

enum err
store_recovery_set(struct store *s, int64_t id, const char *const *hashes, size_t n,
                   struct fault *why)
{
    if (n > STORE_RECOVERY_MAX)
        return fault_set(why, ERR_LIMIT, 0, "more than %d recovery codes",
                         STORE_RECOVERY_MAX);
    enum err err = transaction_begin(s, why);
    if (err)
        return err;
    err = recovery_clear(s, id, why);
    for (size_t i = 0; i < n && err == ERR_NONE; i++)
        err = recovery_add(s, id, hashes[i], why);
    return transaction_end(s, err, why);
}

enum err
store_recovery_setting(struct store *s, int64_t id, char hash[ACCOUNT_HASH_MAX + 1],
                       unsigned *n_left, struct fault *why)
{
    struct statement q;
    hash[0] = 0;
    *n_left = 0;
    statement_begin(&q, s, "SELECT hash FROM recovery WHERE account = ?1", why);
    statement_bind_int(&q, id);
    for (; statement_step(&q); ++*n_left)
        if (*n_left == 0)
            copy_hash(&q, 0, hash);
    return statement_end(&q);
}

enum err
store_recovery_use(struct store *s, int64_t id, const char *hash, struct fault *why)
{
    struct statement q;
    statement_begin(&q, s, "DELETE FROM recovery WHERE account = ?1 AND hash = ?2", why);
    statement_bind_int(&q, id);
    statement_bind_text(&q, bytes_str(hash));
    return run_on_one(&q, why, "not a recovery code that is left");
}
