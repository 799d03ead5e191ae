/* See granting.h. */
#include "daemon/granting.h"

#include <inttypes.h>
#include <stdio.h>

#include "account/name.h"
#include "base/log.h"
#include "daemon/tokens.h"
#include "vfs/vfs.h"

/* What is not said anywhere. */
enum { DEFAULT_UMASK = 022 };

/* ---- texts ---- */

static enum err
put_text(char *to, size_t size, const char *text, const char *what, struct fault *why)
{
    size_t n = text ? strlen(text) : 0;
    if (n >= size)
        return fault_set(why, ERR_LIMIT, 0, "%s: too long", what);
    memcpy(to, text ? text : "", n);
    to[n] = 0;
    return ERR_NONE;
}

/* Items of a comma-separated list, a line each. */
static void
commas_to_lines(char *text)
{
    for (; *text; text++)
        if (*text == ',')
            *text = '\n';
}

static enum err
put_lines(char *to, size_t size, const struct server_list *lines, const char *what,
          struct fault *why)
{
    size_t used = 0;
    to[0] = 0;
    for (size_t i = 0; i < lines->n; i++) {
        int n = snprintf(to + used, size - used, "%s%s", i ? "\n" : "", lines->item[i]);
        if (n < 0 || (size_t)n >= size - used)
            return fault_set(why, ERR_LIMIT, 0, "%s: too long together", what);
        used += (size_t)n;
    }
    return ERR_NONE;
}

/* ---- directories ---- */

static bool
is_given(const char *path)
{
    return path && path[0] && strcmp(path, "none") != 0;
}

/* No component may lead upwards: only ever one of a template of ours, but a
 * directory that the administrator did not mean would be shown whole. */
static bool
has_dot_dot(const char *path)
{
    for (const char *p = path; (p = strstr(p, "..")); p++)
        if ((p == path || p[-1] == '/') && (p[2] == 0 || p[2] == '/'))
            return true;
    return false;
}

static enum err
expand_root(const struct granting *g, const char *template, struct grant *grant,
            struct fault *why)
{
    char uid[16];
    struct buf path;
    bool is_system = g->facts->kind == STEWARD_SYSTEM;
    snprintf(uid, sizeof uid, "%" PRIu32, grant->uid);
    const struct token tokens[] = {
        {'u', g->user},
        {'h', is_system ? g->facts->home : NULL},
        {'U', grant->changes_ids || is_system ? uid : NULL},
    };
    buf_init(&path, sizeof grant->root - 1);
    enum err err = tokens_expand(template, tokens, ARRAY_LEN(tokens), &path, why);
    const char *text = err == ERR_NONE ? buf_cstr(&path) : NULL;
    if (err == ERR_NONE && !text)
        err = fault_set(why, ERR_LIMIT, 0, "%.120s: too long", template);
    if (err == ERR_NONE && (text[0] != '/' || has_dot_dot(text)))
        err = fault_set(why, ERR_AUTH, 0,
                        "%.120s: a root directory has to be absolute, without \"..\"",
                        text);
    if (err == ERR_NONE)
        err = put_text(grant->root, sizeof grant->root, text, "root directory", why);
    buf_clear(&path);
    return err;
}

static enum err
set_root(const struct granting *g, struct grant *grant, struct fault *why)
{
    const char *own = g->facts->kind == STEWARD_VIRTUAL ? g->facts->account.root : "";
    const char *template = own[0] ? own : g->options->chroot_directory;
    if (is_given(template)) {
        grant->is_confined = 1;
        grant->is_chroot = g->is_root;
        return expand_root(g, template, grant, why);
    }
    if (g->facts->kind == STEWARD_VIRTUAL)
        return fault_set(why, ERR_AUTH, 0,
                         "the account has no root directory (--root, ChrootDirectory)");
    return put_text(grant->root, sizeof grant->root, "/", "root directory", why);
}

/* As sshd: a chroot begins in the home directory if there is one inside, which
 * the session finds out. */
static enum err
set_places(const struct granting *g, const struct sftp_limits *limits,
           struct grant *grant, struct fault *why)
{
    struct buf start;
    const char *home =
        g->facts->kind == STEWARD_SYSTEM && g->facts->home[0] ? g->facts->home : "/";
    const struct token tokens[] = {{'d', home}, {'u', g->user}};
    enum err err = put_text(grant->home, sizeof grant->home, home, "home", why);
    buf_init(&start, sizeof grant->start - 1);
    if (err == ERR_NONE)
        err = tokens_expand(limits->start, tokens, ARRAY_LEN(tokens), &start, why);
    const char *text = err == ERR_NONE ? buf_cstr(&start) : NULL;
    if (err == ERR_NONE)
        err = text ? put_text(grant->start, sizeof grant->start, text, "start", why)
                   : fault_set(why, ERR_LIMIT, 0, "the start directory is too long");
    buf_clear(&start);
    return err;
}

