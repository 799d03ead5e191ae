/*
 * The key exchange, first and later ones, in both roles: KEXINIT, the
 * method's messages, the exchange hash, its signature, NEWKEYS, EXT_INFO.
 * RFC 4253 7-9, 4419, 5656, 8308, 8731; strict key exchange of OpenSSH's
 * PROTOCOL 1.9. What may arrive when is rules.c's business.
 *
 *   client                                server
 *   KEXINIT ->                            <- KEXINIT
 *   KEX_INIT (Q_C) ->
 *                                         <- KEX_REPLY (K_S, Q_S, signature of H)
 *                                         <- NEWKEYS [EXT_INFO]
 *   NEWKEYS [EXT_INFO] ->
 */
#include "ssh/engine.h"

#include "key/cert.h"

/* Rekeying by the peer: this many are free, then one a second (threats T11). One
 * that comes after some data counts as none: a client told to rekey by volume
 * does so many times a second on a fast link, and OpenSSH (9.2, RekeyLimit below
 * 1 MB) sends no more than 128 KiB in between. */
enum { PEER_REKEYS_FREE = 8, PEER_REKEY_MS = 1000, PEER_REKEY_OCTETS = 64 * 1024 };

/* Hard bound on packets under one key, below the sequence number's wrap. */
#define REKEY_PACKETS ((uint64_t)1 << 31)
#define REKEY_OCTETS  ((uint64_t)4 << 30)

enum { EXT_INFO_TIMES = 2 };

enum { GEX_MIN_BITS = 2048, GEX_MAX_BITS = 8192 };

static struct bytes
session_id(const struct conn *c)
{
    return bytes_of(c->kex.session_id, c->kex.session_id_len);
}

static struct bytes
exchange_hash(const struct conn *c)
{
    return bytes_of(c->kex.hash, c->kex.hash_len);
}

static int
tx_direction(const struct conn *c)
{
    return c->role == CONN_CLIENT ? DIR_C2S : DIR_S2C;
}

bool
kex_is_idle(const struct conn *c)
{
    return !c->kex.is_running;
}

void
kex_clear(struct kex_run *k)
{
    kex_free(k->ephemeral);
    k->ephemeral = NULL;
    struct buf *const bufs[] = {&k->own_init, &k->peer_init,     &k->gex_p,
                                &k->gex_g,    &k->client_public, &k->server_public,
                                &k->secret,   &k->host_key,      &k->accepted_host_key,
                                &k->signature};
    for (size_t i = 0; i < ARRAY_LEN(bufs); i++)
        buf_clear(bufs[i]);
    mem_wipe(k->hash, sizeof k->hash);
}

/* ---- KEXINIT out ---- */

/* The key exchange list; in the first exchange with the pseudo-methods that
 * announce strict key exchange and EXT_INFO (never chosen: each role's differ). */
static void
put_kex_list(const struct conn *c, struct buf *out)
{
    buf_put_str(out, c->lists[ALGO_KEX]);
    if (c->kex.n_done != 0)
        return;
    buf_put_str(out, c->role == CONN_CLIENT ? ",ext-info-c,kex-strict-c-v00@openssh.com"
                                            : ",ext-info-s,kex-strict-s-v00@openssh.com");
}

/* The blob of the server's host key that an algorithm can use; empty: none. */
static struct bytes
find_host_key(const struct conn *c, const struct sig_algo *algo)
{
    struct cursor keys = cursor_of(buf_bytes(&c->host_keys));
    while (cursor_left(&keys) != 0) {
        struct bytes blob = cursor_string(&keys);
        struct cursor type = cursor_of(blob);
        if (bytes_eq_str(cursor_string(&type), algo->key_type))
            return blob;
    }
    return (struct bytes){0};
}

/* The host key list: a server offers only what it can sign with. */
static void
put_host_key_list(const struct conn *c, struct buf *out)
{
    struct bytes rest = bytes_str(c->lists[ALGO_HOST_KEY]), name;
    while (bytes_next_item(&rest, &name)) {
        const struct sig_algo *algo = sig_by_name(name);
        if (!algo || (c->role == CONN_SERVER && find_host_key(c, algo).n == 0))
            continue;
        if (out->n != 0)
            buf_put_u8(out, ',');
        buf_put(out, name);
    }
}

