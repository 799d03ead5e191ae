/*
 * The life of a struct server_options, one directive into it, and -T: all by
 * way of the rows of server_keyword.h.
 */
#include "config/server_options.h"

#include <stdlib.h>

#include "config/server_keyword.h"

void
server_options_init(struct server_options *o)
{
    memset(o, 0, sizeof *o);
    struct server_penalties *p = &o->penalties;
    p->is_enabled = OPTION_UNSET;
    p->crash = p->authfail = p->baduser = p->noauth = p->grace = SERVER_PENALTY_UNSET;
    p->min = p->max = p->max_sources4 = p->max_sources6 = SERVER_PENALTY_UNSET;
}

void
server_options_clear(struct server_options *o)
{
    const struct server_keyword *k;
    for (size_t i = 0; (k = server_keyword_at(i)); i++)
        if (!k->alias_of && k->type->clear)
            k->type->clear(o, k);
    server_options_init(o);
}

enum err
server_keyword_read(struct server_options *o, const struct server_line *line)
{
    const struct server_keyword *k = line->keyword;
    if (line->words->n < 2)
        return value_refuse(line->why, k->name, "missing argument", NULL);
    if (line->words->n - 1 > k->type->max_arguments)
        return value_refuse(line->why, k->name, "extra argument",
                            words_at(line->words, k->type->max_arguments + 1));
    enum err e = k->type->read(o, line);
    return e == ERR_LIMIT ? value_refuse(line->why, k->name, "too many values", NULL) : e;
}

enum err
server_keyword_default(struct server_options *o, const struct server_keyword *k)
{
    struct words words;
    struct buf text, why;
    const char *sentence;
    if (!k->standard)
        return ERR_NONE;
    words_init(&words);
    buf_init(&text, CONFIG_LINE_MAX);
    buf_init(&why, CONFIG_LINE_MAX);
    buf_printf(&text, "%s %s", k->name, k->standard);
    enum err e = buf_err(&text);
    if (e == ERR_NONE)
        e = words_split(&words, buf_bytes(&text), &sentence);
    struct server_line line = {.keyword = k, .words = &words, .why = &why};
    if (e == ERR_NONE)
        e = server_keyword_read(o, &line);
    words_clear(&words);
    buf_clear(&text);
    buf_clear(&why);
    return e;
}

void
server_options_print(const struct server_options *o, struct buf *out)
{
    const struct server_keyword *k;
    for (size_t i = 0; (k = server_keyword_at(i)); i++)
        if (!k->alias_of && k->type->print)
            k->type->print(o, k, out);
}
