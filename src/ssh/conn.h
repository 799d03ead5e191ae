/*
 * The SSH engine: bytes and time go in, bytes and events come out.
 *
 * One `struct conn` is one connection in one role, from the identification
 * line to the last channel. It does no I/O, reads no clock and never calls
 * back: the shell around it (net/pump.h) reads into conn_rx_space, writes what
 * conn_tx_iov shows, and pulls events until there are none. Decisions that are
 * made elsewhere (is this host key known, is this password right, sign this)
 * are events too, answered by a conn_answer_* call; meanwhile the engine waits
 * with what must wait and goes on with the rest.
 *
 * The loop, of which every shell is a variation:
 *
 *     conn_tick(c, now);
 *     while (conn_next_event(c, &ev)) handle(&ev);
 *     n = conn_tx_iov(c, iov, max);   writev;  conn_tx_sent(c, written);
 *     p = conn_rx_space(c, &room);    read;    conn_rx_added(c, got);
 *     poll until readable, writable or conn_deadline(c)
 *
 * RFC 4251-4254, 8308, 8332; OpenSSH's PROTOCOL. What may arrive when is in
 * ssh/rules.c and nowhere else.
 */
#ifndef FERRY_SSH_CONN_H
#define FERRY_SSH_CONN_H

#include <sys/uio.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/log.h"
#include "base/rand.h"
#include "base/stream.h"
#include "crypto/algos.h"
#include "crypto/kex.h"
#include "crypto/sig.h"

struct conn;
struct chan;

enum conn_role { CONN_CLIENT, CONN_SERVER };

/* RFC 4250 4.2.2 */
enum disconnect_reason {
    DISCONNECT_HOST_NOT_ALLOWED = 1,
    DISCONNECT_PROTOCOL_ERROR = 2,
    DISCONNECT_KEY_EXCHANGE_FAILED = 3,
    DISCONNECT_MAC_ERROR = 5,
    DISCONNECT_COMPRESSION_ERROR = 6,
    DISCONNECT_SERVICE_NOT_AVAILABLE = 7,
    DISCONNECT_PROTOCOL_VERSION = 8,
    DISCONNECT_HOST_KEY_NOT_VERIFIABLE = 9,
    DISCONNECT_CONNECTION_LOST = 10,
    DISCONNECT_BY_APPLICATION = 11,
    DISCONNECT_TOO_MANY_CONNECTIONS = 12,
    DISCONNECT_AUTH_CANCELLED = 13,
    DISCONNECT_NO_MORE_AUTH_METHODS = 14,
    DISCONNECT_ILLEGAL_USER_NAME = 15,
};

/* Bounds and times; zero means the default of conn_limits_default (threats 13). */
struct conn_limits {
    uint32_t ident_ms;      /* from the start to the peer's identification: 10 s */
    uint32_t kex_ms;        /* for one key exchange: 20 s */
    uint32_t login_ms;      /* server: from the start to authentication: 60 s */
    uint32_t auth_failures; /* server: 6 */
    uint32_t auth_requests; /* server: 64; client: requests it sends at most */
    uint32_t auth_queries;  /* server: 20 publickey queries */
    uint32_t auth_delay_ms; /* server: least time from a request to its FAILURE: 5 ms */
    uint32_t channels;      /* open at once: 10 */
    uint32_t window;        /* octets: first receive window of a channel: 2 MiB */
    uint32_t window_max;    /* octets: it grows up to this: 15 MiB */
    uint32_t max_packet; /* octets of data that we accept in one CHANNEL_DATA: 128 KiB */
    uint32_t out_budget; /* octets of bulk that may wait for the socket: 4 MiB */
    uint64_t
        rekey_octets;  /* in either direction; 0: what the cipher allows, at most 4 GiB */
    uint32_t rekey_ms; /* 1 h */
    uint32_t keepalive_ms;  /* silence before a keepalive request; 0 here means none */
    uint32_t keepalive_max; /* unanswered ones before giving up: 3 */
};

struct conn_host_key {
    struct bytes blob; /* plain key or host certificate; borrowed for the conn's life */
};

struct conn_config {
    enum conn_role role;
    const char *software;           /* "Ferry_0.1": softwareversion, without spaces */
    const char *comments;           /* behind it in the identification; NULL: none */
    const char *lists[ALGO_SLOTS];  /* our proposals, in order, comma-separated; copied */
    const struct rand_source *rand; /* borrowed for the conn's life */
    const struct log_sink *log;     /* NULL: silent */
    struct conn_limits limits;
    /* Server: the host keys that CONN_EV_SIGN can sign with; copied. Those whose
     * algorithms are in lists[ALGO_HOST_KEY] are offered, in that list's order. */
    const struct conn_host_key *host_keys;
    size_t n_host_keys;
    const char *banner;       /* server: shown before authentication; NULL: none */
    const char *auth_methods; /* server: first "methods that can continue" */
};

