/*
 * A server on a test bench: a tree in memory behind it, a stream into memory
 * before it, and requests as calls that return the reply.
 */
#ifndef FERRY_SFTP_SERVER_RIG_H
#define FERRY_SFTP_SERVER_RIG_H

#include "sftp/server.h"
#include "sftp/status.h"
#include "sftp/stream_mem.h"
#include "vfs/mem.h"
#include "wire/msg.h"

struct rig {
    struct vfs *vfs;
    struct sftp_server_config config;
    struct mem_stream stream;
    struct sftp_server *server;
    size_t slice;    /* requests are fed in slices of so many octets; 0: whole */
    enum err error;  /* what sftp_server_input returned last */
    uint32_t id;     /* of the last request */
    uint64_t random; /* state of the made-up randomness */
    int64_t now;
    struct buf answer; /* the reply that the last call returned */
    unsigned n_audits;
    struct sftp_audit audit; /* the last one; its path is copied below */
    char audit_path[VFS_PATH_MAX + 1];
    char audit_text[VFS_REFUSAL_MAX + 1];
};

/* One reply, borrowed until the next request. */
struct reply {
    uint8_t type;      /* SSH_FXP_*; 0: the channel was closed instead */
    uint32_t id, code; /* code: of STATUS */
    struct bytes text; /* STATUS: the message */
    struct bytes body; /* behind the id; of DATA and HANDLE: the string's content */
};

struct rig_handle {
    size_t n;
    uint8_t p[300];
};

/* With a tree in memory and defaults; rig.config may be changed before rig_start.
 * vfs NULL: a tree in memory is made. Otherwise owned by the rig from now on. */
void rig_init(struct rig *r, struct vfs *vfs);
/* Make the server and, with rig_start, say INIT. */
void rig_build(struct rig *r);
void rig_start(struct rig *r);
void rig_clear(struct rig *r);

/* Octets as they are, no length in front; replies stay in the stream. */
void rig_feed(struct rig *r, struct bytes octets);
/* The next reply that is in the stream, taken. type 0: there is none. */
struct reply rig_next(struct rig *r);
/* A payload from its type on, as one frame. */
struct reply rig_payload(struct rig *r, struct bytes payload);

/* One request of the row; its id is set here. */
struct reply rig_ask(struct rig *r, enum sftp_msg row, void *msg);
/* One extension; row SFTP_MSG_COUNT: no fields. */
struct reply
rig_extended(struct rig *r, const char *name, enum sftp_msg row, const void *msg);

struct reply rig_path(struct rig *r, enum sftp_msg row, const char *path);
struct reply rig_handle(struct rig *r, enum sftp_msg row, const struct rig_handle *h);
struct reply rig_open(struct rig *r, const char *path, uint32_t pflags);
struct reply
rig_read(struct rig *r, const struct rig_handle *h, uint64_t offset, uint32_t len);
struct reply
rig_write(struct rig *r, const struct rig_handle *h, uint64_t offset, struct bytes data);
struct reply rig_rename(struct rig *r, const char *from, const char *to);

/* Must succeed. */
struct rig_handle rig_must_open(struct rig *r, const char *path, uint32_t pflags);
struct rig_handle rig_must_opendir(struct rig *r, const char *path);
void rig_must_close(struct rig *r, const struct rig_handle *h);
/* A file with that content, through the server. */
void rig_make_file(struct rig *r, const char *path, const char *content);
/* The file's content is exactly that. */
void rig_check_file(struct rig *r, const char *path, const char *content);

/* Checks that print both values. */
void expect_status(struct reply got, enum ssh_fx code);
void expect_text(struct reply got, const char *part);
struct sftp_attrs expect_attrs(struct reply got);
/* NAME with one entry: the name is that. */
void expect_name(struct reply got, const char *name);

#endif
