/*
 * What a client is told when a vfs refuses: the one table from errno values
 * (and enum vfs_error) to SFTP's status codes and a sentence for people.
 */
#ifndef FERRY_SFTP_FAILURE_H
#define FERRY_SFTP_FAILURE_H

#include "sftp/status.h"

struct sftp_failure {
    enum ssh_fx code;
    const char *text; /* a sentence, static */
};

/* For 0 (SSH_FX_OK), an errno value or enum vfs_error. */
struct sftp_failure sftp_failure_of(int error);

#endif
