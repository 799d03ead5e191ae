/*
 * The disk beneath one directory. Linux 5.6 or later: every look-up is one
 * openat2() from the root's descriptor, so the kernel is the wall (threats P1
 * to P5); what it returns is acted upon by descriptor and one final component.
 */
#ifndef FERRY_VFS_POSIX_H
#define FERRY_VFS_POSIX_H

#include "vfs/vfs.h"

struct posix_vfs_options {
    /*
     * True: nothing outside the root is reachable: no look-up leaves it, neither
     * by ".." nor by a symbolic link, relative or absolute (RESOLVE_BENEATH).
     * False: links are followed wherever they lead; for a process that acts as
     * the user with root "/".
     */
    bool is_confined;
    /*
     * True: no look-up follows a symbolic link (RESOLVE_NO_SYMLINKS): ELOOP. For a
     * tree behind a filter that resolves every path and judges the result
     * (policy_is_empty in vfs/policy.h): what was judged is what is acted upon,
     * though somebody swaps a directory for a link in between (threats P2).
     * realpath alone still resolves.
     */
    bool is_literal;
    bool may_set_id_bits; /* accept set-user-id, set-group-id and sticky in chmod */
    bool may_chown;
};

/*
 * root: a directory's descriptor, owned by the vfs from now on, also when this
 * fails. Works after a sandbox has closed: opens nothing but beneath it.
 * 0; ENOTDIR; ENOMEM; ENOSYS: the kernel has no openat2.
 */
int
posix_vfs_new(int root, const struct posix_vfs_options *options, struct vfs **v) MUST_USE;

#endif
