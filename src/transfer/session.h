/*
 * Whole-file and whole-tree work over one SFTP session: jobs go in, events
 * come out. Many files are in flight at once, so that small files cost
 * bandwidth and not round trips; each is a state machine over sftp/client.h
 * (transfer/task.h), and one window (transfer/window.h) bounds them all.
 *
 *     transfer_new(&config, now, &t);
 *     transfer_add(t, &spec, &job);                as many as wanted, at any time
 *     loop: transfer_input(t, now, slice);         what the carrier brought
 *           transfer_run(t, now);                  when the carrier has room again
 *     until transfer_is_idle(t)
 *
 * No sockets, no clock, no stdio: the shell around it moves the bytes, tells
 * the time (monotonic milliseconds) and shows the events. Local files are
 * reached through transfer/local.h alone.
 *
 * What is promised: a file appears under its final name whole or not at all
 * (unless TRANSFER_INPLACE); every acknowledgement is counted and a failure
 * sticks to its file while the others go on; a server's names never lead out
 * of the target (threats L1, L6, L10, D2, D5, D6).
 */
#ifndef FERRY_TRANSFER_SESSION_H
#define FERRY_TRANSFER_SESSION_H

#include "base/log.h"
#include "base/rand.h"
#include "base/stream.h"
#include "sftp/client.h"

struct transfer;

enum transfer_verb {
    TRANSFER_GET,      /* path -> local */
    TRANSFER_PUT,      /* local -> path */
    TRANSFER_CAT,      /* path -> TRANSFER_EV_DATA, in order */
    TRANSFER_LIST,     /* path -> ENTRYs; of a directory its content, else itself */
    TRANSFER_STAT,     /* path -> ENTRY, following a link */
    TRANSFER_LSTAT,    /* path -> ENTRY of the link itself */
    TRANSFER_STATVFS,  /* path -> EV_STATVFS */
    TRANSFER_REALPATH, /* path ("~" too) -> EV_PATH */
    TRANSFER_READLINK, /* path -> EV_PATH */
    TRANSFER_MKDIR,   /* path; TRANSFER_PARENTS: missing ones too, and existing is fine */
    TRANSFER_RMDIR,   /* path */
    TRANSFER_REMOVE,  /* path; TRANSFER_RECURSIVE: a whole tree, links not followed */
    TRANSFER_RENAME,  /* path -> path2; overwrites when the server has posix-rename */
    TRANSFER_LINK,    /* path2 becomes another name of path */
    TRANSFER_SYMLINK, /* path2 becomes a link with the text `path` */
    TRANSFER_SETSTAT, /* path, attrs */
};

enum transfer_flag {
    TRANSFER_RECURSIVE = 1 << 0,    /* GET, PUT, REMOVE: directories too */
    TRANSFER_PRESERVE = 1 << 1,     /* GET, PUT: times and modes (never setuid, setgid) */
    TRANSFER_RESUME = 1 << 2,       /* GET, PUT: go on where an earlier run stopped, once
                                       size, time and a re-read tail agree */
    TRANSFER_INPLACE = 1 << 3,      /* GET, PUT: write under the final name */
    TRANSFER_FSYNC = 1 << 4,        /* GET, PUT: on disk before it counts as done */
    TRANSFER_LINKS = 1 << 5,        /* GET, PUT with RECURSIVE: copy symbolic links as
                                       links when they stay inside; else they are skipped */
    TRANSFER_PARENTS = 1 << 6,      /* MKDIR */
    TRANSFER_NO_OVERWRITE = 1 << 7, /* RENAME: never over an existing file, as far as the
                                       server keeps to the protocol */
    TRANSFER_NO_FOLLOW = 1 << 8,    /* SETSTAT: of a symbolic link, the link itself; needs
                                       lsetstat@openssh.com */
};

/* One job. Everything is copied by transfer_add. */
struct transfer_spec {
    enum transfer_verb verb;
    unsigned flags;     /* transfer_flag bits */
    struct bytes path;  /* remote; "~" and "~user" at its start are expanded */
    struct bytes path2; /* remote */
    /* GET, PUT: a path as the user gave it; NULL: ".". A GET into an existing
     * directory, or a PUT onto one, lands inside under the source's last name. */
    const char *local;
    struct sftp_attrs attrs; /* SETSTAT; MKDIR: permissions, if flagged */
};

/* What kind of failure; the program's exit status follows from it. */
enum transfer_failure {
    TRANSFER_OK = 0,
    TRANSFER_FAILED,      /* the server said no, and not one of the next */
    TRANSFER_NOT_FOUND,   /* SSH_FX_NO_SUCH_FILE, ENOENT of the named source */
    TRANSFER_DENIED,      /* SSH_FX_PERMISSION_DENIED */
    TRANSFER_LOST,        /* the session ended; what is there can be resumed */
    TRANSFER_MISMATCH,    /* size or content is not what it must be */
    TRANSFER_LOCAL,       /* the local file system refused, or is full */
    TRANSFER_UNSUPPORTED, /* the server lacks the operation */
    TRANSFER_REFUSED,     /* we refused: an unsafe name, too deep */
    TRANSFER_CANCELLED,
};

struct transfer_problem {
    enum transfer_failure kind;
    uint32_t status;  /* enum ssh_fx of the reply that failed; 0: none did */
    int sys_errno;    /* 0: not from the local system */
    const char *text; /* one sentence, escaped for a terminal */
};

