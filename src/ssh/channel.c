/*
 * Channels: opening, requests, closing (RFC 4254 5, 6). Data is in chan_tx.c
 * and chan_rx.c. A file server needs one kind, "session", and on it "sftp";
 * nothing else that RFC 4254 knows is here to be reached (threats C3).
 */
#include "ssh/engine.h"

#include <stdlib.h>

#include "base/log.h"

/* RFC 4254 5.1 */
enum open_failure {
    OPEN_ADMINISTRATIVELY_PROHIBITED = 1,
    OPEN_UNKNOWN_CHANNEL_TYPE = 3,
    OPEN_RESOURCE_SHORTAGE = 4,
};

/* The least maximum packet that we work with: holes of a reply are bounded by
 * it (base/stream.h). RFC 4253 6.1 asks peers for 32768. */
enum { PEER_PACKET_LEAST = 1024 };

struct chan *
chan_find(struct conn *c, uint32_t local_id)
{
    struct chan *ch = local_id < CHANNELS_MAX ? c->chans[local_id] : NULL;
    return ch && ch->state == CHAN_OPEN && !ch->told_closed && !ch->peer_closed ? ch
                                                                                : NULL;
}

static struct chan *
chan_new(struct conn *c)
{
    if (c->n_chans >= c->limits.channels)
        return NULL;
    uint32_t id = 0;
    while (id < CHANNELS_MAX && c->chans[id])
        id++;
    struct chan *ch = id < CHANNELS_MAX ? calloc(1, sizeof *ch) : NULL;
    if (!ch)
        return NULL;
    ch->conn = c;
    ch->local_id = id;
    ch->stream.ops = &chan_stream_ops;
    ch->window = ch->window_left = c->limits.window;
    ch->flow_ms = c->now_ms;
    packet_queue_init(&ch->queue);
    buf_init(&ch->backlog, (size_t)c->limits.window_max + c->limits.max_packet);
    c->chans[id] = ch;
    c->n_chans++;
    return ch;
}

static void
chan_free(struct chan *ch)
{
    struct conn *c = ch->conn;
    chan_tx_clear(ch);
    buf_clear(&ch->backlog);
    c->chans[ch->local_id] = NULL;
    c->n_chans--;
    if (c->offering == ch)
        c->offering = NULL;
    free(ch);
}

void
chan_reap(struct conn *c)
{
    uint32_t left = c->n_chans;
    for (uint32_t i = 0; left != 0; i++) {
        left -= c->chans[i] ? 1 : 0;
        if (c->chans[i] && c->chans[i]->told_closed)
            chan_free(c->chans[i]);
    }
}

void
chan_free_all(struct conn *c)
{
    for (uint32_t i = 0; i < CHANNELS_MAX; i++)
        if (c->chans[i])
            chan_free(c->chans[i]);
}

/* ---- opening ---- */

static enum err
refuse_open(struct conn *c, const struct ssh_channel_open *m, enum open_failure reason,
            const char *text)
{
    struct ssh_channel_open_failure f = {.recipient_channel = m->sender_channel,
                                         .reason_code = reason,
                                         .description = bytes_str(text),
                                         .language_tag = BYTES_LIT("\0\0\0\0")};
    return conn_send(c, SSH_CHANNEL_OPEN_FAILURE, &f);
}

enum err
chan_on_open(struct conn *c, const void *msg)
{
    const struct ssh_channel_open *m = msg;
    if (c->role == CONN_CLIENT)
        return refuse_open(c, m, OPEN_ADMINISTRATIVELY_PROHIBITED, "not from a server");
    if (!bytes_eq_str(m->channel_type, "session"))
        return refuse_open(c, m, OPEN_UNKNOWN_CHANNEL_TYPE,
                           "this server transfers files only: no forwarding");
    if (c->no_more_sessions)
        return conn_fail_proto(c, "a session was opened behind no-more-sessions");
    if (m->maximum_packet_size < PEER_PACKET_LEAST)
        return refuse_open(c, m, OPEN_ADMINISTRATIVELY_PROHIBITED,
                           "maximum packet size below 1024");
    struct chan *ch = chan_new(c);
    if (!ch)
        return refuse_open(c, m, OPEN_RESOURCE_SHORTAGE, "too many channels");
    ch->state = CHAN_OPEN;
    ch->peer_id = m->sender_channel;
    ch->peer_window = m->initial_window_size;
    ch->peer_max_packet = m->maximum_packet_size;
    struct ssh_channel_open_confirmation ok = {.recipient_channel = ch->peer_id,
                                               .sender_channel = ch->local_id,
                                               .initial_window_size = ch->window,
                                               .maximum_packet_size =
                                                   c->limits.max_packet};
    conn_raise(c, CONN_EV_CHANNEL_OPENED, ch);
    return conn_send(c, SSH_CHANNEL_OPEN_CONFIRMATION, &ok);
}

