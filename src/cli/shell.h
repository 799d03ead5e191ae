/*
 * The interactive session: lines come from a terminal, a pipe or a batch file
 * and become commands over one connection, with sftp(1)'s words and rules.
 * shell_rows is the table that parsing, help, completion and the manual page's
 * check read; a new command is a row and a handler.
 *
 *     shell.c           the loop: a line, its row, its status
 *     shell_rows.c      the rows, options, help
 *     shell_ask.c       questions to the server, whose answers decide what is done
 *     shell_look.c      cd, pwd, ls, df, version
 *     shell_change.c    rm, mkdir, chmod, rename, ...
 *     shell_transfer.c  get and put
 *     shell_local.c     lcd, lls, "!"
 */
#ifndef FERRY_CLI_SHELL_H
#define FERRY_CLI_SHELL_H

#include "cli/path_glob.h"
#include "cli/session.h"

struct shell;
struct shell_call;

enum { SHELL_TEXT_MAX = 65536 /* octets of a path or a line of output */ };

enum shell_operand { SHELL_NO_PATH, SHELL_REMOTE_PATH, SHELL_LOCAL_PATH };

struct shell_row {
    const char *names[4];        /* the first is the command, the others are synonyms */
    const char *options;         /* letters */
    const char *operands;        /* as help shows them */
    const char *help;            /* one line */
    size_t least, most;          /* operands */
    enum shell_operand kinds[2]; /* of the first operand, and of all behind it */
    enum exit_status (*run)(struct shell *sh, const struct shell_call *call);
};

/* Ends with a row of zeroes. */
extern const struct shell_row shell_rows[];

/* By any of its names; NULL: there is none. */
const struct shell_row *shell_row_find(const char *name);

/* The overview; or one command's usage, options and synonyms. */
void shell_put_help(struct buf *out);
void shell_put_row_help(struct buf *out, const struct shell_row *row);

/* One line, understood. */
struct shell_call {
    const struct shell_row *row;
    char **words; /* operands: patterns, see shell_words.h */
    size_t n;
    uint64_t options; /* bits; see shell_has */
    const char *rest; /* "!" and lls: the line behind the command */
};

/* Was -LETTER given? */
bool shell_has(const struct shell_call *call, char letter);

/* What a question to the server brought. */
struct shell_answer {
    enum transfer_failure kind;
    char why[512];                           /* a sentence; "" when kind is TRANSFER_OK */
    struct sftp_attrs attrs;                 /* STAT, LSTAT */
    struct buf path;                         /* REALPATH, READLINK */
    struct sftp_msg_ext_statvfs_reply space; /* STATVFS */
    struct listing *names;                   /* LIST: where names go; NULL: nowhere */
    bool is_cut;                             /* ... and did not fit */
};

struct shell {
    const struct invocation *inv;
    struct session session;
    char *cwd, *start;           /* remote, absolute; owned */
    bool is_batch;               /* -b: a failure ends it */
    bool is_terminal;            /* lines are typed */
    bool is_quiet;               /* says nothing about what works */
    bool has_one_file;           /* `host:file`: it is fetched, and that is all */
    bool wants_end;              /* bye */
    struct shell_answer *answer; /* of the question under way; NULL: none */
};

/* `ferry [user@]host[:path]`, and sftp. */
enum exit_status cmd_shell(const struct invocation *inv);

/* Run one line. A leading "-" and "@" are the caller's. */
enum exit_status shell_run_line(struct shell *sh, const char *line);

/* ---- shell_ask.c ---- */

/*
 * Ask and wait. False: the answer says why; nothing has been said to the user. Clear
 * the answer after use in any case.
 */
bool shell_ask(struct shell *sh, const struct transfer_spec *spec,
               struct shell_answer *answer);
void shell_answer_clear(struct shell_answer *answer);

/* Say the answer's failure, as the status of the command. */
enum exit_status shell_refused(struct shell *sh, const struct shell_answer *answer);

