/*
 * Files that the daemon trusts: keys, passwords, lists of keys. Read whole and
 * only when nobody else could have written (or, for secrets, read) them
 * (threats A8, F3, F5).
 */
#ifndef FERRY_DAEMON_FILES_H
#define FERRY_DAEMON_FILES_H

#include <sys/types.h>

#include "base/buf.h"

enum file_trust {
    FILE_TRUSTED, /* others may read but not write it */
    FILE_SECRET,  /* others may do neither */
};

/*
 * Append a regular file's octets to out (whose max bounds the size). Never
 * blocks on a FIFO or device. It must belong to root or to the process's user,
 * and no directory above it may be writable by others, unless sticky.
 * ERR_AUTH: owner or modes; ERR_IO: the system refused; ERR_LIMIT: too large.
 */
enum err file_read(const char *path, enum file_trust trust, struct buf *out,
                   struct fault *why) MUST_USE;

/*
 * Make a file with mode 0600 under its final name, whole or not at all.
 * ERR_LIMIT: the name exists (nothing changed); ERR_IO.
 */
enum err
file_create_secret(const char *path, struct bytes content, struct fault *why) MUST_USE;

/*
 * Put a file in the place of the one of that name, if any, with these permissions:
 * written beside it, synced, renamed; after a crash it is the old or the new one.
 * ERR_IO.
 */
enum err file_replace(const char *path, mode_t mode, struct bytes content,
                      struct fault *why) MUST_USE;

/*
 * The directory for what ferryd keeps, made if missing (0700): state_home or,
 * if that is NULL or empty, home/.local/state; then "/ferry".
 * path: room for PATH_MAX octets. ERR_AUTH: it is somebody else's, or others
 * may write to it.
 */
enum err file_state_dir(const char *state_home, const char *home, char *path,
                        struct fault *why) MUST_USE;

#endif
