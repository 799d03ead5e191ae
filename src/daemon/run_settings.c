/* See run_settings.h. */
#include "daemon/run_settings.h"

#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/config_files.h"
#include "daemon/files.h"

enum {
    BANNER_FILE_MAX = MONITOR_BANNER_MAX - 1, /* octets */
    NO_GRACE_S = 24 * 60 * 60, /* LoginGraceTime 0: "no limit"; but nothing is endless */
};

#define RUN_DIR   "/run/ferry"
#define EMPTY_DIR RUN_DIR "/empty"

/* ---- places ---- */

/* A directory that only we may change; made if it is missing, not so its parents. */
static enum err
make_directory(const char *path, mode_t mode, struct fault *why)
{
    struct stat st;
    if (mkdir(path, mode) != 0 && errno != EEXIST)
        return fault_errno(why, ERR_IO, errno, "cannot make directory %.160s", path);
    if (stat(path, &st) != 0)
        return fault_errno(why, ERR_IO, errno, "%.160s", path);
    if (!S_ISDIR(st.st_mode) || (st.st_mode & 022) || st.st_uid != geteuid())
        return fault_set(why, ERR_AUTH, 0,
                         "%.160s: must be a directory of ours that nobody else may "
                         "write to",
                         path);
    return ERR_NONE;
}

/* mkdir -p, down to a directory of ours. */
static enum err
make_state_dir(const char *path, struct fault *why)
{
    char part[PATH_MAX];
    for (const char *slash = strchr(path + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
        if (mkdir(part, 0700) != 0 && errno != EEXIST)
            return fault_errno(why, ERR_IO, errno, "cannot make directory %.160s", part);
    }
    return make_directory(path, 0700, why);
}

static enum err
set_places(struct run_settings *s, struct fault *why)
{
    const struct server_options *o = &s->options;
    snprintf(s->state_dir, sizeof s->state_dir, "%s", o->state_directory);
    snprintf(s->database, sizeof s->database, "%s", o->account_database);
    if (o->control_socket)
        snprintf(s->control, sizeof s->control, "%s", o->control_socket);
    return make_state_dir(s->state_dir, why);
}

/* ---- users ---- */

static enum err
find_user(const char *keyword, const char *name, uint32_t *uid, uint32_t *gid,
          struct fault *why)
{
    const struct passwd *pw = getpwnam(name);
    if (!pw)
        return fault_set(why, ERR_PROTO, 0, "%s %.80s: there is no such user", keyword,
                         name);
    if (pw->pw_uid == 0)
        return fault_set(why, ERR_PROTO, 0, "%s %.80s: must not be root", keyword, name);
    *uid = pw->pw_uid;
    *gid = pw->pw_gid;
    return ERR_NONE;
}

/* Where pre-authentication is locked in: nobody's but root's, and empty. */
static enum err
set_empty_dir(struct run_settings *s, struct fault *why)
{
    enum err err = make_directory(RUN_DIR, 0755, why);
    if (err == ERR_NONE)
        err = make_directory(EMPTY_DIR, 0755, why);
    snprintf(s->public->empty_dir, sizeof s->public->empty_dir, "%s", EMPTY_DIR);
    return err;
}

static enum err
set_users(struct run_settings *s, struct fault *why)
{
    struct daemon_public *p = s->public;
    if (!s->is_root)
        return ERR_NONE;
    p->changes_ids = 1;
    enum err err = find_user("PreAuthUser", s->options.pre_auth_user, &p->pre_auth_uid,
                             &p->pre_auth_gid, why);
    if (err == ERR_NONE && (s->options.accounts & SERVER_ACCOUNTS_VIRTUAL))
        err = find_user("VirtualUser", s->options.virtual_user, &s->virtual_uid,
                        &s->virtual_gid, why);
    return err ? err : set_empty_dir(s, why);
}

/* ---- algorithms and limits ---- */

static const char *
list_option(const struct server_options *o, enum algo_slot slot)
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
        return o->pubkey_algorithms;
    case ALGO_CA_SIGNATURE:
        return o->ca_algorithms;
    default:
        return NULL;
    }
}

