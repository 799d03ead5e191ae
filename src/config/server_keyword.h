/*
 * One row a keyword of ferryd's configuration: the only place that knows its
 * name, what it takes, where it may stand, what holds when it is not said, and
 * what the manual tells of it. Parser, -T, suggestions and doc/ferryd.conf.5
 * read these rows. The table is server_keywords.c; types of value are in
 * server_types.c and those beside it. Private to this folder.
 */
#ifndef FERRY_CONFIG_SERVER_KEYWORD_H
#define FERRY_CONFIG_SERVER_KEYWORD_H

#include "config/server_config.h"

enum server_scope {
    SCOPE_DAEMON, /* outside Match only */
    SCOPE_MATCH,  /* in a Match block too */
};

struct server_keyword {
    const char *name;
    const struct server_type *type;
    size_t offset; /* of the member in struct server_options, where it has one */
    const struct option_word *words;
    int64_t min, max; /* numbers: their range; times: seconds, sizes: octets */
    enum server_scope scope;
    bool may_be_none; /* texts, numbers: "none" is NULL or 0 */
    enum server_vocabulary vocabulary;
    const char *standard; /* what holds when nothing is said; NULL: unset */
    const char *argument; /* as the manual shows it */
    const char *help;     /* sentences for the manual; type_harmless: why not more */
    /* Another word for the row of this name; nothing above but name is used then. */
    const char *alias_of;
};

/* What a reader is given of one directive. */
struct server_line {
    const struct server_keyword *keyword;
    const struct words *words;                 /* the keyword and one argument at least */
    const struct server_config_reader *reader; /* NULL: vocabularies are not asked */
    struct buf *why;                           /* by value_refuse */
};

/*
 * A kind of value. read: into its member or members, which are unset or, where
 * lines accumulate, hold those before; ERR_PROTO with *why, ERR_LIMIT for a full
 * list, ERR_NOMEM. print: lines that read as the same value; none where nothing
 * is set. clear: NULL when it owns nothing.
 */
struct server_type {
    enum err (*read)(struct server_options *o, const struct server_line *line);
    void (*print)(const struct server_options *o, const struct server_keyword *k,
                  struct buf *out);
    void (*clear)(struct server_options *o, const struct server_keyword *k);
    size_t max_arguments;
    bool accumulates; /* lines add up; otherwise the first one wins */
    bool has_parts;   /* what no line said is filled from the default part by part */
    bool has_effect;  /* false: known, but of no concern to a file server */
};

/* The ith row, alias rows included; NULL behind the last. */
const struct server_keyword *server_keyword_at(size_t i);

/* By name, case ignored, aliases followed; NULL: unknown. */
const struct server_keyword *server_keyword_find(const char *name);

/* Its place in the table, for sets of keywords: < SERVER_KEYWORDS_MAX. */
size_t server_keyword_index(const struct server_keyword *k);
enum { SERVER_KEYWORDS_MAX = 256 };

/* A part of PerSourcePenalties that no line has set. */
#define SERVER_PENALTY_UNSET UINT32_MAX

/* The known word that name is likely meant for; NULL: none is near. */
const char *server_keyword_nearest(const char *name);

/* Read one directive into o. ERR_PROTO: *why. */
enum err
server_keyword_read(struct server_options *o, const struct server_line *line) MUST_USE;

/* Read the row's default. */
enum err
server_keyword_default(struct server_options *o, const struct server_keyword *k) MUST_USE;

/* ---- for the types ---- */

#define SERVER_ALL_ARGUMENTS ((size_t)CONFIG_WORDS_MAX)

static inline void *
server_member(const struct server_options *o, const struct server_keyword *k)
{
    return (void *)((uintptr_t)o + k->offset);
}

/* `keyword` in -T's spelling and a blank. */
void server_print_keyword(const struct server_keyword *k, struct buf *out);

static inline const char *
server_argument(const struct server_line *line, size_t i)
{
    return words_at(line->words, i);
}

/* value_refuse about the line's keyword. */
enum err
server_refuse(const struct server_line *line, const char *sentence, const char *word);

bool is_none(const char *word); /* "none" in any case */
/* The word is "none", and the row may be that. */
bool server_is_off(const struct server_line *line, const char *word);

/* For rows whose member is a text; NULL prints as "none" where that is allowed. */
enum err server_set_text(struct server_options *o, const struct server_keyword *k,
                         struct bytes text) MUST_USE;
void server_print_text(const struct server_options *o, const struct server_keyword *k,
                       struct buf *out);
void server_clear_text(struct server_options *o, const struct server_keyword *k);

/* For rows whose member is a list: a line for all, or a line each. */
void server_print_list(const struct server_options *o, const struct server_keyword *k,
                       struct buf *out);
void server_print_lines(const struct server_options *o, const struct server_keyword *k,
                        struct buf *out);
void server_clear_list(struct server_options *o, const struct server_keyword *k);

enum err server_list_add(struct server_list *list, const char *value) MUST_USE;
void server_list_clear(struct server_list *list);

/* Does the reader's program know the word? Yes when it cannot be asked. */
bool server_knows(const struct server_line *line, enum server_vocabulary vocabulary,
                  struct bytes word);

extern const struct server_type type_word;       /* int: one of k->words */
extern const struct server_type type_name;       /* char *: one of k->words */
extern const struct server_type type_number;     /* int */
extern const struct server_type type_big_number; /* int64_t */
extern const struct server_type type_time;       /* int, seconds */
extern const struct server_type type_size;       /* int64_t, octets */
extern const struct server_type type_octal;      /* int */
extern const struct server_type type_text;       /* char *, one word */
extern const struct server_type type_line;       /* char *, the rest of the line */
extern const struct server_type type_path;       /* char *, absolute */
extern const struct server_type type_state_path; /* char *; relative: StateDirectory's */
extern const struct server_type type_program;    /* char *, the line; absolute program */
extern const struct server_type type_list;       /* server_list: one line's words */
extern const struct server_type type_append;     /* server_list: all lines' words */
extern const struct server_type type_paths; /* server_list: an absolute path a line */
extern const struct server_type type_ports; /* server_list: a port a line */
extern const struct server_type type_algorithms; /* char * */
extern const struct server_type type_networks;   /* char *, CIDR list */
extern const struct server_type type_harmless;   /* nothing; one of k->words, or any */

extern const struct server_type type_listen_address;
extern const struct server_type type_startups;
extern const struct server_type type_block_size;
extern const struct server_type type_limit; /* int; none: INT_MAX */
extern const struct server_type type_penalties;
extern const struct server_type type_accounts;
extern const struct server_type type_event;
extern const struct server_type type_methods;
extern const struct server_type type_pubkey_options;
extern const struct server_type type_user_patterns;
extern const struct server_type type_template; /* char *: a path with %h %u %U %% */
extern const struct server_type type_templates;
extern const struct server_type type_root; /* a template that is absolute */
extern const struct server_type type_command;
extern const struct server_type type_subsystem;
extern const struct server_type type_channel_timeout;
extern const struct server_type type_rekey;
extern const struct server_type type_permissions;
extern const struct server_type type_name_patterns;

#endif
