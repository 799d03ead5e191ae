/* See base64.h. */
#include "base/base64.h"

/* All ones when lo <= c <= hi. All three are below 2^31. */
static uint32_t
range_mask(uint32_t c, uint32_t lo, uint32_t hi)
{
    return 0 - (((lo - 1 - c) & (c - hi - 1)) >> 31);
}

/*
 * The value of one character, or all ones. By ranges and not by a table: the
 * cache would remember which entries of it a private key has touched.
 */
static uint32_t
sextet_of(uint8_t c)
{
    uint32_t upper = range_mask(c, 'A', 'Z'), lower = range_mask(c, 'a', 'z');
    uint32_t digit = range_mask(c, '0', '9');
    uint32_t plus = range_mask(c, '+', '+'), slash = range_mask(c, '/', '/');
    uint32_t value = (upper & (c - 'A' + 0U)) | (lower & (c - 'a' + 26U)) |
                     (digit & (c - '0' + 52U)) | (plus & 62U) | (slash & 63U);
    return value | ~(upper | lower | digit | plus | slash);
}

static uint8_t
char_of(uint32_t sextet)
{
    uint32_t c = sextet + 'A';
    c += range_mask(sextet, 26, 63) & 6U;
    c -= range_mask(sextet, 52, 63) & 75U;
    c -= range_mask(sextet, 62, 63) & 15U;
    c += range_mask(sextet, 63, 63) & 3U;
    return (uint8_t)c;
}

/* Up to four characters of one group on their way to three octets. */
struct group {
    uint32_t bits;
    unsigned n_chars, n_pads;
};

static void
group_put(const struct group *g, size_t n_octets, struct buf *out)
{
    uint32_t bits = g->bits << (6 * (4 - g->n_chars));
    uint8_t octets[3] = {(uint8_t)(bits >> 16), (uint8_t)(bits >> 8), (uint8_t)bits};
    buf_put(out, bytes_of(octets, n_octets));
}

static bool
group_take(struct group *g, uint8_t c, struct buf *out)
{
    if (c == '=')
        return ++g->n_pads <= 2;
    uint32_t value = sextet_of(c);
    if (value == UINT32_MAX || g->n_pads != 0)
        return false;
    g->bits = g->bits << 6 | value;
    if (++g->n_chars == 4) {
        group_put(g, 3, out);
        *g = (struct group){0};
    }
    return true;
}

/* The last group: whole, or two or three characters and their padding, whose
 * unused bits must be zero so that each octet string has one encoding. */
static bool
group_finish(const struct group *g, struct buf *out)
{
    if (g->n_chars == 0)
        return g->n_pads == 0;
    if (g->n_chars + g->n_pads != 4 || g->n_chars < 2)
        return false;
    uint32_t unused = g->n_chars == 2 ? 0xfU : 0x3U;
    if ((g->bits & unused) != 0)
        return false;
    group_put(g, g->n_chars - 1, out);
    return true;
}

static bool
is_wrapping(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static enum err
decode(struct bytes text, struct buf *out, bool skips_wrapping)
{
    struct group group = {0};
    size_t before = out->n;
    bool is_good = true;
    for (size_t i = 0; i < text.n && is_good; i++)
        if (!skips_wrapping || !is_wrapping(text.p[i]))
            is_good = group_take(&group, text.p[i], out);
    is_good = is_good && group_finish(&group, out);
    if (is_good && buf_err(out) == ERR_NONE)
        return ERR_NONE;
    buf_truncate(out, before);
    return is_good ? buf_err(out) : ERR_PROTO;
}

enum err
base64_decode(struct bytes text, struct buf *out)
{
    return decode(text, out, false);
}

enum err
base64_decode_wrapped(struct bytes text, struct buf *out)
{
    return decode(text, out, true);
}

void
base64_encode(struct bytes data, struct buf *out)
{
    for (size_t i = 0; i < data.n; i += 3) {
        size_t n = data.n - i < 3 ? data.n - i : 3;
        uint32_t bits = (uint32_t)data.p[i] << 16;
        bits |= n > 1 ? (uint32_t)data.p[i + 1] << 8 : 0;
        bits |= n > 2 ? data.p[i + 2] : 0;
        uint8_t text[4] = {char_of(bits >> 18), char_of(bits >> 12 & 63),
                           n > 1 ? char_of(bits >> 6 & 63) : '=',
                           n > 2 ? char_of(bits & 63) : '='};
        buf_put(out, bytes_of(text, sizeof text));
    }
}
