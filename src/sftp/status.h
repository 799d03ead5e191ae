/*
 * SSH_FXP_STATUS codes and open flags of SFTP version 3
 * (draft-ietf-secsh-filexfer-02 sections 6.3 and 7).
 */
#ifndef FERRY_SFTP_STATUS_H
#define FERRY_SFTP_STATUS_H

#include <stdint.h>

enum ssh_fx {
    SSH_FX_OK = 0,
    SSH_FX_EOF = 1,
    SSH_FX_NO_SUCH_FILE = 2,
    SSH_FX_PERMISSION_DENIED = 3,
    SSH_FX_FAILURE = 4,
    SSH_FX_BAD_MESSAGE = 5,
    SSH_FX_NO_CONNECTION = 6,   /* never on the wire */
    SSH_FX_CONNECTION_LOST = 7, /* never on the wire */
    SSH_FX_OP_UNSUPPORTED = 8,
};

enum ssh_fxf {
    SSH_FXF_READ = 0x01,
    SSH_FXF_WRITE = 0x02,
    SSH_FXF_APPEND = 0x04,
    SSH_FXF_CREAT = 0x08,
    SSH_FXF_TRUNC = 0x10,
    SSH_FXF_EXCL = 0x20,
};

/* The code in words ("no such file"), for a peer that sent none. Codes of later
 * versions, 9 to 31, are known too; unknown ones are "failure". */
const char *sftp_status_text(uint32_t code);

#endif
