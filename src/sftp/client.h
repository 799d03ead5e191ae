/*
 * The client's half of SFTP version 3: requests go out, replies come back as
 * events. It owns the framing, the request ids and what they stand for; it
 * knows nothing of files, of channels and of time.
 *
 *     out = a channel, a pipe or a test's buffer          (base/stream.h)
 *     sftp_client_new(out, &config, &c);                  sends INIT
 *     for each slice that arrived:
 *         while (slice.n != 0 || pending) {
 *             e = sftp_client_input(c, slice, &used);     stops at one event
 *             slice = bytes_skip(slice, used);
 *             while (sftp_client_next(c, &ev)) handle(&ev);
 *         }
 *
 * SSH_FXP_DATA is never put together: its octets are handed on as slices of
 * the caller's own buffer, to be pwritten at once. Everything else is small,
 * at most 256 KiB, and read from the caller's buffer when it is whole there.
 *
 * draft-ietf-secsh-filexfer-02; OpenSSH's PROTOCOL 4; threats L5.
 */
#ifndef FERRY_SFTP_CLIENT_H
#define FERRY_SFTP_CLIENT_H

#include <sys/uio.h>

#include "base/log.h"
#include "base/stream.h"
#include "sftp/names.h"
#include "sftp/status.h"
#include "wire/msg.h"

struct sftp_client;

enum {
    SFTP_PACKET_MAX = 262144,        /* length of any message, either way */
    SFTP_CHUNK_MAX = 261120,         /* data of one READ or WRITE: OpenSSH's bound */
    SFTP_CHUNK_SAFE = 32768,         /* data of one READ or WRITE that everybody takes */
    SFTP_HANDLE_MAX = 256,           /* octets of a handle */
    SFTP_CLIENT_REQUESTS_MAX = 1024, /* requests in flight, unless configured lower */
};

/* Extensions that this client can use, as the server announced them (bits). */
enum sftp_can {
    SFTP_CAN_POSIX_RENAME = 1 << 0,
    SFTP_CAN_STATVFS = 1 << 1,
    SFTP_CAN_FSTATVFS = 1 << 2,
    SFTP_CAN_HARDLINK = 1 << 3,
    SFTP_CAN_FSYNC = 1 << 4,
    SFTP_CAN_LSETSTAT = 1 << 5,
    SFTP_CAN_LIMITS = 1 << 6,
    SFTP_CAN_EXPAND_PATH = 1 << 7,
    SFTP_CAN_COPY_DATA = 1 << 8,
    SFTP_CAN_HOME_DIRECTORY = 1 << 9,
    SFTP_CAN_USERS_GROUPS = 1 << 10,
    SFTP_CAN_CHECK_FILE = 1 << 11,
};

/* On the wire SSH_FXP_SYMLINK holds link and target in either order. */
enum sftp_symlink_order {
    SFTP_SYMLINK_TARGET_FIRST, /* OpenSSH, paramiko, ProFTPD, Ferry */
    SFTP_SYMLINK_LINK_FIRST,   /* as the draft has it */
};

struct sftp_client_config {
    unsigned requests_max; /* in flight; 0: SFTP_CLIENT_REQUESTS_MAX, also the most */
    enum sftp_symlink_order symlink_order;
    const struct log_sink *log; /* NULL: silent. TRACE_SFTP: every message */
};

/* What the server bounds; the values are clamped to ours already. */
struct sftp_limits {
    uint32_t read_len;  /* data of one READ, 1..SFTP_CHUNK_MAX */
    uint32_t write_len; /* data of one WRITE, 1..SFTP_CHUNK_MAX */
    uint64_t n_handles; /* open at once; 0: not told */
    bool is_announced;  /* by limits@openssh.com; false: SFTP_CHUNK_SAFE */
};

/*
 * One request in flight. Owned by the caller, who keeps it where it is from a
 * send function's success until the reply's event (for READ: until the last
 * DATA slice or the STATUS), then may use it again. Only `user` and `tag` are the
 * caller's to set; they are left alone.
 */
struct sftp_req {
    void *user;
    int tag;
    /* the client's, readable by all */
    uint32_t id;
    uint8_t type;           /* SSH_FXP_READ, ...; 0: not in flight */
    uint8_t extended_reply; /* EXTENDED: the reply that suits */
    uint32_t len;           /* READ, WRITE: octets asked */
    uint32_t got;           /* READ: octets delivered so far */
    uint64_t offset;        /* READ, WRITE: where in the file */
};

