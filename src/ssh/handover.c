/*
 * See handover.h. The state is three records of our wire encoding, one behind
 * the other: the connection, the client's direction, the server's; each is a
 * table of fields below, which the exporter writes and the importer reads.
 *
 * What follows from something else is not carried, so that there is nothing to
 * contradict it: sequence numbers are counts of packets, the exchange hash is
 * the session id, for there was one key exchange. Nor is what a login leaves
 * behind without meaning (the user: the monitor's word counts, not this).
 */
#include "ssh/handover.h"

#include <stdio.h>

#include "ssh/engine.h"

#define HANDOVER_MAGIC 0x46524831U /* "FRH1" */

enum {
    HANDOVER_VERSION = 1,
    /* Far more than limits.auth_requests let through, far less than would wrap. */
    LOGIN_PACKETS_MAX = 1 << 24,
};
#define LOGIN_OCTETS_MAX ((uint64_t)1 << 40)

struct conn_state {
    uint32_t magic, version;
    struct bytes own_ident, peer_ident; /* without line ends */
    struct bytes kex, host_key_algo;    /* names */
    struct bytes host_key;              /* blob */
    struct bytes session_id;            /* also the exchange hash */
    bool is_strict, has_ext_info;
    struct bytes extensions; /* the peer's: string name, string value, each */
    uint32_t kex_age_ms;     /* since the key exchange was over */
    struct bytes unopened; /* octets received: packets as they came, the last cut short */
};

struct direction_state {
    struct bytes cipher, mac; /* names; no MAC with an AEAD */
    bool is_zlib;             /* zlib@openssh.com; nothing was compressed yet */
    struct bytes key, iv, mac_key;
    uint64_t key_octets, key_packets; /* under these keys */
    uint64_t octets, packets;         /* all */
};

#define FIELD(record, type, field)                           \
    {                                                        \
#field, FIELD_##type, offsetof(struct record, field) \
    }

static const struct msg_field conn_fields[] = {
    FIELD(conn_state, u32, magic),         FIELD(conn_state, u32, version),
    FIELD(conn_state, string, own_ident),  FIELD(conn_state, string, peer_ident),
    FIELD(conn_state, string, kex),        FIELD(conn_state, string, host_key_algo),
    FIELD(conn_state, string, host_key),   FIELD(conn_state, string, session_id),
    FIELD(conn_state, boolean, is_strict), FIELD(conn_state, boolean, has_ext_info),
    FIELD(conn_state, string, extensions), FIELD(conn_state, u32, kex_age_ms),
    FIELD(conn_state, string, unopened),
};

static const struct msg_field direction_fields[] = {
    FIELD(direction_state, string, cipher),   FIELD(direction_state, string, mac),
    FIELD(direction_state, boolean, is_zlib), FIELD(direction_state, secret, key),
    FIELD(direction_state, secret, iv),       FIELD(direction_state, secret, mac_key),
    FIELD(direction_state, u64, key_octets),  FIELD(direction_state, u64, key_packets),
    FIELD(direction_state, u64, octets),      FIELD(direction_state, u64, packets),
};

static const struct msg_desc conn_record = {
    .name = "CONN",
    .fields = conn_fields,
    .n_fields = ARRAY_LEN(conn_fields),
    .size = sizeof(struct conn_state),
};

static const struct msg_desc direction_record = {
    .name = "DIRECTION",
    .fields = direction_fields,
    .n_fields = ARRAY_LEN(direction_fields),
    .size = sizeof(struct direction_state),
};

/* ---- out ---- */

/* In this moment nothing is half done: no key exchange runs, no packet is half
 * opened or half sent, and compression has not begun. */
static bool
is_exportable(struct conn *c)
{
    return c->role == CONN_SERVER && !c->is_dead && c->is_fresh && c->n_events == 0 &&
           c->kex.n_done == 1 && kex_is_idle(c) && !c->rx.has_length &&
           !conn_tx_pending(c);
}

