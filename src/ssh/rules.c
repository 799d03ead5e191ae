/*
 * Which message may arrive in which phase, in which role, and who handles it.
 *
 * This table is the only place that knows. What is not in it ends the
 * connection (threats T2), except that a message number nobody knows is
 * answered with UNIMPLEMENTED once authentication is over (RFC 4253 11.4).
 * Handlers check their message, never the phase. Read the first two columns
 * down to PHASE_OPEN to see all that an unauthenticated peer can reach.
 */
#include "base/log.h"
#include "ssh/engine.h"

#define IN(phase) (1U << PHASE_##phase)

enum {
    KEX_PHASES = IN(KEXINIT) | IN(KEX_INIT) | IN(KEX_REPLY) | IN(GEX_GROUP) |
                 IN(GEX_REPLY) | IN(NEWKEYS),
    AUTH_PHASES =
        IN(AUTH) | IN(AUTH_PASSWORD) | IN(AUTH_QUERY) | IN(AUTH_KBDINT) | IN(AUTH_ANSWER),
    ANY_PHASE = KEX_PHASES | IN(SERVICE) | AUTH_PHASES | IN(OPEN),
};

enum role_mask {
    AT_CLIENT = 1 << CONN_CLIENT, /* received by a client */
    AT_SERVER = 1 << CONN_SERVER,
    AT_BOTH = AT_CLIENT | AT_SERVER
};

/* In strict key exchange, nothing but the exchange itself may come before the
 * first NEWKEYS (OpenSSH's PROTOCOL 1.9; threats T3). */
enum strictness { STRICT_OK, STRICT_NOT };

struct rule {
    enum ssh_msg msg;
    enum role_mask roles;
    unsigned phases;
    enum strictness strictness;
    enum err (*handle)(struct conn *c, const void *msg);
};

static enum err on_disconnect(struct conn *c, const void *msg);
static enum err on_nothing(struct conn *c, const void *msg);
static enum err on_debug(struct conn *c, const void *msg);
static enum err on_ping(struct conn *c, const void *msg);

