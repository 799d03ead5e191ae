/*
 * The types of value that one keyword of ferryd takes, or two; see
 * server_keyword.h.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/address.h"
#include "config/server_keyword.h"
#include "config/sftp_command.h"

static enum err
set_string(char **member, const char *value)
{
    *member = strdup(value);
    return *member ? ERR_NONE : ERR_NOMEM;
}

/* Several numbers in one word, "20:30:200": how many were read; 0: not so. */
static size_t
read_numbers(const char *word, int64_t *number, size_t most)
{
    size_t n = 0;
    char copy[64];
    if (strlen(word) >= sizeof copy)
        return 0;
    memcpy(copy, word, strlen(word) + 1);
    for (char *part = copy, *end; part; part = end) {
        end = strchr(part, ':');
        if (end)
            *end++ = '\0';
        if (n == most || !value_number(part, 0, INT_MAX, &number[n++]))
            return 0;
    }
    return n;
}

/* ---- ListenAddress ---- */

static bool
is_port(const char *text)
{
    int64_t port;
    return value_number(text, 1, 65535, &port);
}

/* HOST, HOST:PORT, [HOST]:PORT or IPV6; HOST may be "*". */
static bool
is_listen_address(const char *word)
{
    const char *colon = strrchr(word, ':');
    if (word[0] == '[') {
        const char *close = strchr(word, ']');
        return close && close != word + 1 &&
               (close[1] == '\0' || (close[1] == ':' && is_port(close + 2)));
    }
    if (strpbrk(word, "[]/ \t") || word[0] == '\0')
        return false;
    bool is_v6 = colon && strchr(word, ':') != colon;
    struct address a;
    if (is_v6)
        return address_parse(bytes_str(word), &a);
    return !colon || (colon != word && is_port(colon + 1));
}

static enum err
read_listen_address(struct server_options *o, const struct server_line *line)
{
    if (!is_listen_address(server_argument(line, 1)))
        return server_refuse(line, "must be HOST, HOST:PORT or [HOST]:PORT, not",
                             server_argument(line, 1));
    return server_list_add(server_member(o, line->keyword), server_argument(line, 1));
}

const struct server_type type_listen_address = {.read = read_listen_address,
                                                .print = server_print_lines,
                                                .clear = server_clear_list,
                                                .max_arguments = 1,
                                                .accumulates = true,
                                                .has_effect = true};

/* ---- MaxStartups, PerSourceNetBlockSize ---- */

static enum err
read_startups(struct server_options *o, const struct server_line *line)
{
    int64_t x[3];
    size_t n = read_numbers(server_argument(line, 1), x, 3);
    if (n == 1) { /* no lottery: where it would begin is the end */
        x[1] = 30;
        x[2] = x[0];
    }
    if ((n != 1 && n != 3) || x[0] < 1 || x[1] < 1 || x[1] > 100 || x[2] < x[0] ||
        x[2] > line->keyword->max)
        return server_refuse(line, "must be FULL or START:PERCENT:FULL, not",
                             server_argument(line, 1));
    o->max_startups_begin = (int)x[0];
    o->max_startups_rate = (int)x[1];
    o->max_startups_full = (int)x[2];
    return ERR_NONE;
}

static void
print_startups(const struct server_options *o, const struct server_keyword *k,
               struct buf *out)
{
    server_print_keyword(k, out);
    buf_printf(out, "%d:%d:%d\n", o->max_startups_begin, o->max_startups_rate,
               o->max_startups_full);
}

const struct server_type type_startups = {.read = read_startups,
                                          .print = print_startups,
                                          .max_arguments = 1,
                                          .has_effect = true};

static enum err
read_block_size(struct server_options *o, const struct server_line *line)
{
    int64_t x[2] = {0, 128};
    size_t n = read_numbers(server_argument(line, 1), x, 2);
    if (n == 0 || x[0] > 32 || x[1] > 128)
        return server_refuse(line, "must be BITS4 or BITS4:BITS6, at most 32:128, not",
                             server_argument(line, 1));
    o->per_source_bits4 = (int)x[0];
    o->per_source_bits6 = (int)x[1];
    return ERR_NONE;
}

static void
print_block_size(const struct server_options *o, const struct server_keyword *k,
                 struct buf *out)
{
    server_print_keyword(k, out);
    buf_printf(out, "%d:%d\n", o->per_source_bits4, o->per_source_bits6);
}

const struct server_type type_block_size = {.read = read_block_size,
                                            .print = print_block_size,
                                            .max_arguments = 1,
                                            .has_effect = true};

