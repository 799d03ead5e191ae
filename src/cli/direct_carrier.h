/*
 * `ferry -D COMMAND`: SFTP over a local program's standard input and output,
 * without SSH, as `sftp -D` does. For sftp-server binaries and for tests.
 */
#ifndef FERRY_CLI_DIRECT_CARRIER_H
#define FERRY_CLI_DIRECT_CARRIER_H

#include "cli/carrier.h"

/* command: split at blanks, with the quotes of the configuration grammar; run
 * without a shell. ERR_PROTO: empty or unbalanced; ERR_IO: errno says why. */
enum err direct_carrier_open(const char *command, struct carrier **carrier) MUST_USE;

#endif