/* ---- ids ---- */

static enum err
set_virtual_ids(const struct granting *g, struct grant *grant, struct fault *why)
{
    const struct account_record *a = &g->facts->account;
    int64_t uid = a->uid == ACCOUNT_UNSET ? g->virtual_uid : a->uid;
    int64_t gid = a->gid == ACCOUNT_UNSET ? g->virtual_gid : a->gid;
    /* UINT32_MAX is setresuid's "leave as it is". */
    if (uid <= 0 || gid <= 0 || uid >= UINT32_MAX || gid >= UINT32_MAX)
        return fault_set(why, ERR_AUTH, 0,
                         "a virtual account may not have uid %" PRId64 ", gid %" PRId64,
                         uid, gid);
    grant->uid = (uint32_t)uid;
    grant->gid = (uint32_t)gid;
    grant->n_groups = 1;
    grant->groups[0] = grant->gid;
    return ERR_NONE;
}

static enum err
set_ids(const struct granting *g, struct grant *grant, struct fault *why)
{
    const struct steward_facts *f = g->facts;
    grant->changes_ids = g->is_root;
    if (f->kind == STEWARD_VIRTUAL)
        return g->is_root ? set_virtual_ids(g, grant, why) : ERR_NONE;
    if (!f->has_ids || f->n_groups > GRANT_GROUPS_MAX)
        return fault_set(why, ERR_AUTH, 0, "its ids are not known");
    grant->uid = f->uid;
    grant->gid = f->gid;
    grant->n_groups = f->n_groups;
    memcpy(grant->groups, f->groups, f->n_groups * sizeof f->groups[0]);
    return ERR_NONE;
}

/* ---- numbers ---- */

/* The account's own value, else the configuration's, else none. */
static uint64_t
own_or(int64_t own, int64_t configured)
{
    int64_t value = own != ACCOUNT_UNSET ? own : configured;
    return value > 0 ? (uint64_t)value : 0;
}

static bool
switch_or(int64_t own, int configured, bool otherwise)
{
    if (own != ACCOUNT_UNSET)
        return own != 0;
    return configured != OPTION_UNSET ? configured != 0 : otherwise;
}

static uint32_t
milliseconds(int64_t seconds)
{
    enum { MOST = INT32_MAX / 1000 };
    if (seconds <= 0)
        return 0;
    return (uint32_t)(seconds > MOST ? MOST : seconds) * 1000U;
}

static uint32_t
umask_of(int64_t own, const struct granting *g, const struct sftp_limits *limits)
{
    int64_t mask = own != ACCOUNT_UNSET ? own : g->options->umask;
    if (mask == OPTION_UNSET)
        mask = limits->has_umask ? limits->umask : DEFAULT_UMASK;
    else if (limits->has_umask)
        mask |= limits->umask;
    return (uint32_t)mask & 0777U;
}

/* A system account has no record: everything in it is unset. */
static struct account_record
record_of(const struct steward_facts *facts)
{
    struct account_record r = facts->account;
    if (facts->kind == STEWARD_VIRTUAL)
        return r;
    return (struct account_record){
        .max_sessions = ACCOUNT_UNSET,
        .upload_rate = ACCOUNT_UNSET,
        .download_rate = ACCOUNT_UNSET,
        .quota_octets = ACCOUNT_UNSET,
        .quota_files = ACCOUNT_UNSET,
        .umask = ACCOUNT_UNSET,
        .is_read_only = ACCOUNT_UNSET,
        .is_atomic = ACCOUNT_UNSET,
        .is_durable = ACCOUNT_UNSET,
    };
}

static void
set_limits(const struct granting *g, const struct account_record *r,
           const struct sftp_limits *limits, struct grant *grant)
{
    const struct server_options *o = g->options;
    grant->umask = umask_of(r->umask, g, limits);
    /* Whoever says read-only is heard: the account, its keys, the configuration. */
    grant->is_read_only =
        r->is_read_only > 0 || o->is_read_only > 0 || limits->is_read_only;
    grant->is_atomic = switch_or(r->is_atomic, o->atomic_uploads, grant->is_virtual);
    grant->is_durable = switch_or(r->is_durable, o->durable_uploads, false);
    grant->max_sessions = (uint32_t)own_or(r->max_sessions, o->max_account_sessions);
    grant->upload_rate = own_or(r->upload_rate, o->upload_rate);
    grant->download_rate = own_or(r->download_rate, o->download_rate);
    grant->quota_octets = own_or(r->quota_octets, o->quota_octets);
    grant->quota_files = own_or(r->quota_files, o->quota_files);
    grant->used_octets = g->facts->usage.octets;
    grant->used_files = g->facts->usage.files;
    grant->needs_recount = g->facts->usage.needs_recount &&
                           (grant->quota_octets != 0 || grant->quota_files != 0);
}

