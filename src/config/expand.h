/*
 * Percent tokens, `~` and ${NAME} in values of ssh_config(5). No shell quoting
 * is added: what goes to a shell is the caller's affair (threats L8).
 */
#ifndef FERRY_CONFIG_EXPAND_H
#define FERRY_CONFIG_EXPAND_H

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"

/* Text for each letter; NULL: that token is not available here. */
struct expand_tokens {
    const char *d; /* local home directory */
    const char *h; /* remote host name */
    const char *i; /* local user id */
    const char *k; /* host key alias, or the host as given */
    const char *L; /* local host name up to its first dot */
    const char *l; /* local host name */
    const char *n; /* remote host as given */
    const char *p; /* remote port */
    const char *r; /* remote user */
    const char *u; /* local user */
    const char *j; /* ProxyJump, or empty */
};

/* Append text with its %x tokens replaced. ERR_PROTO: an unknown token. */
enum err
expand_percent(struct buf *out, const char *text, const struct expand_tokens *t) MUST_USE;

/*
 * Append a file name with a leading ~/ replaced by t->d, ${NAME} by lookup's
 * answer and tokens as above. ERR_PROTO: an unset NAME, a missing }, or a token
 * that is unknown.
 */
enum err expand_path(struct buf *out, const char *text, const struct expand_tokens *t,
                     const char *(*lookup)(const char *name)) MUST_USE;

#endif
