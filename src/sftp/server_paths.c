/* Handlers on names: attributes, directories, renames and links. */
#include "sftp/server_impl.h"

#include <errno.h>

int
server_path(const struct sftp_server *s, struct bytes name, struct vfs_path *path)
{
    return vfs_path_parse(path, &s->start, name);
}

/* ---- one path and a question ---- */

typedef int stat_fn(struct vfs *v, const struct vfs_path *path, struct vfs_stat *st);

static enum err
answer_stat(struct sftp_server *s, uint32_t id, struct bytes name, stat_fn *ask)
{
    struct vfs_path path;
    struct vfs_stat st;
    int error = server_path(s, name, &path);
    if (error == 0)
        error = ask(s->config.vfs, &path, &st);
    return error != 0 ? reply_path_error(s, id, error, &path) : reply_attrs(s, id, &st);
}

enum err
on_stat(struct sftp_server *s, uint32_t id, const void *msg)
{
    const struct sftp_msg_stat *m = msg;
    return answer_stat(s, id, m->path, s->config.vfs->ops->stat);
}

enum err
on_lstat(struct sftp_server *s, uint32_t id, const void *msg)
{
    const struct sftp_msg_lstat *m = msg;
    return answer_stat(s, id, m->path, s->config.vfs->ops->lstat);
}

enum err
on_statvfs(struct sftp_server *s, uint32_t id, const void *msg)
{
    const struct sftp_msg_ext_path *m = msg;
    struct vfs_path path;
    struct vfs_statvfs st;
    int error = server_path(s, m->path, &path);
    if (error == 0)
        error = s->config.vfs->ops->statvfs(s->config.vfs, &path, &st);
    return error != 0 ? reply_path_error(s, id, error, &path) : reply_statvfs(s, id, &st);
}

enum err
on_realpath(struct sftp_server *s, uint32_t id, const void *msg)
{
    const struct sftp_msg_realpath *m = msg;
    struct vfs_path path;
    int error = server_path(s, m->path, &path);
    if (error == 0)
        error = s->config.vfs->ops->realpath(s->config.vfs, &path, &path);
    return error != 0 ? reply_path_error(s, id, error, &path)
                      : reply_one_name(s, id, vfs_path_bytes(&path));
}

enum err
on_readlink(struct sftp_server *s, uint32_t id, const void *msg)
{
    const struct sftp_msg_readlink *m = msg;
    struct vfs_path path;
    char text[VFS_PATH_MAX];
    size_t n = 0;
    int error = server_path(s, m->path, &path);
    if (error == 0)
        error = s->config.vfs->ops->readlink(s->config.vfs, &path, text, &n);
    if (error == EINVAL)
        return reply_status(s, id, SSH_FX_BAD_MESSAGE, "Not a symbolic link");
    return error != 0 ? reply_path_error(s, id, error, &path)
                      : reply_one_name(s, id, bytes_of(text, n));
}

/* ---- attributes ---- */

static struct vfs_setattr
setattr_of(const struct sftp_attrs *a)
{
    static const struct {
        enum sftp_attr_flag theirs;
        enum vfs_set ours;
    } map[] = {{SFTP_ATTR_SIZE, VFS_SET_SIZE},
               {SFTP_ATTR_PERMISSIONS, VFS_SET_MODE},
               {SFTP_ATTR_ACMODTIME, VFS_SET_TIMES},
               {SFTP_ATTR_UIDGID, VFS_SET_OWNER}};
    struct vfs_setattr set = {
        .size = a->size,
        .mode = a->permissions & 07777,
        .uid = a->uid,
        .gid = a->gid,
        .atime = a->atime,
        .mtime = a->mtime,
    };
    for (size_t i = 0; i < ARRAY_LEN(map); i++)
        if (a->flags & (unsigned)map[i].theirs)
            set.set |= (unsigned)map[i].ours;
    return set;
}

enum err
on_setstat(struct sftp_server *s, uint32_t id, const void *msg)
{
    const struct sftp_msg_setstat *m = msg;
    struct vfs_setattr set = setattr_of(&m->attrs);
    struct vfs_path path;
    int error = server_path(s, m->path, &path);
    if (error == 0)
        error = s->config.vfs->ops->setattr(s->config.vfs, &path, &set);
    if (error == 0)
        say_path(s, LOG_LEVEL_INFO, "set attributes of", vfs_path_bytes(&path));
    return reply_path_error(s, id, error, &path);
}

enum err
on_lsetstat(struct sftp_server *s, uint32_t id, const void *msg)
{
    const struct sftp_msg_ext_lsetstat *m = msg;
    struct vfs_setattr set = setattr_of(&m->attrs);
    if (set.set & VFS_SET_SIZE)
        return reply_status(s, id, SSH_FX_BAD_MESSAGE,
                            "lsetstat cannot change a size: a link has none");
    struct vfs_path path;
    int error = server_path(s, m->path, &path);
    if (error == 0)
        error = s->config.vfs->ops->lsetattr(s->config.vfs, &path, &set);
    if (error == 0)
        say_path(s, LOG_LEVEL_INFO, "set attributes of", vfs_path_bytes(&path));
    return reply_path_error(s, id, error, &path);
}

