/* See verdict_single.h. */
#include "daemon/verdict_single.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "crypto/sig.h"
#include "key/cert.h"
#include "key/fingerprint.h"
#include "ssh/conn.h"

struct single {
    struct verdict base;
    const struct account *account;
    const struct grant *grant;
    const struct log_sink *log;
    const struct verdict_peer *peer;
    const char *how; /* NULL: not logged in */
    char key[128];   /* the key that was accepted, for the log */
    bool has_prompted;
};

static const char BANNER[] = "";

/* ---- the factors ---- */

static bool
is_password_right(const struct single *s, struct bytes user, struct bytes password)
{
    return account_check_password(s->account, user, password) == ACCOUNT_ACCEPTED;
}

static bool
is_key_allowed(const struct single *s, struct bytes user, struct bytes blob,
               uint32_t *flags)
{
    const struct account_key_query query = {
        .user = user,
        .blob = blob,
        .address = bytes_str(s->peer->address),
        .now = time(NULL),
        .log = s->log,
    };
    return account_check_key(s->account, &query, flags) == ACCOUNT_ACCEPTED;
}

/* A FIDO key proves that it was there; that somebody touched it is in what it
 * signed. */
static bool
is_touched_enough(const struct sig_algo *algo, const struct sk_attest *attest,
                  uint32_t flags)
{
    if (!algo->is_sk)
        return true;
    return (attest->is_user_present || (flags & ACCOUNT_TOUCH_WAIVED)) &&
           (attest->is_user_verified || !(flags & ACCOUNT_VERIFY_REQUIRED));
}

/* Verified here although the peer's process has done so: it may be lying. */
static bool
is_signature_right(const struct verdict_session *session, const struct login_request *r,
                   uint32_t flags)
{
    const struct sig_algo *algo = sig_by_name(bytes_str(r->algo));
    struct bytes user = bytes_of(r->user, r->user_len);
    struct bytes blob = bytes_of(r->blob, r->blob_len);
    struct pubkey *key = NULL;
    struct sk_attest attest = {0};
    struct buf plain, data;
    buf_init(&plain, KEY_BLOB_MAX);
    buf_init(&data, 4 * KEY_BLOB_MAX);
    auth_signed_data(session->id, user, bytes_str(r->algo), blob,
                     r->is_hostbound ? session->host_key : (struct bytes){0}, &data);
    bool is_right = algo && buf_err(&data) == ERR_NONE &&
                    cert_plain_blob(blob, &plain) == ERR_NONE &&
                    pubkey_parse(buf_bytes(&plain), &key) == ERR_NONE &&
                    sig_verify(algo, key, bytes_of(r->signature, r->signature_len),
                               buf_bytes(&data), &attest) == ERR_NONE &&
                    is_touched_enough(algo, &attest, flags);
    pubkey_free(key);
    buf_clear(&plain);
    buf_clear(&data);
    return is_right;
}

static void
describe_key(struct bytes blob, char text[LOGIN_PROMPT_MAX])
{
    const struct key_type *type = key_type_of_blob(blob);
    struct buf print;
    buf_init(&print, 128);
    if (type && fingerprint_put(FINGERPRINT_SHA256, blob, &print) == ERR_NONE)
        snprintf(text, LOGIN_PROMPT_MAX, "%s %s", type->word, buf_cstr(&print));
    buf_clear(&print);
}

/* ---- requests ---- */

static void
accept(struct single *s, const char *how, struct login_reply *reply)
{
    s->how = how;
    snprintf(s->key, sizeof s->key, "%.127s", reply->detail);
    reply->verdict = LOGIN_ACCEPTED;
}

static void
on_key(struct single *s, const struct verdict_session *session,
       const struct login_request *r, struct login_reply *reply)
{
    uint32_t flags = 0;
    struct bytes blob = bytes_of(r->blob, r->blob_len);
    bool is_allowed = is_key_allowed(s, bytes_of(r->user, r->user_len), blob, &flags);
    describe_key(blob, reply->detail);
    if (r->method == LOGIN_KEY_QUERY)
        reply->verdict = is_allowed ? LOGIN_ACCEPTED : LOGIN_DENIED;
    else if (is_signature_right(session, r, flags) && is_allowed)
        accept(s, "publickey", reply);
}

