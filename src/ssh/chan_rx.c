/*
 * A channel's incoming half: data is offered in place, straight from the
 * packet that was opened; what the consumer does not take is kept as backlog,
 * bounded by the window that we granted, and offered again when the stream
 * has room. Only what was consumed is granted again, so a slow consumer slows
 * its peer and nobody else.
 *
 * The window begins small and doubles whenever a whole window was consumed
 * within half a second: a path is then not slowed by us as long as its round
 * trip is below that.
 */
#include "ssh/engine.h"

enum { FLOW_MS = 500, DATA_HEAD = 9, EXTENDED_HEAD = 13 };

bool
chan_has_backlog(const struct chan *ch)
{
    return ch->backlog.n != ch->backlog_start;
}

static struct bytes
backlog_bytes(const struct chan *ch)
{
    return bytes_skip(buf_bytes(&ch->backlog), ch->backlog_start);
}

static void
drop_backlog(struct chan *ch, size_t n)
{
    ch->backlog_start += n;
    if (ch->backlog_start < ch->backlog.n / 2)
        return; /* moving less often than halving keeps it linear */
    buf_drop(&ch->backlog, ch->backlog_start);
    ch->backlog_start = 0;
    if (ch->backlog.n == 0)
        buf_clear(&ch->backlog);
}

static enum err
keep(struct chan *ch, struct bytes data)
{
    buf_put(&ch->backlog, data);
    if (buf_err(&ch->backlog) == ERR_NONE)
        return ERR_NONE;
    return conn_fail(ch->conn, buf_err(&ch->backlog), DISCONNECT_BY_APPLICATION,
                     "no memory for a channel's data");
}

static void
grow_window(struct chan *ch, uint32_t n)
{
    struct conn *c = ch->conn;
    if (c->now_ms - ch->flow_ms > FLOW_MS) {
        ch->flow_ms = c->now_ms;
        ch->flow_octets = 0;
    }
    ch->flow_octets += n;
    if (ch->flow_octets < ch->window || ch->window >= c->limits.window_max)
        return;
    uint32_t most = c->limits.window_max - ch->window;
    uint32_t more = ch->window < most ? ch->window : most;
    ch->window += more;
    ch->unadjusted += more;
    ch->flow_octets = 0;
}

/* Grant again what was consumed, half a window at a time. */
static enum err
adjust_window(struct chan *ch, size_t consumed)
{
    ch->unadjusted += (uint32_t)consumed;
    grow_window(ch, (uint32_t)consumed);
    if (ch->unadjusted < ch->window / 2 || ch->peer_eof || ch->peer_closed ||
        ch->sent_close)
        return ERR_NONE;
    struct ssh_channel_window_adjust m = {.recipient_channel = ch->peer_id,
                                          .bytes_to_add = ch->unadjusted};
    ch->window_left += ch->unadjusted;
    ch->unadjusted = 0;
    return conn_send(ch->conn, SSH_CHANNEL_WINDOW_ADJUST, &m);
}

static void
offer(struct chan *ch, struct bytes data)
{
    ch->offered = data;
    ch->consumed = 0;
    ch->conn->offering = ch;
    conn_raise(ch->conn, CONN_EV_CHANNEL_DATA, ch)->channel.data = data;
}

void
conn_channel_consumed(struct chan *ch, size_t n)
{
    size_t left = ch->offered.n - ch->consumed;
    ch->consumed += n < left ? n : left;
}

enum err
chan_settle(struct chan *ch)
{
    struct bytes rest = bytes_skip(ch->offered, ch->consumed);
    ch->is_stuck = rest.n != 0;
    enum err e = ERR_NONE;
    if (ch->offers_backlog)
        drop_backlog(ch, ch->consumed);
    else if (rest.n != 0)
        e = keep(ch, rest);
    ch->offered = (struct bytes){0};
    ch->offers_backlog = false;
    ch->conn->offering = NULL;
    return e != ERR_NONE ? e : adjust_window(ch, ch->consumed);
}

bool
chan_offer_backlog(struct chan *ch)
{
    if (!chan_has_backlog(ch) || (ch->is_stuck && !stream_has_room(&ch->stream)))
        return false;
    ch->offers_backlog = true;
    offer(ch, backlog_bytes(ch));
    return true;
}

/* The octets behind the head, if the message is what it says and within what
 * we granted (threats C1, C2). */
static enum err
check_data(struct chan *ch, struct bytes data, uint32_t len)
{
    struct conn *c = ch->conn;
    if (data.n != len)
        return conn_fail_proto(c, "channel data of %u octets in a message with %zu", len,
                               data.n);
    if (ch->peer_eof || ch->peer_closed)
        return conn_fail_proto(c, "data on a channel behind its end");
    if (len > c->limits.max_packet || len > ch->window_left)
        return conn_fail_proto(
            c, "%u octets of channel data; the window has %u, a packet %u", len,
            ch->window_left, c->limits.max_packet);
    ch->window_left -= len;
    return ERR_NONE;
}

enum err
chan_on_data(struct conn *c, const void *msg)
{
    const struct ssh_channel_data *m = msg;
    struct chan *ch = chan_find(c, m->recipient_channel);
    if (!ch)
        return conn_fail_proto(c, "data for channel %u, which is not open",
                               m->recipient_channel);
    struct bytes data = bytes_skip(c->payload, DATA_HEAD);
    enum err e = check_data(ch, data, m->data);
    if (e != ERR_NONE || data.n == 0)
        return e;
    if (ch->wants_close)
        return adjust_window(ch, data.n); /* nobody wants it any more */
    if (chan_has_backlog(ch) || !ch->has_program)
        return keep(ch, data);
    offer(ch, data);
    return ERR_NONE;
}

enum err
chan_on_extended_data(struct conn *c, const void *msg)
{
    const struct ssh_channel_extended_data *m = msg;
    struct chan *ch = chan_find(c, m->recipient_channel);
    if (!ch)
        return conn_fail_proto(c, "data for channel %u, which is not open",
                               m->recipient_channel);
    struct bytes data = bytes_skip(c->payload, EXTENDED_HEAD);
    enum err e = check_data(ch, data, m->data);
    if (e != ERR_NONE || data.n == 0)
        return e;
    if (c->role == CONN_CLIENT)
        conn_raise(c, CONN_EV_CHANNEL_STDERR, ch)->channel.data = data;
    return adjust_window(ch, data.n);
}
