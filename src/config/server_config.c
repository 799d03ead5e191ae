/*
 * The grammar of ferryd's configuration: files, Include and Match. What the
 * keywords mean is the table's business (server_keyword.h).
 *
 * Every directive is kept as its line, with the Match block that it stands in.
 * It is read once into a scratch set of options when its file is, so that
 * everything is refused then that can be; and again for each connection.
 */
#include "config/server_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "config/server_keyword.h"
#include "config/server_match.h"

/* One Match line; block 0 is what stands outside every Match. */
struct block {
    struct match match;
    size_t parent;  /* a block that was open where its file was included */
    bool is_always; /* holds for everybody: block 0, Match All beneath such */
};

struct directive {
    const struct server_keyword *keyword;
    size_t block;
    char *line; /* owned */
};

struct server_config {
    struct block *blocks;
    size_t n_blocks;
    struct directive *directives;
    size_t n_directives;
};

/* What reading needs; place and words belong to the line in hand. */
struct parser {
    struct server_config *config;
    const struct server_config_reader *reader;
    const char
        *directory; /* of the main file, with its last slash; owned by the caller */
    size_t directory_len;
    unsigned n_files;
    struct words words;
    struct buf sentence;
    struct server_options scratch;
    struct fault *why;
};

/* Where a line stands. */
struct place {
    const char *file;
    unsigned line;
    int depth;
    size_t outer; /* block around the Include that led here */
    size_t block;
    bool is_override; /* an -o */
};

static enum err
fail(struct parser *p, const struct place *at, const char *sentence)
{
    struct buf file;
    buf_init(&file, 1024);
    text_escape(&file, bytes_str(at->file), 100);
    const char *shown = buf_cstr(&file);
    enum err e = fault_set(p->why, ERR_PROTO, 0, "%s:%u: %s", shown ? shown : "",
                           at->line, sentence);
    buf_clear(&file);
    return e;
}

/* A failure that is not about what the line says; or p->sentence about it. */
static enum err
fail_as(struct parser *p, const struct place *at, enum err e)
{
    if (e == ERR_PROTO) {
        const char *sentence = buf_cstr(&p->sentence);
        return fail(p, at, sentence ? sentence : "wrong");
    }
    return fault_set(p->why, e, 0, "out of memory");
}

/* ---- what is kept ---- */

/* Room for one more of n; arrays grow at powers of two. */
static bool
grow(void *array, size_t n, size_t size)
{
    void **p = array;
    if ((n & (n - 1)) != 0)
        return true;
    void *more = reallocarray(*p, n == 0 ? 1 : 2 * n, size);
    if (more)
        *p = more;
    return more != NULL;
}

static enum err
add_block(struct server_config *c, size_t parent, struct match *match, size_t *block)
{
    if (!grow(&c->blocks, c->n_blocks, sizeof *c->blocks))
        return ERR_NOMEM;
    bool is_always = c->n_blocks == 0 || (match->is_all && c->blocks[parent].is_always);
    c->blocks[c->n_blocks] =
        (struct block){.match = *match, .parent = parent, .is_always = is_always};
    *block = c->n_blocks++;
    return ERR_NONE;
}

static enum err
add_directive(struct server_config *c, const struct server_keyword *k, size_t block,
              struct bytes line)
{
    if (!grow(&c->directives, c->n_directives, sizeof *c->directives))
        return ERR_NOMEM;
    char *copy = strndup((const char *)line.p, line.n);
    if (!copy)
        return ERR_NOMEM;
    c->directives[c->n_directives++] =
        (struct directive){.keyword = k, .block = block, .line = copy};
    return ERR_NONE;
}

void
server_config_free(struct server_config *config)
{
    if (!config)
        return;
    for (size_t i = 0; i < config->n_blocks; i++)
        match_clear(&config->blocks[i].match);
    for (size_t i = 0; i < config->n_directives; i++)
        free(config->directives[i].line);
    free(config->blocks);
    free(config->directives);
    free(config);
}

/* ---- lines ---- */

