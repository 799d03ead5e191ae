/* See nearest.h. */
#include "config/nearest.h"

#include <ctype.h>
#include <string.h>

/* A third of the letters may be wrong; of a short word, one. */
static size_t
tolerance(size_t len)
{
    return len < 3 ? 1 : len / 3 + 1;
}

void
nearest_begin(struct nearest *n, const char *wanted)
{
    size_t len = strlen(wanted);
    *n = (struct nearest){.wanted = wanted,
                          .distance = len > NEAREST_MAX ? 0 : tolerance(len) + 1};
}

static size_t
least(size_t a, size_t b, size_t c)
{
    size_t x = a < b ? a : b;
    return x < c ? x : c;
}

/* Letters to insert, remove or replace: Wagner and Fischer, one row at a time. */
static size_t
edit_distance(const char *a, const char *b)
{
    size_t row[NEAREST_MAX + 1];
    size_t len = strlen(b);
    for (size_t j = 0; j <= len; j++)
        row[j] = j;
    for (size_t i = 1; *a; a++, i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= len; j++) {
            int differs = tolower((unsigned char)*a) != tolower((unsigned char)b[j - 1]);
            size_t above = row[j];
            row[j] = least(above + 1, row[j - 1] + 1, diagonal + (size_t)differs);
            diagonal = above;
        }
    }
    return row[len];
}

void
nearest_offer(struct nearest *n, const char *word)
{
    if (n->distance == 0 || strlen(word) > NEAREST_MAX)
        return;
    size_t d = edit_distance(n->wanted, word);
    if (d < n->distance) {
        n->distance = d;
        n->best = word;
    }
}
