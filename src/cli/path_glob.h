/*
 * Names by pattern, on either side: "*", "?", "[a-z]", "[!a-z]", and a
 * backslash before what is meant literally. A pattern's components are matched
 * one directory at a time; a name that begins with a dot is matched by a
 * pattern that begins with one. Matching is iterative and costs at most
 * pattern times name steps (threats R9).
 */
#ifndef FERRY_CLI_PATH_GLOB_H
#define FERRY_CLI_PATH_GLOB_H

#include "cli/listing.h"

enum { GLOB_FOUND_MAX = 1000000 /* names that one pattern may stand for */ };

/* Where names come from. Paths are texts, not patterns. */
struct glob_source {
    /* Append the names in a directory ("": the current one), with attributes. Names
     * that are no single safe component are not used. False: cannot be read. */
    bool (*list)(void *ctx, const char *dir, struct listing *names);
    /* The attributes of a path, links not followed. False: not there. */
    bool (*look)(void *ctx, const char *path, struct sftp_attrs *attrs);
    void *ctx;
};

/* Does one component match a name? */
bool glob_match(struct bytes pattern, struct bytes name);

/* Has a pattern a wildcard? */
bool glob_is_pattern(struct bytes pattern);

/* Append a text as a pattern that stands for itself alone. */
void glob_put_literal(struct buf *out, struct bytes text);

/*
 * Append all paths that a pattern stands for, in order, with their attributes; none
 * is no error. ERR_LIMIT: more than GLOB_FOUND_MAX; ERR_NOMEM.
 */
enum err glob_expand(const struct glob_source *source, const char *pattern,
                     struct listing *found) MUST_USE;

/* The local file system. */
extern const struct glob_source glob_local;

#endif
