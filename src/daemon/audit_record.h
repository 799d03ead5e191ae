/*
 * A struct record as members of a JSON object: what the audit log's lines and
 * the events' objects have in common. Names are octets: those that are no UTF-8
 * stand as base64 under "path_b64" (base/json.h).
 */
#ifndef FERRY_DAEMON_AUDIT_RECORD_H
#define FERRY_DAEMON_AUDIT_RECORD_H

#include <time.h>

#include "base/buf.h"
#include "daemon/record.h"

/* "upload", "login-failed", ...; NULL: no such kind. */
const char *record_word(uint32_t kind);

/* ,"time":..,"connection":..,"user":.. and whatever else the kind has. */
void record_put(struct buf *out, const struct record *r, struct timespec time);

#endif
