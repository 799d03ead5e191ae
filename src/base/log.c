/* See log.h. */
#include "base/log.h"

#include <stdio.h>

#include "base/utf8.h"

enum { LOG_LINE_MAX = 1024 }; /* octets; threats G1: one event is one bounded line */

void
log_line(const struct log_sink *sink, enum log_level level, const char *fmt, ...)
{
    if (!sink || !sink->line)
        return;
    char text[LOG_LINE_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    sink->line(sink->ctx, level, text);
}

void
log_trace(const struct log_sink *sink, enum trace_part part, const char *fmt, ...)
{
    if (!log_wants(sink, part) || !sink->trace)
        return;
    char text[LOG_LINE_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    sink->trace(sink->ctx, part, text);
}

unsigned
log_trace_mask(const char *words)
{
    static const struct {
        const char *word;
        enum trace_part part;
    } parts[] = {{"wire", TRACE_WIRE},
                 {"kex", TRACE_KEX},
                 {"chan", TRACE_CHAN},
                 {"sftp", TRACE_SFTP}};
    unsigned mask = 0;
    struct bytes rest = bytes_str(words), item;
    while (bytes_next_item(&rest, &item))
        for (size_t i = 0; i < ARRAY_LEN(parts); i++)
            if (bytes_eq_str(item, parts[i].word))
                mask |= (unsigned)parts[i].part;
    return mask;
}

static void
escape_octet(struct buf *out, uint8_t c)
{
    switch (c) {
    case '\n':
        buf_put_str(out, "\\n");
        return;
    case '\r':
        buf_put_str(out, "\\r");
        return;
    case '\t':
        buf_put_str(out, "\\t");
        return;
    default:
        buf_printf(out, "\\x%02x", c);
    }
}

void
text_escape(struct buf *out, struct bytes in, size_t max)
{
    bool is_cut = max != 0 && in.n > max;
    if (is_cut)
        in.n = max;
    while (in.n != 0) {
        uint32_t cp = 0;
        size_t len = utf8_sequence(in, &cp);
        if (len == 1 && cp == '\\') {
            buf_put_str(out, "\\\\");
        } else if (len != 0 && !utf8_is_unsafe(cp)) {
            buf_put(out, bytes_first(in, len));
        } else {
            len = len ? len : 1;
            for (size_t i = 0; i < len; i++)
                escape_octet(out, in.p[i]);
        }
        in = bytes_skip(in, len);
    }
    if (is_cut)
        buf_put_str(out, "...");
}