static enum err
set_list(struct run_settings *s, enum algo_profile profile, enum algo_slot slot,
         struct fault *why)
{
    const char *spec = list_option(&s->options, slot);
    const char *defaults = algo_list(profile, ALGO_SERVER, slot);
    struct bytes bad = {0};
    struct buf list;
    enum err err = ERR_NONE;
    buf_init(&list, PUBLIC_LIST_MAX - 1);
    if (spec)
        err = algo_list_apply(slot, defaults, bytes_str(spec), &list, &bad);
    else
        buf_put_str(&list, defaults);
    const char *text = err == ERR_NONE ? buf_cstr(&list) : NULL;
    if (err == ERR_NONE && (!text || list.n == 0))
        err = ERR_PROTO;
    if (err == ERR_NONE)
        memcpy(s->public->lists[slot], text, list.n + 1);
    else
        fault_set(why, ERR_PROTO, 0, "no list of algorithms: \"%.80s\"",
                  spec ? spec : "");
    buf_clear(&list);
    return err;
}

static enum err
set_lists(struct run_settings *s, struct fault *why)
{
    enum algo_profile profile = PROFILE_DEFAULT;
    if (s->options.profile &&
        !algo_profile_by_name(bytes_str(s->options.profile), &profile))
        return fault_set(why, ERR_PROTO, 0, "Profile %.80s: there is no such profile",
                         s->options.profile);
    enum err err = ERR_NONE;
    for (int slot = 0; err == ERR_NONE && slot < ALGO_SLOTS; slot++)
        err = set_list(s, profile, (enum algo_slot)slot, why);
    snprintf(s->pubkey_algos, sizeof s->pubkey_algos, "%s",
             algo_list(profile, ALGO_SERVER, ALGO_USER_KEY));
    snprintf(s->ca_algos, sizeof s->ca_algos, "%s", s->public->lists[ALGO_CA_SIGNATURE]);
    return err;
}

static uint32_t
or_any(int value)
{
    return value < 0 || value == INT_MAX ? UINT32_MAX : (uint32_t)value;
}

static void
set_limits(struct run_settings *s)
{
    const struct server_options *o = &s->options;
    struct conn_limits *limits = &s->public->limits;
    s->limits = (struct admission_limits){
        .connections = (uint32_t)o->max_connections,
        .begin = (uint32_t)o->max_startups_begin,
        .rate = (uint32_t)o->max_startups_rate,
        .full = (uint32_t)o->max_startups_full,
        .per_source = or_any(o->per_source_max_startups),
        .bits4 = (uint32_t)o->per_source_bits4,
        .bits6 = (uint32_t)o->per_source_bits6,
    };
    *limits = (struct conn_limits){
        .login_ms = (uint32_t)(o->login_grace_s ? o->login_grace_s : NO_GRACE_S) * 1000,
        /* The monitor counts by what holds for the user; this is the backstop. */
        .auth_failures = LOGIN_REQUESTS_MAX,
        .rekey_octets = (uint64_t)o->rekey_octets,
        .rekey_ms = (uint32_t)o->rekey_seconds * 1000,
    };
    /* A grace time below ten seconds bounds the first steps as well. */
    if (limits->login_ms != 0 && limits->login_ms < 10 * 1000)
        limits->ident_ms = limits->kex_ms = limits->login_ms;
}

enum log_level
run_settings_level(const char *word)
{
    static const struct {
        const char *word;
        enum log_level level;
    } words[] = {
        {"QUIET", LOG_LEVEL_ERROR},     {"FATAL", LOG_LEVEL_ERROR},
        {"ERROR", LOG_LEVEL_ERROR},     {"INFO", LOG_LEVEL_INFO},
        {"VERBOSE", LOG_LEVEL_VERBOSE},
    };
    for (size_t i = 0; word && i < ARRAY_LEN(words); i++)
        if (strcasecmp(word, words[i].word) == 0)
            return words[i].level;
    return word ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
}

