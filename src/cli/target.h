/*
 * What people type to name a remote place: "[user@]host[:path]" as scp has it,
 * or "sftp://[user@]host[:port][/path]". Parsed once; host and user are checked
 * here, before anything else sees them (threats L8).
 */
#ifndef FERRY_CLI_TARGET_H
#define FERRY_CLI_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct target {
    char *user;    /* NULL: not given */
    char *host;    /* without brackets; "" only for ":path", which -D takes */
    char *path;    /* "" when not given: the directory after login */
    uint16_t port; /* 0: not given */
};

/*
 * Does text name a remote place? A colon counts when no "/" comes before it,
 * so "./a:b" is a local file; "[::1]:x" is remote.
 */
bool target_is_remote(const char *text);

/*
 * Take text apart; *t is the caller's to target_clear, also after an error.
 * In a URL the path is absolute and percent-encoded; "/~" and "/~/x" are below
 * the login directory. ERR_PROTO: *why is a sentence. ERR_NOMEM.
 */
enum err target_parse(const char *text, struct target *t, const char **why) MUST_USE;
void target_clear(struct target *t);

/* True when both name the same account on the same host. */
bool target_is_same_host(const struct target *a, const struct target *b);

#endif
