/*
 * Frames: which octets make a request, and when it may run.
 *
 * A request that lies in one slice is run from there. One that is cut by the
 * slice's end is gathered in `head`, of a WRITE only what comes before the data;
 * the data goes on to the vfs as it arrives. Nothing is taken while the stream
 * has no room, so whoever does not read the replies is not served (threats R6).
 */
#include "sftp/server_impl.h"

#include <stdlib.h>

#include "wire/put.h"

enum {
    LENGTH_LEN = 4,
    ID_END = 1 + 4,                /* type, id */
    WRITE_HANDLE_END = ID_END + 4, /* ... length of the handle */
    WRITE_TAIL_LEN = 8 + 4,        /* offset, length of the data */
    HANDLE_LEN_MAX = 256,          /* the draft's bound; ours are 12 */
    HEAD_KEEP = 16 << 10,          /* octets that an idle server may hold */
    REPLY_MAX = LENGTH_LEN + SFTP_MESSAGE_MAX,
};

/* ---- one slice's unread part, and what was gathered before it ---- */

/*
 * The first `need` octets of this frame in one piece: *view, borrowed until the
 * next call. False: they have not all come; what came is gathered.
 */
static bool
gather(struct sftp_server *s, struct bytes *in, size_t need, struct bytes *view)
{
    if (s->head.n == 0 && in->n >= need) {
        *view = bytes_first(*in, need);
        return true;
    }
    if (s->head.n < need) {
        struct bytes part = bytes_first(*in, need - s->head.n);
        buf_put(&s->head, part);
        *in = bytes_skip(*in, part.n);
    }
    *view = bytes_first(buf_bytes(&s->head), need);
    return s->head.n >= need;
}

/* The first n octets of the frame, which are in one piece, have been handled. */
static void
consume(struct sftp_server *s, struct bytes *in, size_t n)
{
    if (s->head.n == 0) {
        *in = bytes_skip(*in, n);
        return;
    }
    buf_reset(&s->head);
    if (s->head.cap > HEAD_KEEP)
        buf_clear(&s->head);
}

/* ---- requests ---- */

static enum err
start(struct sftp_server *s, struct bytes payload)
{
    struct cursor c = cursor_of(payload);
    struct sftp_msg_init init;
    uint8_t type = cursor_u8(&c);
    if (type != SSH_FXP_INIT)
        return fault_set(&s->fault, ERR_PROTO, 0, "SFTP message %u came before INIT",
                         type);
    if (!msg_get(&sftp_msgs[SFTP_INIT], &c, &init))
        return fault_set(&s->fault, ERR_PROTO, 0, "the SFTP INIT message is malformed");
    /* 3 whatever was asked: older clients were never seen, newer ones step down. */
    struct sftp_msg_version version = {.version = 3};
    struct buf *b = reply_begin(s);
    msg_put(&sftp_msgs[SFTP_VERSION], b, &version);
    request_put_extensions(s, b);
    s->is_started = true;
    log_line(s->config.log, LOG_LEVEL_VERBOSE, "SFTP version 3, client asked for %u",
             init.version);
    return reply_end(s);
}

static enum err
run(struct sftp_server *s, struct bytes payload)
{
    if (!s->is_started)
        return start(s, payload);
    if (payload.p[0] == SSH_FXP_INIT)
        return fault_set(&s->fault, ERR_PROTO, 0, "SFTP INIT came twice");
    enum err e = request_dispatch(s, payload);
    s->counts.n_requests += e != ERR_LIMIT; /* otherwise it comes again */
    return e;
}

/*
 * How many of the frame's octets the request takes before it runs: all, or of a
 * WRITE those before the data. Needs the first `known` octets of the payload;
 * answers with more than that when they do not tell.
 */
static size_t
head_len(struct bytes known, size_t frame_len)
{
    if (known.p[0] != SSH_FXP_WRITE || frame_len < WRITE_HANDLE_END)
        return frame_len;
    if (known.n < WRITE_HANDLE_END)
        return WRITE_HANDLE_END;
    struct cursor c = cursor_of(bytes_skip(known, ID_END));
    size_t handle_len = cursor_u32(&c);
    size_t room = frame_len - WRITE_HANDLE_END;
    if (handle_len > HANDLE_LEN_MAX || handle_len + WRITE_TAIL_LEN > room)
        return WRITE_HANDLE_END; /* malformed: decoding will say so */
    return WRITE_HANDLE_END + handle_len + WRITE_TAIL_LEN;
}

/* False: more octets must come, or the stream has no room, or *result failed. */
static bool
take_request(struct sftp_server *s, struct bytes *in, enum err *result)
{
    struct bytes view;
    if (!gather(s, in, LENGTH_LEN, &view))
        return false;
    struct cursor c = cursor_of(view);
    uint32_t frame_len = cursor_u32(&c);
    if (frame_len < 1 || frame_len > SFTP_MESSAGE_MAX) {
        *result = fault_set(&s->fault, ERR_PROTO, 0,
                            "an SFTP message announces %u octets, not 1 to %u", frame_len,
                            SFTP_MESSAGE_MAX);
        return false;
    }
    size_t known = 0, need = 1;
    while (known != need) {
        known = need;
        if (!gather(s, in, LENGTH_LEN + known, &view))
            return false;
        need = head_len(bytes_skip(view, LENGTH_LEN), frame_len);
    }
    s->is_waiting = s->head.n != 0;
    if (!stream_has_room(s->out))
        return false;
    s->frame_left = frame_len - (uint32_t)need;
    *result = run(s, bytes_skip(view, LENGTH_LEN));
    if (*result == ERR_LIMIT) { /* no room after all: it will be run again */
        *result = ERR_NONE;
        s->frame_left = 0;
        return false;
    }
    s->is_waiting = false;
    consume(s, in, LENGTH_LEN + need);
    return *result == ERR_NONE;
}

