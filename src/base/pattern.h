/*
 * Wildcard patterns and comma-separated lists of them with negation, as in
 * ssh_config and known_hosts. Matching is iterative: pattern and text of n and
 * m octets cost at most n * m steps, whatever they hold (threats R9).
 */
#ifndef FERRY_BASE_PATTERN_H
#define FERRY_BASE_PATTERN_H

#include "base/bytes.h"

enum pattern_case {
    PATTERN_EXACT,
    PATTERN_FOLD, /* ASCII letters are equal in either case: host names */
};

/* '*': any run, also none; '?': one octet; all else stands for itself. */
bool pattern_match(struct bytes pattern, struct bytes text, enum pattern_case fold);

enum pattern_verdict {
    PATTERN_NO = 0,
    PATTERN_YES,
    PATTERN_VETO, /* an item with leading '!' matched: outranks every other */
    PATTERN_BAD,  /* only from base/address.h: a malformed list of addresses */
};

enum pattern_verdict
pattern_list_match(struct bytes list, struct bytes text, enum pattern_case fold);

/* Take a leading '!' off an item; true if there was one. */
bool pattern_take_negation(struct bytes *item);

#endif
