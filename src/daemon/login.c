/* See login.h. */
#include "daemon/login.h"

#include <stdio.h>

#include "wire/cursor.h"

/* What is too long is nobody's: cut, it might become somebody's. */
static bool
put(void *room, size_t size, uint32_t *n, struct bytes in)
{
    if (in.n > size)
        return false;
    *n = (uint32_t)in.n;
    if (in.n != 0)
        memcpy(room, in.p, in.n);
    return true;
}

static bool
put_key(struct login_request *q, const struct conn_auth_request *r)
{
    snprintf(q->algo, sizeof q->algo, "%s", r->algo->name);
    q->is_hostbound = r->is_hostbound;
    return put(q->blob, sizeof q->blob, &q->blob_len, r->key) &&
           put(q->signature, sizeof q->signature, &q->signature_len, r->signature);
}

static bool
put_answers(struct login_request *q, const struct conn_auth_request *r)
{
    struct cursor in = cursor_of(r->responses);
    if (r->n_responses > LOGIN_PROMPTS_MAX)
        return false;
    for (uint32_t i = 0; i < r->n_responses; i++)
        if (!put(q->answer[i].text, sizeof q->answer[i].text, &q->answer[i].len,
                 cursor_string(&in)))
            return false;
    q->n_answers = r->n_responses;
    return cursor_is_done(&in);
}

/*
 * The request in the monitor's form. One that doesn't fit is put as a request
 * for nothing, so that it is counted and refused as any other.
 */
static void
translate(const struct conn_auth_request *r, struct login_request *q)
{
    static const uint32_t methods[] = {
        [AUTH_NONE] = LOGIN_NONE,
        [AUTH_PASSWORD] = LOGIN_PASSWORD,
        [AUTH_PASSWORD_CHANGE] = LOGIN_NONE,
        [AUTH_PUBLICKEY_QUERY] = LOGIN_KEY_QUERY,
        [AUTH_PUBLICKEY] = LOGIN_KEY,
        [AUTH_KBDINT] = LOGIN_KBDINT,
        [AUTH_KBDINT_RESPONSE] = LOGIN_KBDINT_ANSWER,
        [AUTH_OTHER] = LOGIN_NONE,
    };
    memset(q, 0, sizeof *q);
    q->method = methods[r->method];
    bool fits = put(q->user, sizeof q->user, &q->user_len, r->user);
    if (q->method == LOGIN_PASSWORD)
        fits = fits && put(q->secret, sizeof q->secret, &q->secret_len, r->password);
    if (q->method == LOGIN_KEY_QUERY || q->method == LOGIN_KEY)
        fits = fits && put_key(q, r);
    if (q->method == LOGIN_KBDINT_ANSWER)
        fits = fits && put_answers(q, r);
    if (!fits)
        q->method = LOGIN_NONE;
}

static void
prompt(struct conn *c, const struct login_reply *reply)
{
    struct conn_prompt prompts[LOGIN_PROMPTS_MAX];
    uint32_t n =
        reply->n_prompts < LOGIN_PROMPTS_MAX ? reply->n_prompts : LOGIN_PROMPTS_MAX;
    for (uint32_t i = 0; i < n; i++)
        prompts[i] =
            (struct conn_prompt){reply->prompt[i].text, reply->prompt[i].is_echoed != 0};
    conn_answer_auth_prompt(c, "", reply->instruction, prompts, n);
}

static void
answer(struct conn *c, const struct login_reply *reply)
{
    switch (reply->verdict) {
    case LOGIN_PROMPT:
        prompt(c, reply);
        return;
    case LOGIN_ACCEPTED:
        conn_answer_auth(c, AUTH_ACCEPTED, reply->methods);
        return;
    case LOGIN_PARTIAL:
        conn_answer_auth(c, AUTH_PARTIAL, reply->methods);
        return;
    case LOGIN_GONE:
        conn_disconnect(c, DISCONNECT_NO_MORE_AUTH_METHODS,
                        "Too many authentication failures");
        return;
    default:
        conn_auth_delay(c, reply->delay_ms);
        conn_answer_auth(c, AUTH_DENIED, reply->methods);
        return;
    }
}

void
login_on_request(struct monitor_client *m, struct conn *c,
                 const struct conn_auth_request *request)
{
    struct login_request q;
    const struct login_reply *reply;
    translate(request, &q);
    enum err err = monitor_login(m, &q, &reply);
    mem_wipe(&q, sizeof q);
    if (err == ERR_NONE)
        answer(c, reply);
    else
        conn_disconnect(c, DISCONNECT_SERVICE_NOT_AVAILABLE,
                        "the server cannot check logins now");
}
