/* See direct_carrier.h. */
#include "cli/direct_carrier.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/interrupt.h"
#include "config/words.h"
#include "net/pipe_stream.h"
#include "net/clock.h"

enum { READ_SIZE = 256 * 1024, GOODBYE_MS = 2000 };

struct direct_carrier {
    struct carrier carrier;
    struct pipe_stream out;
    pid_t child;
    int fd; /* our end of the pair that is the child's stdin and stdout */
    bool is_over;
    uint64_t octets; /* received */
    uint8_t buffer[READ_SIZE];
};

static struct direct_carrier *
from_carrier(struct carrier *c)
{
    return (struct direct_carrier *)(void *)c; /* its first member */
}

static struct stream *
direct_stream(struct carrier *c)
{
    return &from_carrier(c)->out.stream;
}

static void
end(struct direct_carrier *d, struct transfer *t, const char *reason)
{
    d->is_over = true;
    transfer_end(t, reason);
}

static void
read_some(struct direct_carrier *d, struct transfer *t)
{
    ssize_t n = read(d->fd, d->buffer, sizeof d->buffer);
    if (n > 0) {
        d->octets += (uint64_t)n;
        /* A failure is the session's: it has told its sink. */
        if (transfer_input(t, clock_now_ms(), bytes_of(d->buffer, (size_t)n)) != ERR_NONE)
            d->is_over = true;
    } else if (n == 0) {
        end(d, t, "the program ended");
    } else if (errno != EAGAIN && errno != EINTR) {
        end(d, t, "the program's output cannot be read");
    }
}

static void
direct_turn(struct carrier *c, struct transfer *t, uint64_t deadline_ms)
{
    struct direct_carrier *d = from_carrier(c);
    if (d->is_over)
        return;
    if (pipe_stream_flush(&d->out) != 0) {
        end(d, t, "the program stopped reading");
        return;
    }
    short events = pipe_stream_is_empty(&d->out) ? POLLIN : POLLIN | POLLOUT;
    struct pollfd fds[2] = {{.fd = d->fd, .events = events},
                            {.fd = interrupt_fd(), .events = POLLIN}};
    if (poll(fds, 2, clock_poll_timeout(deadline_ms, clock_now_ms())) <= 0)
        return;
    if (fds[0].revents & (POLLIN | POLLHUP | POLLERR))
        read_some(d, t);
    carrier_rest_until(carrier_rate_pause(c, clock_now_ms(), d->octets));
}

/* End of input ends a well-behaved server; the others are told by a signal. */
static void
bury(pid_t child)
{
    uint64_t until = clock_now_ms() + GOODBYE_MS;
    while (waitpid(child, NULL, WNOHANG) == 0) {
        if (clock_now_ms() >= until) {
            kill(child, SIGKILL);
            (void)waitpid(child, NULL, 0);
            return;
        }
        (void)poll(NULL, 0, 5);
    }
}

static void
direct_close(struct carrier *c)
{
    struct direct_carrier *d = from_carrier(c);
    (void)shutdown(d->fd, SHUT_WR);
    close(d->fd);
    if (d->child > 0)
        bury(d->child);
    pipe_stream_clear(&d->out);
    free(d);
}

static const struct carrier_ops direct_ops = {direct_stream, direct_turn, direct_close};

/* In the child. */
static void
run(const struct words *command, int fd)
{
    char *argv[CONFIG_WORDS_MAX + 1];
    size_t n = command->n;
    for (size_t i = 0; i < n; i++)
        argv[i] = (char *)(uintptr_t)words_at(command, i);
    argv[n] = NULL;
    (void)signal(SIGINT, SIG_IGN); /* a Ctrl-C is ours; we tell it what follows */
    if (dup2(fd, STDIN_FILENO) >= 0 && dup2(fd, STDOUT_FILENO) >= 0)
        execvp(argv[0], argv);
    _exit(127);
}

static enum err
start(struct direct_carrier *d, const struct words *command)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return ERR_IO;
    d->child = fork();
    if (d->child == 0)
        run(command, pair[1]);
    close(pair[1]);
    d->fd = pair[0];
    pipe_stream_init(&d->out, d->fd);
    if (d->child < 0 || fcntl(d->fd, F_SETFL, O_NONBLOCK) != 0)
        return ERR_IO;
    return ERR_NONE;
}

enum err
direct_carrier_open(const char *command, struct carrier **carrier)
{
    struct words words;
    const char *why;
    struct direct_carrier *d = calloc(1, sizeof *d);
    if (!d)
        return ERR_NOMEM;
    words_init(&words);
    enum err e = words_split(&words, bytes_str(command), &why);
    if (e == ERR_NONE && words.n == 0)
        e = ERR_PROTO;
    d->fd = -1;
    if (e == ERR_NONE)
        e = start(d, &words);
    words_clear(&words);
    d->carrier.ops = &direct_ops;
    if (e == ERR_NONE)
        *carrier = &d->carrier;
    else if (d->fd >= 0)
        direct_close(&d->carrier);
    else
        free(d);
    return e;
}
