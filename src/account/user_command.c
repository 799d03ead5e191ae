/* See user_command.h. One row a subcommand: parser, help and dispatch come from it. */
#include "account/user_command.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "account/user_part.h"
#include "crypto/rand.h"

enum { EXIT_USAGE = 2 };

static const char root_database[] = "/var/lib/ferry/accounts.db";

enum { ADDS = TAKES_MEMBERS | TAKES_PASSWORD | TAKES_KEYS | TAKES_ROOT };

static const struct user_command commands[] = {
    {"add", "NAME", "Add an account", ADDS, 1, 1, STORE_CREATE, user_add},
    {"list", "", "List the accounts", 0, 0, 0, STORE_READ, user_list},
    {"show", "NAME", "Show what holds for an account, and where it comes from", 0, 1, 1,
     STORE_READ, user_show},
    {"set", "NAME", "Change what is set of an account",
     TAKES_MEMBERS | TAKES_UNSET | TAKES_ROOT, 1, 1, STORE_WRITE, user_set},
    {"passwd", "NAME", "Set an account's password", TAKES_PASSWORD | TAKES_REMOVE, 1, 1,
     STORE_WRITE, user_passwd},
    {"key add", "NAME [FILE...]",
     "Let the public keys in the files (or standard input) in", TAKES_GROUP_KIND, 1,
     USER_OPERANDS_MAX, STORE_WRITE, user_key_add},
    {"key list", "NAME", "List an account's keys", TAKES_GROUP_KIND, 1, 1, STORE_READ,
     user_key_list},
    {"key del", "NAME KEY", "Take out a key, named by its fingerprint or its number",
     TAKES_GROUP_KIND, 2, 2, STORE_WRITE, user_key_del},
    {"totp enable", "NAME", "Ask for one-time codes of an app as a second factor", 0, 1,
     1, STORE_WRITE, user_totp_enable},
    {"totp disable", "NAME", "Ask for no one-time codes any more", 0, 1, 1, STORE_WRITE,
     user_totp_disable},
    {"recovery", "NAME", "Make new recovery codes in place of the old ones", 0, 1, 1,
     STORE_WRITE, user_recovery},
    {"disable", "NAME", "Let an account log in no more", 0, 1, 1, STORE_WRITE,
     user_disable},
    {"enable", "NAME", "Let a disabled account log in again", 0, 1, 1, STORE_WRITE,
     user_enable},
    {"del", "NAME", "Delete an account; its files stay", 0, 1, 1, STORE_WRITE, user_del},
    {"import", "[FILE]",
     "Add the accounts of a list user:pass[:e][:uid[:gid[:dirs]]], or of passwd and "
     "shadow files",
     TAKES_MEMBERS | TAKES_ROOT | TAKES_IMPORT, 0, 1, STORE_CREATE, user_import},
    {"group add", "NAME", "Add a group, whose values its accounts take", TAKES_MEMBERS, 1,
     1, STORE_CREATE, user_group_add},
    {"group list", "", "List the groups", 0, 0, 0, STORE_READ, user_group_list},
    {"group show", "NAME", "Show what is set of a group", 0, 1, 1, STORE_READ,
     user_group_show},
    {"group set", "NAME", "Change what is set of a group", TAKES_MEMBERS | TAKES_UNSET, 1,
     1, STORE_WRITE, user_group_set},
    {"group del", "NAME", "Delete a group without accounts", 0, 1, 1, STORE_WRITE,
     user_group_del},
};

/* ---- which command ---- */

/* Words of a row's name that argv begins with; 0: another command. */
static int
words_matched(const char *name, int argc, char *const *argv)
{
    const char *space = strchr(name, ' ');
    size_t n = space ? (size_t)(space - name) : strlen(name);
    if (argc < 1 || strlen(argv[0]) != n || memcmp(argv[0], name, n) != 0)
        return 0;
    if (!space)
        return 1;
    return argc > 1 && strcmp(argv[1], space + 1) == 0 ? 2 : 0;
}

static const struct user_command *
find_command(int argc, char *const *argv, int *n_words)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        *n_words = words_matched(commands[i].name, argc, argv);
        if (*n_words != 0)
            return &commands[i];
    }
    return NULL;
}

