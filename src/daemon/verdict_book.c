/* See verdict_book.h. Order: the dialogue, replies, factors one by one, what the
 * steward answers, the interface. */
#include "daemon/verdict_book.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "account/name.h"
#include "base/log.h"
#include "crypto/algos.h"
#include "daemon/granting.h"
#include "daemon/login_chain.h"
#include "daemon/login_rules.h"

enum {
    KEY_QUERIES_MAX = 20,   /* of one connection that were denied; threats 13 */
    FAIL_DELAY_MIN = 5000,  /* microseconds; threats A4 */
    FAIL_DELAY_MORE = 4096, /* the secret part is below this */
    HOW_MAX = 128,
    KEY_TEXT_MAX = 128,
};

/* What the question under way is about. */
enum book_step {
    STEP_NONE,
    STEP_LOOKUP,
    STEP_FACTOR, /* the request's own proof */
    STEP_CODE,   /* the one-time code behind keyboard-interactive's password */
    STEP_PAM,
    STEP_ADMIT,
};

/* Which prompt of keyboard-interactive (RFC 4256) is open. */
enum kbdint_state { KBDINT_IDLE, KBDINT_PASSWORD, KBDINT_CODE, KBDINT_PAM };

struct verdict_book {
    struct verdict base;
    const struct verdict_book_world *world;
    const struct verdict_peer *peer;
    const char *banner;
    uint64_t mark;

    char user[ACCOUNT_NAME_MAX + 1];
    uint32_t user_len;           /* 0: no request came yet */
    bool is_named;               /* the name is one that may be looked up */
    struct steward_facts *facts; /* NULL: not looked up yet */
    struct server_options options;
    bool is_allowed; /* login_rules_check, and nothing has spoken against it since */
    struct login_chains chains;

    struct login_request *request;  /* in hand; wiped */
    struct verdict_session session; /* what the views point to outlives us */
    uint64_t began_us;
    enum book_step step;
    uint64_t asked; /* the question's id; 0: none */
    enum kbdint_state kbdint;
    enum login_weight weight; /* of the proof that is under way */
    uint64_t dialogue;        /* PAM's, while kbdint is KBDINT_PAM */

    unsigned n_requests, n_failures, n_denied_queries;
    enum login_failure failure;
    struct sftp_limits limits; /* of the factors shown so far, joined */
    char how[HOW_MAX];
    size_t n_keys;
    char keys[LOGIN_CHAIN_STEPS_MAX][KEY_TEXT_MAX]; /* that were shown */
    struct grant grant;
    bool is_granted;
};

static struct verdict_book *
book_of(struct verdict *v)
{
    return (struct verdict_book *)v;
}

static const struct verdict_book *
book_of_const(const struct verdict *v)
{
    return (const struct verdict_book *)v;
}

static uint64_t
now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000U + (uint64_t)t.tv_nsec / 1000U;
}

/* ---- replies ---- */

/* The part of the delay that only we can know: the same for one name as long as
 * this generation lives, so that repeating a try averages nothing away. */
static uint64_t
user_delay_us(const struct verdict_book *b)
{
    uint8_t digest[HASH_MAX_LEN] = {0};
    uint32_t more = 0;
    struct bytes key = bytes_of(b->world->delay_key, sizeof b->world->delay_key);
    if (hmac_digest(HASH_SHA256, key, bytes_of(b->user, b->user_len), digest) == ERR_NONE)
        memcpy(&more, digest, sizeof more);
    return FAIL_DELAY_MIN + more % FAIL_DELAY_MORE;
}

/* Refusals leave at a few fixed times after the request: the smallest multiple by
 * a power of two that has not passed yet, whatever the work cost. */
static uint32_t
refusal_delay_ms(const struct verdict_book *b)
{
    uint64_t delay = user_delay_us(b), elapsed = now_us() - b->began_us;
    while (delay < elapsed)
        delay *= 2;
    return (uint32_t)((delay + 999) / 1000);
}

static bool
is_valid_user(const struct verdict_book *b)
{
    return b->facts && b->facts->kind != STEWARD_NOBODY && b->is_allowed;
}

