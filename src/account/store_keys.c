/* Public keys of accounts and groups, each a line of authorized_keys. */
#include "account/store_impl.h"

#include <stdlib.h>

static enum err
count_keys(struct store *s, int64_t id, int64_t *n, struct fault *why)
{
    struct statement q;
    statement_begin(&q, s, "SELECT count(*) FROM key WHERE account = ?1", why);
    statement_bind_int(&q, id);
    *n = statement_step(&q) ? statement_int(&q, 0) : 0;
    return statement_end(&q);
}

static enum err
find_key(struct store *s, int64_t id, const char *fingerprint, int64_t *key,
         struct fault *why)
{
    struct statement q;
    statement_begin(&q, s, "SELECT id FROM key WHERE account = ?1 AND fingerprint = ?2",
                    why);
    statement_bind_int(&q, id);
    statement_bind_text(&q, bytes_str(fingerprint));
    *key = statement_step(&q) ? statement_int(&q, 0) : 0;
    return statement_end(&q);
}

/* Where the indexes that people see are made: from 1, oldest first. */
static enum err
find_key_at(struct store *s, int64_t id, unsigned long index, int64_t *key,
            struct fault *why)
{
    struct statement q;
    statement_begin(&q, s,
                    "SELECT id FROM key WHERE account = ?1 ORDER BY id LIMIT 1 OFFSET ?2",
                    why);
    statement_bind_int(&q, id);
    statement_bind_int(&q, (int64_t)index - 1);
    *key = statement_step(&q) ? statement_int(&q, 0) : 0;
    return statement_end(&q);
}

static enum err
touch(struct store *s, int64_t id, int64_t now, struct fault *why)
{
    struct statement q;
    int64_t n_changed;
    statement_begin(&q, s, "UPDATE account SET changed = ?2 WHERE id = ?1", why);
    statement_bind_int(&q, id);
    statement_bind_int(&q, now);
    enum err err = statement_run(&q, &n_changed);
    if (err == ERR_NONE && n_changed == 0)
        err = fault_set(why, ERR_AUTH, 0, "the account is gone");
    return err;
}

static enum err
check_room(struct store *s, int64_t id, const char *fingerprint, struct fault *why)
{
    int64_t n, known;
    enum err err = count_keys(s, id, &n, why);
    if (err == ERR_NONE && n >= ACCOUNT_KEYS_MAX)
        err = fault_set(why, ERR_LIMIT, 0, "there are %d keys already", ACCOUNT_KEYS_MAX);
    if (err == ERR_NONE)
        err = find_key(s, id, fingerprint, &known, why);
    if (err == ERR_NONE && known != 0)
        err = fault_set(why, ERR_LIMIT, 0, "this key is there already: %s", fingerprint);
    return err;
}

static enum err
insert_key(struct store *s, int64_t id, struct bytes line, const char *fingerprint,
           int64_t now, struct fault *why)
{
    struct statement q;
    statement_begin(&q, s,
                    "INSERT INTO key (account, fingerprint, line, added) "
                    "VALUES (?1, ?2, ?3, ?4)",
                    why);
    statement_bind_int(&q, id);
    statement_bind_text(&q, bytes_str(fingerprint));
    statement_bind_text(&q, line);
    statement_bind_int(&q, now);
    return statement_run(&q, NULL);
}

enum err
store_key_add(struct store *s, int64_t id, struct bytes line, const char *fingerprint,
              int64_t now, struct fault *why)
{
    bool is_line = line.n != 0 && line.n <= STORE_KEY_LINE_MAX &&
                   !memchr(line.p, 0, line.n) && !memchr(line.p, '\n', line.n);
    if (!is_line || strlen(fingerprint) > STORE_FINGERPRINT_MAX)
        return fault_set(why, ERR_PROTO, 0, "not one line, or longer than %d octets",
                         STORE_KEY_LINE_MAX);
    enum err err = transaction_begin(s, why);
    if (err)
        return err;
    err = touch(s, id, now, why);
    if (err == ERR_NONE)
        err = check_room(s, id, fingerprint, why);
    if (err == ERR_NONE)
        err = insert_key(s, id, line, fingerprint, now, why);
    return transaction_end(s, err, why);
}

enum err
store_key_list(struct store *s, int64_t id,
               enum err (*visit)(void *ctx, const struct store_key *key), void *ctx,
               struct fault *why)
{
    struct statement q;
    struct store_key key = {0};
    statement_begin(
        &q, s, "SELECT fingerprint, line, added FROM key WHERE account = ?1 ORDER BY id",
        why);
    statement_bind_int(&q, id);
    while (statement_step(&q)) {
        key.index++;
        key.fingerprint = statement_text(&q, 0);
        key.line = bytes_str(statement_text(&q, 1));
        key.added = statement_int(&q, 2);
        if (q.err == ERR_NONE)
            statement_fail(&q, visit(ctx, &key));
    }
    return statement_end(&q);
}

static enum err
delete_key(struct store *s, int64_t id, const char *which, struct fault *why)
{
    struct statement q;
    int64_t key;
    char *end;
    /* Out of range becomes ULONG_MAX, which no key has. */
    unsigned long index = strtoul(which, &end, 10);
    bool is_index = which[0] >= '1' && which[0] <= '9' && *end == 0;
    enum err err = is_index && index <= ACCOUNT_KEYS_MAX
                       ? find_key_at(s, id, index, &key, why)
                       : find_key(s, id, which, &key, why);
    if (err == ERR_NONE && key == 0)
        err = fault_set(why, ERR_AUTH, 0, "there is no key %.80s", which);
    if (err)
        return err;
    statement_begin(&q, s, "DELETE FROM key WHERE id = ?1", why);
    statement_bind_int(&q, key);
    return statement_run(&q, NULL);
}

enum err
store_key_delete(struct store *s, int64_t id, const char *which, int64_t now,
                 struct fault *why)
{
    enum err err = transaction_begin(s, why);
    if (err)
        return err;
    err = touch(s, id, now, why);
    if (err == ERR_NONE)
        err = delete_key(s, id, which, why);
    return transaction_end(s, err, why);
}

enum err
store_keys_text(struct store *s, int64_t id, struct buf *text, struct fault *why)
{
    struct statement q;
    statement_begin(&q, s,
                    "SELECT line FROM key WHERE account = ?1 OR account = "
                    "(SELECT g.id FROM account a JOIN account g"
                    " ON g.is_group = 1 AND g.name = a.group_name WHERE a.id = ?1) "
                    "ORDER BY account = ?1 DESC, id",
                    why);
    statement_bind_int(&q, id);
    while (statement_step(&q)) {
        buf_put_str(text, statement_text(&q, 0));
        buf_put_u8(text, '\n');
    }
    if (buf_err(text) != ERR_NONE)
        statement_fail(&q, fault_set(why, buf_err(text), 0, "the keys are too many"));
    return statement_end(&q);
}