static enum err
build_kexinit(struct conn *c, struct buf *payload)
{
    uint8_t cookie[MSG_COOKIE_LEN];
    enum err e = rand_fill(c->rand, cookie, sizeof cookie);
    if (e != ERR_NONE)
        return e;
    struct buf kex, host_key;
    buf_init(&kex, 4096);
    buf_init(&host_key, 4096);
    put_kex_list(c, &kex);
    put_host_key_list(c, &host_key);
    struct bytes cipher = bytes_str(c->lists[ALGO_CIPHER]);
    struct bytes mac = bytes_str(c->lists[ALGO_MAC]);
    struct bytes compression = bytes_str(c->lists[ALGO_COMPRESSION]);
    struct ssh_kexinit m = {
        .cookie = bytes_of(cookie, sizeof cookie),
        .kex_algorithms = buf_bytes(&kex),
        .server_host_key_algorithms = buf_bytes(&host_key),
        .encryption_client_to_server = cipher,
        .encryption_server_to_client = cipher,
        .mac_client_to_server = mac,
        .mac_server_to_client = mac,
        .compression_client_to_server = compression,
        .compression_server_to_client = compression,
    };
    buf_reset(payload);
    msg_put(&ssh_msgs[SSH_KEXINIT], payload, &m);
    e = buf_err(&kex) != ERR_NONE ? buf_err(&kex) : buf_err(&host_key);
    buf_clear(&kex);
    buf_clear(&host_key);
    return e != ERR_NONE ? e : buf_err(payload);
}

enum err
kex_start(struct conn *c)
{
    struct kex_run *k = &c->kex;
    if (k->own_sent)
        return ERR_NONE;
    /* Own NEWKEYS of the last exchange may still be queued: it must be sealed
     * before the queue is held again. */
    enum err e = c->tx.next_protect ? packet_tx_seal(&c->tx, SIZE_MAX) : ERR_NONE;
    if (e == ERR_NONE)
        e = build_kexinit(c, &k->own_init);
    if (e == ERR_NONE)
        e = conn_send_payload(c, buf_bytes(&k->own_init), PACKET_PLAIN, true);
    if (e != ERR_NONE)
        return conn_fail(c, e, DISCONNECT_KEY_EXCHANGE_FAILED, "cannot build KEXINIT");
    if (!k->is_running)
        k->started_ms = c->now_ms;
    k->is_running = true;
    k->own_sent = true;
    c->tx.is_held = true;
    return ERR_NONE;
}

enum err
kex_check_rekey(struct conn *c)
{
    if (!c->auth.is_done || c->is_fresh || c->kex.is_running || c->tx.next_protect)
        return ERR_NONE;
    const struct algo_choice *choice = &c->kex.choice;
    uint64_t octets = c->limits.rekey_octets ? c->limits.rekey_octets : REKEY_OCTETS;
    for (int dir = DIR_C2S; dir <= DIR_S2C; dir++)
        if (choice->cipher[dir] && choice->cipher[dir]->rekey_octets < octets)
            octets = choice->cipher[dir]->rekey_octets;
    bool is_due = c->tx.key_octets >= octets || c->rx.key_octets >= octets ||
                  c->tx.key_packets >= REKEY_PACKETS ||
                  c->rx.key_packets >= REKEY_PACKETS ||
                  c->now_ms - c->kex.last_done_ms >= c->limits.rekey_ms;
    return is_due ? kex_start(c) : ERR_NONE;
}

/* ---- KEXINIT in ---- */

static void
note_lists(struct bytes out[8], const struct ssh_kexinit *k)
{
    const struct bytes lists[8] = {
        k->kex_algorithms,
        k->server_host_key_algorithms,
        k->encryption_client_to_server,
        k->encryption_server_to_client,
        k->mac_client_to_server,
        k->mac_server_to_client,
        k->compression_client_to_server,
        k->compression_server_to_client,
    };
    memcpy(out, lists, sizeof lists);
}

