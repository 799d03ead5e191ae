/*
 * What the files of the server share: its state, the reply helpers, and the
 * handlers that the request table names.
 *
 *   server.c          frames: which octets make a request, and when it may run
 *   server_requests.c the table: which requests there are, and who may send them
 *   server_reply.c    replies
 *   server_files.c    handlers on open files     server_dirs.c   listings
 *   server_paths.c    handlers on names          server_info.c   about the server
 *   server_jobs.c     the two that take long: copy-data, check-file
 *   server_audit.c    what an audit trail hears   server_hashes.c  digests of uploads
 */
#ifndef FERRY_SFTP_SERVER_IMPL_H
#define FERRY_SFTP_SERVER_IMPL_H

#include "sftp/failure.h"
#include "sftp/handles.h"
#include "sftp/owners.h"
#include "sftp/server.h"
#include "wire/msg.h"

/* A WRITE whose head was read and whose octets are still coming. */
struct write_body {
    struct handle *to; /* NULL: it was refused, and the octets are skipped */
    uint32_t id;
    uint32_t left; /* octets of data to come */
    uint64_t offset;
    int error; /* the first failure; what follows it is skipped */
};

/* A request that runs in steps, one a call of sftp_server_input. */
struct job {
    enum err (*step)(struct sftp_server *s); /* NULL: none runs */
    uint32_t id;
    struct handle *from, *to; /* copy-data */
    uint64_t from_offset, to_offset;
    uint64_t left;  /* octets still to copy or hash; UINT64_MAX: to the end */
    bool wants_all; /* copy-data: ending early is an error */

    struct vfs_file *file; /* check-file */
    bool owns_file;
    void *hash;
    size_t digest_len, algorithm_len;
    char algorithm[16];              /* its name, not terminated */
    uint64_t block_size, block_left; /* octets; UINT64_MAX: all in one */
    struct buf digests;
};

/* Digests of files that were uploaded here, oldest overwritten. */
enum { DIGESTS_KEPT = 16 };

struct digests {
    struct {
        struct vfs_stat of; /* dev, ino, size, mtime and changed_ns must be the same */
        uint8_t sha256[SFTP_SHA256_LEN];
    } kept[DIGESTS_KEPT];
    size_t n; /* ever */
};

struct sftp_server {
    struct sftp_server_config config;
    struct vfs_path home, start;
    char *user;
    bool sends_link_first;   /* SYMLINK, by config or by the peer's software */
    bool repeats_check_file; /* check-file replies in paramiko's shape */
    struct stream *out;

    struct handles handles;
    struct handle *current; /* used last; NULL: none, or closed */
    uint64_t current_offset;
    struct sftp_current counts; /* numbers only */
    struct digests digests;
    struct owners owners;

    bool is_started;     /* INIT was answered */
    bool is_waiting;     /* a request gathered in `head` waits for room */
    struct buf head;     /* a request that came in more than one slice */
    uint32_t frame_left; /* octets of this frame behind what was handed on */
    struct write_body body;
    struct job job;

    struct buf reply;
    struct fault fault;
};

/* ---- server_requests.c ---- */

/*
 * Run one request. payload: from its type octet on; of a WRITE the head only.
 * ERR_LIMIT: nothing was done, because the stream has no room: try again.
 * Anything else but ERR_NONE ends the channel.
 */
enum err request_dispatch(struct sftp_server *s, struct bytes payload) MUST_USE;

/* The extension pairs of VERSION. */
void request_put_extensions(const struct sftp_server *s, struct buf *b);

/* ---- server_reply.c ---- */

/* A reply in s->reply, its length in front. Between them, put_* and msg_put. */
struct buf *reply_begin(struct sftp_server *s);
enum err reply_end(struct sftp_server *s) MUST_USE;

enum err reply_status(struct sftp_server *s, uint32_t id, enum ssh_fx code,
                      const char *text) MUST_USE;
/* error: as the vfs returns it; 0 is OK. Right after the vfs has: the sentence is
 * the deciding rule's where one refused. */
enum err reply_error(struct sftp_server *s, uint32_t id, int error) MUST_USE;
/* The same for requests on a path, and on a handle: refusals are audited. */
enum err reply_path_error(struct sftp_server *s, uint32_t id, int error,
                          const struct vfs_path *path) MUST_USE;
