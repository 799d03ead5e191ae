/*
 * Is an audit log as it was written? Reads files one after the other as one
 * chain (audit_chain.h) and stops at the first line that does not fit.
 */
#ifndef FERRY_DAEMON_AUDIT_VERIFY_H
#define FERRY_DAEMON_AUDIT_VERIFY_H

#include "daemon/audit_chain.h"

struct audit_verifier {
    struct audit_tail tail; /* of the last line that fits */
    uint64_t first_seq;     /* of the chain's first line here; 0: none yet */
    uint64_t n_lines, n_recovered;
    size_t
        unfinished; /* octets of a last line without its end: a crash, or a write now */
    /* A line that is none, until the one behind it excuses it; 0: none. */
    uint64_t torn_line;
    size_t torn_len;
};

/*
 * The next file. name: for the sentence. ERR_CRYPTO: the first broken line, in *why as
 * "NAME:LINE: sentence"; ERR_IO.
 */
enum err audit_verify(struct audit_verifier *v, int fd, const char *name,
                      struct fault *why) MUST_USE;

/* Walk a file's whole lines from its descriptor's offset on until visit says false; what
 * is behind the last newline is left alone: *rest octets. ERR_IO, ERR_LIMIT: a line of
 * more than AUDIT_LINE_MAX octets. */
enum err audit_each_line(int fd, bool (*visit)(void *ctx, struct bytes line), void *ctx,
                         size_t *rest) MUST_USE;

#endif
