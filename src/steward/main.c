/*
 * ferryd-accounts: everything about accounts that needs the database, password
 * hashes or PAM, apart from ferryd, which never loads those libraries. `ferryd user`
 * and `ferryd explain` start it; the steward is started by the daemon.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* AccountDatabase of a configuration; false: it says nothing, or cannot be read. */
static bool
database_of(const char *config_path, char database[PATH_MAX], struct fault *why)
{
    const struct config_homes homes = config_homes_of_environment();
    struct server_config *config;
    struct server_options o;
    server_options_init(&o);
    bool is_known =
        config_files_load(config_path, NULL, &homes, &config, &o, why) == ERR_NONE;
    if (is_known) {
        snprintf(database, PATH_MAX, "%s", o.account_database);
        server_config_free(config);
    }
    server_options_clear(&o);
    return is_known;
}

/*
 * `ferryd user` on the database that the daemon uses: that of -f CONFIG, or of the
 * system's configuration where there is one, unless --database names another.
 */
static int
user(int argc, char **argv)
{
    static char database[PATH_MAX], option[] = "--database";
    char *words[USER_WORDS_MAX + 3];
    const char *config =
        access(CONFIG_FILES_DEFAULT, R_OK) == 0 ? CONFIG_FILES_DEFAULT : NULL;
    struct fault why = {0};
    bool is_named = false;
    int n = 0;
    for (int i = 0; i < argc && n < USER_WORDS_MAX; i++) {
        is_named |= strncmp(argv[i], option, strlen(option)) == 0;
        if (strcmp(argv[i], "-f") == 0 && i + 1 < argc)
            config = argv[++i];
        else
            words[n++] = argv[i];
    }
    if (config && !is_named) {
        if (!database_of(config, database, &why)) {
            fprintf(stderr, "ferryd user: %s\n", why.text);
            return 1;
        }
        words[n++] = option;
        words[n++] = database;
    }
    words[n] = NULL;
    return account_user_command(n, words);
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