/*
 * now_ms: monotonic milliseconds, the base of all deadlines.
 * ERR_LIMIT: software and comments make an identification of more than 255 octets;
 * ERR_BUG: they have characters that no identification may have; ERR_NOMEM,
 * ERR_CRYPTO. RFC 4253 4.2.
 */
enum err
conn_new(const struct conn_config *config, uint64_t now_ms, struct conn **conn) MUST_USE;
void conn_free(struct conn *c); /* wipes keys; NULL allowed */

/* ---- bytes ---- */

/*
 * Where to read into. *n: room in octets. NULL with *n == 0: don't read now
 * (a backlog must be consumed first, or the connection is over).
 * Borrowed until conn_rx_added.
 */
uint8_t *conn_rx_space(struct conn *c, size_t *n);
void conn_rx_added(struct conn *c, size_t n);

/* The peer closed its side, or reading failed (sys_errno != 0). */
void conn_rx_end(struct conn *c, int sys_errno);

/*
 * What to write now, sealed; at most max entries. Returns how many; 0: nothing.
 * Borrowed until conn_tx_sent, which may report less than was shown.
 */
int conn_tx_iov(struct conn *c, struct iovec *iov, int max);
void conn_tx_sent(struct conn *c, size_t n);

/* True when conn_tx_iov would show something. */
bool conn_tx_pending(struct conn *c);

/* ---- time ---- */
void conn_tick(struct conn *c, uint64_t now_ms);
/* When conn_tick is wanted next; UINT64_MAX: no deadline. */
uint64_t conn_deadline(const struct conn *c);

/* ---- events ---- */
enum conn_event_type {
    CONN_EV_IDENT,      /* the peer's identification: conn_peer_software */
    CONN_EV_NEGOTIATED, /* algorithms chosen: conn_kex_info */
    CONN_EV_HOST_KEY,   /* client: signature verified; is it the right host?
                           -> conn_answer_host_key. Also at a rekey with another key */
    CONN_EV_SIGN,       /* sign ev.sign -> conn_answer_sign */
    CONN_EV_NEWKEYS,    /* both directions use new keys */

    /* client: authentication. The engine waits for one of conn_auth_* after
     * AUTH_START, AUTH_FAILURE, AUTH_PK_OK, AUTH_INFO_REQUEST, AUTH_PASSWD_CHANGE */
    CONN_EV_AUTH_START,
    CONN_EV_AUTH_FAILURE,
    CONN_EV_AUTH_PK_OK,
    CONN_EV_AUTH_INFO_REQUEST,
    CONN_EV_AUTH_PASSWD_CHANGE,
    CONN_EV_AUTH_BANNER,

    CONN_EV_AUTH_REQUEST, /* server: ev.auth -> conn_answer_auth or _auth_prompt */
    CONN_EV_AUTH_SUCCESS, /* both roles: authenticated */

    CONN_EV_CHANNEL_OPENED, /* client: our channel is open; server: peer's session is */
    CONN_EV_CHANNEL_OPEN_FAILED,   /* client: ev.channel.reason, .text */
    CONN_EV_CHANNEL_REQUEST,       /* server: subsystem, exec or shell
                                      -> conn_answer_channel_request */
    CONN_EV_CHANNEL_REQUEST_REPLY, /* client: ev.channel.ok */
    CONN_EV_CHANNEL_DATA,          /* ev.channel.data -> conn_channel_consumed */
    CONN_EV_CHANNEL_STDERR,        /* client: ev.channel.data; consumed by itself */
    CONN_EV_CHANNEL_EOF,           /* no more data will come */
    CONN_EV_CHANNEL_EXIT,          /* client: ev.channel.exit_status or .text (signal) */
    CONN_EV_CHANNEL_CLOSED,        /* gone; the pointer is invalid after this event */

    CONN_EV_HOSTKEYS,        /* client: the server's keys, ev.hostkeys.list */
    CONN_EV_HOSTKEYS_PROVEN, /* client: the ones asked for are the server's own */

    CONN_EV_DISCONNECTED, /* the last event: conn_fault says why */
};