static const struct rule rules[] = {
    {SSH_DISCONNECT, AT_BOTH, ANY_PHASE, STRICT_OK, on_disconnect},
    {SSH_IGNORE, AT_BOTH, ANY_PHASE, STRICT_NOT, on_nothing},
    {SSH_UNIMPLEMENTED, AT_BOTH, ANY_PHASE, STRICT_NOT, on_nothing},
    {SSH_DEBUG, AT_BOTH, ANY_PHASE, STRICT_NOT, on_debug},

    {SSH_KEXINIT, AT_BOTH, IN(KEXINIT) | IN(OPEN), STRICT_OK, kex_on_kexinit},
    {SSH_KEX_INIT, AT_SERVER, IN(KEX_INIT), STRICT_OK, kex_on_init},
    {SSH_KEX_REPLY, AT_CLIENT, IN(KEX_REPLY), STRICT_OK, kex_on_reply},
    {SSH_GEX_GROUP, AT_CLIENT, IN(GEX_GROUP), STRICT_OK, kex_on_gex_group},
    {SSH_GEX_REPLY, AT_CLIENT, IN(GEX_REPLY), STRICT_OK, kex_on_gex_reply},
    {SSH_NEWKEYS, AT_BOTH, IN(NEWKEYS), STRICT_OK, kex_on_newkeys},
    {SSH_EXT_INFO, AT_BOTH, IN(SERVICE) | AUTH_PHASES, STRICT_NOT, kex_on_ext_info},

    {SSH_SERVICE_REQUEST, AT_SERVER, IN(SERVICE) | IN(AUTH), STRICT_NOT,
     auth_on_service_request},
    {SSH_SERVICE_ACCEPT, AT_CLIENT, IN(SERVICE), STRICT_NOT, auth_on_service_accept},
    {SSH_USERAUTH_REQUEST, AT_SERVER, IN(AUTH) | IN(AUTH_ANSWER), STRICT_NOT,
     auth_on_request},
    /* A pipelining client's requests behind the one that succeeded: RFC 4252 5.3 */
    {SSH_USERAUTH_REQUEST, AT_SERVER, IN(OPEN), STRICT_NOT, on_nothing},
    {SSH_USERAUTH_INFO_RESPONSE, AT_SERVER, IN(AUTH_ANSWER), STRICT_NOT,
     auth_on_info_response},
    {SSH_USERAUTH_FAILURE, AT_CLIENT, AUTH_PHASES, STRICT_NOT, auth_on_failure},
    {SSH_USERAUTH_SUCCESS, AT_CLIENT, AUTH_PHASES, STRICT_NOT, auth_on_success},
    {SSH_USERAUTH_BANNER, AT_CLIENT, IN(SERVICE) | AUTH_PHASES, STRICT_NOT,
     auth_on_banner},
    {SSH_USERAUTH_PK_OK, AT_CLIENT, IN(AUTH_QUERY), STRICT_NOT, auth_on_pk_ok},
    {SSH_USERAUTH_PASSWD_CHANGEREQ, AT_CLIENT, IN(AUTH_PASSWORD), STRICT_NOT,
     auth_on_passwd_changereq},
    {SSH_USERAUTH_INFO_REQUEST, AT_CLIENT, IN(AUTH_KBDINT), STRICT_NOT,
     auth_on_info_request},

    {SSH_GLOBAL_REQUEST, AT_BOTH, IN(OPEN), STRICT_NOT, global_on_request},
    {SSH_REQUEST_SUCCESS, AT_BOTH, IN(OPEN), STRICT_NOT, global_on_success},
    {SSH_REQUEST_FAILURE, AT_BOTH, IN(OPEN), STRICT_NOT, global_on_failure},
    {SSH_CHANNEL_OPEN, AT_BOTH, IN(OPEN), STRICT_NOT, chan_on_open},
    {SSH_CHANNEL_OPEN_CONFIRMATION, AT_CLIENT, IN(OPEN), STRICT_NOT,
     chan_on_confirmation},
    {SSH_CHANNEL_OPEN_FAILURE, AT_CLIENT, IN(OPEN), STRICT_NOT, chan_on_open_failure},
    {SSH_CHANNEL_WINDOW_ADJUST, AT_BOTH, IN(OPEN), STRICT_NOT, chan_on_window_adjust},
    {SSH_CHANNEL_DATA, AT_BOTH, IN(OPEN), STRICT_NOT, chan_on_data},
    {SSH_CHANNEL_EXTENDED_DATA, AT_BOTH, IN(OPEN), STRICT_NOT, chan_on_extended_data},
    {SSH_CHANNEL_EOF, AT_BOTH, IN(OPEN), STRICT_NOT, chan_on_eof},
    {SSH_CHANNEL_CLOSE, AT_BOTH, IN(OPEN), STRICT_NOT, chan_on_close},
    {SSH_CHANNEL_REQUEST, AT_BOTH, IN(OPEN), STRICT_NOT, chan_on_request},
    {SSH_CHANNEL_SUCCESS, AT_BOTH, IN(OPEN), STRICT_NOT, chan_on_success},
    {SSH_CHANNEL_FAILURE, AT_BOTH, IN(OPEN), STRICT_NOT, chan_on_failure},

    {SSH_PING, AT_BOTH, IN(OPEN), STRICT_NOT, on_ping},
    {SSH_PING, AT_BOTH, IN(SERVICE) | AUTH_PHASES, STRICT_NOT, on_nothing}, /* T4 */
    {SSH_PONG, AT_BOTH, IN(OPEN), STRICT_NOT, on_nothing},
};

/* Peers that go on sending channel messages behind their KEXINIT, against RFC
 * 4253 7.1. They are taken as if none were under way: windows and CONTROL_MAX
 * bound them as ever. Only in rekeys, only these. */
static const char *const talkative_peers[] = {"AsyncSSH_2.10."};

static enum phase
phase_for(const struct conn *c, uint8_t number)
{
    bool is_rekeying = c->kex.n_done != 0 && c->phase < PHASE_SERVICE;
    struct bytes peer = bytes_str(c->peer_ident.software);
    if (!is_rekeying || number < SSH_MSG_CHANNEL_WINDOW_ADJUST ||
        number > SSH_MSG_CHANNEL_FAILURE)
        return c->phase;
    for (size_t i = 0; i < ARRAY_LEN(talkative_peers); i++)
        if (bytes_has_prefix(peer, talkative_peers[i]))
            return PHASE_OPEN;
    return c->phase;
}

