/*
 * Readers of single values, shared by the option tables of ssh_config and
 * sshd_config: numbers, times, sizes, one word out of several, and the lists in
 * which lines accumulate. What they refuse, the caller words.
 */
#ifndef FERRY_CONFIG_VALUE_H
#define FERRY_CONFIG_VALUE_H

#include "config/words.h"

enum { OPTION_UNSET = -1 };
enum { OPTION_LIST_MAX = 64 };

/* Values that accumulate, or several values of one line; each owned. */
struct option_list {
    char *item[OPTION_LIST_MAX];
    size_t n;
};

/* ERR_LIMIT: OPTION_LIST_MAX are held; ERR_NOMEM. */
enum err option_list_add(struct option_list *list, const char *value) MUST_USE;
void option_list_clear(struct option_list *list);

/* One of the words that a keyword takes; case does not matter. */
struct option_word {
    const char *word; /* NULL behind the last */
    int value;
};

extern const struct option_word option_yes_no[];   /* yes, true: 1; no, false: 0 */
extern const struct option_word option_families[]; /* enum address_family */

/* False: none of them. */
bool value_word(const struct option_word *words, const char *text, int *value);

/* Decimal digits and nothing else, within min..max; min >= 0. */
bool value_number(const char *text, int64_t min, int64_t max, int64_t *number);

/* A config_time, or "none", which is 0. */
bool value_time(const char *text, int *seconds);

/* Seconds of "90", "1h30m", "2w"; -1: not a time. TIME FORMATS of sshd_config(5). */
int64_t config_time(const char *text);

/* Octets of "1G", "512M", "4096"; -1: not a size. */
int64_t config_size(const char *text);

struct rekey_limit {
    int64_t octets;  /* 0: the cipher's default */
    int64_t seconds; /* 0: none */
};

/* "default|none|SIZE [none|TIME]" from word 1 on; w->n is 2 or 3. NULL, or a sentence
 * about the word *bad. */
const char *
value_rekey_limit(const struct words *w, struct rekey_limit *limit, const char **bad);

/* *why becomes `KEYWORD: sentence "value"`; value NULL: without it. ERR_PROTO. */
enum err value_refuse(struct buf *why, const char *keyword, const char *sentence,
                      const char *value);

#endif
