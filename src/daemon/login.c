/* See login.h. */
#include "daemon/login.h"

#include "key/fingerprint.h"
#include "key/key_type.h"
#include "wire/cursor.h"

/* "Failed password for invalid user x from 192.0.2.1 port 4711 ssh2: ..." */
static void
log_verdict(const struct login *l, const struct conn_auth_request *r, enum err err)
{
    struct buf text;
    char host[NET_ADDR_TEXT_MAX];
    net_addr_host(l->peer, host);
    buf_init(&text, 1024);
    buf_put_str(&text, err == ERR_NONE ? "Accepted " : "Failed ");
    text_escape(&text, r->method_name, 40);
    buf_put_str(&text, bytes_eq_str(r->user, l->user) ? " for " : " for invalid user ");
    text_escape(&text, r->user, ACCOUNT_USER_MAX);
    buf_printf(&text, " from %s port %u ssh2", host, net_addr_port(l->peer));
    const struct key_type *type = r->key.n ? key_type_of_blob(r->key) : NULL;
    if (type) {
        buf_printf(&text, ": %s ", type->word);
        (void)!fingerprint_put(FINGERPRINT_SHA256, r->key, &text);
    }
    const char *line = buf_cstr(&text);
    log_line(l->log, LOG_LEVEL_INFO, "%s", line ? line : "a login: out of memory");
    buf_clear(&text);
}

static void
answer(const struct login *l, struct conn *c, const struct conn_auth_request *r,
       enum err err)
{
    log_verdict(l, r, err);
    conn_answer_auth(c, err == ERR_NONE ? AUTH_ACCEPTED : AUTH_DENIED, l->methods);
    if (err != ERR_NONE && err != ERR_AUTH)
        conn_disconnect(c, DISCONNECT_SERVICE_NOT_AVAILABLE,
                        "the server cannot check logins now");
}

static void
on_query(const struct login *l, struct conn *c, const struct conn_auth_request *r)
{
    uint32_t flags;
    enum err err = monitor_key(l->monitor, MONITOR_KEY_QUERY, r->user, r->key, &flags);
    conn_answer_auth(c, err == ERR_NONE ? AUTH_ACCEPTED : AUTH_DENIED, l->methods);
}

/* A FIDO key proves that it was there; that somebody touched it is in the
 * signed data. Asked before the login counts. */
static enum err
check_touch(const struct login *l, const struct conn_auth_request *r)
{
    uint32_t flags;
    if (!r->algo->is_sk)
        return ERR_NONE;
    enum err err = monitor_key(l->monitor, MONITOR_KEY_QUERY, r->user, r->key, &flags);
    if (err != ERR_NONE)
        return err;
    bool is_touched = r->attest.is_user_present || (flags & ACCOUNT_TOUCH_WAIVED);
    bool is_verified = r->attest.is_user_verified || !(flags & ACCOUNT_VERIFY_REQUIRED);
    return is_touched && is_verified ? ERR_NONE : ERR_AUTH;
}

static void
on_key(const struct login *l, struct conn *c, const struct conn_auth_request *r)
{
    uint32_t flags;
    enum err err = check_touch(l, r);
    if (err == ERR_NONE)
        err = monitor_key(l->monitor, MONITOR_KEY_LOGIN, r->user, r->key, &flags);
    answer(l, c, r, err);
}

static void
ask_password(struct conn *c)
{
    static const struct conn_prompt prompt = {"Password: ", false};
    conn_answer_auth_prompt(c, "", "", &prompt, 1);
}

static void
on_responses(const struct login *l, struct conn *c, const struct conn_auth_request *r)
{
    struct cursor cursor = cursor_of(r->responses);
    struct bytes password = cursor_string(&cursor);
    enum err err = ERR_AUTH;
    if (r->n_responses == 1 && cursor_is_done(&cursor))
        err = monitor_password(l->monitor, r->user, password);
    answer(l, c, r, err);
}

void
login_on_request(const struct login *l, struct conn *c, const struct conn_auth_request *r)
{
    switch (r->method) {
    case AUTH_PASSWORD:
        answer(l, c, r, monitor_password(l->monitor, r->user, r->password));
        return;
    case AUTH_PUBLICKEY_QUERY:
        on_query(l, c, r);
        return;
    case AUTH_PUBLICKEY:
        on_key(l, c, r);
        return;
    case AUTH_KBDINT:
        ask_password(c);
        return;
    case AUTH_KBDINT_RESPONSE:
        on_responses(l, c, r);
        return;
    case AUTH_NONE: /* how clients ask for the list of methods */
    case AUTH_PASSWORD_CHANGE:
    case AUTH_OTHER:
        break;
    }
    conn_answer_auth(c, AUTH_DENIED, l->methods);
}