static const char *
mac_name(const struct mac_algo *mac)
{
    return mac ? mac->name : "implicit";
}

void
kex_note_choice(struct conn *c)
{
    const struct algo_choice *choice = &c->kex.choice;
    c->info = (struct conn_kex_info){
        .kex = choice->kex->name,
        .host_key = choice->host_key->name,
        .cipher_c2s = choice->cipher[DIR_C2S]->name,
        .cipher_s2c = choice->cipher[DIR_S2C]->name,
        .mac_c2s = mac_name(choice->mac[DIR_C2S]),
        .mac_s2c = mac_name(choice->mac[DIR_S2C]),
        .compression_c2s = choice->zlib[DIR_C2S] ? "zlib@openssh.com" : "none",
        .compression_s2c = choice->zlib[DIR_S2C] ? "zlib@openssh.com" : "none",
        .is_strict = c->kex.is_strict,
        .is_post_quantum = choice->kex->is_post_quantum,
        .has_ext_info = c->n_ext_info != 0,
        .n_kex = c->kex.n_done,
    };
}

static void
note_kexinits(struct conn *c, const struct ssh_kexinit *own,
              const struct ssh_kexinit *peer)
{
    c->info.local_cookie = own->cookie;
    c->info.peer_cookie = peer->cookie;
    note_lists(c->info.local_lists, own);
    note_lists(c->info.peer_lists, peer);
}

/* What only the first KEXINIT can say. */
static enum err
take_pseudo_methods(struct conn *c, const struct ssh_kexinit *peer)
{
    if (c->kex.n_done != 0)
        return ERR_NONE;
    bool is_server = c->role == CONN_SERVER;
    c->kex.peer_wants_ext_info =
        name_list_has(peer->kex_algorithms, is_server ? "ext-info-c" : "ext-info-s");
    c->kex.is_strict =
        name_list_has(peer->kex_algorithms, is_server ? "kex-strict-c-v00@openssh.com"
                                                      : "kex-strict-s-v00@openssh.com");
    c->tx.is_strict = c->rx.is_strict = c->kex.is_strict;
    /* sequence_number is the next packet's: KEXINIT must have been number 0 */
    if (c->kex.is_strict && c->rx.sequence_number != 1)
        return conn_fail_proto(c,
                               "strict key exchange: KEXINIT was not the first message");
    return ERR_NONE;
}

static enum err
limit_peer_rekeys(struct conn *c)
{
    struct kex_run *k = &c->kex;
    if (k->n_done == 0 || k->own_sent)
        return ERR_NONE;
    bool is_fast = c->now_ms - k->last_done_ms < PEER_REKEY_MS &&
                   c->rx.key_octets + c->tx.key_octets < PEER_REKEY_OCTETS;
    if (!is_fast || ++k->n_peer_started <= PEER_REKEYS_FREE)
        return ERR_NONE;
    return conn_fail(c, ERR_LIMIT, DISCONNECT_PROTOCOL_ERROR,
                     "the peer starts key exchanges too often");
}

static enum err choose_and_begin(struct conn *c, const struct ssh_kexinit *peer);

enum err
kex_on_kexinit(struct conn *c, const void *msg)
{
    const struct ssh_kexinit *peer = msg;
    struct kex_run *k = &c->kex;
    enum err e = limit_peer_rekeys(c);
    if (e == ERR_NONE)
        e = take_pseudo_methods(c, peer);
    if (e == ERR_NONE)
        e = kex_start(c);
    if (e != ERR_NONE)
        return e;
    k->peer_received = true;
    /* Keep the payload: it goes into the exchange hash, and the lists of
     * conn_kex_info are views of it. Decoded again so that they are. */
    buf_reset(&k->peer_init);
    buf_put(&k->peer_init, c->payload);
    if (buf_err(&k->peer_init) != ERR_NONE)
        return conn_fail(c, buf_err(&k->peer_init), DISCONNECT_KEY_EXCHANGE_FAILED,
                         "KEXINIT is too long");
    struct ssh_kexinit kept;
    struct cursor cur = cursor_of(bytes_skip(buf_bytes(&k->peer_init), 1));
    if (!msg_get(&ssh_msgs[SSH_KEXINIT], &cur, &kept))
        return conn_fail(c, ERR_BUG, DISCONNECT_BY_APPLICATION, "KEXINIT changed");
    return choose_and_begin(c, &kept);
}

