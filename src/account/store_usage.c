/*
 * How much of its quota each account uses.
 *
 * A session that charges leaves a mark (a row of `lease`). It goes when the
 * session ends well, having given back what it did not use; found later, by
 * store_usage_abandon or at the next start, it says that the sum may be wrong, and
 * the tree is counted again. So only the mark has to reach the disk before the
 * first charge, not every charge: the log keeps their order, and whichever were
 * lost in a power cut, the mark before them was not.
 */
#include "account/store_impl.h"

#include "account/name.h"

/* ---- statements that begin with an owner or end with a session ---- */

static void
bind_owner(struct statement *q, const struct usage_owner *owner)
{
    statement_bind_int(q, owner->kind);
    statement_bind_text(q, bytes_str(owner->name));
}

static void
bind_session(struct statement *q, const struct usage_session *session)
{
    statement_bind_int(q, (int64_t)session->instance);
    statement_bind_int(q, (int64_t)session->connection);
}

static enum err
check_owner(const struct usage_owner *owner, struct fault *why)
{
    if (user_name_is_valid(bytes_str(owner->name)) &&
        (owner->kind == USAGE_VIRTUAL || owner->kind == USAGE_SYSTEM))
        return ERR_NONE;
    return fault_set(why, ERR_PROTO, 0, "not an owner of usage");
}

/* ---- asking ---- */

enum err
store_usage(struct store *s, const struct usage_owner *owner, struct usage_state *state,
            struct fault *why)
{
    struct statement q;
    *state = (struct usage_state){.needs_recount = true};
    enum err err = check_owner(owner, why);
    if (err)
        return err;
    statement_begin(&q, s,
                    "SELECT octets, files, changes, needs_recount FROM usage "
                    "WHERE kind = ?1 AND name = ?2",
                    why);
    bind_owner(&q, owner);
    if (statement_step(&q)) {
        state->octets = (uint64_t)statement_int(&q, 0);
        state->files = (uint64_t)statement_int(&q, 1);
        state->changes = (uint64_t)statement_int(&q, 2);
        state->needs_recount = statement_int(&q, 3) != 0;
    }
    return statement_end(&q);
}

static enum err
has_lease(struct store *s, const struct usage_session *session, bool *has,
          struct fault *why)
{
    struct statement q;
    statement_begin(&q, s, "SELECT 1 FROM lease WHERE instance = ?1 AND connection = ?2",
                    why);
    bind_session(&q, session);
    *has = statement_step(&q);
    return statement_end(&q);
}

/* ---- charging ---- */

static enum err
add_lease(struct store *s, const struct usage_charge *c, struct fault *why)
{
    struct statement q;
    statement_begin(&q, s,
                    "INSERT INTO lease (instance, connection, kind, name) "
                    "VALUES (?1, ?2, ?3, ?4)",
                    why);
    bind_session(&q, &c->session);
    bind_owner(&q, &c->owner);
    return statement_run(&q, NULL);
}

static enum err
add_owner(struct store *s, const struct usage_owner *owner, struct fault *why)
{
    struct statement q;
    statement_begin(&q, s, "INSERT OR IGNORE INTO usage (kind, name) VALUES (?1, ?2)",
                    why);
    bind_owner(&q, owner);
    return statement_run(&q, NULL);
}

/* The comparison and the sum are one statement. Limit 0: none. */
static enum err
add_up(struct store *s, const struct usage_charge *c, int64_t *n_changed,
       struct fault *why)
{
    struct statement q;
    statement_begin(&q, s,
                    "UPDATE usage SET octets = max(0, octets + ?3), "
                    "files = max(0, files + ?4), changes = changes + 1 "
                    "WHERE kind = ?1 AND name = ?2 "
                    "AND (?3 <= 0 OR ?5 = 0 OR octets + ?3 <= ?5) "
                    "AND (?4 <= 0 OR ?6 = 0 OR files + ?4 <= ?6) "
                    "AND octets + ?3 <= ?7 AND files + ?4 <= ?7",
                    why);
    bind_owner(&q, &c->owner);
    statement_bind_int(&q, c->octets);
    statement_bind_int(&q, c->files);
    statement_bind_int(&q, (int64_t)c->limits.octets);
    statement_bind_int(&q, (int64_t)c->limits.files);
    statement_bind_int(&q, INT64_MAX / 4);
    return statement_run(&q, n_changed);
}

