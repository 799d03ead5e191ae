/*
 * From what a login was granted to a tree of files: the root directory, opened
 * before the walls close, and the filters in front of it.
 */
#ifndef FERRY_DAEMON_SESSION_ROOT_H
#define FERRY_DAEMON_SESSION_ROOT_H

#include "base/err.h"
#include "daemon/grant.h"

/*
 * A descriptor (O_PATH) of the granted root. Called with the daemon's own
 * rights. ERR_AUTH: the directory is missing, or may not be a root: a
 * ChrootDirectory of which a component is not root's alone (sshd's rule).
 */
enum err
session_root_open(const struct grant *grant, int *root, struct fault *why) MUST_USE;

#endif
