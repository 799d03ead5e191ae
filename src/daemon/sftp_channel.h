/*
 * A session channel and the SFTP server that runs on it. Nothing else can be
 * asked of a channel here: no shell, no command, no scp (threats C3).
 */
#ifndef FERRY_DAEMON_SFTP_CHANNEL_H
#define FERRY_DAEMON_SFTP_CHANNEL_H

#include "sftp/server.h"
#include "ssh/conn.h"

enum { SFTP_CHANNELS_MAX = 64 }; /* as many as the engine has */

struct sftp_channel {
    struct chan *chan;          /* NULL: free */
    struct sftp_server *server; /* NULL: nothing has been started yet */
    bool is_eof;                /* the peer sends no more */
    bool is_closing;            /* we have asked for the channel's end */
    uint64_t active_ms;         /* when it last carried anything */
};

struct sftp_channels {
    struct sftp_channel channel[SFTP_CHANNELS_MAX];
    unsigned n_open;
    const struct sftp_server_config *config; /* borrowed */
    const struct log_sink *log;
    uint64_t now_ms;            /* kept by the caller, turn by turn */
    struct sftp_current closed; /* sums of channels that are gone */
};

/* Every event of enum conn_event_type that has a channel; others are ignored. */
void sftp_channels_on_event(struct sftp_channels *s, const struct conn_event *ev);

/*
 * Go on with requests that need no further octets. True: there is more to be
 * done at once, so the caller must not sleep.
 */
bool sftp_channels_work(struct sftp_channels *s);

/* True while requests wait because a channel's stream has no room. */
bool sftp_channels_are_full(const struct sftp_channels *s);

/* True while a request is in hand. */
bool sftp_channels_are_busy(const struct sftp_channels *s);

/* Close channels that carried nothing for timeout_ms, and when the next will be due. */
void
sftp_channels_time_out(struct sftp_channels *s, uint64_t now_ms, uint64_t timeout_ms);
uint64_t sftp_channels_deadline(const struct sftp_channels *s, uint64_t timeout_ms);

/* What all channels did since the beginning; the file is that of the one which is
 * used now. now->path: borrowed until the next event. */
void sftp_channels_current(const struct sftp_channels *s, struct sftp_current *now);

/* Close every handle. */
void sftp_channels_clear(struct sftp_channels *s);

#endif
