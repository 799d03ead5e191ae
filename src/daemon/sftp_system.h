/*
 * The host of an SFTP server that acts as a user of this system: names, homes
 * and times as the system knows them.
 */
#ifndef FERRY_DAEMON_SFTP_SYSTEM_H
#define FERRY_DAEMON_SFTP_SYSTEM_H

#include "sftp/server.h"

/* Asks NSS and the time zone's files; not for use inside a sandbox. */
extern const struct sftp_host sftp_system_host;

#endif