static void
ask_password(struct single *s, struct login_reply *reply)
{
    s->has_prompted = true;
    reply->verdict = LOGIN_PROMPT;
    reply->n_prompts = 1;
    snprintf(reply->prompt[0].text, sizeof reply->prompt[0].text, "Password: ");
}

static void
decide(struct single *s, const struct verdict_session *session,
       const struct login_request *r, struct login_reply *reply)
{
    struct bytes user = bytes_of(r->user, r->user_len);
    bool was_asked = s->has_prompted;
    s->has_prompted = false;
    switch (r->method) {
    case LOGIN_PASSWORD:
        if (is_password_right(s, user, bytes_of(r->secret, r->secret_len)))
            accept(s, "password", reply);
        return;
    case LOGIN_KEY_QUERY:
    case LOGIN_KEY:
        on_key(s, session, r, reply);
        return;
    case LOGIN_KBDINT:
        if (s->account->has_password)
            ask_password(s, reply);
        return;
    case LOGIN_KBDINT_ANSWER:
        if (was_asked && r->n_answers == 1 &&
            is_password_right(s, user, bytes_of(r->answer[0].text, r->answer[0].len)))
            accept(s, "keyboard-interactive/password", reply);
        return;
    default: /* how clients ask for the list of methods */
        return;
    }
}

/* Every length, against the room it is said to fill. */
static bool
is_sane(const struct login_request *r)
{
    bool is_ok = r->user_len <= sizeof r->user && r->secret_len <= sizeof r->secret &&
                 r->n_answers <= LOGIN_PROMPTS_MAX && r->blob_len <= sizeof r->blob &&
                 r->signature_len <= sizeof r->signature && r->is_hostbound <= 1 &&
                 strnlen(r->algo, sizeof r->algo) < sizeof r->algo &&
                 r->method >= LOGIN_NONE && r->method <= LOGIN_KBDINT_ANSWER;
    for (uint32_t i = 0; is_ok && i < r->n_answers; i++)
        is_ok = r->answer[i].len <= sizeof r->answer[i].text;
    return is_ok;
}

static enum err
on_request(struct verdict *v, const struct verdict_session *session,
           const struct login_request *r, struct login_reply *reply,
           enum verdict_progress *progress)
{
    struct single *s = (struct single *)v;
    *progress = VERDICT_NOW;
    if (!is_sane(r) || s->how)
        return ERR_PROTO;
    reply->is_valid_user = bytes_eq_str(bytes_of(r->user, r->user_len), s->account->user);
    snprintf(reply->methods, sizeof reply->methods, "%s", account_methods(s->account));
    decide(s, session, r, reply);
    return ERR_NONE;
}

/* ---- the rest of the table ---- */

static const char *
banner(const struct verdict *v)
{
    (void)v;
    return BANNER;
}

static const struct grant *
granted(const struct verdict *v)
{
    const struct single *s = (const struct single *)v;
    return s->how ? s->grant : NULL;
}

static const char *
how(const struct verdict *v)
{
    return ((const struct single *)v)->how;
}

static const char *
key(const struct verdict *v)
{
    const struct single *s = (const struct single *)v;
    return s->key[0] ? s->key : NULL;
}

static void
single_free(struct verdict *v)
{
    free(v);
}

enum err
verdict_single_new(const struct account *account, const struct grant *grant,
                   const struct log_sink *log, const struct verdict_peer *peer,
                   struct verdict **v)
{
    static const struct verdict_ops ops = {on_request, banner, granted,
                                           how,        key,    single_free};
    struct single *s = calloc(1, sizeof *s);
    if (!s)
        return ERR_NOMEM;
    s->base.ops = &ops;
    s->account = account;
    s->grant = grant;
    s->log = log;
    s->peer = peer;
    *v = &s->base;
    return ERR_NONE;
}
