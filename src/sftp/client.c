/*
 * The receiving half of the client: VERSION, then replies, each checked against
 * the request that it answers. What does not fit ends the session: an id that
 * nobody asked with, data longer than asked or empty, a reply of the wrong kind,
 * names that do not add up (threats L5). See client.h.
 */
#include "sftp/client.h"

#include <stdlib.h>

#include "sftp/client_state.h"
#include "wire/put.h"

enum {
    VERSION_OURS = 3,
    VERSION_MAX = 6,     /* ProFTPD has answered with more than was asked */
    EXTENSIONS_MAX = 64, /* pairs in VERSION that are looked at */
    NOISE_SHOWN = 120,   /* octets of a login script's words in the error */
    /* What the head of a READ's reply and of a WRITE take of a packet, at most */
    HEAD_ALLOWANCE = 1024,
};

static enum err send_init(struct sftp_client *c);

enum err
sftp_client_new(struct stream *out, const struct sftp_client_config *config,
                struct sftp_client **client)
{
    struct sftp_client *c = calloc(1, sizeof *c);
    if (!c)
        return ERR_NOMEM;
    c->out = out;
    c->config = *config;
    unsigned *max = &c->config.requests_max;
    if (*max == 0 || *max > SFTP_CLIENT_REQUESTS_MAX)
        *max = SFTP_CLIENT_REQUESTS_MAX;
    for (unsigned i = 0; i < *max; i++)
        c->free_slots[i] = (uint16_t)(*max - 1 - i);
    c->n_free = *max;
    c->limits = (struct sftp_limits){SFTP_CHUNK_SAFE, SFTP_CHUNK_SAFE, 0, false};
    buf_init(&c->msg, SFTP_PACKET_MAX + 4);
    buf_init(&c->ext, SFTP_PACKET_MAX);
    buf_init(&c->extensions, SFTP_PACKET_MAX);
    frame_reader_init(&c->rx);
    enum err e = send_init(c);
    if (e != ERR_NONE) {
        sftp_client_free(c);
        return e;
    }
    *client = c;
    return ERR_NONE;
}

void
sftp_client_free(struct sftp_client *c)
{
    if (!c)
        return;
    sftp_client_write_abandon(c);
    frame_reader_clear(&c->rx);
    buf_clear(&c->extensions);
    buf_clear(&c->ext);
    buf_clear(&c->msg);
    free(c);
}

static enum err
send_init(struct sftp_client *c)
{
    struct sftp_msg_init m = {.version = VERSION_OURS};
    put_u32(&c->msg, 0);
    msg_put(&sftp_msgs[SFTP_INIT], &c->msg, &m);
    if (buf_err(&c->msg) != ERR_NONE)
        return buf_err(&c->msg);
    store_u32(c->msg.p, (uint32_t)(c->msg.n - 4));
    sftp_client_trace(c, "> ", bytes_skip(buf_bytes(&c->msg), 4));
    return stream_write(c->out, buf_bytes(&c->msg));
}

/* ---- what is known ---- */

bool
sftp_client_is_ready(const struct sftp_client *c)
{
    return c->is_ready;
}

uint32_t
sftp_client_version(const struct sftp_client *c)
{
    return c->version;
}

bool
sftp_client_has(const struct sftp_client *c, enum sftp_can can)
{
    return (c->can & (unsigned)can) != 0;
}

const struct sftp_limits *
sftp_client_limits(const struct sftp_client *c)
{
    return &c->limits;
}

struct bytes
sftp_client_extensions(const struct sftp_client *c)
{
    return c->extensions.n != 0 ? buf_bytes(&c->extensions) : BYTES_LIT("");
}

const struct fault *
sftp_client_fault(const struct sftp_client *c)
{
    return &c->fault;
}

/* ---- events ---- */

/* Where the next event is made; empty but for its type. */
static struct sftp_event *
new_event(struct sftp_client *c, enum sftp_event_type type)
{
    c->has_event = true;
    c->event = (struct sftp_event){.type = type};
    return &c->event;
}

