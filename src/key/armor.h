/*
 * The "-----BEGIN x-----" frame around base64 that key files have.
 */
#ifndef FERRY_KEY_ARMOR_H
#define FERRY_KEY_ARMOR_H

#include "base/base64.h"
#include "base/buf.h"

/*
 * Find the frame of this label ("OPENSSH PRIVATE KEY"): text starts with
 * "-----BEGIN label-----" on a line of its own, and "-----END label-----"
 * starts a later line. *body: what lies between, borrowed. False: no such frame.
 */
bool armor_find(struct bytes text, const char *label, struct bytes *body);

/* Append frame and body, base64 in 70 columns as ssh-keygen writes it. */
void armor_put(struct bytes data, const char *label, struct buf *out);

#endif
