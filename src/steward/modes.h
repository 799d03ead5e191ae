/*
 * What the modes of files say about somebody who is not running: may they pass these
 * directories, read this, write there? Access control lists and security modules
 * are not looked at.
 */
#ifndef FERRY_STEWARD_MODES_H
#define FERRY_STEWARD_MODES_H

#include "base/err.h"
#include "daemon/grant.h"
#include "vfs/path.h"

enum modes_need {
    MODES_NOTHING,
    MODES_READ,         /* the object */
    MODES_WRITE,        /* the object */
    MODES_WRITE_PARENT, /* the directory that holds the name */
    MODES_OWN,          /* to be the owner */
};

/*
 * Where path leads within the grant's root, links resolved; of a name that does not
 * exist, its directory's place and the name. ERR_AUTH: a link leads out of the
 * root; ERR_IO: it is not there, or cannot be looked at by whoever asks.
 */
enum err modes_resolve(const struct grant *grant, const struct vfs_path *path,
                       struct vfs_path *real, struct fault *why) MUST_USE;

/* real: of modes_resolve. ERR_AUTH: *why names the file and what is missing. */
enum err modes_check(const struct grant *grant, const struct vfs_path *real,
                     enum modes_need need, struct fault *why) MUST_USE;

#endif
