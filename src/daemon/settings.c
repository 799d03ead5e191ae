/* See settings.h. */
#include "daemon/settings.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/files.h"

enum { DEFAULT_PORT = 2022, DEFAULT_KEEPALIVE_S = 60, LIST_MAX = 8192 };

static enum err
set_dir(struct settings *s, struct fault *why)
{
    const char *dir = s->options->dir ? s->options->dir : ".";
    if (!realpath(dir, s->dir))
        return fault_errno(why, ERR_IO, errno, "%.160s", dir);
    return ERR_NONE;
}

/* The name that `sftp` offers by itself: that of the account we run as. */
static enum err
set_user(struct settings *s, struct fault *why)
{
    const char *name = s->options->user;
    const struct passwd *own = name ? NULL : getpwuid(geteuid());
    if (!name)
        name = own ? own->pw_name : "ferry";
    if (!user_name_is_valid(bytes_str(name)))
        return fault_set(why, ERR_PROTO, 0,
                         "--user \"%.80s\": 1 to 64 of A-Z a-z 0-9 . _ @ + - please",
                         name);
    snprintf(s->user, sizeof s->user, "%s", name);
    return ERR_NONE;
}

static const char *
list_option(const struct serve_options *o, enum algo_slot slot)
{
    switch (slot) {
    case ALGO_KEX:
        return o->kex;
    case ALGO_HOST_KEY:
        return o->host_key_algorithms;
    case ALGO_CIPHER:
        return o->ciphers;
    case ALGO_MAC:
        return o->macs;
    case ALGO_COMPRESSION:
        return o->compression ? "none,zlib@openssh.com" : "none";
    case ALGO_USER_KEY:
        return o->user_key_algorithms;
    default:
        return NULL;
    }
}

static enum err
set_list(struct settings *s, enum algo_slot slot, struct fault *why)
{
    struct buf *list = &s->lists[slot];
    const char *spec = list_option(s->options, slot);
    const char *defaults =
        algo_list((enum algo_profile)s->options->profile, ALGO_SERVER, slot);
    struct bytes bad = {0};
    enum err err = ERR_NONE;
    if (spec)
        err = algo_list_apply(slot, defaults, bytes_str(spec), list, &bad);
    else
        buf_put_str(list, defaults);
    if (err == ERR_PROTO)
        return fault_set(why, ERR_PROTO, 0, "not an algorithm of ours: \"%.*s\"",
                         (int)(bad.n < 80 ? bad.n : 80), (const char *)bad.p);
    if (err == ERR_NONE && list->n == 0)
        return fault_set(why, ERR_PROTO, 0, "no algorithm is left in \"%.80s\"",
                         spec ? spec : "");
    return buf_cstr(list) ? err : fault_set(why, ERR_NOMEM, 0, "out of memory");
}

static enum err
set_lists(struct settings *s, struct fault *why)
{
    enum err err = ERR_NONE;
    for (int slot = 0; err == ERR_NONE && slot < ALGO_SLOTS; slot++)
        err = set_list(s, (enum algo_slot)slot, why);
    return err;
}

static void
set_limits(struct settings *s)
{
    const struct serve_options *o = s->options;
    uint32_t keepalive_s = o->keepalive_s ? o->keepalive_s : DEFAULT_KEEPALIVE_S;
    s->limits = (struct conn_limits){
        .login_ms = o->login_grace_s * 1000,
        .auth_failures = o->max_auth_tries,
        .rekey_octets = o->rekey_octets,
        .keepalive_ms = keepalive_s * 1000,
    };
    /* A grace time below ten seconds bounds the first steps as well. */
    if (s->limits.login_ms != 0 && s->limits.login_ms < 10 * 1000)
        s->limits.ident_ms = s->limits.kex_ms = s->limits.login_ms;
}

static enum err
set_listen(struct settings *s, struct fault *why)
{
    static const char *const nowhere[] = {"127.0.0.1"};
    const struct option_texts *given = &s->options->listen;
    const char *const *text = given->n ? given->text : nowhere;
    s->n_listen = given->n ? given->n : 1;
    for (uint32_t i = 0; i < s->n_listen; i++)
        if (net_addr_parse(text[i], DEFAULT_PORT, &s->listen[i]) != ERR_NONE)
            return fault_set(why, ERR_PROTO, 0,
                             "--listen \"%.80s\": ADDR:PORT with a numeric address "
                             "please",
                             text[i]);
    return ERR_NONE;
}

