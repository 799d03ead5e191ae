/* See load_session.h. */
#include "load_session.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <time.h>
#include <unistd.h>

#include "crypto/rand.h"
#include "net/clock.h"
#include "net/socket.h"
#include "wire/msg.h"
#include "wire/put.h"

enum { REPLY_MAX = 256 * 1024 };

uint64_t
load_now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void
finish(struct load_session *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    s->state = LOAD_OVER;
}

static void
fail(struct load_session *s, enum err e, const char *what)
{
    fault_set(&s->why, e, 0, "%s", what);
    finish(s);
}

/* ---- out ---- */

/* One exchange and one cipher, the same with every server. */
static const struct conn_config client_config = {
    .role = CONN_CLIENT,
    .software = "FerryLoad",
    .rand = &rand_system,
    .lists = {[ALGO_KEX] = "curve25519-sha256",
              [ALGO_HOST_KEY] = "ssh-ed25519",
              [ALGO_CIPHER] = "aes128-gcm@openssh.com",
              [ALGO_MAC] = "hmac-sha2-256-etm@openssh.com",
              [ALGO_COMPRESSION] = "none",
              [ALGO_USER_KEY] = "ssh-ed25519"},
};

void
load_session_start(struct load_session *s, const struct load_target *target)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(target->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    *s = (struct load_session){.target = target, .since_us = load_now_us()};
    buf_init(&s->reply, REPLY_MAX);
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0 || (connect(s->fd, (struct sockaddr *)&to, sizeof to) != 0 &&
                      errno != EINPROGRESS)) {
        fail(s, ERR_IO, strerror(errno));
        return;
    }
    socket_tune(s->fd);
    enum err e = conn_new(&client_config, clock_now_ms(), &s->conn);
    if (e != ERR_NONE) {
        fail(s, e, "no engine");
        return;
    }
    conn_auth_user(s->conn, target->user);
    pump_init(&s->pump, s->conn, s->fd);
    load_session_run(s, 0);
}

static void
send_sftp(struct load_session *s, enum sftp_msg msg, const void *fields)
{
    struct buf b;
    buf_init(&b, 4096);
    size_t mark = put_string_begin(&b);
    msg_put(&sftp_msgs[msg], &b, fields);
    put_string_end(&b, mark);
    if (stream_write(conn_channel_stream(s->chan), buf_bytes(&b)) != ERR_NONE)
        fail(s, ERR_NOMEM, "a request of a few octets has no room");
    buf_clear(&b);
}

void
load_session_ask(struct load_session *s)
{
    s->state = LOAD_ASKING;
    s->since_us = load_now_us();
    send_sftp(s, SFTP_STAT,
              &(struct sftp_msg_stat){.id = ++s->request_id, .path = BYTES_LIT(".")});
    load_session_run(s, 0);
}

void
load_session_end(struct load_session *s)
{
    if (s->state == LOAD_OVER)
        return;
    s->state = LOAD_ENDING;
    conn_disconnect(s->conn, DISCONNECT_BY_APPLICATION, "done");
    load_session_run(s, 0);
}

void
load_session_clear(struct load_session *s)
{
    finish(s);
    conn_free(s->conn);
    s->conn = NULL;
    buf_clear(&s->reply);
}

/* ---- in ---- */

static void
on_message(struct load_session *s, uint8_t type)
{
    bool is_answer = (s->state == LOAD_LOGGING_IN && type == SSH_FXP_VERSION) ||
                     (s->state == LOAD_ASKING && type == SSH_FXP_ATTRS);
    if (!is_answer) {
        fail(s, ERR_PROTO, "another answer than the one that was due");
        return;
    }
    s->took_us = load_now_us() - s->since_us;
    s->state = LOAD_READY;
}

/* Whole messages: their type is all that matters. */
static void
on_data(struct load_session *s, struct bytes data)
{
    buf_put(&s->reply, data);
    while (s->state != LOAD_OVER) {
        struct cursor c = cursor_of(buf_bytes(&s->reply));
        struct bytes message = cursor_string(&c);
        if (c.failed)
            return;
        struct cursor in = cursor_of(message);
        uint8_t type = cursor_u8(&in);
        buf_drop(&s->reply, 4 + message.n);
        on_message(s, type);
    }
}

static void
sign(struct load_session *s, const struct conn_sign *request)
{
    struct buf signature;
    buf_init(&signature, SIG_BLOB_MAX);
    if (sig_sign(request->algo, s->target->key, request->data, &signature) != ERR_NONE)
        buf_reset(&signature);
    conn_answer_sign(s->conn, request->token, buf_bytes(&signature));
    buf_clear(&signature);
}

static void
on_event(struct load_session *s, const struct conn_event *ev)
{
    switch (ev->type) {
    case CONN_EV_HOST_KEY:
        conn_answer_host_key(s->conn, true);
        return;
    case CONN_EV_AUTH_START:
        conn_auth_publickey(s->conn, sig_by_name(BYTES_LIT("ssh-ed25519")),
                            pubkey_blob(privkey_public(s->target->key)));
        return;
    case CONN_EV_SIGN:
        sign(s, &ev->sign);
        return;
    case CONN_EV_AUTH_FAILURE:
        fail(s, ERR_AUTH, "the key was refused");
        return;
    case CONN_EV_AUTH_SUCCESS:
        if (conn_open_session(s->conn, &s->chan) != ERR_NONE)
            fail(s, ERR_NOMEM, "no channel");
        return;
    case CONN_EV_CHANNEL_OPENED:
        conn_channel_subsystem(ev->chan, "sftp");
        return;
    case CONN_EV_CHANNEL_REQUEST_REPLY:
        send_sftp(s, SFTP_INIT, &(struct sftp_msg_init){.version = 3});
        return;
    case CONN_EV_CHANNEL_DATA:
        conn_channel_consumed(ev->chan, ev->channel.data.n);
        on_data(s, ev->channel.data);
        return;
    case CONN_EV_CHANNEL_OPEN_FAILED:
    case CONN_EV_CHANNEL_CLOSED:
        fail(s, ERR_CLOSED, "the server closed the channel");
        return;
    case CONN_EV_DISCONNECTED:
        if (s->state != LOAD_ENDING)
            fault_set(&s->why, ERR_CLOSED, 0, "%s", conn_fault(s->conn)->text);
        return;
    default:
        return;
    }
}

void
load_session_run(struct load_session *s, short revents)
{
    struct conn_event ev;
    if (s->state == LOAD_OVER)
        return;
    pump_tick(&s->pump);
    pump_read(&s->pump, revents);
    while (s->state != LOAD_OVER && conn_next_event(s->conn, &ev))
        on_event(s, &ev);
    if (s->state == LOAD_OVER)
        return;
    pump_flush(&s->pump);
    if (conn_is_over(s->conn))
        finish(s);
}
