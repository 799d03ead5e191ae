/*
 * What happened, for the audit trail and for events: one fixed-size message.
 * The session fills in what it knows (operation, path, octets, result) and
 * puts it to the monitor, which fills in who and from where by itself, so that
 * a session cannot speak in another's name, and passes it to the recorder
 * process (daemon/recorder.h).
 */
#ifndef FERRY_DAEMON_RECORD_H
#define FERRY_DAEMON_RECORD_H

#include <stdint.h>

#include "account/record.h"
#include "config/server_options.h"

enum { RECORD_PATH_MAX = 4096, RECORD_TEXT_MAX = 256 };

enum record_kind {
    RECORD_LOGIN = 1,
    RECORD_LOGIN_FAILED,
    RECORD_LOGOUT,
    RECORD_UPLOAD_INTENT, /* about to be renamed into place; inode and size are known */
    RECORD_UPLOAD,        /* closed: whole, under its final name */
    RECORD_UPLOAD_FAILED,
    RECORD_DOWNLOAD,
    RECORD_REMOVE,
    RECORD_RENAME,
    RECORD_MKDIR,
    RECORD_RMDIR,
    RECORD_QUOTA,   /* a request was refused because of the quota */
    RECORD_REFUSED, /* a rule refused a request: text says which */
};

struct record {
    uint32_t kind;
    /* From the monitor. */
    uint64_t connection; /* id, never twice in the life of a daemon */
    char user[ACCOUNT_NAME_MAX + 1];
    char address[64];
    uint32_t port;
    char client[128]; /* its identification; printable ASCII, terminated */
    char method[64];  /* of a login: "publickey", "password", "publickey,password" */
    char key[128];    /* of a login: "ED25519 SHA256:..." */
    uint32_t is_virtual;
    char root[PATH_MAX]; /* the account's, on this system */
    /* From the session. */
    uint32_t path_len, other_len; /* octets; other: a rename's new name */
    uint8_t path[RECORD_PATH_MAX], other[RECORD_PATH_MAX];
    uint64_t octets_read, octets_written, size;
    uint64_t inode, device;
    uint64_t milliseconds; /* from open to close; a login's: from connect */
    uint32_t has_sha256;
    uint8_t sha256[32];
    uint32_t error; /* errno or enum vfs_error of the first failure; 0: none */
    char text[RECORD_TEXT_MAX]; /* the deciding rule, or the failure's sentence */
};

#endif
