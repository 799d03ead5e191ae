/* Accounts and groups. The columns of what can be set come from the member table. */
#include "account/store_impl.h"

#include <stdio.h>
#include <stdlib.h>

#include "account/member.h"
#include "account/name.h"

enum { SQL_MAX = 2048 };

/* Columns before those of the members, in the order of load_record. */
static const char fixed_columns[] =
    "id, name, is_group, is_disabled, password IS NOT NULL, totp_secret IS NOT NULL, "
    "created, changed, last_login";
enum { FIXED_COLUMNS = 9 };

static const char *
noun(enum store_kind kind)
{
    return kind == STORE_GROUP ? "group" : "account";
}

/* ---- reading ---- */

static void
put_select(struct buf *sql)
{
    buf_printf(sql, "SELECT %s", fixed_columns);
    for (size_t i = 0; i < MEMBER_IDS; i++)
        buf_printf(sql, ", %s", account_members[i].column);
    buf_put_str(sql, " FROM account WHERE is_group = ?1");
}

/* Prepare what was built; a buf too small is our own mistake. */
static void
begin_built(struct statement *q, struct store *s, struct buf *sql, struct fault *why)
{
    const char *text = buf_cstr(sql);
    if (text)
        statement_begin(q, s, text, why);
    else
        *q = (struct statement){.store = s,
                                .why = why,
                                .err = fault_set(why, buf_err(sql), 0, "out of memory")};
    buf_clear(sql);
}

static void
load_member(struct statement *q, int column, const struct account_member *m,
            struct account_record *r)
{
    if (statement_is_null(q, column))
        return;
    enum err err;
    if (m->kind == MEMBER_TEXT)
        err = account_member_load_text(m, r, statement_text(q, column), q->why);
    else
        err = account_member_load_number(m, r, statement_int(q, column), q->why);
    if (err != ERR_NONE)
        statement_fail(q, err);
}

static int64_t
load_time(struct statement *q, int column)
{
    return statement_is_null(q, column) ? ACCOUNT_UNSET : statement_int(q, column);
}

static void
load_record(struct statement *q, struct account_record *r)
{
    const char *name = statement_text(q, 1);
    if (!user_name_is_valid(bytes_str(name))) {
        statement_fail(q, fault_set(q->why, ERR_PROTO, 0, "%.120s: a name not allowed",
                                    q->store->path));
        return;
    }
    account_record_init(r, statement_int(q, 2) != 0, name);
    r->id = statement_int(q, 0);
    r->is_disabled = statement_int(q, 3) != 0;
    r->has_password = statement_int(q, 4) != 0;
    r->has_totp = statement_int(q, 5) != 0;
    r->created = load_time(q, 6);
    r->changed = load_time(q, 7);
    r->last_login = load_time(q, 8);
    for (int i = 0; i < MEMBER_IDS; i++)
        load_member(q, FIXED_COLUMNS + i, &account_members[i], r);
}

enum err
store_get(struct store *s, enum store_kind kind, struct bytes name,
          struct account_record *r, struct fault *why)
{
    struct statement q;
    struct buf sql;
    if (!user_name_is_valid(name))
        return fault_set(why, ERR_AUTH, 0, "not a name that an %s can have",
                         "account or a group");
    buf_init(&sql, SQL_MAX);
    put_select(&sql);
    buf_put_str(&sql, " AND name = ?2");
    begin_built(&q, s, &sql, why);
    statement_bind_int(&q, kind);
    statement_bind_text(&q, name);
    if (statement_step(&q))
        load_record(&q, r);
    else if (q.err == ERR_NONE)
        statement_fail(&q, fault_set(why, ERR_AUTH, 0, "there is no %s %.*s", noun(kind),
                                     (int)name.n, (const char *)name.p));
    return statement_end(&q);
}

enum err
store_effective(struct store *s, struct bytes name, struct account_record *r,
                struct fault *why)
{
    enum err err = store_get(s, STORE_ACCOUNT, name, r, why);
    if (err || !r->group[0])
        return err;
    struct account_record *group = malloc(sizeof *group);
    if (!group)
        return fault_set(why, ERR_NOMEM, 0, "out of memory");
    /* Without its group an account would have no limits: refused instead. */
    err = store_get(s, STORE_GROUP, bytes_str(r->group), group, why);
    if (err == ERR_NONE)
        account_record_inherit(r, group);
    free(group);
    return err;
}

enum err
store_list(struct store *s, enum store_kind kind,
           enum err (*visit)(void *ctx, const struct account_record *r), void *ctx,
           struct fault *why)
{
    struct statement q;
    struct buf sql;
    struct account_record *r = malloc(sizeof *r);
    if (!r)
        return fault_set(why, ERR_NOMEM, 0, "out of memory");
    buf_init(&sql, SQL_MAX);
    put_select(&sql);
    buf_put_str(&sql, " ORDER BY name");
    begin_built(&q, s, &sql, why);
    statement_bind_int(&q, kind);
    while (statement_step(&q)) {
        load_record(&q, r);
        if (q.err == ERR_NONE)
            statement_fail(&q, visit(ctx, r));
    }
    free(r);
    return statement_end(&q);
}

