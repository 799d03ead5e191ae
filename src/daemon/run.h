/*
 * `ferryd run`: the daemon with configuration, accounts and records. Puts the
 * processes together and starts them anew at a reload; doc/SECURITY.md has the
 * picture.
 */
#ifndef FERRY_DAEMON_RUN_H
#define FERRY_DAEMON_RUN_H

#include "daemon/settings.h"

/* argv[0..argc): what follows `run`. Runs until told to stop; the exit status: 0, 1, or
 * 2 for a usage error or a configuration that cannot be used. */
int run_command(int argc, char **argv, const struct environment *env) MUST_USE;

#endif
