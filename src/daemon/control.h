/*
 * The control socket: how `ferryd session`, `top`, `status`, `ban` and their
 * likes talk to the running daemon. A local SOCK_SEQPACKET socket with mode
 * 0600, for the daemon's own user and root only, by the kernel's word
 * (SO_PEERCRED); never TCP (threats S8).
 *
 * A client sends one struct control_request; the answer is any number of records
 * and a CONTROL_END. Whatever has another size, version or operation closes the
 * connection. Served from the listener's poll loop, which never waits for a
 * client: one that does not read is dropped.
 */
#ifndef FERRY_DAEMON_CONTROL_H
#define FERRY_DAEMON_CONTROL_H

#include <poll.h>

#include "daemon/admission.h"
#include "daemon/board.h"
#include "daemon/penalty.h"

enum {
    CONTROL_VERSION = 1,
    CONTROL_CLIENTS_MAX = 8,
    CONTROL_FDS_MAX = 1 + CONTROL_CLIENTS_MAX,
    CONTROL_STALL_MS = 5000, /* a client that reads nothing for so long is dropped */
    CONTROL_TEXT_MAX = 512,
    CONTROL_WALLS_MAX = 2048,
};

enum control_op {
    CONTROL_STATUS = 1, /* one CONTROL_STATUS_RECORD */
    CONTROL_SESSIONS,   /* a CONTROL_SESSION_RECORD for each connection */
    CONTROL_KILL,       /* `id`, or all of `account`; the end tells how many */
    CONTROL_THROTTLE,   /* `id` to `rate` octets a second both ways; 0: no longer */
    CONTROL_BANS,       /* a CONTROL_BAN_RECORD for each ban and penalty */
    CONTROL_BAN_ADD,    /* `block`, `seconds` (0: for ever), `reason` */
    CONTROL_BAN_DEL,    /* `block`: its ban, and penalties inside it */
    CONTROL_RELOAD,
    CONTROL_REOPEN, /* log files */
    CONTROL_OPS
};

/* Texts are terminated and checked for that; what an operation does not use is 0. */
struct control_request {
    uint32_t version; /* CONTROL_VERSION */
    uint32_t op;      /* enum control_op */
    uint64_t id;
    uint64_t rate;
    uint64_t seconds;
    char account[ACCOUNT_NAME_MAX + 1];
    char block[BLOCK_TEXT_MAX];
    char reason[BAN_REASON_MAX + 1];
};

/* What the daemon counts since its start, by cause. */
struct control_counts {
    uint64_t accepted;
    uint64_t logins_ok, logins_failed;
    uint64_t refused_full, refused_startup, refused_source, refused_penalty, refused_ban;
    uint64_t penalties[PENALTY_KINDS]; /* misdeeds noted */
    uint64_t crashes;                  /* processes ended by a signal that was not ours */
    uint64_t files;                    /* closed, of sessions that have ended */
};

struct control_status {
    char version[64];
    uint32_t pid;
    uint32_t generation; /* of the configuration: 1, and one more with each reload */
    int64_t started_s, reloaded_s; /* seconds since 1970 */
    uint64_t uptime_ms;
    char config[CONTROL_TEXT_MAX];    /* path; "" when there is no file */
    char listening[CONTROL_TEXT_MAX]; /* addresses, comma-separated, maybe cut */
    char walls[CONTROL_WALLS_MAX];    /* a line each role, as the log told */
    uint32_t is_stopping;
    uint32_t n_connections, n_authenticated, max_connections;
    uint64_t n_penalised, n_noted, n_bans;
    uint64_t octets_in, octets_out; /* of files */
    struct control_counts counts;
};

struct control_session {
    uint64_t id;
    uint32_t pid;
    uint32_t is_authenticated;
    char account[ACCOUNT_NAME_MAX + 1];
    char host[NET_ADDR_TEXT_MAX];
    uint32_t port;
    char client[ADMISSION_CLIENT_MAX];
    char method[ADMISSION_METHOD_MAX];
    int64_t since_s; /* login, or connection when there was none yet */
    uint64_t age_ms, idle_ms;
    uint64_t octets_in, octets_out, n_requests, n_files;
    uint64_t rate_in, rate_out; /* octets a second */
    uint64_t throttle;          /* octets a second; 0: none */
    uint32_t file_flags;        /* as on the board; 0: no file is open */
    uint64_t file_offset, file_size;
    uint32_t path_len;
    uint8_t path[BOARD_PATH_MAX]; /* any octets: encode before showing */
};

