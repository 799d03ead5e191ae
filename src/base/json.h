/*
 * Machine output: one JSON object a line (RFC 8259), made field by field.
 * Octets that are no UTF-8 become base64 under "KEY_b64", so that every name
 * survives the round trip.
 */
#ifndef FERRY_BASE_JSON_H
#define FERRY_BASE_JSON_H

#include "base/buf.h"

/* {"v":1,"t":"type" */
void json_begin(struct buf *out, const char *type);
/* ,"key":"value" or ,"key_b64":"..." */
void json_text(struct buf *out, const char *key, struct bytes value);
void json_number(struct buf *out, const char *key, uint64_t value);
void json_bool(struct buf *out, const char *key, bool value);
/* } and a newline */
void json_end(struct buf *out);

/*
 * Reading such an object back: flat, each key once. object: without its newline.
 * False: no object of that kind, or it has no such member (of that type).
 */
bool json_is_flat_object(struct bytes object);
/* Append key's text, or what key_b64 encodes. */
bool json_get_text(struct bytes object, const char *key, struct buf *value);
/* Whole and not negative. */
bool json_get_number(struct bytes object, const char *key, uint64_t *value);

#endif