enum err
conn_open_session(struct conn *c, struct chan **out)
{
    struct chan *ch = c->is_dead ? NULL : chan_new(c);
    if (!ch)
        return c->is_dead ? ERR_CLOSED : ERR_LIMIT;
    ch->state = CHAN_OPENING;
    ch->has_program = true; /* a client may be sent data as soon as it is open */
    struct ssh_channel_open m = {.channel_type = BYTES_LIT("session"),
                                 .sender_channel = ch->local_id,
                                 .initial_window_size = ch->window,
                                 .maximum_packet_size = c->limits.max_packet};
    *out = ch;
    return conn_send(c, SSH_CHANNEL_OPEN, &m);
}

static struct chan *
find_opening(struct conn *c, uint32_t local_id)
{
    struct chan *ch = local_id < CHANNELS_MAX ? c->chans[local_id] : NULL;
    return ch && ch->state == CHAN_OPENING ? ch : NULL;
}

enum err
chan_on_confirmation(struct conn *c, const void *msg)
{
    const struct ssh_channel_open_confirmation *m = msg;
    struct chan *ch = find_opening(c, m->recipient_channel);
    if (!ch)
        return conn_fail_proto(c, "channel %u was not being opened",
                               m->recipient_channel);
    if (m->maximum_packet_size < PEER_PACKET_LEAST)
        return conn_fail_proto(c, "the server takes only %u octets in a packet",
                               m->maximum_packet_size);
    ch->state = CHAN_OPEN;
    ch->peer_id = m->sender_channel;
    ch->peer_window = m->initial_window_size;
    ch->peer_max_packet = m->maximum_packet_size;
    conn_raise(c, CONN_EV_CHANNEL_OPENED, ch);
    return ERR_NONE;
}

enum err
chan_on_open_failure(struct conn *c, const void *msg)
{
    const struct ssh_channel_open_failure *m = msg;
    struct chan *ch = find_opening(c, m->recipient_channel);
    if (!ch)
        return conn_fail_proto(c, "channel %u was not being opened",
                               m->recipient_channel);
    struct conn_event *ev = conn_raise(c, CONN_EV_CHANNEL_OPEN_FAILED, ch);
    ev->channel.reason = m->reason_code;
    ev->channel.text = m->description;
    ch->told_closed = true; /* freed once the event was taken */
    return ERR_NONE;
}

/* ---- requests ---- */

static enum err
send_request(struct chan *ch, const char *type, bool want_reply, struct bytes data)
{
    struct ssh_channel_request m = {.recipient_channel = ch->peer_id,
                                    .request_type = bytes_str(type),
                                    .want_reply = want_reply,
                                    .data = data};
    ch->n_awaited_replies += want_reply ? 1 : 0;
    return conn_send(ch->conn, SSH_CHANNEL_REQUEST, &m);
}

static void
send_program(struct chan *ch, const char *type, const char *word)
{
    struct buf data;
    buf_init(&data, 65536);
    put_cstring(&data, word);
    (void)send_request(ch, type, true, buf_bytes(&data)); /* a failure has latched */
    buf_clear(&data);
}

void
conn_channel_subsystem(struct chan *ch, const char *name)
{
    send_program(ch, "subsystem", name);
}

void
conn_channel_exec(struct chan *ch, const char *command)
{
    send_program(ch, "exec", command);
}

