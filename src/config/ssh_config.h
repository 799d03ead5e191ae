/*
 * A configuration file of the client: Host and Match blocks, Include, and for
 * the rest the keyword table of ssh_options.h. ssh_config(5).
 *
 * Reads text that is handed in; other files are asked for through a hook, so
 * that this folder touches neither the disk nor the environment.
 */
#ifndef FERRY_CONFIG_SSH_CONFIG_H
#define FERRY_CONFIG_SSH_CONFIG_H

#include "config/ssh_options.h"

enum { CONFIG_DEPTH_MAX = 16 }; /* nested Include, as OpenSSH has it */

struct ssh_config;

/* Called for each file that an Include names, in order: hand it to ssh_config_read. */
struct ssh_config_hooks {
    /*
     * Find what `pattern` (a glob; relative: to the including kind's directory)
     * names and call ssh_config_read(c, file, text, depth, fault) for each file.
     * Files that are not there are no error.
     */
    enum err (*include)(void *ctx, struct ssh_config *c, const char *pattern, int depth,
                        struct fault *fault);
    /* Match exec: did the command succeed? NULL: `exec` is refused. */
    bool (*exec)(void *ctx, const char *command);
    void *ctx;
};

/* One reading of all files for one connection. Everything is borrowed. */
struct ssh_config {
    struct ssh_options *options;
    const struct ssh_config_hooks *hooks;
    const char *original_host; /* as the user named it */
    const char *local_user;
    const char *user;   /* from the command line or URL; NULL: options->user counts */
    bool is_final_pass; /* `Match final` applies */
    bool wants_final;   /* out: some file has `Match final` or `Match canonical` */
    bool is_active;     /* do the lines now being read apply? */
};

/* Before each source that begins outside any Host block. */
void ssh_config_begin_source(struct ssh_config *c);

/*
 * Read one file's text. depth: 0 for a top file, one more for each Include.
 * ERR_PROTO: fault->text is "FILE line N: what"; the first error ends reading.
 */
enum err ssh_config_read(struct ssh_config *c, const char *file, struct bytes text,
                         int depth, struct fault *fault) MUST_USE;

#endif
