/* Handlers on open files: READ and WRITE are the data path, doc/ARCHITECTURE.md 4. */
#include "sftp/server_impl.h"

#include <errno.h>
#include <stdio.h>

#include "wire/put.h"

_Static_assert((int)VFS_READ == SSH_FXF_READ && (int)VFS_WRITE == SSH_FXF_WRITE &&
                   (int)VFS_APPEND == SSH_FXF_APPEND &&
                   (int)VFS_CREATE == SSH_FXF_CREAT &&
                   (int)VFS_TRUNCATE == SSH_FXF_TRUNC &&
                   (int)VFS_EXCLUSIVE == SSH_FXF_EXCL,
               "pflags are handed to the vfs as they are");

enum { PFLAGS_KNOWN = 0x3f };

/* ---- handles ---- */

int
handle_note(struct handle *h, int error)
{
    if (h->error == 0)
        h->error = error;
    return error;
}

struct handle *
server_any_handle(struct sftp_server *s, uint32_t id, struct bytes wire, enum err *result)
{
    struct handle *h = handle_find(&s->handles, wire);
    if (!h)
        *result = reply_status(s, id, SSH_FX_FAILURE,
                               "No file or directory is open under that handle");
    return h;
}

struct handle *
server_handle(struct sftp_server *s, uint32_t id, struct bytes wire,
              enum handle_kind kind, enum err *result)
{
    struct handle *h = server_any_handle(s, id, wire, result);
    if (!h || h->kind == kind)
        return h;
    *result =
        reply_status(s, id, SSH_FX_FAILURE,
                     kind == HANDLE_FILE ? "The handle is a directory's, not a file's"
                                         : "The handle is a file's, not a directory's");
    return NULL;
}

static int
close_held(struct sftp_server *s, const struct handle *h)
{
    struct vfs *v = s->config.vfs;
    if (h->kind == HANDLE_FILE)
        return v->ops->close(v, h->file);
    v->ops->closedir(v, h->dir);
    return 0;
}

enum err
server_hand_out(struct sftp_server *s, uint32_t id, const struct vfs_path *path,
                const struct handle *opened)
{
    struct handle *h;
    int error = handle_new(&s->handles, s->config.rand, path, &h);
    if (error != 0) {
        (void)close_held(s, opened); /* nothing was written: nothing to lose */
        return reply_error(s, id, error);
    }
    h->kind = opened->kind;
    if (h->kind == HANDLE_FILE)
        h->file = opened->file;
    else
        h->dir = opened->dir;
    h->flags = opened->flags;
    h->opened_at = s->config.host->now(s->config.host->ctx);
    uint8_t wire[HANDLE_LEN];
    handle_wire(h, wire);
    struct sftp_msg_handle msg = {.id = id, .handle = bytes_of(wire, sizeof wire)};
    msg_put(&sftp_msgs[SFTP_HANDLE], reply_begin(s), &msg);
    return reply_end(s);
}

/* One line a file at its end, unless an audit hook says it better. */
static void
say_closed(struct sftp_server *s, const struct handle *h)
{
    if (h->kind == HANDLE_DIR || !s->config.log)
        return;
    struct buf path;
    buf_init(&path, 4 * VFS_PATH_MAX + 8);
    text_escape(&path, bytes_of(h->path, h->path_len), 0);
    log_line(s->config.log, LOG_LEVEL_INFO, "close \"%.*s\" bytes read %llu written %llu",
             (int)path.n, path.n ? (const char *)path.p : "",
             (unsigned long long)h->n_read, (unsigned long long)h->n_written);
    buf_clear(&path);
}

static void
audit_closed(struct sftp_server *s, const struct handle *h, bool left_open)
{
    struct sftp_audit use = {
        .path = bytes_of(h->path, h->path_len),
        .flags = h->flags,
        .n_read = h->n_read,
        .n_written = h->n_written,
        .seconds = s->config.host->now(s->config.host->ctx) - h->opened_at,
        .error = h->error,
        .was_left_open = left_open,
    };
    s->config.audit(s->config.audit_ctx, &use);
}

int
server_close_handle(struct sftp_server *s, struct handle *h, bool left_open)
{
    int error = handle_note(h, close_held(s, h));
    if (error == 0)
        error = h->sync_error;
    if (s->config.audit)
        audit_closed(s, h, left_open);
    else
        say_closed(s, h);
    handle_free(&s->handles, h);
    return error;
}

