/* See login_rules.h. */
#include "daemon/login_rules.h"

#include "base/address.h"
#include "base/pattern.h"

/* ---- AllowUsers, DenyUsers, AllowGroups, DenyGroups ---- */

bool
login_user_matches(const char *pattern, const char *user, const char *address)
{
    struct bytes whole = bytes_str(pattern), name = bytes_str(user);
    /* Names of ours may hold an @ themselves. */
    if (pattern_match(whole, name, PATTERN_EXACT))
        return true;
    const char *at = strrchr(pattern, '@');
    if (!at || !address)
        return false;
    return pattern_match(bytes_of(pattern, (size_t)(at - pattern)), name,
                         PATTERN_EXACT) &&
           from_list_match(bytes_str(at + 1), bytes_str(address), (struct bytes){0}) ==
               PATTERN_YES;
}

static bool
is_user_listed(const struct login_rules *r, const struct server_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        if (login_user_matches(list->item[i], r->user, r->address))
            return true;
    return false;
}

static bool
is_group_listed(const struct login_rules *r, const struct server_list *list)
{
    const char *name = r->facts->group_names;
    for (uint32_t g = 0; g < r->facts->n_group_names; g++, name += strlen(name) + 1)
        for (size_t i = 0; i < list->n; i++)
            if (pattern_match(bytes_str(list->item[i]), bytes_str(name), PATTERN_EXACT))
                return true;
    return false;
}

static const char *
check_lists(const struct login_rules *r)
{
    const struct server_options *o = r->options;
    if (is_user_listed(r, &o->deny_users))
        return "listed in DenyUsers";
    if (o->allow_users.n != 0 && !is_user_listed(r, &o->allow_users))
        return "not listed in AllowUsers";
    if (is_group_listed(r, &o->deny_groups))
        return "a group is listed in DenyGroups";
    if (o->allow_groups.n != 0 && r->facts->n_group_names == 0)
        return "not in any group";
    if (o->allow_groups.n != 0 && !is_group_listed(r, &o->allow_groups))
        return "none of user's groups are listed in AllowGroups";
    return NULL;
}

/* ---- the account itself ---- */

static const char *
check_system(const struct login_rules *r)
{
    const struct steward_facts *f = r->facts;
    if (f->has_ids && f->uid == 0 && r->options->permit_root_login == ROOT_LOGIN_NO)
        return "root may not log in (PermitRootLogin no)";
    if (!f->is_shell_usable)
        return "its shell does not exist or is not executable";
    /* With PAM it is PAM that knows about these. */
    if (!r->options->use_pam && f->is_locked)
        return "account is locked";
    if (!r->options->use_pam && f->is_expired)
        return "account has expired";
    if (f->is_nologin)
        return "/etc/nologin exists";
    return NULL;
}

static const char *
check_virtual(const struct login_rules *r)
{
    const struct account_record *a = &r->facts->account;
    if (a->is_disabled)
        return "the account is disabled";
    if (a->expires != ACCOUNT_UNSET && r->now > a->expires)
        return "the account has expired";
    if (!a->networks[0] || !r->address)
        return NULL;
    if (cidr_list_match(bytes_str(a->networks), bytes_str(r->address)) != PATTERN_YES)
        return "the address is not in the account's networks";
    return NULL;
}

enum err
login_rules_check(const struct login_rules *r, struct fault *why)
{
    const char *reason = NULL;
    if (r->facts->kind == STEWARD_SYSTEM)
        reason = check_system(r);
    else if (r->facts->kind == STEWARD_VIRTUAL)
        reason = check_virtual(r);
    else
        reason = "there is no such account";
    if (!reason)
        reason = check_lists(r);
    return reason ? fault_set(why, ERR_AUTH, 0, "%s", reason) : ERR_NONE;
}