static enum err
refuse(const struct usage_charge *c, struct usage_state *state, struct fault *why)
{
    state->is_over_files = c->files > 0 && c->limits.files != 0 &&
                           state->files + (uint64_t)c->files > c->limits.files;
    return fault_set(why, ERR_LIMIT, 0, "the quota of %s is used up", c->owner.name);
}

/* Inside a transaction. */
static enum err
charge(struct store *s, const struct usage_charge *c, bool is_marked,
       struct usage_state *state, struct fault *why)
{
    int64_t n_changed = 0;
    enum err err = is_marked ? ERR_NONE : add_lease(s, c, why);
    if (err == ERR_NONE && !is_marked)
        err = add_owner(s, &c->owner, why);
    if (err == ERR_NONE)
        err = add_up(s, c, &n_changed, why);
    if (err == ERR_NONE)
        err = store_usage(s, &c->owner, state, why);
    if (err == ERR_NONE && n_changed == 0)
        err = refuse(c, state, why);
    return err;
}

static bool
is_chargeable(int64_t x)
{
    return x >= -USAGE_CHARGE_MAX && x <= USAGE_CHARGE_MAX;
}

static enum err
charge_once(struct store *s, const struct usage_charge *c, bool is_marked,
            struct usage_state *state, struct fault *why)
{
    enum err err = transaction_begin(s, why);
    return err ? err : transaction_end(s, charge(s, c, is_marked, state, why), why);
}

enum err
store_usage_charge(struct store *s, const struct usage_charge *c,
                   struct usage_state *state, struct fault *why)
{
    bool is_marked = false;
    *state = (struct usage_state){0};
    if (!is_chargeable(c->octets) || !is_chargeable(c->files) ||
        c->limits.octets > INT64_MAX || c->limits.files > INT64_MAX)
        return fault_set(why, ERR_PROTO, 0, "not an amount that can be charged");
    enum err err = check_owner(&c->owner, why);
    if (err == ERR_NONE)
        err = has_lease(s, &c->session, &is_marked, why);
    if (err)
        return err;
    if (!is_marked)
        return charge_once(s, c, is_marked, state, why);
    err = store_set_durable(s, false, why);
    if (err == ERR_NONE)
        err = charge_once(s, c, is_marked, state, why);
    struct fault ignored = {0};
    enum err restored = store_set_durable(s, true, err ? &ignored : why);
    return err ? err : restored;
}

/* ---- sessions that end ---- */

enum err
store_usage_end(struct store *s, const struct usage_session *session, struct fault *why)
{
    struct statement q;
    statement_begin(&q, s, "DELETE FROM lease WHERE instance = ?1 AND connection = ?2",
                    why);
    bind_session(&q, session);
    return statement_run(&q, NULL);
}

static enum err
mark_for_recount(struct store *s, const struct usage_session *session, struct fault *why)
{
    struct statement q;
    statement_begin(&q, s,
                    "UPDATE usage SET needs_recount = 1, changes = changes + 1 "
                    "WHERE (kind, name) IN (SELECT kind, name FROM lease "
                    "WHERE instance = ?1 AND connection = ?2)",
                    why);
    bind_session(&q, session);
    return statement_run(&q, NULL);
}

enum err
store_usage_abandon(struct store *s, const struct usage_session *session,
                    struct fault *why)
{
    enum err err = transaction_begin(s, why);
    if (err)
        return err;
    err = mark_for_recount(s, session, why);
    if (err == ERR_NONE)
        err = store_usage_end(s, session, why);
    return transaction_end(s, err, why);
}

