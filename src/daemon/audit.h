/*
 * The audit log (AuditLog): JSON lines chained by hashes (audit_chain.h),
 * appended and never changed, one a login, one a file at its close.
 *
 * Several recorders may write the same file (an old one and a new one while the
 * daemon restarts): each append holds the file's lock and reads the tail again
 * if somebody else wrote. A file that was renamed is noticed by itself; the new
 * one goes on with the old chain: its first line is "continued". After a crash
 * in the middle of a line, what there is of it stays as a line of its own, and a
 * line "recovered" says how long it is.
 *
 * A full disk stops nothing: lines are counted, and when there is room again a
 * line "lost" says how many.
 */
#ifndef FERRY_DAEMON_AUDIT_H
#define FERRY_DAEMON_AUDIT_H

#include <sys/types.h>
#include <time.h>

#include "daemon/audit_chain.h"

struct audit {
    const char *path; /* borrowed */
    int fd;           /* -1: none is open */
    off_t end;        /* where our last line ended; -1: not known */
    struct audit_tail tail;
    size_t n_torn; /* octets behind the tail that are no line */
    bool needs_newline;
    uint64_t n_lost;
    bool is_dirty; /* written and not yet synced */
};

/* path: absolute. Made with mode 0600. ERR_AUTH: others may write to it; ERR_IO. */
enum err audit_open(struct audit *a, const char *path, struct fault *why) MUST_USE;
void audit_close(struct audit *a);

/*
 * Append an object that json_begin began and nobody has ended; *line is used up.
 * ERR_IO, ERR_LIMIT (somebody holds the lock): it is lost, and counted.
 */
enum err audit_append(struct audit *a, struct buf *line, struct timespec now) MUST_USE;

/* To the disk, if something was written. */
void audit_sync(struct audit *a);

/*
 * The last sound line of a file: *tail, and how many octets follow it. An empty file,
 * or one without any: tail is zero. Reads at most the last 2 * AUDIT_LINE_MAX.
 */
enum err audit_read_tail(int fd, struct audit_tail *tail, size_t *n_behind) MUST_USE;

#endif