static void
fill(const struct verdict_book *b, enum login_verdict verdict, const char *detail,
     struct login_reply *reply)
{
    memset(reply, 0, sizeof *reply);
    reply->verdict = verdict;
    reply->is_valid_user = is_valid_user(b);
    login_chains_methods(&b->chains, reply->methods);
    snprintf(reply->detail, sizeof reply->detail, "%s", detail);
}

static void
drop_request(struct verdict_book *b)
{
    if (b->request)
        mem_wipe(b->request, sizeof *b->request);
    free(b->request);
    b->request = NULL;
    b->asked = 0;
    b->step = STEP_NONE;
}

static void
answer_now(struct verdict_book *b, enum verdict_progress *progress)
{
    drop_request(b);
    *progress = VERDICT_NOW;
}

static void
worsen(struct verdict_book *b, enum login_failure failure)
{
    if (failure > b->failure)
        b->failure = failure;
}

/* How many of these may there be? Looking around ("none") costs nothing, offers of
 * keys have a count of their own: agents hold many. */
static bool
count_failure(struct verdict_book *b)
{
    switch (b->request->method) {
    case LOGIN_NONE:
        return true;
    case LOGIN_KEY_QUERY:
        return ++b->n_denied_queries < KEY_QUERIES_MAX;
    default:
        worsen(b, is_valid_user(b) ? LOGIN_FAILURE_AUTH : LOGIN_FAILURE_BAD_USER);
        return (int)++b->n_failures < b->options.max_auth_tries;
    }
}

static enum err
deny(struct verdict_book *b, const char *detail, struct login_reply *reply,
     enum verdict_progress *progress)
{
    bool may_go_on = count_failure(b);
    fill(b, may_go_on ? LOGIN_DENIED : LOGIN_GONE, detail, reply);
    if (b->request->method != LOGIN_NONE)
        reply->delay_ms = refusal_delay_ms(b);
    answer_now(b, progress);
    return ERR_NONE;
}

static enum err
prompt(struct verdict_book *b, const char *text, enum kbdint_state state,
       struct login_reply *reply, enum verdict_progress *progress)
{
    fill(b, LOGIN_PROMPT, "", reply);
    reply->n_prompts = 1;
    snprintf(reply->prompt[0].text, sizeof reply->prompt[0].text, "%s", text);
    b->kbdint = state;
    answer_now(b, progress);
    return ERR_NONE;
}

/* ---- asking ---- */

/* A question that can't be put is a refusal when the steward is only behind. */
static enum err
ask(struct verdict_book *b, struct steward_head *question, enum book_step step,
    struct login_reply *reply, enum verdict_progress *progress)
{
    enum err err = steward_client_ask(b->world->steward, question, b->mark, &b->asked);
    if (err == ERR_LIMIT)
        return deny(b, "the account steward is too busy", reply, progress);
    if (err != ERR_NONE)
        return err;
    b->step = step;
    *progress = VERDICT_LATER;
    return ERR_NONE;
}

/* Somebody who is to be refused is nobody to the steward. */
static struct steward_who
who_is(const struct verdict_book *b, bool may_be_accepted)
{
    struct steward_who who = {0};
    if (b->facts && b->is_allowed && may_be_accepted)
        who.kind = b->facts->kind;
    if (b->is_named)
        memcpy(who.user, b->user, sizeof who.user);
    snprintf(who.address, sizeof who.address, "%s",
             b->peer->address ? b->peer->address : "");
    return who;
}

static enum err
ask_lookup(struct verdict_book *b, struct login_reply *reply,
           enum verdict_progress *progress)
{
    struct steward_lookup q = {.head.op = STEWARD_LOOKUP, .who = who_is(b, true)};
    q.accounts = (uint32_t)b->options.accounts;
    return ask(b, &q.head, STEP_LOOKUP, reply, progress);
}

static void
end_dialogue(struct verdict_book *b)
{
    struct steward_pam_end q = {.head.op = STEWARD_PAM_END, .dialogue = b->dialogue};
    if (b->kbdint == KBDINT_PAM)
        (void)!steward_client_ask(b->world->steward, &q.head, b->mark, NULL);
    b->kbdint = KBDINT_IDLE;
}