static void
print_usage(FILE *out)
{
    fputs("usage: ferryd user COMMAND [options] [operands]\n\n"
          "Accounts that exist in the database alone, and what they may do. A change\n"
          "counts from the next login on.\n\n"
          "Commands:\n",
          out);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        char left[64];
        snprintf(left, sizeof left, "%s %s", commands[i].name, commands[i].operands);
        fprintf(out, "  %-26s  %s\n", left, commands[i].help);
    }
    fputs("\n\"ferryd user COMMAND --help\" tells the options.\n", out);
}

static int
run_without_command(int argc, char **argv)
{
    if (argc == 0) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0 ||
        strcmp(argv[0], "help") == 0) {
        print_usage(stdout);
        return EXIT_SUCCESS;
    }
    fprintf(stderr,
            "ferryd user: there is no command \"%.40s%s%.40s\"\n"
            "Try \"ferryd user --help\".\n",
            argv[0], argc > 1 ? " " : "", argc > 1 ? argv[1] : "");
    return EXIT_USAGE;
}

/* ---- running it ---- */

/* Where ferryd looks too, unless its configuration says otherwise. */
static enum err
default_database(char path[PATH_MAX], struct fault *why)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    int n;
    if (geteuid() == 0)
        n = snprintf(path, PATH_MAX, "%s", root_database);
    else if (state && state[0] == '/') /* a relative one is to be ignored */
        n = snprintf(path, PATH_MAX, "%s/ferry/accounts.db", state);
    else if (home && home[0] == '/')
        n = snprintf(path, PATH_MAX, "%s/.local/state/ferry/accounts.db", home);
    else
        return fault_set(why, ERR_PROTO, 0, "HOME is not set: use --database FILE");
    return n > 0 && n < PATH_MAX ? ERR_NONE
                                 : fault_set(why, ERR_PROTO, 0, "HOME is too long");
}

static enum err
open_store(struct user_call *call, struct fault *why)
{
    char path[PATH_MAX];
    struct fault detail = {0};
    if (!call->database)
        call->database = call->defaults->database;
    if (!call->database) {
        enum err err = default_database(path, why);
        if (err)
            return err;
        call->database = path;
    }
    enum err err = store_open(call->database, call->command->mode, &call->store, &detail);
    if (err && detail.sys_errno == ENOENT)
        fault_set(why, err, 0,
                  "there is no account database %.120s; \"ferryd user add\" "
                  "makes it",
                  call->database);
    else if (err)
        fault_set(why, err, 0, "%s", detail.text);
    call->database = NULL; /* may be this function's own */
    return err;
}

static int
fail(const struct fault *why)
{
    fprintf(stderr, "ferryd user: %s\n", why->text[0] ? why->text : err_name(why->code));
    return EXIT_FAILURE;
}

static int
run_command(struct user_call *call)
{
    struct fault why = {0};
    call->now = (int64_t)time(NULL);
    umask(077);
    enum err err = crypto_init();
    if (err == ERR_NONE)
        err = open_store(call, &why);
    if (err == ERR_NONE)
        err = call->command->run(call, &why);
    store_close(call->store);
    if (err != ERR_NONE) {
        fault_set(&why, err, 0, "%s", err_name(err));
        return fail(&why);
    }
    bool is_told = fflush(stdout) == 0 && !ferror(stdout);
    if (!is_told)
        fputs("ferryd user: cannot write standard output\n", stderr);
    return is_told ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
account_user_command(int argc, char **argv, const struct account_user_defaults *defaults)
{
    struct fault why = {0};
    int n_words, status;
    argc--, argv++;
    const struct user_command *command = find_command(argc, argv, &n_words);
    if (!command)
        return run_without_command(argc, argv);
    struct user_call *call = calloc(1, sizeof *call);
    if (!call) {
        fputs("ferryd user: out of memory\n", stderr);
        return EXIT_FAILURE;
    }
    call->command = command;
    call->defaults = defaults;
    if (user_call_parse(call, argc - n_words, argv + n_words, &why) != ERR_NONE) {
        fprintf(stderr, "ferryd user: %s\nTry \"ferryd user %s --help\".\n", why.text,
                command->name);
        status = EXIT_USAGE;
    } else if (call->wants_help) {
        user_call_help(command, stdout);
        status = EXIT_SUCCESS;
    } else {
        status = run_command(call);
    }
    free(call);
    return status;
}
