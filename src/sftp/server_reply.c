/* Replies of the server: built in one buffer, sent with their length in front. */
#include "sftp/server_impl.h"

#include "wire/put.h"

enum { LENGTH_LEN = 4 };

struct buf *
reply_begin(struct sftp_server *s)
{
    buf_reset(&s->reply);
    put_u32(&s->reply, 0);
    return &s->reply;
}

static void
trace_reply(struct sftp_server *s, struct bytes payload)
{
    for (size_t i = 0; i < SFTP_MSG_COUNT; i++) {
        if (sftp_msgs[i].number == 0 || sftp_msgs[i].number != payload.p[0])
            continue;
        struct buf line;
        buf_init(&line, 1024);
        msg_print_wire(&sftp_msgs[i], &line, payload);
        log_trace(s->config.log, TRACE_SFTP, "> %.*s", (int)line.n, (const char *)line.p);
        buf_clear(&line);
        return;
    }
}

enum err
reply_end(struct sftp_server *s)
{
    struct buf *b = &s->reply;
    if (buf_err(b) == ERR_NOMEM)
        return fault_set(&s->fault, ERR_NOMEM, 0, "no memory for an SFTP reply");
    if (buf_err(b) != ERR_NONE)
        return fault_set(&s->fault, ERR_BUG, 0, "an SFTP reply outgrew its bound");
    store_u32(b->p, (uint32_t)(b->n - LENGTH_LEN));
    if (log_wants(s->config.log, TRACE_SFTP))
        trace_reply(s, bytes_skip(buf_bytes(b), LENGTH_LEN));
    return stream_write(s->out, buf_bytes(b));
}

enum err
reply_status(struct sftp_server *s, uint32_t id, enum ssh_fx code, const char *text)
{
    struct sftp_msg_status msg = {.id = id, .code = code};
    struct buf *b = reply_begin(s);
    msg_put(&sftp_msgs[SFTP_STATUS], b, &msg);
    put_cstring(b, text);
    put_cstring(b, "en");
    if (code != SSH_FX_OK && code != SSH_FX_EOF)
        log_line(s->config.log, LOG_LEVEL_VERBOSE, "sent status %u: %s", code, text);
    return reply_end(s);
}

enum err
reply_error(struct sftp_server *s, uint32_t id, int error)
{
    struct sftp_failure f = sftp_failure_of(error);
    const char *rule = refusal_of(s, error);
    return reply_status(s, id, f.code, *rule ? rule : f.text);
}

enum err
reply_path_error(struct sftp_server *s, uint32_t id, int error,
                 const struct vfs_path *path)
{
    if (error != 0)
        audit_refusal(s, error, refusal_of(s, error), vfs_path_bytes(path));
    return reply_error(s, id, error);
}

/* Of a failure that sticks, the sentence of the first time is told. */
enum err
reply_handle_error(struct sftp_server *s, uint32_t id, int error, struct handle *h)
{
    handle_note(s, h, error);
    if (error == 0 || error != h->error || !h->why)
        return reply_error(s, id, error);
    return reply_status(s, id, sftp_failure_of(error).code, h->why);
}

/* Version 3 has unsigned 32-bit seconds: what lies outside is clamped. */
static uint32_t
seconds_of(int64_t t)
{
    return t < 0 ? 0 : t > UINT32_MAX ? UINT32_MAX : (uint32_t)t;
}

struct sftp_attrs
attrs_of_stat(const struct vfs_stat *st)
{
    return (struct sftp_attrs){
        .flags = SFTP_ATTR_SIZE | SFTP_ATTR_UIDGID | SFTP_ATTR_PERMISSIONS |
                 SFTP_ATTR_ACMODTIME,
        .size = st->size,
        .uid = st->uid,
        .gid = st->gid,
        .permissions = st->mode,
        .atime = seconds_of(st->atime),
        .mtime = seconds_of(st->mtime),
    };
}

enum err
reply_attrs(struct sftp_server *s, uint32_t id, const struct vfs_stat *st)
{
    struct sftp_msg_attrs msg = {.id = id, .attrs = attrs_of_stat(st)};
    msg_put(&sftp_msgs[SFTP_ATTRS], reply_begin(s), &msg);
    return reply_end(s);
}

enum err
reply_one_name(struct sftp_server *s, uint32_t id, struct bytes name)
{
    struct sftp_msg_name msg = {.id = id, .count = 1};
    struct sftp_attrs none = {0};
    struct buf *b = reply_begin(s);
    msg_put(&sftp_msgs[SFTP_NAME], b, &msg);
    put_string(b, name);
    put_string(b, name);
    put_attrs(b, &none);
    return reply_end(s);
}

enum err
reply_statvfs(struct sftp_server *s, uint32_t id, const struct vfs_statvfs *st)
{
    enum { FLAG_READ_ONLY = 1, FLAG_NOSUID = 2 };
    struct sftp_msg_extended_reply msg = {.id = id};
    struct sftp_msg_ext_statvfs_reply fields = {
        .bsize = st->bsize,
        .frsize = st->frsize,
        .blocks = st->blocks,
        .bfree = st->bfree,
        .bavail = st->bavail,
        .files = st->files,
        .ffree = st->ffree,
        .favail = st->favail,
        .fsid = st->fsid,
        .flag =
            (st->is_read_only ? FLAG_READ_ONLY : 0U) | (st->is_nosuid ? FLAG_NOSUID : 0U),
        .namemax = st->namemax,
    };
    struct buf *b = reply_begin(s);
    msg_put(&sftp_msgs[SFTP_EXTENDED_REPLY], b, &msg);
    msg_put(&sftp_msgs[SFTP_EXT_STATVFS_REPLY], b, &fields);
    return reply_end(s);
}

/* ---- the log ---- */

void
say_path(struct sftp_server *s, enum log_level level, const char *verb, struct bytes path)
{
    if (!s->config.log)
        return;
    struct buf text;
    buf_init(&text, 4 * VFS_PATH_MAX + 8);
    text_escape(&text, path, 0);
    log_line(s->config.log, level, "%s \"%.*s\"", verb, (int)text.n,
             text.n ? (const char *)text.p : "");
    buf_clear(&text);
}

void
say_paths(struct sftp_server *s, const char *verb, struct bytes from, struct bytes to)
{
    if (!s->config.log)
        return;
    struct buf a, b;
    buf_init(&a, 4 * VFS_PATH_MAX + 8);
    buf_init(&b, 4 * VFS_PATH_MAX + 8);
    text_escape(&a, from, 0);
    text_escape(&b, to, 0);
    log_line(s->config.log, LOG_LEVEL_INFO, "%s old \"%.*s\" new \"%.*s\"", verb,
             (int)a.n, a.n ? (const char *)a.p : "", (int)b.n,
             b.n ? (const char *)b.p : "");
    buf_clear(&a);
    buf_clear(&b);
}