/* ---- one factor shown ---- */

static enum err
admit(struct verdict_book *b, struct login_reply *reply, enum verdict_progress *progress)
{
    struct fault why = {0};
    const struct granting granting = {
        .options = &b->options,
        .facts = b->facts,
        .user = b->user,
        .limits = &b->limits,
        .is_root = b->world->is_root,
        .virtual_uid = b->world->virtual_uid,
        .virtual_gid = b->world->virtual_gid,
    };
    if (grant_make(&granting, &b->grant, &why) != ERR_NONE) {
        b->is_allowed = false; /* no further factor can change it */
        log_line(b->world->log, LOG_LEVEL_ERROR, "%s cannot log in: %s", b->user,
                 why.text);
        return deny(b, why.text, reply, progress);
    }
    struct steward_admit q = {.head.op = STEWARD_ADMIT, .who = who_is(b, true)};
    q.has_pam = b->facts->kind == STEWARD_SYSTEM && b->options.use_pam > 0;
    return ask(b, &q.head, STEP_ADMIT, reply, progress);
}

static bool
may_show(const struct verdict_book *b, enum login_factor factor)
{
    return login_chains_takes(&b->chains, factor, WEIGHT_FULL);
}

static enum err
shown(struct verdict_book *b, enum login_factor factor, const char *detail,
      struct login_reply *reply, enum verdict_progress *progress)
{
    size_t n = strlen(b->how);
    snprintf(b->how + n, sizeof b->how - n, "%s%s", n ? "," : "",
             login_factor_name(factor));
    if (login_chains_show(&b->chains, factor, b->weight))
        return admit(b, reply, progress);
    fill(b, LOGIN_PARTIAL, detail, reply);
    answer_now(b, progress);
    return ERR_NONE;
}

/* ---- password ---- */

/* Root's password is nobody's under `prohibit-password`. */
static bool
may_use_password(const struct verdict_book *b)
{
    return b->facts->kind != STEWARD_SYSTEM || b->facts->uid != 0 ||
           b->options.permit_root_login == ROOT_LOGIN_YES;
}

/* Does PAM judge this user's passwords? Nobody's are refused by us alone. */
static bool
has_pam(const struct verdict_book *b)
{
    return b->facts->kind == STEWARD_SYSTEM && b->options.use_pam > 0 && b->is_allowed &&
           may_use_password(b);
}

static enum err
ask_password(struct verdict_book *b, struct bytes password, struct login_reply *reply,
             enum verdict_progress *progress)
{
    struct steward_password q = {.head.op = STEWARD_PASSWORD,
                                 .who = who_is(b, may_use_password(b))};
    if (password.n == 0) /* blank passwords never are right (threats A10) */
        return deny(b, "an empty password", reply, progress);
    q.password_len = (uint32_t)password.n;
    memcpy(q.password, password.p, password.n);
    enum err err = ask(b, &q.head, STEP_FACTOR, reply, progress);
    mem_wipe(&q, sizeof q);
    return err;
}

static enum err
ask_pam_password(struct verdict_book *b, struct bytes password, struct login_reply *reply,
                 enum verdict_progress *progress)
{
    struct steward_pam_begin q = {.head.op = STEWARD_PAM_BEGIN, .who = who_is(b, true)};
    if (password.n == 0)
        return deny(b, "an empty password", reply, progress);
    q.has_password = 1;
    q.password_len = (uint32_t)password.n;
    memcpy(q.password, password.p, password.n);
    enum err err = ask(b, &q.head, STEP_FACTOR, reply, progress);
    mem_wipe(&q, sizeof q);
    return err;
}

