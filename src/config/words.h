/*
 * The grammar that ssh_config and sshd_config share: one directive a line,
 * `Keyword args` or `Keyword=args`, `#` comments, quotes and backslashes.
 * Knows no keyword; that is the business of the option tables.
 */
#ifndef FERRY_CONFIG_WORDS_H
#define FERRY_CONFIG_WORDS_H

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"

/* Bounds of one file (threats F5); far above what people write. */
enum {
    CONFIG_FILE_MAX = 1024 * 1024, /* octets */
    CONFIG_LINE_MAX = 16 * 1024,   /* octets */
    CONFIG_WORDS_MAX = 256,        /* arguments on one line */
};

/* One directive taken apart. Reusable for line after line. */
struct words {
    struct buf text;                  /* the words, each with its terminating 0 */
    uint32_t start[CONFIG_WORDS_MAX]; /* offsets into text */
    size_t n;                         /* keyword included; 0: blank line or comment */
    /* Everything behind the keyword, raw, ends trimmed: for the keywords that take
     * a command line. Borrowed from the line. */
    struct bytes rest;
};

void words_init(struct words *w);
void words_clear(struct words *w);

/*
 * Take a line apart (without its newline). Quotes (' or ") group; a backslash
 * escapes a quote or itself, and a blank outside quotes; an unquoted `#` at a
 * word's start ends the line.
 * On failure *why is a sentence: an unterminated quote, a NUL, too long.
 */
enum err words_split(struct words *w, struct bytes line, const char **why) MUST_USE;

/* Word i < w->n; word 0 is the keyword. Valid until the next words_split. */
const char *words_at(const struct words *w, size_t i);

/* Append a word so that words_split takes it as it is: quoted where needed. */
void config_quote(struct buf *out, const char *word);

/*
 * Walk the lines of a file: *rest is consumed, *line is the next one without
 * its LF or CR LF. False: no more.
 */
bool config_next_line(struct bytes *rest, struct bytes *line);

#endif