enum err
on_close(struct sftp_server *s, uint32_t id, const void *msg)
{
    const struct sftp_msg_close *m = msg;
    enum err result;
    struct handle *h = server_any_handle(s, id, m->handle, &result);
    return h ? reply_error(s, id, server_close_handle(s, h, false)) : result;
}

/* ---- OPEN ---- */

static void
say_open(struct sftp_server *s, const struct vfs_path *path, unsigned flags)
{
    static const char *const words[] = {"READ",   "WRITE",    "APPEND",
                                        "CREATE", "TRUNCATE", "EXCL"};
    char verb[64] = "open";
    size_t n = strlen(verb);
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (flags >> i & 1)
            n += (size_t)snprintf(verb + n, sizeof verb - n, " %s", words[i]);
    say_path(s, LOG_LEVEL_VERBOSE, verb, vfs_path_bytes(path));
}

enum err
on_open(struct sftp_server *s, uint32_t id, const void *msg)
{
    const struct sftp_msg_open *m = msg;
    unsigned flags = m->pflags & PFLAGS_KNOWN;
    if ((flags & (VFS_READ | VFS_WRITE)) == 0)
        flags |= VFS_READ; /* OpenSSH takes it so */
    if (s->config.is_read_only && flags != VFS_READ)
        return reply_error(s, id, VFS_ERR_READ_ONLY);
    uint32_t mode =
        (m->attrs.flags & SFTP_ATTR_PERMISSIONS) ? m->attrs.permissions : 0666;
    struct vfs_path path;
    int error = server_path(s, m->filename, &path);
    if (error != 0)
        return reply_error(s, id, error);
    struct handle opened = {.kind = HANDLE_FILE, .flags = flags};
    struct vfs *v = s->config.vfs;
    error = v->ops->open(v, &path, flags, mode & 0777, &opened.file);
    if (error != 0)
        return reply_error(s, id, error);
    say_open(s, &path, flags);
    return server_hand_out(s, id, &path, &opened);
}

/* ---- READ ---- */

enum { DATA_HEAD_LEN = 4 + 1 + 4 + 4 }; /* length, type, id, length of the data */

bool
range_is_possible(uint64_t offset, uint64_t len)
{
    return offset <= INT64_MAX && len <= INT64_MAX - offset;
}

/* Let the vfs fill the stream's holes. ERR_LIMIT: no room, nothing was done. */
static enum err
send_data(struct sftp_server *s, uint32_t id, struct handle *h, uint64_t offset,
          size_t want)
{
    struct iovec holes[STREAM_HOLES_MAX];
    int n_holes = STREAM_HOLES_MAX;
    enum err e = stream_reserve(s->out, DATA_HEAD_LEN, want, holes, &n_holes);
    if (e != ERR_NONE)
        return e;
    size_t got = 0;
    struct vfs *v = s->config.vfs;
    int error = v->ops->preadv(v, h->file, holes, n_holes, offset, &got);
    if (error != 0 || got == 0) {
        stream_abandon(s->out);
        return error != 0 ? reply_error(s, id, handle_note(h, error))
                          : reply_status(s, id, SSH_FX_EOF, "End of file");
    }
    h->n_read += got;
    uint8_t head[DATA_HEAD_LEN];
    store_u32(head, (uint32_t)(DATA_HEAD_LEN - 4 + got));
    head[4] = SSH_FXP_DATA;
    store_u32(head + 5, id);
    store_u32(head + 9, (uint32_t)got);
    log_trace(s->config.log, TRACE_SFTP, "> DATA id=%u data=[%zu octets]", id, got);
    return stream_commit(s->out, bytes_of(head, sizeof head), got);
}

enum err
on_read(struct sftp_server *s, uint32_t id, const void *msg)
{
    const struct sftp_msg_read *m = msg;
    enum err result;
    struct handle *h = server_handle(s, id, m->handle, HANDLE_FILE, &result);
    if (!h)
        return result;
    if (!(h->flags & VFS_READ))
        return reply_status(s, id, SSH_FX_PERMISSION_DENIED,
                            "The file was not opened for reading");
    size_t want = m->len < SFTP_DATA_MAX ? m->len : SFTP_DATA_MAX;
    if (!range_is_possible(m->offset, want))
        return reply_error(s, id, EOVERFLOW);
    if (want == 0)
        return reply_status(s, id, SSH_FX_EOF, "Nothing was asked for");
    return send_data(s, id, h, m->offset, want);
}

