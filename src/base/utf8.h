/*
 * UTF-8 (RFC 3629), judged strictly: no overlong forms, no surrogates, nothing
 * above U+10FFFF.
 */
#ifndef FERRY_BASE_UTF8_H
#define FERRY_BASE_UTF8_H

#include "base/bytes.h"

/* Octets of the well-formed sequence that text starts with, its code point in
 * *code_point; 0: none. text is not empty. */
size_t utf8_sequence(struct bytes text, uint32_t *code_point);

/* Well-formed throughout? */
bool utf8_is_valid(struct bytes text);

/* Does it move the cursor, start a line, or reorder or hide text? */
bool utf8_is_unsafe(uint32_t code_point);

#endif
