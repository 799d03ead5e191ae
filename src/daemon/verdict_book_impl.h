/*
 * Inside of verdict_book.c and its parts: verdict_reply.c (answers, counts, delays,
 * questions), verdict_key.c, verdict_kbdint.c (passwords and codes, by either
 * method). Nobody else includes this.
 */
#ifndef FERRY_DAEMON_VERDICT_BOOK_IMPL_H
#define FERRY_DAEMON_VERDICT_BOOK_IMPL_H

#include "daemon/granting.h"
#include "daemon/login_chain.h"
#include "daemon/verdict_book.h"

enum { HOW_MAX = 128, KEY_TEXT_MAX = 128 };

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
    uint64_t asked;    /* the question's id; 0: none */
    bool is_our_fault; /* the steward could not tell: tried, but nobody's failure */
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

uint64_t book_now_us(void); /* monotonic */

/* ---- verdict_reply.c ---- */

bool book_is_valid_user(const struct verdict_book *b);

/* A whole reply with what every one has. detail: for the log. */
void book_fill(const struct verdict_book *b, enum login_verdict verdict,
               const char *detail, struct login_reply *reply);

/* The reply is filled: the request is done with. */
void book_answer_now(struct verdict_book *b, enum verdict_progress *progress);
void book_drop_request(struct verdict_book *b);

/* Refuse the request in hand, count it, and end the connection if that was one too
 * many. */
enum err book_deny(struct verdict_book *b, const char *detail, struct login_reply *reply,
                   enum verdict_progress *progress);

/* One hidden prompt, whose answer `state` says what to do with. */
enum err book_prompt(struct verdict_book *b, const char *text, enum kbdint_state state,
                     struct login_reply *reply, enum verdict_progress *progress);

/* Put a question; *progress LATER, or a refusal when the steward is behind. */
enum err
book_ask(struct verdict_book *b, struct steward_head *question, enum book_step step,
         struct login_reply *reply, enum verdict_progress *progress);

/* Whom to ask about. Somebody who is to be refused is nobody to the steward. */
struct steward_who book_who(const struct verdict_book *b, bool may_be_accepted);

/* ---- verdict_book.c ---- */

bool book_may_show(const struct verdict_book *b, enum login_factor factor);

/* A factor was right: on to the next, or to the grant. */
enum err book_shown(struct verdict_book *b, enum login_factor factor, const char *detail,
                    struct login_reply *reply, enum verdict_progress *progress);

/* ---- verdict_key.c: LOGIN_KEY_QUERY, LOGIN_KEY ---- */

enum err book_on_key(struct verdict_book *b, struct login_reply *reply,
                     enum verdict_progress *progress);
enum err book_on_key_answer(struct verdict_book *b, const struct steward_answer *a,
                            struct login_reply *reply, enum verdict_progress *progress);

/* ---- verdict_kbdint.c: LOGIN_PASSWORD, LOGIN_KBDINT, LOGIN_KBDINT_ANSWER ---- */

enum err book_on_password(struct verdict_book *b, struct login_reply *reply,
                          enum verdict_progress *progress);
enum err
book_on_password_answer(struct verdict_book *b, const struct steward_answer *a,
                        struct login_reply *reply, enum verdict_progress *progress);
enum err book_on_kbdint(struct verdict_book *b, struct login_reply *reply,
                        enum verdict_progress *progress);
enum err book_on_kbdint_answer(struct verdict_book *b, struct login_reply *reply,
                               enum verdict_progress *progress);
enum err book_on_pam_answer(struct verdict_book *b, const struct steward_answer *a,
                            struct login_reply *reply, enum verdict_progress *progress);
enum err book_on_code(struct verdict_book *b, const struct steward_answer *a,
                      struct login_reply *reply, enum verdict_progress *progress);

/* RFC 4256 3.1: another request abandons a dialogue; PAM's worker is told. */
void book_end_dialogue(struct verdict_book *b);

#endif
