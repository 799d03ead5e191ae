/* See show.h. */
#include "admin/show.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "admin/admin.h"
#include "base/log.h"
#include "base/utf8.h"
#include "cli/progress.h"

void
show_span(struct buf *out, uint64_t ms)
{
    uint64_t s = ms / 1000;
    if (s < 60)
        buf_printf(out, "%" PRIu64 "s", s);
    else if (s < 3600)
        buf_printf(out, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
    else if (s < 86400)
        buf_printf(out, "%" PRIu64 "h%02" PRIu64 "m", s / 3600, s / 60 % 60);
    else
        buf_printf(out, "%" PRIu64 "d%02" PRIu64 "h", s / 86400, s / 3600 % 24);
}

void
show_moment(struct buf *out, int64_t seconds)
{
    time_t moment = (time_t)seconds;
    struct tm tm;
    char text[40] = "";
    if (!localtime_r(&moment, &tm) || strftime(text, sizeof text, "%F %T", &tm) == 0)
        snprintf(text, sizeof text, "%" PRId64, seconds);
    buf_put_str(out, text);
}

void
show_rate(struct buf *out, uint64_t octets_per_second)
{
    if (octets_per_second == 0) {
        buf_put_u8(out, '-');
        return;
    }
    size_put_human(out, octets_per_second);
    buf_put_str(out, "B/s");
}

/* ---- columns ---- */

/* What was encoded is well-formed UTF-8. */
static uint32_t
code_point(struct bytes text, size_t *len)
{
    uint32_t x = 0;
    *len = utf8_sequence(text, &x);
    *len = *len != 0 ? *len : 1;
    return x;
}

struct range {
    uint32_t first, last;
};

/* Unicode's East Asian wide and full-width blocks, and emoji; in rough ranges. */
static const struct range wide[] = {
    {0x1100, 0x115f},   {0x2e80, 0xa4cf},   {0xa960, 0xa97c},   {0xac00, 0xd7a3},
    {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff01, 0xff60},   {0xffe0, 0xffe6},
    {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
};
/* Combining marks and joiners. */
static const struct range narrow[] = {
    {0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x064b, 0x065f},
    {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x200b, 0x200f}, {0x20d0, 0x20ff},
    {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
};

static bool
is_in(const struct range *ranges, size_t n, uint32_t x)
{
    for (size_t i = 0; i < n; i++)
        if (x >= ranges[i].first && x <= ranges[i].last)
            return true;
    return false;
}

static size_t
columns_of(uint32_t x)
{
    if (is_in(wide, ARRAY_LEN(wide), x))
        return 2;
    return is_in(narrow, ARRAY_LEN(narrow), x) ? 0 : 1;
}

size_t
show_columns(struct bytes encoded)
{
    size_t columns = 0;
    for (size_t len; encoded.n != 0; encoded = bytes_skip(encoded, len))
        columns += columns_of(code_point(encoded, &len));
    return columns;
}

/* The longest beginning of at most so many columns. */
static struct bytes
beginning(struct bytes text, size_t columns)
{
    size_t n = 0, len;
    for (struct bytes rest = text; rest.n != 0; rest = bytes_skip(rest, len)) {
        size_t width = columns_of(code_point(rest, &len));
        if (width > columns)
            break;
        columns -= width;
        n += len;
    }
    return bytes_first(text, n);
}

static struct bytes
ending(struct bytes text, size_t columns)
{
    size_t all = show_columns(text), len;
    while (text.n != 0 && all > columns) {
        all -= columns_of(code_point(text, &len));
        text = bytes_skip(text, len);
    }
    return text;
}

static void
put_blanks(struct buf *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_put_u8(out, ' ');
}

/* ---- cells ---- */

enum cell { CELL_START, CELL_END, CELL_FIGURE };

static void
put_cut(struct buf *out, struct bytes text, size_t columns, enum cell cell)
{
    struct bytes part =
        cell == CELL_END ? ending(text, columns - 1) : beginning(text, columns - 1);
    if (cell == CELL_END)
        buf_put_u8(out, '~');
    buf_put(out, part);
    if (cell != CELL_END)
        buf_put_u8(out, '~');
    put_blanks(out, columns - 1 - show_columns(part));
}

static void
put_cell(struct buf *out, struct bytes text, size_t columns, enum cell cell)
{
    struct buf encoded;
    if (columns == 0)
        return;
    buf_init(&encoded, 64 * 1024);
    text_escape(&encoded, text, 0);
    size_t width = show_columns(buf_bytes(&encoded));
    if (width > columns) {
        put_cut(out, buf_bytes(&encoded), columns, cell);
    } else {
        put_blanks(out, cell == CELL_FIGURE ? columns - width : 0);
        buf_put(out, buf_bytes(&encoded));
        put_blanks(out, cell == CELL_FIGURE ? 0 : columns - width);
    }
    buf_clear(&encoded);
}

void
show_cell(struct buf *out, struct bytes text, size_t columns)
{
    put_cell(out, text, columns, CELL_START);
}

void
show_cell_end(struct buf *out, struct bytes text, size_t columns)
{
    put_cell(out, text, columns, CELL_END);
}

void
show_figure(struct buf *out, struct bytes text, size_t columns)
{
    put_cell(out, text, columns, CELL_FIGURE);
}

bool
show_print(const struct buf *out)
{
    if (buf_err(out) != ERR_NONE)
        return admin_fail("out of memory") == ADMIN_OK;
    if (fwrite(out->p, 1, out->n, stdout) == out->n && fflush(stdout) == 0)
        return true;
    return admin_fail("standard output: %s", strerror(errno)) == ADMIN_OK;
}
