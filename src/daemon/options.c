/* See options.h. */
#include "daemon/options.h"

#include <stddef.h>

enum { HELP_COLUMN = 30 }; /* where --help's sentences begin */

enum option_kind {
    OPTION_COUNT,  /* uint32_t: how often it was given */
    OPTION_TEXT,   /* const char * */
    OPTION_TEXTS,  /* struct option_texts */
    OPTION_NUMBER, /* uint32_t within min..max */
    OPTION_SIZE,   /* uint64_t, with K, M or G; at least 1 */
    OPTION_CHOICE, /* uint32_t: index into words */
};

struct option {
    const char *name;
    char letter; /* 0: none */
    enum option_kind kind;
    size_t offset; /* in struct serve_options */
    const char *argument;
    const char *help;
    const char *const *words; /* CHOICE; ends with NULL */
    uint32_t min, max;        /* NUMBER */
};

static const char *const profile_words[] = {[PROFILE_DEFAULT] = "default",
                                            [PROFILE_COMPAT] = "compat",
                                            [PROFILE_GOV] = "gov",
                                            NULL};
static const char *const sandbox_words[] = {
    [SANDBOX_BEST_EFFORT] = "best-effort", [SANDBOX_REQUIRE] = "require", NULL};
static const char *const yes_words[] = {"no", "yes", NULL};

#define AT(field) offsetof(struct serve_options, field)

static const struct option options[] = {
    {"listen", 0, OPTION_TEXTS, AT(listen), "ADDR:PORT",
     "where to listen; \"*:2022\" is everywhere (default 127.0.0.1:2022)", NULL, 0, 0},
    {"user", 0, OPTION_TEXT, AT(user), "NAME",
     "the one user who may log in (default: who starts ferryd)", NULL, 0, 0},
    {"password-file", 0, OPTION_TEXT, AT(password_file), "FILE",
     "the password is the file's first line", NULL, 0, 0},
    {"authorized-keys", 0, OPTION_TEXT, AT(authorized_keys), "FILE",
     "keys that may log in, as in sshd's authorized_keys", NULL, 0, 0},
    {"host-key", 0, OPTION_TEXTS, AT(host_keys), "FILE",
     "private host key; may be repeated (default: one kept in the state directory)", NULL,
     0, 0},
    {"read-only", 0, OPTION_COUNT, AT(is_read_only), NULL, "refuse every change", NULL, 0,
     0},
    {"profile", 0, OPTION_CHOICE, AT(profile), "NAME",
     "algorithms: default, compat (older clients) or gov (NIST only)", profile_words, 0,
     0},
    {"kex", 0, OPTION_TEXT, AT(kex), "LIST",
     "key exchange methods; LIST as in ssh_config: names, +names, -patterns, ^names",
     NULL, 0, 0},
    {"host-key-algorithms", 0, OPTION_TEXT, AT(host_key_algorithms), "LIST",
     "host key algorithms", NULL, 0, 0},
    {"ciphers", 0, OPTION_TEXT, AT(ciphers), "LIST", "ciphers", NULL, 0, 0},
    {"macs", 0, OPTION_TEXT, AT(macs), "LIST", "message authentication codes", NULL, 0,
     0},
    {"pubkey-algorithms", 0, OPTION_TEXT, AT(user_key_algorithms), "LIST",
     "algorithms for users' keys", NULL, 0, 0},
    {"compression", 0, OPTION_CHOICE, AT(compression), "yes|no",
     "offer zlib@openssh.com (default no)", yes_words, 0, 0},
    {"rekey-limit", 0, OPTION_SIZE, AT(rekey_octets), "SIZE",
     "new keys after so many octets (K, M, G; default: by cipher)", NULL, 0, 0},
    {"max-auth-tries", 0, OPTION_NUMBER, AT(max_auth_tries), "N",
     "failed logins on one connection (default 6)", NULL, 1, 100},
    {"login-grace", 0, OPTION_NUMBER, AT(login_grace_s), "SECONDS",
     "time to log in (default 60)", NULL, 1, 3600},
    {"keepalive", 0, OPTION_NUMBER, AT(keepalive_s), "SECONDS",
     "silence after which a client is asked for a sign of life (default 60)", NULL, 1,
     86400},
    {"sandbox", 0, OPTION_CHOICE, AT(sandbox), "require|best-effort",
     "whether to refuse to run where a wall cannot be built (default best-effort)",
     sandbox_words, 0, 0},
    {"trace", 0, OPTION_TEXT, AT(trace), "PARTS",
     "wire,kex,chan,sftp: show messages, secrets censored (also: FERRY_TRACE)", NULL, 0,
     0},
    {"verbose", 'v', OPTION_COUNT, AT(verbose), NULL,
     "log algorithms and reading too; twice: what peers remark", NULL, 0, 0},
    {"quiet", 'q', OPTION_COUNT, AT(quiet), NULL, "log warnings and errors only", NULL, 0,
     0},
    {"help", 'h', OPTION_COUNT, AT(help), NULL, "show this and exit", NULL, 0, 0},
    {"version", 'V', OPTION_COUNT, AT(version), NULL, "show the version and exit", NULL,
     0, 0},
};

