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
handle_note(struct sftp_server *s, struct handle *h, int error)
{
    if (error == 0 || h->error != 0)
        return error;
    const char *rule = refusal_of(s, error);
    h->error = error;
    h->why = *rule ? strdup(rule) : NULL; /* no memory: the general sentence */
    audit_refusal(s, error, rule, bytes_of(h->path, h->path_len));
    return error;
}

struct handle *
server_any_handle(struct sftp_server *s, uint32_t id, struct bytes wire, enum err *result)
{
    struct handle *h = handle_find(&s->handles, wire);
    s->current = h ? h : s->current;
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

/* What the vfs opened and nobody will use: no upload has begun. */
static void
abandon_opened(struct sftp_server *s, const struct handle *h)
{
    struct vfs *v = s->config.vfs;
    if (h->kind == HANDLE_FILE)
        v->ops->abandon(v, h->file);
    else
        v->ops->closedir(v, h->dir);
}

static int
close_held(struct sftp_server *s, const struct handle *h, bool left_open)
{
    struct vfs *v = s->config.vfs;
    if (h->kind == HANDLE_FILE && !left_open)
        return v->ops->close(v, h->file);
    abandon_opened(s, h);
    return 0;
}

enum err
server_hand_out(struct sftp_server *s, uint32_t id, const struct vfs_path *path,
                const struct handle *opened)
{
    struct handle *h;
    int error = handle_new(&s->handles, s->config.rand, path, &h);
    if (error != 0) {
        abandon_opened(s, opened);
        return reply_error(s, id, error);
    }
    h->kind = opened->kind;
    if (h->kind == HANDLE_FILE)
        h->file = opened->file;
    else
        h->dir = opened->dir;
    h->flags = opened->flags;
    h->size = opened->size;
    s->current = h;
    s->current_offset = 0;
    s->counts.n_files += h->kind == HANDLE_FILE;
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

/* The file as it is at the end, and its digest if that is known. */
static bool
look_at_end(struct sftp_server *s, struct handle *h, struct vfs_stat *st)
{
    struct vfs *v = s->config.vfs;
    if (h->kind == HANDLE_DIR || v->ops->fstat(v, h->file, st) != 0)
        return false;
    (void)hash_end(s, h, st->size);
    return true;
}

int
server_close_handle(struct sftp_server *s, struct handle *h, bool left_open)
{
    struct vfs_stat st;
    bool is_known = look_at_end(s, h, &st);
    int error = handle_note(s, h, close_held(s, h, left_open));
    if (h->write_error != 0)
        error = h->write_error;
    else if (error == 0)
        error = h->sync_error;
    if (h->hash_state == HASH_ENDED && h->error == 0 && !left_open)
        hash_keep(s, h, &st);
    if (s->config.audit)
        audit_closed(s, h, is_known ? &st : NULL, left_open);
    else
        say_closed(s, h);
    hash_stop(s, h);
    if (s->current == h)
        s->current = NULL;
    return error;
}

enum err
on_close(struct sftp_server *s, uint32_t id, const void *msg)
{
    const struct sftp_msg_close *m = msg;
    enum err result;
    struct handle *h = server_any_handle(s, id, m->handle, &result);
    if (!h)
        return result;
    int error = server_close_handle(s, h, false);
    result = reply_handle_error(s, id, error, h);
    handle_free(&s->handles, h);
    return result;
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
    uint32_t mode =
        (m->attrs.flags & SFTP_ATTR_PERMISSIONS) ? m->attrs.permissions : 0666;
    struct vfs_path path;
    int error = server_path(s, m->filename, &path);
    if (error == 0 && s->config.is_read_only && flags != VFS_READ)
        error = VFS_ERR_READ_ONLY;
    struct handle opened = {.kind = HANDLE_FILE, .flags = flags};
    struct vfs *v = s->config.vfs;
    if (error == 0)
        error = v->ops->open(v, &path, flags, mode & 0777, &opened.file);
    if (error != 0)
        return reply_path_error(s, id, error, &path);
    struct vfs_stat st;
    if (flags == VFS_READ && v->ops->fstat(v, opened.file, &st) == 0)
        opened.size = st.size;
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
        return error != 0 ? reply_handle_error(s, id, error, h)
                          : reply_status(s, id, SSH_FX_EOF, "End of file");
    }
    h->n_read += got;
    s->counts.octets_out += got;
    s->current_offset = offset + got;
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
        return reply_handle_error(s, id, EOVERFLOW, h);
    if (h->write_error != 0)
        return reply_handle_error(s, id, h->write_error, h);
    if (m->data == 0)
        return reply_error(s, id, 0);
    s->body =
        (struct write_body){.to = h, .id = id, .left = m->data, .offset = m->offset};
    return ERR_NONE;
}

static void
count_written(struct sftp_server *s, struct handle *h, uint64_t offset, struct bytes data)
{
    h->n_written += data.n;
    s->counts.octets_in += data.n;
    s->current_offset = offset + data.n;
    hash_written(s, h, offset, data);
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
        count_written(s, body->to, body->offset, data);
    else
        handle_note(s, body->to, body->error);
    body->offset += data.n;
    body->left -= (uint32_t)data.n;
    if (body->left != 0)
        return ERR_NONE;
    struct write_body done = *body;
    *body = (struct write_body){0};
    if (done.error == 0)
        return reply_error(s, done.id, 0);
    done.to->write_error = done.error;
    return reply_handle_error(s, done.id, done.error, done.to);
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
        h->sync_error = handle_note(s, h, v->ops->fsync(v, h->file));
    return reply_error(s, id, h->sync_error);
}
