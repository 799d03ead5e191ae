/*
 * ferryd-accounts: everything about accounts that needs the database, password
 * hashes or PAM, apart from ferryd, which never loads those libraries. `ferryd user`
 * and `ferryd explain` start it; the steward is started by the daemon.
 */
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "account/record.h"
#include "account/user_command.h"
#include "base/bytes.h"
#include "daemon/config_files.h"
#include "steward/explain.h"
#include "steward/process.h"

enum { USER_WORDS_MAX = 512 };

static int user(int argc, char **argv);

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"user", user, "add, list and change accounts"},
    {"explain", explain_command, "what an account may do, and which rule says so"},
    {"steward", steward_command, "started by ferryd"},
};

/* What a configuration says; false: it cannot be read. */
static bool
read_defaults(const char *config_path, char database[PATH_MAX],
              struct account_user_defaults *defaults, struct fault *why)
{
    const struct config_homes homes = config_homes_of_environment();
    struct server_config *config;
    struct server_options o;
    server_options_init(&o);
    bool is_known =
        config_files_load(config_path, NULL, &homes, &config, &o, why) == ERR_NONE;
    if (is_known) {
        const struct passwd *owner = geteuid() == 0 ? getpwnam(o.virtual_user) : NULL;
        snprintf(database, PATH_MAX, "%s", o.account_database);
        defaults->database = database;
        if (owner) {
            defaults->uid = owner->pw_uid;
            defaults->gid = owner->pw_gid;
        }
        server_config_free(config);
    }
    server_options_clear(&o);
    return is_known;
}

/*
 * `ferryd user` as the daemon's configuration says: that of -f CONFIG, or the
 * system's where there is one.
 */
static int
user(int argc, char **argv)
{
    char database[PATH_MAX];
    char *words[USER_WORDS_MAX + 1];
    struct account_user_defaults defaults = {NULL, ACCOUNT_UNSET, ACCOUNT_UNSET};
    const char *config =
        access(CONFIG_FILES_DEFAULT, R_OK) == 0 ? CONFIG_FILES_DEFAULT : NULL;
    struct fault why = {0};
    int n = 0;
    for (int i = 0; i < argc && n < USER_WORDS_MAX; i++)
        if (strcmp(argv[i], "-f") == 0 && i + 1 < argc)
            config = argv[++i];
        else
            words[n++] = argv[i];
    words[n] = NULL;
    if (config && !read_defaults(config, database, &defaults, &why)) {
        fprintf(stderr, "ferryd user: %s\n", why.text);
        return 1;
    }
    return account_user_command(n, words, &defaults);
}

static int
usage(void)
{
    fputs("usage: ferryd-accounts COMMAND ...\n", stderr);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        fprintf(stderr, "  %-9s %s\n", commands[i].name, commands[i].help);
    return 2;
}

int
main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < ARRAY_LEN(commands); i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    return usage();
}