static enum err
on_match(struct parser *p, struct place *at)
{
    struct match match;
    if (at->is_override)
        return fail(p, at, "Match: not on a command line");
    if (p->config->n_blocks == SERVER_CONFIG_BLOCKS)
        return fail(p, at, "Match: too many of them");
    enum err e = match_parse(&p->words, &match, &p->sentence);
    if (e == ERR_NONE)
        e = add_block(p->config, at->outer, &match, &at->block);
    if (e == ERR_NONE)
        return e;
    match_clear(&match);
    return fail_as(p, at, e);
}

static enum err
on_unknown(struct parser *p, const struct place *at, const char *name)
{
    const char *nearest = server_keyword_nearest(name);
    (void)value_refuse(&p->sentence, "unknown keyword", "there is no", name);
    if (nearest)
        buf_printf(&p->sentence, "; did you mean %s?", nearest);
    return fail_as(p, at, ERR_PROTO);
}

static enum err
on_directive(struct parser *p, const struct place *at, struct bytes line)
{
    const char *name = words_at(&p->words, 0);
    const struct server_keyword *k = server_keyword_find(name);
    if (!k)
        return on_unknown(p, at, name);
    if (k->scope == SCOPE_DAEMON && !p->config->blocks[at->block].is_always) {
        (void)value_refuse(&p->sentence, k->name, "not allowed in a Match block", NULL);
        return fail_as(p, at, ERR_PROTO);
    }
    if (p->config->n_directives == SERVER_CONFIG_DIRECTIVES)
        return fail(p, at, "too many directives");
    struct server_line directive = {
        .keyword = k, .words = &p->words, .reader = p->reader, .why = &p->sentence};
    enum err e = server_keyword_read(&p->scratch, &directive);
    server_options_clear(&p->scratch);
    if (e == ERR_NONE)
        e = add_directive(p->config, k, at->block, line);
    return e == ERR_NONE ? e : fail_as(p, at, e);
}

static enum err parse_file(struct parser *p, const char *path, int depth, size_t block);

static enum err
include_pattern(struct parser *p, const struct place *at, const char *word)
{
    struct buf pattern, paths;
    buf_init(&pattern, CONFIG_LINE_MAX * 2);
    buf_init(&paths, CONFIG_FILE_MAX);
    if (word[0] != '/')
        buf_put(&pattern, bytes_of(p->directory, p->directory_len));
    buf_put_str(&pattern, word);
    const char *text = buf_cstr(&pattern);
    enum err e = text ? p->reader->glob(p->reader->ctx, text, &paths, p->why)
                      : fault_set(p->why, buf_err(&pattern), 0, "name too long");
    struct bytes rest = buf_bytes(&paths);
    while (e == ERR_NONE && rest.n != 0) {
        const char *path = (const char *)rest.p;
        size_t n = strnlen(path, rest.n);
        if (n == rest.n)
            e = fault_set(p->why, ERR_BUG, 0, "Include: an unterminated name");
        else
            e = parse_file(p, path, at->depth + 1, at->block);
        rest = bytes_skip(rest, n + 1);
    }
    buf_clear(&pattern);
    buf_clear(&paths);
    return e;
}

static enum err
on_include(struct parser *p, const struct place *at)
{
    /* p->words is needed for the included lines. */
    struct words patterns = p->words;
    enum err e = ERR_NONE;
    if (at->is_override)
        return fail(p, at, "Include: not on a command line");
    if (patterns.n < 2)
        return fail(p, at, "Include: missing path");
    if (at->depth >= SERVER_CONFIG_DEPTH)
        return fail(p, at, "Include: nested too deeply");
    words_init(&p->words);
    for (size_t i = 1; i < patterns.n && e == ERR_NONE; i++)
        e = include_pattern(p, at, words_at(&patterns, i));
    words_clear(&p->words);
    p->words = patterns;
    return e;
}

static enum err
on_line(struct parser *p, struct place *at, struct bytes line)
{
    const char *sentence = "";
    enum err e = words_split(&p->words, line, &sentence);
    if (e != ERR_NONE)
        return e == ERR_PROTO ? fail(p, at, sentence) : fail_as(p, at, e);
    if (p->words.n == 0)
        return ERR_NONE;
    const char *name = words_at(&p->words, 0);
    if (strcasecmp(name, "Match") == 0)
        return on_match(p, at);
    if (strcasecmp(name, "Include") == 0)
        return on_include(p, at);
    return on_directive(p, at, line);
}

