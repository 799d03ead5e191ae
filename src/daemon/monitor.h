/*
 * The monitor's side of the trust line: what the processes that meet peers may
 * ask of the process that holds the host keys and makes the verdicts, and how
 * it is answered (threats A1, S1, S2; doc/SECURITY.md).
 *
 * A handful of requests, each a struct of fixed size in one SOCK_SEQPACKET
 * message. Every request is checked for its size, its lengths and whether it
 * may come now, from this end; anything unexpected ends the connection. What
 * is signed is either an exchange hash, of which the first is remembered as
 * the session id, or a text built here.
 *
 * This file is pure: whatever must be asked elsewhere (accounts, quotas, the
 * audit trail) goes through struct monitor_backend and may be answered later.
 */
#ifndef FERRY_DAEMON_MONITOR_H
#define FERRY_DAEMON_MONITOR_H

#include "daemon/host_keys.h"
#include "daemon/public.h"
#include "daemon/record.h"
#include "daemon/verdict.h"
#include "vfs/quota.h"

/* Who asks: the process before the login, or the one after it. */
enum monitor_end { MONITOR_PRE_AUTH, MONITOR_SESSION, MONITOR_ENDS };

enum monitor_op {
    /* The pre-authentication process's, in the order in which they may come. */
    MONITOR_PROXIED = 1, /* a trusted proxy names another peer; at most once, first */
    MONITOR_HELLO,       /* banner and limits; once */
    MONITOR_SIGN,        /* an exchange hash: once before login, then for rekeys */
    MONITOR_CLIENT,      /* what the peer calls itself; at most once */
    MONITOR_LOGIN,       /* struct login_request */
    /* The session process's. */
    MONITOR_GRANT,     /* what it may do; once, first */
    MONITOR_PROVE,     /* possession of a host key, once for each */
    MONITOR_CHARGE,    /* quota: struct monitor_charge */
    MONITOR_RECOUNTED, /* quota: the tree was counted */
    MONITOR_RECORD,    /* something happened: struct record */
    MONITOR_NAME,      /* of a user or group of this system */
    MONITOR_LEAVE,     /* an orderly end: all charges are exact */
    MONITOR_OPS
};

enum {
    MONITOR_SIGNATURE_MAX = 4096, /* RSA with 16,384 bits has 2,048 and a head */
    MONITOR_BANNER_MAX = 4096,    /* octets */
    MONITOR_NAME_MAX = 64,
    MONITOR_SIGNS_MAX = 1 << 20, /* of one connection: rekeys of years */
};

struct monitor_proxied {
    uint32_t op;
    char address[64], local_address[64]; /* terminated, numeric */
    uint32_t port, local_port;
};

struct monitor_ask { /* HELLO, GRANT, LEAVE */
    uint32_t op;
};

struct monitor_client_name {
    uint32_t op;
    char text[128]; /* identification, printable ASCII, terminated */
};

struct monitor_sign_request {
    uint32_t op;               /* SIGN, PROVE */
    uint32_t key;              /* index among the public keys */
    uint32_t n;                /* octets of hash; PROVE: 0 */
    char algo[LOGIN_ALGO_MAX]; /* terminated */
    uint8_t hash[HASH_MAX_LEN];
};

struct monitor_login_request {
    uint32_t op;
    struct login_request login;
};

struct monitor_charge {
    uint32_t op;           /* CHARGE; RECOUNTED: the sums, both >= 0 */
    int64_t octets, files; /* negative: given back */
};

struct monitor_record {
    uint32_t op;
    struct record record;
};

struct monitor_name_request {
    uint32_t op;
    uint32_t is_group;
    uint32_t id;
};

struct monitor_hello {
    char banner[MONITOR_BANNER_MAX]; /* terminated; "" none */
};

struct monitor_reply {
    uint32_t op;        /* that of the request */
    uint32_t verdict;   /* 1: yes. What follows depends on op */
    uint32_t is_failed; /* 0 since it could not be told, not because it is so */
    union {
        struct monitor_hello hello;
        struct {
            uint32_t n;
            uint8_t p[MONITOR_SIGNATURE_MAX];
        } signature;
        struct login_reply login;
        struct grant grant;
        struct quota_state quota;
        char name[MONITOR_NAME_MAX]; /* terminated */
    };
};

/* Octets of an op's request, exactly; 0: no such op. Of the reply that is sent. */
size_t monitor_request_size(uint32_t op);
size_t monitor_reply_size(enum monitor_op op);

/* The largest request, for whoever receives them. */
union monitor_request {
    uint32_t op;
    struct monitor_proxied proxied;
    struct monitor_sign_request sign;
    struct monitor_client_name client;
    struct monitor_login_request login;
    struct monitor_charge charge;
    struct monitor_record record;
    struct monitor_name_request name;
};

/* What the monitor knows of one connection. Its texts never come from a peer, but
 * for client, which is checked. */
struct monitor_conn {
    uint64_t id;
    char address[64], local_address[64];
    uint16_t port, local_port;
    bool may_be_proxied; /* the listener says that the peer is a trusted proxy */
    char client[128];
    struct verdict_peer peer; /* borrows from here */
    struct verdict *verdict;  /* NULL until it is needed */
    struct {
        uint32_t n;
        uint8_t p[HASH_MAX_LEN];
    } session_id;      /* n 0: no exchange hash signed yet */
    uint32_t host_key; /* index of the public key that it was signed with */
    bool is_authenticated;
    bool was_greeted, was_named, was_granted, has_left;
    bool is_refused; /* too many tries: no honest process asks for a login again */
    uint32_t n_logins, n_signs;
    uint32_t proven;     /* bit per public key */
    uint64_t started_ms; /* monotonic */
    uint32_t awaited;    /* op that will be answered later; 0: none */
    enum monitor_end awaiting_end;
};

enum monitor_progress { MONITOR_NOW, MONITOR_LATER };

/* Where questions go that the monitor cannot answer by itself. */
struct monitor_backend {
    enum err (*verdict_new)(void *ctx, struct monitor_conn *c,
                            const struct verdict_peer *peer, struct verdict **v);
    /* These fill the reply and say NOW, or note the question and say LATER. */
    enum err (*charge)(void *ctx, struct monitor_conn *c, const struct monitor_charge *r,
                       struct monitor_reply *reply, enum monitor_progress *progress);
    enum err (*record)(void *ctx, struct monitor_conn *c, const struct record *record,
                       struct monitor_reply *reply, enum monitor_progress *progress);
    enum err (*name)(void *ctx, struct monitor_conn *c,
                     const struct monitor_name_request *r, struct monitor_reply *reply,
                     enum monitor_progress *progress);
    void (*leave)(void *ctx, struct monitor_conn *c);
    void *ctx;
};

struct monitor {
    const struct host_keys *keys;
    const struct daemon_public *public;
    const struct monitor_backend *backend;
    const struct log_sink *log;
};

/*
 * Answer one message, which is read in place: message.p is aligned for uint64_t.
 * *reply: filled when *progress is MONITOR_NOW; monitor_reply_size tells how much
 * of it counts.
 * ERR_PROTO: a message that no honest process sends: end the connection, kill
 * its processes. Other errors: a failure of ours, to be treated alike.
 */
enum err
monitor_answer(const struct monitor *m, struct monitor_conn *c, enum monitor_end end,
               struct bytes message, struct monitor_reply *reply,
               enum monitor_progress *progress) MUST_USE;

/* A login's answer has come: note what it means. Call before it is sent. */
void monitor_note_login(struct monitor_conn *c, const struct monitor_reply *reply);

void monitor_conn_clear(struct monitor_conn *c); /* wipes */

#endif
