/*
 * The command line as data: one row a command (command.c), one row an option
 * (options.c). Parsing, help and the manual page's check read these rows; a
 * new command is a row and a handler.
 */
#ifndef FERRY_CLI_COMMAND_H
#define FERRY_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "cli/exit_status.h"

enum { CONFIG_LINES_MAX = 128 };

struct command;

/* What the command line said. Texts are borrowed from argv unless noted. */
struct invocation {
    const struct command *command;
    char **operands;
    size_t n_operands;

    /* Options that are ssh_config lines, in order; owned ("Port=22"). */
    char *config_lines[CONFIG_LINES_MAX];
    size_t n_config_lines;
    const char *config_file; /* -F; "none": read none */
    const char *direct;      /* -D: a command that speaks SFTP on its stdin and stdout */
    const char *password_file; /* NULL: none */
    const char *limit_kbit;    /* -l */
    const char *limit_rate;    /* --limit-rate */
    const char *color;         /* auto, always, never */
    const char *chunk;         /* -B */
    const char *requests;      /* -R */
    int verbose;               /* how often -v was given */
    bool is_quiet, is_json, wants_help, wants_version;

    /* of single commands */
    bool recursive, preserve, resume, inplace, fsync; /* get, put, rm, chmod */
    bool list_all, list_long, list_one, by_time, by_size, reversed; /* ls */
    bool human, inodes;                                             /* ls, df */
    bool parents;                                                   /* mkdir */
    bool symbolic;                                                  /* ln */
    bool force;                                                     /* rm */
    bool no_follow;                                                 /* stat */

    /* of the shell, and sftp's */
    const char *batch_file; /* -b; "-": standard input */
    const char *jump;       /* -J */
    bool is_noisy;          /* -N: not quiet although -b was given */
    bool is_sftp;           /* called as sftp */
};

enum option_type {
    OPTION_FLAG,   /* a bool in struct invocation */
    OPTION_COUNT,  /* an int that counts how often */
    OPTION_TEXT,   /* a const char *, its argument */
    OPTION_CONFIG, /* an ssh_config line; `line` with %s for the argument */
};

struct option_row {
    char letter;          /* 0: none */
    const char *word;     /* "json"; NULL: none */
    const char *argument; /* its name in help; NULL: takes none */
    enum option_type type;
    size_t offset;    /* of the member in struct invocation */
    const char *line; /* OPTION_CONFIG */
    const char *help;
};

struct command {
    const char *name;
    const char *operands;             /* as help shows them */
    const char *help;                 /* one line */
    const struct option_row *options; /* its own, before the common ones; ends with a
                                         row of zeroes; NULL: none */
    size_t least, most;               /* operands */
    enum exit_status (*run)(const struct invocation *inv);
};

/* Ends with a row whose name is NULL. */
extern const struct command commands[];
/* Every command takes these; ends with a row of zeroes. */
extern const struct option_row common_options[];
/* What `ferry HOST` is: no word names it. */
extern const struct command shell_command;

/* NULL: no such command. */
const struct command *command_find(const char *name);

/*
 * Read argv into *inv, which starts as zeroes; invocation_clear after use, also
 * after an error. argv's operands are moved together in place.
 * ERR_PROTO: *why says what is wrong; ERR_NOMEM.
 */
enum err
invocation_parse(int argc, char **argv, struct invocation *inv, struct buf *why) MUST_USE;
void invocation_clear(struct invocation *inv);

/* Append "usage: ..." for one command, with its options. */
void command_put_help(struct buf *out, const struct command *command);
/* Append the overview of all commands and the common options. */
void command_put_overview(struct buf *out);

/* The handlers, by file: cmd_transfer.c, cmd_list.c, cmd_change.c, cmd_probe.c */
enum exit_status cmd_get(const struct invocation *inv);
enum exit_status cmd_put(const struct invocation *inv);
enum exit_status cmd_cat(const struct invocation *inv);
enum exit_status cmd_ls(const struct invocation *inv);
enum exit_status cmd_stat(const struct invocation *inv);
enum exit_status cmd_df(const struct invocation *inv);
enum exit_status cmd_rm(const struct invocation *inv);
enum exit_status cmd_mkdir(const struct invocation *inv);
enum exit_status cmd_rmdir(const struct invocation *inv);
enum exit_status cmd_mv(const struct invocation *inv);
enum exit_status cmd_ln(const struct invocation *inv);
enum exit_status cmd_chmod(const struct invocation *inv);
enum exit_status cmd_shell(const struct invocation *inv);
enum exit_status cmd_probe(const struct invocation *inv);

#endif