/* Of one job, or of all together. Known so far: a walk still under way adds. */
struct transfer_totals {
    uint64_t files, files_done, files_failed; /* regular files */
    uint64_t dirs, dirs_failed;
    uint64_t bytes;       /* octets of the files known so far */
    uint64_t bytes_done;  /* octets in place, skipped ones of a resume included */
    uint64_t bytes_moved; /* octets that crossed the wire */
    uint64_t skipped;     /* links, devices and the like */
    uint64_t warnings;
};

enum transfer_event_type {
    TRANSFER_EV_READY,       /* the server's VERSION: transfer_client() tells it all */
    TRANSFER_EV_LIMITS,      /* ... and its limits */
    TRANSFER_EV_FAILED,      /* the session is over: problem. Every open job has had its
                                JOB_DONE before */
    TRANSFER_EV_FILE_START,  /* path, local, size, done (where a resume begins) */
    TRANSFER_EV_PROGRESS,    /* path, local, size, done; at most every 100 ms a file */
    TRANSFER_EV_FILE_DONE,   /* path, local, size */
    TRANSFER_EV_FILE_FAILED, /* path, local, size, done, problem; for a directory too */
    TRANSFER_EV_WARNING,     /* path, problem: done, but not quite as asked */
    TRANSFER_EV_ENTRY,       /* entry; path: the directory it is in, or the file */
    TRANSFER_EV_LISTED,      /* the directory `path` has been listed wholly */
    TRANSFER_EV_PATH,        /* result */
    TRANSFER_EV_STATVFS,     /* statvfs */
    TRANSFER_EV_DATA,        /* data */
    TRANSFER_EV_JOB_DONE, /* problem: the first one, kind TRANSFER_OK if none; totals */
};

/* Borrowed for the length of the sink's call. Remote octets are as the server sent
 * them: escape before showing (base/log.h text_escape). */
struct transfer_event {
    enum transfer_event_type type;
    uint32_t job;
    struct bytes path; /* remote */
    const char *local; /* local path for showing; NULL: none */
    uint64_t size;     /* octets; 0 when unknown */
    uint64_t done;     /* octets in place */
    struct sftp_name entry;
    struct bytes result;
    struct bytes data;
    const struct sftp_msg_ext_statvfs_reply *statvfs;
    struct transfer_problem problem;
    const struct transfer_totals *totals; /* of the job */
};

/*
 * Called from within transfer_input, _run, _cancel and _end. It may call
 * transfer_add and transfer_cancel, nothing else of this header that changes.
 */
struct transfer_sink {
    void (*event)(void *ctx, const struct transfer_event *ev);
    void *ctx;
};

struct transfer_config {
    struct stream *out;             /* borrowed for the session's life */
    const struct rand_source *rand; /* for temporary names; borrowed */
    const struct log_sink *log;     /* NULL: silent; borrowed */
    struct transfer_sink sink;
    enum sftp_symlink_order symlink_order;
    /* The server is known to take requests of one handle in their order, so that what
     * follows the WRITEs needs not wait for them. Others get a round trip more: Go's
     * pkg/sftp answers an FSTAT before the WRITE ahead of it was done. */
    bool is_in_order;
    /* zero: the default */
    size_t in_flight_max;  /* octets requested or sent and not acknowledged: 16 MiB */
    unsigned requests_max; /* -R: requests in flight */
    uint32_t chunk_max;    /* -B: data of one READ or WRITE */
    /* Files open at once, and directories: 64, or by the server's limits. 1 for servers
     * that mix up handles (Erlang's). */
    unsigned files_max;
    uint32_t silence_ms; /* no answer for so long ends the session: 300 s */
};

/* Sends INIT. now_ms: monotonic. The sink may be called from now on. */
enum err transfer_new(const struct transfer_config *config, uint64_t now_ms,
                      struct transfer **t) MUST_USE;

/* Closes local files; partial ones stay for a resume. NULL allowed. */
void transfer_free(struct transfer *t);

/*
 * Queue a job; it starts by itself. *job: its number, from 1.
 * ERR_NOMEM, or the session's error when it is over.
 */
enum err transfer_add(struct transfer *t, const struct transfer_spec *spec,
                      uint32_t *job) MUST_USE;

/* Stop a job: nothing new is sent for it, what is open is closed, partial files
 * are kept for a resume. JOB_DONE follows once the server has answered. */
void transfer_cancel(struct transfer *t, uint32_t job);
void transfer_cancel_all(struct transfer *t);

/* Octets from the server, all of them. Calls transfer_run. An error: the session is over.
 */
enum err transfer_input(struct transfer *t, uint64_t now_ms, struct bytes in) MUST_USE;

/* Send what may be sent: after transfer_add, and when the stream has room again. */
enum err transfer_run(struct transfer *t, uint64_t now_ms) MUST_USE;

/* The carrier ended, for a reason in words (NULL: none known). All jobs fail. */
void transfer_end(struct transfer *t, const char *reason);

/* True when there is no job, queued or running. */
bool transfer_is_idle(const struct transfer *t);

/* When transfer_run is wanted next although nothing arrived; UINT64_MAX: never. */
uint64_t transfer_deadline(const struct transfer *t);

/* Of all jobs so far. */
const struct transfer_totals *transfer_totals(const struct transfer *t);

/* The session's client, to look at. */
const struct sftp_client *transfer_client(const struct transfer *t);

#endif
