/*
 * The types of value that several keywords of ferryd share; see
 * server_keyword.h. Those of one keyword or two are in server_types_network.c,
 * server_types_login.c, server_types_session.c and server_algorithms.c.
 */
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/address.h"
#include "config/server_keyword.h"

/* ---- help for all types ---- */

bool
is_none(const char *word)
{
    return strcasecmp(word, "none") == 0;
}

bool
server_is_off(const struct server_line *line, const char *word)
{
    return line->keyword->may_be_none && is_none(word);
}

enum err
server_refuse(const struct server_line *line, const char *sentence, const char *word)
{
    return value_refuse(line->why, line->keyword->name, sentence, word);
}

void
server_print_keyword(const struct server_keyword *k, struct buf *out)
{
    for (const char *c = k->name; *c; c++)
        buf_put_u8(out, (uint8_t)tolower((unsigned char)*c));
    buf_put_u8(out, ' ');
}

enum err
server_set_text(struct server_options *o, const struct server_keyword *k,
                struct bytes text)
{
    char **member = server_member(o, k);
    *member = strndup((const char *)text.p, text.n);
    return *member ? ERR_NONE : ERR_NOMEM;
}

static void
print_line(const struct server_keyword *k, const char *value, struct buf *out)
{
    server_print_keyword(k, out);
    config_quote(out, value);
    buf_put_u8(out, '\n');
}

bool
server_knows(const struct server_line *line, enum server_vocabulary vocabulary,
             struct bytes word)
{
    const struct server_config_reader *r = line->reader;
    return !r || !r->knows || r->knows(r->ctx, vocabulary, word);
}

enum err
server_list_add(struct server_list *list, const char *value)
{
    if (list->n == SERVER_LIST_MAX)
        return ERR_LIMIT;
    /* Grows at powers of two, which n alone tells of. */
    if ((list->n & (list->n - 1)) == 0) {
        size_t room = list->n == 0 ? 1 : 2 * list->n;
        char **item = reallocarray(list->item, room, sizeof *item);
        if (!item)
            return ERR_NOMEM;
        list->item = item;
    }
    list->item[list->n] = strdup(value);
    if (!list->item[list->n])
        return ERR_NOMEM;
    list->n++;
    return ERR_NONE;
}

void
server_list_clear(struct server_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->item[i]);
    free(list->item);
    *list = (struct server_list){0};
}

/* ---- one word out of several ---- */

/* "must be a, b or c, not", in a buffer that is the caller's. */
static enum err
refuse_choice(const struct server_line *line, const char *word)
{
    char sentence[160] = "must be ";
    const struct option_word *w = line->keyword->words;
    for (; w->word; w++) {
        size_t n = strlen(sentence);
        const char *glue = w == line->keyword->words ? "" : w[1].word ? ", " : " or ";
        snprintf(sentence + n, sizeof sentence - n, "%s%s", glue, w->word);
    }
    size_t n = strlen(sentence);
    snprintf(sentence + n, sizeof sentence - n, ", not");
    return server_refuse(line, sentence, word);
}

static enum err
read_word(struct server_options *o, const struct server_line *line)
{
    int *member = server_member(o, line->keyword);
    const char *word = server_argument(line, 1);
    if (value_word(line->keyword->words, word, member))
        return ERR_NONE;
    return refuse_choice(line, word);
}

static void
print_word(const struct server_options *o, const struct server_keyword *k,
           struct buf *out)
{
    int value = *(int *)server_member(o, k);
    for (const struct option_word *w = k->words; w->word; w++)
        if (w->value == value) {
            print_line(k, w->word, out);
            return;
        }
}

const struct server_type type_word = {
    .read = read_word, .print = print_word, .max_arguments = 1, .has_effect = true};

/* The word itself is kept, in the table's spelling. */
static enum err
read_name(struct server_options *o, const struct server_line *line)
{
    char **member = server_member(o, line->keyword);
    const char *word = server_argument(line, 1);
    for (const struct option_word *w = line->keyword->words; w->word; w++)
        if (strcasecmp(w->word, word) == 0) {
            *member = strdup(w->word);
            return *member ? ERR_NONE : ERR_NOMEM;
        }
    return refuse_choice(line, word);
}

void
server_print_text(const struct server_options *o, const struct server_keyword *k,
                  struct buf *out)
{
    const char *value = *(char **)server_member(o, k);
    if (value || k->may_be_none)
        print_line(k, value ? value : "none", out);
}

