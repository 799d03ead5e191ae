/*
 * Reading argv by the option tables, and help made from the same rows. See
 * command.h. Options may stand before and behind the command and between
 * operands; "--" ends them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "cli/command.h"
#include "cli/target.h"
#include "config/nearest.h"

struct parser {
    struct invocation *inv;
    struct buf *why;
    char **argv;
    int argc, next; /* argv[next] is read next */
    char early;     /* a letter of the shell's that came before the command; 0: none */
};

static enum err
refuse(struct parser *p, const char *sentence, const char *what)
{
    buf_reset(p->why);
    buf_printf(p->why, "%s %s", sentence, what);
    return ERR_PROTO;
}

/* ---- finding rows ---- */

static bool
row_ends(const struct option_row *row)
{
    return row->letter == 0 && !row->word;
}

static const struct option_row *
find_letter(const struct option_row *rows, char letter)
{
    for (; rows && !row_ends(rows); rows++)
        if (rows->letter == letter)
            return rows;
    return NULL;
}

static const struct option_row *
find_word(const struct option_row *rows, const char *word, size_t n)
{
    for (; rows && !row_ends(rows); rows++)
        if (rows->word && strlen(rows->word) == n && memcmp(rows->word, word, n) == 0)
            return rows;
    return NULL;
}

/* A command's own letters come first: `ls -l` is a long listing, not a limit. */
static const struct option_row *
lookup_letter(struct parser *p, char letter)
{
    const struct command *c = p->inv->command;
    const struct option_row *row = c ? find_letter(c->options, letter) : NULL;
    if (!row)
        row = find_letter(common_options, letter);
    if (!row && !c && (row = find_letter(shell_command.options, letter)) != NULL)
        p->early = letter;
    return row;
}

static const struct option_row *
lookup_word(const struct parser *p, const char *word, size_t n)
{
    const struct command *c = p->inv->command;
    const struct option_row *row =
        find_word(c ? c->options : shell_command.options, word, n);
    return row ? row : find_word(common_options, word, n);
}

/* ---- taking options ---- */

static enum err
add_config_line(struct invocation *inv, const char *format, const char *argument)
{
    if (inv->n_config_lines == CONFIG_LINES_MAX)
        return ERR_LIMIT;
    struct buf line;
    buf_init(&line, 65536);
    const char *hole = strstr(format, "%s");
    buf_put(&line, bytes_of(format, hole ? (size_t)(hole - format) : strlen(format)));
    if (hole) {
        buf_put_str(&line, argument);
        buf_put_str(&line, hole + 2);
    }
    const char *text = buf_cstr(&line);
    char *copy = text ? strdup(text) : NULL;
    buf_clear(&line);
    if (!copy)
        return ERR_NOMEM;
    inv->config_lines[inv->n_config_lines++] = copy;
    return ERR_NONE;
}

static enum err
take(struct invocation *inv, const struct option_row *row, char *argument)
{
    char *member = (char *)inv + row->offset;
    switch (row->type) {
    case OPTION_FLAG:
        *(bool *)(void *)member = true;
        return ERR_NONE;
    case OPTION_COUNT:
        ++*(int *)(void *)member;
        return ERR_NONE;
    case OPTION_TEXT:
        *(const char **)(void *)member = argument;
        return ERR_NONE;
    case OPTION_CONFIG:
        return add_config_line(inv, row->line, argument);
    }
    return ERR_BUG;
}

/* "--word", "--word=argument" or "--word argument". */
static enum err
take_long(struct parser *p, char *text)
{
    size_t n = strcspn(text, "=");
    const struct option_row *row = lookup_word(p, text, n);
    if (!row)
        return refuse(p, "unknown option --", text);
    char *argument = text[n] == '=' ? text + n + 1 : NULL;
    if (!row->argument && argument)
        return refuse(p, "no argument is taken by --", row->word);
    if (row->argument && !argument) {
        if (p->next == p->argc)
            return refuse(p, "an argument is missing behind --", row->word);
        argument = p->argv[p->next++];
    }
    return take(p->inv, row, argument);
}

/* "-abc" or "-oARGUMENT" or "-o ARGUMENT". */
static enum err
take_letters(struct parser *p, char *letters)
{
    for (; *letters; letters++) {
        const struct option_row *row = lookup_letter(p, *letters);
        char name[2] = {*letters, '\0'};
        if (!row)
            return refuse(p, "unknown option -", name);
        if (!row->argument) {
            enum err e = take(p->inv, row, NULL);
            if (e != ERR_NONE)
                return e;
            continue;
        }
        if (letters[1])
            return take(p->inv, row, letters + 1);
        if (p->next == p->argc)
            return refuse(p, "an argument is missing behind -", name);
        return take(p->inv, row, p->argv[p->next++]);
    }
    return ERR_NONE;
}

/* A command, misspelt? A host of such a name is reached with a colon behind it. */
static enum err
refuse_word(struct parser *p, const char *text)
{
    struct nearest n;
    nearest_begin(&n, text);
    for (const struct command *c = commands; c->name; c++)
        nearest_offer(&n, c->name);
    enum err e = refuse(p, "there is no command", text);
    if (n.best)
        buf_printf(p->why, "; did you mean %s?", n.best);
    buf_printf(p->why, " (a host: %s:)", text);
    return e;
}