/* ---- PerSourceMaxStartups: none is no limit, not 0 ---- */

static enum err
read_limit(struct server_options *o, const struct server_line *line)
{
    int64_t x = INT_MAX;
    const struct server_keyword *k = line->keyword;
    if (!server_is_off(line, server_argument(line, 1)) &&
        !value_number(server_argument(line, 1), k->min, k->max, &x))
        return server_refuse(line, "must be a number of at least 1 or none, not",
                             server_argument(line, 1));
    *(int *)server_member(o, k) = (int)x;
    return ERR_NONE;
}

static void
print_limit(const struct server_options *o, const struct server_keyword *k,
            struct buf *out)
{
    int value = *(int *)server_member(o, k);
    server_print_keyword(k, out);
    if (value == INT_MAX)
        buf_put_str(out, "none\n");
    else
        buf_printf(out, "%d\n", value);
}

const struct server_type type_limit = {
    .read = read_limit, .print = print_limit, .max_arguments = 1, .has_effect = true};

/* ---- PerSourcePenalties ---- */

enum penalty_unit { PENALTY_SECONDS, PENALTY_SOURCES, PENALTY_NOTHING };

/* sshd's word first; ours is what threats and the log say. */
static const struct penalty_part {
    const char *name, *other_name;
    enum penalty_unit unit;
    size_t offset;
} penalty_parts[] = {
    {"crash", NULL, PENALTY_SECONDS, offsetof(struct server_penalties, crash)},
    {"authfail", NULL, PENALTY_SECONDS, offsetof(struct server_penalties, authfail)},
    {"invaliduser", "baduser", PENALTY_SECONDS,
     offsetof(struct server_penalties, baduser)},
    {"noauth", NULL, PENALTY_SECONDS, offsetof(struct server_penalties, noauth)},
    {"grace-exceeded", "grace", PENALTY_SECONDS,
     offsetof(struct server_penalties, grace)},
    {"min", NULL, PENALTY_SECONDS, offsetof(struct server_penalties, min)},
    {"max", NULL, PENALTY_SECONDS, offsetof(struct server_penalties, max)},
    {"max-sources4", NULL, PENALTY_SOURCES,
     offsetof(struct server_penalties, max_sources4)},
    {"max-sources6", NULL, PENALTY_SOURCES,
     offsetof(struct server_penalties, max_sources6)},
    /* Penalises what ferryd never does: RefuseConnection. */
    {"refuseconnection", NULL, PENALTY_NOTHING, 0},
};

enum { PENALTY_SOURCES_MAX = 1 << 20 };

static uint32_t *
penalty_member(const struct server_options *o, const struct penalty_part *part)
{
    return (uint32_t *)((uintptr_t)&o->penalties + part->offset);
}

static const struct penalty_part *
find_penalty(const char *word, const char **value)
{
    for (size_t i = 0; i < ARRAY_LEN(penalty_parts); i++) {
        const char *names[] = {penalty_parts[i].name, penalty_parts[i].other_name};
        for (size_t j = 0; j < ARRAY_LEN(names) && names[j]; j++) {
            size_t n = strlen(names[j]);
            if (strncmp(word, names[j], n) == 0 && word[n] == ':') {
                *value = word + n + 1;
                return &penalty_parts[i];
            }
        }
    }
    return NULL;
}

static enum err
read_penalty(struct server_options *o, const struct server_line *line, const char *word)
{
    const char *value;
    const struct penalty_part *part = find_penalty(word, &value);
    /* Ours is permissive: a full table forgets, it never locks everybody out. */
    if (strcmp(word, "overflow:permissive") == 0 ||
        strcmp(word, "overflow6:permissive") == 0)
        return ERR_NONE;
    if (!part)
        return server_refuse(line, "unknown penalty", word);
    int64_t x = -1;
    bool is_right = part->unit == PENALTY_SOURCES
                        ? value_number(value, 1, PENALTY_SOURCES_MAX, &x)
                        : (x = config_time(value)) >= 0;
    if (!is_right)
        return server_refuse(line, "not a time or number in", word);
    if (part->unit == PENALTY_NOTHING)
        return ERR_NONE;
    uint32_t *member = penalty_member(o, part);
    if (*member == SERVER_PENALTY_UNSET)
        *member = (uint32_t)x;
    return ERR_NONE;
}