static enum err
on_password(struct verdict_book *b, struct login_reply *reply,
            enum verdict_progress *progress)
{
    struct bytes password = bytes_of(b->request->secret, b->request->secret_len);
    if (!may_show(b, FACTOR_PASSWORD))
        return deny(b, "password may not be used now", reply, progress);
    return has_pam(b) ? ask_pam_password(b, password, reply, progress)
                      : ask_password(b, password, reply, progress);
}

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
    q->who = who_is(b, true);
    enum err err;
    if (!put_rules(b, &q->rules)) {
        log_line(b->world->log, LOG_LEVEL_ERROR,
                 "%s: an option about keys is too long: no key is accepted", b->user);
        err = deny(b, "an option about keys is too long", reply, progress);
    } else if (!list_has(q->rules.pubkey_algos, b->request->algo)) {
        err = deny(b, "the key's algorithm is not in PubkeyAcceptedAlgorithms", reply,
                   progress);
    } else {
        put_offer(b, q);
        err = ask(b, &q->head, STEP_FACTOR, reply, progress);
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

static enum err
on_key(struct verdict_book *b, struct login_reply *reply, enum verdict_progress *progress)
{
    const struct login_request *r = b->request;
    if (r->method == LOGIN_KEY && !can_be_signed(&b->session))
        return ERR_PROTO;
    if (r->blob_len == 0)
        return deny(b, "an empty key", reply, progress);
    if (!may_show(b, FACTOR_PUBLICKEY))
        return deny(b, "publickey may not be used now", reply, progress);
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

static enum err
on_key_answer(struct verdict_book *b, const struct steward_answer *a,
              struct login_reply *reply, enum verdict_progress *progress)
{
    struct fault why = {0};
    if (a->head.verdict != STEWARD_YES)
        return deny(b, a->text, reply, progress);
    if (is_key_shown(b, a->key))
        return deny(b, "this key has been shown already", reply, progress);
    if (join_limits(b, a, &why) != ERR_NONE)
        return deny(b, why.text, reply, progress);
    if (b->request->method == LOGIN_KEY_QUERY) {
        fill(b, LOGIN_ACCEPTED, a->text, reply);
        answer_now(b, progress);
        return ERR_NONE;
    }
    memcpy(b->keys[b->n_keys++], a->key, KEY_TEXT_MAX);
    return shown(b, FACTOR_PUBLICKEY, a->text, reply, progress);
}

/* ---- keyboard-interactive ---- */

static bool
has_totp(const struct verdict_book *b)
{
    return b->facts->kind == STEWARD_VIRTUAL && b->facts->account.has_totp &&
           b->is_allowed;
}

static enum err
on_kbdint(struct verdict_book *b, struct login_reply *reply,
          enum verdict_progress *progress)
{
    if (!may_show(b, FACTOR_KBDINT))
        return deny(b, "keyboard-interactive may not be used now", reply, progress);
    if (has_pam(b)) {
        struct steward_pam_begin q = {.head.op = STEWARD_PAM_BEGIN,
                                      .who = who_is(b, true)};
        return ask(b, &q.head, STEP_PAM, reply, progress);
    }
    /* Behind another factor of a chain the code alone is asked for. */
    if (has_totp(b) && login_chains_takes(&b->chains, FACTOR_KBDINT, WEIGHT_SECOND)) {
        b->weight = WEIGHT_SECOND;
        return prompt(b, "One-time code: ", KBDINT_CODE, reply, progress);
    }
    return prompt(b, "Password: ", KBDINT_PASSWORD, reply, progress);
}

static enum err
answer_code(struct verdict_book *b, struct login_reply *reply,
            enum verdict_progress *progress)
{
    struct steward_code q = {.head.op = STEWARD_CODE, .who = who_is(b, true)};
    uint32_t n = b->request->answer[0].len;
    if (n == 0 || n > sizeof q.code)
        return deny(b, "not a code", reply, progress);
    q.code_len = n;
    memcpy(q.code, b->request->answer[0].text, n);
    enum err err = ask(b, &q.head, STEP_CODE, reply, progress);
    mem_wipe(&q, sizeof q);
    return err;
}

static enum err
answer_pam(struct verdict_book *b, struct login_reply *reply,
           enum verdict_progress *progress)
{
    struct steward_pam_answer *q = calloc(1, sizeof *q);
    if (!q)
        return ERR_NOMEM;
    q->head.op = STEWARD_PAM_ANSWER;
    q->dialogue = b->dialogue;
    q->n_answers = b->request->n_answers;
    for (uint32_t i = 0; i < q->n_answers; i++) {
        q->answer[i].len = b->request->answer[i].len;
        memcpy(q->answer[i].text, b->request->answer[i].text, q->answer[i].len);
    }
    enum err err = ask(b, &q->head, STEP_PAM, reply, progress);
    mem_wipe(q, sizeof *q);
    free(q);
    return err;
}

static enum err
on_kbdint_answer(struct verdict_book *b, struct login_reply *reply,
                 enum verdict_progress *progress)
{
    const struct login_request *r = b->request;
    enum kbdint_state state = b->kbdint;
    if (state == KBDINT_IDLE)
        return ERR_PROTO; /* nothing was asked */
    if (state == KBDINT_PAM)
        return answer_pam(b, reply, progress);
    b->kbdint = KBDINT_IDLE;
    if (r->n_answers != 1)
        return deny(b, "one answer was asked for", reply, progress);
    if (state == KBDINT_CODE)
        return answer_code(b, reply, progress);
    return ask_password(b, bytes_of(r->answer[0].text, r->answer[0].len), reply,
                        progress);
}

static enum err
on_pam_prompt(struct verdict_book *b, const struct steward_answer *a,
              struct login_reply *reply, enum verdict_progress *progress)
{
    fill(b, LOGIN_PROMPT, "", reply);
    reply->n_prompts =
        a->n_prompts <= LOGIN_PROMPTS_MAX ? a->n_prompts : LOGIN_PROMPTS_MAX;
    for (uint32_t i = 0; i < reply->n_prompts; i++) {
        put_text(reply->prompt[i].text, sizeof reply->prompt[i].text, a->prompt[i].text);
        reply->prompt[i].is_echoed = a->prompt[i].is_echoed != 0;
    }
    put_text(reply->instruction, sizeof reply->instruction, a->instruction);
    b->kbdint = KBDINT_PAM;
    b->dialogue = a->dialogue;
    answer_now(b, progress);
    return ERR_NONE;
}

static enum err
on_pam_answer(struct verdict_book *b, const struct steward_answer *a,
              struct login_reply *reply, enum verdict_progress *progress)
{
    if (a->head.verdict == STEWARD_PROMPT)
        return on_pam_prompt(b, a, reply, progress);
    b->kbdint = KBDINT_IDLE; /* the dialogue is over, the worker gone */
    if (a->head.verdict != STEWARD_YES)
        return deny(b, a->text, reply, progress);
    return shown(b, FACTOR_KBDINT, a->text, reply, progress);
}

/* A password was right or wrong, whichever method brought it. */
static enum err
on_password_answer(struct verdict_book *b, const struct steward_answer *a,
                   struct login_reply *reply, enum verdict_progress *progress)
{
    bool is_kbdint = b->request->method == LOGIN_KBDINT_ANSWER;
    if (a->head.verdict != STEWARD_YES)
        return deny(b, a->text, reply, progress);
    if (is_kbdint && has_totp(b))
        return prompt(b, "One-time code: ", KBDINT_CODE, reply, progress);
    return shown(b, is_kbdint ? FACTOR_KBDINT : FACTOR_PASSWORD, a->text, reply,
                 progress);
}

/* ---- the user ---- */

static enum err
on_none(struct verdict_book *b, struct login_reply *reply,
        enum verdict_progress *progress)
{
    return deny(b, "", reply, progress);
}

static enum err
dispatch(struct verdict_book *b, struct login_reply *reply,
         enum verdict_progress *progress)
{
    static enum err (*const handlers[])(struct verdict_book *, struct login_reply *,
                                        enum verdict_progress *) = {
        [LOGIN_NONE] = on_none,     [LOGIN_PASSWORD] = on_password,
        [LOGIN_KEY_QUERY] = on_key, [LOGIN_KEY] = on_key,
        [LOGIN_KBDINT] = on_kbdint, [LOGIN_KBDINT_ANSWER] = on_kbdint_answer,
    };
    /* A new request abandons the dialogue of the last one: RFC 4256 3.1. */
    if (b->request->method != LOGIN_KBDINT_ANSWER) {
        end_dialogue(b);
        b->weight = WEIGHT_FULL;
    }
    return handlers[b->request->method](b, reply, progress);
}

/* Bits of the factors that the configuration lets anybody use. */
static unsigned
enabled_factors(const struct server_options *o)
{
    return (o->pubkey_authentication > 0 ? 1U << FACTOR_PUBLICKEY : 0U) |
           (o->password_authentication > 0 ? 1U << FACTOR_PASSWORD : 0U) |
           (o->kbdint_authentication > 0 ? 1U << FACTOR_KBDINT : 0U);
}

/*
 * What has to be shown. The account's chains come before the configuration's; a
 * second factor that was set up is asked for whatever the chains say, so that no
 * method is a way around it (threats A10).
 */
static enum err
set_chains(struct verdict_book *b)
{
    const char *own = b->facts->kind == STEWARD_VIRTUAL ? b->facts->account.chain : "";
    bool has_code = b->facts->kind == STEWARD_VIRTUAL && b->facts->account.has_totp;
    const char *text = own[0] ? own : b->options.authentication_methods;
    enum err err = login_chains_parse(&b->chains, text, enabled_factors(&b->options));
    if (has_code && b->is_allowed)
        login_chains_require(&b->chains, FACTOR_KBDINT);
    return err;
}

static void
log_refusal(const struct verdict_book *b, const char *why)
{
    struct buf name;
    buf_init(&name, 1024);
    text_escape(&name, bytes_of(b->user, b->user_len), ACCOUNT_NAME_MAX);
    const char *user = buf_cstr(&name);
    const char *address = b->peer->address ? b->peer->address : "UNKNOWN";
    if (!user)
        user = "?";
    if (b->facts->kind == STEWARD_NOBODY)
        log_line(b->world->log, LOG_LEVEL_INFO, "Invalid user %s from %s port %u", user,
                 address, b->peer->port);
    else
        log_line(b->world->log, LOG_LEVEL_INFO, "User %s from %s not allowed because %s",
                 user, address, why);
    buf_clear(&name);
}

static enum err
effective(const struct verdict_book *b, const char *user, struct server_options *o)
{
    const char *groups[GRANT_GROUPS_MAX];
    size_t n = 0;
    if (b->facts) {
        const char *name = b->facts->group_names;
        for (; n < b->facts->n_group_names && n < GRANT_GROUPS_MAX; n++) {
            groups[n] = name;
            name += strlen(name) + 1;
        }
    }
    const struct server_context context = {
        .user = user,
        .groups = groups,
        .n_groups = n,
        .address = b->peer->address,
        .local_address = b->peer->local_address,
        .local_port = b->peer->local_port,
    };
    return server_config_effective(b->world->config, &context, o);
}

/* The facts are known: work out what holds for this user. */
static enum err
settle(struct verdict_book *b)
{
    struct fault why = {0};
    enum err err = effective(b, b->user, &b->options);
    if (err != ERR_NONE)
        return err;
    const struct login_rules rules = {
        .options = &b->options,
        .facts = b->facts,
        .user = b->user,
        .address = b->peer->address,
        .now = (int64_t)time(NULL),
    };
    b->is_allowed = login_rules_check(&rules, &why) == ERR_NONE;
    if (!b->is_allowed)
        log_refusal(b, why.text);
    err = set_chains(b);
    if (err == ERR_LIMIT || b->chains.n == 0)
        log_line(b->world->log, LOG_LEVEL_ERROR,
                 "%s: no chain of authentication methods can be shown", b->user);
    return ERR_NONE;
}

/* Group names are walked by their terminators: one that is missing is a lie. */
static bool
are_facts_sound(const struct steward_facts *f)
{
    size_t at = 0;
    for (uint32_t i = 0; i < f->n_group_names; i++) {
        const char *end = memchr(f->group_names + at, 0, sizeof f->group_names - at);
        if (!end)
            return false;
        at = (size_t)(end - f->group_names) + 1;
    }
    return f->n_groups <= GRANT_GROUPS_MAX && f->n_group_names <= GRANT_GROUPS_MAX &&
           f->home[sizeof f->home - 1] == 0;
}

static enum err
take_facts(struct verdict_book *b, const struct steward_facts *f)
{
    b->facts = calloc(1, sizeof *b->facts);
    if (!b->facts)
        return ERR_NOMEM;
    if (f && f->head.verdict == STEWARD_YES)
        *b->facts = *f;
    return settle(b);
}

static enum err
on_facts(struct verdict_book *b, const struct steward_facts *f, struct login_reply *reply,
         enum verdict_progress *progress)
{
    if (f->head.verdict == STEWARD_FAILED)
        return deny(b, "accounts cannot be looked up now", reply, progress);
    if (!are_facts_sound(f))
        return ERR_BUG;
    enum err err = take_facts(b, f);
    return err ? err : dispatch(b, reply, progress);
}

static enum err
on_admitted(struct verdict_book *b, const struct steward_answer *a,
            struct login_reply *reply, enum verdict_progress *progress)
{
    if (a->head.verdict != STEWARD_YES) {
        b->is_allowed = false;
        return deny(b, a->text, reply, progress);
    }
    fill(b, LOGIN_ACCEPTED, a->text, reply);
    b->is_granted = true;
    answer_now(b, progress);
    return ERR_NONE;
}

/* ---- requests ---- */

/* Every length, before anything is read behind it. */
static bool
are_lengths_sound(const struct login_request *r)
{
    if (r->method < LOGIN_NONE || r->method > LOGIN_KBDINT_ANSWER ||
        r->user_len > sizeof r->user || r->secret_len > sizeof r->secret ||
        r->n_answers > LOGIN_PROMPTS_MAX || r->blob_len > sizeof r->blob ||
        r->signature_len > sizeof r->signature || !memchr(r->algo, 0, sizeof r->algo))
        return false;
    for (uint32_t i = 0; i < r->n_answers; i++)
        if (r->answer[i].len > sizeof r->answer[i].text)
            return false;
    return true;
}

/* The first request says who it is about; another name is not an honest
 * process's, which disconnects at such a change (threats A5). */
static bool
fix_user(struct verdict_book *b, const struct login_request *r)
{
    struct bytes name = bytes_of(r->user, r->user_len);
    if (b->n_requests > 1)
        return bytes_eq(name, bytes_of(b->user, b->user_len));
    memcpy(b->user, r->user, r->user_len);
    b->user_len = r->user_len;
    b->is_named = user_name_is_valid(name);
    return true;
}

static enum err
begin(struct verdict_book *b, struct login_reply *reply, enum verdict_progress *progress)
{
    if (b->facts)
        return dispatch(b, reply, progress);
    if (b->is_named)
        return ask_lookup(b, reply, progress);
    /* A name that no account can have is looked up nowhere (threats A9). */
    enum err err = take_facts(b, NULL);
    return err ? err : dispatch(b, reply, progress);
}

static enum err
on_request(struct verdict *v, const struct verdict_session *session,
           const struct login_request *request, struct login_reply *reply,
           enum verdict_progress *progress)
{
    struct verdict_book *b = book_of(v);
    if (b->asked || b->is_granted || !are_lengths_sound(request) ||
        ++b->n_requests > LOGIN_REQUESTS_MAX || !fix_user(b, request))
        return ERR_PROTO;
    b->request = malloc(sizeof *b->request);
    if (!b->request)
        return ERR_NOMEM;
    *b->request = *request;
    b->session = session ? *session : (struct verdict_session){0};
    b->began_us = now_us();
    enum err err = begin(b, reply, progress);
    if (err != ERR_NONE)
        drop_request(b);
    return err;
}

static enum err
on_factor(struct verdict_book *b, const struct steward_answer *a,
          struct login_reply *reply, enum verdict_progress *progress)
{
    bool is_key =
        b->request->method == LOGIN_KEY || b->request->method == LOGIN_KEY_QUERY;
    return is_key ? on_key_answer(b, a, reply, progress)
                  : on_password_answer(b, a, reply, progress);
}

static enum err
on_code(struct verdict_book *b, const struct steward_answer *a, struct login_reply *reply,
        enum verdict_progress *progress)
{
    if (a->head.verdict != STEWARD_YES)
        return deny(b, a->text, reply, progress);
    return shown(b, FACTOR_KBDINT, a->text, reply, progress);
}

enum err
verdict_book_on_answer(struct verdict *v, const struct steward_head *answer,
                       struct login_reply *reply, enum verdict_progress *progress)
{
    struct verdict_book *b = book_of(v);
    const struct steward_answer *a = (const struct steward_answer *)answer;
    enum book_step step = b->step;
    enum err err = ERR_BUG;
    *progress = VERDICT_LATER;
    if (b->asked == 0 || answer->id != b->asked)
        return ERR_NONE;
    b->asked = 0;
    b->step = STEP_NONE;
    if (step == STEP_LOOKUP && answer->op == STEWARD_LOOKUP)
        err = on_facts(b, (const struct steward_facts *)answer, reply, progress);
    else if (answer->op == STEWARD_LOOKUP || answer->op == STEWARD_NAMES ||
             answer->op == STEWARD_QUOTA)
        err = ERR_BUG; /* an answer to something else under our id */
    else if (step == STEP_FACTOR)
        err = on_factor(b, a, reply, progress);
    else if (step == STEP_CODE)
        err = on_code(b, a, reply, progress);
    else if (step == STEP_PAM)
        err = on_pam_answer(b, a, reply, progress);
    else if (step == STEP_ADMIT)
        err = on_admitted(b, a, reply, progress);
    if (err != ERR_NONE)
        drop_request(b);
    return err;
}

/* ---- the interface ---- */

static const char *
banner_of(const struct verdict *v)
{
    return book_of_const(v)->banner;
}

static const struct grant *
grant_of(const struct verdict *v)
{
    const struct verdict_book *b = book_of_const(v);
    return b->is_granted ? &b->grant : NULL;
}

static const char *
how_of(const struct verdict *v)
{
    const struct verdict_book *b = book_of_const(v);
    return b->is_granted ? b->how : NULL;
}

static const char *
key_of(const struct verdict *v)
{
    const struct verdict_book *b = book_of_const(v);
    if (!b->is_granted)
        return NULL;
    return b->n_keys ? b->keys[b->n_keys - 1] : "";
}

static void
book_free(struct verdict *v)
{
    struct verdict_book *b = book_of(v);
    end_dialogue(b);
    drop_request(b);
    server_options_clear(&b->options);
    free(b->facts);
    free(b);
}

/* What is known of the peer alone decides about the banner, and about who may be
 * asked for before the user is known. */
static enum err
settle_peer(struct verdict_book *b)
{
    enum err err = effective(b, NULL, &b->options);
    const char *path = err == ERR_NONE ? b->options.banner : NULL;
    b->banner = "";
    for (size_t i = 0; path && i < b->world->n_banners; i++)
        if (strcmp(b->world->banners[i].path, path) == 0)
            b->banner = b->world->banners[i].text;
    return err;
}

enum err
verdict_book_new(const struct verdict_book_world *world, const struct verdict_peer *peer,
                 uint64_t mark, struct verdict **v)
{
    static const struct verdict_ops ops = {
        .request = on_request,
        .banner = banner_of,
        .grant = grant_of,
        .how = how_of,
        .key = key_of,
        .free = book_free,
    };
    struct verdict_book *b = calloc(1, sizeof *b);
    *v = NULL;
    if (!b)
        return ERR_NOMEM;
    b->base.ops = &ops;
    b->world = world;
    b->peer = peer;
    b->mark = mark;
    server_options_init(&b->options);
    enum err err = settle_peer(b);
    if (err != ERR_NONE) {
        book_free(&b->base);
        return err;
    }
    *v = &b->base;
    return ERR_NONE;
}

enum login_failure
verdict_book_failure(const struct verdict *v)
{
    return book_of_const(v)->failure;
}

const struct server_options *
verdict_book_options(const struct verdict *v)
{
    const struct verdict_book *b = book_of_const(v);
    return b->facts ? &b->options : NULL;
}