enum sftp_event_type {
    SFTP_EV_READY,  /* VERSION arrived; requests may be sent from now on */
    SFTP_EV_LIMITS, /* the answer to limits@openssh.com, which is asked by itself */
    SFTP_EV_REPLY,  /* req is answered */
    SFTP_EV_DATA,   /* a slice of req's data */
    SFTP_EV_FAILED, /* the session is over: sftp_client_fault. Once, and the last */
};

/* Everything in an event is borrowed until the next sftp_client_input. */
struct sftp_event {
    enum sftp_event_type type;
    struct sftp_req *req; /* REPLY, DATA */
    /* REPLY: which of the following is filled. SSH_FXP_STATUS, _HANDLE, _NAME,
     * _ATTRS or _EXTENDED_REPLY; it suits the request or is STATUS. */
    uint8_t reply;
    uint32_t status;         /* STATUS: enum ssh_fx, or a later version's code */
    struct bytes text;       /* STATUS: the server's words, unescaped; may be empty */
    struct bytes handle;     /* HANDLE: 1..SFTP_HANDLE_MAX octets */
    struct sftp_names names; /* NAME */
    struct sftp_attrs attrs; /* ATTRS */
    struct bytes extended;   /* EXTENDED_REPLY: its data */
    /* DATA */
    uint64_t offset;   /* of data[0] in the file */
    struct bytes data; /* at least one octet */
    bool is_last;      /* req is done: req->got octets of req->len arrived */
};

/*
 * A client over `out`, which outlives it; INIT (version 3) is sent at once.
 * config is copied; its log is borrowed for the client's life.
 */
enum err sftp_client_new(struct stream *out, const struct sftp_client_config *config,
                         struct sftp_client **client) MUST_USE;

/* Forgets requests in flight without a word. NULL allowed. */
void sftp_client_free(struct sftp_client *c);

/*
 * Take octets that arrived. Stops behind the first event; *used <= in.n says
 * how many were taken: call again with the rest once the events are pulled.
 * `in` stays where it is until then. Anything but ERR_NONE: the session is
 * over, as SFTP_EV_FAILED says too.
 */
enum err sftp_client_input(struct sftp_client *c, struct bytes in, size_t *used) MUST_USE;

/* The carrier ended. Unless the session failed before: ERR_CLOSED. */
void sftp_client_end(struct sftp_client *c);

/* Pull the event that input stopped at; false when there is none. */
bool sftp_client_next(struct sftp_client *c, struct sftp_event *ev);

/* After READY: the protocol's version, 3; the server's extensions. */
bool sftp_client_is_ready(const struct sftp_client *c);
uint32_t sftp_client_version(const struct sftp_client *c);
bool sftp_client_has(const struct sftp_client *c, enum sftp_can ext);
const struct sftp_limits *sftp_client_limits(const struct sftp_client *c);

/* All that VERSION announced: string name, string data, each. Never NULL p. */
struct bytes sftp_client_extensions(const struct sftp_client *c);

/* How many more requests may be sent now. */
unsigned sftp_client_room(const struct sftp_client *c);
unsigned sftp_client_in_flight(const struct sftp_client *c);

/* Why the session is over; code ERR_NONE: it is not. */
const struct fault *sftp_client_fault(const struct sftp_client *c);

/*
 * Requests. Each takes a req that is not in flight and sends one message.
 * Paths and handles are copied. Errors:
 *   ERR_LIMIT: requests_max are in flight, or path or handle are too long to send;
 *   ERR_BUG: not ready, or the server lacks the extension;
 *   others: the session is over. The req is not in flight after an error.
 */
enum err sftp_client_open(struct sftp_client *c, struct sftp_req *req, struct bytes path,
                          uint32_t pflags, const struct sftp_attrs *attrs) MUST_USE;
enum err sftp_client_close(struct sftp_client *c, struct sftp_req *req,
                           struct bytes handle) MUST_USE;
/* len: 1..limits' read_len */
enum err sftp_client_read(struct sftp_client *c, struct sftp_req *req,
                          struct bytes handle, uint64_t offset, uint32_t len) MUST_USE;
enum err
sftp_client_stat(struct sftp_client *c, struct sftp_req *req, struct bytes path) MUST_USE;
enum err sftp_client_lstat(struct sftp_client *c, struct sftp_req *req,
                           struct bytes path) MUST_USE;
enum err sftp_client_fstat(struct sftp_client *c, struct sftp_req *req,
                           struct bytes handle) MUST_USE;
