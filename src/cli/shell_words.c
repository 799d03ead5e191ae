/* See shell_words.h. */
#include "cli/shell_words.h"

#include <string.h>

/* One walk over a line. */
struct splitter {
    struct shell_words *w;
    const char *line;
    size_t at;
    char quote; /* that is open; 0: none */
    bool is_in; /* a word has begun */
};

void
shell_words_init(struct shell_words *w)
{
    *w = (struct shell_words){0};
    buf_init(&w->text, 2 * SHELL_LINE_MAX + 2);
}

void
shell_words_clear(struct shell_words *w)
{
    buf_clear(&w->text);
    *w = (struct shell_words){0};
}

const char *
shell_words_at(const struct shell_words *w, size_t index)
{
    return (const char *)w->text.p + w->starts[index];
}

void
shell_word_text(char *word)
{
    char *out = word;
    for (; *word; word++) {
        if (*word == '\\' && word[1])
            word++;
        *out++ = *word;
    }
    *out = '\0';
}

static enum err
begin(struct splitter *s)
{
    if (s->is_in)
        return ERR_NONE;
    if (s->w->n == SHELL_WORDS_MAX)
        return ERR_LIMIT;
    s->w->last_start = s->at;
    s->w->starts[s->w->n++] = s->w->text.n;
    s->is_in = true;
    return ERR_NONE;
}

static void
end(struct splitter *s)
{
    if (s->is_in)
        buf_put_u8(&s->w->text, '\0');
    s->is_in = false;
}

/* An octet that stands for itself: a "~" means a home only at a word's start. */
static void
put_literal(struct splitter *s, char c)
{
    bool is_first = s->w->text.n == s->w->starts[s->w->n - 1];
    if (strchr("*?[\\", c) || (c == '~' && is_first))
        buf_put_u8(&s->w->text, '\\');
    buf_put_u8(&s->w->text, (uint8_t)c);
}

/* Behind a backslash. In quotes it is kept before a wildcard, which is literal there. */
static void
take_escape(struct splitter *s)
{
    char c = s->line[s->at + 1];
    if (c == '\0') {
        put_literal(s, '\\');
        return;
    }
    if (s->quote && strchr("*?[", c))
        put_literal(s, '\\');
    put_literal(s, c);
    s->at++;
}

/* One octet; false: the line ends here. */
static bool
take(struct splitter *s, enum err *e)
{
    char c = s->line[s->at];
    bool is_blank = strchr(" \t\r\n", c) != NULL;
    if (c == '\0' || (c == '#' && !s->quote))
        return false;
    if (is_blank && !s->quote) {
        end(s);
        return true;
    }
    *e = begin(s);
    if (*e != ERR_NONE)
        return false;
    if (c == '\\')
        take_escape(s);
    else if (s->quote ? c == s->quote : c == '"' || c == '\'')
        s->quote = s->quote ? 0 : c;
    else if (s->quote)
        put_literal(s, c);
    else
        buf_put_u8(&s->w->text, (uint8_t)c);
    return true;
}

enum err
shell_words_split(struct shell_words *w, const char *line)
{
    struct splitter s = {.w = w, .line = line};
    enum err e = ERR_NONE;
    buf_reset(&w->text);
    w->n = 0;
    w->last_start = strlen(line);
    if (w->last_start > SHELL_LINE_MAX)
        return ERR_LIMIT;
    while (take(&s, &e))
        s.at++;
    w->open_quote = s.quote;
    if (!s.is_in)
        w->last_start = strlen(line);
    end(&s);
    return e == ERR_NONE ? buf_err(&w->text) : e;
}
