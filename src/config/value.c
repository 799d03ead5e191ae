/* See value.h. */
#include "config/value.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "config/ssh_options.h"

enum {
    SHOWN_MAX = 200,  /* octets of a refused value that are repeated to the user */
    REKEY_LEAST = 16, /* octets; below this nothing but rekeying would happen */
};

const struct option_word option_yes_no[] = {
    {"yes", 1}, {"no", 0}, {"true", 1}, {"false", 0}, {NULL, 0}};
const struct option_word option_families[] = {
    {"any", FAMILY_ANY}, {"inet", FAMILY_INET}, {"inet6", FAMILY_INET6}, {NULL, 0}};

enum err
value_refuse(struct buf *why, const char *keyword, const char *sentence,
             const char *value)
{
    buf_reset(why);
    buf_printf(why, "%s: %s", keyword, sentence);
    if (value) {
        buf_put_str(why, " \"");
        text_escape(why, bytes_str(value), SHOWN_MAX);
        buf_put_str(why, "\"");
    }
    return ERR_PROTO;
}

/* ---- lists ---- */

enum err
option_list_add(struct option_list *list, const char *value)
{
    if (list->n == OPTION_LIST_MAX)
        return ERR_LIMIT;
    list->item[list->n] = strdup(value);
    if (!list->item[list->n])
        return ERR_NOMEM;
    list->n++;
    return ERR_NONE;
}

void
option_list_clear(struct option_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->item[i]);
    list->n = 0;
}

/* ---- words and numbers ---- */

bool
value_word(const struct option_word *words, const char *text, int *value)
{
    for (const struct option_word *w = words; w->word; w++)
        if (strcasecmp(w->word, text) == 0) {
            *value = w->value;
            return true;
        }
    return false;
}

/* Decimal digits at *text, at most max; -1: none, or too many. */
static int64_t
take_digits(const char **text, int64_t max)
{
    int64_t x = 0;
    const char *p = *text;
    for (; *p >= '0' && *p <= '9'; p++) {
        int digit = *p - '0';
        if (x > (max - digit) / 10)
            return -1;
        x = x * 10 + digit;
    }
    if (p == *text)
        return -1;
    *text = p;
    return x;
}

bool
value_number(const char *text, int64_t min, int64_t max, int64_t *number)
{
    *number = take_digits(&text, max);
    return *text == '\0' && *number >= min;
}

/* ---- times and sizes ---- */

/* A unit's factor by its letter; 0: no such unit. */
static int64_t
time_unit(char letter)
{
    switch (letter) {
    case '\0':
    case 's':
    case 'S':
        return 1;
    case 'm':
    case 'M':
        return 60;
    case 'h':
    case 'H':
        return 3600;
    case 'd':
    case 'D':
        return 86400;
    case 'w':
    case 'W':
        return 604800;
    default:
        return 0;
    }
}

int64_t
config_time(const char *text)
{
    int64_t total = 0;
    do {
        int64_t x = take_digits(&text, INT32_MAX);
        int64_t unit = time_unit(*text);
        if (x < 0 || unit == 0)
            return -1;
        if (*text)
            text++;
        total += x * unit;
        if (total > INT32_MAX)
            return -1;
    } while (*text);
    return total;
}

bool
value_time(const char *text, int *seconds)
{
    *seconds = strcasecmp(text, "none") == 0 ? 0 : (int)config_time(text);
    return *seconds >= 0;
}

/* Powers of two by letter; -1: no such unit. */
static int
size_shift(char letter)
{
    switch (letter) {
    case '\0':
        return 0;
    case 'k':
    case 'K':
        return 10;
    case 'm':
    case 'M':
        return 20;
    case 'g':
    case 'G':
        return 30;
    case 't':
    case 'T':
        return 40;
    default:
        return -1;
    }
}

int64_t
config_size(const char *text)
{
    int64_t x = take_digits(&text, INT64_MAX);
    int shift = x < 0 ? -1 : size_shift(*text);
    if (shift < 0 || (shift > 0 && text[1] != '\0') || x > INT64_MAX >> shift)
        return -1;
    return x << shift;
}

const char *
value_rekey_limit(const struct words *w, struct rekey_limit *limit, const char **bad)
{
    const char *size = *bad = words_at(w, 1);
    bool is_word = strcasecmp(size, "default") == 0 || strcasecmp(size, "none") == 0;
    limit->octets = is_word ? 0 : config_size(size);
    limit->seconds = 0;
    if (limit->octets < 0 || (!is_word && limit->octets < REKEY_LEAST))
        return "not a size of at least 16 octets";
    int seconds = 0;
    if (w->n > 2 && !value_time(*bad = words_at(w, 2), &seconds))
        return "not a time";
    limit->seconds = seconds;
    return NULL;
}