static enum err begin_as_client(struct conn *c);

static enum err
choose_and_begin(struct conn *c, const struct ssh_kexinit *peer)
{
    struct kex_run *k = &c->kex;
    struct ssh_kexinit own;
    struct cursor cur = cursor_of(bytes_skip(buf_bytes(&k->own_init), 1));
    if (!msg_get(&ssh_msgs[SSH_KEXINIT], &cur, &own))
        return conn_fail(c, ERR_BUG, DISCONNECT_BY_APPLICATION,
                         "own KEXINIT is malformed");
    struct fault why = {0};
    bool is_client = c->role == CONN_CLIENT;
    enum err e =
        negotiate(is_client ? &own : peer, is_client ? peer : &own, &k->choice, &why);
    if (e != ERR_NONE)
        return conn_fail(c, e, why.reason, "%s", why.text);
    k->skip_guess = peer->first_kex_packet_follows && !k->choice.guess_was_right;
    kex_note_choice(c);
    note_kexinits(c, &own, peer);
    conn_raise(c, CONN_EV_NEGOTIATED, NULL);
    log_trace(c->log, TRACE_KEX, "chose %s, %s, %s/%s, %s/%s%s", c->info.kex,
              c->info.host_key, c->info.cipher_c2s, c->info.mac_c2s, c->info.cipher_s2c,
              c->info.mac_s2c, k->is_strict ? ", strict" : "");
    if (is_client)
        return begin_as_client(c);
    c->phase = PHASE_KEX_INIT;
    return ERR_NONE;
}

/* ---- client: public value out ---- */

/* Bits of modulus to ask for, by the strength that the cipher needs
 * (SP 800-57, as OpenSSH's dh.c). */
static uint32_t
gex_bits(const struct algo_choice *choice)
{
    size_t key_len = 0;
    for (int dir = DIR_C2S; dir <= DIR_S2C; dir++)
        if (choice->cipher[dir]->key_len > key_len)
            key_len = choice->cipher[dir]->key_len;
    return key_len <= 16 ? 3072 : key_len <= 24 ? 7680 : GEX_MAX_BITS;
}

static enum err
send_public(struct conn *c, enum ssh_msg msg)
{
    struct kex_run *k = &c->kex;
    struct bytes public_value = kex_public(k->ephemeral);
    buf_reset(&k->client_public);
    buf_put(&k->client_public, public_value);
    if (buf_err(&k->client_public) != ERR_NONE)
        return conn_fail(c, buf_err(&k->client_public), DISCONNECT_KEY_EXCHANGE_FAILED,
                         "no memory for a public value");
    if (msg == SSH_GEX_INIT)
        return conn_send_urgent(c, msg,
                                &(struct ssh_gex_init){.client_public = public_value});
    return conn_send_urgent(c, msg,
                            &(struct ssh_kex_init){.client_public = public_value});
}

static enum err
begin_as_client(struct conn *c)
{
    struct kex_run *k = &c->kex;
    kex_free(k->ephemeral);
    k->ephemeral = NULL;
    enum err e = kex_new(k->choice.kex, c->rand, &k->ephemeral);
    if (e != ERR_NONE)
        return conn_fail(c, e, DISCONNECT_KEY_EXCHANGE_FAILED,
                         "cannot make a %s key pair", k->choice.kex->name);
    if (!k->choice.kex->is_group_exchange) {
        c->phase = PHASE_KEX_REPLY;
        return send_public(c, SSH_KEX_INIT);
    }
    c->phase = PHASE_GEX_GROUP;
    k->gex_min = GEX_MIN_BITS;
    k->gex_n = gex_bits(&k->choice);
    k->gex_max = GEX_MAX_BITS;
    struct ssh_gex_request m = {.min = k->gex_min, .n = k->gex_n, .max = k->gex_max};
    return conn_send_urgent(c, SSH_GEX_REQUEST, &m);
}

