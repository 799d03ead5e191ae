/* See console.h. */
#include "cli/console.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/json.h"

enum { MESSAGE_MAX = 2048 }; /* octets of one message */

static void
log_to_console(void *ctx, enum log_level level, const char *text)
{
    struct console *c = ctx;
    switch (level) {
    case LOG_LEVEL_ERROR:
    case LOG_LEVEL_WARN:
        console_warn(c, "%s", text);
        return;
    case LOG_LEVEL_INFO:
        console_verbose(c, 1, "%s", text);
        return;
    default:
        console_verbose(c, 2, "%s", text);
    }
}

static void
trace_to_console(void *ctx, enum trace_part part, const char *text)
{
    static const struct {
        enum trace_part part;
        const char *word;
    } words[] = {{TRACE_WIRE, "wire"},
                 {TRACE_KEX, "kex"},
                 {TRACE_CHAN, "chan"},
                 {TRACE_SFTP, "sftp"}};
    console_erase(ctx);
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (words[i].part == part)
            fprintf(stderr, "%s: %s\n", words[i].word, text);
}

static bool
is_word(const char *text, const char *word)
{
    return text && strcmp(text, word) == 0;
}

enum err
console_init(struct console *c, const struct invocation *inv)
{
    *c = (struct console){.is_quiet = inv->is_quiet,
                          .is_json = inv->is_json,
                          .verbose = inv->verbose,
                          .out_is_terminal = isatty(STDOUT_FILENO) == 1,
                          .err_is_terminal = isatty(STDERR_FILENO) == 1};
    const char *trace = getenv("FERRY_TRACE");
    c->log = (struct log_sink){.line = log_to_console,
                               .trace = trace_to_console,
                               .ctx = c,
                               .trace_mask = trace ? log_trace_mask(trace) : 0};
    const char *no_color = getenv("NO_COLOR");
    if (is_word(inv->color, "always"))
        c->has_color = true;
    else if (!inv->color || is_word(inv->color, "auto"))
        c->has_color = c->out_is_terminal && (!no_color || no_color[0] == '\0');
    else if (!is_word(inv->color, "never"))
        return ERR_PROTO;
    return ERR_NONE;
}

int
console_width(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col
                                                                           : 80;
}

/* ---- messages ---- */

static void
say(struct console *c, const char *type, const char *fmt, va_list ap)
{
    char text[MESSAGE_MAX];
    vsnprintf(text, sizeof text, fmt, ap);
    console_erase(c);
    fprintf(stderr, "ferry: %s\n", text);
    if (!c->is_json || !type)
        return;
    struct buf line;
    buf_init(&line, 2 * MESSAGE_MAX * 6);
    json_begin(&line, type);
    json_text(&line, "text", bytes_str(text));
    json_end(&line);
    console_out(c, buf_bytes(&line));
    buf_clear(&line);
}

void
console_error(struct console *c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(c, "error", fmt, ap);
    va_end(ap);
}

void
console_warn(struct console *c, const char *fmt, ...)
{
    if (c->is_quiet)
        return;
    va_list ap;
    va_start(ap, fmt);
    say(c, "warn", fmt, ap);
    va_end(ap);
}

void
console_verbose(struct console *c, int level, const char *fmt, ...)
{
    if (c->verbose < level)
        return;
    va_list ap;
    va_start(ap, fmt);
    say(c, NULL, fmt, ap);
    va_end(ap);
}

void
console_notice(struct console *c, struct bytes text)
{
    console_erase(c);
    fwrite(text.p, 1, text.n, stderr);
}

void
console_out(struct console *c, struct bytes text)
{
    if (c->out_errno != 0 || text.n == 0)
        return;
    if (c->out_is_terminal)
        console_erase(c);
    bool is_ok = fwrite(text.p, 1, text.n, stdout) == text.n;
    /* Whoever reads our events wants them as they happen. */
    if (is_ok && c->is_json)
        is_ok = fflush(stdout) == 0;
    c->out_errno = is_ok ? 0 : errno;
}

bool
console_finish(struct console *c)
{
    if (c->out_errno == 0 && fflush(stdout) != 0)
        c->out_errno = errno;
    return c->out_errno == 0;
}

/* ---- progress ---- */

bool
console_has_progress(const struct console *c)
{
    return c->err_is_terminal && !c->is_quiet && !c->is_json && !c->hides_progress;
}

/* The cursor stays on the last progress line; its start is reached by \r. */
void
console_erase(struct console *c)
{
    if (!c->is_drawn)
        return;
    fputs("\r\033[K", stderr);
    for (; c->drawn_lines > 1; c->drawn_lines--)
        fputs("\033[A\033[K", stderr);
    c->is_drawn = false;
    c->drawn_lines = 0;
}

void
console_draw(struct console *c, struct bytes text, unsigned lines)
{
    struct buf out;
    buf_init(&out, 65536);
    /* Overwrite rather than erase and draw: no flicker. Lines that are too many
     * are erased first. */
    if (c->drawn_lines > lines)
        console_erase(c);
    buf_put_u8(&out, '\r');
    for (unsigned i = 1; c->is_drawn && i < c->drawn_lines; i++)
        buf_put_str(&out, "\033[A");
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\n')
            buf_put_str(&out, "\033[K");
        buf_put_u8(&out, text.p[i]);
    }
    buf_put_str(&out, "\033[K");
    fwrite(out.p, 1, out.n, stderr);
    fflush(stderr);
    buf_clear(&out);
    c->is_drawn = true;
    c->drawn_lines = lines;
}

void
console_settle(struct console *c)
{
    if (!c->is_drawn)
        return;
    fputc('\n', stderr);
    c->is_drawn = false;
    c->drawn_lines = 0;
}
