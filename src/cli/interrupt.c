/* See interrupt.h. The handler touches a counter and one octet of a pipe. */
#include "cli/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static volatile sig_atomic_t n_signals, is_final;
static int pipe_fds[2] = {-1, -1};

static void
on_signal(int number)
{
    int saved = errno;
    n_signals = n_signals + 1;
    if (number != SIGINT)
        is_final = 1;
    ssize_t n = write(pipe_fds[1], "", 1); /* full: readable anyway */
    (void)n;
    errno = saved;
}

enum err
interrupt_install(void)
{
    if (pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK) != 0)
        return ERR_IO;
    /* No SA_RESTART: a blocking read of a prompt must come back. */
    struct sigaction stop = {.sa_handler = on_signal}, ignore = {.sa_handler = SIG_IGN};
    sigemptyset(&stop.sa_mask);
    sigemptyset(&ignore.sa_mask);
    bool is_ok =
        sigaction(SIGINT, &stop, NULL) == 0 && sigaction(SIGTERM, &stop, NULL) == 0 &&
        sigaction(SIGHUP, &stop, NULL) == 0 && sigaction(SIGPIPE, &ignore, NULL) == 0 &&
        sigaction(SIGXFSZ, &ignore, NULL) == 0;
    return is_ok ? ERR_NONE : ERR_IO;
}

int
interrupt_count(void)
{
    return n_signals;
}

bool
interrupt_is_final(void)
{
    return is_final != 0;
}

int
interrupt_fd(void)
{
    return pipe_fds[0];
}

void
interrupt_drain(void)
{
    char sink[64];
    while (read(pipe_fds[0], sink, sizeof sink) > 0)
        continue;
}
