/* See pattern.h. */
#include "config/pattern.h"

static uint8_t
fold_octet(uint8_t c, enum config_case fold)
{
    return fold == CONFIG_IGNORE_CASE && c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

/*
 * On a mismatch go back to the latest star and let it swallow one octet more.
 * Earlier stars never need to be reconsidered: what stands between two stars
 * was matched at its leftmost place, which leaves the most for the rest.
 */
bool
config_pattern_matches(struct bytes pattern, struct bytes text, enum config_case fold)
{
    size_t p = 0, t = 0, star = SIZE_MAX, star_text = 0;
    while (t < text.n) {
        if (p < pattern.n && pattern.p[p] == '*') {
            star = p++;
            star_text = t;
        } else if (p < pattern.n &&
                   (pattern.p[p] == '?' ||
                    fold_octet(pattern.p[p], fold) == fold_octet(text.p[t], fold))) {
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
config_pattern_list_matches(struct bytes list, struct bytes text, enum config_case fold)
{
    bool is_match = false;
    struct bytes item;
    while (bytes_next_item(&list, &item)) {
        bool is_veto = bytes_has_prefix(item, "!");
        if (!config_pattern_matches(is_veto ? bytes_skip(item, 1) : item, text, fold))
            continue;
        if (is_veto)
            return false;
        is_match = true;
    }
    return is_match;
}
