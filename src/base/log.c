/* See log.h. */
#include "base/log.h"

#include <stdio.h>

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

/* Length of the well-formed UTF-8 sequence at p (RFC 3629), 0 if none; the
 * code point goes to *cp. */
static size_t
utf8_sequence(const uint8_t *p, size_t n, uint32_t *cp)
{
    uint8_t c = p[0];
    size_t len = c < 0x80                ? 1
                 : c >= 0xc2 && c < 0xe0 ? 2
                 : c >= 0xe0 && c < 0xf0 ? 3
                 : c >= 0xf0 && c < 0xf5 ? 4
                                         : 0;
    if (len == 0 || len > n)
        return 0;
    static const uint8_t lead_mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t x = c & lead_mask[len];
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        x = (x << 6) | (p[i] & 0x3fU);
    }
    if (x < least[len] || x > 0x10ffff || (x >= 0xd800 && x < 0xe000))
        return 0;
    *cp = x;
    return len;
}

/* Code points that move the cursor, start a line or reorder text. */
static bool
is_unsafe(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x061c ||
           (cp >= 0x200b && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202e) ||
           (cp >= 0x2060 && cp <= 0x206f) || cp == 0xfeff;
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
        size_t len = utf8_sequence(in.p, in.n, &cp);
        if (len == 1 && cp == '\\') {
            buf_put_str(out, "\\\\");
        } else if (len != 0 && !is_unsafe(cp)) {
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
