/*
 * Types of value about who may log in and how: kinds of accounts, users,
 * methods, the files that keys are in; see server_keyword.h.
 */
#include <limits.h>
#include <strings.h>

#include "base/address.h"
#include "config/server_keyword.h"

/* ---- Accounts ---- */

static enum err
read_accounts(struct server_options *o, const struct server_line *line)
{
    int all = 0, one;
    for (size_t i = 1; i < line->words->n; i++) {
        if (!value_word(line->keyword->words, server_argument(line, i), &one))
            return server_refuse(line, "must be system, virtual or both, not",
                                 server_argument(line, i));
        all |= one;
    }
    o->accounts = all;
    return ERR_NONE;
}

static void
print_accounts(const struct server_options *o, const struct server_keyword *k,
               struct buf *out)
{
    const char *glue = "";
    server_print_keyword(k, out);
    for (const struct option_word *w = k->words; w->word; w++)
        if (o->accounts & w->value) {
            buf_printf(out, "%s%s", glue, w->word);
            glue = " ";
        }
    buf_put_u8(out, '\n');
}

const struct server_type type_accounts = {.read = read_accounts,
                                          .print = print_accounts,
                                          .max_arguments = 2,
                                          .has_effect = true};

/* ---- AuthenticationMethods ---- */

static bool
is_method(struct bytes name)
{
    static const char *const methods[] = {"publickey", "password", "keyboard-interactive",
                                          "keyboard-interactive:pam"};
    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        if (bytes_eq_str(name, methods[i]))
            return true;
    return false;
}

static bool
is_chain(const char *word)
{
    struct bytes rest = bytes_str(word), name;
    if (rest.n == 0 || rest.p[rest.n - 1] == ',')
        return false;
    while (bytes_next_item(&rest, &name))
        if (!is_method(name))
            return false;
    return true;
}

/* Chains separated by one blank, or "any". */
static enum err
read_methods(struct server_options *o, const struct server_line *line)
{
    struct buf all;
    const char *first = server_argument(line, 1);
    if (line->words->n == 2 && strcasecmp(first, "any") == 0)
        return server_set_text(o, line->keyword, BYTES_LIT("any"));
    buf_init(&all, CONFIG_LINE_MAX);
    enum err e = ERR_NONE;
    for (size_t i = 1; i < line->words->n && e == ERR_NONE; i++) {
        if (!is_chain(server_argument(line, i)))
            e = server_refuse(
                line,
                "must be chains of publickey, password and keyboard-interactive, "
                "or any, not",
                server_argument(line, i));
        buf_printf(&all, "%s%s", i == 1 ? "" : " ", server_argument(line, i));
    }
    if (e == ERR_NONE)
        e = buf_err(&all) ? buf_err(&all)
                          : server_set_text(o, line->keyword, buf_bytes(&all));
    buf_clear(&all);
    return e;
}

static void
print_methods(const struct server_options *o, const struct server_keyword *k,
              struct buf *out)
{
    server_print_keyword(k, out);
    buf_put_str(out, o->authentication_methods ? o->authentication_methods : "any");
    buf_put_u8(out, '\n');
}

const struct server_type type_methods = {.read = read_methods,
                                         .print = print_methods,
                                         .clear = server_clear_text,
                                         .max_arguments = SERVER_ALL_ARGUMENTS,
                                         .has_effect = true};

/* ---- PubkeyAuthOptions ---- */

static enum err
read_pubkey_options(struct server_options *o, const struct server_line *line)
{
    o->pubkey_touch_required = o->pubkey_verify_required = 0;
    if (line->words->n == 2 && is_none(server_argument(line, 1)))
        return ERR_NONE;
    for (size_t i = 1; i < line->words->n; i++) {
        if (strcasecmp(server_argument(line, i), "touch-required") == 0)
            o->pubkey_touch_required = 1;
        else if (strcasecmp(server_argument(line, i), "verify-required") == 0)
            o->pubkey_verify_required = 1;
        else
            return server_refuse(line,
                                 "must be none, touch-required or verify-required, not",
                                 server_argument(line, i));
    }
    return ERR_NONE;
}