static void
put_conn(const struct conn *c, struct buf *out)
{
    const struct kex_run *k = &c->kex;
    uint64_t age = c->now_ms - k->last_done_ms;
    struct conn_state s = {
        .magic = HANDOVER_MAGIC,
        .version = HANDOVER_VERSION,
        .own_ident = bytes_of(c->own_ident, c->own_ident_len),
        .peer_ident = conn_peer_ident(c),
        .kex = bytes_str(k->choice.kex->name),
        .host_key_algo = bytes_str(k->choice.host_key->name),
        .host_key = buf_bytes(&k->host_key),
        .session_id = conn_session_id(c),
        .is_strict = k->is_strict,
        .has_ext_info = c->info.has_ext_info,
        .extensions = buf_bytes(&c->peer_extensions),
        .kex_age_ms = age < UINT32_MAX ? (uint32_t)age : UINT32_MAX,
        .unopened = bytes_skip(packet_rx_raw(&c->rx), c->rx.taken),
    };
    msg_put(&conn_record, out, &s);
}

/* s: the counters; the rest is filled in here. */
static enum err
put_direction(const struct conn *c, int dir, const struct protect *p,
              struct direction_state s, struct buf *out)
{
    const struct algo_choice *choice = &c->kex.choice;
    struct protect_keys keys;
    enum err e = protect_export(p, &keys);
    s.cipher = bytes_str(choice->cipher[dir]->name);
    s.mac = choice->mac[dir] ? bytes_str(choice->mac[dir]->name) : (struct bytes){0};
    s.is_zlib = choice->zlib[dir];
    s.key = bytes_of(keys.key, keys.key_len);
    s.iv = bytes_of(keys.iv, keys.iv_len);
    s.mac_key = bytes_of(keys.mac_key, keys.mac_key_len);
    if (e == ERR_NONE)
        msg_put(&direction_record, out, &s);
    mem_wipe(&keys, sizeof keys);
    return e;
}

/* Two that go on with the same keys would use a nonce twice. */
static void
retire(struct conn *c)
{
    fault_set(&c->fault, ERR_CLOSED, 0, "the connection was handed over");
    c->is_dead = c->told_dead = true;
}

enum err
conn_export(struct conn *c, struct buf *out)
{
    if (!is_exportable(c))
        return ERR_BUG;
    const struct direction_state rx = {.key_octets = c->rx.key_octets,
                                       .key_packets = c->rx.key_packets,
                                       .octets = c->rx.octets,
                                       .packets = c->rx.packets};
    const struct direction_state tx = {.key_octets = c->tx.key_octets,
                                       .key_packets = c->tx.key_packets,
                                       .octets = c->tx.octets,
                                       .packets = c->tx.packets};
    put_conn(c, out);
    enum err e = put_direction(c, DIR_C2S, c->rx.protect, rx, out);
    if (e == ERR_NONE)
        e = put_direction(c, DIR_S2C, c->tx.protect, tx, out);
    retire(c);
    return e != ERR_NONE ? e : buf_err(out);
}

/* ---- in ---- */

struct state {
    struct conn_state conn;
    struct direction_state dir[2]; /* DIR_C2S, DIR_S2C */
};

static enum err
refuse(struct fault *why, const char *what)
{
    return fault_set(why, ERR_PROTO, 0, "not the state of a connection: %s", what);
}

static enum err
read_state(struct bytes octets, struct state *s, struct fault *why)
{
    struct cursor cur = cursor_of(octets);
    if (octets.n > HANDOVER_MAX)
        return refuse(why, "it is too long");
    bool is_whole = msg_get(&conn_record, &cur, &s->conn) &&
                    msg_get(&direction_record, &cur, &s->dir[DIR_C2S]) &&
                    msg_get(&direction_record, &cur, &s->dir[DIR_S2C]);
    if (!is_whole || !cursor_is_done(&cur))
        return refuse(why, "it is cut short, or something is behind it");
    if (s->conn.magic != HANDOVER_MAGIC || s->conn.version != HANDOVER_VERSION)
        return refuse(why, "another format or version");
    return ERR_NONE;
}

/* As if it had come from a peer. */
static bool
parse_ident(struct bytes line, struct ident *id)
{
    struct fault why = {0};
    struct buf b;
    size_t used = 0;
    bool is_done = false;
    buf_init(&b, IDENT_MAX);
    buf_put(&b, line);
    buf_put_str(&b, "\r\n");
    enum err e = buf_err(&b);
    if (e == ERR_NONE)
        e = ident_parse(id, buf_bytes(&b), false, &used, &is_done, &why);
    bool is_whole = e == ERR_NONE && is_done && used == line.n + 2;
    buf_clear(&b);
    return is_whole;
}

