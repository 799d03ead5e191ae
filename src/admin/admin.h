/*
 * The commands that steer a running daemon, as data: one row a command
 * (admin.c), one row a verb and one an option in the command's file. Parsing
 * and help read these rows.
 *
 * A command's exit status: 0, 1 (it failed, or no daemon is there), 2 (usage).
 */
#ifndef FERRY_ADMIN_ADMIN_H
#define FERRY_ADMIN_ADMIN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum { ADMIN_OK = 0, ADMIN_FAILED = 1, ADMIN_USAGE = 2 };

struct admin_command {
    const char *name; /* the word behind "ferryd" */
    const char *help; /* one line */
    /* argv[0] is the first word behind the command's name. config_path: -f, or NULL. */
    int (*run)(int argc, char **argv, const char *config_path);
};

/* Ends with a row whose name is NULL. */
extern const struct admin_command admin_commands[];

bool admin_has(const char *name);

/* Run a command of the table. Exit status; ADMIN_USAGE for an unknown name. */
int admin_command(const char *name, int argc, char **argv, const char *config_path);

/* The commands, by file. */
int admin_session(int argc, char **argv, const char *config_path);
int admin_top(int argc, char **argv, const char *config_path);
int admin_status(int argc, char **argv, const char *config_path);
int admin_ban(int argc, char **argv, const char *config_path);
int admin_metrics(int argc, char **argv, const char *config_path);
int admin_reload(int argc, char **argv, const char *config_path);
int admin_reopen(int argc, char **argv, const char *config_path);
int admin_audit(int argc, char **argv, const char *config_path);

/* ---- what the commands share ---- */

/* What a command line said. Texts are borrowed from argv. */
struct admin_call {
    const struct admin_verb *verb;
    const char *config_path; /* -f; NULL: the default file */
    const char *socket;      /* --socket; NULL: the configuration's */
    bool is_json, is_once, wants_help;
    const char *user, *duration, *reason; /* session; ban add */
    const char *output, *listen;          /* metrics */
    bool is_following;                    /* audit tail */
    const char *count;                    /* audit tail */
    char **operands;
    size_t n_operands;
};

enum admin_option_type { ADMIN_FLAG, ADMIN_TEXT };

struct admin_option {
    const char *word;     /* "json", given as --json; NULL ends a table */
    char letter;          /* 0: none */
    const char *argument; /* its name in help; NULL: a FLAG */
    enum admin_option_type type;
    size_t offset; /* of a bool or const char * in struct admin_call */
    const char *help;
};

struct admin_verb {
    const char *command;  /* "session" */
    const char *name;     /* "list"; NULL: the command has one verb, which is not named */
    const char *operands; /* as help shows them */
    const char *help;     /* one line */
    const struct admin_option *options; /* besides the common ones; NULL: none */
    size_t least, most;                 /* operands */
    int (*run)(const struct admin_call *call);
};

/* Find the verb, parse its options, run it; says on standard error what is wrong.
 * verbs: a table of n rows of one command. */
int admin_run_verb(const struct admin_verb *verbs, size_t n, int argc, char **argv,
                   const char *config_path);

/* The rows that most commands take, for their tables. */
#define ADMIN_FLAG_AT(word, field, help)                                    \
    {                                                                       \
        word, 0, NULL, ADMIN_FLAG, offsetof(struct admin_call, field), help \
    }
#define ADMIN_TEXT_AT(word, argument, field, help)                              \
    {                                                                           \
        word, 0, argument, ADMIN_TEXT, offsetof(struct admin_call, field), help \
    }

/* "ferryd: sentence" on standard error; returns ADMIN_FAILED. */
int admin_fail(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* The same with a hint at the help; returns ADMIN_USAGE. */
int admin_misused(const struct admin_call *call, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
