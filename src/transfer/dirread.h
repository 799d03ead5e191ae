/*
 * Reading one remote directory: OPENDIR, READDIRs with one sent ahead, CLOSE.
 * The entries go to the task that owns it, a reply at a time.
 */
#ifndef FERRY_TRANSFER_DIRREAD_H
#define FERRY_TRANSFER_DIRREAD_H

#include "transfer/task.h"

enum dirread_step { DIRREAD_OPEN = 2000, DIRREAD_READ, DIRREAD_CLOSE };

/* READDIRs in flight: the second is answered while the first's entries are used. */
enum { DIRREAD_AHEAD = 2 };

struct dirread {
    struct task *task;
    uint8_t handle[SFTP_HANDLE_MAX];
    size_t handle_len;
    unsigned n_reads; /* in flight */
    bool is_open, is_at_end;
};

enum dirread_result {
    DIRREAD_NOTHING, /* nothing for the owner */
    DIRREAD_ENTRIES, /* ev->names holds some; afterwards dirread_more */
    DIRREAD_DONE,    /* the end; CLOSE has been sent */
    DIRREAD_FAILED,  /* ev is a STATUS; CLOSE has been sent if there was a handle */
};

void dirread_start(struct dirread *d, struct task *task, struct bytes path);

/* A reply to one of its calls. After DONE, FAILED or dirread_stop: NOTHING. */
enum dirread_result
dirread_reply(struct dirread *d, const struct call *call, const struct sftp_event *ev);

/* Send the next READDIRs. */
void dirread_more(struct dirread *d);

/* Want no more: CLOSE, as soon as there is a handle. */
void dirread_stop(struct dirread *d);

#endif