static bool
is_alive(uint64_t instance, const uint64_t *alive, size_t n_alive)
{
    for (size_t i = 0; i < n_alive; i++)
        if (alive[i] == instance)
            return true;
    return false;
}

/* One of a dead instance; false: there is none. */
static enum err
find_dead_session(struct store *s, const uint64_t *alive, size_t n_alive, bool *is_found,
                  struct usage_session *session, struct fault *why)
{
    struct statement q;
    *is_found = false;
    statement_begin(&q, s, "SELECT instance, connection FROM lease", why);
    while (!*is_found && statement_step(&q)) {
        session->instance = (uint64_t)statement_int(&q, 0);
        session->connection = (uint64_t)statement_int(&q, 1);
        *is_found = !is_alive(session->instance, alive, n_alive);
    }
    return statement_end(&q);
}

enum err
store_usage_recover(struct store *s, const uint64_t *alive, size_t n_alive,
                    struct fault *why)
{
    bool is_found = true;
    enum err err = transaction_begin(s, why);
    if (err)
        return err;
    while (err == ERR_NONE && is_found) {
        struct usage_session session;
        err = find_dead_session(s, alive, n_alive, &is_found, &session, why);
        if (err == ERR_NONE && is_found)
            err = store_usage_abandon(s, &session, why);
    }
    return transaction_end(s, err, why);
}

/* ---- counted ---- */

/* counted + what was charged since the count began; not below 0. */
static int64_t
brought_forward(uint64_t counted, uint64_t begun, uint64_t now)
{
    uint64_t sum = now >= begun            ? counted + (now - begun)
                   : counted > begun - now ? counted - (begun - now)
                                           : 0;
    return sum > INT64_MAX / 4 ? INT64_MAX / 4 : (int64_t)sum;
}

static enum err
has_lease_of(struct store *s, const struct usage_owner *owner, bool *has,
             struct fault *why)
{
    struct statement q;
    statement_begin(&q, s, "SELECT 1 FROM lease WHERE kind = ?1 AND name = ?2", why);
    bind_owner(&q, owner);
    *has = statement_step(&q);
    return statement_end(&q);
}

static enum err
write_count(struct store *s, const struct usage_owner *owner,
            const struct usage_state *state, struct fault *why)
{
    struct statement q;
    statement_begin(&q, s,
                    "UPDATE usage SET octets = ?3, files = ?4, needs_recount = ?5 "
                    "WHERE kind = ?1 AND name = ?2",
                    why);
    bind_owner(&q, owner);
    statement_bind_int(&q, (int64_t)state->octets);
    statement_bind_int(&q, (int64_t)state->files);
    statement_bind_int(&q, state->needs_recount);
    return statement_run(&q, NULL);
}

static enum err
set_count(struct store *s, const struct usage_owner *owner,
          const struct usage_count *count, struct usage_state *state, struct fault *why)
{
    bool is_in_use = false;
    enum err err = add_owner(s, owner, why);
    if (err == ERR_NONE)
        err = store_usage(s, owner, state, why);
    if (err == ERR_NONE)
        err = has_lease_of(s, owner, &is_in_use, why);
    if (err)
        return err;
    state->octets =
        (uint64_t)brought_forward(count->octets, count->begun.octets, state->octets);
    state->files =
        (uint64_t)brought_forward(count->files, count->begun.files, state->files);
    state->needs_recount = is_in_use || state->changes != count->begun.changes;
    return write_count(s, owner, state, why);
}

enum err
store_usage_set(struct store *s, const struct usage_owner *owner,
                const struct usage_count *count, struct usage_state *state,
                struct fault *why)
{
    *state = (struct usage_state){0};
    enum err err = check_owner(owner, why);
    if (err == ERR_NONE &&
        (count->octets > INT64_MAX / 4 || count->files > INT64_MAX / 4))
        err = fault_set(why, ERR_PROTO, 0, "not an amount that can be counted");
    if (err == ERR_NONE)
        err = transaction_begin(s, why);
    return err ? err : transaction_end(s, set_count(s, owner, count, state, why), why);
}
