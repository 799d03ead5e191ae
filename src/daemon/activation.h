/*
 * Sockets that are handed to us open: by a service manager (socket activation,
 * sd_listen_fds(3)) or by the ferryd that we replace. They lie from descriptor 3
 * on and are described by LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES, which come as
 * text because main.c clears the environment.
 *
 * Nothing of it is believed unseen: each must be a TCP socket that listens.
 */
#ifndef FERRY_DAEMON_ACTIVATION_H
#define FERRY_DAEMON_ACTIVATION_H

#include <stdbool.h>
#include <sys/types.h>

#include "net/socket.h"

enum {
    ACTIVATION_FIRST_FD = 3,
    ACTIVATION_MAX = 64, /* sockets */
    ACTIVATION_NAME_MAX = 32,
};

struct activation_words {
    const char *pid, *fds, *names; /* LISTEN_...; NULL allowed */
};

struct activated {
    int fd; /* the caller's; non-blocking and close-on-exec */
    struct net_addr bound;
    char name[ACTIVATION_NAME_MAX + 1]; /* printable ASCII, cut; "" if it has none */
};

/*
 * Take what was handed over. *n: how many; 0 also when the words are meant for another
 * process than self.
 * ERR_PROTO: the words are malformed, or a descriptor is not a TCP socket that listens;
 * *why names it. ERR_LIMIT: more than ACTIVATION_MAX. ERR_IO: the system refused.
 */
enum err activation_take(const struct activation_words *words, pid_t self,
                         struct activated taken[ACTIVATION_MAX], size_t *n,
                         struct fault *why) MUST_USE;

/* A decimal number as such words hold it: digits alone, 1 to 19. NULL: false. */
bool activation_number(const char *text, uint64_t *number);

#endif
