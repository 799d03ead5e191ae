/* See text_line.h. */
#include "key/text_line.h"

bool
text_next_line(struct bytes *text, struct bytes *line)
{
    if (text->n == 0)
        return false;
    const uint8_t *lf = memchr(text->p, '\n', text->n);
    size_t n = lf ? (size_t)(lf - text->p) : text->n;
    *line = bytes_first(*text, n);
    *text = bytes_skip(*text, n + 1);
    if (line->n != 0 && line->p[line->n - 1] == '\r')
        line->n--;
    return true;
}

struct bytes
text_skip_blanks(struct bytes text)
{
    size_t n = 0;
    while (n < text.n && text_is_blank(text.p[n]))
        n++;
    return bytes_skip(text, n);
}

struct bytes
text_trim(struct bytes text)
{
    text = text_skip_blanks(text);
    while (text.n != 0 &&
           (text_is_blank(text.p[text.n - 1]) || text.p[text.n - 1] == '\r'))
        text.n--;
    return text;
}

struct bytes
text_next_word(struct bytes *text)
{
    struct bytes rest = text_skip_blanks(*text);
    size_t n = 0;
    while (n < rest.n && !text_is_blank(rest.p[n]))
        n++;
    *text = bytes_skip(rest, n);
    return bytes_first(rest, n);
}

bool
text_eq_fold(struct bytes a, const char *b)
{
    if (a.n != strlen(b))
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (text_lower(a.p[i]) != text_lower((uint8_t)b[i]))
            return false;
    return true;
}

bool
text_is_comment(struct bytes line)
{
    struct bytes text = text_trim(line);
    return text.n == 0 || text.p[0] == '#';
}
