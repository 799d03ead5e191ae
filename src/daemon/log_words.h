/*
 * What is said about logins, word for word as sshd says it: fail2ban's filter
 * and people's own tools read these lines. Pure: texts in, one encoded line
 * out, shorter than LOG_TEXT_MAX octets.
 *
 * Where sshd's words would let a user name forge the rest of a line ("x from
 * 192.0.2.1"), the name's blanks are encoded as well (threats G1).
 */
#ifndef FERRY_DAEMON_LOG_WORDS_H
#define FERRY_DAEMON_LOG_WORDS_H

#include "base/buf.h"

/* Whom a line is about. */
struct log_peer {
    const char *address; /* numeric, without port */
    uint16_t port;
    struct bytes user; /* any octets, as the peer said; empty: none named yet */
    bool is_valid_user;
};

/* "Accepted publickey for u from A port P ssh2: ED25519 SHA256:..."
 * method: "publickey", "password", "keyboard-interactive/pam"; detail: the key or
 * certificate, "" or NULL none. */
void log_words_accepted(struct buf *out, const struct log_peer *peer, const char *method,
                        const char *detail);
/* "Partial publickey for u from A port P ssh2: ...": one factor of several. */
void log_words_partial(struct buf *out, const struct log_peer *peer, const char *method,
                       const char *detail);
/* "Failed password for [invalid user ]u from A port P ssh2[: ...]" */
void log_words_failed(struct buf *out, const struct log_peer *peer, const char *method,
                      const char *detail);
/* "Invalid user u from A port P": once a connection, before its first Failed. */
void log_words_invalid_user(struct buf *out, const struct log_peer *peer);
/* "maximum authentication attempts exceeded for [invalid user ]u from A port P ssh2
 * [preauth]"; at LOG_LEVEL_ERROR, which puts sshd's "error: " in front. */
void log_words_too_many_tries(struct buf *out, const struct log_peer *peer);
/* "User u from A not allowed because " and a reason of sshd's: "listed in DenyUsers",
 * "not listed in AllowUsers", "a group is listed in DenyGroups", "none of user's groups
 * are listed in AllowGroups". */
void
log_words_not_allowed(struct buf *out, const struct log_peer *peer, const char *reason);

/* "Connection from A port P on L port Q" */
void log_words_connection(struct buf *out, const struct log_peer *peer,
                          const char *local_address, uint16_t local_port);
/* Before the login was complete: "Connection closed by [authenticating user u |invalid
 * user u ]A port P [preauth]". */
void log_words_closed_preauth(struct buf *out, const struct log_peer *peer);
/* The same with "Connection reset by". */
void log_words_reset_preauth(struct buf *out, const struct log_peer *peer);
/* "Timeout before authentication for A port P" */
void log_words_login_timeout(struct buf *out, const struct log_peer *peer);
/* "Unable to negotiate with A port P: no matching key exchange method found. Their
 * offer: ... [preauth]"; what: "key exchange method", "host key type", "cipher", "MAC",
 * "compression method". */
void log_words_no_match(struct buf *out, const struct log_peer *peer, const char *what,
                        struct bytes offer);
/* "banner exchange: Connection from A port P: invalid format" */
void log_words_bad_ident(struct buf *out, const struct log_peer *peer);

/* The peer sent DISCONNECT: "Received disconnect from A port P:11: text[ [preauth]]",
 * then log_words_disconnected. */
void log_words_peer_disconnect(struct buf *out, const struct log_peer *peer,
                               uint32_t reason, struct bytes text, bool is_preauth);
/* After login "Disconnected from user u A port P", before as log_words_closed_preauth
 * with "Disconnected from". */
void
log_words_disconnected(struct buf *out, const struct log_peer *peer, bool is_preauth);
/* We sent it: "Disconnecting [authenticating user u ]A port P: text[ [preauth]]" */
void log_words_disconnecting(struct buf *out, const struct log_peer *peer,
                             const char *text, bool is_preauth);

#endif
