/*
 * The daemon's figures as Prometheus reads them: text exposition format,
 * version 0.0.4. No label has an account, an address or a file in it: their
 * number is not ours to bound.
 */
#ifndef FERRY_ADMIN_METRICS_TEXT_H
#define FERRY_ADMIN_METRICS_TEXT_H

#include "base/buf.h"
#include "daemon/control.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum { METRICS_MAX = 64 * 1024 };

void metrics_put(struct buf *out, const struct control_status *s);

#endif
