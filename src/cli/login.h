/*
 * Authentication, the client's decisions: which method, which key, what to ask
 * the person. The protocol is the engine's; this answers its CONN_EV_AUTH_*
 * and CONN_EV_SIGN events. RFC 4252, 4256.
 */
#ifndef FERRY_CLI_LOGIN_H
#define FERRY_CLI_LOGIN_H

#include "cli/identity.h"
#include "ssh/conn.h"

enum login_state {
    LOGIN_GOING,
    LOGIN_DENIED,      /* every method was tried, or none can be */
    LOGIN_INTERRUPTED, /* the person gave up */
    LOGIN_DONE,
};

struct login {
    struct conn *conn;
    const struct settings *settings;
    struct console *console;
    const char *password_file; /* NULL: none */
    enum login_state state;
    struct identities ids;
    bool has_collected;
    bool is_host_unverified;  /* passwords and answers stay here */
    struct identity *current; /* the key that is being offered */
    const struct sig_algo *current_algo;
    int password_prompts, kbdint_attempts; /* made so far */
    bool is_file_spent;                    /* the password file's password was tried */
    char methods[256]; /* "publickey,password": as last told, encoded */
    char accepted[64]; /* the method last tried, for `probe` */
    struct agent_binding binding;
    struct buf host_key, session_id, host_signature; /* of the first key exchange */
};

/* Everything is borrowed for the login's life. */
void login_init(struct login *l, struct conn *conn, const struct settings *s,
                struct console *console, const char *password_file);
void login_clear(struct login *l);

/* After the first key exchange: what the agent is told of this connection. */
void login_note_kex(struct login *l);

/* True when the event was the login's; look at l->state then. */
bool login_on_event(struct login *l, const struct conn_event *ev);

#endif
