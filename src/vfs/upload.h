/*
 * One file that is written through the filter for atomic uploads: under which
 * name it lies, what of it has come, and how it ends. See atomic.h for the names.
 */
#ifndef FERRY_VFS_UPLOAD_H
#define FERRY_VFS_UPLOAD_H

#include "vfs/atomic.h"

/* Pieces that came ahead of a gap, as clients with several WRITEs in hand send them;
 * one more is forgotten, and its octets come again should the upload be resumed. */
enum { UPLOAD_AHEAD_MAX = 64 };

struct upload {
    struct vfs_file *inner;
    struct upload *next, **link; /* of the uploads of one session */
    bool is_direct;              /* written under its own name: the rest is unused */
    bool is_exclusive;           /* must not replace */
    bool is_append, is_changed;
    int error;      /* the first failed write or fsync: it will not be renamed */
    uint64_t whole; /* octets from the start on without a gap */
    uint32_t n_ahead;
    struct {
        uint64_t from, to;
    } ahead[UPLOAD_AHEAD_MAX];
    size_t name_len, temporary_len;
    char *name, *temporary; /* paths within the tree, terminated; in one allocation */
};

/* A handle for a file yet to be opened. The names are copied. NULL: no memory. */
struct upload *upload_new(const struct vfs_path *name, const struct vfs_path *temporary);

struct vfs_path upload_name(const struct upload *u);
struct vfs_path upload_temporary(const struct upload *u);

/* Where an abandoned upload of that name lies. False: it is too long for one. */
bool upload_part_path(const struct vfs_path *name, struct vfs_path *part);
/* A name for a handle of its own. */
void upload_new_path(const struct vfs_path *name, uint64_t random, struct vfs_path *path);

/* Octets at [offset, offset + n) have come. */
void upload_came(struct upload *u, uint64_t offset, uint64_t n);

/*
 * The two ends; the handle is closed and freed. finish: into place, or gone with
 * the reason returned. abandon: kept as .part, if that makes sense.
 */
int upload_finish(struct vfs *inner, struct upload *u,
                  const struct atomic_options *options) MUST_USE;
void upload_abandon(struct vfs *inner, struct upload *u);

#endif
