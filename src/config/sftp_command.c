/* See sftp_command.h. */
#include "config/sftp_command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define THIS "internal-sftp"

const struct option_word sftp_log_levels[] = {
    {"QUIET", 0}, {"FATAL", 1},  {"ERROR", 2},  {"INFO", 3},   {"VERBOSE", 4},
    {"DEBUG", 5}, {"DEBUG1", 5}, {"DEBUG2", 6}, {"DEBUG3", 7}, {NULL, 0}};

const struct option_word sftp_log_facilities[] = {
    {"DAEMON", 0},  {"USER", 1},    {"AUTH", 2},   {"AUTHPRIV", 3}, {"LOCAL0", 4},
    {"LOCAL1", 5},  {"LOCAL2", 6},  {"LOCAL3", 7}, {"LOCAL4", 8},   {"LOCAL5", 9},
    {"LOCAL6", 10}, {"LOCAL7", 11}, {NULL, 0}};

/* The words of the line, and where the parser is among them. */
struct scan {
    struct words words;
    size_t at;
    struct sftp_command *c;
    struct buf *why;
};

void
sftp_command_clear(struct sftp_command *c)
{
    char **texts[] = {&c->start_directory, &c->allowed, &c->denied, &c->log_level,
                      &c->log_facility};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        free(*texts[i]);
        *texts[i] = NULL;
    }
}

static enum err
refuse(struct scan *s, const char *sentence, const char *word)
{
    return value_refuse(s->why, THIS, sentence, word);
}

/* A later option of the same letter wins, as with sftp-server. */
static enum err
set_text(char **member, const char *value)
{
    free(*member);
    *member = strdup(value);
    return *member ? ERR_NONE : ERR_NOMEM;
}

static enum err
add_requests(char **member, const char *value)
{
    char *all;
    if (!*member)
        return set_text(member, value);
    if (asprintf(&all, "%s,%s", *member, value) < 0)
        return ERR_NOMEM;
    free(*member);
    *member = all;
    return ERR_NONE;
}

static enum err
set_requests(struct scan *s, char **member, const char *value)
{
    struct bytes rest = bytes_str(value), name;
    if (rest.n == 0)
        return refuse(s, "an option that lists requests names none", NULL);
    while (bytes_next_item(&rest, &name))
        for (size_t i = 0; i < name.n; i++)
            if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-_@.", name.p[i]))
                return refuse(s, "not a list of requests with commas:", value);
    return add_requests(member, value);
}

static enum err
set_word(struct scan *s, char **member, const struct option_word *words,
         const char *value)
{
    for (; words->word; words++)
        if (strcasecmp(words->word, value) == 0)
            return set_text(member, words->word);
    return refuse(s, "unknown log level or facility", value);
}

static enum err
set_mode(struct scan *s, int *member, const char *value)
{
    size_t n = strspn(value, "01234567");
    if (n == 0 || n > 4 || value[n] != '\0')
        return refuse(s, "must be octal from 0 to 0777, not", value);
    long mode = strtol(value, NULL, 8);
    if (mode > 0777)
        return refuse(s, "must be octal from 0 to 0777, not", value);
    *member = (int)mode;
    return ERR_NONE;
}

/* One that takes no value. False: no such letter. */
static bool
take_flag(struct sftp_command *c, char letter)
{
    if (letter == 'R')
        c->is_read_only = true;
    return letter == 'R' || letter == 'e'; /* -e: the daemon has a log of its own */
}

static enum err
take_option(struct scan *s, char letter, const char *value)
{
    struct sftp_command *c = s->c;
    switch (letter) {
    case 'd':
        return value[0] == '\0' ? refuse(s, "-d: empty directory", NULL)
                                : set_text(&c->start_directory, value);
    case 'f':
        return set_word(s, &c->log_facility, sftp_log_facilities, value);
    case 'l':
        return set_word(s, &c->log_level, sftp_log_levels, value);
    case 'm':
        return set_mode(s, &c->file_mode, value);
    case 'P':
        return set_requests(s, &c->denied, value);
    case 'p':
        return set_requests(s, &c->allowed, value);
    case 'u':
        return set_mode(s, &c->umask, value);
    default:
        return ERR_BUG;
    }
}

/* "-R", "-Rl", "-lINFO": letters until one takes the rest, or the next word. */
static enum err
take_cluster(struct scan *s, const char *letters)
{
    for (; *letters; letters++) {
        char one[] = {'-', *letters, '\0'};
        if (take_flag(s->c, *letters))
            continue;
        if (!strchr("dflmPpu", *letters))
            return refuse(s, "unknown option", one);
        const char *value = letters + 1;
        if (*value == '\0' && ++s->at < s->words.n)
            value = words_at(&s->words, s->at);
        else if (*value == '\0')
            return refuse(s, "missing value of", one);
        return take_option(s, *letters, value);
    }
    return ERR_NONE;
}

static bool
is_sftp(const char *program)
{
    static const char known[] = "sftp-server";
    size_t n = strlen(program);
    if (strcmp(program, THIS) == 0)
        return true;
    /* /usr/lib/openssh/sftp-server, ferry-sftp-server, sftp-server */
    return n >= sizeof known - 1 && strcmp(program + n - (sizeof known - 1), known) == 0;
}

static enum err
parse_words(struct scan *s)
{
    if (s->words.n == 0 || !is_sftp(words_at(&s->words, 0)))
        return value_refuse(s->why, "ferryd transfers files only",
                            "the command must be internal-sftp, not",
                            s->words.n == 0 ? "" : words_at(&s->words, 0));
    enum err e = ERR_NONE;
    for (s->at = 1; s->at < s->words.n && e == ERR_NONE; s->at++) {
        const char *word = words_at(&s->words, s->at);
        if (word[0] != '-' || word[1] == '\0')
            return refuse(s, "not an option:", word);
        e = take_cluster(s, word + 1);
    }
    return e;
}

enum err
sftp_command_parse(struct bytes line, struct sftp_command *c, struct buf *why)
{
    struct scan s = {.c = c, .why = why};
    const char *sentence = NULL;
    *c = (struct sftp_command){.umask = OPTION_UNSET, .file_mode = OPTION_UNSET};
    words_init(&s.words);
    enum err e = words_split(&s.words, line, &sentence);
    if (e == ERR_PROTO)
        e = value_refuse(why, THIS, sentence, NULL);
    else if (e == ERR_NONE)
        e = parse_words(&s);
    words_clear(&s.words);
    return e;
}

static void
print_text(char letter, const char *value, struct buf *out)
{
    if (!value)
        return;
    buf_printf(out, " -%c ", letter);
    config_quote(out, value);
}

void
sftp_command_print(const struct sftp_command *c, struct buf *out)
{
    buf_put_str(out, THIS);
    if (c->is_read_only)
        buf_put_str(out, " -R");
    print_text('d', c->start_directory, out);
    print_text('f', c->log_facility, out);
    print_text('l', c->log_level, out);
    print_text('P', c->denied, out);
    print_text('p', c->allowed, out);
    if (c->umask != OPTION_UNSET)
        buf_printf(out, " -u 0%03o", (unsigned)c->umask);
    if (c->file_mode != OPTION_UNSET)
        buf_printf(out, " -m 0%03o", (unsigned)c->file_mode);
}
