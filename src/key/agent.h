/*
 * ssh-agent's messages, the client's half (RFC 9987): requests are appended to
 * a buf with their frame, replies are parsed from bytes. The socket is the
 * caller's. One reply a request, in order.
 */
#ifndef FERRY_KEY_AGENT_H
#define FERRY_KEY_AGENT_H

#include "base/buf.h"
#include "crypto/sig.h"
#include "wire/cursor.h"

enum {
    AGENT_REPLY_MAX = 256 * 1024, /* octets of a reply */
    AGENT_KEYS_MAX = 2048,
    AGENT_FRAME_HEAD = 4, /* the length in front of every message */
};

/* Failure of all four latches in out. */
void agent_put_list(struct buf *out);

/*
 * blob: the key, or its certificate. algo decides the flags (rsa-sha2-256/512).
 */
void agent_put_sign(struct bytes blob, struct bytes data, const struct sig_algo *algo,
                    struct buf *out);

/* session-bind@openssh.com: once, after the first key exchange, before signing. */
struct agent_binding {
    struct bytes host_key;   /* blob */
    struct bytes session_id; /* exchange hash of the first key exchange */
    struct bytes signature;  /* the server's, over the exchange hash */
    bool is_forwarding;
};
void agent_put_session_bind(const struct agent_binding *binding, struct buf *out);

/* AddKeysToAgent. lifetime_s: 0: for ever. */
struct agent_limits {
    uint32_t lifetime_s;
    bool is_confirmed; /* the agent asks at each use */
};
void agent_put_add(const struct privkey *key, struct bytes comment,
                   const struct agent_limits *limits, struct buf *out);

/*
 * Is a whole reply at the front of in? *reply: its body from the type octet on,
 * borrowed; *used: octets it took. *used == 0: read more.
 * ERR_PROTO: empty; ERR_LIMIT: longer than AGENT_REPLY_MAX.
 */
enum err agent_reply_next(struct bytes in, struct bytes *reply, size_t *used) MUST_USE;

/* For requests answered by success or failure alone. ERR_AUTH: it refused. */
enum err agent_read_success(struct bytes reply) MUST_USE;

/* Walks the keys of a list reply, borrowed from it. */
struct agent_keys {
    struct cursor c;
    uint32_t n_left;
};

struct agent_key {
    struct bytes blob; /* plain or certificate; not looked at yet */
    struct bytes comment;
};

/* ERR_AUTH: the agent refused; ERR_LIMIT: above AGENT_KEYS_MAX; ERR_PROTO. */
enum err agent_read_list(struct bytes reply, struct agent_keys *keys) MUST_USE;

/* False: no more. A reply that is cut short was refused by agent_read_list. */
bool agent_keys_next(struct agent_keys *keys, struct agent_key *key);

/*
 * *signature: the blob (string name, string signature ...), borrowed. Its name
 * must be algo->sig_name: old agents ignore the flags and sign with SHA-1.
 * ERR_AUTH: refused, or another algorithm; ERR_PROTO: malformed.
 */
enum err agent_read_signature(struct bytes reply, const struct sig_algo *algo,
                              struct bytes *signature) MUST_USE;

#endif