void
server_clear_text(struct server_options *o, const struct server_keyword *k)
{
    char **member = server_member(o, k);
    free(*member);
    *member = NULL;
}

const struct server_type type_name = {.read = read_name,
                                      .print = server_print_text,
                                      .clear = server_clear_text,
                                      .max_arguments = 1,
                                      .has_effect = true};

/* ---- numbers ---- */

static enum err
refuse_range(const struct server_line *line, const char *what, const char *word)
{
    char sentence[160];
    const struct server_keyword *k = line->keyword;
    snprintf(sentence, sizeof sentence, "must be %s from %lld to %lld%s, not", what,
             (long long)k->min, (long long)k->max, k->may_be_none ? " or none" : "");
    return server_refuse(line, sentence, word);
}

static bool
read_count(const struct server_line *line, int64_t *number)
{
    const struct server_keyword *k = line->keyword;
    const char *word = server_argument(line, 1);
    *number = 0;
    return (k->may_be_none && is_none(word)) ||
           value_number(word, k->min, k->max, number);
}

static enum err
read_number(struct server_options *o, const struct server_line *line)
{
    int64_t number;
    if (!read_count(line, &number))
        return refuse_range(line, "a number", server_argument(line, 1));
    *(int *)server_member(o, line->keyword) = (int)number;
    return ERR_NONE;
}

static void
print_count(const struct server_keyword *k, int64_t number, struct buf *out)
{
    server_print_keyword(k, out);
    if (number == 0 && k->may_be_none)
        buf_put_str(out, "none\n");
    else
        buf_printf(out, "%lld\n", (long long)number);
}

static void
print_number(const struct server_options *o, const struct server_keyword *k,
             struct buf *out)
{
    print_count(k, *(int *)server_member(o, k), out);
}

const struct server_type type_number = {
    .read = read_number, .print = print_number, .max_arguments = 1, .has_effect = true};

static enum err
read_big_number(struct server_options *o, const struct server_line *line)
{
    int64_t number;
    if (!read_count(line, &number))
        return refuse_range(line, "a number", server_argument(line, 1));
    *(int64_t *)server_member(o, line->keyword) = number;
    return ERR_NONE;
}

static void
print_big_number(const struct server_options *o, const struct server_keyword *k,
                 struct buf *out)
{
    print_count(k, *(int64_t *)server_member(o, k), out);
}

const struct server_type type_big_number = {.read = read_big_number,
                                            .print = print_big_number,
                                            .max_arguments = 1,
                                            .has_effect = true};

static enum err
read_time(struct server_options *o, const struct server_line *line)
{
    const struct server_keyword *k = line->keyword;
    const char *word = server_argument(line, 1);
    int seconds;
    bool is_right = value_time(word, &seconds) && seconds >= k->min &&
                    seconds <= k->max && (k->may_be_none || !is_none(word));
    if (!is_right)
        return refuse_range(line, "a time (90, 5m, 1h30m) of seconds", word);
    *(int *)server_member(o, k) = seconds;
    return ERR_NONE;
}

static void
print_time(const struct server_options *o, const struct server_keyword *k,
           struct buf *out)
{
    server_print_keyword(k, out);
    buf_printf(out, "%d\n", *(int *)server_member(o, k));
}

const struct server_type type_time = {
    .read = read_time, .print = print_time, .max_arguments = 1, .has_effect = true};

static enum err
read_size(struct server_options *o, const struct server_line *line)
{
    const struct server_keyword *k = line->keyword;
    const char *word = server_argument(line, 1);
    bool is_off = k->may_be_none && is_none(word);
    int64_t octets = is_off ? 0 : config_size(word);
    if (octets < k->min || octets > k->max)
        return server_refuse(
            line, "must be a size in octets (4096, 512K, 10G, 1T) or none, not", word);
    *(int64_t *)server_member(o, k) = octets;
    return ERR_NONE;
}

const struct server_type type_size = {
    .read = read_size, .print = print_big_number, .max_arguments = 1, .has_effect = true};

static enum err
read_octal(struct server_options *o, const struct server_line *line)
{
    const char *word = server_argument(line, 1);
    long mode = 0;
    size_t n = strspn(word, "01234567");
    if (n != 0 && n <= 5 && word[n] == '\0')
        mode = strtol(word, NULL, 8);
    else
        mode = -1;
    if (mode < line->keyword->min || mode > line->keyword->max)
        return server_refuse(line, "must be octal from 0 to 0777, not", word);
    *(int *)server_member(o, line->keyword) = (int)mode;
    return ERR_NONE;
}

