/*
 * Types of value about connections before anybody has logged in: where to
 * listen, how many to take, what a source has to wait; see server_keyword.h.
 */
#include <limits.h>

#include "base/address.h"
#include "config/server_keyword.h"

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