static void
fill_public(struct run_settings *s, const char *trace)
{
    const struct server_options *o = &s->options;
    struct daemon_public *p = s->public;
    p->sandbox =
        o->sandbox == SERVER_SANDBOX_REQUIRE ? SANDBOX_REQUIRE : SANDBOX_BEST_EFFORT;
    p->log_level = (uint32_t)run_settings_level(o->log_level);
    p->log_style = (uint32_t)o->log_style;
    snprintf(p->comments, sizeof p->comments, "%.200s",
             o->version_addendum ? o->version_addendum : "");
    snprintf(p->trusted_proxies, sizeof p->trusted_proxies, "%s",
             o->trusted_proxies ? o->trusted_proxies : "");
    snprintf(p->trace, sizeof p->trace, "%s", trace ? trace : "");
}

/* ---- addresses ---- */

/* A name may lead to one address by several lines of a hosts file. */
static bool
is_known_address(const struct run_settings *s, const struct addrinfo *a)
{
    for (uint32_t i = 0; i < s->n_listen; i++)
        if (s->listen[i].len == a->ai_addrlen &&
            memcmp(&s->listen[i].ss, a->ai_addr, a->ai_addrlen) == 0)
            return true;
    return false;
}

static enum err
add_socket(struct run_settings *s, const struct addrinfo *a, struct fault *why)
{
    if (is_known_address(s, a))
        return ERR_NONE;
    if (s->n_listen == LISTENER_SOCKETS_MAX)
        return fault_set(why, ERR_LIMIT, 0, "more than %d addresses to listen on",
                         LISTENER_SOCKETS_MAX);
    struct net_addr *to = &s->listen[s->n_listen++];
    memcpy(&to->ss, a->ai_addr, a->ai_addrlen);
    to->len = a->ai_addrlen;
    return ERR_NONE;
}

static enum err
add_address(struct run_settings *s, const char *host, const char *port, struct fault *why)
{
    static const int families[] = {AF_UNSPEC, AF_INET, AF_INET6};
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
                             .ai_family = families[s->options.address_family],
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int rc = getaddrinfo(host, port, &hints, &found);
    if (rc != 0)
        return fault_set(why, ERR_PROTO, 0, "ListenAddress %.80s: %s", host ? host : "*",
                         gai_strerror(rc));
    enum err err = ERR_NONE;
    for (const struct addrinfo *a = found; err == ERR_NONE && a; a = a->ai_next)
        err = add_socket(s, a, why);
    freeaddrinfo(found);
    return err;
}

/* "HOST", "HOST:PORT", "[ADDRESS]", "[ADDRESS]:PORT", an IPv6 address as it is. */
static bool
split_address(const char *text, char host[NI_MAXHOST], const char **port)
{
    const char *end, *colon = strrchr(text, ':');
    *port = NULL;
    if (text[0] == '[') {
        end = strchr(++text, ']');
        if (!end || (end[1] != 0 && end[1] != ':'))
            return false;
        *port = end[1] ? end + 2 : NULL;
    } else if (colon && strchr(text, ':') == colon) {
        end = colon;
        *port = colon + 1;
    } else {
        end = text + strlen(text);
    }
    return snprintf(host, NI_MAXHOST, "%.*s", (int)(end - text), text) < NI_MAXHOST;
}

static enum err
add_listen_address(struct run_settings *s, const char *text, struct fault *why)
{
    const struct server_list *ports = &s->options.ports;
    char host[NI_MAXHOST];
    const char *port;
    if (!split_address(text, host, &port))
        return fault_set(why, ERR_PROTO, 0, "ListenAddress %.80s: HOST[:PORT] please",
                         text);
    const char *name = strcmp(host, "*") == 0 ? NULL : host;
    if (port)
        return add_address(s, name, port, why);
    enum err err = ERR_NONE;
    for (size_t i = 0; err == ERR_NONE && i < ports->n; i++)
        err = add_address(s, name, ports->item[i], why);
    return err;
}

static enum err
set_listen(struct run_settings *s, struct fault *why)
{
    const struct server_list *given = &s->options.listen_addresses;
    enum err err = ERR_NONE;
    if (given->n == 0)
        return add_listen_address(s, "*", why);
    for (size_t i = 0; err == ERR_NONE && i < given->n; i++)
        err = add_listen_address(s, given->item[i], why);
    return err;
}

