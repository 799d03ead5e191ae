/*
 * The inside of struct conn, shared by the files of ssh/ and nobody else.
 *
 * Who owns what: conn.c the life, the bytes and the events; kex.c the key
 * exchange; auth_client.c and auth_server.c authentication; channel.c the
 * channels; global.c global requests and keepalive; handover.c the way into
 * another process. rules.c says which function of theirs may be reached by
 * which message in which phase.
 */
#ifndef FERRY_SSH_ENGINE_H
#define FERRY_SSH_ENGINE_H

#include "base/secret.h"
#include "ssh/conn.h"
#include "ssh/ident.h"
#include "ssh/negotiate.h"
#include "ssh/packet.h"
#include "wire/msg.h"
#include "wire/put.h"

/*
 * What the peer may send next. One phase admits one set of messages: see
 * rules.c. The first key exchange and later ones share the middle phases.
 */
enum phase {
    PHASE_IDENT,
    PHASE_KEXINIT,   /* the first: nothing has been agreed upon */
    PHASE_KEX_INIT,  /* server: the client's public value */
    PHASE_KEX_REPLY, /* client: the server's */
    PHASE_GEX_GROUP, /* client, group exchange */
    PHASE_GEX_REPLY,
    PHASE_NEWKEYS,       /* the peer's NEWKEYS, nothing else */
    PHASE_SERVICE,       /* server: SERVICE_REQUEST; client: SERVICE_ACCEPT */
    PHASE_AUTH,          /* server: USERAUTH_REQUEST; client: its reply */
    PHASE_AUTH_PASSWORD, /* client: as AUTH, 60 means PASSWD_CHANGEREQ */
    PHASE_AUTH_QUERY,    /* client: as AUTH, 60 means PK_OK */
    PHASE_AUTH_KBDINT,   /* client: as AUTH, 60 means INFO_REQUEST */
    PHASE_AUTH_ANSWER,   /* server: INFO_RESPONSE, or a new request */
    PHASE_OPEN,          /* authenticated: the connection protocol */
    PHASE_COUNT
};

/* What the engine waits for before it takes the next packet. */
enum await {
    AWAIT_NOTHING,
    AWAIT_HOST_KEY,        /* conn_answer_host_key */
    AWAIT_KEX_SIGN,        /* conn_answer_sign, server: the exchange hash */
    AWAIT_AUTH,            /* server: conn_answer_auth; client: conn_auth_* */
    AWAIT_AUTH_SIGN,       /* client: conn_answer_sign */
    AWAIT_AUTH_DELAY,      /* server: the FAILURE is due at auth.reply_ms */
    AWAIT_PROVE_SIGN,      /* server: hostkeys-prove */
    AWAIT_CHANNEL_REQUEST, /* server: conn_answer_channel_request */
};

struct kex_run {
    bool is_running;    /* own or peer's KEXINIT sent, not yet both NEWKEYS */
    bool own_sent;      /* own KEXINIT of this exchange */
    bool peer_received; /* theirs */
    bool own_newkeys;   /* sent (queued) */
    bool skip_guess;    /* the next kex packet is a wrong guess: drop it */
    bool is_strict;     /* decided in the first exchange */
    bool peer_wants_ext_info;
    uint64_t started_ms;
    struct buf own_init, peer_init; /* KEXINIT payloads, I_C and I_S */
    struct algo_choice choice;
    struct kex *ephemeral; /* client */
    uint32_t gex_min, gex_n, gex_max;
    struct buf gex_p, gex_g; /* magnitudes */
    struct buf client_public, server_public;
    struct buf secret;            /* K, encoded; wiped after key derivation */
    struct buf host_key;          /* K_S of this exchange */
    struct buf accepted_host_key; /* client: what the user accepted */
    struct buf signature;
    uint8_t hash[HASH_MAX_LEN];
    size_t hash_len;
    uint8_t session_id[HASH_MAX_LEN];
    size_t session_id_len;
    uint32_t n_done;
    uint32_t n_peer_started; /* rekeys that the peer began (T11) */
    uint64_t last_done_ms;
};

struct auth_state {
    char user[256];
    bool has_user;
    bool is_done;
    uint32_t n_failures, n_requests, n_queries;
    uint64_t request_ms; /* when the present request came */
    uint32_t delay_ms;   /* its refusal waits for that long at least */
    uint64_t reply_ms;   /* AWAIT_AUTH_DELAY: when FAILURE goes out */
    bool reply_is_partial;
    enum auth_method method; /* of the present request */
    struct buf methods;      /* that can continue */
    struct buf request;      /* server: the present request, copied; secret */
    struct buf signed_data;
    uint32_t n_prompts;          /* server: of the INFO_REQUEST sent */
    const struct sig_algo *algo; /* client: being signed with */
    struct buf key;
    bool hostbound; /* peer's EXT_INFO allows it */
};

enum chan_state { CHAN_FREE, CHAN_OPENING, CHAN_OPEN };

