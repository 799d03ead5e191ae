/*
 * The identification exchange (RFC 4253 4.2): one line each way before the
 * first packet. Limits of threats T6: a server takes the very first line, at
 * most 255 octets; a client takes up to 64 lines and 8 KiB before it.
 */
#ifndef FERRY_SSH_IDENT_H
#define FERRY_SSH_IDENT_H

#include "base/bytes.h"
#include "base/err.h"

enum { IDENT_MAX = 255, IDENT_PRE_LINES = 64, IDENT_PRE_OCTETS = 8192 };

struct ident {
    char line[IDENT_MAX + 1];     /* without CR LF; NUL-terminated */
    char software[IDENT_MAX + 1]; /* softwareversion, up to the first space */
    unsigned n_pre_lines;         /* client: lines before it */
    size_t n_pre_octets;
};

/* An identification has no others (RFC 4253 4.2). */
bool ident_is_printable(struct bytes line);

/*
 * Look for the peer's line in what has arrived. *used: octets to drop, also
 * when it has not come yet. *is_done: it is in `id`.
 * may_have_lines_before: true in the client.
 * ERR_PROTO: not SSH 2, or beyond the limits; *why says what.
 */
enum err ident_parse(struct ident *id, struct bytes in, bool may_have_lines_before,
                     size_t *used, bool *is_done, struct fault *why) MUST_USE;

#endif
