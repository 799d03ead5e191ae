/*
 * The monitor's side of the trust line: what a connection's process may ask of
 * the process that holds the host keys and the account, and how it is answered
 * (threats A1, S1, S2; doc/SECURITY.md).
 *
 * A handful of requests, each a struct of fixed size in one SOCK_SEQPACKET
 * message. Every request is checked for its size, its lengths and whether it
 * may come now; anything unexpected ends the connection. Verdicts are made
 * here and nowhere else. What is signed is either an exchange hash, of which
 * the first is remembered as the session id, or a text built here.
 */
#ifndef FERRY_DAEMON_MONITOR_H
#define FERRY_DAEMON_MONITOR_H

#include "daemon/account.h"
#include "daemon/host_keys.h"

enum monitor_op {
    MONITOR_SIGN = 1, /* an exchange hash: once before login, then for rekeys */
    MONITOR_PROVE,    /* after login: possession of a host key, once for each */
    MONITOR_PASSWORD, /* before login */
    MONITOR_KEY,      /* before login */
};

enum {
    MONITOR_ALGO_MAX = 48,         /* octets of a signature algorithm's name */
    MONITOR_SIGNATURE_MAX = 4096,  /* RSA with 16,384 bits has 2,048 and a head */
    MONITOR_LOGIN_REQUESTS = 128,  /* above what the engine lets through (64 + 20) */
    MONITOR_MESSAGE_MAX = 1 << 16, /* octets; no request comes near */
};

struct monitor_user {
    uint32_t n;
    char name[ACCOUNT_USER_MAX];
};

struct monitor_sign_request {
    uint32_t op;   /* SIGN, PROVE */
    uint32_t key;  /* index among the host keys */
    uint32_t n;    /* octets of hash; PROVE: 0 */
    char algo[48]; /* terminated */
    uint8_t hash[HASH_MAX_LEN];
};

struct monitor_password_request {
    uint32_t op;
    struct monitor_user user;
    uint32_t n;
    uint8_t password[SECRET_MAX];
};

struct monitor_key_request {
    uint32_t op;
    uint32_t is_signed; /* 0: would this key do? 1: its signature was verified */
    struct monitor_user user;
    uint32_t n;
    uint8_t blob[KEY_BLOB_MAX];
};

struct monitor_reply {
    uint32_t op;      /* that of the request */
    uint32_t verdict; /* 1: yes. SIGN: the signature follows */
    uint32_t flags;   /* KEY: enum account_key_flag */
    uint32_t n;
    uint8_t signature[MONITOR_SIGNATURE_MAX];
};

/* What the monitor knows of one connection. Zero at first, but for address. */
struct monitor_session {
    char address[64]; /* the client's, as text */
    struct {
        uint32_t n;
        uint8_t p[HASH_MAX_LEN];
    } session_id; /* n 0: no exchange hash signed yet */
    bool is_authenticated;
    uint32_t n_login_requests;
    uint32_t proven; /* bit per host key */
};

struct monitor {
    const struct host_keys *keys;
    const struct account *account;
    const struct log_sink *log;
};

/*
 * Answer one message, which is read in place: message.p is aligned for uint32_t.
 * *reply: filled, to be sent whole.
 * ERR_PROTO: a message that no honest process sends: end the connection, kill
 * its process. Other errors: a failure of ours, to be treated alike.
 */
enum err monitor_answer(const struct monitor *m, struct monitor_session *s,
                        struct bytes message, struct monitor_reply *reply) MUST_USE;

#endif
