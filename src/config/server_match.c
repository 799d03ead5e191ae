/* See server_match.h. */
#include "config/server_match.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/address.h"

/* One kind of criterion. is_valid NULL: every list will do. */
struct match_kind {
    const char *name;
    bool (*holds)(struct bytes patterns, const struct server_context *context);
    bool (*is_valid)(struct bytes patterns);
    bool takes_patterns;
};

static bool
text_matches(struct bytes patterns, const char *text, enum pattern_case fold)
{
    return text && pattern_list_match(patterns, bytes_str(text), fold) == PATTERN_YES;
}

static bool
user_holds(struct bytes patterns, const struct server_context *c)
{
    return text_matches(patterns, c->user, PATTERN_EXACT);
}

/* A negated pattern that one group matches outranks every other group. */
static bool
group_holds(struct bytes patterns, const struct server_context *c)
{
    bool is_match = false;
    for (size_t i = 0; i < c->n_groups; i++) {
        enum pattern_verdict v =
            pattern_list_match(patterns, bytes_str(c->groups[i]), PATTERN_EXACT);
        if (v == PATTERN_VETO)
            return false;
        is_match = is_match || v == PATTERN_YES;
    }
    return is_match;
}

static bool
address_matches(struct bytes patterns, const char *address)
{
    return address && from_list_match(patterns, bytes_str(address), (struct bytes){0}) ==
                          PATTERN_YES;
}

static bool
address_holds(struct bytes patterns, const struct server_context *c)
{
    return address_matches(patterns, c->address);
}

static bool
local_address_holds(struct bytes patterns, const struct server_context *c)
{
    return address_matches(patterns, c->local_address);
}

/* We ask no name service about peers, so as with sshd's UseDNS no, the host is its
 * address as text. */
static bool
host_holds(struct bytes patterns, const struct server_context *c)
{
    return text_matches(patterns, c->address, PATTERN_FOLD);
}

static bool
is_address_list(struct bytes patterns)
{
    return from_list_match(patterns, BYTES_LIT("192.0.2.1"), (struct bytes){0}) !=
           PATTERN_BAD;
}

static bool
local_port_holds(struct bytes patterns, const struct server_context *c)
{
    char port[8];
    snprintf(port, sizeof port, "%u", (unsigned)c->local_port);
    return c->local_port != 0 && text_matches(patterns, port, PATTERN_EXACT);
}

static bool
is_port_list(struct bytes patterns)
{
    struct bytes item;
    while (bytes_next_item(&patterns, &item)) {
        char copy[8];
        int64_t port;
        (void)pattern_take_negation(&item);
        if (item.n == 0 || item.n >= sizeof copy)
            return false;
        memcpy(copy, item.p, item.n);
        copy[item.n] = '\0';
        if (!value_number(copy, 1, 65535, &port))
            return false;
    }
    return true;
}

static bool
all_holds(struct bytes patterns, const struct server_context *c)
{
    (void)patterns, (void)c;
    return true;
}

static bool
unknown_user_holds(struct bytes patterns, const struct server_context *c)
{
    (void)patterns;
    return c->is_user_unknown;
}

static const struct match_kind kinds[] = {
    {"All", all_holds, NULL, false},
    {"User", user_holds, NULL, true},
    {"Group", group_holds, NULL, true},
    {"Host", host_holds, NULL, true},
    {"Address", address_holds, is_address_list, true},
    {"LocalAddress", local_address_holds, is_address_list, true},
    {"LocalPort", local_port_holds, is_port_list, true},
    {"Invalid-User", unknown_user_holds, NULL, false},
};

static const struct match_kind *
kind_find(struct bytes name)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (strlen(kinds[i].name) == name.n &&
            strncasecmp(kinds[i].name, (const char *)name.p, name.n) == 0)
            return &kinds[i];
    return NULL;
}

static bool
has_too_many(struct bytes patterns)
{
    size_t n = 0;
    struct bytes item;
    while (bytes_next_item(&patterns, &item))
        n++;
    return n > MATCH_PATTERNS_MAX;
}

static enum err
set_patterns(struct match_criterion *c, const char *patterns, struct buf *why)
{
    struct bytes list = bytes_str(patterns);
    if (list.n == 0)
        return value_refuse(why, "Match", "missing pattern of", c->kind->name);
    if (has_too_many(list))
        return value_refuse(why, "Match", "more than 256 patterns of", c->kind->name);
    if (c->kind->is_valid && !c->kind->is_valid(list))
        return value_refuse(why, "Match", "malformed address, network or port in",
                            patterns);
    c->patterns = strdup(patterns);
    return c->patterns ? ERR_NONE : ERR_NOMEM;
}

/* Word *i is a criterion, "User" with its patterns in the next word or "User=x,y". */
static enum err
take_criterion(const struct words *w, size_t *i, struct match *m, struct buf *why)
{
    const char *word = words_at(w, *i);
    size_t len = strcspn(word, "=");
    const struct match_kind *kind = kind_find(bytes_of(word, len));
    if (!kind)
        return value_refuse(why, "Match",
                            "must be All, User, Group, Address, LocalAddress, LocalPort, "
                            "Host or Invalid-User, not",
                            word);
    if (m->n == MATCH_CRITERIA_MAX)
        return value_refuse(why, "Match", "too many criteria", NULL);
    struct match_criterion *c = &m->criteria[m->n++];
    *c = (struct match_criterion){.kind = kind};
    if (!kind->takes_patterns)
        return word[len] == '='
                   ? value_refuse(why, "Match", "takes no pattern:", kind->name)
                   : ERR_NONE;
    if (word[len] == '=')
        return set_patterns(c, word + len + 1, why);
    return set_patterns(c, ++*i < w->n ? words_at(w, *i) : "", why);
}

enum err
match_parse(const struct words *words, struct match *m, struct buf *why)
{
    enum err e = ERR_NONE;
    m->n = 0;
    m->is_all = false;
    if (words->n < 2)
        return value_refuse(why, "Match", "missing criterion", NULL);
    for (size_t i = 1; i < words->n && e == ERR_NONE; i++)
        e = take_criterion(words, &i, m, why);
    if (e != ERR_NONE)
        return e;
    for (size_t i = 0; i < m->n; i++)
        m->is_all = m->is_all || m->criteria[i].kind->holds == all_holds;
    if (m->is_all && m->n != 1)
        return value_refuse(why, "Match", "All stands alone", NULL);
    return ERR_NONE;
}

void
match_clear(struct match *m)
{
    for (size_t i = 0; i < m->n; i++)
        free(m->criteria[i].patterns);
    m->n = 0;
}

bool
match_holds(const struct match *m, const struct server_context *context)
{
    if (!context)
        return m->is_all;
    for (size_t i = 0; i < m->n; i++)
        if (!m->criteria[i].kind->holds(bytes_str(m->criteria[i].patterns), context))
            return false;
    return true;
}
