/*
 * Directory listings as text, made from names and attributes alone: the
 * server's own longname is never looked at (threats L3). Names are always
 * encoded; --json has them octet for octet.
 */
#ifndef FERRY_CLI_LISTING_H
#define FERRY_CLI_LISTING_H

#include <time.h>

#include "base/buf.h"
#include "wire/attrs.h"

struct listing_entry {
    char *name; /* owned; name_len octets and a 0 */
    size_t name_len;
    struct sftp_attrs attrs;
};

/* Entries of one directory. */
struct listing {
    struct listing_entry *entries;
    size_t n, cap;
};

enum { LISTING_MAX = 4 * 1000 * 1000 }; /* entries kept in memory to be sorted */

struct listing_style {
    bool is_long, is_human, is_single_column;
    bool by_time, by_size, is_reversed, is_unsorted;
    bool has_color;
    bool keeps_backslash; /* as sftp shows it; else it is doubled, like all that is
                             encoded */
    int width;            /* columns; 0: one name a line */
    time_t now;           /* decides whether a date shows its hour or its year */
};

/* ERR_LIMIT: LISTING_MAX; ERR_NOMEM. The name is copied. */
enum err listing_add(struct listing *l, struct bytes name,
                     const struct sftp_attrs *attrs) MUST_USE;
void listing_clear(struct listing *l);

/* Sort as the style says, then append the text, each line with its end. */
void listing_put(struct buf *out, struct listing *l, const struct listing_style *style);

/* "drwxr-xr-x": type and permission letters; '?' for what is not known. */
void mode_put(struct buf *out, const struct sftp_attrs *a);

/* The word for a type: "directory", ... */
const char *file_type_word(const struct sftp_attrs *a);

#endif
