/* See settings.h. */
#include "cli/settings.h"

#include <errno.h>
#include <glob.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/text_file.h"
#include "config/expand.h"
#include "config/ssh_config.h"
#include "key/key_type.h"

static const char system_config[] = "/etc/ssh/ssh_config";
static const char *const default_identities[] = {
    "~/.ssh/id_rsa", "~/.ssh/id_ecdsa", "~/.ssh/id_ecdsa_sk", "~/.ssh/id_ed25519",
    "~/.ssh/id_ed25519_sk"};
static const char *const default_user_known_hosts[] = {"~/.ssh/known_hosts",
                                                       "~/.ssh/known_hosts2"};
static const char *const default_global_known_hosts[] = {"/etc/ssh/ssh_known_hosts",
                                                         "/etc/ssh/ssh_known_hosts2"};

/* What the loading of one connection's settings needs to know. */
struct loader {
    struct settings *s;
    const struct invocation *inv;
    const struct target *target;
    struct fault *fault;
    char *local_user;
    char uid[16], port[8], local_host[256], local_host_short[256];
    struct expand_tokens tokens;
    const char *include_dir; /* relative Include: "/etc/ssh" or ~/.ssh */
    bool must_be_private;    /* the user's own file: nobody else may write it */
};

static enum err
no_memory(struct loader *l)
{
    return fault_set(l->fault, ERR_NOMEM, 0, "out of memory");
}

static const char *
environment(const char *name)
{
    return getenv(name);
}

/* ---- files ---- */

/* Somebody else who can write our configuration can run commands as us. */
static bool
is_private(const struct stat *st)
{
    return (st->st_uid == 0 || st->st_uid == getuid()) && (st->st_mode & 022) == 0;
}

enum presence { MAY_BE_MISSING, MUST_EXIST };

static enum err
read_config(struct loader *l, struct ssh_config *c, const char *path,
            enum presence presence, int depth)
{
    struct buf text;
    struct stat st;
    buf_init(&text, CONFIG_FILE_MAX);
    enum err e = text_file_read(path, &text, &st);
    if (e == ERR_IO && presence == MAY_BE_MISSING)
        e = ERR_NONE;
    else if (e == ERR_IO)
        e = fault_errno(l->fault, ERR_PROTO, errno, "Can't open user config file %s",
                        path);
    else if (e == ERR_LIMIT)
        e = fault_set(l->fault, ERR_PROTO, 0, "%s: larger than 1 MiB", path);
    else if (e == ERR_NONE && l->must_be_private && !is_private(&st))
        e = fault_set(l->fault, ERR_PROTO, 0, "Bad owner or permissions on %s", path);
    else if (e == ERR_NONE)
        e = ssh_config_read(c, path, buf_bytes(&text), depth, l->fault);
    buf_clear(&text);
    return e;
}

/* Include: a glob, relative to where its kind of file lives. */
static enum err
include(void *ctx, struct ssh_config *c, const char *pattern, int depth,
        struct fault *fault)
{
    struct loader *l = ctx;
    struct buf path;
    glob_t found = {0};
    buf_init(&path, 4096);
    if (pattern[0] != '/' && pattern[0] != '~')
        buf_printf(&path, "%s/", l->include_dir);
    enum err e = expand_path(&path, pattern, &l->tokens, environment);
    const char *text = e == ERR_NONE ? buf_cstr(&path) : NULL;
    if (!text)
        e = fault_set(fault, ERR_PROTO, 0, "Include: cannot expand \"%.100s\"", pattern);
    else if (glob(text, 0, NULL, &found) != 0)
        found.gl_pathc = 0;
    for (size_t i = 0; e == ERR_NONE && i < found.gl_pathc; i++)
        e = read_config(l, c, found.gl_pathv[i], MAY_BE_MISSING, depth);
    globfree(&found);
    buf_clear(&path);
    return e;
}

