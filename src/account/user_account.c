/* `ferryd user add|set|disable|enable|del` and the same of groups. */
#include <stdlib.h>

#include "account/password.h"
#include "account/user_part.h"

/* The record that the options made, under the name of operand 0. */
static void
name_record(struct user_call *call, bool is_group)
{
    call->record.is_group = is_group;
    snprintf(call->record.name, sizeof call->record.name, "%s", call->operands.text[0]);
}

/* ---- add ---- */

static enum err
check_name(const char *name, struct fault *why)
{
    struct bytes text = bytes_str(name);
    return text.n <= ACCOUNT_NAME_MAX
               ? ERR_NONE
               : fault_set(why, ERR_PROTO, 0, "the name is longer than %d octets",
                           ACCOUNT_NAME_MAX);
}

static enum err
make_root(struct user_call *call, struct fault *why)
{
    bool is_made;
    struct account_record *r = malloc(sizeof *r);
    if (!r)
        return fault_set(why, ERR_NOMEM, 0, "out of memory");
    enum err err =
        store_effective(call->store, bytes_str(call->operands.text[0]), r, why);
    if (err == ERR_NONE && !r->root[0])
        err = fault_set(why, ERR_PROTO, 0,
                        "%s has no root directory: use --root DIR, or --group of a group "
                        "that has one",
                        r->name);
    if (err == ERR_NONE && call->creates_root)
        err = user_make_root(call, r, "", &is_made, why);
    free(r);
    return err;
}

static enum err
add_keys(struct user_call *call, unsigned *n_added, struct fault *why)
{
    enum err err = ERR_NONE;
    for (size_t i = 0; i < call->keys.n && err == ERR_NONE; i++)
        err = user_add_keys(call, call->record.id, call->keys.text[i], n_added, why);
    return err;
}

/* All of it or nothing; the root is made last, as that cannot be taken back. */
static enum err
add_in_transaction(struct user_call *call, struct bytes password, unsigned *n_keys,
                   struct fault *why)
{
    enum err err = store_begin(call->store, why);
    if (err)
        return err;
    err = store_add(call->store, &call->record, call->now, why);
    if (err == ERR_NONE && password.n != 0)
        err = user_store_password(call, &call->record, password, why);
    if (err == ERR_NONE)
        err = add_keys(call, n_keys, why);
    if (err == ERR_NONE)
        err = make_root(call, why);
    if (err == ERR_NONE)
        return store_commit(call->store, why);
    store_rollback(call->store);
    return err;
}

enum err
user_add(struct user_call *call, struct fault *why)
{
    struct secret password = {0};
    unsigned n_keys = 0;
    enum err err = check_name(call->operands.text[0], why);
    if (err)
        return err;
    name_record(call, false);
    err = user_take_password(call, call->record.name, &password, why);
    if (err == ERR_NONE)
        err = add_in_transaction(call, secret_bytes(&password), &n_keys, why);
    if (err == ERR_NONE)
        user_tell(call, "added", call->record.name,
                  password.n || n_keys ? "added"
                                       : "added; nobody can log in before it has a "
                                         "password or a key");
    secret_clear(&password);
    return err;
}

enum err
user_group_add(struct user_call *call, struct fault *why)
{
    enum err err = check_name(call->operands.text[0], why);
    if (err)
        return err;
    name_record(call, true);
    err = store_add(call->store, &call->record, call->now, why);
    if (err == ERR_NONE)
        user_tell(call, "group_added", call->record.name, "group added");
    return err;
}

/* ---- set ---- */

static enum err
unset_member(struct user_call *call, const char *name, struct fault *why)
{
    for (size_t i = 0; i < MEMBER_IDS; i++) {
        const struct account_member *m = &account_members[i];
        if (strcmp(m->name, name) != 0)
            continue;
        if (call->members & MEMBER_BIT(i))
            return fault_set(why, ERR_PROTO, 0, "--%s is both set and unset", name);
        account_member_unset(m, &call->record);
        call->members |= MEMBER_BIT(i);
        return ERR_NONE;
    }
    return fault_set(why, ERR_PROTO, 0, "--unset %.40s: there is no such option", name);
}

static enum err
set(struct user_call *call, enum store_kind kind, struct fault *why)
{
    enum err err = ERR_NONE;
    struct account_record *old = malloc(sizeof *old);
    if (!old)
        return fault_set(why, ERR_NOMEM, 0, "out of memory");
    for (size_t i = 0; i < call->unset.n && err == ERR_NONE; i++)
        err = unset_member(call, call->unset.text[i], why);
    if (err == ERR_NONE && call->members == 0 && !call->creates_root)
        err = fault_set(why, ERR_PROTO, 0,
                        "nothing is to be changed; see \"user %s "
                        "--help\"",
                        call->command->name);
    if (err == ERR_NONE)
        err = store_get(call->store, kind, bytes_str(call->operands.text[0]), old, why);
    if (err == ERR_NONE) {
        name_record(call, kind == STORE_GROUP);
        call->record.id = old->id;
        err = store_update(call->store, &call->record, call->members, call->now, why);
    }
    free(old);
    return err;
}

enum err
user_set(struct user_call *call, struct fault *why)
{
    enum err err = set(call, STORE_ACCOUNT, why);
    if (err == ERR_NONE && call->creates_root)
        err = make_root(call, why);
    if (err == ERR_NONE)
        user_tell(call, "changed", call->record.name, "changed");
    return err;
}

enum err
user_group_set(struct user_call *call, struct fault *why)
{
    enum err err = set(call, STORE_GROUP, why);
    if (err == ERR_NONE)
        user_tell(call, "group_changed", call->record.name, "group changed");
    return err;
}

static enum err
set_disabled(struct user_call *call, bool is_disabled, struct fault *why)
{
    enum err err = user_find(call, &call->record, why);
    if (err)
        return err;
    call->record.is_disabled = is_disabled;
    return store_update(call->store, &call->record, MEMBER_BIT_DISABLED, call->now, why);
}

enum err
user_disable(struct user_call *call, struct fault *why)
{
    enum err err = set_disabled(call, true, why);
    if (err == ERR_NONE)
        user_tell(call, "disabled", call->record.name,
                  "disabled; who is logged in stays until \"ferryd session kill\"");
    return err;
}

enum err
user_enable(struct user_call *call, struct fault *why)
{
    enum err err = set_disabled(call, false, why);
    if (err == ERR_NONE)
        user_tell(call, "enabled", call->record.name, "enabled");
    return err;
}

/* ---- del ---- */

enum err
user_del(struct user_call *call, struct fault *why)
{
    const char *name = call->operands.text[0];
    enum err err = store_delete(call->store, STORE_ACCOUNT, bytes_str(name), why);
    if (err == ERR_NONE)
        user_tell(call, "deleted", name, "deleted; its files are where they were");
    return err;
}

enum err
user_group_del(struct user_call *call, struct fault *why)
{
    const char *name = call->operands.text[0];
    enum err err = store_delete(call->store, STORE_GROUP, bytes_str(name), why);
    if (err == ERR_NONE)
        user_tell(call, "group_deleted", name, "group deleted");
    return err;
}
