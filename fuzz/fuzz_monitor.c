/*
 * The monitor's requests, as a connection's process that an attacker owns
 * could send them (threats S2): a sequence of messages on one connection.
 *
 * Input: messages, each an octet op, a uint16 length and that many octets. op
 * 1..4 stretches them with zeros to the size of that request, so that mutated
 * fields and not only sizes are reached; any other op sends them as they are.
 */
#include <stdlib.h>

#include "crypto/rand.h"
#include "daemon/monitor.h"
#include "key/pubkey_line.h"
#include "wire/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct host_keys keys;
static struct account account;

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
    keys.n = 1;
    account_init(&account, "alice", "ssh-ed25519");
    pubkey_line_put(host_keys_blob(&keys, 0), (struct bytes){0}, &text);
    if (account_set_password(&account, BYTES_LIT("secret"), &rand_system) != ERR_NONE ||
        account_set_keys(&account, buf_bytes(&text), "keys", NULL, &why) != ERR_NONE)
        abort();
    buf_clear(&text);
}

static size_t
size_of(uint32_t op)
{
    switch (op) {
    case MONITOR_SIGN:
    case MONITOR_PROVE:
        return sizeof(struct monitor_sign_request);
    case MONITOR_PASSWORD:
        return sizeof(struct monitor_password_request);
    case MONITOR_KEY:
        return sizeof(struct monitor_key_request);
    default:
        return 0;
    }
}

static struct bytes
make_message(uint32_t op, struct bytes body, uint8_t room[MONITOR_MESSAGE_MAX])
{
    size_t n = size_of(op);
    if (n == 0) { /* as it is; the input itself need not be aligned */
        body = bytes_first(body, MONITOR_MESSAGE_MAX);
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

/* Nobody logs in before a hash was signed, nor without a yes. */
static void
check(const struct monitor_session *before, const struct monitor_session *after,
      const struct monitor_reply *reply, enum err err)
{
    if (reply->verdict > 1 || reply->n > sizeof reply->signature)
        abort();
    if (after->is_authenticated && after->session_id.n == 0)
        abort();
    if (after->is_authenticated && !before->is_authenticated &&
        (err != ERR_NONE || reply->verdict != 1))
        abort();
    if (before->is_authenticated && !after->is_authenticated)
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static _Alignas(uint32_t) uint8_t room[MONITOR_MESSAGE_MAX];
    static struct monitor_reply reply;
    const struct monitor monitor = {.keys = &keys, .account = &account};
    struct monitor_session session = {.address = "127.0.0.1"};
    struct cursor c = cursor_of(bytes_of(data, size));
    if (keys.n == 0)
        load();
    while (cursor_left(&c) != 0) {
        uint32_t op = cursor_u8(&c);
        size_t n = cursor_u8(&c);
        n = n << 8 | cursor_u8(&c);
        struct bytes body = cursor_raw(&c, n < cursor_left(&c) ? n : cursor_left(&c));
        if (c.failed)
            break;
        struct monitor_session before = session;
        enum err err =
            monitor_answer(&monitor, &session, make_message(op, body, room), &reply);
        check(&before, &session, &reply, err);
        if (err != ERR_NONE)
            break;
    }
    return 0;
}
