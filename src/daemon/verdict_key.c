/* The method publickey (RFC 4252 7): what the steward is asked about a key, and what
 * the key brings along once it was there. */
#include <stdio.h>
#include <stdlib.h>

#include "crypto/algos.h"
#include "base/log.h"
#include "daemon/verdict_book_impl.h"

/* ---- publickey ---- */

static bool
list_has(const char *list, const char *name)
{
    struct bytes rest = bytes_str(list), item;
    while (bytes_next_item(&rest, &item))
        if (bytes_eq_str(item, name))
            return true;
    return false;
}

static bool
put_text(char *to, size_t size, const char *text)
{
    int n = snprintf(to, size, "%s", text ? text : "");
    return n >= 0 && (size_t)n < size;
}

static bool
put_files(char *to, size_t size, const struct server_list *files)
{
    size_t used = 0;
    for (size_t i = 0; i < files->n; i++) {
        int n = snprintf(to + used, size - used, "%s\n", files->item[i]);
        if (n < 0 || (size_t)n >= size - used)
            return false;
        used += (size_t)n;
    }
    return true;
}

static bool
put_algos(const struct verdict_book *b, char algos[STEWARD_ALGOS_MAX])
{
    struct buf list;
    struct bytes bad, spec = bytes_str(b->options.pubkey_algorithms);
    buf_init(&list, STEWARD_ALGOS_MAX - 1);
    enum err err = ERR_NONE;
    if (spec.n == 0)
        buf_put_str(&list, b->world->pubkey_algos);
    else
        err = algo_list_apply(ALGO_USER_KEY, b->world->pubkey_algos, spec, &list, &bad);
    const char *text = err == ERR_NONE ? buf_cstr(&list) : NULL;
    bool is_put = text && put_text(algos, STEWARD_ALGOS_MAX, text);
    buf_clear(&list);
    return is_put;
}

static bool
put_rules(const struct verdict_book *b, struct steward_key_rules *r)
{
    const struct server_options *o = &b->options;
    r->required_rsa_bits = o->required_rsa_size > 0 ? (uint32_t)o->required_rsa_size : 0;
    r->is_touch_required = o->pubkey_touch_required > 0;
    r->is_verify_required = o->pubkey_verify_required > 0;
    return put_algos(b, r->pubkey_algos) &&
           put_text(r->ca_algos, sizeof r->ca_algos, b->world->ca_algos) &&
           put_files(r->keys_files, sizeof r->keys_files, &o->authorized_keys_files) &&
           put_text(r->keys_command, sizeof r->keys_command,
                    o->authorized_keys_command) &&
           put_text(r->keys_command_user, sizeof r->keys_command_user,
                    o->authorized_keys_command_user) &&
           put_text(r->principals_file, sizeof r->principals_file,
                    o->authorized_principals_file) &&
           put_text(r->ca_keys, sizeof r->ca_keys, o->trusted_user_ca_keys) &&
           put_text(r->revoked_keys, sizeof r->revoked_keys, o->revoked_keys);
}

/* What the signature has to cover comes from here, not from the request. */
static void
put_offer(const struct verdict_book *b, struct steward_key *q)
{
    const struct login_request *r = b->request;
    q->is_signed = r->method == LOGIN_KEY;
    q->blob_len = r->blob_len;
    memcpy(q->blob, r->blob, r->blob_len);
    memcpy(q->algo, r->algo, sizeof q->algo);
    if (!q->is_signed)
        return;
    q->session_id_len = (uint32_t)b->session.id.n;
    memcpy(q->session_id, b->session.id.p, b->session.id.n);
    q->is_hostbound = r->is_hostbound != 0;
    if (q->is_hostbound) {
        q->host_key_len = (uint32_t)b->session.host_key.n;
        memcpy(q->host_key, b->session.host_key.p, b->session.host_key.n);
    }
    q->signature_len = r->signature_len;
    memcpy(q->signature, r->signature, r->signature_len);
}

static enum err
ask_key(struct verdict_book *b, struct login_reply *reply,
        enum verdict_progress *progress)
{
    struct steward_key *q = calloc(1, sizeof *q);
    if (!q)
        return ERR_NOMEM;
    q->head.op = STEWARD_KEY;
    q->who = book_who(b, true);
    enum err err;
    if (!put_rules(b, &q->rules)) {
        log_line(b->world->log, LOG_LEVEL_ERROR,
                 "%s: an option about keys is too long: no key is accepted", b->user);
        err = book_deny(b, "an option about keys is too long", reply, progress);
    } else if (!list_has(q->rules.pubkey_algos, b->request->algo)) {
        err = book_deny(b, "the key's algorithm is not in PubkeyAcceptedAlgorithms",
                        reply, progress);
    } else {
        put_offer(b, q);
        err = book_ask(b, &q->head, STEP_FACTOR, reply, progress);
    }
    free(q);
    return err;
}

/* A session without an exchange hash, or one that no struct of ours can hold. */
static bool
can_be_signed(const struct verdict_session *s)
{
    return s->id.n != 0 && s->id.n <= HASH_MAX_LEN && s->host_key.n <= KEY_BLOB_MAX;
}

enum err
book_on_key(struct verdict_book *b, struct login_reply *reply,
            enum verdict_progress *progress)
{
    const struct login_request *r = b->request;
    if (r->method == LOGIN_KEY && !can_be_signed(&b->session))
        return ERR_PROTO;
    if (r->blob_len == 0)
        return book_deny(b, "an empty key", reply, progress);
    if (!book_may_show(b, FACTOR_PUBLICKEY))
        return book_deny(b, "publickey may not be used now", reply, progress);
    return ask_key(b, reply, progress);
}

/* One key shown twice is one factor. */
static bool
is_key_shown(const struct verdict_book *b, const char *key)
{
    const char *print = strchr(key, ' ');
    for (size_t i = 0; i < b->n_keys; i++) {
        const char *other = strchr(b->keys[i], ' ');
        if (!print || !other || strcmp(print, other) == 0)
            return true;
    }
    return b->n_keys == LOGIN_CHAIN_STEPS_MAX;
}

/* What the key brings along holds from now on; *limits joined in one piece or not
 * at all. */
static enum err
join_limits(struct verdict_book *b, const struct steward_answer *a, struct fault *why)
{
    struct sftp_limits limits, all = b->limits;
    if (!a->has_command)
        return ERR_NONE;
    enum err err = sftp_limits_parse(a->command, &limits, why);
    if (err == ERR_NONE)
        err = sftp_limits_join(&all, &limits, why);
    if (err == ERR_NONE && b->request->method == LOGIN_KEY)
        b->limits = all;
    return err;
}

enum err
book_on_key_answer(struct verdict_book *b, const struct steward_answer *a,
                   struct login_reply *reply, enum verdict_progress *progress)
{
    struct fault why = {0};
    if (a->head.verdict != STEWARD_YES)
        return book_deny(b, a->text, reply, progress);
    if (is_key_shown(b, a->key))
        return book_deny(b, "this key has been shown already", reply, progress);
    if (join_limits(b, a, &why) != ERR_NONE)
        return book_deny(b, why.text, reply, progress);
    if (b->request->method == LOGIN_KEY_QUERY) {
        book_fill(b, LOGIN_ACCEPTED, a->text, reply);
        book_answer_now(b, progress);
        return ERR_NONE;
    }
    memcpy(b->keys[b->n_keys++], a->key, KEY_TEXT_MAX);
    return book_shown(b, FACTOR_PUBLICKEY, a->text, reply, progress);
}