enum err
kex_on_gex_group(struct conn *c, const void *msg)
{
    const struct ssh_gex_group *m = msg;
    struct kex_run *k = &c->kex;
    enum err e = kex_gex_group(k->ephemeral, m->p, m->g, k->gex_min, k->gex_max);
    if (e != ERR_NONE)
        return conn_fail(c, e, DISCONNECT_KEY_EXCHANGE_FAILED,
                         "the server's Diffie-Hellman group is not acceptable");
    buf_reset(&k->gex_p);
    buf_reset(&k->gex_g);
    buf_put(&k->gex_p, m->p);
    buf_put(&k->gex_g, m->g);
    c->phase = PHASE_GEX_REPLY;
    return send_public(c, SSH_GEX_INIT);
}

/* ---- exchange hash and keys ---- */

/* What is hashed, in order: RFC 4253 8, RFC 4419 3. K follows separately. */
static void
put_hash_input(const struct conn *c, struct buf *b)
{
    const struct kex_run *k = &c->kex;
    bool is_client = c->role == CONN_CLIENT;
    struct bytes own = bytes_of(c->own_ident, c->own_ident_len);
    struct bytes peer = bytes_str(c->peer_ident.line);
    put_string(b, is_client ? own : peer);
    put_string(b, is_client ? peer : own);
    put_string(b, buf_bytes(is_client ? &k->own_init : &k->peer_init));
    put_string(b, buf_bytes(is_client ? &k->peer_init : &k->own_init));
    put_string(b, buf_bytes(&k->host_key));
    if (k->choice.kex->is_group_exchange) {
        put_u32(b, k->gex_min);
        put_u32(b, k->gex_n);
        put_u32(b, k->gex_max);
        put_mpint(b, buf_bytes(&k->gex_p));
        put_mpint(b, buf_bytes(&k->gex_g));
    }
    put_string(b, buf_bytes(&k->client_public));
    put_string(b, buf_bytes(&k->server_public));
}

static enum err
compute_hash(struct conn *c)
{
    struct kex_run *k = &c->kex;
    struct buf input;
    buf_init(&input, 4 * PACKET_MAX);
    put_hash_input(c, &input);
    buf_put(&input, buf_bytes(&k->secret));
    enum err e = buf_err(&input);
    if (e == ERR_NONE)
        e = hash_digest(k->choice.kex->hash, buf_bytes(&input), k->hash);
    buf_clear(&input);
    if (e != ERR_NONE)
        return conn_fail(c, e, DISCONNECT_KEY_EXCHANGE_FAILED,
                         "cannot hash the exchange");
    k->hash_len = hash_len(k->choice.kex->hash);
    if (k->n_done == 0) {
        memcpy(k->session_id, k->hash, k->hash_len);
        k->session_id_len = k->hash_len;
    }
    return ERR_NONE;
}

struct key_letters {
    char iv, key, mac;
};

/* Keys of one direction, as a protection ready to be switched to. */
static enum err
derive_protect(const struct conn *c, int dir, bool is_sealing, struct protect **out)
{
    static const struct key_letters letters[2] = {{'A', 'C', 'E'}, {'B', 'D', 'F'}};
    const struct kex_run *k = &c->kex;
    const struct cipher_algo *cipher = k->choice.cipher[dir];
    const struct mac_algo *mac = k->choice.mac[dir];
    struct {
        char letter;
        size_t len;
        uint8_t octets[128];
    } material[3] = {{letters[dir].iv, cipher->iv_len, {0}},
                     {letters[dir].key, cipher->key_len, {0}},
                     {letters[dir].mac, mac ? mac->key_len : 0, {0}}};
    enum err e = ERR_NONE;
    for (size_t i = 0; e == ERR_NONE && i < ARRAY_LEN(material); i++)
        e = kex_derive_key(k->choice.kex->hash, buf_bytes(&k->secret), exchange_hash(c),
                           material[i].letter, session_id(c), material[i].octets,
                           material[i].len);
    if (e == ERR_NONE)
        e = protect_new(cipher, mac, is_sealing,
                        bytes_of(material[1].octets, material[1].len),
                        bytes_of(material[0].octets, material[0].len),
                        bytes_of(material[2].octets, material[2].len), out);
    mem_wipe(material, sizeof material);
    return e;
}

