/* `ferryd user list|show` and the same of groups: for people, or as JSON. */
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "account/user_part.h"
#include "base/json.h"

enum {
    LINE_MAX_OCTETS = 65536,
    TIME_COLUMN = 25, /* "2026-11-22 21:54:25 UTC" and two blanks */
};

static void
print(struct buf *line)
{
    fwrite(line->p, 1, line->n, stdout);
    buf_reset(line);
}

static void
put_time(struct buf *out, int64_t t)
{
    char text[32];
    struct tm tm;
    time_t seconds = (time_t)t;
    if (t == ACCOUNT_UNSET)
        buf_put_str(out, "never");
    else if (gmtime_r(&seconds, &tm) &&
             strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &tm) != 0)
        buf_put_str(out, text);
    else
        buf_printf(out, "%" PRId64, t);
}

/* ---- JSON ---- */

static void
json_member(struct buf *line, const struct account_member *m,
            const struct account_record *r)
{
    if (!account_member_is_set(m, r))
        return;
    if (m->kind == MEMBER_TEXT)
        json_text(line, m->name, bytes_str(account_member_text(m, r)));
    else if (m->kind == MEMBER_FLAG)
        json_bool(line, m->name, account_member_number(m, r) != 0);
    else if (m->kind == MEMBER_OCTAL) {
        char octal[32];
        snprintf(octal, sizeof octal, "%03" PRIo64,
                 (uint64_t)account_member_number(m, r));
        json_text(line, m->name, bytes_str(octal));
    } else
        json_number(line, m->name, (uint64_t)account_member_number(m, r));
}

static void
json_time(struct buf *line, const char *key, int64_t t)
{
    if (t != ACCOUNT_UNSET)
        json_number(line, key, (uint64_t)t);
}

static void
json_record(struct buf *line, const struct account_record *r)
{
    json_begin(line, r->is_group ? "group" : "account");
    json_text(line, "name", bytes_str(r->name));
    json_bool(line, "disabled", r->is_disabled);
    if (!r->is_group) {
        json_bool(line, "has-password", r->has_password);
        json_bool(line, "has-totp", r->has_totp);
        json_time(line, "last-login", r->last_login);
    }
    json_time(line, "created", r->created);
    json_time(line, "changed", r->changed);
    for (size_t i = 0; i < MEMBER_IDS; i++)
        json_member(line, &account_members[i], r);
}

/* The names of the members that come from the group, with commas between. */
static void
json_origin(struct buf *line, const struct account_record *own,
            const struct account_record *effective)
{
    struct buf names;
    buf_init(&names, 1024);
    for (size_t i = 0; i < MEMBER_IDS; i++) {
        const struct account_member *m = &account_members[i];
        if (account_member_is_set(m, effective) && !account_member_is_set(m, own))
            buf_printf(&names, "%s%s", names.n ? "," : "", m->name);
    }
    json_text(line, "from-group", buf_bytes(&names));
    buf_clear(&names);
}

/* ---- list ---- */

struct listing {
    const struct user_call *call;
    struct buf line;
};

static enum err
list_one(void *ctx, const struct account_record *r)
{
    struct listing *l = ctx;
    if (l->call->is_json) {
        json_record(&l->line, r);
        json_end(&l->line);
    } else {
        buf_printf(&l->line, "%-20s %-8s %-12s ", r->name,
                   r->is_disabled ? "disabled" : "enabled", r->group[0] ? r->group : "-");
        size_t from = l->line.n;
        if (!r->is_group)
            put_time(&l->line, r->last_login);
        int pad = r->is_group ? 0 : TIME_COLUMN - (int)(l->line.n - from);
        buf_printf(&l->line, "%*s%s\n", pad > 0 ? pad : 0, "", r->root);
    }
    print(&l->line);
    return ERR_NONE;
}

static enum err
list(struct user_call *call, enum store_kind kind, struct fault *why)
{
    struct listing l = {.call = call};
    buf_init(&l.line, LINE_MAX_OCTETS);
    if (!call->is_json)
        fputs(kind == STORE_GROUP ? "GROUP                STATE    -            ROOT\n"
                                  : "NAME                 STATE    GROUP        "
                                    "LAST LOGIN               ROOT\n",
              stdout);
    enum err err = store_list(call->store, kind, list_one, &l, why);
    buf_clear(&l.line);
    return err;
}

enum err
user_list(struct user_call *call, struct fault *why)
{
    return list(call, STORE_ACCOUNT, why);
}

enum err
user_group_list(struct user_call *call, struct fault *why)
{
    return list(call, STORE_GROUP, why);
}

/* ---- show ---- */

static void
put_origin(struct buf *line, const struct account_member *m,
           const struct account_record *own, const struct account_record *effective)
{
    if (account_member_is_set(m, own))
        buf_put_str(line, "own");
    else if (account_member_is_set(m, effective))
        buf_printf(line, "group %s", own->group);
    else
        buf_put_str(line, "configuration");
}