/* block: what the Include stood in. */
static enum err
parse_file(struct parser *p, const char *path, int depth, size_t block)
{
    struct place at = {.file = path, .depth = depth, .outer = block, .block = block};
    struct bytes rest, line;
    struct buf text;
    if (p->n_files++ == SERVER_CONFIG_FILES)
        return fail(p, &at, "too many files");
    buf_init(&text, CONFIG_FILE_MAX);
    enum err e = p->reader->read(p->reader->ctx, path, &text, p->why);
    rest = buf_bytes(&text);
    while (e == ERR_NONE && config_next_line(&rest, &line)) {
        at.line++;
        e = on_line(p, &at, line);
    }
    buf_clear(&text);
    return e;
}

static enum err
parse_overrides(struct parser *p, const char *const *overrides)
{
    struct place at = {.file = "-o", .is_override = true};
    enum err e = ERR_NONE;
    for (; overrides && *overrides && e == ERR_NONE; overrides++) {
        at.line++;
        e = on_line(p, &at, bytes_str(*overrides));
    }
    return e;
}

/* ---- what holds ---- */

enum taken {
    TAKEN_NO,
    TAKEN_OPEN, /* lines still add up */
    TAKEN_SHUT,
};

struct choice {
    const struct server_config *config;
    bool *holds; /* by block */
    enum taken taken[SERVER_KEYWORDS_MAX];
    struct words words;
    struct buf why;
    struct server_options *o;
};

/* Blocks come behind those they stand in, so their parents are judged already. */
static void
judge_blocks(struct choice *c, const struct server_context *context)
{
    c->holds[0] = true;
    for (size_t i = 1; i < c->config->n_blocks; i++) {
        const struct block *b = &c->config->blocks[i];
        c->holds[i] = c->holds[b->parent] && match_holds(&b->match, context);
    }
}

static enum err
take_directive(struct choice *c, const struct directive *d)
{
    enum taken *taken = &c->taken[server_keyword_index(d->keyword)];
    const char *sentence;
    if (*taken == TAKEN_SHUT)
        return ERR_NONE;
    *taken = d->keyword->type->accumulates ? TAKEN_OPEN : TAKEN_SHUT;
    enum err e = words_split(&c->words, bytes_str(d->line), &sentence);
    struct server_line line = {.keyword = d->keyword, .words = &c->words, .why = &c->why};
    return e == ERR_NONE ? server_keyword_read(c->o, &line) : e;
}

/* What Match blocks say overrides what stands outside, wherever it stands; lists do
 * not grow over that border. sshd_config(5), Match. */
static enum err
take_matched(struct choice *c)
{
    enum err e = ERR_NONE;
    for (size_t i = 0; i < c->config->n_directives && e == ERR_NONE; i++) {
        const struct directive *d = &c->config->directives[i];
        if (d->block != 0 && c->holds[d->block] && d->keyword->scope == SCOPE_MATCH)
            e = take_directive(c, d);
    }
    for (size_t i = 0; i < ARRAY_LEN(c->taken); i++)
        if (c->taken[i] == TAKEN_OPEN)
            c->taken[i] = TAKEN_SHUT;
    return e;
}

static enum err
take_global(struct choice *c)
{
    enum err e = ERR_NONE;
    for (size_t i = 0; i < c->config->n_directives && e == ERR_NONE; i++) {
        const struct directive *d = &c->config->directives[i];
        if (c->config->blocks[d->block].is_always)
            e = take_directive(c, d);
    }
    return e;
}

static enum err
take_defaults(struct choice *c)
{
    const struct server_keyword *k;
    enum err e = ERR_NONE;
    for (size_t i = 0; (k = server_keyword_at(i)) && e == ERR_NONE; i++)
        if (!k->alias_of && (c->taken[i] == TAKEN_NO || k->type->has_parts))
            e = server_keyword_default(c->o, k);
    return e;
}

/* Names of files that are relative lie in StateDirectory. */
static enum err
settle_paths(struct server_options *o)
{
    const struct server_keyword *k;
    for (size_t i = 0; (k = server_keyword_at(i)); i++) {
        if (k->alias_of || k->type != &type_state_path)
            continue;
        char **member = server_member(o, k), *path;
        if (!*member || **member == '/')
            continue;
        if (asprintf(&path, "%s/%s", o->state_directory, *member) < 0)
            return ERR_NOMEM;
        free(*member);
        *member = path;
    }
    return ERR_NONE;
}