static enum err
prepare_compression(struct conn *c, int tx_dir)
{
    const struct algo_choice *choice = &c->kex.choice;
    enum err e = ERR_NONE;
    if (choice->zlib[tx_dir])
        e = compress_new(COMPRESS_DEFLATE, &c->tx.next_compress);
    if (e == ERR_NONE && choice->zlib[!tx_dir])
        e = compress_new(COMPRESS_INFLATE, &c->rx.next_inflate);
    return e;
}

/* For those who look on, before the secret is wiped. */
static void
note_exchange(struct conn *c)
{
    c->info.secret_len = c->kex.secret.n;
    c->info.client_public_len = c->kex.client_public.n;
    c->info.server_public_len = c->kex.server_public.n;
    c->info.exchange_hash = exchange_hash(c);
}

static enum err
derive_keys(struct conn *c)
{
    int tx_dir = tx_direction(c);
    enum err e = derive_protect(c, tx_dir, true, &c->tx.next_protect);
    if (e == ERR_NONE)
        e = derive_protect(c, !tx_dir, false, &c->rx.next_protect);
    if (e == ERR_NONE)
        e = prepare_compression(c, tx_dir);
    note_exchange(c);
    buf_clear(&c->kex.secret);
    if (e != ERR_NONE)
        return conn_fail(c, e, DISCONNECT_KEY_EXCHANGE_FAILED, "cannot derive keys");
    return ERR_NONE;
}

/* ---- EXT_INFO out (RFC 8308) ---- */

static void
put_ext(struct buf *b, uint32_t *n, const char *name, const char *value)
{
    put_cstring(b, name);
    put_cstring(b, value);
    (*n)++;
}

static enum err
send_ext_info(struct conn *c)
{
    if (c->kex.n_done != 0 || !c->kex.peer_wants_ext_info)
        return ERR_NONE;
    struct buf pairs;
    uint32_t n = 0;
    buf_init(&pairs, 8192);
    if (c->role == CONN_SERVER) {
        put_ext(&pairs, &n, "server-sig-algs", c->lists[ALGO_USER_KEY]);
        put_ext(&pairs, &n, "publickey-hostbound@openssh.com", "0");
    }
    put_ext(&pairs, &n, "ping@openssh.com", "0");
    struct ssh_ext_info m = {.nr_extensions = n, .extensions = buf_bytes(&pairs)};
    /* Urgent: it must be the very next packet behind NEWKEYS. */
    enum err e = buf_err(&pairs);
    e = e != ERR_NONE ? e : conn_send_urgent(c, SSH_EXT_INFO, &m);
    buf_clear(&pairs);
    return e;
}

/* Own NEWKEYS, the keys behind it, EXT_INFO behind that. */
static enum err
send_newkeys(struct conn *c)
{
    enum err e = derive_keys(c);
    if (e != ERR_NONE)
        return e;
    uint8_t newkeys = SSH_MSG_NEWKEYS;
    e = conn_send_payload(c, bytes_of(&newkeys, 1), PACKET_SWITCHES_KEYS, true);
    if (e == ERR_NONE)
        e = send_ext_info(c);
    c->kex.own_newkeys = true;
    return e;
}

/* ---- server: public value in, signature out ---- */

static enum err
ask_for_signature(struct conn *c)
{
    struct kex_run *k = &c->kex;
    c->await = AWAIT_KEX_SIGN;
    c->sign = (struct conn_sign){.token = ++c->sign_token,
                                 .algo = k->choice.host_key,
                                 .key = buf_bytes(&k->host_key),
                                 .data = exchange_hash(c)};
    conn_raise(c, CONN_EV_SIGN, NULL)->sign = c->sign;
    return ERR_NONE;
}

