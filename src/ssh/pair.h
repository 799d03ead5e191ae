/*
 * Two engines wired to each other, for unit tests: everything one sends
 * reaches the other at once, and a test can put any payload on the wire as if
 * one of them had meant to send it, under the keys of the moment.
 */
#ifndef FERRY_SSH_PAIR_H
#define FERRY_SSH_PAIR_H

#include "ssh/engine.h"
#include "ssh/handover.h"

/* One name each. */
struct pair_suite {
    const char *cipher, *mac, *compression;
};

struct pair {
    struct pair_suite suite;
    struct conn_limits limits;
    struct conn *client, *server;
    struct chan *client_chan, *server_chan;
    uint64_t now;
    bool is_strict;      /* both announce strict key exchange */
    bool answers_auth;   /* the server lets everybody in */
    bool client_logs_in; /* with a password, as soon as it may */
    bool consumes;       /* both take all channel data */
    bool hands_over;     /* the server's events wait behind AUTH_SUCCESS */
    uint32_t n_auth_requests, n_auth_failures, n_hostkeys, n_proven;
    size_t client_got, server_got;       /* octets of channel data */
    bool client_is_deaf, server_is_deaf; /* nothing is carried to it */
    /* NULL, or: sees each request before the server's answer */
    void (*on_auth)(struct pair *p, const struct conn_auth_request *request);
};

void pair_init(void); /* once a process */
void pair_exit(void);

/* The key that is everybody's here: the server's host key, the client's own. */
struct bytes pair_key(void);

/* Limits apply to both. */
void pair_new(struct pair *p, const struct conn_limits *limits);
void pair_new_suite(struct pair *p, const struct conn_limits *limits,
                    const struct pair_suite *suite);
void pair_free(struct pair *p);

/* With hands_over, behind pair_login: what conn_export gives. */
void pair_export(struct pair *p, struct buf *state);
/* A server from a state, in the place of the one there was. */
enum err pair_import(struct pair *p, struct bytes state, struct fault *why) MUST_USE;

/* Carry and handle until nothing moves (bounded). */
void pair_run(struct pair *p);
void pair_tick(struct pair *p, uint64_t ms);

/* Run until both are authenticated; with open: and a session is there. */
void pair_login(struct pair *p);
void pair_open(struct pair *p);

/* Queue a raw payload in an engine's send order. */
void pair_inject(struct conn *from, struct bytes payload);
void pair_inject_urgent(struct conn *from, struct bytes payload);
/* A message of the table, with its fields. */
void pair_inject_msg(struct conn *from, enum ssh_msg msg, const void *fields);

#endif
