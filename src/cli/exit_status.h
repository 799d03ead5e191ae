/*
 * How ferry ends, for scripts. One number a kind of trouble; when several
 * things went wrong, the first one decides, except that work partly done is
 * said as such by EXIT_SOME_FAILED.
 */
#ifndef FERRY_CLI_EXIT_STATUS_H
#define FERRY_CLI_EXIT_STATUS_H

#include "transfer/session.h"

enum exit_status {
    EXIT_OK = 0,
    EXIT_SOME_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_NOT_FOUND = 3,
    EXIT_PERMISSION = 4,
    EXIT_AUTH = 5,
    EXIT_HOST_KEY = 6,
    EXIT_CONNECT = 7,
    EXIT_LOST = 8, /* resumable */
    EXIT_MISMATCH = 9,
    EXIT_LOCAL = 10,
    EXIT_UNSUPPORTED = 11,
    EXIT_INTERRUPTED = 12,
    EXIT_SFTP_CONNECT = 255, /* no connection, said as sftp(1) says it */
};

/* The status that one failed job calls for. */
enum exit_status exit_status_of(enum transfer_failure failure);

/* A word for --json and traces: "not-found", ... */
const char *exit_status_name(enum exit_status status);

/* What the manual page and `ferry help` say about a status. */
const char *exit_status_text(enum exit_status status);

enum { EXIT_STATUS_COUNT = EXIT_INTERRUPTED + 1 };

#endif
