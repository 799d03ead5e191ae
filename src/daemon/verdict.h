/*
 * Where it is decided who may log in: one dialogue a connection, run by the
 * monitor, fed with the fixed requests of the pre-authentication process
 * (threats A1: verdicts exist only here; zero means denied).
 *
 * Two implementations: verdict_single.c, the one account of `ferryd serve`;
 * verdict_book.c, system and virtual accounts with chains of factors, which
 * asks the steward process (daemon/steward.h) and answers later.
 */
#ifndef FERRY_DAEMON_VERDICT_H
#define FERRY_DAEMON_VERDICT_H

#include "base/log.h"
#include "base/secret.h"
#include "crypto/hash.h"
#include "daemon/grant.h"
#include "key/key_type.h"

enum {
    LOGIN_METHODS_MAX = 128, /* octets: "methods that can continue" */
    LOGIN_PROMPTS_MAX = 4,
    LOGIN_PROMPT_MAX = 256, /* octets */
    LOGIN_ANSWER_MAX = SECRET_MAX,
    LOGIN_SIGNATURE_MAX = 4096,
    LOGIN_ALGO_MAX = 64,
    LOGIN_REQUESTS_MAX = 128, /* of one connection; above what the engine lets through */
};

enum login_method {
    LOGIN_NONE = 1, /* what may I use? */
    LOGIN_PASSWORD,
    LOGIN_KEY_QUERY,     /* would this key do? */
    LOGIN_KEY,           /* with a signature, which is verified on this side again */
    LOGIN_KBDINT,        /* begin the dialogue */
    LOGIN_KBDINT_ANSWER, /* to the prompts of the last reply */
};

struct login_request {
    uint32_t method;
    uint32_t user_len;
    char user[ACCOUNT_NAME_MAX];
    uint32_t secret_len; /* PASSWORD */
    uint8_t secret[SECRET_MAX];
    uint32_t n_answers; /* KBDINT_ANSWER */
    struct {
        uint32_t len;
        uint8_t text[LOGIN_ANSWER_MAX];
    } answer[LOGIN_PROMPTS_MAX];
    /* KEY_QUERY, KEY. algo: terminated. */
    char algo[LOGIN_ALGO_MAX];
    uint32_t blob_len;
    uint8_t blob[KEY_BLOB_MAX];
    /* KEY: over what auth_signed_data (ssh/conn.h) makes of session id, user, algo,
     * key and, when host-bound, the host key that signed the first exchange hash. */
    uint32_t is_hostbound;
    uint32_t signature_len;
    uint8_t signature[LOGIN_SIGNATURE_MAX];
};

enum login_verdict {
    LOGIN_DENIED = 0,
    LOGIN_PARTIAL,  /* right, but a further factor is needed */
    LOGIN_PROMPT,   /* KBDINT: ask what follows */
    LOGIN_ACCEPTED, /* for KEY_QUERY: this key would do */
    LOGIN_GONE,     /* denied, and the connection must end: too many tries */
};

struct login_reply {
    uint32_t verdict;                /* enum login_verdict */
    uint32_t is_valid_user;          /* for the words in the log alone */
    char methods[LOGIN_METHODS_MAX]; /* that can continue; terminated */
    uint32_t n_prompts;
    struct {
        char text[LOGIN_PROMPT_MAX];
        uint32_t is_echoed;
    } prompt[LOGIN_PROMPTS_MAX];
    char instruction[LOGIN_PROMPT_MAX];
    char detail[LOGIN_PROMPT_MAX]; /* for the log: key, certificate, or why denied */
    uint32_t delay_ms; /* DENIED: no sooner than this after the request; threats A4 */
};

/* Facts about a connection, known before the first request. Texts are borrowed
 * for the dialogue's life. */
struct verdict_peer {
    const char *address, *local_address;
    uint16_t port, local_port;
};

/* The exchange that authentication is bound to; set once the monitor has signed
 * the first exchange hash. Borrowed. */
struct verdict_session {
    struct bytes id;       /* session id */
    struct bytes host_key; /* the blob that signed it */
};

enum verdict_progress {
    VERDICT_NOW,   /* *reply is filled */
    VERDICT_LATER, /* asked the steward: verdict_on_answer will fill it */
};

struct verdict;

struct verdict_ops {
    /*
     * One request at a time. request: checked for nothing but its size: every
     * length in it is the peer's process's word.
     * ERR_PROTO: no honest process sends that: kill it. Other errors: a failure of
     * ours; the login cannot go on.
     */
    enum err (*request)(struct verdict *v, const struct verdict_session *session,
                        const struct login_request *request, struct login_reply *reply,
                        enum verdict_progress *progress);
    /* The banner for this peer, before any user is known; "" none. Borrowed. */
    const char *(*banner)(const struct verdict *v);
    /* After ACCEPTED (not of a query): what was granted, how ("publickey,password"),
     * and with which key; borrowed. NULL before. */
    const struct grant *(*grant)(const struct verdict *v);
    const char *(*how)(const struct verdict *v);
    const char *(*key)(const struct verdict *v);
    void (*free)(struct verdict *v);
};

struct verdict {
    const struct verdict_ops *ops;
};

#endif