struct chan {
    struct conn *conn;
    enum chan_state state;
    uint32_t local_id, peer_id;
    void *user;
    struct stream stream; /* outgoing half: channel.c */

    /* sending */
    uint32_t peer_max_packet;
    uint64_t peer_window;
    struct packet_queue queue; /* data in order, waiting for the peer's window */
    struct packet *reserved;   /* stream_reserve's packets, chained by next */
    bool wants_eof, sent_eof, wants_close, sent_close;
    uint32_t exit_status;

    /* receiving */
    uint32_t window;      /* what we grant at most; grows with the flow */
    uint32_t window_left; /* what the peer may still send */
    uint32_t unadjusted;  /* consumed, not granted again yet */
    uint64_t flow_ms;     /* since when flow_octets were consumed */
    uint32_t flow_octets;
    struct buf backlog; /* came, not consumed: from backlog_start on */
    size_t backlog_start;
    bool offers_backlog;  /* the DATA event given out shows the backlog */
    struct bytes offered; /* what it shows */
    size_t consumed;      /* of it */
    bool is_stuck;        /* nothing was consumed: offer again when there is room */
    bool peer_eof, told_eof, peer_closed, told_closed;
    bool has_program; /* one of subsystem, exec, shell was started */
    bool request_wants_reply;
    uint32_t n_awaited_replies; /* client: channel requests sent, unanswered */
};

/* What an unanswered global request of ours was (replies come in order). */
enum global_kind { GLOBAL_KEEPALIVE, GLOBAL_PROVE };

enum {
    CHANNELS_MAX = 64,
    EVENTS_MAX = 8,
    GLOBALS_MAX = 8,
    PROVE_MAX = 16,    /* host keys in one hostkeys-prove */
    EXT_INFO_MAX = 64, /* extensions in one EXT_INFO */
    TRIM_MS = 2000,    /* of silence, then bulk memory is given back */
    /* Control that may wait while it can't be sent: beyond it the peer makes us
     * answer without reading (threats T4). */
    CONTROL_MAX = 256 * 1024,
    SEAL_AHEAD = 256 * 1024, /* octets sealed before a write */
    SLAB_SIZE = 288 * 1024,
};

struct conn {
    enum conn_role role;
    struct conn_limits limits;
    const struct rand_source *rand;
    const struct log_sink *log;
    char *lists[ALGO_SLOTS];
    struct buf host_keys; /* server: string blob, each */
    char *banner, *auth_methods;

    enum phase phase;
    enum await await;
    struct fault fault;
    bool is_dead;   /* fault is latched; only tx still drains */
    bool told_dead; /* CONN_EV_DISCONNECTED was given out */
    bool rx_ended;
    bool is_fresh; /* authenticated, and nothing has followed yet: see settle_login */
    bool is_dispatching; /* a handler's replies are being counted */

    uint64_t now_ms, start_ms, rx_ms; /* rx_ms: when the peer last said something */
    char own_ident[IDENT_MAX + 1];    /* with CR LF */
    size_t own_ident_len;             /* without */
    size_t own_ident_sent;            /* octets written, CR LF included */
    struct ident peer_ident;

    struct slab_pool pool;
    struct packet_rx rx;
    struct packet_tx tx;
    uint64_t busy_ms; /* when something last moved; 0: trimmed since */

    struct kex_run kex;
    struct conn_kex_info info;
    struct auth_state auth;
    struct buf peer_extensions, server_sig_algs;
    uint32_t n_ext_info;

    struct chan *chans[CHANNELS_MAX];
    uint32_t n_chans;
    struct chan *offering; /* whose DATA event was given out last */
    bool no_more_sessions; /* server: OpenSSH's promise, to be kept */

    uint32_t sign_token;
    struct conn_sign sign; /* in progress; data lives in sign_data */
    struct buf sign_data;
    struct buf prove_list, prove_reply; /* hostkeys-prove in progress */
    size_t prove_done;                  /* octets of prove_list signed or verified */
    bool has_proved;
    enum global_kind globals[GLOBALS_MAX];
    uint32_t n_globals;
    uint32_t n_keepalives; /* unanswered */
    uint64_t keepalive_ms; /* when the last one went out */

    struct conn_event events[EVENTS_MAX];
    uint32_t first_event, n_events;
    struct bytes payload; /* the packet being handled */
};

/* ---- conn.c ---- */

/* A connection that has not said or heard anything: what conn_new does, short of
 * the first KEXINIT. */
enum err conn_make(const struct conn_config *config, uint64_t now_ms, struct conn **conn);

