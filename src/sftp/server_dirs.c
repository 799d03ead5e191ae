/* Listings: OPENDIR and READDIR. Nothing is held but the vfs's own batch (R7). */
#include "sftp/server_impl.h"

#include "sftp/longname.h"
#include "wire/put.h"

enum {
    NAMES_REPLY_MAX = 64000, /* octets: every client seen takes 64 KiB (threats R7) */
    ENTRY_MAX = 4 + VFS_COMPONENT_MAX + 4 + LONGNAME_MAX + 32,
};

enum err
on_opendir(struct sftp_server *s, uint32_t id, const void *msg)
{
    const struct sftp_msg_opendir *m = msg;
    struct vfs_path path;
    int error = server_path(s, m->path, &path);
    struct handle opened = {.kind = HANDLE_DIR};
    struct vfs *v = s->config.vfs;
    if (error == 0)
        error = v->ops->opendir(v, &path, &opened.dir);
    if (error != 0)
        return reply_path_error(s, id, error, &path);
    say_path(s, LOG_LEVEL_VERBOSE, "opendir", vfs_path_bytes(&path));
    return server_hand_out(s, id, &path, &opened);
}

static void
put_entry(struct sftp_server *s, struct buf *b, const struct vfs_entry *entry,
          int64_t now)
{
    put_string(b, entry->name);
    size_t mark = put_string_begin(b);
    longname_put(b, entry, &s->owners, now);
    put_string_end(b, mark);
    struct sftp_attrs attrs = attrs_of_stat(&entry->stat);
    put_attrs(b, &attrs);
}

/* Names until the reply is full or the directory ends. Returns how many; *error:
 * why there are no more, 0 at the end. */
static uint32_t
put_entries(struct sftp_server *s, struct handle *h, struct buf *b, int *error)
{
    struct vfs *v = s->config.vfs;
    int64_t now = s->config.host->now(s->config.host->ctx);
    uint32_t count = 0;
    while (b->n + ENTRY_MAX <= NAMES_REPLY_MAX) {
        struct vfs_entry entry;
        *error = v->ops->readdir(v, h->dir, &entry);
        if (*error != 0 || entry.name.n == 0)
            break;
        put_entry(s, b, &entry, now);
        count++;
    }
    return count;
}

enum err
on_readdir(struct sftp_server *s, uint32_t id, const void *msg)
{
    const struct sftp_msg_readdir *m = msg;
    enum err result;
    struct handle *h = server_handle(s, id, m->handle, HANDLE_DIR, &result);
    if (!h)
        return result;
    struct buf *b = reply_begin(s);
    struct sftp_msg_name head = {.id = id};
    msg_put(&sftp_msgs[SFTP_NAME], b, &head);
    size_t names_at = b->n;
    int error = 0;
    uint32_t count = put_entries(s, h, b, &error);
    /* Names that were read are told even when the next failed: the client asks
     * again and meets the failure then. Never a NAME with none: some stop there. */
    if (count == 0)
        return error != 0 ? reply_handle_error(s, id, error, h)
                          : reply_status(s, id, SSH_FX_EOF, "No more names");
    if (buf_err(b) == ERR_NONE)
        store_u32(b->p + names_at - 4, count);
    h->n_read += count;
    return reply_end(s);
}
