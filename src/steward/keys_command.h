/*
 * AuthorizedKeysCommand: a program that prints authorized_keys lines, run as
 * AuthorizedKeysCommandUser with its arguments and no shell (threats A9, L8), an
 * empty environment but for PATH, its output and its time bounded.
 */
#ifndef FERRY_STEWARD_KEYS_COMMAND_H
#define FERRY_STEWARD_KEYS_COMMAND_H

#include "steward/system_keys.h"

/* Append its output. ERR_AUTH: it may not be run, or failed; ERR_LIMIT: too much or
 * too slow; ERR_IO. */
enum err keys_command_run(const struct system_keys *k, struct buf *text,
                          struct fault *why) MUST_USE;

#endif