static enum err
reply_to_request(struct chan *ch, bool is_ok)
{
    struct conn *c = ch->conn;
    if (is_ok)
        return conn_send(c, SSH_CHANNEL_SUCCESS,
                         &(struct ssh_channel_success){.recipient_channel = ch->peer_id});
    return conn_send(c, SSH_CHANNEL_FAILURE,
                     &(struct ssh_channel_failure){.recipient_channel = ch->peer_id});
}

/* Server: a program is asked for. The caller decides. */
static enum err
on_program(struct chan *ch, const struct ssh_channel_request *m)
{
    struct conn *c = ch->conn;
    struct cursor cur = cursor_of(m->data);
    bool has_word = !bytes_eq_str(m->request_type, "shell");
    struct bytes word = has_word ? cursor_string(&cur) : (struct bytes){0};
    if (!cursor_is_done(&cur))
        return conn_fail_proto(c, "malformed channel request");
    if (ch->has_program)
        return m->want_reply ? reply_to_request(ch, false) : ERR_NONE;
    ch->request_wants_reply = m->want_reply;
    c->await = AWAIT_CHANNEL_REQUEST;
    struct conn_event *ev = conn_raise(c, CONN_EV_CHANNEL_REQUEST, ch);
    ev->channel.request_type = m->request_type;
    ev->channel.data = word;
    return ERR_NONE;
}

void
conn_answer_channel_request(struct chan *ch, bool is_ok)
{
    struct conn *c = ch->conn;
    if (c->await != AWAIT_CHANNEL_REQUEST)
        return;
    c->await = AWAIT_NOTHING;
    ch->has_program = is_ok;
    if (ch->request_wants_reply)
        (void)reply_to_request(ch, is_ok); /* a failure has latched */
}

/* Client: how the server's program ended. */
static enum err
on_program_end(struct chan *ch, const struct ssh_channel_request *m)
{
    struct cursor cur = cursor_of(m->data);
    bool is_signal = bytes_eq_str(m->request_type, "exit-signal");
    struct bytes name = is_signal ? cursor_string(&cur) : (struct bytes){0};
    uint32_t status = is_signal ? 0 : cursor_u32(&cur);
    if (cur.failed)
        return conn_fail_proto(ch->conn, "malformed channel request");
    struct conn_event *ev = conn_raise(ch->conn, CONN_EV_CHANNEL_EXIT, ch);
    ev->channel.text = name;
    ev->channel.exit_status = status;
    return ERR_NONE;
}

/* What is not in this table is refused, which is also the answer that PuTTY's
 * winadj@putty.projects.tartarus.org and OpenSSH's keepalive want. */
static const struct {
    const char *type;
    enum conn_role role; /* that receives it */
    enum err (*handle)(struct chan *ch, const struct ssh_channel_request *m);
} request_types[] = {
    {"subsystem", CONN_SERVER, on_program},
    {"exec", CONN_SERVER, on_program},
    {"shell", CONN_SERVER, on_program},
    {"exit-status", CONN_CLIENT, on_program_end},
    {"exit-signal", CONN_CLIENT, on_program_end},
};

enum err
chan_on_request(struct conn *c, const void *msg)
{
    const struct ssh_channel_request *m = msg;
    struct chan *ch = chan_find(c, m->recipient_channel);
    if (!ch)
        return conn_fail_proto(c, "a request for channel %u, which is not open",
                               m->recipient_channel);
    for (size_t i = 0; i < ARRAY_LEN(request_types); i++)
        if (request_types[i].role == c->role &&
            bytes_eq_str(m->request_type, request_types[i].type))
            return request_types[i].handle(ch, m);
    return m->want_reply && !ch->sent_close ? reply_to_request(ch, false) : ERR_NONE;
}

static enum err
on_reply(struct conn *c, uint32_t local_id, bool is_ok)
{
    struct chan *ch = chan_find(c, local_id);
    if (!ch || ch->n_awaited_replies == 0)
        return ERR_NONE; /* some servers reply behind their CLOSE, or twice */
    ch->n_awaited_replies--;
    conn_raise(c, CONN_EV_CHANNEL_REQUEST_REPLY, ch)->channel.ok = is_ok;
    return ERR_NONE;
}