const char *
serve_option_name(size_t i)
{
    return i < ARRAY_LEN(options) ? options[i].name : NULL;
}

static const struct option *
find_long(struct bytes name)
{
    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        if (bytes_eq_str(name, options[i].name))
            return &options[i];
    return NULL;
}

static const struct option *
find_letter(char letter)
{
    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        if (options[i].letter == letter)
            return &options[i];
    return NULL;
}

static bool
parse_digits(struct bytes text, uint64_t *x)
{
    *x = 0;
    if (text.n == 0 || text.n > 15)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        *x = *x * 10 + (uint64_t)(text.p[i] - '0');
    }
    return true;
}

/* Digits with an optional K, M or G: at most 15 digits, so the shift fits. */
static bool
parse_size(const char *text, uint64_t *x)
{
    static const char units[] = "KMG";
    struct bytes digits = bytes_str(text);
    unsigned shift = 0;
    if (digits.n != 0) {
        char last = (char)(digits.p[digits.n - 1] & ~0x20);
        const char *unit = strchr(units, last);
        if (last != 0 && unit) {
            shift = 10 * (unsigned)(unit - units + 1);
            digits.n--;
        }
    }
    if (!parse_digits(digits, x) || *x == 0 || *x > (UINT64_MAX >> 1) >> shift)
        return false;
    *x <<= shift;
    return true;
}

static enum err
bad_value(const struct option *option, const char *value, struct fault *why)
{
    return fault_set(why, ERR_PROTO, 0, "--%s: not a value it takes: \"%.80s\" (%s)",
                     option->name, value, option->help);
}

static enum err
set_number(const struct option *option, const char *value, uint32_t *to,
           struct fault *why)
{
    uint64_t x;
    if (!parse_digits(bytes_str(value), &x) || x < option->min || x > option->max)
        return bad_value(option, value, why);
    *to = (uint32_t)x;
    return ERR_NONE;
}

static enum err
set_choice(const struct option *option, const char *value, uint32_t *to,
           struct fault *why)
{
    for (uint32_t i = 0; option->words[i]; i++)
        if (strcmp(option->words[i], value) == 0) {
            *to = i;
            return ERR_NONE;
        }
    return bad_value(option, value, why);
}

static enum err
add_text(const struct option *option, const char *value, struct option_texts *to,
         struct fault *why)
{
    if (to->n == OPTION_TEXTS_MAX)
        return fault_set(why, ERR_PROTO, 0, "--%s: given more than %d times",
                         option->name, OPTION_TEXTS_MAX);
    to->text[to->n++] = value;
    return ERR_NONE;
}