/* Does a word in a command's place name a host? */
static bool
is_place(const char *text)
{
    return target_is_remote(text) || strpbrk(text, "@.[") != NULL;
}

static enum err
take_operand(struct parser *p, char *text)
{
    struct invocation *inv = p->inv;
    if (!inv->command) {
        if (strcmp(text, "help") == 0) {
            inv->wants_help = true;
            return ERR_NONE;
        }
        inv->command = command_find(text);
        if (inv->command)
            return ERR_NONE;
        if (!is_place(text))
            return refuse_word(p, text);
        inv->command = &shell_command;
    }
    inv->operands[inv->n_operands++] = text;
    return ERR_NONE;
}

static enum err
check_operands(struct parser *p)
{
    struct invocation *inv = p->inv;
    if (inv->wants_help || inv->wants_version)
        return ERR_NONE;
    if (!inv->command && (inv->direct || inv->batch_file))
        inv->command = &shell_command;
    if (p->early && inv->command != &shell_command &&
        !find_letter(inv->command ? inv->command->options : NULL, p->early))
        return refuse(p, "unknown option -", (char[2]){p->early, '\0'});
    if (!inv->command)
        return refuse(p, "a command is missing; see", "ferry help");
    if (inv->jump)
        return refuse(p, "ProxyJump is not available; use -o ProxyCommand instead of",
                      "-J");
    if (inv->n_operands < inv->command->least)
        return refuse(p, "operands are missing:", inv->command->operands);
    if (inv->n_operands > inv->command->most)
        return refuse(p, "too many operands; wanted:", inv->command->operands);
    return ERR_NONE;
}

enum err
invocation_parse(int argc, char **argv, struct invocation *inv, struct buf *why)
{
    struct parser p = {.inv = inv, .why = why, .argv = argv, .argc = argc, .next = 1};
    bool is_ended = false;
    inv->operands = argv; /* operands move to the front: never past what was read */
    enum err e = ERR_NONE;
    while (e == ERR_NONE && p.next < argc) {
        char *text = argv[p.next++];
        if (is_ended || text[0] != '-' || text[1] == '\0')
            e = take_operand(&p, text);
        else if (strcmp(text, "--") == 0)
            is_ended = true;
        else if (text[1] == '-')
            e = take_long(&p, text + 2);
        else
            e = take_letters(&p, text + 1);
    }
    if (e == ERR_LIMIT)
        e = refuse(&p, "too many options", "");
    if (e == ERR_NONE)
        e = check_operands(&p);
    /* Nobody is there to be asked. A later line does not undo an earlier one's. */
    if (e == ERR_NONE && inv->batch_file)
        e = add_config_line(inv, "BatchMode=%s", "yes");
    return e;
}

void
invocation_clear(struct invocation *inv)
{
    for (size_t i = 0; i < inv->n_config_lines; i++)
        free(inv->config_lines[i]);
    inv->n_config_lines = 0;
}

/* ---- help ---- */

static void
put_option(struct buf *out, const struct option_row *row)
{
    char left[40];
    const char *argument = row->argument ? row->argument : "";
    const char *gap = row->argument ? " " : "";
    if (row->letter && row->word)
        snprintf(left, sizeof left, "-%c, --%s%s%s", row->letter, row->word, gap,
                 argument);
    else if (row->letter)
        snprintf(left, sizeof left, "-%c%s%s", row->letter, gap, argument);
    else
        snprintf(left, sizeof left, "    --%s%s%s", row->word, gap, argument);
    buf_printf(out, "  %-24s %s\n", left, row->help);
}

static void
put_options(struct buf *out, const struct option_row *rows)
{
    for (; rows && !row_ends(rows); rows++)
        put_option(out, rows);
}

void
command_put_help(struct buf *out, const struct command *command)
{
    buf_printf(out, "usage: ferry %s [options] %s\n  %s\n", command->name,
               command->operands, command->help);
    if (command->options) {
        buf_put_str(out, "\noptions:\n");
        put_options(out, command->options);
    }
    buf_put_str(out, "\nfor all commands:\n");
    put_options(out, common_options);
}

void
command_put_overview(struct buf *out)
{
    buf_put_str(out,
                "usage: ferry [options] COMMAND [options] OPERANDS\n"
                "       ferry [options] [-b FILE] [user@]host[:path]\n"
                "  HOST is [user@]host; HOST:PATH may be sftp://[user@]host[:port]/PATH\n"
                "\ncommands:\n");
    for (const struct command *c = commands; c->name; c++)
        buf_printf(out, "  %-7s %-22s %s\n", c->name, c->operands, c->help);
    buf_put_str(out, "\noptions:\n");
    put_options(out, common_options);
    buf_put_str(out, "\nof an interactive session:\n");
    put_options(out, shell_command.options);
    buf_put_str(out, "\nexit status:\n");
    for (int i = 0; i < EXIT_STATUS_COUNT; i++)
        buf_printf(out, "  %2d  %s\n", i, exit_status_text((enum exit_status)i));
}
