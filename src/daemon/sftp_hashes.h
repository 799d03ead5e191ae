/*
 * The hashes that check-file offers: crypto/ seen through the table that the
 * SFTP server is handed, for it may not include crypto/ itself.
 */
#ifndef FERRY_DAEMON_SFTP_HASHES_H
#define FERRY_DAEMON_SFTP_HASHES_H

#include "sftp/server.h"

extern const struct sftp_hashes sftp_hashes;

#endif