enum err sftp_client_setstat(struct sftp_client *c, struct sftp_req *req,
                             struct bytes path, const struct sftp_attrs *attrs) MUST_USE;
enum err
sftp_client_fsetstat(struct sftp_client *c, struct sftp_req *req, struct bytes handle,
                     const struct sftp_attrs *attrs) MUST_USE;
enum err sftp_client_opendir(struct sftp_client *c, struct sftp_req *req,
                             struct bytes path) MUST_USE;
enum err sftp_client_readdir(struct sftp_client *c, struct sftp_req *req,
                             struct bytes handle) MUST_USE;
enum err sftp_client_remove(struct sftp_client *c, struct sftp_req *req,
                            struct bytes path) MUST_USE;
enum err sftp_client_mkdir(struct sftp_client *c, struct sftp_req *req, struct bytes path,
                           const struct sftp_attrs *attrs) MUST_USE;
enum err sftp_client_rmdir(struct sftp_client *c, struct sftp_req *req,
                           struct bytes path) MUST_USE;
enum err sftp_client_realpath(struct sftp_client *c, struct sftp_req *req,
                              struct bytes path) MUST_USE;
/* Never overwrites, as far as the server keeps to that. */
enum err sftp_client_rename(struct sftp_client *c, struct sftp_req *req,
                            struct bytes oldpath, struct bytes newpath) MUST_USE;
enum err sftp_client_readlink(struct sftp_client *c, struct sftp_req *req,
                              struct bytes path) MUST_USE;
enum err sftp_client_symlink(struct sftp_client *c, struct sftp_req *req,
                             struct bytes target, struct bytes linkpath) MUST_USE;

/* Extensions: ask sftp_client_has first. */
enum err sftp_client_posix_rename(struct sftp_client *c, struct sftp_req *req,
                                  struct bytes oldpath, struct bytes newpath) MUST_USE;
enum err sftp_client_hardlink(struct sftp_client *c, struct sftp_req *req,
                              struct bytes oldpath, struct bytes newpath) MUST_USE;
enum err sftp_client_statvfs(struct sftp_client *c, struct sftp_req *req,
                             struct bytes path) MUST_USE;
enum err sftp_client_fstatvfs(struct sftp_client *c, struct sftp_req *req,
                              struct bytes handle) MUST_USE;
enum err sftp_client_fsync(struct sftp_client *c, struct sftp_req *req,
                           struct bytes handle) MUST_USE;
enum err sftp_client_lsetstat(struct sftp_client *c, struct sftp_req *req,
                              struct bytes path, const struct sftp_attrs *attrs) MUST_USE;
enum err sftp_client_expand_path(struct sftp_client *c, struct sftp_req *req,
                                 struct bytes path) MUST_USE;
enum err sftp_client_home_directory(struct sftp_client *c, struct sftp_req *req,
                                    struct bytes user) MUST_USE;
enum err sftp_client_copy_data(struct sftp_client *c, struct sftp_req *req,
                               const struct sftp_msg_ext_copy_data *what) MUST_USE;
/* uids, gids: packed uint32 */
enum err sftp_client_users_groups(struct sftp_client *c, struct sftp_req *req,
                                  struct bytes uids, struct bytes gids) MUST_USE;
/* Whether what->file is a path or a handle is the caller's to say. */
enum err sftp_client_check_file_name(struct sftp_client *c, struct sftp_req *req,
                                     const struct sftp_msg_ext_check_file *what) MUST_USE;
enum err
sftp_client_check_file_handle(struct sftp_client *c, struct sftp_req *req,
                              const struct sftp_msg_ext_check_file *what) MUST_USE;

/*
 * WRITE in two steps, so that a file's octets are read to where they will be
 * sent from: begin lays out `want` octets as holes (stream_reserve has their
 * contract), the caller fills the first n <= want of them, commit sends.
 *   want: 1..limits' write_len. n: 1..want.
 * begin's ERR_LIMIT: no room now; ask again when the stream or a request is free.
 * Nothing else may be sent between begin and commit or abandon.
 */
enum err sftp_client_write_begin(struct sftp_client *c, struct sftp_req *req,
                                 struct bytes handle, uint64_t offset, uint32_t want,
                                 struct iovec *holes, int *n_holes) MUST_USE;
enum err sftp_client_write_commit(struct sftp_client *c, uint32_t n) MUST_USE;
void sftp_client_write_abandon(struct sftp_client *c);

#endif