bool
sftp_client_next(struct sftp_client *c, struct sftp_event *ev)
{
    if (!c->has_event && c->fault.code != ERR_NONE && !c->is_failure_told) {
        c->is_failure_told = true;
        new_event(c, SFTP_EV_FAILED);
    }
    if (!c->has_event)
        return false;
    c->has_event = false;
    *ev = c->event;
    return true;
}

void
sftp_client_end(struct sftp_client *c)
{
    if (!c->is_ready)
        fault_set(&c->fault, ERR_CLOSED, 0,
                  "the server closed the session before SFTP began");
    else
        fault_set(&c->fault, ERR_CLOSED, 0, "the connection was lost");
}

static enum err
broken(struct sftp_client *c, const char *what)
{
    return fault_set(&c->fault, ERR_PROTO, 0, "the server broke the SFTP protocol: %s",
                     what);
}

/* ---- the start ---- */

/*
 * Instead of a length there was something else: words from a login script on
 * the server, nearly always. They are shown, for who must repair the script.
 */
static enum err
shell_noise(struct sftp_client *c, struct bytes head, struct bytes rest)
{
    struct buf raw, text;
    buf_init(&raw, NOISE_SHOWN);
    buf_init(&text, sizeof c->fault.text);
    buf_put(&raw, head);
    buf_put(&raw, bytes_first(rest, NOISE_SHOWN - head.n));
    size_t n = raw.n != 0 ? strnlen((const char *)raw.p, raw.n) : 0; /* then VERSION */
    text_escape(&text, bytes_of(raw.p, n), 0);
    const char *shown = buf_cstr(&text);
    enum err e = fault_set(&c->fault, ERR_PROTO, 0,
                           "the server sent words where SFTP should begin (a login "
                           "script that prints?): %s",
                           shown ? shown : "");
    buf_clear(&text);
    buf_clear(&raw);
    return e;
}

static bool
looks_like_text(struct bytes head)
{
    for (size_t i = 0; i < 4 && i < head.n; i++)
        if ((head.p[i] < 0x20 || head.p[i] > 0x7e) && head.p[i] != '\n' &&
            head.p[i] != '\r' && head.p[i] != '\t' && head.p[i] != 0x1b)
            return false;
    return true;
}

static enum err
bad_length(struct sftp_client *c, const struct frame *f, struct bytes rest)
{
    if (!c->is_ready && looks_like_text(f->message))
        return shell_noise(c, f->message, rest);
    return fault_set(&c->fault, ERR_PROTO, 0,
                     "the server broke the SFTP protocol: a message of length %u",
                     f->len);
}

/* Pairs of name and data; the walk ends at the first that is not whole. */
static unsigned
read_extensions(struct bytes pairs)
{
    unsigned can = 0;
    struct cursor at = cursor_of(pairs);
    for (int i = 0; i < EXTENSIONS_MAX && cursor_left(&at) != 0; i++) {
        struct bytes name = cursor_string(&at);
        struct bytes data = cursor_string(&at);
        if (!at.failed)
            can |= sftp_can_of(name, data);
    }
    return can;
}

static enum err
on_version(struct sftp_client *c, struct bytes message)
{
    struct sftp_msg_version m;
    struct cursor at = cursor_of(message);
    if (cursor_u8(&at) != SSH_FXP_VERSION || !msg_get(&sftp_msgs[SFTP_VERSION], &at, &m))
        return broken(c, "it did not begin with its version");
    if (m.version < VERSION_OURS || m.version > VERSION_MAX)
        return fault_set(&c->fault, ERR_PROTO, 0,
                         "the server speaks version %u of SFTP, we need %d", m.version,
                         VERSION_OURS);
    buf_put(&c->extensions, m.extensions);
    if (buf_err(&c->extensions) != ERR_NONE)
        return fault_set(&c->fault, ERR_NOMEM, 0, "out of memory");
    c->version = VERSION_OURS;
    c->can = read_extensions(m.extensions);
    c->is_ready = true;
    new_event(c, SFTP_EV_READY);
    return sftp_client_has(c, SFTP_CAN_LIMITS) ? sftp_client_ask_limits(c) : ERR_NONE;
}

