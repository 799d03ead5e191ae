/* See json.h. */
#include "base/json.h"

#include <inttypes.h>

#include "base/base64.h"
#include "base/utf8.h"

/* In UTF-16, as JSON has it. */
static void
put_escape(struct buf *out, uint32_t code_point)
{
    if (code_point < 0x10000) {
        buf_printf(out, "\\u%04x", code_point);
        return;
    }
    code_point -= 0x10000;
    buf_printf(out, "\\u%04x\\u%04x", 0xd800 + (code_point >> 10),
               0xdc00 + (code_point & 0x3ff));
}

/* Well-formed UTF-8. What a terminal would obey is escaped, so that a line can
 * be shown as it is (threats G1). */
static void
put_quoted(struct buf *out, struct bytes value)
{
    buf_put_u8(out, '"');
    while (value.n != 0) {
        uint32_t cp = 0;
        size_t len = utf8_sequence(value, &cp);
        if (cp == '"' || cp == '\\')
            buf_printf(out, "\\%c", (char)cp);
        else if (utf8_is_unsafe(cp))
            put_escape(out, cp);
        else
            buf_put(out, bytes_first(value, len));
        value = bytes_skip(value, len);
    }
    buf_put_u8(out, '"');
}

void
json_begin(struct buf *out, const char *type)
{
    buf_printf(out, "{\"v\":1,\"t\":\"%s\"", type);
}

void
json_text(struct buf *out, const char *key, struct bytes value)
{
    if (utf8_is_valid(value)) {
        buf_printf(out, ",\"%s\":", key);
        put_quoted(out, value);
        return;
    }
    buf_printf(out, ",\"%s_b64\":\"", key);
    base64_encode(value, out);
    buf_put_u8(out, '"');
}

void
json_number(struct buf *out, const char *key, uint64_t value)
{
    buf_printf(out, ",\"%s\":%" PRIu64, key, value);
}

void
json_bool(struct buf *out, const char *key, bool value)
{
    buf_printf(out, ",\"%s\":%s", key, value ? "true" : "false");
}

void
json_end(struct buf *out)
{
    buf_put_str(out, "}\n");
}
