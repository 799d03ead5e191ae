/*
 * For tests: a real monitor process, alone with one account (`ferryd serve`) or
 * with a real steward and a database (`ferryd run`), and this program in place of
 * the listener and of every process that meets a peer.
 *
 * What honest processes send is here too: whoever took one over can send it.
 */
#ifndef FERRY_WALLS_ROGUE_RIG_H
#define FERRY_WALLS_ROGUE_RIG_H

#include "steward/desk_test.h"

#include "daemon/link.h"
#include "daemon/monitor_process.h"
#include "daemon/run_settings.h"

enum rogue_kind { ROGUE_SERVE, ROGUE_RUN };

#define ALICE_PASSWORD "correct horse"
#define BOB_PASSWORD   "battery staple"
#define CAROL_SECRET   "12345678901234567890" /* of her one-time codes */

/*
 * alice: password or key; quota of a MiB and 10 files. bob: publickey,password.
 * carol: password and one-time codes. `ferryd serve` has alice alone. mallory's
 * key is nobody's.
 */
struct rig {
    struct desk *desk; /* database and directory */
    enum rogue_kind kind;
    struct run_settings settings;
    pid_t monitor, steward;
    int link;     /* the listener's end */
    int recorder; /* the recorder's end, which takes nothing by itself; -1: none */
    struct monitor_keys keys;
    struct privkey *alice, *bob, *mallory;
    uint64_t n_entered; /* connections so far */
};

struct rig *rig_start(enum rogue_kind kind);
void rig_stop(struct rig *r);

/* One connection: its ends, and what the monitor told the listener about it. */
struct rogue {
    struct rig *rig;
    uint64_t id;
    uint32_t place;
    int fd[MONITOR_ENDS];
    unsigned n_accepted, n_misused, n_failed, n_identified;
    struct monitor_notice accepted;
    struct monitor_reply reply; /* the last one */
    uint8_t session_id[32];     /* that was signed */
};

/* One whose place nobody else gets, however many come and go meanwhile. */
void rogue_enter_to_stay(struct rig *r, struct rogue *c);
void rogue_enter(struct rig *r, struct rogue *c);         /* a pre-auth process */
void rogue_enter_session(struct rogue *c);                /* its session process */
void rogue_leave(struct rogue *c);                        /* both have ended */
void rogue_take_notices(struct rogue *c, int timeout_ms); /* until MISUSED, if > 0 */

/* Put one message and await its answer. False: the monitor hung up. */
bool rogue_ask(struct rogue *c, enum monitor_end end, const void *message, size_t n);
bool rogue_ask_op(struct rogue *c, enum monitor_end end, uint32_t op);
void rogue_put(struct rogue *c, enum monitor_end end, const void *message, size_t n);
bool rogue_await(struct rogue *c, enum monitor_end end);

/* ---- honest requests ---- */

struct monitor_sign_request rogue_sign(const struct rogue *c, uint32_t n);
/* A login's request, to be filled further; the caller's until the next one. */
struct monitor_login_request *rogue_login(uint32_t method, const char *user);
struct monitor_login_request *rogue_password(const char *user, const char *password);
/* key's blob, and signer's signature over what makes it good for user and session.
 * signer NULL: none. */
struct monitor_login_request *
rogue_key(const char *user, const struct privkey *key, const struct privkey *signer,
          const char *signed_user, struct bytes session_id);
struct monitor_login_request *rogue_answer(const char *user, const char *text);
bool rogue_send_login(struct rogue *c, const struct monitor_login_request *r);

/* HELLO and SIGN: ready for logins. */
void rogue_begin(struct rogue *c);
/* All of it, with alice's key, up to the session's grant. */
void rogue_become_session(struct rogue *c, const char *user);

#endif
