/* See utf8.h. */
#include "base/utf8.h"

size_t
utf8_sequence(struct bytes text, uint32_t *code_point)
{
    const uint8_t *p = text.p;
    uint8_t c = p[0];
    size_t len = c < 0x80                ? 1
                 : c >= 0xc2 && c < 0xe0 ? 2
                 : c >= 0xe0 && c < 0xf0 ? 3
                 : c >= 0xf0 && c < 0xf5 ? 4
                                         : 0;
    if (len == 0 || len > text.n)
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
    *code_point = x;
    return len;
}

bool
utf8_is_valid(struct bytes text)
{
    while (text.n != 0) {
        uint32_t code_point;
        size_t len = utf8_sequence(text, &code_point);
        if (len == 0)
            return false;
        text = bytes_skip(text, len);
    }
    return true;
}

bool
utf8_is_unsafe(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x061c ||
           (cp >= 0x200b && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202e) ||
           (cp >= 0x2060 && cp <= 0x206f) || cp == 0xfeff;
}