/* A bound of the server's, which says 0 for "none", within ours. */
static uint32_t
clamp_len(uint64_t told, uint64_t packet)
{
    uint64_t most = SFTP_CHUNK_MAX;
    if (told != 0 && told < most)
        most = told;
    if (packet > HEAD_ALLOWANCE && packet - HEAD_ALLOWANCE < most)
        most = packet - HEAD_ALLOWANCE;
    return (uint32_t)most;
}

/* An answer that does not decode, or a refusal, leaves the safe values. */
static void
on_limits(struct sftp_client *c, const struct sftp_event *reply)
{
    struct sftp_msg_ext_limits_reply m;
    struct cursor at = cursor_of(reply->extended);
    bool is_known = reply->reply == SSH_FXP_EXTENDED_REPLY &&
                    msg_get(&sftp_msgs[SFTP_EXT_LIMITS_REPLY], &at, &m);
    if (is_known)
        c->limits = (struct sftp_limits){
            .read_len = clamp_len(m.max_read_length, m.max_packet_length),
            .write_len = clamp_len(m.max_write_length, m.max_packet_length),
            .n_handles = m.max_open_handles,
            .is_announced = true};
    new_event(c, SFTP_EV_LIMITS);
}

/* ---- replies ---- */

/* The request with this id; NULL: nobody asked, and the session is over. */
static struct sftp_req *
find_request(struct sftp_client *c, uint32_t id)
{
    struct sftp_req *req = c->slots[id % SFTP_CLIENT_REQUESTS_MAX];
    if (req && req->id == id)
        return req;
    fault_set(&c->fault, ERR_PROTO, 0,
              "the server broke the SFTP protocol: a reply to request %u, which is not "
              "in flight",
              id);
    return NULL;
}

static bool
read_status(struct cursor *at, struct sftp_event *ev)
{
    struct sftp_msg_status m;
    if (!msg_get(&sftp_msgs[SFTP_STATUS], at, &m))
        return false;
    ev->status = m.code;
    /* Cisco's and other old servers leave out message and language. */
    struct cursor text = cursor_of(m.text);
    ev->text = cursor_string(&text);
    return true;
}

static bool
read_handle(struct cursor *at, struct sftp_event *ev)
{
    struct sftp_msg_handle m;
    if (!msg_get(&sftp_msgs[SFTP_HANDLE], at, &m))
        return false;
    ev->handle = m.handle;
    return m.handle.n != 0 && m.handle.n <= SFTP_HANDLE_MAX;
}

static bool
read_names(struct cursor *at, struct sftp_event *ev)
{
    struct sftp_msg_name m;
    return msg_get(&sftp_msgs[SFTP_NAME], at, &m) &&
           sftp_names_init(&ev->names, m.count, m.names);
}

static bool
read_attrs(struct cursor *at, struct sftp_event *ev)
{
    struct sftp_msg_attrs m;
    if (!msg_get(&sftp_msgs[SFTP_ATTRS], at, &m))
        return false;
    ev->attrs = m.attrs;
    return true;
}

static bool
read_extended(struct cursor *at, struct sftp_event *ev)
{
    struct sftp_msg_extended_reply m;
    if (!msg_get(&sftp_msgs[SFTP_EXTENDED_REPLY], at, &m))
        return false;
    ev->extended = m.data;
    return true;
}

static const struct reply_row {
    uint8_t type;
    bool (*read)(struct cursor *at, struct sftp_event *ev);
} reply_rows[] = {
    {SSH_FXP_STATUS, read_status},
    {SSH_FXP_HANDLE, read_handle},
    {SSH_FXP_NAME, read_names},
    {SSH_FXP_ATTRS, read_attrs},
    {SSH_FXP_EXTENDED_REPLY, read_extended},
};

static const struct reply_row *
find_row(uint8_t type)
{
    for (size_t i = 0; i < ARRAY_LEN(reply_rows); i++)
        if (reply_rows[i].type == type)
            return &reply_rows[i];
    return NULL;
}

