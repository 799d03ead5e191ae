/* See admin.h. */
#include "admin/admin.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

enum { HELP_COLUMN = 26 }; /* where the sentences about options begin */

const struct admin_command admin_commands[] = {
    {"session", "list and end connections", admin_session},
    {"top", "watch what is being transferred", admin_top},
    {"status", "show how the daemon is", admin_status},
    {"ban", "refuse addresses, and show who is refused", admin_ban},
    {"metrics", "write figures for Prometheus", admin_metrics},
    {"reload", "have the configuration read again", admin_reload},
    {"reopen", "have the log files opened again", admin_reopen},
    {"audit", "verify and show the audit log", admin_audit},
    {NULL, NULL, NULL},
};

static const struct admin_option common_options[] = {
    {"config", 'f', "FILE", ADMIN_TEXT, offsetof(struct admin_call, config_path),
     "the daemon's configuration (default /etc/ferry/ferryd.conf)"},
    {"socket", 0, "PATH", ADMIN_TEXT, offsetof(struct admin_call, socket),
     "the daemon's control socket (default: the configuration's)"},
    {"help", 'h', NULL, ADMIN_FLAG, offsetof(struct admin_call, wants_help),
     "show this and exit"},
    {0},
};

static const struct admin_command *
find_command(const char *name)
{
    const struct admin_command *c = admin_commands;
    while (c->name && strcmp(c->name, name) != 0)
        c++;
    return c->name ? c : NULL;
}

bool
admin_has(const char *name)
{
    return find_command(name) != NULL;
}

int
admin_command(const char *name, int argc, char **argv, const char *config_path)
{
    const struct admin_command *c = find_command(name);
    if (c)
        return c->run(argc, argv, config_path);
    fprintf(stderr, "ferryd: unknown command \"%s\"\n", name);
    return ADMIN_USAGE;
}

/* ---- saying what is wrong ---- */

int
admin_fail(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fputs("ferryd: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    return ADMIN_FAILED;
}

int
admin_misused(const struct admin_call *call, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fputs("ferryd: ", stderr);
    vfprintf(stderr, fmt, args);
    fprintf(stderr, "\nTry \"ferryd %s --help\".\n", call->verb->command);
    va_end(args);
    return ADMIN_USAGE;
}

/* ---- help ---- */

static void
print_usage_line(const struct admin_verb *v, const char *before)
{
    printf("%s ferryd %s%s%s [options]%s%s\n", before, v->command, v->name ? " " : "",
           v->name ? v->name : "", v->operands[0] ? " " : "", v->operands);
}

static void
print_options(const struct admin_option *o)
{
    for (; o && o->word; o++) {
        char letter[4] = {'-', o->letter, ',', 0};
        int n = printf("  %s%s--%s%s%s", o->letter ? letter : "", o->letter ? " " : "",
                       o->word, o->argument ? " " : "", o->argument ? o->argument : "");
        printf("%*s%s\n", n < HELP_COLUMN ? HELP_COLUMN - n : 1, "", o->help);
    }
}

static void
print_help(const struct admin_verb *verbs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        print_usage_line(&verbs[i], i == 0 ? "usage:" : "      ");
    for (size_t i = 0; i < n; i++) {
        printf("\n%s%s%s\n", verbs[i].name ? verbs[i].name : "",
               verbs[i].name ? ": " : "", verbs[i].help);
        print_options(verbs[i].options);
    }
    printf("\nalways:\n");
    print_options(common_options);
}

/* ---- parsing ---- */

static const struct admin_option *
find_word(const struct admin_option *o, struct bytes word)
{
    while (o && o->word && !bytes_eq_str(word, o->word))
        o++;
    return o && o->word ? o : NULL;
}

static const struct admin_option *
find_letter(const struct admin_option *o, char letter)
{
    while (o && o->word && o->letter != letter)
        o++;
    return o && o->word ? o : NULL;
}

/* "--word", "--word=value" or "-l". *value: NULL when it is not in the same word. */
static const struct admin_option *
find_option(const struct admin_verb *v, const char *text, const char **value)
{
    *value = NULL;
    if (text[1] != '-') {
        bool is_one = text[1] != 0 && text[2] == 0;
        const struct admin_option *own = find_letter(v->options, text[1]);
        return !is_one ? NULL : own ? own : find_letter(common_options, text[1]);
    }
    const char *equals = strchr(text, '=');
    struct bytes word =
        bytes_of(text + 2, equals ? (size_t)(equals - text) - 2 : strlen(text) - 2);
    *value = equals ? equals + 1 : NULL;
    const struct admin_option *own = find_word(v->options, word);
    return own ? own : find_word(common_options, word);
}

/* Stores what argv[*i] says and moves *i behind it. */
static int
take_option(struct admin_call *call, int argc, char **argv, int *i)
{
    const char *text = argv[(*i)++], *value;
    const struct admin_option *o = find_option(call->verb, text, &value);
    if (!o)
        return admin_misused(call, "unknown option \"%s\"", text);
    void *at = (char *)call + o->offset;
    if (o->type == ADMIN_FLAG) {
        *(bool *)at = true;
        return value ? admin_misused(call, "--%s takes no value", o->word) : ADMIN_OK;
    }
    if (!value && *i < argc)
        value = argv[(*i)++];
    if (!value)
        return admin_misused(call, "--%s needs %s", o->word, o->argument);
    *(const char **)at = value;
    return ADMIN_OK;
}

/* Operands are moved together at the front of argv. */
static int
parse(struct admin_call *call, int argc, char **argv)
{
    bool is_over = false; /* behind "--" */
    int i = 0;
    call->operands = argv;
    while (i < argc) {
        if (!is_over && strcmp(argv[i], "--") == 0) {
            is_over = true;
            i++;
        } else if (!is_over && argv[i][0] == '-' && argv[i][1] != 0) {
            int status = take_option(call, argc, argv, &i);
            if (status != ADMIN_OK)
                return status;
        } else {
            argv[call->n_operands++] = argv[i++];
        }
    }
    return ADMIN_OK;
}

static const struct admin_verb *
find_verb(const struct admin_verb *verbs, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!verbs[i].name || (name && strcmp(verbs[i].name, name) == 0))
            return &verbs[i];
    return NULL;
}

static bool
is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 ||
           strcmp(word, "help") == 0;
}

int
admin_run_verb(const struct admin_verb *verbs, size_t n, int argc, char **argv,
               const char *config_path)
{
    struct admin_call call = {.verb = verbs, .config_path = config_path};
    if (argc > 0 && is_help(argv[0])) {
        print_help(verbs, n);
        return ADMIN_OK;
    }
    const struct admin_verb *v = find_verb(verbs, n, argc > 0 ? argv[0] : NULL);
    if (!v)
        return argc > 0 ? admin_misused(&call, "unknown command \"%s %s\"",
                                        verbs->command, argv[0])
                        : admin_misused(&call, "what about %ss?", verbs->command);
    call.verb = v;
    int skip = v->name != NULL;
    int status = parse(&call, argc - skip, argv + skip);
    if (status != ADMIN_OK)
        return status;
    if (call.wants_help) {
        print_help(verbs, n);
        return ADMIN_OK;
    }
    if (call.n_operands < v->least)
        return admin_misused(&call, "%s is missing", v->operands);
    if (call.n_operands > v->most)
        return admin_misused(&call, "\"%s\" is too much", call.operands[v->most]);
    return v->run(&call);
}
