/* See expand.h. */
#include "config/expand.h"

#include <string.h>

static const char *
token_text(const struct expand_tokens *t, char letter)
{
    const struct {
        char letter;
        const char *text;
    } rows[] = {
        {'%', "%"},  {'d', t->d}, {'h', t->h}, {'i', t->i}, {'k', t->k}, {'L', t->L},
        {'l', t->l}, {'n', t->n}, {'p', t->p}, {'r', t->r}, {'u', t->u}, {'j', t->j},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].letter == letter)
            return rows[i].text;
    return NULL;
}

/* Append what ${NAME} at text stands for; *end: its closing brace. */
static enum err
put_environment(struct buf *out, const char *text, const char **end,
                const char *(*lookup)(const char *name))
{
    char name[128];
    *end = strchr(text, '}');
    size_t n = *end ? (size_t)(*end - text) - 2 : 0;
    if (n == 0 || n >= sizeof name)
        return ERR_PROTO;
    memcpy(name, text + 2, n);
    name[n] = '\0';
    const char *value = lookup(name);
    if (!value)
        return ERR_PROTO;
    buf_put_str(out, value);
    return ERR_NONE;
}

/* One pass, so that what a token or a variable brings in is never searched again. */
static enum err
expand(struct buf *out, const char *text, const struct expand_tokens *t,
       const char *(*lookup)(const char *name))
{
    for (; *text; text++) {
        if (text[0] == '%') {
            const char *value = token_text(t, *++text);
            if (!value)
                return ERR_PROTO;
            buf_put_str(out, value);
        } else if (lookup && text[0] == '$' && text[1] == '{') {
            enum err e = put_environment(out, text, &text, lookup);
            if (e != ERR_NONE)
                return e;
        } else {
            buf_put_u8(out, (uint8_t)*text);
        }
    }
    return buf_err(out);
}

enum err
expand_percent(struct buf *out, const char *text, const struct expand_tokens *t)
{
    return expand(out, text, t, NULL);
}

enum err
expand_path(struct buf *out, const char *text, const struct expand_tokens *t,
            const char *(*lookup)(const char *name))
{
    if (text[0] == '~' && (text[1] == '/' || text[1] == '\0')) {
        if (!t->d)
            return ERR_PROTO;
        buf_put_str(out, t->d);
        text++;
    }
    return expand(out, text, t, lookup);
}