/* Match exec: the user's own command, in the user's shell, its output unseen. */
static bool
run_condition(void *ctx, const char *command)
{
    struct loader *l = ctx;
    struct buf line;
    buf_init(&line, 65536);
    const char *text =
        expand_percent(&line, command, &l->tokens) == ERR_NONE ? buf_cstr(&line) : NULL;
    int status = -1;
    pid_t child = text ? fork() : -1;
    if (child == 0) {
        if (!freopen("/dev/null", "r", stdin) || !freopen("/dev/null", "w", stdout))
            _exit(127);
        execl("/bin/sh", "sh", "-c", text, (char *)NULL);
        _exit(127);
    }
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    buf_clear(&line);
    return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* ---- sources, in order of precedence ---- */

static enum err
read_command_line(struct loader *l)
{
    struct buf why;
    buf_init(&why, 1024);
    enum err e = ERR_NONE;
    for (size_t i = 0; i < l->inv->n_config_lines && e == ERR_NONE; i++)
        e = ssh_options_set_text(&l->s->o, l->inv->config_lines[i], &why);
    if (e != ERR_NONE) {
        const char *text = buf_cstr(&why);
        e = fault_set(l->fault, ERR_PROTO, 0, "command line: %s",
                      text ? text : "out of memory");
    }
    buf_clear(&why);
    return e;
}

static enum err
read_user_config(struct loader *l, struct ssh_config *c)
{
    char dir[4096], path[4200];
    const char *named = l->inv->config_file;
    snprintf(dir, sizeof dir, "%s/.ssh", l->s->home);
    snprintf(path, sizeof path, "%s/config", dir);
    l->include_dir = dir;
    ssh_config_begin_source(c);
    if (named)
        return read_config(l, c, named, MUST_EXIST, 0);
    l->must_be_private = true;
    enum err e = read_config(l, c, path, MAY_BE_MISSING, 0);
    l->must_be_private = false;
    return e;
}

static enum err
read_files(struct loader *l, struct ssh_config *c)
{
    if (l->inv->config_file && strcasecmp(l->inv->config_file, "none") == 0)
        return ERR_NONE;
    enum err e = read_user_config(l, c);
    if (e != ERR_NONE || l->inv->config_file)
        return e;
    l->include_dir = "/etc/ssh";
    ssh_config_begin_source(c);
    return read_config(l, c, system_config, MAY_BE_MISSING, 0);
}

static enum err
read_sources(struct loader *l)
{
    const struct ssh_config_hooks hooks = {include, run_condition, l};
    struct ssh_config c = {.options = &l->s->o,
                           .hooks = &hooks,
                           .original_host = l->target->host,
                           .local_user = l->local_user,
                           .user = l->target->user};
    enum err e = read_command_line(l);
    if (e == ERR_NONE)
        e = read_files(l, &c);
    /* Match final: everything is read once more, with what is known by now. */
    if (e == ERR_NONE && c.wants_final) {
        c.is_final_pass = true;
        e = read_files(l, &c);
    }
    return e;
}

/* ---- names ---- */

static char *
expanded(struct loader *l, const char *text)
{
    struct buf out;
    buf_init(&out, 65536);
    enum err e = expand_path(&out, text, &l->tokens, environment);
    const char *s = e == ERR_NONE ? buf_cstr(&out) : NULL;
    char *copy = s ? strdup(s) : NULL;
    if (!copy)
        (void)fault_set(l->fault, ERR_PROTO, 0, "cannot expand \"%.100s\"", text);
    buf_clear(&out);
    return copy;
}

/* "none" stands for no file at all. */
static enum err
expand_list(struct loader *l, const struct option_list *from, struct option_list *to)
{
    for (size_t i = 0; i < from->n; i++) {
        if (strcasecmp(from->item[i], "none") == 0)
            continue;
        char *path = expanded(l, from->item[i]);
        if (!path)
            return ERR_PROTO;
        to->item[to->n++] = path;
    }
    return ERR_NONE;
}

static enum err
expand_defaults(struct loader *l, const char *const *from, size_t n,
                struct option_list *to)
{
    if (l->s->home[0] == '\0' && from[0][0] == '~')
        return ERR_NONE;
    for (size_t i = 0; i < n; i++) {
        to->item[to->n] = expanded(l, from[i]);
        if (!to->item[to->n++])
            return ERR_PROTO;
    }
    return ERR_NONE;
}

static enum err
expand_one(struct loader *l, const char *from, char **to)
{
    if (!from)
        return ERR_NONE;
    *to = expanded(l, from);
    return *to ? ERR_NONE : ERR_PROTO;
}

static enum err
expand_files(struct loader *l)
{
    struct settings *s = l->s;
    const struct ssh_options *o = &s->o;
    enum err e = expand_list(l, &o->certificate_files, &s->certificate_files);
    if (e == ERR_NONE)
        e = expand_one(l, o->identity_agent, &s->identity_agent);
    if (e == ERR_NONE && o->revoked_host_keys &&
        strcasecmp(o->revoked_host_keys, "none") != 0)
        e = expand_one(l, o->revoked_host_keys, &s->revoked_host_keys);
    s->has_default_identities = o->identity_files.n == 0;
    if (e == ERR_NONE && s->has_default_identities)
        e = expand_defaults(l, default_identities, ARRAY_LEN(default_identities),
                            &s->identity_files);
    else if (e == ERR_NONE)
        e = expand_list(l, &o->identity_files, &s->identity_files);
    if (e == ERR_NONE && o->user_known_hosts.n == 0)
        e = expand_defaults(l, default_user_known_hosts,
                            ARRAY_LEN(default_user_known_hosts), &s->user_known_hosts);
    else if (e == ERR_NONE)
        e = expand_list(l, &o->user_known_hosts, &s->user_known_hosts);
    if (e == ERR_NONE && o->global_known_hosts.n == 0)
        e = expand_defaults(l, default_global_known_hosts,
                            ARRAY_LEN(default_global_known_hosts),
                            &s->global_known_hosts);
    else if (e == ERR_NONE)
        e = expand_list(l, &o->global_known_hosts, &s->global_known_hosts);
    return e;
}

/* HostName may use %h, the name as given, and %%. */
static enum err
name_host(struct loader *l)
{
    struct settings *s = l->s;
    const struct expand_tokens only_host = {.h = s->original, .n = s->original};
    struct buf out;
    buf_init(&out, 1024);
    const char *text = s->o.hostname ? s->o.hostname : "%h";
    enum err e = expand_percent(&out, text, &only_host);
    const char *name = e == ERR_NONE ? buf_cstr(&out) : NULL;
    s->host = name ? strdup(name) : NULL;
    buf_clear(&out);
    if (!s->host)
        return fault_set(l->fault, ERR_PROTO, 0, "HostName: cannot expand \"%.100s\"",
                         text);
    return ERR_NONE;
}

static enum err
name_connection(struct loader *l)
{
    struct settings *s = l->s;
    const char *user = l->target->user ? l->target->user
                       : s->o.user     ? s->o.user
                                       : l->local_user;
    if (l->target->port != 0)
        s->o.port = l->target->port;
    enum err e = name_host(l);
    if (e != ERR_NONE)
        return e;
    s->user = strdup(user);
    s->key_name = strdup(s->o.host_key_alias ? s->o.host_key_alias : s->host);
    if (!s->user || !s->key_name)
        return no_memory(l);
    snprintf(l->port, sizeof l->port, "%d", s->o.port);
    l->tokens.h = s->host;
    l->tokens.k = s->o.host_key_alias ? s->o.host_key_alias : s->original;
    l->tokens.p = l->port;
    l->tokens.r = s->user;
    l->tokens.j = s->o.proxy_jump ? s->o.proxy_jump : "";
    return ERR_NONE;
}

static enum err
name_proxy(struct loader *l)
{
    struct settings *s = l->s;
    bool has_command = s->o.proxy_command && strcasecmp(s->o.proxy_command, "none") != 0;
    bool has_jump = s->o.proxy_jump && strcasecmp(s->o.proxy_jump, "none") != 0;
    if (has_jump && !has_command)
        return fault_set(l->fault, ERR_PROTO, 0,
                         "ProxyJump is not available; use ProxyCommand \"ssh -W "
                         "[%%h]:%%p HOST\" instead");
    if (!has_command)
        return ERR_NONE;
    struct buf out;
    buf_init(&out, 65536);
    enum err e = expand_percent(&out, s->o.proxy_command, &l->tokens);
    const char *text = e == ERR_NONE ? buf_cstr(&out) : NULL;
    s->proxy_command = text ? strdup(text) : NULL;
    buf_clear(&out);
    return s->proxy_command
               ? ERR_NONE
               : fault_set(l->fault, ERR_PROTO, 0, "ProxyCommand: cannot be expanded");
}

/* ---- words that are options' values ---- */

static enum err
read_words(struct loader *l)
{
    const char *hash = l->s->o.fingerprint_hash;
    if (l->s->o.bind_interface)
        return fault_set(l->fault, ERR_PROTO, 0, "BindInterface is not available");
    if (!hash || strcasecmp(hash, "sha256") == 0)
        l->s->fingerprint_form = FINGERPRINT_SHA256;
    else if (strcasecmp(hash, "md5") == 0)
        l->s->fingerprint_form = FINGERPRINT_MD5;
    else
        return fault_set(l->fault, ERR_PROTO, 0,
                         "FingerprintHash: unsupported value \"%.100s\"", hash);
    return ERR_NONE;
}

/* ---- algorithms ---- */

static enum err
choose_list(struct loader *l, enum algo_slot slot, const char *keyword, const char *spec)
{
    const char *defaults = algo_list(PROFILE_DEFAULT, ALGO_CLIENT, slot);
    struct buf out;
    struct bytes bad = {0};
    buf_init(&out, 8192);
    enum err e = ERR_NONE;
    if (spec)
        e = algo_list_apply(slot, defaults, bytes_str(spec), &out, &bad);
    else
        buf_put_str(&out, defaults);
    if (e == ERR_PROTO)
        e = fault_set(l->fault, ERR_PROTO, 0, "%s: unsupported algorithm \"%.*s\"",
                      keyword, (int)(bad.n < 100 ? bad.n : 100), (const char *)bad.p);
    const char *text = e == ERR_NONE ? buf_cstr(&out) : NULL;
    l->s->lists[slot] = text ? strdup(text) : NULL;
    buf_clear(&out);
    return e == ERR_NONE && !l->s->lists[slot] ? no_memory(l) : e;
}

static enum err
choose_lists(struct loader *l)
{
    const struct ssh_options *o = &l->s->o;
    const struct {
        enum algo_slot slot;
        const char *keyword, *spec;
    } rows[] = {
        {ALGO_KEX, "KexAlgorithms", o->kex},
        {ALGO_HOST_KEY, "HostKeyAlgorithms", o->host_key_algorithms},
        {ALGO_CIPHER, "Ciphers", o->ciphers},
        {ALGO_MAC, "MACs", o->macs},
        {ALGO_COMPRESSION, "Compression",
         o->compression == 1 ? "zlib@openssh.com,none" : "none"},
        {ALGO_USER_KEY, "PubkeyAcceptedAlgorithms", o->pubkey_algorithms},
        {ALGO_CA_SIGNATURE, "CASignatureAlgorithms", o->ca_algorithms},
    };
    enum err e = ERR_NONE;
    for (size_t i = 0; i < ARRAY_LEN(rows) && e == ERR_NONE; i++)
        e = choose_list(l, rows[i].slot, rows[i].keyword, rows[i].spec);
    return e;
}

/* ---- life ---- */

static enum err
know_local_names(struct loader *l)
{
    struct settings *s = l->s;
    const struct passwd *pw = getpwuid(getuid());
    const char *home = getenv("HOME");
    if (!home || !*home)
        home = pw ? pw->pw_dir : "";
    s->home = strdup(home);
    s->original = strdup(l->target->host);
    l->local_user = strdup(pw ? pw->pw_name : "");
    if (!s->home || !s->original || !l->local_user)
        return no_memory(l);
    if (l->local_user[0] == '\0' && !l->target->user)
        return fault_set(l->fault, ERR_PROTO, 0, "No user exists for uid %u",
                         (unsigned)getuid());
    snprintf(l->uid, sizeof l->uid, "%u", (unsigned)getuid());
    if (gethostname(l->local_host, sizeof l->local_host - 1) != 0)
        l->local_host[0] = '\0';
    size_t n = strcspn(l->local_host, ".");
    memcpy(l->local_host_short, l->local_host, n);
    l->tokens = (struct expand_tokens){.d = s->home[0] ? s->home : NULL,
                                       .i = l->uid,
                                       .L = l->local_host_short,
                                       .l = l->local_host,
                                       .n = s->original,
                                       .h = s->original,
                                       .u = l->local_user};
    return ERR_NONE;
}

enum err
settings_load(struct settings *s, const struct invocation *inv,
              const struct target *target, struct fault *fault)
{
    struct loader l = {.s = s, .inv = inv, .target = target, .fault = fault};
    *s = (struct settings){0};
    ssh_options_init(&s->o);
    enum err e = know_local_names(&l);
    if (e == ERR_NONE)
        e = read_sources(&l);
    if (e == ERR_NONE) {
        ssh_options_fill_defaults(&s->o);
        e = name_connection(&l);
    }
    if (e == ERR_NONE)
        e = name_proxy(&l);
    if (e == ERR_NONE)
        e = read_words(&l);
    if (e == ERR_NONE)
        e = expand_files(&l);
    if (e == ERR_NONE)
        e = choose_lists(&l);
    free(l.local_user);
    return e;
}

static void
list_clear(struct option_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->item[i]);
    list->n = 0;
}

void
settings_clear(struct settings *s)
{
    ssh_options_clear(&s->o);
    char *owned[] = {
        s->original, s->host,          s->key_name,       s->user,
        s->home,     s->proxy_command, s->identity_agent, s->revoked_host_keys};
    for (size_t i = 0; i < ARRAY_LEN(owned); i++)
        free(owned[i]);
    for (size_t i = 0; i < ALGO_SLOTS; i++)
        free(s->lists[i]);
    list_clear(&s->identity_files);
    list_clear(&s->certificate_files);
    list_clear(&s->user_known_hosts);
    list_clear(&s->global_known_hosts);
}

bool
settings_allow_key(const struct settings *s, struct bytes blob)
{
    const struct key_type *type = key_type_of_blob(blob);
    return type && (type->kind != KEY_RSA ||
                    key_blob_bits(blob) >= (unsigned)s->o.required_rsa_size);
}
