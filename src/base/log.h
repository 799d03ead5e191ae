/*
 * Where the core's words go: a sink that the shell around it provides. The
 * core decides what is worth saying; the shell decides syslog, stderr or JSON.
 */
#ifndef FERRY_BASE_LOG_H
#define FERRY_BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>

#include "base/bytes.h"
#include "base/buf.h"

enum log_level {
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARN,
    LOG_LEVEL_INFO,
    LOG_LEVEL_VERBOSE,
    LOG_LEVEL_DEBUG
};

/* Parts of the debug trace, FERRY_TRACE=wire,kex,chan,sftp. */
enum trace_part {
    TRACE_WIRE = 1 << 0, /* every SSH message */
    TRACE_KEX = 1 << 1,  /* negotiation, key exchange, keys switched */
    TRACE_CHAN = 1 << 2, /* windows, channel states */
    TRACE_SFTP = 1 << 3, /* every SFTP message */
};

struct log_sink {
    /* One event, one line, no newline; bytes from outside are already encoded. */
    void (*line)(void *ctx, enum log_level level, const char *text);
    void (*trace)(void *ctx, enum trace_part part, const char *text);
    void *ctx;
    unsigned trace_mask; /* trace_part bits wanted */
};

/* sink may be NULL: nothing is said. */
void log_line(const struct log_sink *sink, enum log_level level, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
void log_trace(const struct log_sink *sink, enum trace_part part, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

static inline bool
log_wants(const struct log_sink *sink, enum trace_part part)
{
    return sink && (sink->trace_mask & (unsigned)part) != 0;
}

/* "wire,kex" -> bits; unknown words are ignored. */
unsigned log_trace_mask(const char *words);

/*
 * Encode bytes from outside for a terminal or a log: printable UTF-8 stays;
 * C0, C1, DEL, line and bidirectional controls and broken UTF-8 become \xHH
 * (\n, \r, \t, \\ for those four). Threats L3, G1.
 * max: at most this many input octets are shown; "..." marks a cut. 0: all.
 */
void text_escape(struct buf *out, struct bytes in, size_t max);

#endif