/* Of several lines (permissions) each stands for itself. */
static void
show_member(struct buf *line, const struct account_member *m,
            const struct account_record *own, const struct account_record *effective)
{
    struct buf value;
    buf_init(&value, ACCOUNT_RIGHTS_MAX + 64);
    account_member_put(m, effective, &value);
    const char *text = buf_cstr(&value);
    for (const char *at = text ? text : "";;) {
        size_t n = strcspn(at, "\n");
        buf_printf(line, "%-16s %-40.*s (", m->name, n ? (int)n : 1, n ? at : "-");
        put_origin(line, m, own, effective);
        buf_put_str(line, ")\n");
        if (!at[n])
            break;
        at += n + 1;
    }
    buf_clear(&value);
}

static enum err
show_keys(void *ctx, const struct store_key *key)
{
    struct listing *l = ctx;
    struct bytes line = key->line;
    size_t shown = line.n > 24 ? 24 : 0; /* the end tells more: the comment */
    const char *tail = (const char *)line.p + line.n - (shown ? shown : line.n);
    buf_printf(&l->line, "key %-12u %s  ...%.*s\n", key->index, key->fingerprint,
               (int)(shown ? shown : line.n), tail);
    return ERR_NONE;
}

static void
show_facts(struct buf *line, const struct account_record *own,
           const struct account_record *effective)
{
    buf_printf(line, "%-16s %s\n", own->is_group ? "group" : "account", own->name);
    buf_printf(line, "%-16s %s\n", "state",
               own->is_disabled         ? "disabled"
               : effective->is_disabled ? "disabled, as its group"
                                        : "enabled");
    if (!own->is_group) {
        buf_printf(line, "%-16s %s\n", "password", own->has_password ? "set" : "none");
        buf_printf(line, "%-16s %s\n", "one-time codes",
                   own->has_totp ? "asked for" : "no");
        buf_printf(line, "%-16s ", "last login");
        put_time(line, own->last_login);
        buf_put_u8(line, '\n');
    }
    buf_printf(line, "%-16s ", "created");
    put_time(line, own->created);
    buf_printf(line, "\n%-16s ", "changed");
    put_time(line, own->changed);
    buf_put_u8(line, '\n');
}

static void
show_usage(struct buf *line, const struct usage_state *usage)
{
    buf_printf(line, "%-16s %" PRIu64 " octets, %" PRIu64 " files%s\n", "used",
               usage->octets, usage->files,
               usage->needs_recount ? " (counted anew at the next login)" : "");
}

static enum err
show(struct user_call *call, const struct account_record *own,
     const struct account_record *effective, struct fault *why)
{
    struct listing l = {.call = call};
    struct usage_owner owner = {.kind = USAGE_VIRTUAL};
    struct usage_state usage = {0};
    snprintf(owner.name, sizeof owner.name, "%s", own->name);
    enum err err =
        own->is_group ? ERR_NONE : store_usage(call->store, &owner, &usage, why);
    if (err)
        return err;
    buf_init(&l.line, LINE_MAX_OCTETS);
    if (call->is_json) {
        json_record(&l.line, effective);
        json_origin(&l.line, own, effective);
        if (!own->is_group) {
            json_number(&l.line, "used-octets", usage.octets);
            json_number(&l.line, "used-files", usage.files);
            json_bool(&l.line, "needs-recount", usage.needs_recount);
        }
        json_end(&l.line);
    } else {
        show_facts(&l.line, own, effective);
        for (size_t i = 0; i < MEMBER_IDS; i++)
            show_member(&l.line, &account_members[i], own, effective);
        if (!own->is_group)
            show_usage(&l.line, &usage);
        err = store_key_list(call->store, own->id, show_keys, &l, why);
    }
    print(&l.line);
    buf_clear(&l.line);
    return err;
}

enum err
user_show(struct user_call *call, struct fault *why)
{
    struct bytes name = bytes_str(call->operands.text[0]);
    struct account_record *own = malloc(2 * sizeof *own);
    if (!own)
        return fault_set(why, ERR_NOMEM, 0, "out of memory");
    enum err err = store_get(call->store, STORE_ACCOUNT, name, own, why);
    if (err == ERR_NONE)
        err = store_effective(call->store, name, own + 1, why);
    if (err == ERR_NONE)
        err = show(call, own, own + 1, why);
    free(own);
    return err;
}

enum err
user_group_show(struct user_call *call, struct fault *why)
{
    struct account_record *r = &call->record;
    enum err err =
        store_get(call->store, STORE_GROUP, bytes_str(call->operands.text[0]), r, why);
    return err ? err : show(call, r, r, why);
}
