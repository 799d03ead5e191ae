/*
 * Machine output: one JSON object a line (RFC 8259), made field by field.
 * Octets that are no UTF-8 become base64 under "KEY_b64", so that every name
 * survives the round trip.
 */
#ifndef FERRY_CLI_JSON_H
#define FERRY_CLI_JSON_H

#include "base/buf.h"

/* {"v":1,"t":"type" */
void json_begin(struct buf *out, const char *type);
/* ,"key":"value" or ,"key_b64":"..." */
void json_text(struct buf *out, const char *key, struct bytes value);
void json_number(struct buf *out, const char *key, uint64_t value);
void json_bool(struct buf *out, const char *key, bool value);
/* } and a newline */
void json_end(struct buf *out);

/* Well-formed UTF-8 (RFC 3629) throughout? */
bool utf8_is_valid(struct bytes b);

#endif