/* value: NULL for an option that takes none. */
static enum err
set_option(const struct option *option, const char *value, struct serve_options *o,
           struct fault *why)
{
    void *field = (char *)o + option->offset;
    switch (option->kind) {
    case OPTION_COUNT:
        ++*(uint32_t *)field;
        return ERR_NONE;
    case OPTION_TEXT:
        *(const char **)field = value;
        return ERR_NONE;
    case OPTION_TEXTS:
        return add_text(option, value, field, why);
    case OPTION_NUMBER:
        return set_number(option, value, field, why);
    case OPTION_SIZE:
        return parse_size(value, field) ? ERR_NONE : bad_value(option, value, why);
    case OPTION_CHOICE:
        return set_choice(option, value, field, why);
    }
    return ERR_BUG;
}

/* Where the parser is: one argument may hold several letters. */
struct scan {
    int argc, at;
    char *const *argv;
};

/* The value of an option: what is attached to it, or the next argument. */
static enum err
take_value(struct scan *s, const struct option *option, const char *attached,
           const char **value, struct fault *why)
{
    *value = NULL;
    if (option->kind == OPTION_COUNT)
        return attached
                   ? fault_set(why, ERR_PROTO, 0, "--%s takes no value", option->name)
                   : ERR_NONE;
    *value = attached ? attached : s->at < s->argc ? s->argv[s->at++] : NULL;
    if (!*value)
        return fault_set(why, ERR_PROTO, 0, "--%s needs %s", option->name,
                         option->argument);
    return ERR_NONE;
}

static enum err
parse_long(struct scan *s, const char *text, struct serve_options *o, struct fault *why)
{
    const char *equals = strchr(text, '='), *value;
    size_t n = equals ? (size_t)(equals - text) : strlen(text);
    const struct option *option = find_long(bytes_of(text, n));
    if (!option)
        return fault_set(why, ERR_PROTO, 0, "unknown option --%.80s", text);
    enum err err = take_value(s, option, equals ? equals + 1 : NULL, &value, why);
    return err ? err : set_option(option, value, o, why);
}

/* All letters are counters, so "-vvq" needs no values. */
static enum err
parse_letters(const char *text, struct serve_options *o, struct fault *why)
{
    for (; *text; text++) {
        const struct option *option = find_letter(*text);
        if (!option)
            return fault_set(why, ERR_PROTO, 0, "unknown option -%.80s", text);
        enum err err = set_option(option, NULL, o, why);
        if (err)
            return err;
    }
    return ERR_NONE;
}

static enum err
parse_operand(const char *text, struct serve_options *o, struct fault *why)
{
    if (o->dir)
        return fault_set(why, ERR_PROTO, 0, "one directory only: \"%.80s\" is too many",
                         text);
    if (!*text)
        return fault_set(why, ERR_PROTO, 0, "the directory's name is empty");
    o->dir = text;
    return ERR_NONE;
}

enum err
serve_options_parse(int argc, char *const *argv, struct serve_options *o,
                    struct fault *why)
{
    struct scan s = {.argc = argc, .argv = argv};
    bool has_options_ended = false;
    memset(o, 0, sizeof *o);
    while (s.at < s.argc) {
        const char *text = s.argv[s.at++];
        if (!has_options_ended && strcmp(text, "--") == 0) {
            has_options_ended = true;
            continue;
        }
        enum err err;
        if (has_options_ended || text[0] != '-' || !text[1])
            err = parse_operand(text, o, why);
        else if (text[1] == '-')
            err = parse_long(&s, text + 2, o, why);
        else
            err = parse_letters(text + 1, o, why);
        if (err)
            return err;
    }
    return ERR_NONE;
}

void
serve_options_help(FILE *out)
{
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        const struct option *o = &options[i];
        char left[64], letter[8] = "    ";
        if (o->letter)
            snprintf(letter, sizeof letter, "-%c, ", o->letter);
        snprintf(left, sizeof left, "%s--%s%s%s", letter, o->name, o->argument ? " " : "",
                 o->argument ? o->argument : "");
        if (strlen(left) > HELP_COLUMN)
            fprintf(out, "  %s\n  %*s  %s\n", left, HELP_COLUMN, "", o->help);
        else
            fprintf(out, "  %-*s  %s\n", HELP_COLUMN, left, o->help);
    }
}