/* is_match: with the Match blocks for which c->holds says so. */
static enum err
choose(struct choice *c, bool is_match)
{
    words_init(&c->words);
    buf_init(&c->why, CONFIG_LINE_MAX);
    enum err e = is_match ? take_matched(c) : ERR_NONE;
    if (e == ERR_NONE)
        e = take_global(c);
    if (e == ERR_NONE)
        e = take_defaults(c);
    if (e == ERR_NONE)
        e = settle_paths(c->o);
    words_clear(&c->words);
    buf_clear(&c->why);
    return e;
}

enum err
server_config_effective(const struct server_config *config,
                        const struct server_context *context, struct server_options *o)
{
    struct choice c = {.config = config, .o = o};
    server_options_clear(o);
    c.holds = calloc(config->n_blocks, sizeof *c.holds);
    if (!c.holds)
        return ERR_NOMEM;
    judge_blocks(&c, context);
    enum err e = choose(&c, context != NULL);
    free(c.holds);
    return e;
}

/* ---- the whole ---- */

/* sshd's rule: never as root by oversight. */
static enum err
check_command_user(struct parser *p, const struct server_options *o, const char *path)
{
    if (!o->authorized_keys_command || o->authorized_keys_command_user)
        return ERR_NONE;
    return fault_set(p->why, ERR_PROTO, 0,
                     "%.120s: AuthorizedKeysCommand needs AuthorizedKeysCommandUser",
                     path);
}

/* Everything at once, as if every Match held: if its lists fit, all others do. */
static enum err
check_whole(struct parser *p, const char *path)
{
    struct choice c = {.config = p->config, .o = &p->scratch};
    c.holds = malloc(p->config->n_blocks * sizeof *c.holds);
    if (!c.holds)
        return fault_set(p->why, ERR_NOMEM, 0, "out of memory");
    memset(c.holds, true, p->config->n_blocks * sizeof *c.holds);
    enum err e = choose(&c, true);
    free(c.holds);
    if (e == ERR_NONE)
        e = check_command_user(p, &p->scratch, path);
    else if (e == ERR_PROTO)
        e = fault_set(p->why, ERR_PROTO, 0, "%.120s: more than %d values of one list",
                      path, SERVER_LIST_MAX);
    else
        e = fault_set(p->why, e, 0, "out of memory");
    server_options_clear(&p->scratch);
    return e;
}

static enum err
parse_all(struct parser *p, const char *path, const char *const *overrides)
{
    struct match everything = {.is_all = true};
    size_t outermost;
    enum err e = add_block(p->config, 0, &everything, &outermost);
    if (e != ERR_NONE)
        return fault_set(p->why, e, 0, "out of memory");
    e = parse_overrides(p, overrides);
    if (e == ERR_NONE)
        e = parse_file(p, path, 0, outermost);
    return e == ERR_NONE ? check_whole(p, path) : e;
}

enum err
server_config_parse(const char *path, const char *const *overrides,
                    const struct server_config_reader *reader,
                    struct server_config **config, struct fault *why)
{
    const char *slash = strrchr(path, '/');
    struct parser p = {.reader = reader,
                       .directory = path,
                       .directory_len = slash ? (size_t)(slash - path) + 1 : 0,
                       .why = why};
    *config = NULL;
    p.config = calloc(1, sizeof *p.config);
    if (!p.config)
        return fault_set(why, ERR_NOMEM, 0, "out of memory");
    words_init(&p.words);
    buf_init(&p.sentence, CONFIG_LINE_MAX);
    server_options_init(&p.scratch);
    enum err e = parse_all(&p, path, overrides);
    words_clear(&p.words);
    buf_clear(&p.sentence);
    if (e == ERR_NONE)
        *config = p.config;
    else
        server_config_free(p.config);
    return e;
}

const char *
server_config_next(const struct server_config *config, const char *keyword,
                   size_t *cursor)
{
    while (*cursor < config->n_directives) {
        const struct directive *d = &config->directives[(*cursor)++];
        if (strcasecmp(d->keyword->name, keyword) == 0)
            return d->line;
    }
    return NULL;
}
