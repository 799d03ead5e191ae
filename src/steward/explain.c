/* See explain.h. Order: what can be asked, telling, the rules in the order in which
 * they decide, the command line. */
#include "steward/explain.h"

#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "account/name.h"
#include "account/store.h"
#include "base/json.h"
#include "base/log.h"
#include "crypto/rand.h"
#include "daemon/config_files.h"
#include "daemon/granting.h"
#include "daemon/login_chain.h"
#include "daemon/login_rules.h"
#include "steward/modes.h"
#include "steward/system_account.h"
#include "vfs/policy.h"

enum { EXIT_ALLOWED = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

/* What may be asked about: one row an operation. */
struct operation {
    const char *name;
    enum policy_right right; /* 0: none is needed */
    enum modes_need need;
    const char *request;  /* of SFTP, for -p and -P of internal-sftp */
    bool makes_name;      /* RefuseNames is asked */
    bool grows, adds_one; /* octets, or a file, of the quota */
};

static const struct operation operations[] = {
    {.name = "login"},
    {"list", POLICY_LIST, MODES_READ, "opendir", false, false, false},
    {"download", POLICY_DOWNLOAD, MODES_READ, "read", false, false, false},
    {"upload", POLICY_UPLOAD, MODES_WRITE_PARENT, "write", true, true, true},
    {"overwrite", POLICY_OVERWRITE, MODES_WRITE, "write", false, true, false},
    {"delete", POLICY_DELETE, MODES_WRITE_PARENT, "remove", false, false, false},
    {"rename", POLICY_RENAME, MODES_WRITE_PARENT, "rename", true, false, false},
    {"mkdir", POLICY_MKDIR, MODES_WRITE_PARENT, "mkdir", true, false, false},
    {"symlink", POLICY_SYMLINK, MODES_WRITE_PARENT, "symlink", true, false, true},
    {"attributes", POLICY_ATTRIBUTES, MODES_OWN, "setstat", false, false, false},
};

struct explanation {
    const char *user, *path, *address, *config_path;
    const struct operation *operation;
    bool is_json;
    struct server_config *config;
    struct server_options options;
    struct steward_facts facts;
    struct grant grant;
    struct vfs_path asked, real;
    bool is_found; /* real is known */
    struct log_sink log;
};

/* ---- telling ---- */

static void
print(struct buf *text)
{
    const char *line = buf_cstr(text);
    fputs(line ? line : "out of memory\n", stdout);
    buf_clear(text);
}

/* One rule and what it says. Returns what it was given, for `return tell(...)`. */
static bool tell(const struct explanation *e, const char *rule, bool is_ok,
                 const char *fmt, ...) PRINTF_LIKE(4, 5);

static bool
tell(const struct explanation *e, const char *rule, bool is_ok, const char *fmt, ...)
{
    char words[512];
    struct buf text;
    va_list args;
    va_start(args, fmt);
    vsnprintf(words, sizeof words, fmt, args);
    va_end(args);
    buf_init(&text, 8192);
    if (e->is_json) {
        json_begin(&text, "rule");
        json_text(&text, "rule", bytes_str(rule));
        json_bool(&text, "ok", is_ok);
        json_text(&text, "text", bytes_str(words));
        json_end(&text);
    } else {
        buf_printf(&text, "%-8s %-12s ", is_ok ? "ok" : "REFUSED", rule);
        text_escape(&text, bytes_str(words), 0);
        buf_put_str(&text, "\n");
    }
    print(&text);
    return is_ok;
}

static int
conclude(const struct explanation *e, bool is_allowed)
{
    struct buf text;
    buf_init(&text, 16384);
    if (e->is_json) {
        json_begin(&text, "verdict");
        json_text(&text, "user", bytes_str(e->user));
        json_text(&text, "operation", bytes_str(e->operation->name));
        json_text(&text, "path", bytes_str(e->path));
        json_bool(&text, "allowed", is_allowed);
        json_end(&text);
    } else {
        buf_printf(&text, "%s: ", is_allowed ? "allowed" : "refused");
        text_escape(&text, bytes_str(e->user), 0);
        buf_printf(&text, " %s ", e->operation->name);
        text_escape(&text, bytes_str(e->path), 0);
        buf_put_str(&text, "\n");
    }
    print(&text);
    return is_allowed ? EXIT_ALLOWED : EXIT_REFUSED;
}

static void
hear(void *ctx, enum log_level level, const char *text)
{
    (void)ctx;
    if (level <= LOG_LEVEL_WARN)
        fprintf(stderr, "ferryd explain: %s\n", text);
}

static void
hear_nothing(void *ctx, enum trace_part part, const char *text)
{
    (void)ctx, (void)part, (void)text;
}

static int
give_up(const char *why)
{
    fprintf(stderr, "ferryd explain: %s\n", why);
    return EXIT_USAGE;
}

/* ---- who ---- */

static enum err
find_virtual(struct explanation *e, struct fault *why)
{
    struct store *store = NULL;
    struct usage_state state;
    struct usage_owner owner = {.kind = USAGE_VIRTUAL};
    const char *path = e->options.account_database;
    if (!(e->options.accounts & SERVER_ACCOUNTS_VIRTUAL) || !path)
        return ERR_AUTH;
    enum err err = store_open(path, STORE_READ, &store, why);
    if (err != ERR_NONE)
        return err == ERR_AUTH ? ERR_IO : err;
    err = store_effective(store, bytes_str(e->user), &e->facts.account, why);
    snprintf(owner.name, sizeof owner.name, "%s", e->user);
    if (err == ERR_NONE && store_usage(store, &owner, &state, why) == ERR_NONE)
        e->facts.usage =
            (struct steward_usage){.octets = state.octets, .files = state.files};
    store_close(store);
    if (err == ERR_NONE) {
        e->facts.kind = STEWARD_VIRTUAL;
        e->facts.n_group_names = e->facts.account.group[0] != 0;
        snprintf(e->facts.group_names, sizeof e->facts.group_names, "%s",
                 e->facts.account.group);
    }
    return err;
}

/* ERR_NONE also when there is none: facts.kind tells. */
static enum err
find(struct explanation *e, struct fault *why)
{
    if (!user_name_is_valid(bytes_str(e->user)))
        return ERR_NONE;
    enum err err = find_virtual(e, why);
    bool is_missing = err == ERR_IO && why->sys_errno == ENOENT;
    if (err != ERR_NONE && err != ERR_AUTH && !is_missing)
        return err;
    if (err != ERR_NONE && (e->options.accounts & SERVER_ACCOUNTS_SYSTEM))
        system_account_look_up(e->user, &e->log, &e->facts);
    return ERR_NONE;
}

static bool
explain_account(const struct explanation *e)
{
    if (e->facts.kind == STEWARD_NOBODY)
        return tell(e, "account", false, "there is no account of this name");
    if (e->facts.kind == STEWARD_SYSTEM)
        return tell(e, "account", true, "a system account, uid %u", e->facts.uid);
    bool has_group = e->facts.account.group[0] != 0;
    return tell(e, "account", true, "a virtual account%s%s",
                has_group ? " of group " : "", e->facts.account.group);
}

static enum err
settle_options(struct explanation *e)
{
    const char *groups[GRANT_GROUPS_MAX];
    const char *name = e->facts.group_names;
    size_t n = 0;
    for (; n < e->facts.n_group_names && n < GRANT_GROUPS_MAX; n++) {
        groups[n] = name;
        name += strlen(name) + 1;
    }
    const struct server_context context = {
        .user = e->user, .groups = groups, .n_groups = n, .address = e->address};
    return server_config_effective(e->config, &context, &e->options);
}

static bool
explain_login(const struct explanation *e)
{
    struct fault why = {0};
    const struct login_rules rules = {.options = &e->options,
                                      .facts = &e->facts,
                                      .user = e->user,
                                      .address = e->address,
                                      .now = (int64_t)time(NULL)};
    if (login_rules_check(&rules, &why) != ERR_NONE)
        return tell(e, "login", false, "%s", why.text);
    bool has_networks = e->facts.kind == STEWARD_VIRTUAL && e->facts.account.networks[0];
    return tell(e, "login", true, "%s",
                has_networks && !e->address
                    ? "allowed from the account's networks (say --address)"
                    : "nothing forbids it");
}

static bool
explain_factors(const struct explanation *e)
{
    const struct server_options *o = &e->options;
    const char *own = e->facts.kind == STEWARD_VIRTUAL ? e->facts.account.chain : "";
    const char *text = own[0] ? own : o->authentication_methods;
    unsigned enabled = (o->pubkey_authentication > 0 ? 1U << FACTOR_PUBLICKEY : 0U) |
                       (o->password_authentication > 0 ? 1U << FACTOR_PASSWORD : 0U) |
                       (o->kbdint_authentication > 0 ? 1U << FACTOR_KBDINT : 0U);
    struct login_chains chains;
    if (login_chains_parse(&chains, text, enabled) != ERR_NONE || chains.n == 0)
        return tell(e, "factors", false,
                    "no chain of authentication methods can be shown");
    bool has_code = e->facts.kind == STEWARD_VIRTUAL && e->facts.account.has_totp;
    return tell(e, "factors", true, "%s (%s)%s", text && text[0] ? text : "any",
                own[0] ? "the account's" : "the configuration's",
                has_code ? ", and a one-time code" : "");
}

/* ---- what is granted ---- */

static bool
explain_grant(struct explanation *e)
{
    struct fault why = {0};
    const struct passwd *pw =
        e->options.virtual_user ? getpwnam(e->options.virtual_user) : NULL;
    const struct granting granting = {
        .options = &e->options,
        .facts = &e->facts,
        .user = e->user,
        .is_root = geteuid() == 0,
        .virtual_uid = pw ? (uint32_t)pw->pw_uid : 0,
        .virtual_gid = pw ? (uint32_t)pw->pw_gid : 0,
    };
    if (grant_make(&granting, &e->grant, &why) != ERR_NONE)
        return tell(e, "grant", false, "%s", why.text);
    if (geteuid() != 0 && e->grant.is_virtual) {
        e->grant.uid = geteuid();
        e->grant.gid = getegid();
    }
    return tell(e, "root", true, "%s%s", e->grant.root,
                e->grant.is_confined ? ", shown as \"/\"" : "");
}

static bool
list_has(const char *list, const char *name)
{
    struct bytes rest = bytes_str(list), item;
    while (bytes_next_item(&rest, &item))
        if (bytes_eq_str(item, name))
            return true;
    return false;
}

static bool
explain_requests(const struct explanation *e)
{
    const char *request = e->operation->request;
    const struct grant *g = &e->grant;
    if (list_has(g->denied_requests, request))
        return tell(e, "command", false, "internal-sftp -P denies %s", request);
    if (g->allowed_requests[0] && !list_has(g->allowed_requests, request))
        return tell(e, "command", false, "internal-sftp -p does not allow %s", request);
    return true;
}

/* ---- the path ---- */

static bool
explain_place(struct explanation *e)
{
    struct fault why = {0};
    struct vfs_path home;
    int error = vfs_path_parse(&home, NULL, bytes_str(e->grant.home));
    if (error == 0)
        error = vfs_path_parse(&e->asked, &home, bytes_str(e->path));
    if (error != 0)
        return tell(e, "path", false, "it is no path that is accepted: too long");
    enum err err = modes_resolve(&e->grant, &e->asked, &e->real, &why);
    e->is_found = err == ERR_NONE;
    if (err == ERR_AUTH)
        return tell(e, "path", false, "%s", why.text);
    if (err != ERR_NONE) {
        /* The rules can still be told about the name as it was given. */
        e->real = e->asked;
        return tell(e, "path", true, "%s (not looked up: %s)", e->asked.text, why.text);
    }
    return tell(e, "path", true, "%s", e->real.text);
}

static bool
explain_rules(const struct explanation *e)
{
    struct fault why = {0};
    struct policy *policy = NULL;
    char text[VFS_REFUSAL_MAX];
    enum err err = policy_parse(e->grant.rights, e->grant.refused_names,
                                e->grant.is_read_only != 0, &policy, &why);
    if (err != ERR_NONE)
        return tell(e, "rights", false, "%s", why.text);
    bool is_allowed = policy_allows(policy, e->operation->right, &e->real, text);
    tell(e, "rights", is_allowed, "%s", text);
    if (is_allowed && e->operation->makes_name) {
        const char *pattern =
            policy_refusing_pattern(policy, bytes_str(vfs_path_last(&e->real)));
        is_allowed = !pattern;
        if (pattern)
            tell(e, "names", false, "the pattern \"%s\" refuses the name", pattern);
    }
    policy_free(policy);
    return is_allowed;
}

static bool
explain_quota(const struct explanation *e)
{
    const struct grant *g = &e->grant;
    if (e->operation->grows && g->quota_octets != 0 && g->used_octets >= g->quota_octets)
        return tell(e, "quota", false, "%llu of %llu octets are used",
                    (unsigned long long)g->used_octets,
                    (unsigned long long)g->quota_octets);
    if (e->operation->adds_one && g->quota_files != 0 && g->used_files >= g->quota_files)
        return tell(e, "quota", false, "%llu of %llu files are there",
                    (unsigned long long)g->used_files,
                    (unsigned long long)g->quota_files);
    return true;
}

static bool
explain_modes(const struct explanation *e)
{
    struct fault why = {0};
    if (!e->is_found)
        return true;
    enum err err = modes_check(&e->grant, &e->real, e->operation->need, &why);
    if (err == ERR_AUTH)
        return tell(e, "modes", false, "%s", why.text);
    if (err != ERR_NONE)
        return tell(e, "modes", true, "not looked at: %s", why.text);
    return tell(e, "modes", true, "the files' modes let uid %u do it", e->grant.uid);
}

/* ---- all of it ---- */

static int
explain(struct explanation *e)
{
    bool is_login = e->operation->right == 0;
    bool is_allowed =
        explain_account(e) && explain_login(e) && explain_factors(e) && explain_grant(e);
    if (is_allowed && !is_login)
        is_allowed = explain_requests(e) && explain_place(e) && explain_rules(e) &&
                     explain_quota(e) && explain_modes(e);
    return conclude(e, is_allowed);
}

static int
run(struct explanation *e)
{
    struct fault why = {0};
    e->log = (struct log_sink){.line = hear, .trace = hear_nothing};
    server_options_init(&e->options);
    const struct config_homes homes = config_homes_of_environment();
    enum err err =
        config_files_load(e->config_path, NULL, &homes, &e->config, &e->options, &why);
    if (err == ERR_NONE)
        err = find(e, &why);
    if (err == ERR_NONE)
        err = settle_options(e);
    int status =
        err == ERR_NONE ? explain(e) : give_up(why.text[0] ? why.text : err_name(err));
    server_options_clear(&e->options);
    server_config_free(e->config);
    return status;
}

static int
usage(void)
{
    fputs("usage: ferryd explain USER OPERATION PATH [-f CONFIG] [--address ADDRESS] "
          "[--json]\n"
          "       ferryd explain USER login [-f CONFIG] [--address ADDRESS] [--json]\n"
          "operations:",
          stderr);
    for (size_t i = 0; i < ARRAY_LEN(operations); i++)
        fprintf(stderr, " %s", operations[i].name);
    fputs("\n", stderr);
    return EXIT_USAGE;
}

static const struct operation *
operation_by_name(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(operations); i++)
        if (strcmp(name, operations[i].name) == 0)
            return &operations[i];
    return NULL;
}

