/*
 * zlib@openssh.com: one deflate and one inflate stream a connection, each
 * flushed after every packet (RFC 4253 6.2). Can't work in place, so it is a
 * plainly slower road beside the data path; off by default.
 */
#ifndef FERRY_SSH_COMPRESS_H
#define FERRY_SSH_COMPRESS_H

#include "base/buf.h"

struct compress;

enum compress_direction { COMPRESS_DEFLATE, COMPRESS_INFLATE };

enum err compress_new(enum compress_direction direction, struct compress **z) MUST_USE;
void compress_free(struct compress *z); /* NULL allowed */

/*
 * One payload through the stream; replaces out's content, which is bounded by
 * out->max. ERR_PROTO: not zlib data. ERR_LIMIT: it inflates beyond out->max
 * (threats T10).
 */
enum err
compress_payload(struct compress *z, struct bytes payload, struct buf *out) MUST_USE;

#endif
