/* What leaves a dialogue of verdict_book.h: replies with their counts and delays,
 * and questions to the steward. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "daemon/verdict_book_impl.h"

enum {
    KEY_QUERIES_MAX = 20,   /* of one connection that were denied; threats 13 */
    FAIL_DELAY_MIN = 5000,  /* microseconds; threats A4 */
    FAIL_DELAY_MORE = 4096, /* the secret part is below this */
};

uint64_t
book_now_us(void)
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
    uint64_t delay = user_delay_us(b), elapsed = book_now_us() - b->began_us;
    while (delay < elapsed)
        delay *= 2;
    return (uint32_t)((delay + 999) / 1000);
}

bool
book_is_valid_user(const struct verdict_book *b)
{
    return b->facts && b->facts->kind != STEWARD_NOBODY && b->is_allowed;
}

void
book_fill(const struct verdict_book *b, enum login_verdict verdict, const char *detail,
          struct login_reply *reply)
{
    memset(reply, 0, sizeof *reply);
    reply->verdict = verdict;
    reply->is_valid_user = book_is_valid_user(b);
    login_chains_methods(&b->chains, reply->methods);
    snprintf(reply->detail, sizeof reply->detail, "%s", detail);
}

void
book_drop_request(struct verdict_book *b)
{
    if (b->request)
        mem_wipe(b->request, sizeof *b->request);
    free(b->request);
    b->request = NULL;
    b->asked = 0;
    b->step = STEP_NONE;
}

void
book_answer_now(struct verdict_book *b, enum verdict_progress *progress)
{
    book_drop_request(b);
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
        if (!b->is_our_fault)
            worsen(b,
                   book_is_valid_user(b) ? LOGIN_FAILURE_AUTH : LOGIN_FAILURE_BAD_USER);
        return (int)++b->n_failures < b->options.max_auth_tries;
    }
}

enum err
book_deny(struct verdict_book *b, const char *detail, struct login_reply *reply,
          enum verdict_progress *progress)
{
    bool may_go_on = count_failure(b);
    book_fill(b, may_go_on ? LOGIN_DENIED : LOGIN_GONE, detail, reply);
    if (b->request->method != LOGIN_NONE)
        reply->delay_ms = refusal_delay_ms(b);
    book_answer_now(b, progress);
    return ERR_NONE;
}

enum err
book_prompt(struct verdict_book *b, const char *text, enum kbdint_state state,
            struct login_reply *reply, enum verdict_progress *progress)
{
    book_fill(b, LOGIN_PROMPT, "", reply);
    reply->n_prompts = 1;
    snprintf(reply->prompt[0].text, sizeof reply->prompt[0].text, "%s", text);
    b->kbdint = state;
    book_answer_now(b, progress);
    return ERR_NONE;
}

/* ---- asking ---- */

/* A question that can't be put is a refusal when the steward is only behind. */
enum err
book_ask(struct verdict_book *b, struct steward_head *question, enum book_step step,
         struct login_reply *reply, enum verdict_progress *progress)
{
    enum err err = steward_client_ask(b->world->steward, question, b->mark, &b->asked);
    b->is_our_fault = err == ERR_LIMIT;
    if (err == ERR_LIMIT)
        return book_deny(b, "the account steward is too busy", reply, progress);
    if (err != ERR_NONE)
        return err;
    b->step = step;
    *progress = VERDICT_LATER;
    return ERR_NONE;
}

/* Somebody who is to be refused is nobody to the steward. */
struct steward_who
book_who(const struct verdict_book *b, bool may_be_accepted)
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
