/* The shell's commands as rows, and help made from them. See shell.h. */
#include <string.h>
#include <strings.h>

#include "cli/shell.h"

enum { MANY = 64 /* words of a line */ };

#define REMOTE                               \
    {                                        \
        SHELL_REMOTE_PATH, SHELL_REMOTE_PATH \
    }
#define LOCAL                              \
    {                                      \
        SHELL_LOCAL_PATH, SHELL_LOCAL_PATH \
    }
#define FROM_REMOTE                         \
    {                                       \
        SHELL_REMOTE_PATH, SHELL_LOCAL_PATH \
    }
#define FROM_LOCAL                          \
    {                                       \
        SHELL_LOCAL_PATH, SHELL_REMOTE_PATH \
    }
#define BEHIND_ONE                       \
    {                                    \
        SHELL_NO_PATH, SHELL_REMOTE_PATH \
    }
#define NO_PATHS                     \
    {                                \
        SHELL_NO_PATH, SHELL_NO_PATH \
    }

const struct shell_row shell_rows[] = {
    {{"bye", "exit", "quit"}, "", "", "Quit", 0, 0, NO_PATHS, shell_bye},
    {{"cd", "chdir"}, "", "[path]", "Change remote directory", 0, 1, REMOTE, shell_cd},
    {{"chgrp"},
     "h",
     "group path",
     "Change group of remote files",
     2,
     2,
     BEHIND_ONE,
     shell_chgrp},
    {{"chmod"},
     "h",
     "mode path",
     "Change permissions of remote files",
     2,
     2,
     BEHIND_ONE,
     shell_chmod},
    {{"chown"},
     "h",
     "owner path",
     "Change owner of remote files",
     2,
     2,
     BEHIND_ONE,
     shell_chown},
    {{"df"},
     "hi",
     "[path]",
     "Show space on the remote file system",
     0,
     1,
     REMOTE,
     shell_df},
    {{"get", "mget"},
     "afPpRr",
     "remote [local]",
     "Download files",
     1,
     2,
     FROM_REMOTE,
     shell_get},
    {{"help", "?"},
     "",
     "[command]",
     "Show this help, or a command's",
     0,
     1,
     NO_PATHS,
     shell_help},
    {{"lcd", "lchdir"}, "", "[path]", "Change local directory", 0, 1, LOCAL, shell_lcd},
    {{"lls"},
     NULL,
     "[ls-options [path]]",
     "List local directory",
     0,
     MANY,
     LOCAL,
     shell_lls},
    {{"lmkdir"}, "", "path", "Create local directory", 1, 1, LOCAL, shell_lmkdir},
    {{"ln"},
     "s",
     "oldpath newpath",
     "Link remote file (-s: symbolically)",
     2,
     2,
     REMOTE,
     shell_ln},
    {{"lpwd"}, "", "", "Print local working directory", 0, 0, NO_PATHS, shell_lpwd},
    {{"ls", "dir"},
     "1afhlnrSt",
     "[path]",
     "List remote directory",
     0,
     1,
     REMOTE,
     shell_ls},
    {{"lumask"}, "", "umask", "Set local umask", 1, 1, NO_PATHS, shell_lumask},
    {{"mkdir"}, "", "path", "Create remote directory", 1, 1, REMOTE, shell_mkdir},
    {{"progress"}, "", "", "Toggle display of progress", 0, 0, NO_PATHS, shell_progress},
    {{"put", "mput"},
     "afPpRr",
     "local [remote]",
     "Upload files",
     1,
     2,
     FROM_LOCAL,
     shell_put},
    {{"pwd"}, "", "", "Display remote working directory", 0, 0, NO_PATHS, shell_pwd},
    {{"reget"},
     "fPpRr",
     "remote [local]",
     "Resume download of files",
     1,
     2,
     FROM_REMOTE,
     shell_reget},
    {{"rename"},
     "l",
     "oldpath newpath",
     "Rename remote file",
     2,
     2,
     REMOTE,
     shell_rename},
    {{"reput"},
     "fPpRr",
     "local [remote]",
     "Resume upload of files",
     1,
     2,
     FROM_LOCAL,
     shell_reput},
    {{"rm"}, "", "path", "Delete remote files", 1, 1, REMOTE, shell_rm},
    {{"rmdir"}, "", "path", "Remove remote directory", 1, 1, REMOTE, shell_rmdir},
    {{"symlink"},
     "",
     "oldpath newpath",
     "Symlink remote file",
     2,
     2,
     REMOTE,
     shell_symlink},
    {{"version"}, "", "", "Show SFTP version", 0, 0, NO_PATHS, shell_version},
    {{"!"},
     NULL,
     "[command]",
     "Run a command in a local shell, or the shell",
     0,
     MANY,
     LOCAL,
     shell_escape},
    {{NULL}, NULL, NULL, NULL, 0, 0, NO_PATHS, NULL},
};

