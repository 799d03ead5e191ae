/*
 * The client's side of the control socket: ask, take the records. Waits for the
 * daemon, but not for ever.
 */
#ifndef FERRY_ADMIN_DIALOGUE_H
#define FERRY_ADMIN_DIALOGUE_H

#include "daemon/control.h"

struct dialogue {
    int fd; /* -1: closed */
};

/* Connect to the socket at path. ERR_IO: nobody answers, or we may not; *why says. */
enum err
dialogue_connect(struct dialogue *d, const char *path, struct fault *why) MUST_USE;

void dialogue_close(struct dialogue *d);

/* Takes one record: not the end; sizes and texts have been checked. */
typedef void dialogue_take(void *ctx, const struct control_reply *reply);

/*
 * Ask and take all records. take may be NULL: none are expected.
 * *end is valid with ERR_NONE alone, which also means that end->error is 0.
 * Other errors: *why is a sentence, the daemon's or about it.
 */
enum err dialogue_ask(struct dialogue *d, const struct control_request *request,
                      dialogue_take *take, void *ctx, struct control_end *end,
                      struct fault *why) MUST_USE;

#endif
