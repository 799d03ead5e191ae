/*
 * %h, %u, %U and their like in file names, directories and commands of the
 * configuration. Each place has its own few letters. Values are put in as they
 * are: what may be in them was checked before (account/name.h), and none of it
 * ever comes near a shell.
 */
#ifndef FERRY_DAEMON_TOKENS_H
#define FERRY_DAEMON_TOKENS_H

#include "base/buf.h"

struct token {
    char letter;
    const char *value; /* NULL: known, but there is none here: refused */
};

/*
 * Append template with its tokens replaced; %% is a percent sign.
 * ERR_PROTO: an unknown token, or one without a value; *why says which.
 * ERR_NOMEM, ERR_LIMIT: out is full.
 */
enum err tokens_expand(const char *template, const struct token *tokens, size_t n,
                       struct buf *out, struct fault *why) MUST_USE;

#endif
