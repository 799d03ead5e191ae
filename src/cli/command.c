/* The table of commands and of their options. See command.h. */
#include "cli/command.h"

#include <string.h>

#define FLAG(letter, word, member, help)                                                 \
    {                                                                                    \
        letter, word, NULL, OPTION_FLAG, offsetof(struct invocation, member), NULL, help \
    }
#define TEXT(letter, word, argument, member, help)                                      \
    {                                                                                   \
        letter, word, argument, OPTION_TEXT, offsetof(struct invocation, member), NULL, \
            help                                                                        \
    }
#define CONFIG(letter, argument, line, help)                 \
    {                                                        \
        letter, NULL, argument, OPTION_CONFIG, 0, line, help \
    }
#define END                                       \
    {                                             \
        0, NULL, NULL, OPTION_FLAG, 0, NULL, NULL \
    }

const struct option_row common_options[] = {
    CONFIG('P', "PORT", "Port=%s", "port of the server"),
    CONFIG('i', "FILE", "IdentityFile=\"%s\"", "private key to log in with"),
    CONFIG('o', "KEY=VALUE", "%s", "an option as in ssh_config(5)"),
    CONFIG('c', "CIPHERS", "Ciphers=%s", "ciphers to offer, comma-separated"),
    CONFIG('C', NULL, "Compression=yes", "compress what is sent"),
    CONFIG('4', NULL, "AddressFamily=inet", "use IPv4 only"),
    CONFIG('6', NULL, "AddressFamily=inet6", "use IPv6 only"),
    TEXT('F', NULL, "FILE", config_file, "configuration file instead of ~/.ssh/config"),
    TEXT('D', NULL, "COMMAND", direct, "speak SFTP with this local command, without SSH"),
    TEXT('l', NULL, "KBIT", limit_kbit, "limit the rate, in Kbit/s"),
    TEXT(0, "limit-rate", "RATE", limit_rate, "the same in octets a second: 500K, 2M"),
    TEXT('B', NULL, "OCTETS", chunk, "data in one read or write request"),
    TEXT('R', NULL, "N", requests, "requests in flight"),
    TEXT(0, "password-file", "FILE", password_file,
         "file whose first line is the password"),
    TEXT(0, "color", "WHEN", color, "auto, always or never"),
    FLAG(0, "json", is_json, "report in JSON, one object a line"),
    FLAG('q', "quiet", is_quiet, "no progress, no warnings"),
    {'v', "verbose", NULL, OPTION_COUNT, offsetof(struct invocation, verbose), NULL,
     "say what happens; more often, more"},
    FLAG('h', "help", wants_help, "show this help"),
    FLAG('V', "version", wants_version, "show the version"),
    END,
};

static const struct option_row transfer_options[] = {
    FLAG('r', "recursive", recursive, "copy directories with their content"),
    FLAG('p', "preserve", preserve, "keep times and modes"),
    FLAG('a', "resume", resume, "continue a partial file once it is known to fit"),
    FLAG('f', "fsync", fsync, "have files on disk before they count as done"),
    FLAG(0, "inplace", inplace, "write under the final name, without a temporary one"),
    END,
};

static const struct option_row list_options[] = {
    FLAG('l', "long", list_long, "modes, owner, size and time as well"),
    FLAG('a', "all", list_all, "names that begin with a dot, too"),
    FLAG('h', "human", human, "sizes with units"),
    FLAG('t', NULL, by_time, "newest first"),
    FLAG('S', NULL, by_size, "largest first"),
    FLAG('r', NULL, reversed, "in reverse order"),
    FLAG('1', NULL, list_one, "one name a line"),
    END,
};

static const struct option_row stat_options[] = {
    FLAG('P', "no-follow", no_follow, "of a symbolic link, the link itself"),
    END,
};

static const struct option_row df_options[] = {
    FLAG('h', "human", human, "sizes with units"),
    FLAG('i', "inodes", inodes, "inodes instead of space"),
    END,
};

static const struct option_row rm_options[] = {
    FLAG('r', "recursive", recursive, "directories with their content; links stay links"),
    FLAG('f', "force", force, "what is not there is no failure"),
    END,
};

static const struct option_row mkdir_options[] = {
    FLAG('p', "parents", parents, "missing parents too; an existing directory is fine"),
    END,
};

static const struct option_row ln_options[] = {
    FLAG('s', "symbolic", symbolic, "a symbolic link"),
    END,
};

static const struct option_row shell_options[] = {
    TEXT('b', NULL, "FILE", batch_file,
         "run the commands in a file; `-`: standard input"),
    FLAG('N', NULL, is_noisy, "say what works, with -b too"),
    FLAG('r', NULL, recursive, "copy directories with their content"),
    FLAG('p', NULL, preserve, "keep times and modes"),
    FLAG('a', NULL, resume, "continue partial files once they are known to fit"),
    FLAG('f', NULL, fsync, "have files on disk before they count as done"),
    FLAG(0, "inplace", inplace, "write under the final name, without a temporary one"),
    TEXT('J', NULL, "HOST", jump, "not available; use -o ProxyCommand"),
    CONFIG('A', NULL, "ForwardAgent=yes", "as for ssh; nothing is forwarded for files"),
    END,
};

const struct command shell_command = {
    "",       "[user@]host[:path]", "open an interactive session", shell_options, 0, 2,
    cmd_shell};

enum { MANY = 100000 };

const struct command commands[] = {
    {"get", "HOST:PATH... [LOCAL]", "download files", transfer_options, 1, MANY, cmd_get},
    {"put", "LOCAL... HOST:[PATH]", "upload files", transfer_options, 2, MANY, cmd_put},
    {"ls", "HOST:[PATH]...", "list directories", list_options, 1, MANY, cmd_ls},
    {"cat", "HOST:PATH...", "write files to standard output", NULL, 1, MANY, cmd_cat},
    {"rm", "HOST:PATH...", "remove files", rm_options, 1, MANY, cmd_rm},
    {"mkdir", "HOST:PATH...", "make directories", mkdir_options, 1, MANY, cmd_mkdir},
    {"rmdir", "HOST:PATH...", "remove empty directories", NULL, 1, MANY, cmd_rmdir},
    {"mv", "HOST:OLD NEW", "rename a file or directory", NULL, 2, 2, cmd_mv},
    {"ln", "HOST:EXISTING NEW", "link a file", ln_options, 2, 2, cmd_ln},
    {"stat", "HOST:PATH...", "show a file's attributes", stat_options, 1, MANY, cmd_stat},
    {"df", "HOST:[PATH]...", "show free space", df_options, 1, MANY, cmd_df},
    {"chmod", "MODE HOST:PATH...", "change permissions", NULL, 2, MANY, cmd_chmod},
    {"probe", "HOST", "show the eight steps of a connection", NULL, 1, 1, cmd_probe},
    {NULL, NULL, NULL, NULL, 0, 0, NULL},
};

const struct command *
command_find(const char *name)
{
    for (const struct command *c = commands; c->name; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}