/* What is known of an authentication request (server). Borrowed until answered. */
enum auth_method {
    AUTH_NONE,
    AUTH_PASSWORD,
    AUTH_PASSWORD_CHANGE,
    AUTH_PUBLICKEY_QUERY,
    AUTH_PUBLICKEY,
    AUTH_KBDINT,
    AUTH_KBDINT_RESPONSE,
    AUTH_OTHER
};

struct conn_auth_request {
    enum auth_method method;
    struct bytes method_name;
    struct bytes user;
    struct bytes password, new_password; /* secret */
    /* publickey: the algorithm, the key or certificate as sent. For AUTH_PUBLICKEY
     * the signature has been verified with the (certified) key before the event;
     * signed_data and signature allow another process to verify it again. */
    const struct sig_algo *algo;
    struct bytes key;
    bool is_hostbound; /* the signature covers our host key too */
    struct bytes signature, signed_data;
    struct sk_attest attest;
    /* keyboard-interactive: `string` each; n_responses of them */
    struct bytes responses; /* secret */
    uint32_t n_responses;
};

struct conn_sign {
    uint32_t token;              /* to be given back */
    const struct sig_algo *algo; /* how to sign */
    struct bytes key;            /* with which key: its blob (or certificate) */
    struct bytes data;           /* what to sign; borrowed until answered */
};

struct conn_event {
    enum conn_event_type type;
    struct chan *chan; /* for the CHANNEL events */
    union {
        struct conn_sign sign;
        struct conn_auth_request auth;
        struct {                  /* AUTH_FAILURE */
            struct bytes methods; /* that can continue */
            bool is_partial;      /* the last one succeeded, more is needed */
        } failure;
        struct { /* AUTH_INFO_REQUEST; AUTH_PASSWD_CHANGE uses instruction */
            struct bytes name, instruction;
            struct bytes prompts; /* string prompt, boolean echo, each */
            uint32_t n_prompts;   /* 0..32 */
        } info;
        struct bytes banner; /* raw: encode before it reaches a terminal */
        struct {
            struct bytes data; /* DATA, STDERR; REQUEST: subsystem name or command */
            struct bytes request_type;
            bool ok;
            uint32_t reason;   /* OPEN_FAILED, RFC 4254 5.1 */
            struct bytes text; /* OPEN_FAILED description; EXIT: signal name or empty */
            uint32_t exit_status;
        } channel;
        struct {
            struct bytes list; /* string blob, each */
        } hostkeys;
    };
};

/*
 * The next event; false: nothing until new bytes, time or an answer arrives.
 * What *ev borrows is valid until the next call of any conn_ function but the
 * answers and conn_channel_consumed.
 */
bool conn_next_event(struct conn *c, struct conn_event *ev);

/* ---- answers ---- */
void conn_answer_host_key(struct conn *c, bool is_accepted);
/* signature: the whole blob (string name, ...). Empty: refused or failed. */
void conn_answer_sign(struct conn *c, uint32_t token, struct bytes signature);

enum auth_verdict {
    AUTH_DENIED = 0,
    AUTH_PARTIAL,  /* right, but more is needed */
    AUTH_ACCEPTED, /* for a query: the key is acceptable, PK_OK */
};
/* methods: that can continue, for DENIED and PARTIAL; NULL: as before. */
void conn_answer_auth(struct conn *c, enum auth_verdict verdict, const char *methods);

/* The request in hand, if refused, is refused no sooner than ms after it came;
 * auth_delay_ms holds besides. To be called before its conn_answer_auth. */
void conn_auth_delay(struct conn *c, uint32_t ms);

/*
 * What a publickey signature covers, appended to out (RFC 4252 7). host_key: the
 * blob that signed the first exchange hash, for the host-bound method (OpenSSH's
 * PROTOCOL 3.1); empty: the plain one.
 */
void auth_signed_data(struct bytes session_id, struct bytes user, struct bytes algo,
                      struct bytes key, struct bytes host_key, struct buf *out);

struct conn_prompt {
    const char *text;
    bool is_echoed;
};
/* keyboard-interactive: ask. n: 0..32. */
void conn_answer_auth_prompt(struct conn *c, const char *name, const char *instruction,
                             const struct conn_prompt *prompts, uint32_t n);

/* ---- client: authentication ---- */
/* Before the first key exchange is over. user: 1..255 octets; copied. */
void conn_auth_user(struct conn *c, const char *user);
void conn_auth_none(struct conn *c);
void conn_auth_password(struct conn *c, struct bytes password);
void conn_auth_password_change(struct conn *c, struct bytes old_password,
                               struct bytes new_password);
