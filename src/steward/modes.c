/* See modes.h. */
#include "steward/modes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { READ = 4, WRITE = 2, SEARCH = 1 };

/* On this system; root "/" adds nothing. */
static bool
host_path(const struct grant *grant, const char *path, char host[PATH_MAX])
{
    const char *root = strcmp(grant->root, "/") == 0 ? "" : grant->root;
    int n = snprintf(host, PATH_MAX, "%s%s", root, path);
    return n > 0 && n < PATH_MAX;
}

/* The part of a resolved host path that lies within the resolved root. */
static enum err
within_root(const struct grant *grant, const char *host, struct vfs_path *real,
            struct fault *why)
{
    char root[PATH_MAX];
    if (!realpath(grant->root, root))
        return fault_errno(why, ERR_IO, errno, "root directory %.120s", grant->root);
    size_t n = strcmp(root, "/") == 0 ? 0 : strlen(root);
    bool is_within = strncmp(host, root, n) == 0 && (host[n] == '/' || host[n] == 0);
    if (!is_within)
        return fault_set(why, ERR_AUTH, 0,
                         "a symbolic link leads out of the root, to %.120s", host);
    int error = vfs_path_parse(real, NULL, bytes_str(host + n));
    return error ? fault_errno(why, ERR_IO, error, "%.120s", host) : ERR_NONE;
}

enum err
modes_resolve(const struct grant *grant, const struct vfs_path *path,
              struct vfs_path *real, struct fault *why)
{
    char host[PATH_MAX], resolved[PATH_MAX];
    struct vfs_path parent = *path;
    if (!host_path(grant, path->text, host))
        return fault_set(why, ERR_IO, 0, "the path is too long");
    if (realpath(host, resolved))
        return within_root(grant, resolved, real, why);
    if (errno != ENOENT || vfs_path_is_root(path))
        return fault_errno(why, ERR_IO, errno, "%.120s", path->text);
    vfs_path_pop(&parent);
    if (!host_path(grant, parent.text, host) || !realpath(host, resolved))
        return fault_errno(why, ERR_IO, errno, "%.120s", parent.text);
    enum err err = within_root(grant, resolved, real, why);
    if (err == ERR_NONE && vfs_path_append(real, bytes_str(vfs_path_last(path))) != 0)
        err = fault_set(why, ERR_IO, 0, "the path is too long");
    return err;
}

static bool
is_in_group(const struct grant *grant, gid_t gid)
{
    if (grant->gid == gid)
        return true;
    for (uint32_t i = 0; i < grant->n_groups; i++)
        if (grant->groups[i] == gid)
            return true;
    return false;
}

/* The first class that fits decides alone, as the kernel does it. */
static bool
has_bits(const struct grant *grant, const struct stat *st, unsigned bits)
{
    if (grant->uid == 0)
        return true;
    if (st->st_uid == grant->uid)
        return ((st->st_mode >> 6) & bits) == bits;
    if (is_in_group(grant, st->st_gid))
        return ((st->st_mode >> 3) & bits) == bits;
    return (st->st_mode & bits) == bits;
}

static enum err
check_object(const struct grant *grant, const struct vfs_path *path, unsigned bits,
             const char *what, struct fault *why)
{
    struct stat st;
    char host[PATH_MAX];
    if (!host_path(grant, path->text, host) || stat(host, &st) != 0)
        return fault_errno(why, ERR_IO, errno, "%.120s", path->text);
    if (has_bits(grant, &st, bits))
        return ERR_NONE;
    return fault_set(why, ERR_AUTH, 0,
                     "%.100s: mode %04o of %u:%u does not let uid %u %s", path->text,
                     (unsigned)st.st_mode & 07777, (unsigned)st.st_uid,
                     (unsigned)st.st_gid, grant->uid, what);
}

/* Each directory from the root down to the one that holds the name. */
static enum err
check_parents(const struct grant *grant, const struct vfs_path *real, struct fault *why)
{
    enum err err = ERR_NONE;
    struct vfs_path at = *real;
    while (err == ERR_NONE && !vfs_path_is_root(&at)) {
        vfs_path_pop(&at);
        err = check_object(grant, &at, SEARCH, "pass", why);
    }
    return err;
}

static enum err
check_owner(const struct grant *grant, const struct vfs_path *real, struct fault *why)
{
    struct stat st;
    char host[PATH_MAX];
    if (!host_path(grant, real->text, host) || stat(host, &st) != 0)
        return fault_errno(why, ERR_IO, errno, "%.120s", real->text);
    if (grant->uid == 0 || st.st_uid == grant->uid)
        return ERR_NONE;
    return fault_set(why, ERR_AUTH, 0, "%.100s: belongs to uid %u, not to uid %u",
                     real->text, (unsigned)st.st_uid, grant->uid);
}

enum err
modes_check(const struct grant *grant, const struct vfs_path *real, enum modes_need need,
            struct fault *why)
{
    struct vfs_path parent = *real;
    enum err err = check_parents(grant, real, why);
    if (err != ERR_NONE)
        return err;
    switch (need) {
    case MODES_READ:
        return check_object(grant, real, READ, "read", why);
    case MODES_WRITE:
        return check_object(grant, real, WRITE, "write", why);
    case MODES_WRITE_PARENT:
        vfs_path_pop(&parent);
        return check_object(grant, &parent, WRITE | SEARCH, "change names", why);
    case MODES_OWN:
        return check_owner(grant, real, why);
    case MODES_NOTHING:
        break;
    }
    return ERR_NONE;
}
