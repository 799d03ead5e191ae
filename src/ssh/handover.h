/*
 * An authenticated server's connection, taken from one process to another: the
 * pre-authentication process exports it, the session process imports it
 * (threats section 12, S3). What is carried: keys and counters of both
 * directions, the session id, algorithms, identifications, what the peer's
 * EXT_INFO said, and octets that came and were not opened yet.
 *
 * The exporting side may be in a peer's hands: every length, counter, name and
 * key size is checked when importing, and what doesn't fit wholly is refused.
 * The importing side trusts the state no further than its peer.
 *
 *     while (conn_next_event(c, &ev) && ev.type != CONN_EV_AUTH_SUCCESS) ...
 *     write until !conn_tx_pending(c);           conn_tick and reading may go on
 *     conn_export(c, &state); conn_free(c);      the state and the socket go over
 *     conn_import(&config, state, now, &c, &why);    and there the usual loop begins
 */
#ifndef FERRY_SSH_HANDOVER_H
#define FERRY_SSH_HANDOVER_H

#include "ssh/conn.h"

enum { HANDOVER_MAX = 1 << 18 }; /* octets of a state, far more than one needs */

/*
 * Append the state to out, which may then hold a part of it when this fails.
 * Allowed for a server from CONN_EV_AUTH_SUCCESS until the next conn_next_event,
 * and only once everything was sent: conn_tx_pending is false. Reading may go on
 * meanwhile: what was read comes along.
 * c is good for nothing afterwards but conn_free, also when this fails with another
 * error than ERR_BUG: it neither sends nor takes anything any more.
 * The state is secret: out is to be wiped (buf_clear).
 * ERR_BUG: not such a moment. ERR_LIMIT, ERR_NOMEM, ERR_CRYPTO.
 */
enum err conn_export(struct conn *c, struct buf *out) MUST_USE;

/*
 * A connection that goes on where the other stopped. config: as for conn_new;
 * role must be CONN_SERVER; lists, host keys and limits count from now on,
 * login limits and banner don't, and the identification is the one that was sent.
 * No event is repeated. The host keys are announced with the first conn_next_event.
 * conn_kex_info knows names, host key and exchange hash, but not the KEXINITs.
 * state: wiped by the caller. ERR_PROTO: not a state, *why says where;
 * ERR_BUG: another role, or config is none; ERR_LIMIT, ERR_NOMEM, ERR_CRYPTO.
 */
enum err conn_import(const struct conn_config *config, struct bytes state,
                     uint64_t now_ms, struct conn **c, struct fault *why) MUST_USE;

#endif
