/*
 * The monitor's side of the recorder: records go out without waiting, receipts
 * come back and are matched. What has no receipt yet is kept and sent again
 * when the recorder was replaced meanwhile (at least once, never lost).
 */
#ifndef FERRY_DAEMON_RECORDER_CLIENT_H
#define FERRY_DAEMON_RECORDER_CLIENT_H

#include "daemon/recorder.h"

enum {
    RECORDER_PENDING_MAX = 256,   /* records without receipt at a time */
    RECORDER_RESEND_MS = 5 * 1000 /* without a receipt for so long: send again */
};

struct recorder_client;

/* socket: the monitor's end of its pair; stays the caller's. ERR_NOMEM. */
enum err recorder_client_new(int socket, struct recorder_client **client) MUST_USE;
void recorder_client_free(struct recorder_client *client); /* NULL allowed */

/*
 * Send a record, or keep it to be sent when the recorder has room.
 * token: given back with the receipt; 0: the caller doesn't wait for it.
 * ERR_LIMIT: RECORDER_PENDING_MAX are waiting; nothing was kept. ERR_NOMEM.
 */
enum err recorder_client_put(struct recorder_client *client, const struct record *record,
                             uint64_t token, uint64_t now_ms) MUST_USE;

/*
 * Take one receipt for a token that is not 0; call until it says false.
 * POLLIN on the socket says when.
 */
bool recorder_client_take(struct recorder_client *client, uint64_t *token,
                          enum recorder_result *result);

/* Send what could not be sent, or was sent and forgotten. Call at the deadline and
 * after POLLOUT when recorder_client_wants_out. */
void recorder_client_tick(struct recorder_client *client, uint64_t now_ms);
uint64_t recorder_client_deadline(const struct recorder_client *client); /* UINT64_MAX */
bool recorder_client_wants_out(const struct recorder_client *client);

#endif