static enum err
read_penalties(struct server_options *o, const struct server_line *line)
{
    enum err e = ERR_NONE;
    for (size_t i = 1; i < line->words->n && e == ERR_NONE; i++) {
        const char *word = server_argument(line, i);
        int is_enabled;
        if (!value_word(option_yes_no, word, &is_enabled))
            e = read_penalty(o, line, word);
        else if (o->penalties.is_enabled == OPTION_UNSET)
            o->penalties.is_enabled = is_enabled;
    }
    return e;
}

static void
print_penalties(const struct server_options *o, const struct server_keyword *k,
                struct buf *out)
{
    server_print_keyword(k, out);
    buf_put_str(out, o->penalties.is_enabled ? "yes" : "no");
    for (size_t i = 0; i < ARRAY_LEN(penalty_parts); i++)
        if (penalty_parts[i].unit != PENALTY_NOTHING)
            buf_printf(out, " %s:%lu", penalty_parts[i].name,
                       (unsigned long)*penalty_member(o, &penalty_parts[i]));
    buf_put_u8(out, '\n');
}

const struct server_type type_penalties = {.read = read_penalties,
                                           .print = print_penalties,
                                           .max_arguments = SERVER_ALL_ARGUMENTS,
                                           .accumulates = true,
                                           .has_parts = true,
                                           .has_effect = true};

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

/* ---- Event ---- */

static enum err
read_event(struct server_options *o, const struct server_line *line)
{
    int event;
    if (!value_word(line->keyword->words, server_argument(line, 1), &event))
        return server_refuse(line, "unknown event", server_argument(line, 1));
    if (line->words->n < 3 || server_argument(line, 2)[0] != '/')
        return server_refuse(line, "needs the absolute path of a program behind",
                             server_argument(line, 1));
    struct server_list *list = &o->events[event];
    enum err e = ERR_NONE;
    if (list->n != 0) /* as everywhere, the first one said holds */
        return ERR_NONE;
    for (size_t i = 2; i < line->words->n && e == ERR_NONE; i++)
        e = server_list_add(list, server_argument(line, i));
    return e;
}

static void
print_events(const struct server_options *o, const struct server_keyword *k,
             struct buf *out)
{
    for (const struct option_word *w = k->words; w->word; w++) {
        const struct server_list *list = &o->events[w->value];
        if (list->n == 0)
            continue;
        server_print_keyword(k, out);
        buf_put_str(out, w->word);
        for (size_t i = 0; i < list->n; i++) {
            buf_put_u8(out, ' ');
            config_quote(out, list->item[i]);
        }
        buf_put_u8(out, '\n');
    }
}

static void
clear_events(struct server_options *o, const struct server_keyword *k)
{
    (void)k;
    for (int i = 0; i < SERVER_EVENTS; i++)
        server_list_clear(&o->events[i]);
}

