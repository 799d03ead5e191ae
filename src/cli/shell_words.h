/*
 * A line of the shell as words, by sftp(1)'s rules: blanks part them, quotes
 * and backslashes join them, "#" outside of quotes ends the line.
 *
 * A word is kept as a pattern: what was quoted has a backslash before each
 * octet that would mean something in a pattern (path_glob.h), so that `"a*"` names
 * one file and `a*` many. shell_word_text gives the text of a word that is no
 * pattern.
 */
#ifndef FERRY_CLI_SHELL_WORDS_H
#define FERRY_CLI_SHELL_WORDS_H

#include "base/buf.h"

enum {
    SHELL_LINE_MAX = 8192, /* octets */
    SHELL_WORDS_MAX = 64,  /* words of one line */
};

struct shell_words {
    struct buf text; /* the words, each with its 0 */
    size_t starts[SHELL_WORDS_MAX];
    size_t n;
    /* For completion: of the last word, where it begins in the line, and the quote
     * that is open at the line's end (0: none). */
    size_t last_start;
    char open_quote;
};

void shell_words_init(struct shell_words *w);
void shell_words_clear(struct shell_words *w);

/*
 * Split a line without its end. ERR_LIMIT: too long or too many words; ERR_NOMEM.
 * A quote that is never closed is no error here: open_quote tells.
 */
enum err shell_words_split(struct shell_words *w, const char *line) MUST_USE;

/* A word as a pattern. Borrowed until w is changed. */
const char *shell_words_at(const struct shell_words *w, size_t index);

/* Undo the backslashes, in place. */
void shell_word_text(char *word);

#endif
