/* See sftp_channel.h. */
#include "daemon/sftp_channel.h"

/* What clients run where they don't ask for the subsystem: paths of OpenSSH's
 * server on various systems, without arguments. */
static const char *const sftp_commands[] = {
    "internal-sftp",
    "sftp-server",
    "/usr/lib/openssh/sftp-server",
    "/usr/lib/ssh/sftp-server",
    "/usr/lib/sftp-server",
    "/usr/libexec/sftp-server",
    "/usr/libexec/openssh/sftp-server",
};

static struct sftp_channel *
channel_of(const struct conn_event *ev)
{
    return ev->chan ? conn_channel_user(ev->chan) : NULL;
}

static void
channel_close(struct sftp_channel *ch, uint32_t exit_status)
{
    if (!ch->is_closing)
        conn_channel_close(ch->chan, exit_status);
    ch->is_closing = true;
}

static void
on_opened(struct sftp_channels *s, struct chan *chan)
{
    for (size_t i = 0; i < SFTP_CHANNELS_MAX; i++) {
        struct sftp_channel *ch = &s->channel[i];
        if (ch->chan)
            continue;
        *ch = (struct sftp_channel){.chan = chan, .active_ms = s->now_ms};
        conn_channel_set_user(chan, ch);
        s->n_open++;
        return;
    }
    conn_channel_close(chan, 1); /* the engine's limit is the same as ours */
}

static bool
is_sftp(const struct conn_event *ev)
{
    struct bytes what = ev->channel.data;
    if (bytes_eq_str(ev->channel.request_type, "subsystem"))
        return bytes_eq_str(what, "sftp");
    if (!bytes_eq_str(ev->channel.request_type, "exec"))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(sftp_commands); i++)
        if (bytes_eq_str(what, sftp_commands[i]))
            return true;
    return false;
}

/* Clients show no reason for a refusal, so the log has it. */
static void
log_refusal(const struct sftp_channels *s, const struct conn_event *ev)
{
    struct buf text;
    buf_init(&text, 1024);
    buf_put_str(&text, "refused ");
    text_escape(&text, ev->channel.request_type, 32);
    buf_put_str(&text, " \"");
    text_escape(&text, ev->channel.data, 100);
    buf_put_str(&text, "\": only the subsystem sftp is served");
    if (bytes_has_prefix(ev->channel.data, "scp "))
        buf_put_str(&text, " (scp works without -O, or with -s)");
    const char *line = buf_cstr(&text);
    if (line)
        log_line(s->log, LOG_LEVEL_INFO, "%s", line);
    buf_clear(&text);
}

static void
on_request(struct sftp_channels *s, struct sftp_channel *ch, const struct conn_event *ev)
{
    bool is_ok = !ch->server && !ch->is_closing && is_sftp(ev);
    if (!is_ok)
        log_refusal(s, ev);
    else if (sftp_server_new(s->config, conn_channel_stream(ch->chan), &ch->server) !=
             ERR_NONE)
        is_ok = false;
    conn_answer_channel_request(ch->chan, is_ok);
}

/* Hand octets to the server; how many it took. */
static size_t
feed(struct sftp_channels *s, struct sftp_channel *ch, struct bytes in)
{
    size_t used = 0;
    ch->active_ms = s->now_ms;
    if (ch->is_closing || !ch->server)
        return in.n; /* nobody listens: what comes late is dropped */
    enum err err = sftp_server_input(ch->server, in, &used);
    if (err == ERR_NONE)
        return used;
    log_line(s->log, LOG_LEVEL_WARN, "sftp: %s: %s", err_name(err),
             sftp_server_fault(ch->server));
    channel_close(ch, 1);
    return in.n;
}

/* The peer has sent its last octet: end when the last request is answered. */
static void
end_if_done(struct sftp_channel *ch)
{
    if (!ch->is_eof || ch->is_closing)
        return;
    if (!ch->server || sftp_server_eof(ch->server))
        channel_close(ch, 0);
    else if (!sftp_server_is_busy(ch->server))
        channel_close(ch, 1); /* a request was cut off */
}

static void
add_sums(struct sftp_current *sum, const struct sftp_current *c)
{
    sum->octets_in += c->octets_in;
    sum->octets_out += c->octets_out;
    sum->n_requests += c->n_requests;
    sum->n_files += c->n_files;
}