const struct server_type type_event = {.read = read_event,
                                       .print = print_events,
                                       .clear = clear_events,
                                       .max_arguments = SERVER_ALL_ARGUMENTS,
                                       .accumulates = true,
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
        return set_string(&o->authentication_methods, "any");
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
    const char *text = buf_cstr(&all);
    if (e == ERR_NONE)
        e = text ? set_string(&o->authentication_methods, text) : buf_err(&all);
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

/* ---- ForceCommand, Subsystem ---- */

/* Every request of -P or -p must be one that the program knows. */
static enum err
check_requests(const struct server_line *line, const char *requests)
{
    struct bytes rest = bytes_str(requests), name;
    while (bytes_next_item(&rest, &name))
        if (!server_knows(line, SERVER_WORD_REQUEST, name))
            return server_refuse(line, "no such request among", requests);
    return ERR_NONE;
}

/* Kept in the one spelling that sftp_command_print has. */
static enum err
set_command(const struct server_line *line, struct bytes text, char **member)
{
    struct sftp_command command;
    struct buf spelt;
    buf_init(&spelt, 2 * CONFIG_LINE_MAX);
    enum err e = sftp_command_parse(text, &command, line->why);
    if (e == ERR_NONE)
        e = check_requests(line, command.allowed);
    if (e == ERR_NONE)
        e = check_requests(line, command.denied);
    if (e == ERR_NONE) {
        sftp_command_print(&command, &spelt);
        const char *word = buf_cstr(&spelt);
        e = word ? set_string(member, word) : buf_err(&spelt);
    }
    sftp_command_clear(&command);
    buf_clear(&spelt);
    return e;
}

static void
print_command(const struct server_options *o, const struct server_keyword *k,
              struct buf *out)
{
    server_print_keyword(k, out);
    buf_put_str(out, o->force_command ? o->force_command : "none");
    buf_put_u8(out, '\n');
}

static enum err
read_command(struct server_options *o, const struct server_line *line)
{
    if (line->words->n == 2 && is_none(server_argument(line, 1)))
        return ERR_NONE;
    return set_command(line, line->words->rest, &o->force_command);
}

const struct server_type type_command = {.read = read_command,
                                         .print = print_command,
                                         .clear = server_clear_text,
                                         .max_arguments = SERVER_ALL_ARGUMENTS,
                                         .has_effect = true};

/* The words behind the name, unquoted once as sshd does, are a command line. */
static enum err
read_subsystem(struct server_options *o, const struct server_line *line)
{
    struct buf text;
    if (strcmp(server_argument(line, 1), "sftp") != 0)
        return server_refuse(line, "ferryd has the subsystem sftp only, not",
                             server_argument(line, 1));
    if (line->words->n < 3)
        return server_refuse(line, "missing command behind", "sftp");
    buf_init(&text, 2 * CONFIG_LINE_MAX);
    for (size_t i = 2; i < line->words->n; i++) {
        buf_put_str(&text, i == 2 ? "" : " ");
        buf_put_str(&text, server_argument(line, i));
    }
    enum err e = buf_err(&text);
    if (e == ERR_NONE)
        e = set_command(line, buf_bytes(&text), &o->sftp_subsystem);
    buf_clear(&text);
    return e;
}

/* Quoted twice where a word has blanks: once for this line, once for the command. */
static void
print_subsystem(const struct server_options *o, const struct server_keyword *k,
                struct buf *out)
{
    if (!o->sftp_subsystem)
        return;
    server_print_keyword(k, out);
    buf_put_str(out, "sftp ");
    if (strpbrk(o->sftp_subsystem, "\"'\\#"))
        config_quote(out, o->sftp_subsystem);
    else
        buf_put_str(out, o->sftp_subsystem);
    buf_put_u8(out, '\n');
}

const struct server_type type_subsystem = {.read = read_subsystem,
                                           .print = print_subsystem,
                                           .clear = server_clear_text,
                                           .max_arguments = SERVER_ALL_ARGUMENTS,
                                           .has_effect = true};

/* ---- ChannelTimeout ---- */

/* sshd's names for the one kind of channel that there is here. */
static bool
is_our_channel(struct bytes pattern)
{
    static const char *const names[] = {"session", "session:subsystem:sftp", "global"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (pattern_match(pattern, bytes_str(names[i]), PATTERN_EXACT))
            return true;
    return false;
}

static enum err
read_channel_timeout(struct server_options *o, const struct server_line *line)
{
    int found = OPTION_UNSET;
    bool is_off_word = line->words->n == 2 && is_none(server_argument(line, 1));
    for (size_t i = 1; i < line->words->n && !is_off_word; i++) {
        const char *equals = strchr(server_argument(line, i), '=');
        int seconds;
        if (!equals || equals == server_argument(line, i) ||
            !value_time(equals + 1, &seconds))
            return server_refuse(line, "must be TYPE=TIME or none, not",
                                 server_argument(line, i));
        struct bytes type = bytes_of(server_argument(line, i),
                                     (size_t)(equals - server_argument(line, i)));
        if (found == OPTION_UNSET && is_our_channel(type))
            found = seconds;
    }
    o->channel_timeout_s = found == OPTION_UNSET ? 0 : found;
    return ERR_NONE;
}

static void
print_channel_timeout(const struct server_options *o, const struct server_keyword *k,
                      struct buf *out)
{
    server_print_keyword(k, out);
    if (o->channel_timeout_s == 0)
        buf_put_str(out, "none\n");
    else
        buf_printf(out, "session:*=%d\n", o->channel_timeout_s);
}

const struct server_type type_channel_timeout = {.read = read_channel_timeout,
                                                 .print = print_channel_timeout,
                                                 .max_arguments = SERVER_ALL_ARGUMENTS,
                                                 .has_effect = true};

/* ---- RekeyLimit ---- */

static enum err
read_rekey(struct server_options *o, const struct server_line *line)
{
    struct rekey_limit limit;
    const char *bad;
    const char *sentence = value_rekey_limit(line->words, &limit, &bad);
    if (sentence)
        return server_refuse(line, sentence, bad);
    o->rekey_octets = limit.octets;
    o->rekey_seconds = limit.seconds;
    return ERR_NONE;
}

static void
print_rekey(const struct server_options *o, const struct server_keyword *k,
            struct buf *out)
{
    server_print_keyword(k, out);
    if (o->rekey_octets == 0)
        buf_put_str(out, "default");
    else
        buf_printf(out, "%lld", (long long)o->rekey_octets);
    if (o->rekey_seconds == 0)
        buf_put_str(out, " none\n");
    else
        buf_printf(out, " %lld\n", (long long)o->rekey_seconds);
}

const struct server_type type_rekey = {
    .read = read_rekey, .print = print_rekey, .max_arguments = 2, .has_effect = true};

/* ---- Permissions ---- */

static enum err
check_rights(const struct server_line *line, const char *rights)
{
    struct bytes rest = bytes_str(rights), word;
    if (rest.n == 0)
        return server_refuse(line, "no rights behind", server_argument(line, 1));
    while (bytes_next_item(&rest, &word))
        if (word.n == 0 || memchr(word.p, ' ', word.n) || memchr(word.p, '\t', word.n) ||
            !server_knows(line, SERVER_WORD_RIGHT, word))
            return server_refuse(line, "unknown right among", rights);
    return ERR_NONE;
}

/* Without doubled and trailing slashes; false: not absolute, too long, "." or "..". */
static bool
normalise(const char *path, char clean[PATH_MAX])
{
    size_t n = 0;
    if (path[0] != '/' || strlen(path) >= PATH_MAX)
        return false;
    while (*path) {
        path += strspn(path, "/");
        size_t len = strcspn(path, "/");
        bool is_dots = (len == 1 && path[0] == '.') ||
                       (len == 2 && path[0] == '.' && path[1] == '.');
        if (is_dots)
            return false;
        if (len != 0) {
            clean[n++] = '/';
            memcpy(clean + n, path, len);
            n += len;
        }
        path += len;
    }
    if (n == 0)
        clean[n++] = '/';
    clean[n] = '\0';
    return true;
}

static bool
has_rule_for(const struct server_list *rules, const char *path)
{
    size_t n = strlen(path);
    for (size_t i = 0; i < rules->n; i++)
        if (strncmp(rules->item[i], path, n) == 0 && rules->item[i][n] == ' ' &&
            strchr(rules->item[i] + n + 1, ' ') == NULL)
            return true;
    return false;
}

static enum err
read_permissions(struct server_options *o, const struct server_line *line)
{
    char path[PATH_MAX], *rule;
    if (!normalise(server_argument(line, 1), path))
        return server_refuse(line, "must be PATH RIGHTS with an absolute PATH, not",
                             server_argument(line, 1));
    if (line->words->n < 3)
        return server_refuse(line, "no rights behind", path);
    enum err e = check_rights(line, server_argument(line, 2));
    if (e != ERR_NONE || has_rule_for(&o->permissions, path))
        return e; /* as everywhere, the first one said holds */
    if (asprintf(&rule, "%s %s", path, server_argument(line, 2)) < 0)
        return ERR_NOMEM;
    e = server_list_add(&o->permissions, rule);
    free(rule);
    return e;
}

/* The rights hold no blank, so the last one is what parts them from the path. */
static void
print_permissions(const struct server_options *o, const struct server_keyword *k,
                  struct buf *out)
{
    for (size_t i = 0; i < o->permissions.n; i++) {
        char path[PATH_MAX];
        const char *rule = o->permissions.item[i];
        const char *rights = strrchr(rule, ' ');
        if (!rights)
            continue;
        snprintf(path, sizeof path, "%.*s", (int)(rights - rule), rule);
        server_print_keyword(k, out);
        config_quote(out, path);
        buf_put_str(out, rights);
        buf_put_u8(out, '\n');
    }
}

const struct server_type type_permissions = {.read = read_permissions,
                                             .print = print_permissions,
                                             .clear = server_clear_list,
                                             .max_arguments = 2,
                                             .accumulates = true,
                                             .has_effect = true};

/* ---- RefuseNames ---- */

enum { NAME_PATTERN_MAX = 255 }; /* octets, as a name itself */

static enum err
read_name_patterns(struct server_options *o, const struct server_line *line)
{
    enum err e = ERR_NONE;
    for (size_t i = 1; i < line->words->n && e == ERR_NONE; i++) {
        const char *word = server_argument(line, i);
        if (word[0] == '\0' || strchr(word, '/') || strlen(word) > NAME_PATTERN_MAX)
            return server_refuse(line, "must be patterns of names without a slash, not",
                                 word);
        e = server_list_add(&o->refused_names, word);
    }
    return e;
}

const struct server_type type_name_patterns = {.read = read_name_patterns,
                                               .print = server_print_lines,
                                               .clear = server_clear_list,
                                               .max_arguments = SERVER_ALL_ARGUMENTS,
                                               .accumulates = true,
                                               .has_effect = true};
