/*
 * Types of value about a session and what becomes of its files: the forced
 * command, time and rekeying, rights and names, events; see server_keyword.h.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/pattern.h"
#include "config/server_keyword.h"
#include "config/sftp_command.h"

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
set_command(struct server_options *o, const struct server_line *line, struct bytes text)
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
        e = buf_err(&spelt) ? buf_err(&spelt)
                            : server_set_text(o, line->keyword, buf_bytes(&spelt));
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
    return set_command(o, line, line->words->rest);
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
        e = set_command(o, line, buf_bytes(&text));
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
