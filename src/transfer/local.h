/*
 * The local side of transfers: the one file of this folder that makes file
 * system calls. (No file I/O is done below net/ but in vfs/posix.c, for the
 * server, and here: a client's jobs need a local file system and nothing that
 * a vfs is for. Keeping the calls in one file keeps the rest testable.)
 *
 * A tree has a root, which the user named and whose links are followed, and
 * directories below it, which a server may have named. Below the root every
 * name is resolved with openat2 beneath the root's descriptor and through no
 * symbolic link (threats L1), and is then one component under a directory's
 * descriptor. Few descriptors are kept: a directory's is opened when it is
 * used and may be closed when others are.
 *
 * Functions that return int give 0 or an errno.
 */
#ifndef FERRY_TRANSFER_LOCAL_H
#define FERRY_TRANSFER_LOCAL_H

#include <sys/stat.h>
#include <sys/uio.h>

#include "base/buf.h"

struct local_dir;

/* The directory at `path`, as the user wrote it. One reference, the caller's. */
int local_root_open(const char *path, struct local_dir **dir);

/* A directory named `name` below, which need not exist yet. name: one safe
 * component. One reference, the caller's; the parent is held by it. */
int local_dir_below(struct local_dir *parent, const char *name, struct local_dir **dir);

struct local_dir *local_dir_ref(struct local_dir *dir);
void local_dir_unref(struct local_dir *dir); /* NULL allowed */

/* The path of `name` in dir as the user would write it; name NULL: dir itself. */
void local_show(struct buf *out, const struct local_dir *dir, const char *name);

/* ---- names in a directory: one component each ---- */

/* Create the directory itself. An existing one is fine, anything else is EEXIST
 * or ENOTDIR. *is_new: it was made by this call. */
int local_dir_make(struct local_dir *dir, mode_t mode, bool *is_new);

/*
 * A part: an existing or new regular file for writing and reading, at its full
 * length, locked for this process. EEXIST: somebody else is writing it.
 */
int local_open_part(struct local_dir *dir, const char *name, mode_t mode, int *fd,
                    struct stat *st);

/* An existing regular file for writing and reading, at its full length. */
int local_open_write(struct local_dir *dir, const char *name, int *fd, struct stat *st);

/* An existing or new file, cut to nothing. Regular files only. */
int local_open_over(struct local_dir *dir, const char *name, mode_t mode, int *fd);

/* A regular file for reading; what is no regular file is EINVAL. */
int local_open_read(struct local_dir *dir, const char *name, int *fd, struct stat *st);

/* The same for a path that the user named, links followed. */
int local_open_named(const char *path, int *fd, struct stat *st);

/* A path that the user named, links followed. */
int local_stat(const char *path, struct stat *st);

int local_lstat(struct local_dir *dir, const char *name, struct stat *st);
int local_rename(struct local_dir *dir, const char *from, const char *to);
int local_remove(struct local_dir *dir, const char *name);
int local_readlink(struct local_dir *dir, const char *name, struct buf *target);
/* Replaces a link of the same name, nothing else. */
int local_symlink(struct local_dir *dir, const char *name, const char *target);

/* Mode (permission bits only) and times of a directory; times in seconds. */
int local_dir_set_mode(struct local_dir *dir, mode_t mode);
int local_dir_set_times(struct local_dir *dir, uint32_t atime, uint32_t mtime);
int local_dir_sync(struct local_dir *dir);

/* ---- open files ---- */

/* All of data at that offset. */
int local_write(int fd, struct bytes data, uint64_t offset);

/* Fill the vector as far as the file goes; *got: octets read. */
int local_read(int fd, const struct iovec *to, int n_to, uint64_t offset, size_t *got);

int local_fstat(int fd, struct stat *st);
int local_truncate(int fd, uint64_t size);
int local_sync(int fd);
int local_set_mode(int fd, mode_t mode); /* permission bits only */
int local_set_times(int fd, uint32_t atime, uint32_t mtime);
int local_close(int fd);

/* ---- listing ---- */

struct local_list;

int local_list_open(struct local_dir *dir, struct local_list **list);
/* The next name but "." and ".."; borrowed until the next call. NULL: the end,
 * with *error 0 or the errno. */
const char *local_list_next(struct local_list *list, int *error);
void local_list_close(struct local_list *list); /* NULL allowed */

#endif
