/* See json.h. */
#include "base/json.h"

#include <inttypes.h>

#include "key/armor.h"

/* Octets of the well-formed sequence at b.p[0]; 0: none. RFC 3629 section 4. */
static size_t
utf8_sequence_len(struct bytes b)
{
    uint8_t c = b.p[0];
    if (c < 0x80)
        return 1;
    size_t len = c >= 0xc2 && c < 0xe0   ? 2
                 : c >= 0xe0 && c < 0xf0 ? 3
                 : c >= 0xf0 && c < 0xf5 ? 4
                                         : 0;
    if (len == 0 || len > b.n)
        return 0;
    /* The second octet has the narrow range: no overlong forms, no surrogates, no
     * more than U+10FFFF. */
    uint8_t low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    uint8_t high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    if (b.p[1] < low || b.p[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((b.p[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

bool
utf8_is_valid(struct bytes b)
{
    while (b.n != 0) {
        size_t len = utf8_sequence_len(b);
        if (len == 0)
            return false;
        b = bytes_skip(b, len);
    }
    return true;
}

static void
put_quoted(struct buf *out, struct bytes value)
{
    buf_put_u8(out, '"');
    for (size_t i = 0; i < value.n; i++) {
        uint8_t c = value.p[i];
        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            buf_printf(out, "\\u%04x", c);
        else
            buf_put_u8(out, c);
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