/* End it: latch the fault and queue DISCONNECT. Returns the code. */
enum err conn_fail(struct conn *c, enum err code, uint32_t reason, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
#define conn_fail_proto(c, ...) \
    conn_fail((c), ERR_PROTO, DISCONNECT_PROTOCOL_ERROR, __VA_ARGS__)

/* Queue one event; returns it, zeroed but for its type, to be filled in. */
struct conn_event *
conn_raise(struct conn *c, enum conn_event_type type, struct chan *chan);

/* Queue one message. `conn_send` in order with everything, held during a key
 * exchange; `conn_send_urgent` ahead of it: key exchange messages only. */
enum err conn_send(struct conn *c, enum ssh_msg msg, const void *fields);
enum err conn_send_urgent(struct conn *c, enum ssh_msg msg, const void *fields);
enum err conn_send_payload(struct conn *c, struct bytes payload, enum packet_mark mark,
                           bool is_urgent);
/* FERRY_TRACE=wire: one message, payload from its number on. */
void conn_trace_msg(const struct conn *c, const char *arrow, const struct msg_desc *desc,
                    struct bytes payload);

/* ---- rules.c ---- */
enum err rules_dispatch(struct conn *c, struct bytes payload) MUST_USE;

/* ---- kex.c ---- */
/* These two latch what fails. */
enum err kex_start(struct conn *c);
enum err kex_check_rekey(struct conn *c);
/* What conn_kex_info says of the algorithms chosen; the rest of it is emptied. */
void kex_note_choice(struct conn *c);
void kex_clear(struct kex_run *k);
enum err kex_on_kexinit(struct conn *c, const void *msg);
enum err kex_on_init(struct conn *c, const void *msg);
enum err kex_on_reply(struct conn *c, const void *msg);
enum err kex_on_gex_group(struct conn *c, const void *msg);
enum err kex_on_gex_reply(struct conn *c, const void *msg);
enum err kex_on_newkeys(struct conn *c, const void *msg);
enum err kex_on_ext_info(struct conn *c, const void *msg);
enum err kex_host_key_accepted(struct conn *c);
enum err kex_signed(struct conn *c, struct bytes signature);
/* Both directions are on new keys and this exchange is over. */
bool kex_is_idle(const struct conn *c);

/* ---- auth_server.c ---- */
enum err auth_on_service_request(struct conn *c, const void *msg);
enum err auth_on_request(struct conn *c, const void *msg);
enum err auth_on_info_response(struct conn *c, const void *msg);
enum err auth_send_failure(struct conn *c);
void auth_clear(struct auth_state *a);

/* ---- auth_client.c ---- */
enum err auth_begin(struct conn *c);
enum err auth_on_service_accept(struct conn *c, const void *msg);
enum err auth_on_failure(struct conn *c, const void *msg);
enum err auth_on_success(struct conn *c, const void *msg);
enum err auth_on_banner(struct conn *c, const void *msg);
enum err auth_on_pk_ok(struct conn *c, const void *msg);
enum err auth_on_passwd_changereq(struct conn *c, const void *msg);
enum err auth_on_info_request(struct conn *c, const void *msg);
enum err auth_signed(struct conn *c, struct bytes signature);
/* Both roles: authenticated from here on. */
void auth_done(struct conn *c);

/* ---- channel.c: opening, closing, requests ---- */
enum err chan_on_open(struct conn *c, const void *msg);
enum err chan_on_confirmation(struct conn *c, const void *msg);
enum err chan_on_open_failure(struct conn *c, const void *msg);
enum err chan_on_window_adjust(struct conn *c, const void *msg);
enum err chan_on_data(struct conn *c, const void *msg);
enum err chan_on_extended_data(struct conn *c, const void *msg);
enum err chan_on_eof(struct conn *c, const void *msg);
enum err chan_on_close(struct conn *c, const void *msg);
enum err chan_on_request(struct conn *c, const void *msg);
enum err chan_on_success(struct conn *c, const void *msg);
enum err chan_on_failure(struct conn *c, const void *msg);
/* NULL: no such channel is open. */
struct chan *chan_find(struct conn *c, uint32_t local_id);
/* Carry on with what closing waits for: queues drained, backlog consumed. */
enum err chan_advance_close(struct chan *ch) MUST_USE;
/* Free the channels whose CHANNEL_CLOSED event was given out. */
void chan_reap(struct conn *c);
void chan_free_all(struct conn *c);

/* ---- chan_tx.c: the stream, and the peer's window ---- */
extern const struct stream_ops chan_stream_ops;
/* Move what the peer's window allows to the connection's queue. */
enum err chan_pump(struct chan *ch) MUST_USE;
void chan_tx_clear(struct chan *ch);

/* ---- chan_rx.c: data in, backlog, our window ---- */
/* Account for the DATA event that was given out; keep what was not consumed. */
enum err chan_settle(struct chan *ch) MUST_USE;
/* Raise DATA for a backlog that can be consumed now; false: nothing to offer. */
bool chan_offer_backlog(struct chan *ch);
bool chan_has_backlog(const struct chan *ch);

/* ---- global.c ---- */
enum err global_on_request(struct conn *c, const void *msg);
enum err global_on_success(struct conn *c, const void *msg);
enum err global_on_failure(struct conn *c, const void *msg);
enum err global_announce_hostkeys(struct conn *c);
enum err global_proved(struct conn *c, struct bytes signature);
/* Send a keepalive request if one is due; ERR_CLOSED: too many went unanswered. */
enum err global_check_keepalive(struct conn *c);

#endif
