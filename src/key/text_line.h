/*
 * Lines and words of the text files of this folder, as borrowed slices.
 * A NUL is an octet like any other here; who gives meaning to a line refuses it.
 */
#ifndef FERRY_KEY_TEXT_LINE_H
#define FERRY_KEY_TEXT_LINE_H

#include "base/bytes.h"

/*
 * Take the next line off *text, without its end (LF or CRLF; a lone CR ends
 * nothing). False: *text was empty.
 */
bool text_next_line(struct bytes *text, struct bytes *line);

static inline bool
text_is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static inline uint8_t
text_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

/* Without the spaces and tabs in front; or on both sides, CR included. */
struct bytes text_skip_blanks(struct bytes text);
struct bytes text_trim(struct bytes text);

/* Take blanks and the word behind them off *text. Empty: no word was left. */
struct bytes text_next_word(struct bytes *text);

/* Equal but for the case of ASCII letters. */
bool text_eq_fold(struct bytes a, const char *b);

/* Is there nothing to read on this line: blank, or a '#' comment? */
bool text_is_comment(struct bytes line);

#endif