static const struct rule *
find_rule(const struct conn *c, uint8_t number)
{
    enum phase phase = phase_for(c, number);
    bool is_first_kex = c->kex.n_done == 0 && c->phase < PHASE_SERVICE;
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        const struct rule *r = &rules[i];
        if (ssh_msgs[r->msg].number != number || !(r->phases & 1U << phase) ||
            !(r->roles & 1U << c->role))
            continue;
        if (c->kex.is_strict && is_first_kex && r->strictness == STRICT_NOT)
            continue;
        return r;
    }
    return NULL;
}

static bool
is_known_number(uint8_t number)
{
    for (size_t i = 0; i < SSH_MSG_COUNT; i++)
        if (ssh_msgs[i].number == number && number != 0)
            return true;
    return false;
}

static enum err
refuse(struct conn *c, uint8_t number)
{
    bool is_kex_pending = c->kex.is_running && c->kex.peer_received;
    if (c->phase != PHASE_OPEN || is_kex_pending || number == 0 ||
        is_known_number(number))
        return conn_fail_proto(c, "message %u may not come now", number);
    struct ssh_unimplemented m = {.sequence_number = c->rx.sequence_number - 1};
    return conn_send(c, SSH_UNIMPLEMENTED, &m);
}

/* Any message's struct fits: they are bounded by the widest row, KEXINIT. */
union msg_store {
    struct ssh_kexinit widest;
    struct ssh_userauth_info_request also_wide;
};

enum err
rules_dispatch(struct conn *c, struct bytes payload)
{
    uint8_t number = payload.p[0];
    if (c->kex.skip_guess && number >= SSH_MSG_KEX_INIT && number <= 49) {
        c->kex.skip_guess = false; /* a guess that was wrong: RFC 4253 7 */
        return ERR_NONE;
    }
    const struct rule *r = find_rule(c, number);
    if (!r)
        return refuse(c, number);
    const struct msg_desc *desc = &ssh_msgs[r->msg];
    conn_trace_msg(c, "<-", desc, payload);
    union msg_store store;
    if (desc->size > sizeof store)
        return conn_fail(c, ERR_BUG, DISCONNECT_BY_APPLICATION, "message too wide");
    struct cursor cur = cursor_of(bytes_skip(payload, 1));
    bool is_bulk =
        desc->n_fields != 0 && desc->fields[desc->n_fields - 1].type == FIELD_bulk;
    if (!msg_get(desc, &cur, &store))
        return conn_fail_proto(c, "malformed %s message", desc->name);
    if (!is_bulk && !cursor_is_done(&cur))
        return conn_fail_proto(c, "%zu octets behind a %s message", cursor_left(&cur),
                               desc->name);
    return r->handle(c, &store);
}

static enum err
on_disconnect(struct conn *c, const void *msg)
{
    const struct ssh_disconnect *m = msg;
    struct buf text;
    buf_init(&text, 1024);
    text_escape(&text, m->description, 160);
    const char *words = buf_cstr(&text);
    fault_set(&c->fault, ERR_CLOSED, m->reason_code, "the peer disconnected: %s",
              words ? words : "");
    buf_clear(&text);
    c->is_dead = true;
    c->rx_ended = true;
    packet_queue_clear(&c->tx.queue); /* RFC 4253 11.1: nothing may follow */
    packet_queue_clear(&c->tx.urgent);
    return ERR_CLOSED;
}

static enum err
on_nothing(struct conn *c, const void *msg)
{
    (void)c;
    (void)msg;
    return ERR_NONE;
}

static enum err
on_debug(struct conn *c, const void *msg)
{
    const struct ssh_debug *m = msg;
    struct buf text;
    buf_init(&text, 1024);
    text_escape(&text, m->message, 200);
    const char *words = buf_cstr(&text);
    log_line(c->log, LOG_LEVEL_DEBUG, "the peer says: %s", words ? words : "");
    buf_clear(&text);
    return ERR_NONE;
}

static enum err
on_ping(struct conn *c, const void *msg)
{
    const struct ssh_ping *m = msg;
    struct ssh_pong pong = {.data = m->data};
    return conn_send(c, SSH_PONG, &pong);
}
