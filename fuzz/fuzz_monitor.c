/*
 * The monitor's requests, as a process that meets a peer and that an attacker
 * owns could send them (threats S2): a sequence of messages of one connection.
 *
 * Input: messages, each an octet op, a uint16 length and that many octets. The
 * op's highest bit tells from which end. An op that is known stretches the octets
 * with zeros to the size of its request, so that mutated fields and not only
 * sizes are reached; any other sends them as they are.
 */
#include <stdlib.h>

#include "crypto/rand.h"
#include "daemon/monitor.h"
#include "daemon/verdict_single.h"
#include "key/pubkey_line.h"
#include "wire/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MESSAGE_MAX = 1 << 16, FROM_SESSION = 0x80 };

static struct host_keys keys;
static struct daemon_public public;
static struct account account;
static struct grant grant;

/* One key that may log in: the host's own, since it is at hand. */
static void
load(void)
{
    struct buf text;
    struct fault why = {0};
    buf_init(&text, 4096);
    if (crypto_init() != ERR_NONE ||
        privkey_generate(KEY_ED25519, 0, &keys.key[0]) != ERR_NONE)
        abort();
    keys.n = public.n_keys = 1;
    struct bytes blob = host_keys_blob(&keys, 0);
    public.key[0].n = (uint32_t)blob.n;
    memcpy(public.key[0].p, blob.p, blob.n);
    account_init(&account, "alice", "ssh-ed25519");
    pubkey_line_put(host_keys_blob(&keys, 0), (struct bytes){0}, &text);
    if (account_set_password(&account, BYTES_LIT("secret"), &rand_system) != ERR_NONE ||
        account_set_keys(&account, buf_bytes(&text), "keys", NULL, &why) != ERR_NONE)
        abort();
    buf_clear(&text);
}

static enum err
verdict_new(void *ctx, struct monitor_conn *c, const struct verdict_peer *peer,
            struct verdict **v)
{
    (void)ctx, (void)c;
    return verdict_single_new(&account, &grant, NULL, peer, v);
}

static enum err
charge(void *ctx, struct monitor_conn *c, const struct monitor_charge *r,
       struct monitor_reply *reply, enum monitor_progress *progress)
{
    (void)ctx, (void)c, (void)r, (void)reply, (void)progress;
    return ERR_NONE;
}

static enum err
record(void *ctx, struct monitor_conn *c, const struct record *r,
       struct monitor_reply *reply, enum monitor_progress *progress)
{
    (void)ctx, (void)c, (void)reply, (void)progress;
    if (r->path_len > sizeof r->path || r->connection != c->id)
        abort();
    return ERR_NONE;
}

static enum err
name(void *ctx, struct monitor_conn *c, const struct monitor_name_request *r,
     struct monitor_reply *reply, enum monitor_progress *progress)
{
    (void)ctx, (void)c, (void)r, (void)reply, (void)progress;
    return ERR_NONE;
}

static void
leave(void *ctx, struct monitor_conn *c)
{
    (void)ctx, (void)c;
}

static struct bytes
make_message(uint32_t op, struct bytes body, uint8_t room[MESSAGE_MAX])
{
    size_t n = monitor_request_size(op);
    if (n == 0) { /* as it is; the input itself need not be aligned */
        body = bytes_first(body, MESSAGE_MAX);
        if (body.n != 0)
            memcpy(room, body.p, body.n);
        return bytes_of(room, body.n);
    }
    memset(room, 0, n);
    memcpy(room, &op, sizeof op);
    if (body.n > n - sizeof op)
        body.n = n - sizeof op;
    if (body.n != 0)
        memcpy(room + sizeof op, body.p, body.n);
    return bytes_of(room, n);
}

/* Nobody logs in before a hash was signed, nor without a yes; nobody logs out. */
static void
check(const struct monitor_conn *before, const struct monitor_conn *after,
      const struct monitor_reply *reply, enum err err)
{
    if (after->is_authenticated && after->session_id.n == 0)
        abort();
    if (after->is_authenticated && !before->is_authenticated &&
        (err != ERR_NONE || reply->login.verdict != LOGIN_ACCEPTED))
        abort();
    if (before->is_authenticated && !after->is_authenticated)
        abort();
}

static enum err
feed(const struct monitor *monitor, struct monitor_conn *conn, struct cursor *in)
{
    static _Alignas(uint64_t) uint8_t room[MESSAGE_MAX];
    static struct monitor_reply reply;
    enum monitor_progress progress;
    uint32_t op = cursor_u8(in);
    enum monitor_end end = op & FROM_SESSION ? MONITOR_SESSION : MONITOR_PRE_AUTH;
    size_t n = cursor_u8(in);
    n = n << 8 | cursor_u8(in);
    struct bytes body = cursor_raw(in, n < cursor_left(in) ? n : cursor_left(in));
    if (in->failed)
        return ERR_CLOSED;
    struct monitor_conn before = *conn;
    struct bytes message = make_message(op & ~(uint32_t)FROM_SESSION, body, room);
    enum err err = monitor_answer(monitor, conn, end, message, &reply, &progress);
    check(&before, conn, &reply, err);
    return err;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct monitor_backend backend = {verdict_new, charge, record,
                                            name,        leave,  NULL};
    const struct monitor monitor = {&keys, &public, &backend, NULL};
    struct monitor_conn conn = {.id = 1, .address = "127.0.0.1"};
    struct cursor in = cursor_of(bytes_of(data, size));
    if (keys.n == 0)
        load();
    while (cursor_left(&in) != 0 && feed(&monitor, &conn, &in) == ERR_NONE)
        ;
    monitor_conn_clear(&conn);
    return 0;
}