/* sshd_config(5) LogLevel. */
static uint32_t
log_level_of(const char *word)
{
    static const struct {
        const char *word;
        enum log_level level;
    } rows[] = {
        {"QUIET", LOG_LEVEL_ERROR},  {"FATAL", LOG_LEVEL_ERROR},
        {"ERROR", LOG_LEVEL_ERROR},  {"VERBOSE", LOG_LEVEL_VERBOSE},
        {"DEBUG", LOG_LEVEL_DEBUG},  {"DEBUG1", LOG_LEVEL_DEBUG},
        {"DEBUG2", LOG_LEVEL_DEBUG}, {"DEBUG3", LOG_LEVEL_DEBUG},
    };
    for (size_t i = 0; word && i < ARRAY_LEN(rows); i++)
        if (strcasecmp(word, rows[i].word) == 0)
            return rows[i].level;
    return LOG_LEVEL_INFO;
}

static void
set_connection(const struct server_options *o, struct grant *grant)
{
    grant->log_level = log_level_of(o->log_level);
    grant->keepalive_ms = milliseconds(o->alive_interval_s);
    grant->keepalive_max = o->alive_count_max > 0 ? (uint32_t)o->alive_count_max : 0;
    grant->channels_max = o->max_sessions > 0 ? (uint32_t)o->max_sessions : 0;
    grant->channel_timeout_ms = milliseconds(o->channel_timeout_s);
    grant->unused_ms = milliseconds(o->unused_connection_timeout_s);
    grant->rekey_octets = o->rekey_octets > 0 ? (uint64_t)o->rekey_octets : 0;
    grant->rekey_ms = milliseconds(o->rekey_seconds);
    grant->wants_intents = o->events[SERVER_EVENT_UPLOAD].n != 0;
}

/* ---- rules ---- */

static enum err
set_rules(const struct granting *g, const struct account_record *r,
          const struct sftp_limits *limits, struct grant *grant, struct fault *why)
{
    const struct server_options *o = g->options;
    enum err err = r->rights[0] ? put_text(grant->rights, sizeof grant->rights, r->rights,
                                           "permissions", why)
                                : put_lines(grant->rights, sizeof grant->rights,
                                            &o->permissions, "permissions", why);
    if (err == ERR_NONE && r->refused_names[0]) {
        err = put_text(grant->refused_names, sizeof grant->refused_names,
                       r->refused_names, "refused names", why);
        commas_to_lines(grant->refused_names);
    } else if (err == ERR_NONE) {
        err = put_lines(grant->refused_names, sizeof grant->refused_names,
                        &o->refused_names, "refused names", why);
    }
    if (err == ERR_NONE)
        err = put_text(grant->allowed_requests, sizeof grant->allowed_requests,
                       limits->has_allowed ? limits->allowed : "", "-p", why);
    if (err == ERR_NONE)
        err = put_text(grant->denied_requests, sizeof grant->denied_requests,
                       limits->denied, "-P", why);
    return err;
}

/* The configuration's forced command and those of the factors, as one. */
static enum err
join_commands(const struct granting *g, struct sftp_limits *all, struct fault *why)
{
    enum err err = ERR_NONE;
    *all = (struct sftp_limits){0};
    const char *forced = is_given(g->options->force_command) ? g->options->force_command
                                                             : g->options->sftp_subsystem;
    if (is_given(forced))
        err = sftp_limits_parse(forced, all, why);
    if (err == ERR_NONE && g->limits)
        err = sftp_limits_join(all, g->limits, why);
    return err;
}

enum err
grant_make(const struct granting *g, struct grant *grant, struct fault *why)
{
    struct account_record r = record_of(g->facts);
    struct sftp_limits limits;
    memset(grant, 0, sizeof *grant);
    if (g->facts->kind == STEWARD_NOBODY || !user_name_is_valid(bytes_str(g->user)))
        return fault_set(why, ERR_AUTH, 0, "no such account");
    grant->is_virtual = g->facts->kind == STEWARD_VIRTUAL;
    enum err err = put_text(grant->user, sizeof grant->user, g->user, "name", why);
    if (err == ERR_NONE)
        err = join_commands(g, &limits, why);
    if (err == ERR_NONE)
        err = set_ids(g, grant, why);
    if (err == ERR_NONE)
        err = set_root(g, grant, why);
    if (err == ERR_NONE)
        err = set_places(g, &limits, grant, why);
    if (err == ERR_NONE)
        err = set_rules(g, &r, &limits, grant, why);
    if (err != ERR_NONE)
        return err;
    set_limits(g, &r, &limits, grant);
    set_connection(g->options, grant);
    return ERR_NONE;
}