static enum err
take_idents(struct conn *c, const struct conn_state *s, struct fault *why)
{
    struct ident own = {0};
    if (!parse_ident(s->own_ident, &own) || !parse_ident(s->peer_ident, &c->peer_ident))
        return refuse(why, "bad identification");
    int n = snprintf(c->own_ident, sizeof c->own_ident, "%s\r\n", own.line);
    if (n < 0 || (size_t)n >= sizeof c->own_ident)
        return ERR_BUG; /* parse_ident has bounded it */
    c->own_ident_len = (size_t)n - 2;
    c->own_ident_sent = (size_t)n;
    return ERR_NONE;
}

static enum err
take_names(struct conn *c, const struct state *s, struct fault *why)
{
    struct algo_choice *choice = &c->kex.choice;
    choice->kex = kex_by_name(s->conn.kex);
    choice->host_key = sig_by_name(s->conn.host_key_algo);
    if (!choice->kex || !choice->host_key)
        return refuse(why, "unknown key exchange or host key algorithm");
    for (int dir = DIR_C2S; dir <= DIR_S2C; dir++) {
        const struct direction_state *d = &s->dir[dir];
        choice->cipher[dir] = cipher_by_name(d->cipher);
        choice->mac[dir] = mac_by_name(d->mac);
        choice->zlib[dir] = d->is_zlib;
        if (!choice->cipher[dir])
            return refuse(why, "unknown cipher");
        if (choice->cipher[dir]->is_aead ? d->mac.n != 0 : !choice->mac[dir])
            return refuse(why, "unknown MAC");
    }
    return ERR_NONE;
}

/* What conn_peer_extensions promises; kex_on_ext_info checked it on the other side. */
static bool
are_extensions(struct bytes list)
{
    struct cursor cur = cursor_of(list);
    for (unsigned i = 0; i < EXT_INFO_MAX && cursor_left(&cur) != 0; i++) {
        cursor_string(&cur);
        cursor_string(&cur);
    }
    return cursor_is_done(&cur) && list.n <= PACKET_MAX_BEFORE_AUTH;
}

static enum err
take_exchange(struct conn *c, const struct conn_state *s, struct fault *why)
{
    struct kex_run *k = &c->kex;
    struct cursor type = cursor_of(s->host_key);
    if (s->session_id.n != hash_len(k->choice.kex->hash))
        return refuse(why, "the session id has another hash's length");
    if (s->host_key.n > KEY_BLOB_MAX ||
        !bytes_eq_str(cursor_string(&type), k->choice.host_key->key_type))
        return refuse(why, "the host key is not the algorithm's");
    if (!are_extensions(s->extensions) || (s->extensions.n != 0 && !s->has_ext_info))
        return refuse(why, "malformed extensions");
    memcpy(k->session_id, s->session_id.p, s->session_id.n);
    memcpy(k->hash, s->session_id.p, s->session_id.n);
    k->session_id_len = k->hash_len = s->session_id.n;
    buf_put(&k->host_key, s->host_key);
    buf_put(&c->peer_extensions, s->extensions);
    k->is_strict = c->rx.is_strict = c->tx.is_strict = s->is_strict;
    k->n_done = 1;
    k->last_done_ms = c->now_ms > s->kex_age_ms ? c->now_ms - s->kex_age_ms : 0;
    kex_note_choice(c);
    c->info.has_ext_info = s->has_ext_info;
    c->info.host_key_blob = buf_bytes(&k->host_key);
    c->info.exchange_hash = bytes_of(k->hash, k->hash_len);
    return buf_err(&k->host_key) != ERR_NONE ? buf_err(&k->host_key)
                                             : buf_err(&c->peer_extensions);
}

/* key_*: under the present keys, so less than all; unopened octets are in all. */
static bool
are_counters(const struct direction_state *d, size_t n_unopened)
{
    return d->packets <= LOGIN_PACKETS_MAX && d->octets <= LOGIN_OCTETS_MAX &&
           d->key_packets < d->packets && d->key_octets <= d->octets &&
           n_unopened <= d->octets - d->key_octets;
}

