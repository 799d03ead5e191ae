/* See records.h. */
#include "records.h"

bool
record_next(struct bytes *rest, struct record *r)
{
    if (rest->n < RECORD_HEAD)
        return false;
    size_t len = (size_t)rest->p[1] << 8 | rest->p[2];
    r->kind = (enum record_kind)(rest->p[0] % RECORD_KINDS);
    r->flag = rest->p[0] / RECORD_KINDS;
    *rest = bytes_skip(*rest, RECORD_HEAD);
    r->body = bytes_first(*rest, len);
    *rest = bytes_skip(*rest, len);
    return true;
}