static void
print_pubkey_options(const struct server_options *o, const struct server_keyword *k,
                     struct buf *out)
{
    server_print_keyword(k, out);
    if (o->pubkey_touch_required)
        buf_put_str(out, "touch-required");
    if (o->pubkey_touch_required && o->pubkey_verify_required)
        buf_put_u8(out, ' ');
    if (o->pubkey_verify_required)
        buf_put_str(out, "verify-required");
    if (!o->pubkey_touch_required && !o->pubkey_verify_required)
        buf_put_str(out, "none");
    buf_put_u8(out, '\n');
}

const struct server_type type_pubkey_options = {.read = read_pubkey_options,
                                                .print = print_pubkey_options,
                                                .max_arguments = 2,
                                                .has_effect = true};

/* ---- AllowUsers, DenyUsers: USER or USER@HOST ---- */

static bool
is_user_pattern(const char *word)
{
    static const struct address any;
    const char *at = strrchr(word, '@');
    if (word[0] == '\0' || (at && at[1] == '\0'))
        return false;
    struct bytes host = bytes_str(at ? at + 1 : NULL);
    (void)pattern_take_negation(&host);
    return host.n == 0 || !memchr(host.p, '/', host.n) ||
           cidr_match(host, &any) != PATTERN_BAD;
}

static enum err
read_user_patterns(struct server_options *o, const struct server_line *line)
{
    enum err e = ERR_NONE;
    for (size_t i = 1; i < line->words->n && e == ERR_NONE; i++) {
        if (!is_user_pattern(server_argument(line, i)))
            return server_refuse(line, "must be patterns USER or USER@HOST, not",
                                 server_argument(line, i));
        e = server_list_add(server_member(o, line->keyword), server_argument(line, i));
    }
    return e;
}

const struct server_type type_user_patterns = {.read = read_user_patterns,
                                               .print = server_print_lines,
                                               .clear = server_clear_list,
                                               .max_arguments = SERVER_ALL_ARGUMENTS,
                                               .accumulates = true,
                                               .has_effect = true};

/* ---- paths with tokens ---- */

static bool
has_known_tokens(const char *word)
{
    for (const char *p = strchr(word, '%'); p; p = strchr(p + 2, '%'))
        if (p[1] == '\0' || !strchr("%huU", p[1]))
            return false;
    return word[0] != '\0' && strlen(word) < PATH_MAX;
}

static enum err
refuse_template(const struct server_line *line, const char *word)
{
    return server_refuse(
        line, "must be a path with no tokens but %h, %u, %U and %%, or none; not", word);
}

static enum err
read_template(struct server_options *o, const struct server_line *line)
{
    const char *word = server_argument(line, 1);
    if (server_is_off(line, word))
        return ERR_NONE;
    if (!has_known_tokens(word))
        return refuse_template(line, word);
    return server_set_text(o, line->keyword, bytes_str(word));
}

const struct server_type type_template = {.read = read_template,
                                          .print = server_print_text,
                                          .clear = server_clear_text,
                                          .max_arguments = 1,
                                          .has_effect = true};

/* Absolute, or beneath a home. */
static enum err
read_root(struct server_options *o, const struct server_line *line)
{
    const char *word = server_argument(line, 1);
    bool is_absolute = word[0] == '/' || strncmp(word, "%h", 2) == 0;
    if (!is_absolute && !server_is_off(line, word))
        return refuse_template(line, word);
    return read_template(o, line);
}

const struct server_type type_root = {.read = read_root,
                                      .print = server_print_text,
                                      .clear = server_clear_text,
                                      .max_arguments = 1,
                                      .has_effect = true};

static enum err
read_templates(struct server_options *o, const struct server_line *line)
{
    enum err e = ERR_NONE;
    if (line->words->n == 2 && is_none(server_argument(line, 1)))
        return ERR_NONE;
    for (size_t i = 1; i < line->words->n && e == ERR_NONE; i++) {
        if (!has_known_tokens(server_argument(line, i)))
            return refuse_template(line, server_argument(line, i));
        e = server_list_add(server_member(o, line->keyword), server_argument(line, i));
    }
    return e;
}

const struct server_type type_templates = {.read = read_templates,
                                           .print = server_print_list,
                                           .clear = server_clear_list,
                                           .max_arguments = SERVER_ALL_ARGUMENTS,
                                           .has_effect = true};