static void
on_closed(struct sftp_channels *s, struct sftp_channel *ch)
{
    struct sftp_current last;
    if (ch->server) {
        sftp_server_current(ch->server, &last);
        add_sums(&s->closed, &last);
    }
    sftp_server_free(ch->server);
    *ch = (struct sftp_channel){0};
    s->n_open--;
}

void
sftp_channels_on_event(struct sftp_channels *s, const struct conn_event *ev)
{
    if (ev->type == CONN_EV_CHANNEL_OPENED) {
        on_opened(s, ev->chan);
        return;
    }
    struct sftp_channel *ch = channel_of(ev);
    if (!ch)
        return;
    switch (ev->type) {
    case CONN_EV_CHANNEL_REQUEST:
        on_request(s, ch, ev);
        return;
    case CONN_EV_CHANNEL_DATA:
        conn_channel_consumed(ch->chan, feed(s, ch, ev->channel.data));
        return;
    case CONN_EV_CHANNEL_EOF:
        ch->is_eof = true;
        end_if_done(ch);
        return;
    case CONN_EV_CHANNEL_CLOSED:
        on_closed(s, ch);
        return;
    default:
        return;
    }
}

static bool
can_work(const struct sftp_channel *ch)
{
    return ch->server && !ch->is_closing && sftp_server_is_busy(ch->server) &&
           stream_has_room(conn_channel_stream(ch->chan));
}

bool
sftp_channels_work(struct sftp_channels *s)
{
    bool has_more = false;
    for (size_t i = 0; i < SFTP_CHANNELS_MAX; i++) {
        struct sftp_channel *ch = &s->channel[i];
        if (!ch->chan)
            continue;
        if (can_work(ch))
            (void)feed(s, ch, (struct bytes){0});
        end_if_done(ch);
        has_more |= can_work(ch);
    }
    return has_more;
}

bool
sftp_channels_are_full(const struct sftp_channels *s)
{
    for (size_t i = 0; i < SFTP_CHANNELS_MAX; i++)
        if (s->channel[i].chan &&
            !stream_has_room(conn_channel_stream(s->channel[i].chan)))
            return true;
    return false;
}

bool
sftp_channels_are_busy(const struct sftp_channels *s)
{
    for (size_t i = 0; i < SFTP_CHANNELS_MAX; i++)
        if (s->channel[i].server && sftp_server_is_busy(s->channel[i].server))
            return true;
    return false;
}

void
sftp_channels_time_out(struct sftp_channels *s, uint64_t now_ms, uint64_t timeout_ms)
{
    for (size_t i = 0; i < SFTP_CHANNELS_MAX; i++) {
        struct sftp_channel *ch = &s->channel[i];
        if (!ch->chan || ch->is_closing || now_ms < ch->active_ms + timeout_ms)
            continue;
        log_line(s->log, LOG_LEVEL_INFO, "closing a channel that was idle for %llu s",
                 (unsigned long long)timeout_ms / 1000);
        channel_close(ch, 1);
    }
}

uint64_t
sftp_channels_deadline(const struct sftp_channels *s, uint64_t timeout_ms)
{
    uint64_t first = UINT64_MAX;
    for (size_t i = 0; i < SFTP_CHANNELS_MAX; i++) {
        const struct sftp_channel *ch = &s->channel[i];
        if (ch->chan && !ch->is_closing && ch->active_ms + timeout_ms < first)
            first = ch->active_ms + timeout_ms;
    }
    return first;
}

void
sftp_channels_current(const struct sftp_channels *s, struct sftp_current *now)
{
    uint64_t latest = 0;
    *now = s->closed;
    for (size_t i = 0; i < SFTP_CHANNELS_MAX; i++) {
        struct sftp_current c;
        const struct sftp_channel *ch = &s->channel[i];
        if (!ch->server)
            continue;
        sftp_server_current(ch->server, &c);
        add_sums(now, &c);
        if (ch->active_ms < latest)
            continue;
        latest = ch->active_ms;
        now->path = c.path;
        now->flags = c.flags;
        now->offset = c.offset;
        now->size = c.size;
    }
}

void
sftp_channels_clear(struct sftp_channels *s)
{
    for (size_t i = 0; i < SFTP_CHANNELS_MAX; i++) {
        sftp_server_free(s->channel[i].server);
        s->channel[i] = (struct sftp_channel){0};
    }
    s->n_open = 0;
}