/* ---- banners ---- */

static enum err
add_banner(struct run_settings *s, const char *path, struct fault *why)
{
    struct buf text;
    if (strcasecmp(path, "none") == 0)
        return ERR_NONE;
    if (s->n_banners == RUN_BANNERS_MAX)
        return fault_set(why, ERR_LIMIT, 0, "more than %d banners", RUN_BANNERS_MAX);
    buf_init(&text, BANNER_FILE_MAX + 1);
    enum err err = file_read(path, FILE_TRUSTED, &text, why);
    struct verdict_banner *b = &s->banners[s->n_banners];
    if (err == ERR_NONE) {
        b->path = strdup(path);
        b->text = strndup((const char *)text.p, text.n);
        s->n_banners++;
        if (!b->path || !b->text)
            err = fault_set(why, ERR_NOMEM, 0, "out of memory");
    }
    buf_clear(&text);
    return err;
}

static enum err
set_banners(struct run_settings *s, struct fault *why)
{
    struct words words;
    const char *line, *reason;
    size_t cursor = 0;
    enum err err = ERR_NONE;
    words_init(&words);
    while (err == ERR_NONE &&
           (line = server_config_next(s->config, "Banner", &cursor)) != NULL)
        if (words_split(&words, bytes_str(line), &reason) == ERR_NONE && words.n == 2)
            err = add_banner(s, words_at(&words, 1), why);
    words_clear(&words);
    return err;
}

/* ---- all of it ---- */

static enum err
work_out(struct run_settings *s, const char *trace, struct fault *why)
{
    if (!s->is_root && (s->options.accounts & SERVER_ACCOUNTS_VIRTUAL) == 0)
        return fault_set(why, ERR_PROTO, 0,
                         "system accounts need root: `Accounts virtual` works without");
    set_limits(s);
    fill_public(s, trace);
    enum err err = set_places(s, why);
    if (err == ERR_NONE)
        err = set_users(s, why);
    if (err == ERR_NONE)
        err = set_lists(s, why);
    if (err == ERR_NONE)
        err = set_listen(s, why);
    return err ? err : set_banners(s, why);
}

enum err
run_settings_make(struct run_settings *s, const char *path, const char *const *overrides,
                  const struct environment *env, const char *trace, struct fault *why)
{
    memset(s, 0, sizeof *s);
    server_options_init(&s->options);
    s->is_root = geteuid() == 0;
    s->public = calloc(1, sizeof *s->public);
    if (!s->public)
        return fault_set(why, ERR_NOMEM, 0, "out of memory");
    const struct config_homes homes = {env->home, env->xdg_state_home,
                                       env->xdg_runtime_dir};
    enum err err =
        config_files_load(path, overrides, &homes, &s->config, &s->options, why);
    return err ? err : work_out(s, trace, why);
}

void
run_settings_clear(struct run_settings *s)
{
    server_config_free(s->config);
    server_options_clear(&s->options);
    free(s->public);
    for (size_t i = 0; i < s->n_banners; i++) {
        free((void *)(uintptr_t)s->banners[i].path);
        free((void *)(uintptr_t)s->banners[i].text);
    }
    memset(s, 0, sizeof *s);
}

/* ---- programs ---- */

enum err
program_find(const char *name, char *path, struct fault *why)
{
    static const char *const places[] = {"", "../libexec/ferry/", "../lib/ferry/"};
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n < 0)
        return fault_errno(why, ERR_IO, errno, "/proc/self/exe");
    self[n] = 0;
    char *slash = strrchr(self, '/');
    size_t dir_len = slash ? (size_t)(slash - self) + 1 : 0;
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        int len =
            snprintf(path, PATH_MAX, "%.*s%s%s", (int)dir_len, self, places[i], name);
        if (len > 0 && len < PATH_MAX && access(path, X_OK) == 0)
            return ERR_NONE;
    }
    return fault_set(why, ERR_IO, 0, "the program %s is not installed beside ferryd",
                     name);
}