static void
print_octal(const struct server_options *o, const struct server_keyword *k,
            struct buf *out)
{
    server_print_keyword(k, out);
    buf_printf(out, "0%03o\n", (unsigned)*(int *)server_member(o, k));
}

const struct server_type type_octal = {
    .read = read_octal, .print = print_octal, .max_arguments = 1, .has_effect = true};

/* ---- texts ---- */

static enum err
read_text(struct server_options *o, const struct server_line *line)
{
    const char *word = server_argument(line, 1);
    if (server_is_off(line, word))
        return ERR_NONE;
    if (word[0] == '\0')
        return server_refuse(line, "must not be empty", NULL);
    return server_set_text(o, line->keyword, bytes_str(word));
}

const struct server_type type_text = {.read = read_text,
                                      .print = server_print_text,
                                      .clear = server_clear_text,
                                      .max_arguments = 1,
                                      .has_effect = true};

static bool
is_printable(struct bytes text)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] < 0x20 || text.p[i] > 0x7e)
            return false;
    return true;
}

/* Raw, as sshd takes it. It goes to the peer, so only what RFC 4253 4.2 allows. */
static enum err
read_line(struct server_options *o, const struct server_line *line)
{
    struct bytes rest = line->words->rest;
    if (bytes_eq_str(rest, server_argument(line, 1)) &&
        server_is_off(line, server_argument(line, 1)))
        return ERR_NONE;
    if (rest.n > (size_t)line->keyword->max || !is_printable(rest))
        return server_refuse(line, "must be a short line of printable ASCII characters",
                             NULL);
    return server_set_text(o, line->keyword, rest);
}

/* A `=` behind the keyword would be taken for the grammar's own. */
static void
print_rest(const struct server_options *o, const struct server_keyword *k,
           struct buf *out)
{
    const char *value = *(char **)server_member(o, k);
    if (!value && !k->may_be_none)
        return;
    server_print_keyword(k, out);
    if (value && value[0] == '=')
        buf_put_str(out, "= ");
    buf_put_str(out, value ? value : "none");
    buf_put_u8(out, '\n');
}

const struct server_type type_line = {.read = read_line,
                                      .print = print_rest,
                                      .clear = server_clear_text,
                                      .max_arguments = SERVER_ALL_ARGUMENTS,
                                      .has_effect = true};

static enum err
refuse_path(const struct server_line *line, const char *word)
{
    return server_refuse(line,
                         line->keyword->may_be_none
                             ? "must be an absolute path or none, not"
                             : "must be an absolute path, not",
                         word);
}

static bool
is_absolute(const char *word)
{
    return word[0] == '/' && strlen(word) < PATH_MAX;
}

static enum err
read_path(struct server_options *o, const struct server_line *line)
{
    const char *word = server_argument(line, 1);
    const struct server_keyword *k = line->keyword;
    if (server_is_off(line, word))
        return ERR_NONE;
    int place; /* LogTarget takes words in a path's place */
    if (!is_absolute(word) && !(k->words && value_word(k->words, word, &place)))
        return refuse_path(line, word);
    return server_set_text(o, k, bytes_str(word));
}

const struct server_type type_path = {.read = read_path,
                                      .print = server_print_text,
                                      .clear = server_clear_text,
                                      .max_arguments = 1,
                                      .has_effect = true};

static enum err
read_state_path(struct server_options *o, const struct server_line *line)
{
    const char *word = server_argument(line, 1);
    if (server_is_off(line, word))
        return ERR_NONE;
    if (word[0] == '\0' || strlen(word) >= PATH_MAX)
        return server_refuse(line, "must be a path, not", word);
    return server_set_text(o, line->keyword, bytes_str(word));
}

const struct server_type type_state_path = {.read = read_state_path,
                                            .print = server_print_text,
                                            .clear = server_clear_text,
                                            .max_arguments = 1,
                                            .has_effect = true};

static enum err
read_program(struct server_options *o, const struct server_line *line)
{
    const char *word = server_argument(line, 1);
    if (server_is_off(line, word))
        return ERR_NONE;
    if (!is_absolute(word))
        return refuse_path(line, word);
    return server_set_text(o, line->keyword, line->words->rest);
}

const struct server_type type_program = {.read = read_program,
                                         .print = print_rest,
                                         .clear = server_clear_text,
                                         .max_arguments = SERVER_ALL_ARGUMENTS,
                                         .has_effect = true};

/* ---- lists ---- */