/* Was the command interrupted, or did the connection end? */
bool shell_is_stopped(const struct shell *sh);

/* "Invalid command", with a word that may have been meant. */
enum exit_status shell_unknown(struct shell *sh, const char *name);

/* Say a failure, as the status of the command. */
enum exit_status shell_fail(struct shell *sh, enum exit_status status, const char *fmt,
                            ...) PRINTF_LIKE(3, 4);
enum exit_status shell_no_memory(struct shell *sh);

/* A sentence to standard output unless the shell is quiet. */
void shell_say(struct shell *sh, const char *fmt, ...) PRINTF_LIKE(2, 3);
void shell_out(struct shell *sh, struct buf *text); /* and clear it */

/* A word as an absolute remote path, a pattern still. Owned; NULL: no memory. */
char *shell_remote_pattern(const struct shell *sh, const char *word);
/* A word as a path. Owned; NULL: no memory. */
char *shell_remote_path(const struct shell *sh, const char *word);
char *shell_local_path(const char *word);

/* Append a text so that it is one word of a line, and no pattern. */
void shell_put_quoted(struct buf *out, struct bytes text);

/* Is there a directory of this path? Links are followed. */
bool shell_is_directory(struct shell *sh, const char *path);

/* Names of the server by pattern. */
struct glob_source shell_glob_remote(struct shell *sh);

/*
 * The paths that a word stands for. None: EXIT_NOT_FOUND, and it has been said,
 * unless `literal` asks for the word itself instead.
 */
enum shell_none { SHELL_NONE_FAILS, SHELL_NONE_IS_LITERAL };
enum exit_status shell_expand_remote(struct shell *sh, const char *word,
                                     enum shell_none none, struct listing *found);
enum exit_status
shell_expand_local(struct shell *sh, const char *word, struct listing *found);

/* ---- handlers ---- */
enum exit_status shell_cd(struct shell *sh, const struct shell_call *call);
enum exit_status shell_pwd(struct shell *sh, const struct shell_call *call);
enum exit_status shell_ls(struct shell *sh, const struct shell_call *call);
enum exit_status shell_df(struct shell *sh, const struct shell_call *call);
enum exit_status shell_version(struct shell *sh, const struct shell_call *call);
enum exit_status shell_rm(struct shell *sh, const struct shell_call *call);
enum exit_status shell_mkdir(struct shell *sh, const struct shell_call *call);
enum exit_status shell_rmdir(struct shell *sh, const struct shell_call *call);
enum exit_status shell_chmod(struct shell *sh, const struct shell_call *call);
enum exit_status shell_chown(struct shell *sh, const struct shell_call *call);
enum exit_status shell_chgrp(struct shell *sh, const struct shell_call *call);
enum exit_status shell_rename(struct shell *sh, const struct shell_call *call);
enum exit_status shell_ln(struct shell *sh, const struct shell_call *call);
enum exit_status shell_symlink(struct shell *sh, const struct shell_call *call);
enum exit_status shell_get(struct shell *sh, const struct shell_call *call);
enum exit_status shell_put(struct shell *sh, const struct shell_call *call);
enum exit_status shell_reget(struct shell *sh, const struct shell_call *call);
enum exit_status shell_reput(struct shell *sh, const struct shell_call *call);
enum exit_status shell_lcd(struct shell *sh, const struct shell_call *call);
enum exit_status shell_lls(struct shell *sh, const struct shell_call *call);
enum exit_status shell_lmkdir(struct shell *sh, const struct shell_call *call);
enum exit_status shell_lpwd(struct shell *sh, const struct shell_call *call);
enum exit_status shell_lumask(struct shell *sh, const struct shell_call *call);
enum exit_status shell_escape(struct shell *sh, const struct shell_call *call);
enum exit_status shell_help(struct shell *sh, const struct shell_call *call);
enum exit_status shell_bye(struct shell *sh, const struct shell_call *call);
enum exit_status shell_progress(struct shell *sh, const struct shell_call *call);

#endif
