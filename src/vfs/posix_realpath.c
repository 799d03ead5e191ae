/*
 * A path without symbolic links, as a name for people: nothing is allowed or
 * refused by it, since every use of the name is looked up again behind the wall.
 *
 * The kernel would only tell through procfs, which a sandbox closes. Most paths
 * hold no link, which one openat2() shows; the others are walked.
 */
#include "vfs/posix_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <unistd.h>

#include "vfs/links.h"

static int
exists_without_links(struct posix_vfs *p, const struct vfs_path *path, int flags)
{
    struct posix_place place = posix_place_whole(p, path);
    int fd;
    int error = posix_open_at(p, &place, O_PATH | flags, 0, RESOLVE_NO_SYMLINKS, &fd);
    if (error == 0)
        close(fd);
    return error;
}

/* 0: the path holds no link. ELOOP: it does. The last component may be missing. */
static int
probe(struct posix_vfs *p, const struct vfs_path *path)
{
    int error = exists_without_links(p, path, 0);
    if (error != ENOENT)
        return error;
    struct vfs_path parent = *path;
    vfs_path_pop(&parent);
    return exists_without_links(p, &parent, O_DIRECTORY);
}

static int
read_link(void *ctx, const struct vfs_path *path, char *text, size_t *n)
{
    return posix_readlink(ctx, path, text, n);
}

int
posix_realpath(struct vfs *v, const struct vfs_path *path, struct vfs_path *real)
{
    struct posix_vfs *p = posix_of(v);
    int error = probe(p, path);
    if (error == 0) {
        *real = *path;
        return 0;
    }
    if (error != ELOOP)
        return error;
    enum vfs_links_rule rule =
        p->options.is_confined ? VFS_LINKS_CONFINED : VFS_LINKS_ANYWHERE;
    return vfs_links_resolve(path, rule, read_link, v, real);
}