/* ---- writing ---- */

static void
bind_member(struct statement *q, const struct account_member *m,
            const struct account_record *r)
{
    if (!account_member_is_set(m, r))
        statement_bind_null(q);
    else if (m->kind == MEMBER_TEXT)
        statement_bind_text(q, bytes_str(account_member_text(m, r)));
    else
        statement_bind_int(q, account_member_number(m, r));
}

/* Every value is checked here again, whoever made the record. */
static enum err
check_members(const struct account_record *r, struct fault *why)
{
    struct account_record *copy = malloc(sizeof *copy);
    if (!copy)
        return fault_set(why, ERR_NOMEM, 0, "out of memory");
    enum err err = ERR_NONE;
    for (size_t i = 0; i < MEMBER_IDS && err == ERR_NONE; i++) {
        const struct account_member *m = &account_members[i];
        if (!account_member_is_set(m, r))
            continue;
        err = m->kind == MEMBER_TEXT
                  ? account_member_load_text(m, copy, account_member_text(m, r), why)
                  : account_member_load_number(m, copy, account_member_number(m, r), why);
    }
    free(copy);
    return err;
}

/* Inside the transaction that writes, so that the group cannot go meanwhile. */
static enum err
check_group(struct store *s, const struct account_record *r, struct fault *why)
{
    struct statement q;
    if (!r->group[0])
        return ERR_NONE;
    if (r->is_group)
        return fault_set(why, ERR_PROTO, 0, "a group cannot be in a group");
    statement_begin(&q, s, "SELECT 1 FROM account WHERE is_group = 1 AND name = ?1", why);
    statement_bind_text(&q, bytes_str(r->group));
    if (!statement_step(&q) && q.err == ERR_NONE)
        statement_fail(&q, fault_set(why, ERR_AUTH, 0, "there is no group %s", r->group));
    return statement_end(&q);
}

static enum err
check_is_new(struct store *s, const struct account_record *r, struct fault *why)
{
    struct statement q;
    statement_begin(&q, s, "SELECT 1 FROM account WHERE is_group = ?1 AND name = ?2",
                    why);
    statement_bind_int(&q, r->is_group);
    statement_bind_text(&q, bytes_str(r->name));
    if (statement_step(&q))
        statement_fail(&q, fault_set(why, ERR_LIMIT, 0, "%s %s exists already",
                                     noun(r->is_group ? STORE_GROUP : STORE_ACCOUNT),
                                     r->name));
    return statement_end(&q);
}

static enum err
insert(struct store *s, struct account_record *r, int64_t now, struct fault *why)
{
    struct statement q;
    struct buf sql;
    buf_init(&sql, SQL_MAX);
    buf_put_str(&sql,
                "INSERT INTO account (name, is_group, is_disabled, created, changed");
    for (size_t i = 0; i < MEMBER_IDS; i++)
        buf_printf(&sql, ", %s", account_members[i].column);
    buf_put_str(&sql, ") VALUES (?1, ?2, ?3, ?4, ?5");
    for (int i = 0; i < MEMBER_IDS; i++)
        buf_printf(&sql, ", ?%d", 6 + i);
    buf_put_str(&sql, ")");
    begin_built(&q, s, &sql, why);
    statement_bind_text(&q, bytes_str(r->name));
    statement_bind_int(&q, r->is_group);
    statement_bind_int(&q, r->is_disabled);
    statement_bind_int(&q, now);
    statement_bind_int(&q, now);
    for (size_t i = 0; i < MEMBER_IDS; i++)
        bind_member(&q, &account_members[i], r);
    enum err err = statement_run(&q, NULL);
    if (err == ERR_NONE) {
        r->id = sqlite3_last_insert_rowid(s->db);
        r->created = r->changed = now;
    }
    return err;
}

enum err
store_add(struct store *s, struct account_record *r, int64_t now, struct fault *why)
{
    if (!user_name_is_valid(bytes_str(r->name)))
        return fault_set(why, ERR_PROTO, 0,
                         "not a name: 1 to %d of the characters A-Z a-z 0-9 . _ @ + -, "
                         "beginning with neither - nor .",
                         ACCOUNT_NAME_MAX);
    enum err err = check_members(r, why);
    if (err == ERR_NONE)
        err = transaction_begin(s, why);
    if (err)
        return err;
    err = check_is_new(s, r, why);
    if (err == ERR_NONE)
        err = check_group(s, r, why);
    if (err == ERR_NONE)
        err = insert(s, r, now, why);
    return transaction_end(s, err, why);
}

