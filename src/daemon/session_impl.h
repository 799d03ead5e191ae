/*
 * The inside of a session process, shared by session.c (its life and its loop),
 * session_files.c (the tree of files) and session_host.c (names, times, and what
 * is written down).
 */
#ifndef FERRY_DAEMON_SESSION_IMPL_H
#define FERRY_DAEMON_SESSION_IMPL_H

#include "daemon/board.h"
#include "daemon/monitor_client.h"
#include "daemon/session.h"
#include "daemon/sftp_channel.h"
#include "daemon/throttle.h"
#include "net/pump.h"
#include "vfs/quota.h"

struct session {
    const struct session_config *config;
    struct grant grant;
    struct conn *conn;
    struct pump pump;
    struct monitor_client monitor;
    struct board_page *page;
    int root; /* of the account's files; the vfs's once there is one */
    struct vfs *vfs;
    struct quota_ledger ledger;
    struct sftp_host host;
    struct sftp_server_config sftp;
    struct sftp_channels channels;
    struct throttle throttle;
    char refusal[200]; /* why this login cannot be served; "" it can */
    int signals;
    bool is_limited; /* there is a rate to keep */
    uint64_t start_ms;
    uint64_t resume_ms;     /* no request is taken before; 0: no pause */
    uint64_t no_channel_ms; /* when to give up a session without channels */
    uint64_t drain_ms;      /* when to leave at the latest; UINT64_MAX: not asked */
};

/* ---- session_files.c ---- */

/* The tree with all the filters that the grant asks for, inside the walls. A failure
 * is put into s->refusal, for the client to be told. */
void session_open_files(struct session *s);

/* ---- session_host.c ---- */

/* Fill in s->host and the configuration of SFTP servers. */
void session_wire_up(struct session *s);

/* Show on the board what the channels do. */
void session_show(struct session *s);

/* Tell the audit trail that the session ends; then that its charges are exact. */
void session_leave(struct session *s);

#endif