static enum err
take_keys(const struct conn *c, const struct direction_state *d, int dir,
          struct protect **p, struct fault *why)
{
    const struct cipher_algo *cipher = c->kex.choice.cipher[dir];
    const struct mac_algo *mac = c->kex.choice.mac[dir];
    if (d->key.n != cipher->key_len || d->iv.n != cipher->iv_len ||
        d->mac_key.n != (mac ? mac->key_len : 0))
        return refuse(why, "a key has not its algorithm's length");
    struct protect *next = NULL;
    enum err e =
        protect_new(cipher, mac, dir == DIR_S2C, d->key, d->iv, d->mac_key, &next);
    if (e == ERR_NONE) {
        protect_free(*p);
        *p = next;
    }
    return e;
}

static enum err
take_rx(struct conn *c, const struct state *s, struct fault *why)
{
    const struct direction_state *d = &s->dir[DIR_C2S];
    struct packet_rx *rx = &c->rx;
    if (!are_counters(d, s->conn.unopened.n))
        return refuse(why, "counters that cannot be");
    rx->key_octets = d->key_octets;
    rx->key_packets = d->key_packets;
    rx->packets = d->packets;
    rx->sequence_number = (uint32_t)(rx->is_strict ? d->key_packets : d->packets);
    enum err e = take_keys(c, d, DIR_C2S, &rx->protect, why);
    if (e == ERR_NONE && d->is_zlib)
        e = compress_new(COMPRESS_INFLATE, &rx->inflate);
    packet_rx_start_compression(rx);
    return e;
}

static enum err
take_tx(struct conn *c, const struct state *s, struct fault *why)
{
    const struct direction_state *d = &s->dir[DIR_S2C];
    struct packet_tx *tx = &c->tx;
    if (!are_counters(d, 0))
        return refuse(why, "counters that cannot be");
    tx->key_octets = d->key_octets;
    tx->key_packets = d->key_packets;
    tx->octets = d->octets;
    tx->packets = d->packets;
    tx->sequence_number = (uint32_t)(tx->is_strict ? d->key_packets : d->packets);
    enum err e = take_keys(c, d, DIR_S2C, &tx->protect, why);
    if (e == ERR_NONE && d->is_zlib)
        e = compress_new(COMPRESS_DEFLATE, &tx->compress);
    tx->compresses = tx->compress != NULL;
    return e;
}

static enum err
take_unopened(struct conn *c, const struct state *s, struct fault *why)
{
    struct bytes rest = s->conn.unopened;
    if (rest.n > PACKET_RX_BEFORE_AUTH)
        return refuse(why, "too much was received before the login was over");
    while (rest.n != 0) {
        size_t room = 0;
        uint8_t *space = packet_rx_space(&c->rx, &room);
        size_t n = rest.n < room ? rest.n : room;
        if (!space || n == 0)
            return ERR_NOMEM;
        memcpy(space, rest.p, n);
        packet_rx_added(&c->rx, n);
        rest = bytes_skip(rest, n);
    }
    c->rx.octets = s->dir[DIR_C2S].octets;
    return ERR_NONE;
}

static enum err
take_state(struct conn *c, const struct state *s, struct fault *why)
{
    enum err e = take_idents(c, &s->conn, why);
    if (e == ERR_NONE)
        e = take_names(c, s, why);
    if (e == ERR_NONE)
        e = take_exchange(c, &s->conn, why);
    if (e == ERR_NONE)
        e = take_rx(c, s, why);
    if (e == ERR_NONE)
        e = take_tx(c, s, why);
    if (e == ERR_NONE)
        e = take_unopened(c, s, why);
    if (e != ERR_NONE)
        return e;
    c->phase = PHASE_OPEN;
    c->auth.is_done = true;
    c->is_fresh = true;
    return ERR_NONE;
}

enum err
conn_import(const struct conn_config *config, struct bytes octets, uint64_t now_ms,
            struct conn **out, struct fault *why)
{
    struct state s = {0};
    struct conn *c = NULL;
    if (config->role != CONN_SERVER)
        return ERR_BUG;
    enum err e = read_state(octets, &s, why);
    if (e == ERR_NONE)
        e = conn_make(config, now_ms, &c);
    if (e == ERR_NONE)
        e = take_state(c, &s, why);
    if (e != ERR_NONE) {
        conn_free(c);
        return e;
    }
    *out = c;
    return ERR_NONE;
}
