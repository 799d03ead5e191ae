/*
 * The keywords as a manual shows them: mdoc(7), in the order of the alphabet,
 * every word of it from the rows of server_keyword.h.
 */
#include <stdlib.h>
#include <strings.h>

#include "config/server_keyword.h"

static int
compare_names(const void *a, const void *b)
{
    const struct server_keyword *const *x = a, *const *y = b;
    return strcasecmp((*x)->name, (*y)->name);
}

/* Rows for which is_wanted, sorted; how many. */
static size_t
sorted(const struct server_keyword *rows[SERVER_KEYWORDS_MAX],
       bool (*is_wanted)(const struct server_keyword *k))
{
    size_t n = 0;
    const struct server_keyword *k;
    for (size_t i = 0; (k = server_keyword_at(i)); i++)
        if (is_wanted(k))
            rows[n++] = k;
    qsort(rows, n, sizeof *rows, compare_names);
    return n;
}

/* roff takes a backslash, and a period or quote at a line's start, for its own. */
static void
put_text(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\\')
            buf_put_str(out, "\\e");
        else if (*text == '-')
            buf_put_str(out, "\\-");
        else
            buf_put_u8(out, (uint8_t)*text);
    }
}

/* A line a sentence, as mdoc has it: two blanks are none, one is a new line. */
static void
put_sentences(struct buf *out, const char *text)
{
    for (const char *end; (end = strstr(text, ". ")); text = end + 2) {
        char sentence[512];
        size_t n = (size_t)(end + 1 - text);
        if (n >= sizeof sentence)
            break;
        memcpy(sentence, text, n);
        sentence[n] = '\0';
        put_text(out, sentence);
        buf_put_u8(out, '\n');
    }
    put_text(out, text);
    buf_put_u8(out, '\n');
}

static void
put_aliases(struct buf *out, const struct server_keyword *of)
{
    const struct server_keyword *k;
    for (size_t i = 0; (k = server_keyword_at(i)); i++)
        if (k->alias_of && strcmp(k->alias_of, of->name) == 0)
            buf_printf(out, "Another name is\n.Cm %s .\n", k->name);
}

static void
put_keyword(struct buf *out, const struct server_keyword *k)
{
    buf_printf(out, ".It Cm %s Ar ", k->name);
    put_text(out, k->argument);
    buf_put_u8(out, '\n');
    put_sentences(out, k->help);
    put_aliases(out, k);
    if (k->standard) {
        buf_put_str(out, "The default is\n.Dq ");
        put_text(out, k->standard);
        buf_put_str(out, " .\n");
    }
    if (k->scope == SCOPE_MATCH)
        buf_put_str(out, "May stand in a\n.Cm Match\nblock.\n");
}

static bool
has_effect(const struct server_keyword *k)
{
    return !k->alias_of && k->type->has_effect;
}

static bool
is_only_off(const struct server_keyword *k)
{
    return !k->alias_of && !k->type->has_effect && k->words;
}

static bool
is_neutral(const struct server_keyword *k)
{
    return !k->alias_of && !k->type->has_effect && !k->words;
}

static void
put_names(struct buf *out, bool (*is_wanted)(const struct server_keyword *k))
{
    const struct server_keyword *rows[SERVER_KEYWORDS_MAX];
    size_t n = sorted(rows, is_wanted);
    for (size_t i = 0; i < n; i++) {
        buf_printf(out, ".Cm %s", rows[i]->name);
        if (rows[i]->words)
            buf_printf(out, " %s", rows[i]->words->word);
        buf_put_str(out, i + 1 < n ? " ,\n" : " .\n");
    }
}

void
server_options_manual(struct buf *out)
{
    const struct server_keyword *rows[SERVER_KEYWORDS_MAX];
    size_t n = sorted(rows, has_effect);
    buf_put_str(out, ".Bl -tag -width Ds\n");
    for (size_t i = 0; i < n; i++)
        put_keyword(out, rows[i]);
    buf_put_str(out, ".El\n.Ss Keywords of a shell server\n"
                     "These are accepted with the value that promises nothing, and "
                     "refused with any other:\n");
    put_names(out, is_only_off);
    buf_put_str(out, ".Pp\nThese are accepted with any value and have no effect:\n");
    put_names(out, is_neutral);
}
