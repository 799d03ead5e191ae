/*
 * One SFTP session of the load generator, from connect() to the end: it logs
 * in with a key, starts SFTP, and asks for what a path's attributes are when
 * told to. Our engine on a non-blocking socket; whose it is that answers does
 * not matter here, and every host key is taken: this runs over loopback.
 */
#ifndef FERRY_BENCH_LOAD_SESSION_H
#define FERRY_BENCH_LOAD_SESSION_H

#include "net/pump.h"

enum load_state {
    LOAD_LOGGING_IN,
    LOAD_READY,  /* VERSION has come */
    LOAD_ASKING, /* STAT is unanswered */
    LOAD_ENDING, /* goodbye was said */
    LOAD_OVER,   /* fd is closed; why says whether it failed */
};

struct load_target {
    uint16_t port; /* on 127.0.0.1 */
    const char *user;
    const struct privkey *key;
};

struct load_session {
    const struct load_target *target;
    enum load_state state;
    int fd;
    struct conn *conn;
    struct pump pump;
    struct chan *chan;
    uint32_t request_id;
    struct buf reply;  /* what has come of an SFTP message */
    uint64_t since_us; /* connect() or the unanswered STAT */
    uint64_t took_us;  /* the login or the last STAT, once it is over */
    struct fault why;  /* OVER: ERR_NONE after load_session_end */
};

uint64_t load_now_us(void);

/* Connect and begin. Failing is what its state then says. */
void load_session_start(struct load_session *s, const struct load_target *target);

/* Something came, or time has passed: revents of poll, 0 allowed. */
void load_session_run(struct load_session *s, short revents);

/* READY: STAT of the directory where it is. */
void load_session_ask(struct load_session *s);

/* Say goodbye, be it in the middle of something. */
void load_session_end(struct load_session *s);

/* Give everything back, in any state. */
void load_session_clear(struct load_session *s);

#endif
