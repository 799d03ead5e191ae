/* See run_options.h. */
#include "daemon/run_options.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

enum option_kind { IS_FLAG, IS_TEXT, IS_OVERRIDE, IS_NOTHING };

/* One row an option: parser and --help come from it. */
static const struct row {
    const char *name; /* "-f" or "--trace" */
    enum option_kind kind;
    size_t member;         /* of struct run_options: FLAG, TEXT */
    const char *directive; /* OVERRIDE: what the argument follows; "" nothing */
    const char *argument, *help;
} rows[] = {
    {"-f", IS_TEXT, offsetof(struct run_options, config), NULL, "FILE",
     "the configuration (/etc/ferry/ferryd.conf)"},
    {"-t", IS_FLAG, offsetof(struct run_options, is_test), NULL, NULL,
     "check the configuration and end"},
    {"-T", IS_FLAG, offsetof(struct run_options, is_print), NULL, NULL,
     "print the effective configuration and end"},
    {"-C", IS_TEXT, offsetof(struct run_options, context), NULL, "SPEC",
     "with -T: for user=U,addr=A,laddr=A,lport=P"},
    {"-o", IS_OVERRIDE, 0, "", "DIRECTIVE", "a directive that comes before the file's"},
    {"-p", IS_OVERRIDE, 0, "Port ", "PORT", "the same as -o \"Port PORT\""},
    {"-h", IS_OVERRIDE, 0, "HostKey ", "FILE", "the same as -o \"HostKey FILE\""},
    {"-e", IS_OVERRIDE, 0, "LogTarget stderr", NULL, "log to standard error"},
    {"-D", IS_NOTHING, 0, NULL, NULL, "stay in the foreground, as always"},
    {"--trace", IS_TEXT, offsetof(struct run_options, trace), NULL, "PARTS",
     "trace wire,kex,chan,sftp to the log"},
    {"--help", IS_FLAG, offsetof(struct run_options, is_help), NULL, NULL, "this text"},
};

static const struct row *
find_row(const char *word)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strcmp(rows[i].name, word) == 0)
            return &rows[i];
    return NULL;
}

static enum err
add_override(struct run_options *o, const char *directive, const char *argument,
             struct fault *why)
{
    char line[4096];
    int n = snprintf(line, sizeof line, "%s%s", directive, argument ? argument : "");
    if (n < 0 || (size_t)n >= sizeof line || o->n_overrides == RUN_OVERRIDES_MAX)
        return fault_set(why, ERR_PROTO, 0, "too many options, or one is too long");
    o->overrides[o->n_overrides] = strdup(line);
    if (!o->overrides[o->n_overrides])
        return fault_set(why, ERR_NOMEM, 0, "out of memory");
    o->n_overrides++;
    return ERR_NONE;
}

static enum err
take(struct run_options *o, const struct row *row, const char *argument,
     struct fault *why)
{
    uint8_t *member = (uint8_t *)o + row->member;
    switch (row->kind) {
    case IS_FLAG:
        *(bool *)member = true;
        return ERR_NONE;
    case IS_TEXT:
        *(const char **)(void *)member = argument;
        return ERR_NONE;
    case IS_OVERRIDE:
        return add_override(o, row->directive, argument, why);
    case IS_NOTHING:
        break;
    }
    return ERR_NONE;
}

enum err
run_options_parse(int argc, char *const *argv, struct run_options *o, struct fault *why)
{
    memset(o, 0, sizeof *o);
    for (int i = 0; i < argc; i++) {
        const struct row *row = find_row(argv[i]);
        if (!row)
            return fault_set(why, ERR_PROTO, 0, "unknown option \"%.80s\"", argv[i]);
        if (row->argument && i + 1 == argc)
            return fault_set(why, ERR_PROTO, 0, "%s wants an argument: %s", row->name,
                             row->argument);
        enum err err = take(o, row, row->argument ? argv[++i] : NULL, why);
        if (err != ERR_NONE)
            return err;
    }
    return ERR_NONE;
}

enum err
run_context_parse(char *text, struct server_context *context, struct fault *why)
{
    char *save = NULL;
    memset(context, 0, sizeof *context);
    for (char *word = strtok_r(text, ",", &save); word;
         word = strtok_r(NULL, ",", &save)) {
        char *value = strchr(word, '=');
        if (value)
            *value++ = 0;
        if (value && strcmp(word, "user") == 0)
            context->user = value;
        else if (value && strcmp(word, "addr") == 0)
            context->address = value;
        else if (value && strcmp(word, "laddr") == 0)
            context->local_address = value;
        else if (value && strcmp(word, "lport") == 0)
            context->local_port = (uint16_t)strtoul(value, NULL, 10);
        else if (!value ||
                 strcmp(word, "host") != 0) /* sshd's; names are not looked up */
            return fault_set(
                why, ERR_PROTO, 0,
                "-C: user=, addr=, laddr= and lport= are known, not \"%.40s\"", word);
    }
    return ERR_NONE;
}

void
run_options_clear(struct run_options *o)
{
    while (o->n_overrides > 0)
        free(o->overrides[--o->n_overrides]);
}

void
run_options_help(FILE *out)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        fprintf(out, "  %s %-*s %s\n", rows[i].name, 20 - (int)strlen(rows[i].name),
                rows[i].argument ? rows[i].argument : "", rows[i].help);
}