enum err
kex_on_init(struct conn *c, const void *msg)
{
    const struct ssh_kex_init *m = msg;
    struct kex_run *k = &c->kex;
    buf_reset(&k->client_public);
    buf_reset(&k->server_public);
    buf_reset(&k->host_key);
    buf_put(&k->client_public, m->client_public);
    buf_put(&k->host_key, find_host_key(c, k->choice.host_key));
    enum err e = kex_reply(k->choice.kex, c->rand, m->client_public, &k->server_public,
                           &k->secret);
    if (e == ERR_NONE && buf_err(&k->client_public) != ERR_NONE)
        e = ERR_LIMIT;
    if (e != ERR_NONE)
        return conn_fail(c, e, DISCONNECT_KEY_EXCHANGE_FAILED,
                         "the client's %s value is not acceptable", k->choice.kex->name);
    e = compute_hash(c);
    c->phase = PHASE_NEWKEYS;
    c->info.host_key_blob = buf_bytes(&k->host_key);
    return e != ERR_NONE ? e : ask_for_signature(c);
}

enum err
kex_signed(struct conn *c, struct bytes signature)
{
    struct kex_run *k = &c->kex;
    if (signature.n == 0)
        return conn_fail(c, ERR_CRYPTO, DISCONNECT_KEY_EXCHANGE_FAILED,
                         "the host key could not sign");
    buf_reset(&k->signature);
    buf_put(&k->signature, signature);
    c->info.host_key_signature = buf_bytes(&k->signature);
    struct ssh_kex_reply m = {.host_key = buf_bytes(&k->host_key),
                              .server_public = buf_bytes(&k->server_public),
                              .signature = signature};
    enum err e = conn_send_urgent(c, SSH_KEX_REPLY, &m);
    return e != ERR_NONE ? e : send_newkeys(c);
}

/* ---- client: the server's reply ---- */

/* The signature must be the host key's over our exchange hash: anything else
 * ends the connection, always. */
static enum err
verify_host_signature(struct conn *c)
{
    struct kex_run *k = &c->kex;
    const struct sig_algo *algo = k->choice.host_key;
    struct cursor type = cursor_of(buf_bytes(&k->host_key));
    struct pubkey *key = NULL;
    struct buf plain;
    buf_init(&plain, KEY_BLOB_MAX);
    enum err e =
        bytes_eq_str(cursor_string(&type), algo->key_type) ? ERR_NONE : ERR_PROTO;
    if (e == ERR_NONE)
        e = cert_plain_blob(buf_bytes(&k->host_key), &plain);
    if (e == ERR_NONE)
        e = pubkey_parse(buf_bytes(&plain), &key);
    if (e == ERR_NONE)
        e = sig_verify(algo, key, buf_bytes(&k->signature), exchange_hash(c), NULL);
    pubkey_free(key);
    buf_clear(&plain);
    if (e != ERR_NONE)
        return conn_fail(c, ERR_CRYPTO, DISCONNECT_KEY_EXCHANGE_FAILED,
                         "the server's signature of the key exchange is wrong: "
                         "it does not hold the host key, or somebody is in between");
    return ERR_NONE;
}

static enum err
ask_about_host_key(struct conn *c)
{
    struct kex_run *k = &c->kex;
    if (k->n_done != 0 &&
        bytes_eq(buf_bytes(&k->host_key), buf_bytes(&k->accepted_host_key)))
        return kex_host_key_accepted(c);
    c->await = AWAIT_HOST_KEY;
    conn_raise(c, CONN_EV_HOST_KEY, NULL);
    return ERR_NONE;
}