/* Would this key do? -> AUTH_PK_OK or AUTH_FAILURE */
void conn_auth_query(struct conn *c, const struct sig_algo *algo, struct bytes key);
/* Sign with it: raises CONN_EV_SIGN, then sends. */
void conn_auth_publickey(struct conn *c, const struct sig_algo *algo, struct bytes key);
void conn_auth_kbdint(struct conn *c);
/* n answers, in the order of the prompts. */
void conn_auth_respond(struct conn *c, const struct bytes *answers, uint32_t n);

/* ---- channels ---- */
/* Client: ask for a session. ERR_LIMIT: too many. -> CHANNEL_OPENED or _OPEN_FAILED */
enum err conn_open_session(struct conn *c, struct chan **chan) MUST_USE;
/* Client: start "sftp" (or run a command). -> CHANNEL_REQUEST_REPLY */
void conn_channel_subsystem(struct chan *ch, const char *name);
void conn_channel_exec(struct chan *ch, const char *command);
void conn_answer_channel_request(struct chan *ch, bool is_ok);

/*
 * How much of CHANNEL_DATA was taken: to be said before the next event, or room
 * to read into, is asked for. The rest is kept and offered again once the channel's
 * stream has room; the peer's window stays as small as that makes it.
 */
void conn_channel_consumed(struct chan *ch, size_t n);

/* The outgoing half, valid until CHANNEL_CLOSED. */
struct stream *conn_channel_stream(struct chan *ch);

void conn_channel_eof(struct chan *ch);
/* Ends the channel: what is queued goes out, then exit-status (server), EOF, CLOSE. */
void conn_channel_close(struct chan *ch, uint32_t exit_status);
/* A pointer for the caller's use. */
void conn_channel_set_user(struct chan *ch, void *user);
void *conn_channel_user(const struct chan *ch);

/* ---- the rest ---- */
/* Client: ask the server to prove these keys (string blob, each). */
void conn_hostkeys_prove(struct conn *c, struct bytes list);

/* Start a key exchange now. Does nothing while one runs, and before the first
 * conn_next_event behind AUTH_SUCCESS. */
void conn_rekey(struct conn *c);

/* Say why and stop: DISCONNECT is the last thing sent. text: one sentence. */
void conn_disconnect(struct conn *c, enum disconnect_reason reason, const char *text);

/* True once CONN_EV_DISCONNECTED is due and nothing is left to send. */
bool conn_is_over(struct conn *c);
bool conn_is_authenticated(const struct conn *c);

/* Why it ended; code ERR_NONE while it lives. reason 11 with ERR_CLOSED: a
 * normal end. The peer's own words are encoded for a terminal. */
const struct fault *conn_fault(const struct conn *c);

/* The peer's identification line without CR LF, "SSH-2.0-OpenSSH_9.2p1 ...". */
struct bytes conn_peer_ident(const struct conn *c);
/* Its softwareversion part, NUL-terminated: "OpenSSH_9.2p1". */
const char *conn_peer_software(const struct conn *c);
struct bytes conn_session_id(const struct conn *c);
/* Client: server-sig-algs (RFC 8308); empty: not announced. */
struct bytes conn_server_sig_algs(const struct conn *c);

/* The latest key exchange, for `ferry probe`, logs and known_hosts. All views
 * are valid until the next key exchange. */
struct conn_kex_info {
    struct bytes local_lists[8], peer_lists[8]; /* KEXINIT's first eight, in wire order */
    struct bytes local_cookie, peer_cookie;
    const char *kex, *host_key; /* names chosen */
    const char *cipher_c2s, *cipher_s2c;
    const char *mac_c2s, *mac_s2c; /* "implicit" for an AEAD */
    const char *compression_c2s, *compression_s2c;
    bool is_strict, is_post_quantum, has_ext_info;
    size_t client_public_len, server_public_len, secret_len;
    struct bytes host_key_blob; /* as sent: key or certificate */
    struct bytes host_key_signature;
    struct bytes exchange_hash;
    uint32_t n_kex; /* key exchanges finished so far */
};
const struct conn_kex_info *conn_kex_info(const struct conn *c);
/* Extensions that the peer announced in EXT_INFO: string name, string value, each. */
struct bytes conn_peer_extensions(const struct conn *c);

struct conn_counters {
    uint64_t rx_octets, tx_octets; /* on the wire */
    uint64_t rx_packets, tx_packets;
};
struct conn_counters conn_counters(const struct conn *c);

#endif
