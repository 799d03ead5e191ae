/* See prompt.h. */
#include "cli/prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "cli/interrupt.h"

static const char default_askpass[] = "/usr/bin/ssh-askpass";

/* ---- reading ---- */

enum err
prompt_read_line(int fd, struct secret *answer)
{
    char text[SECRET_MAX + 1];
    size_t n = 0;
    enum err e = ERR_NONE;
    for (;;) {
        char c;
        ssize_t got = read(fd, &c, 1);
        bool is_interrupted = interrupt_count() != 0; /* also with the line's end there */
        if (got < 0 && errno == EINTR && !is_interrupted)
            continue;
        if (is_interrupted || got < 0 || (got == 0 && n == 0)) {
            e = ERR_CLOSED;
            break;
        }
        if (got == 0 || c == '\n')
            break;
        if (n < sizeof text)
            text[n++] = c;
    }
    if (n != 0 && n <= SECRET_MAX && text[n - 1] == '\r')
        n--;
    if (e == ERR_NONE)
        e = secret_set(answer, bytes_of(text, n));
    mem_wipe(text, sizeof text);
    return e;
}

/* ---- the terminal ---- */

static int
open_terminal(void)
{
    return open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
}

bool
prompt_has_terminal(void)
{
    int fd = open_terminal();
    if (fd < 0)
        return false;
    close(fd);
    return true;
}

static void
write_all(int fd, const char *text)
{
    size_t n = strlen(text);
    while (n != 0) {
        ssize_t sent = write(fd, text, n);
        if (sent < 0 && errno != EINTR)
            return;
        if (sent > 0) {
            text += sent;
            n -= (size_t)sent;
        }
    }
}

static enum err
ask_terminal(int fd, const char *text, enum prompt_echo echo, struct secret *answer)
{
    /* A stop while the echo is off would leave the terminal that way. */
    sigset_t stops, before;
    sigemptyset(&stops);
    sigaddset(&stops, SIGTSTP);
    sigaddset(&stops, SIGTTIN);
    sigaddset(&stops, SIGTTOU);
    struct termios saved, quiet;
    bool is_hidden = echo == PROMPT_HIDDEN && tcgetattr(fd, &saved) == 0;
    if (is_hidden) {
        sigprocmask(SIG_BLOCK, &stops, &before);
        quiet = saved;
        quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
        tcsetattr(fd, TCSAFLUSH, &quiet);
    }
    write_all(fd, text);
    enum err e = prompt_read_line(fd, answer);
    if (is_hidden) {
        tcsetattr(fd, TCSAFLUSH, &saved);
        sigprocmask(SIG_SETMASK, &before, NULL);
        write_all(fd, "\n");
    }
    return e;
}

/* ---- the askpass program ---- */

enum askpass_use { ASKPASS_NEVER, ASKPASS_WITHOUT_TERMINAL, ASKPASS_ALWAYS };

static enum askpass_use
askpass_use(void)
{
    const char *require = getenv("SSH_ASKPASS_REQUIRE");
    bool has_display = getenv("DISPLAY") || getenv("WAYLAND_DISPLAY");
    if (require && strcasecmp(require, "force") == 0)
        return ASKPASS_ALWAYS;
    if (require && strcasecmp(require, "never") == 0)
        return ASKPASS_NEVER;
    if (!has_display)
        return ASKPASS_NEVER;
    return require && strcasecmp(require, "prefer") == 0 ? ASKPASS_ALWAYS
                                                         : ASKPASS_WITHOUT_TERMINAL;
}

/* In the child: standard output is the pipe; the text is one argument. */
static void
run_askpass(int out_fd, const char *program, const char *text, enum prompt_echo echo)
{
    if (echo == PROMPT_CONFIRM)
        setenv("SSH_ASKPASS_PROMPT", "confirm", 1);
    if (dup2(out_fd, STDOUT_FILENO) >= 0)
        execlp(program, program, text, (char *)NULL);
    _exit(127);
}

static enum err
ask_program(const char *text, enum prompt_echo echo, struct secret *answer)
{
    const char *program = getenv("SSH_ASKPASS");
    int fds[2];
    if (!program || !*program)
        program = default_askpass;
    if (pipe2(fds, O_CLOEXEC) != 0)
        return ERR_AUTH;
    pid_t child = fork();
    if (child == 0)
        run_askpass(fds[1], program, text, echo);
    close(fds[1]);
    if (child < 0) {
        close(fds[0]);
        return ERR_AUTH;
    }
    enum err e = prompt_read_line(fds[0], answer);
    close(fds[0]);
    int status = -1;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        e = WIFEXITED(status) && WEXITSTATUS(status) == 127 ? ERR_AUTH : ERR_CLOSED;
    else if (e == ERR_CLOSED)
        e = ERR_NONE; /* said nothing, ended well: an empty answer */
    return e;
}

enum err
prompt_ask(const char *text, enum prompt_echo echo, struct secret *answer)
{
    secret_clear(answer);
    enum askpass_use use = askpass_use();
    int fd = use == ASKPASS_ALWAYS ? -1 : open_terminal();
    enum err e = ERR_AUTH;
    if (fd >= 0) {
        e = ask_terminal(fd, text, echo, answer);
        close(fd);
    } else if (use != ASKPASS_NEVER) {
        e = ask_program(text, echo, answer);
    }
    if (e != ERR_NONE)
        secret_clear(answer);
    return e;
}