static enum err
take_reply(struct conn *c, struct bytes host_key, struct bytes server_public,
           struct bytes signature)
{
    struct kex_run *k = &c->kex;
    buf_reset(&k->host_key);
    buf_reset(&k->server_public);
    buf_reset(&k->signature);
    buf_put(&k->host_key, host_key);
    buf_put(&k->server_public, server_public);
    buf_put(&k->signature, signature);
    bool is_too_long = buf_err(&k->host_key) != ERR_NONE ||
                       buf_err(&k->server_public) != ERR_NONE ||
                       buf_err(&k->signature) != ERR_NONE;
    enum err e =
        is_too_long ? ERR_LIMIT : kex_finish(k->ephemeral, server_public, &k->secret);
    kex_free(k->ephemeral);
    k->ephemeral = NULL;
    if (e != ERR_NONE)
        return conn_fail(c, e, DISCONNECT_KEY_EXCHANGE_FAILED,
                         "the server's %s value is not acceptable", k->choice.kex->name);
    e = compute_hash(c);
    if (e == ERR_NONE)
        e = verify_host_signature(c);
    if (e != ERR_NONE)
        return e;
    c->phase = PHASE_NEWKEYS;
    c->info.host_key_blob = buf_bytes(&k->host_key);
    c->info.host_key_signature = buf_bytes(&k->signature);
    note_exchange(c);
    return ask_about_host_key(c);
}

enum err
kex_on_reply(struct conn *c, const void *msg)
{
    const struct ssh_kex_reply *m = msg;
    return take_reply(c, m->host_key, m->server_public, m->signature);
}

enum err
kex_on_gex_reply(struct conn *c, const void *msg)
{
    const struct ssh_gex_reply *m = msg;
    return take_reply(c, m->host_key, m->server_public, m->signature);
}

enum err
kex_host_key_accepted(struct conn *c)
{
    struct kex_run *k = &c->kex;
    buf_reset(&k->accepted_host_key);
    buf_put(&k->accepted_host_key, buf_bytes(&k->host_key));
    return send_newkeys(c);
}

/* ---- NEWKEYS and EXT_INFO in ---- */

enum err
kex_on_newkeys(struct conn *c, const void *msg)
{
    (void)msg;
    struct kex_run *k = &c->kex;
    if (!k->own_newkeys)
        return conn_fail_proto(c, "NEWKEYS came before the keys were agreed upon");
    packet_rx_switch_keys(&c->rx);
    bool is_first = k->n_done++ == 0;
    c->info.n_kex = k->n_done;
    k->is_running = k->own_sent = k->peer_received = k->own_newkeys = false;
    k->last_done_ms = c->now_ms;
    conn_raise(c, CONN_EV_NEWKEYS, NULL);
    log_trace(c->log, TRACE_KEX, "key exchange %u done", k->n_done);
    if (!is_first) {
        c->phase = PHASE_OPEN;
        return ERR_NONE;
    }
    c->phase = PHASE_SERVICE;
    return c->role == CONN_CLIENT ? auth_begin(c) : ERR_NONE;
}

static void
take_extension(struct conn *c, struct bytes name, struct bytes value)
{
    if (bytes_eq_str(name, "server-sig-algs") && c->role == CONN_CLIENT) {
        buf_reset(&c->server_sig_algs);
        buf_put(&c->server_sig_algs, value);
    }
    if (bytes_eq_str(name, "publickey-hostbound@openssh.com"))
        c->auth.hostbound = bytes_eq_str(value, "0");
}

enum err
kex_on_ext_info(struct conn *c, const void *msg)
{
    const struct ssh_ext_info *m = msg;
    if (++c->n_ext_info > EXT_INFO_TIMES || m->nr_extensions > EXT_INFO_MAX)
        return conn_fail_proto(c, "too many extensions announced");
    struct cursor cur = cursor_of(m->extensions);
    for (uint32_t i = 0; i < m->nr_extensions; i++) {
        struct bytes name = cursor_string(&cur);
        struct bytes value = cursor_string(&cur);
        if (cur.failed)
            return conn_fail_proto(c, "malformed EXT_INFO");
        take_extension(c, name, value);
    }
    if (!cursor_is_done(&cur))
        return conn_fail_proto(c, "malformed EXT_INFO");
    c->info.has_ext_info = true;
    buf_reset(&c->peer_extensions);
    buf_put(&c->peer_extensions, m->extensions);
    return ERR_NONE;
}
