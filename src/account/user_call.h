/*
 * One call of `ferryd user`: its words taken apart by two const tables, the
 * subcommands (user_command.c) and the options (user_call.c and account/member.c),
 * from which the help comes too.
 */
#ifndef FERRY_ACCOUNT_USER_CALL_H
#define FERRY_ACCOUNT_USER_CALL_H

#include <stdio.h>

#include "account/user_command.h"
#include "account/member.h"
#include "account/store.h"

enum {
    USER_OPERANDS_MAX = 64, /* NAME and files of keys */
    USER_TEXTS_MAX = 64,    /* of one option */
};

/* What a command takes besides operands; bits. */
enum user_takes {
    TAKES_ALWAYS = 1 << 0,
    TAKES_MEMBERS = 1 << 1,  /* account/member.h */
    TAKES_PASSWORD = 1 << 2, /* where it comes from */
    TAKES_REMOVE = 1 << 3,
    TAKES_KEYS = 1 << 4,
    TAKES_ROOT = 1 << 5, /* --create-root */
    TAKES_UNSET = 1 << 6,
    TAKES_GROUP_KIND = 1 << 7, /* --of-group */
    TAKES_IMPORT = 1 << 8,
};

struct user_call;

struct user_command {
    const char *name;     /* "key add" */
    const char *operands; /* as help shows them */
    const char *help;
    unsigned takes; /* TAKES_ALWAYS is not said */
    size_t min_operands, max_operands;
    enum store_mode mode;
    enum err (*run)(struct user_call *call, struct fault *why);
};

struct user_texts {
    const char *text[USER_TEXTS_MAX];
    size_t n;
};

struct user_call {
    const struct user_command *command;
    const struct account_user_defaults *defaults;
    struct user_texts operands, keys, unset;
    struct account_record record; /* the members that were given */
    uint64_t members;             /* which */
    const char *database, *password_file, *passwd_file, *shadow_file;
    bool is_json, is_password_stdin, is_generated, is_weak_allowed, is_removed;
    bool creates_root, is_of_group, is_dry_run, skips_bad, wants_help;
    int64_t min_uid;
    struct store *store;
    int64_t now; /* seconds since 1970 */
};

/*
 * argv[0..argc): what follows the command's words. call->command is set; the rest is
 * filled. Texts are borrowed from argv. ERR_PROTO: a usage error.
 */
enum err user_call_parse(struct user_call *call, int argc, char *const *argv,
                         struct fault *why) MUST_USE;

/* The options a command takes, as --help shows them. */
void user_call_help(const struct user_command *command, FILE *out);

/* The account that operand 0 names; of a group with --of-group. */
enum err
user_find(struct user_call *call, struct account_record *r, struct fault *why) MUST_USE;

/* A change was made: "NAME: what" or, with --json, an object of that type. */
void user_tell(const struct user_call *call, const char *type, const char *name,
               const char *what);

#endif
