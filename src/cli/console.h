/*
 * Everything the client says: results to standard output, messages and
 * progress to standard error, which share one screen and must not mix. Bytes
 * from outside are encoded before they come here.
 */
#ifndef FERRY_CLI_CONSOLE_H
#define FERRY_CLI_CONSOLE_H

#include "base/log.h"
#include "cli/command.h"

struct console {
    bool is_quiet, is_json;
    bool hides_progress; /* asked for, or nobody is there to see it */
    int verbose;
    bool out_is_terminal, err_is_terminal;
    bool has_color;       /* on standard output */
    unsigned drawn_lines; /* of progress on the screen now, above the cursor's own */
    bool is_drawn;
    int out_errno;       /* why standard output took no more; 0: it did */
    struct log_sink log; /* for the core: its lines and traces */
};

/* Reads FERRY_TRACE and NO_COLOR. ERR_PROTO: --color has another word. */
enum err console_init(struct console *c, const struct invocation *inv) MUST_USE;

/* "ferry: ..." on standard error, and with --json an object on standard output. */
void console_error(struct console *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The same, unless -q. */
void console_warn(struct console *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* A line for -v (level 1) and -vv (level 2). */
void
console_verbose(struct console *c, int level, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* A text for people as it is, to standard error, such as a banner. */
void console_notice(struct console *c, struct bytes text);

/* Results. Flushed by console_finish. */
void console_out(struct console *c, struct bytes text);
/* False: standard output failed (a closed pipe, a full disk). */
bool console_finish(struct console *c);

/* Columns of the terminal; 80 when nobody knows. */
int console_width(void);

/* True when progress may be shown. */
bool console_has_progress(const struct console *c);
/* Replace the progress lines; text: `lines` lines, "\n" between, none behind. */
void console_draw(struct console *c, struct bytes text, unsigned lines);
/* Take them away, or leave the last state standing. */
void console_erase(struct console *c);
void console_settle(struct console *c);

#endif
