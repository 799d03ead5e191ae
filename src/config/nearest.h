/*
 * The known word that a misspelt one was likely meant for: least edit distance,
 * case ignored. Bounded: words longer than NEAREST_MAX are near nothing.
 */
#ifndef FERRY_CONFIG_NEAREST_H
#define FERRY_CONFIG_NEAREST_H

#include <stddef.h>

enum { NEAREST_MAX = 63 }; /* octets */

struct nearest {
    const char *wanted;
    const char *best; /* NULL: none is near */
    size_t distance;  /* of best; at first the largest that counts as near, plus one */
};

/* wanted: borrowed, as are the words on offer. */
void nearest_begin(struct nearest *n, const char *wanted);
void nearest_offer(struct nearest *n, const char *word);

#endif