enum err
chan_on_success(struct conn *c, const void *msg)
{
    return on_reply(c, ((const struct ssh_channel_success *)msg)->recipient_channel,
                    true);
}

enum err
chan_on_failure(struct conn *c, const void *msg)
{
    return on_reply(c, ((const struct ssh_channel_failure *)msg)->recipient_channel,
                    false);
}

/* ---- closing ---- */

enum err
chan_on_eof(struct conn *c, const void *msg)
{
    const struct ssh_channel_eof *m = msg;
    struct chan *ch = chan_find(c, m->recipient_channel);
    if (!ch)
        return conn_fail_proto(c, "EOF for channel %u, which is not open",
                               m->recipient_channel);
    ch->peer_eof = true;
    return ERR_NONE;
}

enum err
chan_on_close(struct conn *c, const void *msg)
{
    const struct ssh_channel_close *m = msg;
    struct chan *ch = chan_find(c, m->recipient_channel);
    if (!ch)
        return conn_fail_proto(c, "CLOSE for channel %u, which is not open",
                               m->recipient_channel);
    ch->peer_eof = true;
    ch->peer_closed = true;
    packet_queue_clear(&ch->queue); /* it will not be read any more */
    return ERR_NONE;
}

static enum err
send_eof(struct chan *ch)
{
    if (ch->sent_eof || ch->sent_close)
        return ERR_NONE;
    ch->sent_eof = true;
    return conn_send(ch->conn, SSH_CHANNEL_EOF,
                     &(struct ssh_channel_eof){.recipient_channel = ch->peer_id});
}

static enum err
send_exit_status(struct chan *ch)
{
    uint8_t status[4];
    store_u32(status, ch->exit_status);
    return ch->conn->role == CONN_SERVER && ch->has_program && !ch->peer_closed
               ? send_request(ch, "exit-status", false, bytes_of(status, sizeof status))
               : ERR_NONE;
}

static enum err
send_close(struct chan *ch)
{
    enum err e = send_exit_status(ch);
    if (e == ERR_NONE && !ch->peer_closed)
        e = send_eof(ch);
    ch->sent_close = true;
    if (e != ERR_NONE)
        return e;
    return conn_send(ch->conn, SSH_CHANNEL_CLOSE,
                     &(struct ssh_channel_close){.recipient_channel = ch->peer_id});
}

/* EOF is told once all data before it was consumed; CLOSE goes out once all of
 * ours did, or nobody reads it; the channel is gone when both were seen. */
enum err
chan_advance_close(struct chan *ch)
{
    struct conn *c = ch->conn;
    bool is_drained = !ch->queue.head;
    bool is_consumed = !chan_has_backlog(ch) || !ch->has_program || ch->wants_close;
    enum err e = ERR_NONE;
    if (ch->state != CHAN_OPEN || ch->told_closed)
        return ERR_NONE;
    if (ch->wants_eof && is_drained)
        e = send_eof(ch);
    if (e == ERR_NONE && ch->peer_eof && is_consumed && !ch->told_eof) {
        ch->told_eof = true;
        conn_raise(c, CONN_EV_CHANNEL_EOF, ch);
        return ERR_NONE; /* the consumer may still write something because of it */
    }
    bool must_close = ch->wants_close || (ch->peer_closed && is_consumed);
    if (e == ERR_NONE && must_close && is_drained && !ch->sent_close)
        e = send_close(ch);
    if (e == ERR_NONE && ch->sent_close && ch->peer_closed) {
        ch->told_closed = true;
        conn_raise(c, CONN_EV_CHANNEL_CLOSED, ch);
    }
    return e;
}

void
conn_channel_eof(struct chan *ch)
{
    ch->wants_eof = true;
}

void
conn_channel_close(struct chan *ch, uint32_t exit_status)
{
    ch->exit_status = exit_status;
    ch->wants_close = true;
}

struct stream *
conn_channel_stream(struct chan *ch)
{
    return &ch->stream;
}

void
conn_channel_set_user(struct chan *ch, void *user)
{
    ch->user = user;
}

void *
conn_channel_user(const struct chan *ch)
{
    return ch->user;
}
