/* See words.h. */
#include "config/words.h"

#include <string.h>

void
words_init(struct words *w)
{
    w->n = 0;
    w->rest = (struct bytes){0};
    /* Unescaping never lengthens a word; every word brings one terminator. */
    buf_init(&w->text, CONFIG_LINE_MAX + CONFIG_WORDS_MAX);
}

void
words_clear(struct words *w)
{
    buf_clear(&w->text);
    w->n = 0;
}

const char *
words_at(const struct words *w, size_t i)
{
    return (const char *)w->text.p + w->start[i];
}

bool
config_next_line(struct bytes *rest, struct bytes *line)
{
    if (rest->n == 0)
        return false;
    const uint8_t *lf = memchr(rest->p, '\n', rest->n);
    size_t n = lf ? (size_t)(lf - rest->p) : rest->n;
    *line = bytes_first(*rest, n);
    *rest = lf ? bytes_skip(*rest, n + 1) : (struct bytes){0};
    if (line->n != 0 && line->p[line->n - 1] == '\r')
        line->n--;
    return true;
}

static bool
is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\f';
}

static struct bytes
skip_blanks(struct bytes b)
{
    while (b.n != 0 && is_blank(b.p[0]))
        b = bytes_skip(b, 1);
    return b;
}

static void
begin_word(struct words *w)
{
    w->start[w->n++] = (uint32_t)w->text.n;
}

/* The keyword ends at a blank or at the one `=` that may stand behind it. */
static struct bytes
take_keyword(struct words *w, struct bytes line)
{
    size_t n = 0;
    while (n < line.n && !is_blank(line.p[n]) && line.p[n] != '=')
        n++;
    begin_word(w);
    buf_put(&w->text, bytes_first(line, n));
    buf_put_u8(&w->text, 0);
    struct bytes rest = skip_blanks(bytes_skip(line, n));
    if (rest.n != 0 && rest.p[0] == '=')
        rest = skip_blanks(bytes_skip(rest, 1));
    while (rest.n != 0 && is_blank(rest.p[rest.n - 1]))
        rest.n--;
    return rest;
}

/* Does the backslash at in.p[0] escape what follows? */
static bool
is_escape(struct bytes in, uint8_t quote)
{
    if (in.n < 2 || in.p[0] != '\\')
        return false;
    uint8_t c = in.p[1];
    return c == '"' || c == '\'' || c == '\\' || (c == ' ' && quote == 0);
}

/* One argument, unquoted into w->text. False: a quote is not closed. */
static bool
take_word(struct words *w, struct bytes *in)
{
    uint8_t quote = 0;
    begin_word(w);
    while (in->n != 0 && (quote != 0 || !is_blank(in->p[0]))) {
        uint8_t c = in->p[0];
        if (is_escape(*in, quote)) {
            buf_put_u8(&w->text, in->p[1]);
            *in = bytes_skip(*in, 2);
            continue;
        }
        if (quote == 0 && (c == '"' || c == '\''))
            quote = c;
        else if (quote != 0 && c == quote)
            quote = 0;
        else
            buf_put_u8(&w->text, c);
        *in = bytes_skip(*in, 1);
    }
    buf_put_u8(&w->text, 0);
    return quote == 0;
}

static enum err
refuse(struct words *w, const char **why, const char *sentence)
{
    w->n = 0;
    *why = sentence;
    return ERR_PROTO;
}

enum err
words_split(struct words *w, struct bytes line, const char **why)
{
    buf_reset(&w->text);
    w->n = 0;
    w->rest = (struct bytes){0};
    if (line.n > CONFIG_LINE_MAX)
        return refuse(w, why, "line too long");
    if (line.n != 0 && memchr(line.p, 0, line.n))
        return refuse(w, why, "NUL octet");
    line = skip_blanks(line);
    if (line.n == 0 || line.p[0] == '#')
        return ERR_NONE;
    w->rest = take_keyword(w, line);
    struct bytes in = w->rest;
    while (in.n != 0 && in.p[0] != '#') {
        if (w->n == CONFIG_WORDS_MAX)
            return refuse(w, why, "too many arguments");
        if (!take_word(w, &in))
            return refuse(w, why, "missing closing quote");
        in = skip_blanks(in);
    }
    if (buf_err(&w->text) != ERR_NONE) {
        *why = "out of memory";
        return buf_err(&w->text);
    }
    return ERR_NONE;
}

void
config_quote(struct buf *out, const char *word)
{
    bool is_plain = word[0] != '\0' && word[0] != '#' && word[0] != '=' &&
                    strpbrk(word, " \t\f\"'\\") == NULL;
    if (is_plain) {
        buf_put_str(out, word);
        return;
    }
    buf_put_u8(out, '"');
    for (; *word; word++) {
        if (*word == '"' || *word == '\'' || *word == '\\')
            buf_put_u8(out, '\\');
        buf_put_u8(out, (uint8_t)*word);
    }
    buf_put_u8(out, '"');
}
