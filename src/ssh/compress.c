/* See compress.h. */
#include "ssh/compress.h"

#include <stdlib.h>
#include <zlib.h>

enum { STEP = 4096 }; /* octets of room offered to zlib at a time */

struct compress {
    enum compress_direction direction;
    z_stream z;
};

enum err
compress_new(enum compress_direction direction, struct compress **out)
{
    struct compress *z = calloc(1, sizeof *z);
    if (!z)
        return ERR_NOMEM;
    z->direction = direction;
    int rc = direction == COMPRESS_DEFLATE ? deflateInit(&z->z, Z_DEFAULT_COMPRESSION)
                                           : inflateInit(&z->z);
    if (rc != Z_OK) {
        free(z);
        return ERR_NOMEM;
    }
    *out = z;
    return ERR_NONE;
}

void
compress_free(struct compress *z)
{
    if (!z)
        return;
    if (z->direction == COMPRESS_DEFLATE)
        deflateEnd(&z->z);
    else
        inflateEnd(&z->z);
    free(z);
}

/* One call of zlib into up to STEP octets behind what out holds. */
static int
compress_step(struct compress *z, struct buf *out)
{
    size_t before = out->n;
    size_t room = out->max - before < STEP ? out->max - before : STEP;
    uint8_t *p = buf_extend(out, room);
    if (!p)
        return Z_MEM_ERROR;
    z->z.next_out = p;
    z->z.avail_out = (uInt)room;
    int rc = z->direction == COMPRESS_DEFLATE ? deflate(&z->z, Z_PARTIAL_FLUSH)
                                              : inflate(&z->z, Z_SYNC_FLUSH);
    buf_truncate(out, before + room - z->z.avail_out);
    return rc;
}

enum err
compress_payload(struct compress *z, struct bytes payload, struct buf *out)
{
    buf_reset(out);
    z->z.next_in = (Bytef *)(uintptr_t)payload.p; /* zlib does not write there */
    z->z.avail_in = (uInt)payload.n;
    do {
        if (out->n == out->max)
            return ERR_LIMIT;
        int rc = compress_step(z, out);
        if (rc == Z_BUF_ERROR)
            break; /* no progress possible: everything has come out already */
        if (rc != Z_OK)
            return buf_err(out) != ERR_NONE ? buf_err(out) : ERR_PROTO;
    } while (z->z.avail_out == 0 || z->z.avail_in != 0);
    return z->z.avail_in == 0 ? ERR_NONE : ERR_PROTO;
}