static enum err
update(struct store *s, const struct account_record *r, uint64_t members, int64_t now,
       struct fault *why)
{
    struct statement q;
    struct buf sql;
    int64_t n_changed;
    int n = 2; /* ?1: id, ?2: now */
    buf_init(&sql, SQL_MAX);
    buf_put_str(&sql, "UPDATE account SET changed = ?2");
    for (size_t i = 0; i < MEMBER_IDS; i++)
        if (members & MEMBER_BIT(i))
            buf_printf(&sql, ", %s = ?%d", account_members[i].column, ++n);
    if (members & MEMBER_BIT_DISABLED)
        buf_printf(&sql, ", is_disabled = ?%d", ++n);
    buf_put_str(&sql, " WHERE id = ?1");
    begin_built(&q, s, &sql, why);
    statement_bind_int(&q, r->id);
    statement_bind_int(&q, now);
    for (size_t i = 0; i < MEMBER_IDS; i++)
        if (members & MEMBER_BIT(i))
            bind_member(&q, &account_members[i], r);
    if (members & MEMBER_BIT_DISABLED)
        statement_bind_int(&q, r->is_disabled);
    enum err err = statement_run(&q, &n_changed);
    if (err == ERR_NONE && n_changed == 0)
        err = fault_set(why, ERR_AUTH, 0, "%s is gone", r->name);
    return err;
}

enum err
store_update(struct store *s, const struct account_record *r, uint64_t members,
             int64_t now, struct fault *why)
{
    enum err err = check_members(r, why);
    if (err == ERR_NONE)
        err = transaction_begin(s, why);
    if (err)
        return err;
    if (members & MEMBER_BIT(MEMBER_ID_GROUP))
        err = check_group(s, r, why);
    if (err == ERR_NONE)
        err = update(s, r, members, now, why);
    return transaction_end(s, err, why);
}

/* ---- deleting ---- */

static enum err
check_has_no_members(struct store *s, struct bytes group, struct fault *why)
{
    struct statement q;
    statement_begin(&q, s, "SELECT count(*) FROM account WHERE group_name = ?1", why);
    statement_bind_text(&q, group);
    int64_t n = statement_step(&q) ? statement_int(&q, 0) : 0;
    if (n != 0 && q.err == ERR_NONE)
        statement_fail(&q,
                       fault_set(why, ERR_LIMIT, 0, "group %.*s still has %lld accounts",
                                 (int)group.n, (const char *)group.p, (long long)n));
    return statement_end(&q);
}

/* Its marks stay: a session that is still there charges somebody who is gone. */
static enum err
delete_usage(struct store *s, struct bytes name, struct fault *why)
{
    struct statement q;
    statement_begin(&q, s, "DELETE FROM usage WHERE kind = ?1 AND name = ?2", why);
    statement_bind_int(&q, USAGE_VIRTUAL);
    statement_bind_text(&q, name);
    return statement_run(&q, NULL);
}

static enum err
delete_row(struct store *s, enum store_kind kind, struct bytes name, struct fault *why)
{
    struct statement q;
    int64_t n_changed;
    statement_begin(&q, s, "DELETE FROM account WHERE is_group = ?1 AND name = ?2", why);
    statement_bind_int(&q, kind);
    statement_bind_text(&q, name);
    enum err err = statement_run(&q, &n_changed);
    if (err == ERR_NONE && n_changed == 0)
        err = fault_set(why, ERR_AUTH, 0, "there is no %s %.*s", noun(kind), (int)name.n,
                        (const char *)name.p);
    return err;
}

enum err
store_delete(struct store *s, enum store_kind kind, struct bytes name, struct fault *why)
{
    if (!user_name_is_valid(name))
        return fault_set(why, ERR_AUTH, 0, "there is no %s of that name", noun(kind));
    enum err err = transaction_begin(s, why);
    if (err)
        return err;
    err = kind == STORE_GROUP ? check_has_no_members(s, name, why)
                              : delete_usage(s, name, why);
    if (err == ERR_NONE)
        err = delete_row(s, kind, name, why);
    return transaction_end(s, err, why);
}

/* ---- logins ---- */

enum err
store_note_login(struct store *s, int64_t id, int64_t now, struct fault *why)
{
    struct statement q;
    enum err err = store_set_durable(s, false, why);
    if (err)
        return err;
    statement_begin(&q, s, "UPDATE account SET last_login = ?2 WHERE id = ?1", why);
    statement_bind_int(&q, id);
    statement_bind_int(&q, now);
    err = statement_run(&q, NULL);
    struct fault ignored = {0};
    enum err restored = store_set_durable(s, true, err ? &ignored : why);
    return err ? err : restored;
}