void
server_clear_list(struct server_options *o, const struct server_keyword *k)
{
    server_list_clear(server_member(o, k));
}

static enum err
read_list(struct server_options *o, const struct server_line *line)
{
    enum err e = ERR_NONE;
    if (line->words->n == 2 && server_is_off(line, server_argument(line, 1)))
        return ERR_NONE;
    for (size_t i = 1; i < line->words->n && e == ERR_NONE; i++) {
        const char *word = words_at(line->words, i);
        if (word[0] == '\0')
            return server_refuse(line, "an empty word means nothing here", NULL);
        e = server_list_add(server_member(o, line->keyword), word);
    }
    return e;
}

void
server_print_list(const struct server_options *o, const struct server_keyword *k,
                  struct buf *out)
{
    const struct server_list *list = server_member(o, k);
    if (list->n == 0 && !k->may_be_none)
        return;
    server_print_keyword(k, out);
    for (size_t i = 0; i < list->n; i++) {
        if (i != 0)
            buf_put_u8(out, ' ');
        config_quote(out, list->item[i]);
    }
    buf_put_str(out, list->n == 0 ? "none\n" : "\n");
}

const struct server_type type_list = {.read = read_list,
                                      .print = server_print_list,
                                      .clear = server_clear_list,
                                      .max_arguments = SERVER_ALL_ARGUMENTS,
                                      .has_effect = true};

void
server_print_lines(const struct server_options *o, const struct server_keyword *k,
                   struct buf *out)
{
    const struct server_list *list = server_member(o, k);
    for (size_t i = 0; i < list->n; i++)
        print_line(k, list->item[i], out);
}

const struct server_type type_append = {.read = read_list,
                                        .print = server_print_lines,
                                        .clear = server_clear_list,
                                        .max_arguments = SERVER_ALL_ARGUMENTS,
                                        .accumulates = true,
                                        .has_effect = true};

static enum err
read_paths(struct server_options *o, const struct server_line *line)
{
    const char *word = server_argument(line, 1);
    if (server_is_off(line, word))
        return ERR_NONE;
    if (!is_absolute(word))
        return refuse_path(line, word);
    return server_list_add(server_member(o, line->keyword), word);
}

const struct server_type type_paths = {.read = read_paths,
                                       .print = server_print_lines,
                                       .clear = server_clear_list,
                                       .max_arguments = 1,
                                       .accumulates = true,
                                       .has_effect = true};

static enum err
read_ports(struct server_options *o, const struct server_line *line)
{
    int64_t port;
    const char *word = server_argument(line, 1);
    if (!value_number(word, line->keyword->min, line->keyword->max, &port))
        return refuse_range(line, "a port", word);
    return server_list_add(server_member(o, line->keyword), word);
}

const struct server_type type_ports = {.read = read_ports,
                                       .print = server_print_lines,
                                       .clear = server_clear_list,
                                       .max_arguments = 1,
                                       .accumulates = true,
                                       .has_effect = true};

/* ---- lists in one word ---- */

static enum err
read_networks(struct server_options *o, const struct server_line *line)
{
    const char *word = server_argument(line, 1);
    struct bytes rest = bytes_str(word), item;
    if (server_is_off(line, word))
        return ERR_NONE;
    if (rest.n == 0)
        return server_refuse(line, "must not be empty", NULL);
    while (bytes_next_item(&rest, &item)) {
        static const struct address any;
        (void)pattern_take_negation(&item);
        if (cidr_match(item, &any) == PATTERN_BAD)
            return server_refuse(
                line, "must be addresses or ADDRESS/BITS with commas, not", word);
    }
    return server_set_text(o, line->keyword, bytes_str(word));
}

const struct server_type type_networks = {.read = read_networks,
                                          .print = server_print_text,
                                          .clear = server_clear_text,
                                          .max_arguments = 1,
                                          .has_effect = true};

/* ---- of no concern ---- */

/* What would be a promise is refused: the words are those that switch off. */
static enum err
read_harmless(struct server_options *o, const struct server_line *line)
{
    (void)o;
    const struct option_word *w = line->keyword->words;
    int value;
    if (!w || value_word(w, server_argument(line, 1), &value))
        return ERR_NONE;
    char sentence[160];
    snprintf(sentence, sizeof sentence, "%s; must be %s, not", line->keyword->help,
             w->word);
    return server_refuse(line, sentence, server_argument(line, 1));
}

const struct server_type type_harmless = {.read = read_harmless,
                                          .max_arguments = SERVER_ALL_ARGUMENTS};
