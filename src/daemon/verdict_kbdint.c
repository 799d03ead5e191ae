/* Passwords and one-time codes, by the methods password and keyboard-interactive
 * (RFC 4252 8, RFC 4256), ours or PAM's. */
#include <stdio.h>
#include <stdlib.h>

#include "daemon/verdict_book_impl.h"

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
                                 .who = book_who(b, may_use_password(b))};
    if (password.n == 0) /* blank passwords never are right (threats A10) */
        return book_deny(b, "an empty password", reply, progress);
    q.password_len = (uint32_t)password.n;
    memcpy(q.password, password.p, password.n);
    enum err err = book_ask(b, &q.head, STEP_FACTOR, reply, progress);
    mem_wipe(&q, sizeof q);
    return err;
}

static enum err
ask_pam_password(struct verdict_book *b, struct bytes password, struct login_reply *reply,
                 enum verdict_progress *progress)
{
    struct steward_pam_begin q = {.head.op = STEWARD_PAM_BEGIN, .who = book_who(b, true)};
    if (password.n == 0)
        return book_deny(b, "an empty password", reply, progress);
    q.has_password = 1;
    q.password_len = (uint32_t)password.n;
    memcpy(q.password, password.p, password.n);
    enum err err = book_ask(b, &q.head, STEP_FACTOR, reply, progress);
    mem_wipe(&q, sizeof q);
    return err;
}

enum err
book_on_password(struct verdict_book *b, struct login_reply *reply,
                 enum verdict_progress *progress)
{
    struct bytes password = bytes_of(b->request->secret, b->request->secret_len);
    if (!book_may_show(b, FACTOR_PASSWORD))
        return book_deny(b, "password may not be used now", reply, progress);
    return has_pam(b) ? ask_pam_password(b, password, reply, progress)
                      : ask_password(b, password, reply, progress);
}

void
book_end_dialogue(struct verdict_book *b)
{
    struct steward_pam_end q = {.head.op = STEWARD_PAM_END, .dialogue = b->dialogue};
    if (b->kbdint == KBDINT_PAM)
        (void)!steward_client_ask(b->world->steward, &q.head, b->mark, NULL);
    b->kbdint = KBDINT_IDLE;
}

/* ---- keyboard-interactive ---- */

static bool
has_totp(const struct verdict_book *b)
{
    return b->facts->kind == STEWARD_VIRTUAL && b->facts->account.has_totp &&
           b->is_allowed;
}

enum err
book_on_kbdint(struct verdict_book *b, struct login_reply *reply,
               enum verdict_progress *progress)
{
    if (!book_may_show(b, FACTOR_KBDINT))
        return book_deny(b, "keyboard-interactive may not be used now", reply, progress);
    if (has_pam(b)) {
        struct steward_pam_begin q = {.head.op = STEWARD_PAM_BEGIN,
                                      .who = book_who(b, true)};
        return book_ask(b, &q.head, STEP_PAM, reply, progress);
    }
    /* Behind another factor of a chain the code alone is asked for. */
    if (has_totp(b) && login_chains_takes(&b->chains, FACTOR_KBDINT, WEIGHT_SECOND)) {
        b->weight = WEIGHT_SECOND;
        return book_prompt(b, "One-time code: ", KBDINT_CODE, reply, progress);
    }
    return book_prompt(b, "Password: ", KBDINT_PASSWORD, reply, progress);
}

static enum err
answer_code(struct verdict_book *b, struct login_reply *reply,
            enum verdict_progress *progress)
{
    struct steward_code q = {.head.op = STEWARD_CODE, .who = book_who(b, true)};
    uint32_t n = b->request->answer[0].len;
    if (n == 0 || n > sizeof q.code)
        return book_deny(b, "not a code", reply, progress);
    q.code_len = n;
    memcpy(q.code, b->request->answer[0].text, n);
    enum err err = book_ask(b, &q.head, STEP_CODE, reply, progress);
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
    enum err err = book_ask(b, &q->head, STEP_PAM, reply, progress);
    mem_wipe(q, sizeof *q);
    free(q);
    return err;
}

enum err
book_on_kbdint_answer(struct verdict_book *b, struct login_reply *reply,
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
        return book_deny(b, "one answer was asked for", reply, progress);
    if (state == KBDINT_CODE)
        return answer_code(b, reply, progress);
    return ask_password(b, bytes_of(r->answer[0].text, r->answer[0].len), reply,
                        progress);
}

static enum err
on_pam_prompt(struct verdict_book *b, const struct steward_answer *a,
              struct login_reply *reply, enum verdict_progress *progress)
{
    book_fill(b, LOGIN_PROMPT, "", reply);
    reply->n_prompts =
        a->n_prompts <= LOGIN_PROMPTS_MAX ? a->n_prompts : LOGIN_PROMPTS_MAX;
    for (uint32_t i = 0; i < reply->n_prompts; i++) {
        snprintf(reply->prompt[i].text, sizeof reply->prompt[i].text, "%.*s",
                 LOGIN_PROMPT_MAX - 1, a->prompt[i].text);
        reply->prompt[i].is_echoed = a->prompt[i].is_echoed != 0;
    }
    snprintf(reply->instruction, sizeof reply->instruction, "%.*s", LOGIN_PROMPT_MAX - 1,
             a->instruction);
    b->kbdint = KBDINT_PAM;
    b->dialogue = a->dialogue;
    book_answer_now(b, progress);
    return ERR_NONE;
}

enum err
book_on_pam_answer(struct verdict_book *b, const struct steward_answer *a,
                   struct login_reply *reply, enum verdict_progress *progress)
{
    if (a->head.verdict == STEWARD_PROMPT)
        return on_pam_prompt(b, a, reply, progress);
    b->kbdint = KBDINT_IDLE; /* the dialogue is over, the worker gone */
    if (a->head.verdict != STEWARD_YES)
        return book_deny(b, a->text, reply, progress);
    return book_shown(b, FACTOR_KBDINT, a->text, reply, progress);
}

/* A password was right or wrong, whichever method brought it. */
enum err
book_on_password_answer(struct verdict_book *b, const struct steward_answer *a,
                        struct login_reply *reply, enum verdict_progress *progress)
{
    bool is_kbdint = b->request->method == LOGIN_KBDINT_ANSWER;
    if (a->head.verdict != STEWARD_YES)
        return book_deny(b, a->text, reply, progress);
    if (is_kbdint && has_totp(b))
        return book_prompt(b, "One-time code: ", KBDINT_CODE, reply, progress);
    return book_shown(b, is_kbdint ? FACTOR_KBDINT : FACTOR_PASSWORD, a->text, reply,
                      progress);
}

enum err
book_on_code(struct verdict_book *b, const struct steward_answer *a,
             struct login_reply *reply, enum verdict_progress *progress)
{
    if (a->head.verdict != STEWARD_YES)
        return book_deny(b, a->text, reply, progress);
    return book_shown(b, FACTOR_KBDINT, a->text, reply, progress);
}