enum err
on_fsetstat(struct sftp_server *s, uint32_t id, const void *msg)
{
    const struct sftp_msg_fsetstat *m = msg;
    struct vfs_setattr set = setattr_of(&m->attrs);
    enum err result;
    struct handle *h = server_any_handle(s, id, m->handle, &result);
    if (!h)
        return result;
    if ((set.set & VFS_SET_SIZE) && !(h->flags & VFS_WRITE))
        return reply_status(s, id, SSH_FX_PERMISSION_DENIED,
                            "The file was not opened for writing");
    struct vfs *v = s->config.vfs;
    int error = h->kind == HANDLE_FILE ? v->ops->fsetattr(v, h->file, &set)
                                       : v->ops->dir_setattr(v, h->dir, &set);
    if (error == 0 && (set.set & VFS_SET_SIZE))
        hash_stop(s, h);
    return reply_handle_error(s, id, error, h);
}

/* ---- names made and removed ---- */

typedef int name_fn(struct vfs *v, const struct vfs_path *path);

static enum err
change_name(struct sftp_server *s, uint32_t id, enum sftp_audit_kind kind,
            struct bytes name, name_fn *act)
{
    const char *verb = kind == SFTP_AUDIT_REMOVE ? "remove" : "rmdir";
    struct vfs_path path;
    int error = server_path(s, name, &path);
    if (error == 0)
        error = act(s->config.vfs, &path);
    if (error == 0) {
        say_path(s, LOG_LEVEL_INFO, verb, vfs_path_bytes(&path));
        audit_change(s, kind, &path, NULL);
    }
    return reply_path_error(s, id, error, &path);
}

enum err
on_remove(struct sftp_server *s, uint32_t id, const void *msg)
{
    const struct sftp_msg_remove *m = msg;
    return change_name(s, id, SFTP_AUDIT_REMOVE, m->filename, s->config.vfs->ops->unlink);
}

enum err
on_rmdir(struct sftp_server *s, uint32_t id, const void *msg)
{
    const struct sftp_msg_rmdir *m = msg;
    return change_name(s, id, SFTP_AUDIT_RMDIR, m->path, s->config.vfs->ops->rmdir);
}

enum err
on_mkdir(struct sftp_server *s, uint32_t id, const void *msg)
{
    const struct sftp_msg_mkdir *m = msg;
    uint32_t mode =
        (m->attrs.flags & SFTP_ATTR_PERMISSIONS) ? m->attrs.permissions : 0777;
    struct vfs_path path;
    int error = server_path(s, m->path, &path);
    if (error == 0)
        error = s->config.vfs->ops->mkdir(s->config.vfs, &path, mode & 0777);
    if (error == 0) {
        say_path(s, LOG_LEVEL_INFO, "mkdir", vfs_path_bytes(&path));
        audit_change(s, SFTP_AUDIT_MKDIR, &path, NULL);
    }
    return reply_path_error(s, id, error, &path);
}

/* ---- two names ---- */

typedef int pair_fn(struct vfs *v, const struct vfs_path *a, const struct vfs_path *b);

static enum err
change_pair(struct sftp_server *s, uint32_t id, const char *verb, struct bytes from,
            struct bytes to, pair_fn *act)
{
    struct vfs_path a, b;
    int error = server_path(s, from, &a);
    if (error == 0)
        error = server_path(s, to, &b);
    if (error == 0)
        error = act(s->config.vfs, &a, &b);
    if (error == 0)
        say_paths(s, verb, vfs_path_bytes(&a), vfs_path_bytes(&b));
    if (error == 0 && act != s->config.vfs->ops->link)
        audit_change(s, SFTP_AUDIT_RENAME, &a, &b);
    return reply_path_error(s, id, error, &a);
}

enum err
on_rename(struct sftp_server *s, uint32_t id, const void *msg)
{
    const struct sftp_msg_rename *m = msg;
    return change_pair(s, id, "rename", m->oldpath, m->newpath,
                       s->config.vfs->ops->rename);
}

enum err
on_posix_rename(struct sftp_server *s, uint32_t id, const void *msg)
{
    const struct sftp_msg_ext_posix_rename *m = msg;
    return change_pair(s, id, "posix-rename", m->oldpath, m->newpath,
                       s->config.vfs->ops->rename_over);
}

enum err
on_hardlink(struct sftp_server *s, uint32_t id, const void *msg)
{
    const struct sftp_msg_ext_hardlink *m = msg;
    return change_pair(s, id, "hardlink", m->oldpath, m->newpath,
                       s->config.vfs->ops->link);
}

/* A link's text is kept as given, "../x" and "/x" too: it is confined when it is
 * followed, each time (threats P3). */
static int
link_text(struct bytes target, char text[VFS_PATH_MAX + 1])
{
    if (target.n == 0)
        return ENOENT;
    if (target.n > VFS_PATH_MAX)
        return ENAMETOOLONG;
    if (memchr(target.p, 0, target.n))
        return EINVAL;
    memcpy(text, target.p, target.n);
    text[target.n] = 0;
    return 0;
}

enum err
on_symlink(struct sftp_server *s, uint32_t id, const void *msg)
{
    const struct sftp_msg_symlink *m = msg;
    struct bytes target = s->sends_link_first ? m->second : m->first;
    struct bytes link = s->sends_link_first ? m->first : m->second;
    struct vfs_path path;
    char text[VFS_PATH_MAX + 1];
    vfs_path_root(&path);
    int error = link_text(target, text);
    if (error == 0)
        error = server_path(s, link, &path);
    if (error == 0)
        error = s->config.vfs->ops->symlink(s->config.vfs, text, &path);
    if (error == 0)
        say_paths(s, "symlink", target, vfs_path_bytes(&path));
    return reply_path_error(s, id, error, &path);
}
