/* See terminal.h. */
#include "admin/terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { READ_MAX = 16 }; /* octets at a time: so many keys at most */

bool
terminal_is_there(void)
{
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

static void
signals_of(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGHUP);
    sigaddset(set, SIGWINCH);
}

enum err
terminal_enter(struct terminal *t)
{
    sigset_t set;
    signals_of(&set);
    if (tcgetattr(STDIN_FILENO, &t->before) != 0)
        return ERR_IO;
    t->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (t->signals < 0)
        return ERR_IO;
    sigprocmask(SIG_BLOCK, &set, NULL);
    struct termios raw = t->before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    raw.c_cc[VSUSP] = _POSIX_VDISABLE; /* stopped, it would leave the screen like this */
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
    /* Alternate screen, no cursor, no wrapping at the right margin. */
    return terminal_write(BYTES_LIT("\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"));
}

void
terminal_leave(struct terminal *t)
{
    sigset_t set;
    signals_of(&set);
    (void)!terminal_write(BYTES_LIT("\x1b[?7h\x1b[?25h\x1b[?1049l"));
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &t->before);
    close(t->signals);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

void
terminal_size(int *width, int *height)
{
    struct winsize size = {0};
    bool is_known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
    *width = is_known && size.ws_col != 0 ? size.ws_col : 80;
    *height = is_known && size.ws_row != 0 ? size.ws_row : 24;
}

enum err
terminal_write(struct bytes text)
{
    while (text.n != 0) {
        ssize_t n = write(STDOUT_FILENO, text.p, text.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return ERR_IO;
        text = bytes_skip(text, (size_t)n);
    }
    return ERR_NONE;
}

static enum terminal_news
read_signals(const struct terminal *t)
{
    struct signalfd_siginfo info;
    enum terminal_news news = NEWS_NONE;
    while (read(t->signals, &info, sizeof info) == sizeof info)
        if (info.ssi_signo != SIGWINCH)
            return NEWS_STOP;
        else
            news = NEWS_RESIZED;
    return news;
}

enum terminal_news
terminal_wait(const struct terminal *t, int timeout_ms)
{
    struct pollfd fds[2] = {{.fd = t->signals, .events = POLLIN},
                            {.fd = STDIN_FILENO, .events = POLLIN}};
    if (poll(fds, 2, timeout_ms) <= 0)
        return NEWS_NONE;
    if (fds[0].revents)
        return read_signals(t);
    return NEWS_KEYS;
}

/* ---- keys ---- */

struct sequence {
    const char *octets;
    int key;
};

static const struct sequence sequences[] = {
    {"\x1b[A", KEY_UP},   {"\x1b[B", KEY_DOWN},     {"\x1bOA", KEY_UP},
    {"\x1bOB", KEY_DOWN}, {"\x1b[5~", KEY_PAGE_UP}, {"\x1b[6~", KEY_PAGE_DOWN},
};

static int
take_key(struct bytes *in)
{
    for (size_t i = 0; i < ARRAY_LEN(sequences); i++)
        if (bytes_has_prefix(*in, sequences[i].octets)) {
            *in = bytes_skip(*in, strlen(sequences[i].octets));
            return sequences[i].key;
        }
    uint8_t c = in->p[0];
    /* A lone ESC is the key; one that begins something unknown takes it along. */
    bool is_unknown = c == 0x1b && in->n > 1;
    *in = is_unknown ? (struct bytes){0} : bytes_skip(*in, 1);
    if (c == 0x1b)
        return is_unknown ? KEY_NONE : KEY_ESCAPE;
    if (c == '\r' || c == '\n')
        return KEY_ENTER;
    if (c == 0x7f || c == '\b')
        return KEY_ERASE;
    return c >= 0x20 && c < 0x7f ? c : KEY_NONE;
}

size_t
terminal_keys(int keys[16])
{
    uint8_t octets[READ_MAX];
    ssize_t got = read(STDIN_FILENO, octets, sizeof octets);
    if (got <= 0) {
        keys[0] = KEY_END_OF_INPUT;
        return 1;
    }
    struct bytes in = bytes_of(octets, (size_t)got);
    size_t n = 0;
    while (in.n != 0)
        keys[n++] = take_key(&in);
    return n;
}