/* Does a reply of this type and status answer that request? */
static bool
suits(const struct sftp_req *req, const struct sftp_event *ev)
{
    uint8_t due = sftp_reply_for(req);
    if (ev->reply != SSH_FXP_STATUS)
        return ev->reply == due;
    return due == SSH_FXP_STATUS || ev->status != SSH_FX_OK;
}

static enum err
on_reply(struct sftp_client *c, struct bytes message)
{
    struct cursor at = cursor_of(message);
    uint8_t type = cursor_u8(&at);
    struct cursor id_at = at;
    const struct reply_row *row = find_row(type);
    if (!row)
        return broken(c, "a message that is no reply");
    struct sftp_req *req = find_request(c, cursor_u32(&id_at));
    if (!req)
        return c->fault.code;
    struct sftp_event *ev = new_event(c, SFTP_EV_REPLY);
    ev->req = req;
    ev->reply = type;
    if (!row->read(&at, ev) || !suits(req, ev)) {
        c->has_event = false;
        return broken(c, "a malformed reply, or one that does not suit its request");
    }
    sftp_client_release(c, req);
    if (req == &c->limits_req)
        on_limits(c, ev);
    if (type != SSH_FXP_HANDLE || sftp_handle_opened(c, ev->handle))
        return ERR_NONE;
    c->has_event = false;
    return broken(c, "one handle for two open files (opening one at a time, -R 1, may "
                     "help)");
}

static enum err
on_data_begin(struct sftp_client *c, const struct frame *f)
{
    struct sftp_req *req = find_request(c, f->id);
    if (!req)
        return c->fault.code;
    if (log_wants(c->config.log, TRACE_SFTP))
        log_trace(c->config.log, TRACE_SFTP, "< DATA id=%u data=[%u octets]", f->id,
                  f->len);
    if (sftp_reply_for(req) != SSH_FXP_DATA)
        return broken(c, "data for a request that asked for none");
    if (f->len == 0)
        return broken(c, "data of no octets");
    if (f->len > req->len)
        return broken(c, "more data than was asked for");
    c->data_req = req;
    return ERR_NONE;
}

static enum err
on_data(struct sftp_client *c, struct bytes slice)
{
    struct sftp_req *req = c->data_req;
    struct sftp_event *ev = new_event(c, SFTP_EV_DATA);
    ev->req = req;
    ev->offset = req->offset + req->got;
    ev->data = slice;
    ev->is_last = c->rx.data_left == 0;
    req->got += (uint32_t)slice.n;
    if (ev->is_last) {
        c->data_req = NULL;
        sftp_client_release(c, req);
    }
    return ERR_NONE;
}

static enum err
on_message(struct sftp_client *c, struct bytes message)
{
    sftp_client_trace(c, "< ", message);
    return c->is_ready ? on_reply(c, message) : on_version(c, message);
}

static enum err
on_frame(struct sftp_client *c, const struct frame *f, struct bytes rest)
{
    switch (f->kind) {
    case FRAME_NONE:
        return ERR_NONE;
    case FRAME_MESSAGE:
        return on_message(c, f->message);
    case FRAME_DATA_BEGIN:
        return c->is_ready ? on_data_begin(c, f)
                           : broken(c, "it did not begin with its version");
    case FRAME_DATA:
        return on_data(c, f->message);
    case FRAME_BAD_LENGTH:
        return bad_length(c, f, rest);
    case FRAME_NOMEM:
        return fault_set(&c->fault, ERR_NOMEM, 0, "out of memory");
    }
    return ERR_BUG;
}

enum err
sftp_client_input(struct sftp_client *c, struct bytes in, size_t *used)
{
    struct bytes rest = in;
    while (c->fault.code == ERR_NONE && !c->has_event && rest.n != 0) {
        struct frame f = frame_next(&c->rx, &rest);
        enum err e = on_frame(c, &f, rest);
        if (e != ERR_NONE && c->fault.code == ERR_NONE)
            fault_set(&c->fault, e, 0, "the SFTP session failed");
    }
    *used = in.n - rest.n;
    return c->fault.code;
}
