/*
 * Verdicts about all accounts of `ferryd run`: the automaton between the
 * requests of a connection's process and what the steward says.
 *
 * The first request fixes the user. He is looked up, the configuration that
 * holds for him is worked out, and from then on each request is one factor, put
 * to the steward and weighed against the chains that are required
 * (AuthenticationMethods, or the account's own). Nothing that a factor brought
 * along counts before the factor was proven, and all limits of all factors hold
 * together (threats A3, A10). Somebody unknown, or not allowed in, goes the same
 * way with the same words and is denied at its end (threats A4).
 *
 * How requests, questions and answers meet: `request` may say VERDICT_LATER,
 * then a question with the dialogue's mark is on its way to the steward; the
 * monitor hands each answer with that mark to verdict_book_on_answer.
 */
#ifndef FERRY_DAEMON_VERDICT_BOOK_H
#define FERRY_DAEMON_VERDICT_BOOK_H

#include "config/server_config.h"
#include "daemon/steward.h"

enum { VERDICT_DELAY_KEY = 32 }; /* octets */

/* A file that some Banner names, read when the generation began. */
struct verdict_banner {
    const char *path, *text;
};

/* What all dialogues of a generation share; outlives them. */
struct verdict_book_world {
    const struct server_config *config;
    struct steward_client *steward;
    const char *pubkey_algos; /* what PubkeyAcceptedAlgorithms begins from (+ - ^) */
    const char *ca_algos;     /* resolved */
    const struct verdict_banner *banners;
    size_t n_banners;
    uint8_t delay_key[VERDICT_DELAY_KEY]; /* random, of this generation */
    bool is_root;                         /* the daemon was started as root */
    uint32_t virtual_uid, virtual_gid;    /* VirtualUser; when is_root */
    const struct log_sink *log;
};

/* How a dialogue went so far, for penalties; the worst of it. */
enum login_failure {
    LOGIN_FAILURE_NONE = 0,
    LOGIN_FAILURE_AUTH,     /* wrong password, code, signature */
    LOGIN_FAILURE_BAD_USER, /* no such user, or not allowed in */
};

/*
 * A dialogue. peer: borrowed. mark: not used by another dialogue that lives; is
 * the mark of its questions.
 * ERR_NOMEM.
 */
enum err
verdict_book_new(const struct verdict_book_world *world, const struct verdict_peer *peer,
                 uint64_t mark, struct verdict **v) MUST_USE;

/*
 * The steward's answer, after VERDICT_LATER. *progress NOW: *reply is the answer to
 * the request; LATER: there was something more to ask (also when the answer is
 * not the one waited for, which changes nothing).
 * Errors as of verdict_ops.request.
 */
enum err verdict_book_on_answer(struct verdict *v, const struct steward_head *answer,
                                struct login_reply *reply,
                                enum verdict_progress *progress) MUST_USE;

enum login_failure verdict_book_failure(const struct verdict *v);

/* Effective options of the user; NULL before he was looked up. Borrowed. */
const struct server_options *verdict_book_options(const struct verdict *v);

#endif