enum path_relation
path_relate(const char *dir, const char *target, const char **relative)
{
    size_t n = strcmp(dir, "/") == 0 ? 0 : strlen(dir);
    size_t m = strcmp(target, "/") == 0 ? 0 : strlen(target);
    *relative = NULL;
    if (n == m && strncmp(dir, target, n) == 0)
        return PATH_IS_DIR;
    if (n < m && strncmp(dir, target, n) == 0 && target[n] == '/') {
        *relative = target + n + 1;
        return PATH_INSIDE;
    }
    if (m < n && strncmp(dir, target, m) == 0 && dir[m] == '/')
        return PATH_ABOVE;
    return PATH_APART;
}

static enum err
shield(struct settings *s, const char *path, struct fault *why)
{
    char real[PATH_MAX];
    const char *relative;
    if (!realpath(path, real))
        return fault_errno(why, ERR_IO, errno, "%.160s", path);
    switch (path_relate(s->dir, real, &relative)) {
    case PATH_APART:
        return ERR_NONE;
    case PATH_INSIDE:
        break;
    default:
        return fault_set(why, ERR_AUTH, 0,
                         "%.80s would be shared from within %.80s, where ferryd keeps "
                         "its keys: share another directory",
                         s->dir, real);
    }
    if (s->n_shielded == SETTINGS_SHIELDED_MAX)
        return fault_set(why, ERR_LIMIT, 0, "too many files of ferryd inside %.160s",
                         s->dir);
    s->shielded[s->n_shielded] = strdup(relative);
    if (!s->shielded[s->n_shielded])
        return fault_set(why, ERR_NOMEM, 0, "out of memory");
    s->n_shielded++;
    return ERR_NONE;
}

/* Keys, password and state may lie inside the shared directory (somebody shares
 * their home): clients are kept away from them. */
static enum err
set_shielded(struct settings *s, struct fault *why)
{
    const struct serve_options *o = s->options;
    const char *paths[OPTION_TEXTS_MAX + 3];
    size_t n = 0;
    if (s->state_dir[0])
        paths[n++] = s->state_dir;
    if (o->password_file)
        paths[n++] = o->password_file;
    if (o->authorized_keys)
        paths[n++] = o->authorized_keys;
    for (uint32_t i = 0; i < o->host_keys.n; i++)
        paths[n++] = o->host_keys.text[i];
    enum err err = ERR_NONE;
    for (size_t i = 0; err == ERR_NONE && i < n; i++)
        err = shield(s, paths[i], why);
    return err;
}

enum err
settings_make(struct settings *s, const struct serve_options *o,
              const struct environment *env, struct fault *why)
{
    memset(s, 0, sizeof *s);
    s->options = o;
    for (int slot = 0; slot < ALGO_SLOTS; slot++)
        buf_init(&s->lists[slot], LIST_MAX);
    set_limits(s);
    enum err err = set_dir(s, why);
    if (err == ERR_NONE)
        err = set_user(s, why);
    if (err == ERR_NONE)
        err = set_lists(s, why);
    if (err == ERR_NONE)
        err = set_listen(s, why);
    if (err == ERR_NONE && o->host_keys.n == 0)
        err = file_state_dir(env->xdg_state_home, env->home, s->state_dir, why);
    return err ? err : set_shielded(s, why);
}

void
settings_clear(struct settings *s)
{
    for (int slot = 0; slot < ALGO_SLOTS; slot++)
        buf_clear(&s->lists[slot]);
    for (uint32_t i = 0; i < s->n_shielded; i++)
        free(s->shielded[i]);
    s->n_shielded = 0;
}

const char *
settings_trace(const struct serve_options *o, const struct environment *env)
{
    return o->trace ? o->trace : env->trace;
}

enum log_level
settings_log_level(const struct serve_options *o)
{
    if (o->quiet)
        return LOG_LEVEL_WARN;
    return o->verbose == 0   ? LOG_LEVEL_INFO
           : o->verbose == 1 ? LOG_LEVEL_VERBOSE
                             : LOG_LEVEL_DEBUG;
}
