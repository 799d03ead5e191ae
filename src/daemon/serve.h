/*
 * `ferryd serve`: share one folder with one user, now, without root and
 * without configuration. Puts the processes together; doc/SECURITY.md has the
 * picture.
 */
#ifndef FERRY_DAEMON_SERVE_H
#define FERRY_DAEMON_SERVE_H

#include "daemon/settings.h"

/* Runs until told to stop; the exit status. env: copied from the environment,
 * which is cleared already. */
int
serve_run(const struct serve_options *options, const struct environment *env) MUST_USE;

#endif
