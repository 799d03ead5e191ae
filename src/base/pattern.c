/* See pattern.h. */
#include "base/pattern.h"

static uint8_t
lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 'a' - 'A') : c;
}

static bool
octet_matches(uint8_t pattern, uint8_t text, enum pattern_case fold)
{
    if (pattern == '?')
        return true;
    return fold == PATTERN_FOLD ? lower(pattern) == lower(text) : pattern == text;
}

/*
 * On a mismatch, only the last '*' needs to take one octet more: whatever an
 * earlier one could take, this one can take as well. So no recursion, and two
 * nested walks at most.
 */
bool
pattern_match(struct bytes pattern, struct bytes text, enum pattern_case fold)
{
    size_t p = 0, t = 0;
    size_t star = SIZE_MAX, star_text = 0; /* the last '*' and where its run ends */
    while (t < text.n) {
        if (p < pattern.n && pattern.p[p] == '*') {
            star = p++;
            star_text = t;
        } else if (p < pattern.n && octet_matches(pattern.p[p], text.p[t], fold)) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++star_text;
        } else {
            return false;
        }
    }
    while (p < pattern.n && pattern.p[p] == '*')
        p++;
    return p == pattern.n;
}

bool
pattern_take_negation(struct bytes *item)
{
    bool is_negated = item->n != 0 && item->p[0] == '!';
    if (is_negated)
        *item = bytes_skip(*item, 1);
    return is_negated;
}

enum pattern_verdict
pattern_list_match(struct bytes list, struct bytes text, enum pattern_case fold)
{
    enum pattern_verdict verdict = PATTERN_NO;
    struct bytes item;
    while (bytes_next_item(&list, &item)) {
        bool is_negated = pattern_take_negation(&item);
        if (item.n == 0 || !pattern_match(item, text, fold))
            continue;
        if (is_negated)
            return PATTERN_VETO;
        verdict = PATTERN_YES;
    }
    return verdict;
}