enum control_ban_kind { CONTROL_BAN_ADMIN, CONTROL_BAN_PENALTY };

struct control_ban {
    uint32_t kind;       /* enum control_ban_kind */
    uint32_t is_refused; /* PENALTY: passed `min` */
    char block[BLOCK_TEXT_MAX];
    int64_t since_s; /* ADMIN */
    int64_t until_s; /* seconds since 1970; BAN_FOREVER */
    char reason[BAN_REASON_MAX + 1];
};

struct control_end {
    uint32_t error;              /* enum err; 0: done */
    uint32_t n;                  /* of records, or of what was changed */
    char text[CONTROL_TEXT_MAX]; /* what went wrong, one sentence */
};

enum control_kind {
    CONTROL_END = 1,
    CONTROL_STATUS_RECORD,
    CONTROL_SESSION_RECORD,
    CONTROL_BAN_RECORD,
    CONTROL_KINDS
};

/* One message to a client: control_reply_len(kind) octets of this. */
struct control_reply {
    uint32_t kind;
    uint32_t version;
    union {
        struct control_end end;
        struct control_status status;
        struct control_session session;
        struct control_ban ban;
    };
};

/* Octets of a message of this kind; 0: no such kind. */
size_t control_reply_len(uint32_t kind);

/*
 * The daemon, as the control socket sees it. `out` is zeroed before each call.
 * next_*: from *cursor (begins at 0) on, moving it; false: no more.
 * Those that change something: ERR_NONE, or an error and its sentence in *why.
 */
struct control_host {
    void *ctx;
    void (*status)(void *ctx, struct control_status *out);
    bool (*next_session)(void *ctx, uint64_t *cursor, struct control_session *out);
    bool (*next_ban)(void *ctx, uint64_t *cursor, struct control_ban *out);
    /* id 0: all of the account. *n: how many were told to end. */
    enum err (*kill)(void *ctx, uint64_t id, const char *account, uint32_t *n,
                     struct fault *why);
    enum err (*throttle)(void *ctx, uint64_t id, uint64_t rate, struct fault *why);
    /* seconds 0: for ever. */
    enum err (*ban_add)(void *ctx, const struct block *block, uint64_t seconds,
                        const char *reason, struct fault *why);
    enum err (*ban_del)(void *ctx, const struct block *block, uint32_t *n,
                        struct fault *why);
    enum err (*reload)(void *ctx, struct fault *why);
    enum err (*reopen)(void *ctx, struct fault *why);
};

enum control_start {
    CONTROL_FRESH,     /* refuse when a daemon answers there */
    CONTROL_TAKE_OVER, /* a restart: put ours in the place of the old one's */
};

struct control;

/*
 * Listen at path, whose directory is made if missing (one level). host, log: for
 * the socket's life. ERR_LIMIT: another daemon answers there. ERR_IO.
 */
enum err
control_open(const char *path, enum control_start start, const struct control_host *host,
             struct control **control, struct fault *why) MUST_USE;

/* Close; removes the socket's file if it is still ours. NULL allowed. */
void control_free(struct control *c);

/* What to poll for; how many. The same fds, polled, go into control_serve. */
nfds_t control_poll(const struct control *c, struct pollfd fds[CONTROL_FDS_MAX]);
void
control_serve(struct control *c, const struct pollfd *fds, nfds_t n, uint64_t now_ms);

/* When control_serve wants to be called at the latest; UINT64_MAX: no need. */
uint64_t control_deadline(const struct control *c);

/*
 * Fill in a session's record from its place, its page (untrusted: bounded here) and
 * the rates; for next_session.
 */
struct rates;
void control_describe(const struct admission_place *place, uint32_t index,
                      const struct board_page *page, const struct rates *rates,
                      uint64_t now_ms, struct control_session *out);

/* The bans, then the penalties, for next_ban. */
bool control_next_ban(struct penalties *p, uint64_t now_ms, int64_t wall_s,
                      uint64_t *cursor, struct control_ban *out);

#endif
