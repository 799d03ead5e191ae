/* See agent.h. */
#include "key/agent.h"

#include "wire/put.h"

enum agent_message {
    AGENT_FAILURE = 5,
    AGENT_SUCCESS = 6,
    AGENT_REQUEST_IDENTITIES = 11,
    AGENT_IDENTITIES_ANSWER = 12,
    AGENT_SIGN_REQUEST = 13,
    AGENT_SIGN_RESPONSE = 14,
    AGENT_ADD_IDENTITY = 17,
    AGENT_ADD_ID_CONSTRAINED = 25,
    AGENT_EXTENSION = 27,
    AGENT_EXTENSION_FAILURE = 28,
};

enum agent_constraint { AGENT_CONSTRAIN_LIFETIME = 1, AGENT_CONSTRAIN_CONFIRM = 2 };
enum agent_sign_flag { AGENT_RSA_SHA2_256 = 2, AGENT_RSA_SHA2_512 = 4 };

/* ---- requests: the frame is a string whose content starts with the type ---- */

static size_t
request_begin(struct buf *out, enum agent_message type)
{
    size_t mark = put_string_begin(out);
    buf_put_u8(out, (uint8_t)type);
    return mark;
}

void
agent_put_list(struct buf *out)
{
    put_string_end(out, request_begin(out, AGENT_REQUEST_IDENTITIES));
}

static uint32_t
sign_flags(const struct sig_algo *algo)
{
    if (algo->kind != KEY_RSA)
        return 0;
    return algo->hash == HASH_SHA512 ? AGENT_RSA_SHA2_512 : AGENT_RSA_SHA2_256;
}

void
agent_put_sign(struct bytes blob, struct bytes data, const struct sig_algo *algo,
               struct buf *out)
{
    size_t mark = request_begin(out, AGENT_SIGN_REQUEST);
    put_string(out, blob);
    put_string(out, data);
    put_u32(out, sign_flags(algo));
    put_string_end(out, mark);
}

void
agent_put_session_bind(const struct agent_binding *binding, struct buf *out)
{
    size_t mark = request_begin(out, AGENT_EXTENSION);
    put_cstring(out, "session-bind@openssh.com");
    put_string(out, binding->host_key);
    put_string(out, binding->session_id);
    put_string(out, binding->signature);
    put_bool(out, binding->is_forwarding);
    put_string_end(out, mark);
}

static void
put_constraints(const struct agent_limits *limits, struct buf *out)
{
    if (limits->lifetime_s != 0) {
        buf_put_u8(out, AGENT_CONSTRAIN_LIFETIME);
        put_u32(out, limits->lifetime_s);
    }
    if (limits->is_confirmed)
        buf_put_u8(out, AGENT_CONSTRAIN_CONFIRM);
}

void
agent_put_add(const struct privkey *key, struct bytes comment,
              const struct agent_limits *limits, struct buf *out)
{
    bool is_limited = limits->lifetime_s != 0 || limits->is_confirmed;
    size_t mark =
        request_begin(out, is_limited ? AGENT_ADD_ID_CONSTRAINED : AGENT_ADD_IDENTITY);
    put_cstring(out, key_kind_name(pubkey_kind(privkey_public(key))));
    enum err e = privkey_put_fields(key, out);
    if (e != ERR_NONE && out->err == ERR_NONE)
        out->err = e;
    put_string(out, comment);
    put_constraints(limits, out);
    put_string_end(out, mark);
}

/* ---- replies ---- */

enum err
agent_reply_next(struct bytes in, struct bytes *reply, size_t *used)
{
    *used = 0;
    if (in.n < AGENT_FRAME_HEAD)
        return ERR_NONE;
    struct cursor c = cursor_of(in);
    uint32_t len = cursor_u32(&c);
    if (len == 0)
        return ERR_PROTO;
    if (len > AGENT_REPLY_MAX)
        return ERR_LIMIT;
    if (len > cursor_left(&c))
        return ERR_NONE;
    *reply = cursor_raw(&c, len);
    *used = AGENT_FRAME_HEAD + (size_t)len;
    return ERR_NONE;
}

/* Take the type off. ERR_AUTH: a failure, in either of its two forms. */
static enum err
expect(struct cursor *c, enum agent_message wanted)
{
    uint8_t type = cursor_u8(c);
    if (c->failed)
        return ERR_PROTO;
    if (type == AGENT_FAILURE || type == AGENT_EXTENSION_FAILURE)
        return ERR_AUTH;
    return type == wanted ? ERR_NONE : ERR_PROTO;
}

enum err
agent_read_success(struct bytes reply)
{
    struct cursor c = cursor_of(reply);
    return expect(&c, AGENT_SUCCESS);
}

/* Walks all keys, so that agent_keys_next can't fail later. The count is only
 * believed as far as there are octets behind it (threats T8). */
static enum err
check_keys(struct agent_keys keys)
{
    while (keys.n_left != 0 && !keys.c.failed) {
        cursor_string(&keys.c);
        cursor_string(&keys.c);
        keys.n_left--;
    }
    return cursor_is_done(&keys.c) ? ERR_NONE : ERR_PROTO;
}

enum err
agent_read_list(struct bytes reply, struct agent_keys *keys)
{
    *keys = (struct agent_keys){0};
    struct cursor c = cursor_of(reply);
    enum err e = expect(&c, AGENT_IDENTITIES_ANSWER);
    if (e != ERR_NONE)
        return e;
    uint32_t n = cursor_u32(&c);
    if (n > AGENT_KEYS_MAX)
        return ERR_LIMIT;
    struct agent_keys found = {c, n};
    e = check_keys(found);
    if (e == ERR_NONE)
        *keys = found;
    return e;
}

bool
agent_keys_next(struct agent_keys *keys, struct agent_key *key)
{
    if (keys->n_left == 0)
        return false;
    keys->n_left--;
    key->blob = cursor_string(&keys->c);
    key->comment = cursor_string(&keys->c);
    return !keys->c.failed;
}

enum err
agent_read_signature(struct bytes reply, const struct sig_algo *algo,
                     struct bytes *signature)
{
    *signature = (struct bytes){0};
    struct cursor c = cursor_of(reply);
    enum err e = expect(&c, AGENT_SIGN_RESPONSE);
    if (e != ERR_NONE)
        return e;
    struct bytes blob = cursor_string(&c);
    if (!cursor_is_done(&c) || blob.n > SIG_BLOB_MAX)
        return ERR_PROTO;
    struct cursor inner = cursor_of(blob);
    struct bytes name = cursor_string(&inner);
    if (inner.failed)
        return ERR_PROTO;
    if (!bytes_eq_str(name, algo->sig_name))
        return ERR_AUTH;
    *signature = blob;
    return ERR_NONE;
}
