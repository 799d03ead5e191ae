/*
 * A parsed configuration of ferryd: the directives of its files in order, with
 * the Match blocks they stand in. Checked wholly when it is read, so that
 * asking for the effective options cannot fail on a value.
 *
 * Opens no file itself: Include and the main file come through a reader, which
 * the daemon makes from daemon/files.h and a test from texts.
 */
#ifndef FERRY_CONFIG_SERVER_CONFIG_H
#define FERRY_CONFIG_SERVER_CONFIG_H

#include "config/server_options.h"

enum {
    SERVER_CONFIG_DEPTH = 16,        /* Include in Include */
    SERVER_CONFIG_FILES = 256,       /* in all */
    SERVER_CONFIG_DIRECTIVES = 8192, /* in all */
    SERVER_CONFIG_BLOCKS = 1024,     /* Match lines */
};

/* Words that mean something to other folders, which say what they know. */
enum server_vocabulary {
    SERVER_WORD_KEX,
    SERVER_WORD_HOST_KEY,
    SERVER_WORD_CIPHER,
    SERVER_WORD_MAC,
    SERVER_WORD_USER_KEY,
    SERVER_WORD_CA_SIGNATURE,
    SERVER_WORD_RIGHT,   /* of Permissions: vfs/policy.h */
    SERVER_WORD_REQUEST, /* of internal-sftp -p and -P: sftp-server(8) */
};

struct server_config_reader {
    /* Append the file's content to out (bounded by CONFIG_FILE_MAX). */
    enum err (*read)(void *ctx, const char *path, struct buf *out, struct fault *why);
    /* The files that a pattern of Include names, sorted; paths: "path\0path\0...".
     * None is no error. A relative pattern belongs to the main file's directory. */
    enum err (*glob)(void *ctx, const char *pattern, struct buf *paths,
                     struct fault *why);
    /* Does the program know this word? NULL: whatever is well formed passes. */
    bool (*knows)(void *ctx, enum server_vocabulary vocabulary, struct bytes word);
    void *ctx;
};

struct server_config;

/*
 * Read and check everything. overrides: directives of -o, which come first;
 * NULL-terminated, may be NULL.
 * ERR_PROTO: *why is "FILE:LINE: sentence", for an unknown keyword with the
 * nearest known one; *config is not made. ERR_IO, ERR_AUTH: the reader's.
 */
enum err server_config_parse(const char *path, const char *const *overrides,
                             const struct server_config_reader *reader,
                             struct server_config **config, struct fault *why) MUST_USE;
void server_config_free(struct server_config *config); /* NULL allowed */

/* Whom a connection is about; what is unknown is NULL or 0, and such criteria of
 * Match don't match. */
struct server_context {
    const char *user;
    const char *const *groups; /* names, system groups or an account's group */
    size_t n_groups;
    const char *address; /* the peer's, numeric */
    const char *local_address;
    uint16_t local_port;
    bool is_user_unknown; /* Match invalid-user */
};

/*
 * What holds there: first value obtained wins, defaults last. context NULL: outside
 * every Match block but `Match All`.
 * o: initialised by the caller, cleared first. ERR_NOMEM.
 */
enum err server_config_effective(const struct server_config *config,
                                 const struct server_context *context,
                                 struct server_options *o) MUST_USE;

/*
 * The next directive of a keyword, as it was written, in whatever block it stands;
 * *cursor begins at 0. NULL: no more. Borrowed.
 */
const char *server_config_next(const struct server_config *config, const char *keyword,
                               size_t *cursor);

/* Append every option with its value, a line each, in the table's order: -T. What
 * is printed, read as a configuration, gives the same options. */
void server_options_print(const struct server_options *o, struct buf *out);

/* Append a man page's section with every keyword, from the table. */
void server_options_manual(struct buf *out);

#endif