/* ---- WRITE ---- */

/* The head is here; s->frame_left octets of the frame follow it. */
enum err
on_write(struct sftp_server *s, uint32_t id, const void *msg)
{
    const struct sftp_msg_write *m = msg;
    s->body = (struct write_body){0};
    if (m->data > s->frame_left)
        return reply_status(s, id, SSH_FX_BAD_MESSAGE,
                            "The write request ends before its data does");
    enum err result;
    struct handle *h = server_handle(s, id, m->handle, HANDLE_FILE, &result);
    if (!h)
        return result;
    if (!(h->flags & VFS_WRITE))
        return reply_status(s, id, SSH_FX_PERMISSION_DENIED,
                            "The file was not opened for writing");
    if (m->data > SFTP_DATA_MAX)
        return reply_status(s, id, SSH_FX_BAD_MESSAGE,
                            "A write request carries at most 261120 octets");
    if (!range_is_possible(m->offset, m->data))
        return reply_error(s, id, handle_note(h, EOVERFLOW));
    if (m->data == 0)
        return reply_error(s, id, 0);
    s->body =
        (struct write_body){.to = h, .id = id, .left = m->data, .offset = m->offset};
    return ERR_NONE;
}

enum err
write_body_take(struct sftp_server *s, struct bytes slice)
{
    struct write_body *body = &s->body;
    if (!body->to)
        return ERR_NONE; /* refused, or octets behind the data: skipped */
    struct bytes data = bytes_first(slice, body->left);
    struct vfs *v = s->config.vfs;
    if (body->error == 0)
        body->error = v->ops->pwrite(v, body->to->file, data, body->offset);
    if (body->error == 0)
        body->to->n_written += data.n;
    body->offset += data.n;
    body->left -= (uint32_t)data.n;
    if (body->left != 0)
        return ERR_NONE;
    struct write_body done = *body;
    *body = (struct write_body){0};
    return reply_error(s, done.id, handle_note(done.to, done.error));
}

/* ---- attributes and the rest ---- */

enum err
on_fstat(struct sftp_server *s, uint32_t id, const void *msg)
{
    const struct sftp_msg_fstat *m = msg;
    enum err result;
    struct handle *h = server_any_handle(s, id, m->handle, &result);
    if (!h)
        return result;
    struct vfs *v = s->config.vfs;
    struct vfs_stat st;
    int error = h->kind == HANDLE_FILE ? v->ops->fstat(v, h->file, &st)
                                       : v->ops->dir_stat(v, h->dir, &st);
    return error != 0 ? reply_error(s, id, error) : reply_attrs(s, id, &st);
}

enum err
on_fstatvfs(struct sftp_server *s, uint32_t id, const void *msg)
{
    const struct sftp_msg_ext_handle *m = msg;
    enum err result;
    struct handle *h = server_any_handle(s, id, m->handle, &result);
    if (!h)
        return result;
    struct vfs *v = s->config.vfs;
    struct vfs_statvfs st;
    int error = h->kind == HANDLE_FILE ? v->ops->fstatvfs(v, h->file, &st)
                                       : v->ops->dir_statvfs(v, h->dir, &st);
    return error != 0 ? reply_error(s, id, error) : reply_statvfs(s, id, &st);
}

enum err
on_fsync(struct sftp_server *s, uint32_t id, const void *msg)
{
    const struct sftp_msg_ext_handle *m = msg;
    enum err result;
    struct handle *h = server_any_handle(s, id, m->handle, &result);
    if (!h)
        return result;
    if (h->kind == HANDLE_DIR)
        return reply_status(s, id, SSH_FX_OP_UNSUPPORTED,
                            "Only files are forced to the disk");
    struct vfs *v = s->config.vfs;
    /* The system forgets what it failed to write: asking again would lie. */
    if (h->sync_error == 0)
        h->sync_error = handle_note(h, v->ops->fsync(v, h->file));
    return reply_error(s, id, h->sync_error);
}