enum err reply_handle_error(struct sftp_server *s, uint32_t id, int error,
                            struct handle *h) MUST_USE;
enum err
reply_attrs(struct sftp_server *s, uint32_t id, const struct vfs_stat *st) MUST_USE;
/* NAME with one entry and without attributes: REALPATH and its kin. */
enum err reply_one_name(struct sftp_server *s, uint32_t id, struct bytes name) MUST_USE;
enum err
reply_statvfs(struct sftp_server *s, uint32_t id, const struct vfs_statvfs *st) MUST_USE;

struct sftp_attrs attrs_of_stat(const struct vfs_stat *st);

/* ---- shared by handlers ---- */

/* "verb path" or "verb path to path" for the log, when anybody listens. */
void say_path(struct sftp_server *s, enum log_level level, const char *verb,
              struct bytes path);
void
say_paths(struct sftp_server *s, const char *verb, struct bytes from, struct bytes to);

int server_path(const struct sftp_server *s, struct bytes name,
                struct vfs_path *path) MUST_USE;

/* The handle a request names, of the wanted kind; NULL: a status was sent, and
 * *result is what the handler returns. */
struct handle *server_handle(struct sftp_server *s, uint32_t id, struct bytes wire,
                             enum handle_kind kind, enum err *result);

/* Either kind. */
struct handle *server_any_handle(struct sftp_server *s, uint32_t id, struct bytes wire,
                                 enum err *result);

/* A new handle for something just opened; closes it again when that fails. */
enum err server_hand_out(struct sftp_server *s, uint32_t id, const struct vfs_path *path,
                         const struct handle *opened) MUST_USE;

/* Close what it holds and tell the audit; handle_free is the caller's.
 * left_open: the channel ended; the file is abandoned. */
int server_close_handle(struct sftp_server *s, struct handle *h, bool left_open);

/* Remember a handle's first failure with the rule behind it, and audit that;
 * returns the failure. */
int handle_note(struct sftp_server *s, struct handle *h, int error);

/* ---- server_audit.c ---- */

/* The rule behind a failure of the vfs just now; "": none. Borrowed. */
const char *refusal_of(struct sftp_server *s, int error);

void audit_refusal(struct sftp_server *s, int error, const char *text, struct bytes path);
void audit_change(struct sftp_server *s, enum sftp_audit_kind kind,
                  const struct vfs_path *path, const struct vfs_path *other);
/* st: when it was closed, NULL when not known. */
void audit_closed(struct sftp_server *s, const struct handle *h,
                  const struct vfs_stat *st, bool left_open);

/* ---- server_hashes.c: digests of what arrives ---- */

/* Octets were written at the offset; or the file was changed in another way. */
void
hash_written(struct sftp_server *s, struct handle *h, uint64_t offset, struct bytes data);
void hash_stop(struct sftp_server *s, struct handle *h);
/* End the digest if it is the whole file's, whose size is given. */
bool hash_end(struct sftp_server *s, struct handle *h, uint64_t size);
/* A closed upload, by its path: remember what its digest was. */
void hash_keep(struct sftp_server *s, const struct handle *h, const struct vfs_stat *st);
/* NULL: not known, or changed since. */
const uint8_t *hash_find(const struct sftp_server *s, const struct vfs_stat *st);

/* Refused, with a status sent, when offset and len leave what a file can be. */
bool range_is_possible(uint64_t offset, uint64_t len);

/* The part of a WRITE's data that a slice holds; its reply when it is the last. */
enum err write_body_take(struct sftp_server *s, struct bytes slice) MUST_USE;

void job_clear(struct sftp_server *s);

/* ---- handlers ---- */

typedef enum err request_handler(struct sftp_server *s, uint32_t id, const void *msg);

request_handler on_open, on_close, on_read, on_write, on_fstat, on_fsetstat, on_fstatvfs,
    on_fsync;
request_handler on_opendir, on_readdir;
request_handler on_lstat, on_stat, on_setstat, on_lsetstat, on_remove, on_mkdir, on_rmdir,
    on_realpath, on_rename, on_posix_rename, on_hardlink, on_readlink, on_symlink,
    on_statvfs;
request_handler on_limits, on_expand_path, on_home_directory, on_users_groups;
request_handler on_copy_data, on_check_file_name, on_check_file_handle;

#endif
