/* Extensions that ask about the server and its accounts. */
#include "sftp/server_impl.h"

#include <errno.h>

#include "wire/put.h"

enum err
on_limits(struct sftp_server *s, uint32_t id, const void *msg)
{
    (void)msg;
    /* OpenSSH's own figures. Clients of OpenSSH 8.x to 9.1 take larger ones at
     * their word and then die of "Outbound message too long". */
    struct sftp_msg_extended_reply head = {.id = id};
    struct sftp_msg_ext_limits_reply limits = {
        .max_packet_length = SFTP_MESSAGE_MAX,
        .max_read_length = SFTP_DATA_MAX,
        .max_write_length = SFTP_DATA_MAX,
        .max_open_handles = SFTP_HANDLES_MAX,
    };
    struct buf *b = reply_begin(s);
    msg_put(&sftp_msgs[SFTP_EXTENDED_REPLY], b, &head);
    msg_put(&sftp_msgs[SFTP_EXT_LIMITS_REPLY], b, &limits);
    return reply_end(s);
}

/* ---- homes ---- */

/* "" is the own account. Others only where the host tells them (threats P13). */
static bool
find_home(struct sftp_server *s, struct bytes user, struct vfs_path *home)
{
    const struct sftp_host *host = s->config.host;
    if (user.n == 0 || bytes_eq_str(user, s->user)) {
        *home = s->home;
        return true;
    }
    return host->home_of && host->home_of(host->ctx, user, home);
}

static enum err
refuse_user(struct sftp_server *s, uint32_t id)
{
    return reply_status(s, id, SSH_FX_NO_SUCH_FILE,
                        "No account of that name is known here");
}

enum err
on_home_directory(struct sftp_server *s, uint32_t id, const void *msg)
{
    const struct sftp_msg_ext_home_directory *m = msg;
    struct vfs_path home;
    if (!find_home(s, m->user, &home))
        return refuse_user(s, id);
    return reply_one_name(s, id, vfs_path_bytes(&home));
}

/* "~", "~/x", "~user", "~user/x", or any other path. False: no such user. */
static bool
expand(struct sftp_server *s, struct bytes name, struct vfs_path *path, int *error)
{
    if (name.n == 0 || name.p[0] != '~') {
        *error = server_path(s, name, path);
        return true;
    }
    const uint8_t *slash = memchr(name.p, '/', name.n);
    size_t end = slash ? (size_t)(slash - name.p) : name.n;
    struct vfs_path home;
    if (!find_home(s, bytes_skip(bytes_first(name, end), 1), &home))
        return false;
    *error = vfs_path_parse(path, &home, bytes_skip(name, end + 1));
    return true;
}

enum err
on_expand_path(struct sftp_server *s, uint32_t id, const void *msg)
{
    const struct sftp_msg_ext_path *m = msg;
    struct vfs_path path;
    int error;
    if (!expand(s, m->path, &path, &error))
        return refuse_user(s, id);
    if (error == 0)
        error = s->config.vfs->ops->realpath(s->config.vfs, &path, &path);
    return error != 0 ? reply_path_error(s, id, error, &path)
                      : reply_one_name(s, id, vfs_path_bytes(&path));
}

/* ---- users-groups-by-id ---- */

typedef const struct owner *owner_fn(struct owners *o, uint32_t id);

/* A string of strings: the names in the ids' order, "" for unknown ones. */
static void
put_owner_names(struct sftp_server *s, struct buf *b, struct bytes ids, owner_fn *look_up)
{
    size_t mark = put_string_begin(b);
    struct cursor c = cursor_of(ids);
    while (cursor_left(&c) != 0 && buf_err(b) == ERR_NONE) {
        const struct owner *o = look_up(&s->owners, cursor_u32(&c));
        put_string(b, bytes_of(o->name, o->is_known ? o->name_len : 0));
    }
    put_string_end(b, mark);
}

enum err
on_users_groups(struct sftp_server *s, uint32_t id, const void *msg)
{
    const struct sftp_msg_ext_users_groups *m = msg;
    if (m->uids.n % 4 != 0 || m->gids.n % 4 != 0)
        return reply_status(s, id, SSH_FX_BAD_MESSAGE,
                            "The lists of ids are not made of 4-octet numbers");
    struct sftp_msg_extended_reply head = {.id = id};
    struct buf *b = reply_begin(s);
    msg_put(&sftp_msgs[SFTP_EXTENDED_REPLY], b, &head);
    put_owner_names(s, b, m->uids, owners_user);
    put_owner_names(s, b, m->gids, owners_group);
    if (buf_err(b) == ERR_LIMIT)
        return reply_status(s, id, SSH_FX_FAILURE,
                            "The names would not fit into one reply: ask for fewer ids");
    return reply_end(s);
}