/* What is left of a WRITE: its data, then what the frame holds behind it. */
static bool
take_body(struct sftp_server *s, struct bytes *in, enum err *result)
{
    struct bytes part = bytes_first(*in, s->frame_left);
    if (part.n == 0)
        return false;
    *in = bytes_skip(*in, part.n);
    s->frame_left -= (uint32_t)part.n;
    *result = write_body_take(s, part);
    return *result == ERR_NONE;
}

/* A step of a long request, after which the caller gets its turn. */
static bool
advance_job(struct sftp_server *s, const struct bytes *in, enum err *result)
{
    if (stream_has_room(s->out))
        *result = s->job.step(s);
    s->is_waiting = in->n != 0;
    return false;
}

/* One step of what is to be done next; false: enough for this call. */
static bool
advance(struct sftp_server *s, struct bytes *in, enum err *result)
{
    if (s->job.step)
        return advance_job(s, in, result);
    return s->frame_left != 0 ? take_body(s, in, result) : take_request(s, in, result);
}

enum err
sftp_server_input(struct sftp_server *s, struct bytes in, size_t *used)
{
    struct bytes rest = in;
    enum err result = s->fault.code;
    s->is_waiting = false;
    while (result == ERR_NONE && advance(s, &rest, &result))
        continue;
    if (result == ERR_NONE && buf_err(&s->head) != ERR_NONE)
        result = fault_set(&s->fault, ERR_NOMEM, 0, "no memory for an SFTP request");
    if (result != ERR_NONE)
        fault_set(&s->fault, result, 0, "the channel took no more SFTP replies");
    *used = in.n - rest.n;
    return result;
}

bool
sftp_server_is_busy(const struct sftp_server *s)
{
    return s->job.step || s->is_waiting;
}

bool
sftp_server_eof(struct sftp_server *s)
{
    return s->head.n == 0 && s->frame_left == 0 && !s->job.step;
}

const char *
sftp_server_fault(const struct sftp_server *s)
{
    return s->fault.text;
}

void
sftp_server_current(const struct sftp_server *s, struct sftp_current *now)
{
    const struct handle *h = s->current;
    *now = s->counts;
    if (!h)
        return;
    now->path = bytes_of(h->path, h->path_len);
    now->flags = h->flags;
    now->offset = s->current_offset;
    now->size = h->size;
}

/* ---- life ---- */

static bool
contains(const char *text, const char *word)
{
    return text && strstr(text, word);
}

/* The quirks that the peer's identification tells, all in one place. */
static void
apply_quirks(struct sftp_server *s)
{
    const char *peer = s->config.peer_software;
    switch (s->config.symlink_order) {
    case SFTP_SYMLINK_BY_PEER:
        s->sends_link_first = contains(peer, "WinSCP") || contains(peer, "AsyncSSH");
        break;
    case SFTP_SYMLINK_TARGET_FIRST:
        break;
    case SFTP_SYMLINK_LINK_FIRST:
        s->sends_link_first = true;
        break;
    }
    s->repeats_check_file = contains(peer, "paramiko");
}

static bool
parse_places(struct sftp_server *s)
{
    const char *start_text = s->config.start;
    if (vfs_path_parse(&s->home, NULL, bytes_str(s->config.home)) != 0)
        return false;
    return vfs_path_parse(&s->start, &s->home, bytes_str(start_text)) == 0;
}

enum err
sftp_server_new(const struct sftp_server_config *config, struct stream *out,
                struct sftp_server **server)
{
    struct sftp_server *s = calloc(1, sizeof *s);
    if (!s)
        return ERR_NOMEM;
    s->config = *config;
    s->out = out;
    buf_init(&s->head, LENGTH_LEN + SFTP_MESSAGE_MAX);
    buf_init(&s->reply, REPLY_MAX);
    owners_init(&s->owners, config->host);
    s->user = strdup(config->user ? config->user : "");
    if (!s->user) {
        sftp_server_free(s);
        return ERR_NOMEM;
    }
    if (!parse_places(s)) {
        sftp_server_free(s);
        return ERR_BUG; /* the configuration named an impossible path */
    }
    apply_quirks(s);
    *server = s;
    return ERR_NONE;
}

/* Its user went away: what was uploaded is not taken for whole. */
static void
close_left_open(struct sftp_server *s, struct handle *h)
{
    (void)server_close_handle(s, h, true);
    handle_free(&s->handles, h);
}

void
sftp_server_free(struct sftp_server *s)
{
    if (!s)
        return;
    job_clear(s);
    for (size_t i = 0; i < SFTP_HANDLES_MAX; i++)
        if (s->handles.slots[i])
            close_left_open(s, s->handles.slots[i]);
    buf_clear(&s->head);
    buf_clear(&s->reply);
    free(s->user);
    free(s);
}
