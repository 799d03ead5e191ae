/*
 * ferryd-accounts: everything about accounts that needs the database, password
 * hashes or PAM, apart from ferryd, which never loads those libraries. `ferryd user`
 * and `ferryd explain` start it; the steward is started by the daemon.
 */
#include <stdio.h>
#include <string.h>

#include "account/user_command.h"
#include "base/bytes.h"
#include "steward/explain.h"
#include "steward/process.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"user", account_user_command, "add, list and change accounts"},
    {"explain", explain_command, "what an account may do, and which rule says so"},
    {"steward", steward_command, "started by ferryd"},
};

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
