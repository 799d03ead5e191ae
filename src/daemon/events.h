/*
 * Events (Event, EventUser, EventTimeout): a program is run when an upload is
 * complete, somebody logs in or fails to, a file is removed or renamed, or a
 * quota is exceeded. It gets the event as one JSON object on its standard input.
 *
 * At least once for each completed upload, whatever is killed meanwhile: the
 * event is in the spool (events_spool.h) before the upload's CLOSE is answered,
 * and is removed when the program has ended with status 0. A repeated event has
 * the same "id". Never for an upload that is not in place.
 */
#ifndef FERRY_DAEMON_EVENTS_H
#define FERRY_DAEMON_EVENTS_H

#include <poll.h>
#include <time.h>

#include "base/log.h"
#include "config/server_options.h"
#include "daemon/record.h"

enum {
    EVENTS_RUNNING_MAX = 4,       /* programs at a time */
    EVENTS_TRIES = 6,             /* then it is moved to failed/ */
    EVENTS_SCAN_MS = 2 * 1000,    /* what other recorders have put into the spool */
    EVENTS_TIMEOUT_S = 60,        /* when EventTimeout is not set */
    EVENTS_TIMEOUT_MAX_S = 86400, /* and at most */
};

struct events_config {
    const struct server_list *programs; /* SERVER_EVENTS of them; borrowed */
    const char *user;                   /* EventUser; NULL: none */
    int timeout_s;                      /* 0: EVENTS_TIMEOUT_S */
    const char *state_dir;
    const struct log_sink *log;
};

struct events;

/* Is any event configured? Without, nothing is spooled and events_new not needed. */
bool events_are_wanted(const struct server_list *programs);

/* Programs and user as recorder_check (recorder.h) demands. */
enum err events_check(const struct events_config *config, struct fault *why) MUST_USE;

enum err events_new(const struct events_config *config, uint64_t now_ms,
                    struct events **events, struct fault *why) MUST_USE;
void events_free(struct events *e); /* NULL allowed; programs that run are left to end */

/*
 * Make the record's event, if it has one, safe. A LOGOUT ends what its connection
 * intended.
 * ERR_LIMIT: the queue is full; ERR_IO: no room, no disk. Of an upload or its intent
 * such a failure must reach the client; others are told in the log and lost.
 */
enum err events_put(struct events *e, const struct record *r, struct timespec now,
                    uint64_t now_ms) MUST_USE;

/* A monitor is gone and with it its sessions: all intents are orphans. */
void events_on_monitor_gone(struct events *e, uint64_t now_ms);

/* Start what is due, end what takes too long, look after orphans. */
void events_tick(struct events *e, uint64_t now_ms);
/* After SIGCHLD. */
void events_on_child(struct events *e, uint64_t now_ms);
/* When events_tick is due at the latest. */
uint64_t events_deadline(const struct events *e);

/* What running programs print: fill in up to EVENTS_RUNNING_MAX places, then hand them
 * back after poll. */
size_t events_poll(const struct events *e, struct pollfd *fds);
void events_on_poll(struct events *e, const struct pollfd *fds, size_t n);

/* Start nothing more; when nothing runs, another recorder may. */
void events_retire(struct events *e);
bool events_are_running(const struct events *e);

#endif
