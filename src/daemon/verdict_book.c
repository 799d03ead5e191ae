/* See verdict_book.h. Order: a factor shown, the user, requests, the interface. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "account/name.h"
#include "base/log.h"
#include "daemon/login_rules.h"
#include "daemon/verdict_book_impl.h"

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
        return book_deny(b, why.text, reply, progress);
    }
    struct steward_admit q = {.head.op = STEWARD_ADMIT, .who = book_who(b, true)};
    q.has_pam = b->facts->kind == STEWARD_SYSTEM && b->options.use_pam > 0;
    return book_ask(b, &q.head, STEP_ADMIT, reply, progress);
}

bool
book_may_show(const struct verdict_book *b, enum login_factor factor)
{
    return login_chains_takes(&b->chains, factor, WEIGHT_FULL);
}

enum err
book_shown(struct verdict_book *b, enum login_factor factor, const char *detail,
           struct login_reply *reply, enum verdict_progress *progress)
{
    size_t n = strlen(b->how);
    snprintf(b->how + n, sizeof b->how - n, "%s%s", n ? "," : "",
             login_factor_name(factor));
    if (login_chains_show(&b->chains, factor, b->weight))
        return admit(b, reply, progress);
    book_fill(b, LOGIN_PARTIAL, detail, reply);
    book_answer_now(b, progress);
    return ERR_NONE;
}

static enum err
ask_lookup(struct verdict_book *b, struct login_reply *reply,
           enum verdict_progress *progress)
{
    struct steward_lookup q = {.head.op = STEWARD_LOOKUP, .who = book_who(b, true)};
    q.accounts = (uint32_t)b->options.accounts;
    return book_ask(b, &q.head, STEP_LOOKUP, reply, progress);
}

/* ---- the user ---- */

static enum err
on_none(struct verdict_book *b, struct login_reply *reply,
        enum verdict_progress *progress)
{
    return book_deny(b, "", reply, progress);
}

static enum err
dispatch(struct verdict_book *b, struct login_reply *reply,
         enum verdict_progress *progress)
{
    static enum err (*const handlers[])(struct verdict_book *, struct login_reply *,
                                        enum verdict_progress *) = {
        [LOGIN_NONE] = on_none,          [LOGIN_PASSWORD] = book_on_password,
        [LOGIN_KEY_QUERY] = book_on_key, [LOGIN_KEY] = book_on_key,
        [LOGIN_KBDINT] = book_on_kbdint, [LOGIN_KBDINT_ANSWER] = book_on_kbdint_answer,
    };
    /* A new request abandons the dialogue of the last one: RFC 4256 3.1. */
    if (b->request->method != LOGIN_KBDINT_ANSWER) {
        book_end_dialogue(b);
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
        return book_deny(b, "accounts cannot be looked up now", reply, progress);
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
        return book_deny(b, a->text, reply, progress);
    }
    book_fill(b, LOGIN_ACCEPTED, a->text, reply);
    b->is_granted = true;
    book_answer_now(b, progress);
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
    b->began_us = book_now_us();
    b->is_our_fault = false;
    enum err err = begin(b, reply, progress);
    if (err != ERR_NONE)
        book_drop_request(b);
    return err;
}

static enum err
on_factor(struct verdict_book *b, const struct steward_answer *a,
          struct login_reply *reply, enum verdict_progress *progress)
{
    bool is_key =
        b->request->method == LOGIN_KEY || b->request->method == LOGIN_KEY_QUERY;
    return is_key ? book_on_key_answer(b, a, reply, progress)
                  : book_on_password_answer(b, a, reply, progress);
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
    b->is_our_fault = answer->verdict == STEWARD_FAILED;
    if (step == STEP_LOOKUP && answer->op == STEWARD_LOOKUP)
        err = on_facts(b, (const struct steward_facts *)answer, reply, progress);
    else if (answer->op == STEWARD_LOOKUP || answer->op == STEWARD_NAMES ||
             answer->op == STEWARD_QUOTA)
        err = ERR_BUG; /* an answer to something else under our id */
    else if (step == STEP_FACTOR)
        err = on_factor(b, a, reply, progress);
    else if (step == STEP_CODE)
        err = book_on_code(b, a, reply, progress);
    else if (step == STEP_PAM)
        err = book_on_pam_answer(b, a, reply, progress);
    else if (step == STEP_ADMIT)
        err = on_admitted(b, a, reply, progress);
    if (err != ERR_NONE)
        book_drop_request(b);
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
    book_end_dialogue(b);
    book_drop_request(b);
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
