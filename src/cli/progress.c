/* See progress.h. */
#include "cli/progress.h"

#include <inttypes.h>
#include <stdio.h>

/* Everything behind the name: " 42% 1711MB  98.4MB/s   00:23 ETA". */
enum { FIGURES_WIDTH = 36, NAME_LEAST = 8 };

/* Half of the old rate is forgotten after about this long. */
static const double smoothing_ms = 2000;

void
progress_rate_start(struct progress_rate *r, uint64_t now_ms, uint64_t done)
{
    *r = (struct progress_rate){.start_ms = now_ms,
                                .start_done = done,
                                .last_ms = now_ms,
                                .last_done = done,
                                .moved_ms = now_ms};
}

void
progress_rate_update(struct progress_rate *r, uint64_t now_ms, uint64_t done)
{
    enum { LEAST_MS = 100 }; /* shorter spans measure the scheduler */
    if (done > r->last_done)
        r->moved_ms = now_ms;
    if (now_ms < r->last_ms + LEAST_MS)
        return;
    double span = (double)(now_ms - r->last_ms);
    double moved = done > r->last_done ? (double)(done - r->last_done) : 0;
    double rate = moved * 1000 / span;
    double weight = span / (span + smoothing_ms);
    bool is_first = r->last_ms == r->start_ms;
    r->octets_per_second =
        is_first ? rate : r->octets_per_second * (1 - weight) + rate * weight;
    r->last_ms = now_ms;
    r->last_done = done;
}

static double
average_rate(const struct progress_rate *r, uint64_t now_ms, uint64_t done)
{
    uint64_t span = now_ms > r->start_ms ? now_ms - r->start_ms : 1;
    uint64_t moved = done > r->start_done ? done - r->start_done : 0;
    return (double)moved * 1000 / (double)span;
}

/* ---- figures ---- */

static const char units[] = " KMGTPE";

void
size_put_short(struct buf *out, uint64_t octets)
{
    int unit = 0;
    while (octets >= 10000 && units[unit + 1]) {
        octets = octets / 1024 + (octets % 1024 >= 512);
        unit++;
    }
    buf_printf(out, "%4" PRIu64 "%cB", octets, units[unit]);
}

void
size_put_human(struct buf *out, uint64_t octets)
{
    if (octets < 1024) {
        buf_printf(out, "%" PRIu64, octets);
        return;
    }
    int unit = 0;
    double x = (double)octets;
    while (x >= 1023.95 && units[unit + 1]) {
        x /= 1024;
        unit++;
    }
    buf_printf(out, x < 9.95 ? "%.1f%c" : "%.0f%c", x, units[unit]);
}

/* " 98.4MB/s" */
static void
put_rate(struct buf *out, double octets_per_second)
{
    int unit = 1;
    double x = octets_per_second / 1024;
    while (x >= 999.95 && units[unit + 1]) {
        x /= 1024;
        unit++;
    }
    buf_printf(out, "%5.1f%cB/s", x, units[unit]);
}

static void
put_seconds(struct buf *out, uint64_t seconds)
{
    uint64_t hours = seconds / 3600;
    unsigned minutes = (unsigned)(seconds / 60 % 60), rest = (unsigned)(seconds % 60);
    if (hours != 0)
        buf_printf(out, "%2" PRIu64 ":%02u:%02u", hours, minutes, rest);
    else
        buf_printf(out, "  %02u:%02u", minutes, rest);
}

struct pace {
    const struct progress_rate *rate;
    uint64_t now_ms, done, size;
    bool is_size_known, is_finished;
};

/* " 98.4MB/s   00:23 ETA": rate, then what is left or what it took. */
static void
put_pace(struct buf *out, const struct pace *p)
{
    const struct progress_rate *r = p->rate;
    if (p->is_finished) {
        put_rate(out, average_rate(r, p->now_ms, p->done));
        buf_put_str(out, " ");
        put_seconds(out, (p->now_ms - r->start_ms) / 1000);
        buf_put_str(out, "    ");
        return;
    }
    put_rate(out, r->octets_per_second);
    if (p->now_ms - r->moved_ms >= PROGRESS_STALL_MS) {
        buf_put_str(out, " - stalled -");
    } else if (!p->is_size_known || r->octets_per_second < 1) {
        buf_put_str(out, "   --:-- ETA");
    } else {
        uint64_t left = p->size > p->done ? p->size - p->done : 0;
        buf_put_str(out, " ");
        put_seconds(out, (uint64_t)((double)left / r->octets_per_second + 0.5));
        buf_put_str(out, " ETA");
    }
}

static unsigned
percent_of(uint64_t done, uint64_t size)
{
    if (size == 0)
        return 100;
    double share = (double)done * 100 / (double)size;
    return share > 100 ? 100 : (unsigned)share;
}

/* ---- lines ---- */

/* How many columns the first n octets take: code points, near enough to cells for
 * names; wide characters are cut by the terminal's own right margin at worst. */
static size_t
columns_of(struct bytes text)
{
    size_t columns = 0;
    for (size_t i = 0; i < text.n; i++)
        if ((text.p[i] & 0xc0) != 0x80)
            columns++;
    return columns;
}

/* The name in exactly `width` columns, cut at the end of a character. */
static void
put_name(struct buf *out, struct bytes name, size_t width)
{
    while (columns_of(name) > width)
        name.n--;
    while (name.n != 0 && (name.p[name.n - 1] & 0xc0) == 0xc0)
        name.n--; /* a lead octet that lost its tail */
    buf_put(out, name);
    for (size_t i = columns_of(name); i < width; i++)
        buf_put_u8(out, ' ');
}

void
progress_put_line(struct buf *out, const struct progress_line *line, int width)
{
    int name_width = width - FIGURES_WIDTH - 1; /* the last column stays free */
    put_name(out, line->name,
             (size_t)(name_width < NAME_LEAST ? NAME_LEAST : name_width));
    if (line->is_size_known)
        buf_printf(out, " %3u%% ", percent_of(line->done, line->size));
    else
        buf_put_str(out, "      ");
    size_put_short(out, line->done);
    buf_put_u8(out, ' ');
    const struct pace pace = {line->rate, line->now_ms,        line->done,
                              line->size, line->is_size_known, line->is_finished};
    put_pace(out, &pace);
}

void
progress_put_total(struct buf *out, const struct progress_sum *sum, int width)
{
    size_t start = out->n;
    buf_printf(out, "total  %" PRIu64 "/%" PRIu64 " files  %u%%  ", sum->files_done,
               sum->files, percent_of(sum->done, sum->size));
    size_put_human(out, sum->done);
    buf_put_str(out, "B  ");
    const struct pace pace = {sum->rate, sum->now_ms, sum->done,
                              sum->size, true,        sum->is_finished};
    put_pace(out, &pace);
    if (width > 1 && out->n - start > (size_t)width - 1)
        buf_truncate(out, start + (size_t)width - 1);
}
