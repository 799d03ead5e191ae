/*
 * The criteria of a Match line. Checked when they are read, so that asking
 * whether they hold cannot fail. Private to this folder.
 */
#ifndef FERRY_CONFIG_SERVER_MATCH_H
#define FERRY_CONFIG_SERVER_MATCH_H

#include "config/server_config.h"

enum {
    MATCH_CRITERIA_MAX = 16,  /* on one line */
    MATCH_PATTERNS_MAX = 256, /* in one list */
};

struct match_criterion {
    const struct match_kind *kind;
    char *patterns; /* owned; NULL for those without */
};

struct match {
    struct match_criterion criteria[MATCH_CRITERIA_MAX];
    size_t n;
    bool is_all; /* holds always, without a context too */
};

/* words: a Match line. m: cleared by the caller in any case. ERR_PROTO: *why. */
enum err
match_parse(const struct words *words, struct match *m, struct buf *why) MUST_USE;
void match_clear(struct match *m);

/* context NULL: nothing is known, only All holds. */
bool match_holds(const struct match *m, const struct server_context *context);

#endif
