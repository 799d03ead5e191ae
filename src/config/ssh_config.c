/* See ssh_config.h. */
#include "config/ssh_config.h"

#include <string.h>
#include <strings.h>

#include "base/pattern.h"

/* The line being read, for error messages and its words. */
struct reader {
    struct ssh_config *c;
    struct words words;
    struct buf why; /* of the option table */
    const char *file;
    unsigned line;
    int depth;
    struct fault *fault;
};

void
ssh_config_begin_source(struct ssh_config *c)
{
    c->is_active = true;
}

static enum err
fail(struct reader *r, const char *what)
{
    return fault_set(r->fault, ERR_PROTO, 0, "%s line %u: %s", r->file, r->line, what);
}

static enum err
fail_about(struct reader *r, const char *what, const char *word)
{
    return fault_set(r->fault, ERR_PROTO, 0, "%s line %u: %s \"%.100s\"", r->file,
                     r->line, what, word);
}

/* ---- Host ---- */

/* Some pattern matches and no negated one does. */
static bool
host_words_match(const struct words *w, const char *host)
{
    bool is_match = false;
    for (size_t i = 1; i < w->n; i++) {
        struct bytes pattern = bytes_str(words_at(w, i));
        bool is_veto = bytes_has_prefix(pattern, "!");
        if (is_veto)
            pattern = bytes_skip(pattern, 1);
        if (!pattern_match(pattern, bytes_str(host), PATTERN_FOLD))
            continue;
        if (is_veto)
            return false;
        is_match = true;
    }
    return is_match;
}

static enum err
on_host(struct reader *r, bool is_outer_active)
{
    if (r->words.n < 2)
        return fail(r, "Host: missing pattern");
    r->c->is_active = is_outer_active && host_words_match(&r->words, r->c->original_host);
    return ERR_NONE;
}

/* ---- Match ---- */

enum criterion_kind {
    MATCH_ALL,
    MATCH_FINAL, /* and canonical: we canonicalise nothing, both mean the last pass */
    MATCH_HOST,
    MATCH_ORIGINAL_HOST,
    MATCH_USER,
    MATCH_LOCAL_USER,
    MATCH_EXEC,
};

static const struct criterion {
    const char *name;
    enum criterion_kind kind;
    bool takes_argument;
} criteria[] = {
    {"all", MATCH_ALL, false},
    {"final", MATCH_FINAL, false},
    {"canonical", MATCH_FINAL, false},
    {"host", MATCH_HOST, true},
    {"originalhost", MATCH_ORIGINAL_HOST, true},
    {"user", MATCH_USER, true},
    {"localuser", MATCH_LOCAL_USER, true},
    {"exec", MATCH_EXEC, true},
};

static const struct criterion *
criterion_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(criteria); i++)
        if (strcasecmp(criteria[i].name, name) == 0)
            return &criteria[i];
    return NULL;
}

static const char *
user_so_far(const struct ssh_config *c)
{
    return c->user ? c->user : c->options->user ? c->options->user : c->local_user;
}

static bool
list_matches(const char *list, const char *text, enum pattern_case fold)
{
    return pattern_list_match(bytes_str(list), bytes_str(text), fold) == PATTERN_YES;
}

static bool
criterion_holds(struct ssh_config *c, const struct criterion *m, const char *argument)
{
    const char *host = c->options->hostname ? c->options->hostname : c->original_host;
    switch (m->kind) {
    case MATCH_ALL:
        return true;
    case MATCH_FINAL:
        c->wants_final = true;
        return c->is_final_pass;
    case MATCH_HOST:
        return list_matches(argument, host, PATTERN_FOLD);
    case MATCH_ORIGINAL_HOST:
        return list_matches(argument, c->original_host, PATTERN_FOLD);
    case MATCH_USER:
        return list_matches(argument, user_so_far(c), PATTERN_EXACT);
    case MATCH_LOCAL_USER:
        return list_matches(argument, c->local_user, PATTERN_EXACT);
    case MATCH_EXEC:
        return c->hooks->exec(c->hooks->ctx, argument);
    }
    return false;
}

/* All criteria must hold; one that is not evaluated any more is still checked for
 * its spelling, and `exec` runs nothing once the answer is known. */
static enum err
on_match(struct reader *r, bool is_outer_active)
{
    bool holds = is_outer_active;
    if (r->words.n < 2)
        return fail(r, "Match: missing criterion");
    for (size_t i = 1; i < r->words.n; i++) {
        const char *name = words_at(&r->words, i);
        bool is_negated = name[0] == '!';
        const struct criterion *m = criterion_find(name + is_negated);
        if (!m || (m->kind == MATCH_EXEC && !r->c->hooks->exec))
            return fail_about(r, "Match: unsupported criterion", name);
        const char *argument = NULL;
        if (m->takes_argument) {
            if (++i == r->words.n)
                return fail_about(r, "Match: missing argument of", name);
            argument = words_at(&r->words, i);
        }
        if (holds || m->kind == MATCH_FINAL)
            holds = (criterion_holds(r->c, m, argument) != is_negated) && holds;
    }
    r->c->is_active = holds;
    return ERR_NONE;
}

/* ---- Include ---- */

/* A Host block inside an included file ends with that file. */
static enum err
on_include(struct reader *r)
{
    struct ssh_config *c = r->c;
    if (r->words.n < 2)
        return fail(r, "Include: missing path");
    if (r->depth >= CONFIG_DEPTH_MAX)
        return fail(r, "Include: nested too deeply");
    if (!c->is_active)
        return ERR_NONE;
    for (size_t i = 1; i < r->words.n; i++) {
        enum err e = c->hooks->include(c->hooks->ctx, c, words_at(&r->words, i),
                                       r->depth + 1, r->fault);
        c->is_active = true;
        if (e != ERR_NONE)
            return e;
    }
    return ERR_NONE;
}

static enum err
on_option(struct reader *r)
{
    enum err e = ssh_options_set(r->c->options, &r->words, r->c->is_active, &r->why);
    if (e == ERR_PROTO) {
        const char *why = buf_cstr(&r->why);
        return fail(r, why ? why : "out of memory");
    }
    return e == ERR_NONE ? e : fault_set(r->fault, e, 0, "out of memory");
}

/* is_outer_active: was the Include that led here in force? */
static enum err
on_line(struct reader *r, struct bytes line, bool is_outer_active)
{
    const char *why = "";
    if (words_split(&r->words, line, &why) != ERR_NONE)
        return fail(r, why);
    if (r->words.n == 0)
        return ERR_NONE;
    const char *keyword = words_at(&r->words, 0);
    if (strcasecmp(keyword, "Host") == 0)
        return on_host(r, is_outer_active);
    if (strcasecmp(keyword, "Match") == 0)
        return on_match(r, is_outer_active);
    if (strcasecmp(keyword, "Include") == 0)
        return on_include(r);
    return on_option(r);
}

enum err
ssh_config_read(struct ssh_config *c, const char *file, struct bytes text, int depth,
                struct fault *fault)
{
    if (text.n > CONFIG_FILE_MAX)
        return fault_set(fault, ERR_PROTO, 0, "%s: larger than 1 MiB", file);
    struct reader r = {.c = c, .file = file, .depth = depth, .fault = fault};
    words_init(&r.words);
    buf_init(&r.why, 1024);
    bool is_outer_active = c->is_active;
    enum err e = ERR_NONE;
    struct bytes line;
    while (e == ERR_NONE && config_next_line(&text, &line)) {
        r.line++;
        e = on_line(&r, line, is_outer_active);
    }
    words_clear(&r.words);
    buf_clear(&r.why);
    return e;
}