static bool
parse(int argc, char **argv, struct explanation *e)
{
    static const struct option rows[] = {
        {"config", required_argument, NULL, 'f'},
        {"address", required_argument, NULL, 'a'},
        {"json", no_argument, NULL, 'j'},
        {0},
    };
    int letter;
    e->config_path = CONFIG_FILES_DEFAULT;
    while ((letter = getopt_long(argc, argv, "f:", rows, NULL)) != -1) {
        if (letter == 'f')
            e->config_path = optarg;
        else if (letter == 'a')
            e->address = optarg;
        else if (letter == 'j')
            e->is_json = true;
        else
            return false;
    }
    int n = argc - optind;
    e->operation = n >= 2 ? operation_by_name(argv[optind + 1]) : NULL;
    if (!e->operation || n > 3 || (n == 2 && e->operation->right != 0))
        return false;
    e->user = argv[optind];
    e->path = n == 3 ? argv[optind + 2] : "/";
    return true;
}

int
explain_command(int argc, char **argv)
{
    struct explanation *e = calloc(1, sizeof *e);
    if (!e)
        return EXIT_USAGE;
    int status = EXIT_USAGE;
    if (!parse(argc, argv, e))
        usage();
    else if (crypto_init() == ERR_NONE)
        status = run(e);
    free(e);
    return status;
}
