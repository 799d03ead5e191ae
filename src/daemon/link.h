/*
 * Messages between the listener and the monitor, which share one
 * SOCK_SEQPACKET pair: the listener hands over one end of each connection's
 * own pair, the monitor tells who has logged in and who misbehaved. Neither
 * carries an octet of a peer.
 */
#ifndef FERRY_DAEMON_LINK_H
#define FERRY_DAEMON_LINK_H

#include "daemon/host_keys.h"

enum {
    LINK_BLOB_MAX = 2304,   /* octets of a public RSA key of 16,384 bits, and some */
    LINK_CONNECTIONS = 512, /* that one monitor serves at a time */
};

/* Listener to monitor, with a descriptor (SCM_RIGHTS): a connection begins. */
struct link_enter {
    uint64_t id;
    char address[64]; /* the client's, terminated */
};

enum link_notice_type {
    LINK_READY = 1,     /* keys and account are loaded: what the public may know */
    LINK_FAILED,        /* they could not be: the reason has been logged */
    LINK_AUTHENTICATED, /* of connection id */
    LINK_MISUSED,       /* connection id asked what none may ask: kill it */
};

/* Monitor to listener. */
struct link_notice {
    uint32_t type;
    uint64_t id;
};

/* Follows LINK_READY, once. */
struct link_public {
    char auth_methods[64];
    uint32_t n_keys;
    struct {
        uint32_t n;
        uint8_t p[LINK_BLOB_MAX];
    } key[HOST_KEYS_MAX];
};

/* A non-blocking, close-on-exec pair. */
enum err link_pair(int fds[2]) MUST_USE;

/* Send message and descriptor; the descriptor stays the caller's. ERR_LIMIT: the
 * other side is behind; ERR_IO: it is gone. */
enum err link_send_fd(int link, const struct link_enter *enter, int fd) MUST_USE;

/* ERR_LIMIT: none is waiting. ERR_CLOSED: the other side is gone. ERR_PROTO: not
 * such a message; nothing is left open. */
enum err link_receive_fd(int link, struct link_enter *enter, int *fd) MUST_USE;

/* One message of exactly n octets. ERR_LIMIT, ERR_CLOSED, ERR_PROTO as above. */
enum err link_receive(int link, void *message, size_t n) MUST_USE;
enum err link_send(int link, const void *message, size_t n) MUST_USE;

#endif