const struct shell_row *
shell_row_find(const char *name)
{
    for (const struct shell_row *row = shell_rows; row->names[0]; row++)
        for (size_t i = 0; i < ARRAY_LEN(row->names) && row->names[i]; i++)
            if (strcasecmp(row->names[i], name) == 0)
                return row;
    return NULL;
}

static void
put_usage(struct buf *out, const char *name, const struct shell_row *row)
{
    buf_put_str(out, name);
    if (row->options && row->options[0] != '\0')
        buf_printf(out, " [-%s]", row->options);
    if (row->operands[0] != '\0')
        buf_printf(out, " %s", row->operands);
}

/* All names have a line, as in sftp(1)'s help; synonyms say what they are one of. */
void
shell_put_help(struct buf *out)
{
    buf_put_str(out, "Available commands:\n");
    for (const struct shell_row *row = shell_rows; row->names[0]; row++) {
        struct buf usage;
        buf_init(&usage, 1024);
        for (size_t i = 0; i < ARRAY_LEN(row->names) && row->names[i]; i++) {
            if (i != 0)
                buf_put_str(&usage, ", ");
            buf_put_str(&usage, row->names[i]);
        }
        if (row->options && row->options[0] != '\0')
            buf_printf(&usage, " [-%s]", row->options);
        buf_printf(&usage, " %s", row->operands);
        const char *text = buf_cstr(&usage);
        buf_printf(out, "%-40s %s\n", text ? text : "", row->help);
        buf_clear(&usage);
    }
}

/* What a letter means, where it means the same in all commands that have it but ls. */
static const struct {
    char letter;
    const char *about; /* the commands that it is of; NULL: all others */
    const char *help;
} letters[] = {
    {'1', "ls", "one name a line"},
    {'a', "ls", "names that begin with a dot, too"},
    {'f', "ls", "as the server sends them, unsorted"},
    {'h', "ls df", "sizes with units"},
    {'l', "ls", "modes, owner, size and time as well"},
    {'n', "ls", "the same, with owner and group as numbers"},
    {'r', "ls", "in reverse order"},
    {'S', "ls", "largest first"},
    {'t', "ls", "newest first"},
    {'i', "df", "inodes instead of space"},
    {'s', "ln", "a symbolic link"},
    {'h', "chgrp chmod chown", "of a symbolic link, the link itself"},
    {'l', "rename", "as the protocol has it: never over an existing file"},
    {'a', NULL, "continue a partial file once it is known to fit"},
    {'f', NULL, "have files on disk before they count as done"},
    {'p', NULL, "keep times and modes"},
    {'P', NULL, "the same as -p"},
    {'r', NULL, "copy directories with their content"},
    {'R', NULL, "the same as -r"},
};

static bool
is_about(const char *about, const char *name)
{
    const char *at = about ? strstr(about, name) : name;
    return at && (!about || at[strlen(name)] == ' ' || at[strlen(name)] == '\0');
}

static const char *
letter_help(const char *name, char letter)
{
    for (size_t i = 0; i < ARRAY_LEN(letters); i++)
        if (letters[i].letter == letter && is_about(letters[i].about, name))
            return letters[i].help;
    return "";
}

void
shell_put_row_help(struct buf *out, const struct shell_row *row)
{
    buf_put_str(out, "usage: ");
    put_usage(out, row->names[0], row);
    buf_printf(out, "\n  %s\n", row->help);
    for (const char *o = row->options; o && *o; o++)
        buf_printf(out, "  -%c  %s\n", *o, letter_help(row->names[0], *o));
    for (size_t i = 1; i < ARRAY_LEN(row->names) && row->names[i]; i++)
        buf_printf(out, "  the same: %s\n", row->names[i]);
}
