/*
 * What client.c (replies) and client_request.c (requests) share. Nobody else
 * includes this.
 */
#ifndef FERRY_SFTP_CLIENT_STATE_H
#define FERRY_SFTP_CLIENT_STATE_H

#include "sftp/client.h"
#include "sftp/client_frame.h"

/* A WRITE between begin and commit. */
struct sftp_write {
    struct sftp_req *req; /* NULL: none under way */
    size_t head_len;
    uint32_t want; /* octets laid out */
    uint8_t handle[SFTP_HANDLE_MAX];
    size_t handle_len;
};

/*
 * Handles that are open, by hash. A server that gives two open files one handle
 * (Erlang's, beyond two) would mix their contents without a word: the session ends
 * instead. Beyond HANDLES_WATCHED, far more than transfers open, nothing is checked.
 */
enum { HANDLES_WATCHED = 1024 };

struct sftp_client {
    struct stream *out;
    struct sftp_client_config config;
    struct fault fault;

    bool is_ready;
    uint32_t version;
    unsigned can; /* enum sftp_can bits */
    struct buf extensions;
    struct sftp_limits limits;
    struct sftp_req limits_req; /* the client's own question */

    /*
     * Requests in flight: slots[i], whose id is serial * n + i. A slot is
     * used again only after its reply, so ids in flight are unique and a reply
     * finds its request by one look-up.
     */
    struct sftp_req *slots[SFTP_CLIENT_REQUESTS_MAX];
    uint16_t free_slots[SFTP_CLIENT_REQUESTS_MAX]; /* a stack */
    unsigned n_free;
    uint32_t serial;

    struct buf msg; /* the message that is being built */
    struct buf ext; /* ... and an extension's fields */
    struct sftp_write write;

    uint64_t handles[HANDLES_WATCHED];
    unsigned n_handles;

    struct frame_reader rx;
    struct sftp_req *data_req; /* whose DATA is arriving; NULL: none */
    struct sftp_event event;
    bool has_event;
    bool is_failure_told;
};

/* The reply that suits a request; STATUS always does, too. 0: no such request. */
uint8_t sftp_reply_for(const struct sftp_req *req);

/* Take req off the list of those in flight: it is the caller's again. */
void sftp_client_release(struct sftp_client *c, struct sftp_req *req);

/* A handle was given; false: it is that of another open file. */
bool sftp_handle_opened(struct sftp_client *c, struct bytes handle) MUST_USE;

/* Its CLOSE is sent: from now on the server may give it again. */
void sftp_handle_closed(struct sftp_client *c, struct bytes handle);

/* Ask limits@openssh.com, with c->limits_req. */
enum err sftp_client_ask_limits(struct sftp_client *c) MUST_USE;

/* The extension bit for what VERSION announced; 0: one that we don't use. */
unsigned sftp_can_of(struct bytes name, struct bytes data);

/* Say a message as it goes over the wire, type octet first (TRACE_SFTP). */
void
sftp_client_trace(const struct sftp_client *c, const char *arrow, struct bytes message);

/* The least that READ asks and WRITE lays out is one octet; this the most. */
static inline bool
sftp_len_is_valid(uint32_t len, uint32_t max)
{
    return len != 0 && len <= max;
}

#endif
