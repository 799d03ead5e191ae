/* See top_view.h. */
#include "admin/top_view.h"

#include <inttypes.h>
#include <stdlib.h>

#include "admin/show.h"
#include "base/log.h"
#include "cli/progress.h"
#include "vfs/vfs.h"

enum {
    FIRST_ROOM = 64,
    LINES_AROUND = 4, /* two of figures, the columns' names, the last line */
    /* Columns: those that don't grow with the terminal. */
    ARROW_WIDTH = 3,
    RATE_WIDTH = 9,
    PERCENT_WIDTH = 5,
    TOTAL_WIDTH = 7,
    ACCOUNT_WIDTH = 12,
};

static const char *const order_names[TOP_ORDERS] = {
    [TOP_BY_RATE] = "rate", [TOP_BY_TOTAL] = "total", [TOP_BY_ACCOUNT] = "account",
    [TOP_BY_FROM] = "from", [TOP_BY_AGE] = "age",
};

/* ---- rows ---- */

void
top_view_clear(struct top_view *v)
{
    free(v->rows);
    v->rows = NULL;
    v->n = v->room = 0;
}

void
top_view_begin(struct top_view *v)
{
    v->n = 0;
}

/* Without memory for it a row is not shown: the next second may have it. */
void
top_view_add(struct top_view *v, const struct control_session *s)
{
    if (v->n == v->room) {
        size_t room = v->room != 0 ? v->room * 2 : FIRST_ROOM;
        struct control_session *bigger = reallocarray(v->rows, room, sizeof *bigger);
        if (!bigger)
            return;
        v->rows = bigger;
        v->room = room;
    }
    v->rows[v->n++] = *s;
}

static uint64_t
rate_of(const struct control_session *s)
{
    return s->rate_in > UINT64_MAX - s->rate_out ? UINT64_MAX : s->rate_in + s->rate_out;
}

static uint64_t
total_of(const struct control_session *s)
{
    return s->octets_in > UINT64_MAX - s->octets_out ? UINT64_MAX
                                                     : s->octets_in + s->octets_out;
}

/* Below 0: x comes first. Larger figures do. */
static int
compare_figures(uint64_t x, uint64_t y)
{
    return x > y ? -1 : x < y;
}

static int
compare(const struct control_session *x, const struct control_session *y,
        enum top_order order)
{
    switch (order) {
    case TOP_BY_RATE:
        return compare_figures(rate_of(x), rate_of(y));
    case TOP_BY_TOTAL:
        return compare_figures(total_of(x), total_of(y));
    case TOP_BY_ACCOUNT:
        return strcmp(x->account, y->account);
    case TOP_BY_FROM:
        return strcmp(x->host, y->host);
    default:
        return compare_figures(x->age_ms, y->age_ms);
    }
}

/* Equal ones stay in the order of their ids, so that rows don't dance. */
static int
compare_rows(const void *a, const void *b, void *order)
{
    const struct control_session *x = a, *y = b;
    int by_order = compare(x, y, *(const enum top_order *)order);
    return by_order != 0 ? by_order : x->id < y->id ? -1 : x->id > y->id;
}

static size_t
lines_for_rows(const struct top_view *v)
{
    return (size_t)(v->height - LINES_AROUND);
}

static void
scroll_to_selected(struct top_view *v)
{
    size_t lines = lines_for_rows(v);
    if (v->selected < v->first)
        v->first = v->selected;
    if (v->selected >= v->first + lines)
        v->first = v->selected + 1 - lines;
    if (v->first + lines > v->n)
        v->first = v->n > lines ? v->n - lines : 0;
}

/* By its id; when it has gone, whoever is at its place now. */
static void
find_selected(struct top_view *v)
{
    size_t i = 0;
    while (i < v->n && v->rows[i].id != v->selected_id)
        i++;
    if (i < v->n)
        v->selected = i;
    else if (v->selected >= v->n)
        v->selected = v->n != 0 ? v->n - 1 : 0;
    v->selected_id = v->n != 0 ? v->rows[v->selected].id : 0;
    scroll_to_selected(v);
}

void
top_view_settle(struct top_view *v)
{
    if (v->n != 0)
        qsort_r(v->rows, v->n, sizeof *v->rows, compare_rows, &v->order);
    find_selected(v);
}

static int
clamp(int x, int least, int most)
{
    return x < least ? least : x > most ? most : x;
}

void
top_view_resize(struct top_view *v, int width, int height)
{
    v->width = clamp(width, TOP_WIDTH_MIN, TOP_SIZE_MAX);
    v->height = clamp(height, TOP_HEIGHT_MIN, TOP_SIZE_MAX);
    scroll_to_selected(v);
}

void
top_view_next_order(struct top_view *v)
{
    v->order = (enum top_order)((v->order + 1) % TOP_ORDERS);
    top_view_settle(v);
}

void
top_view_move(struct top_view *v, int rows)
{
    int64_t last = v->n != 0 ? (int64_t)v->n - 1 : 0;
    int64_t to = (int64_t)v->selected + rows;
    v->selected = (size_t)(to < 0 ? 0 : to > last ? last : to);
    v->selected_id = v->n != 0 ? v->rows[v->selected].id : 0;
    scroll_to_selected(v);
}

const struct control_session *
top_view_selected(const struct top_view *v)
{
    return v->n != 0 ? &v->rows[v->selected] : NULL;
}

/* ---- one row ---- */

struct columns {
    size_t from, client, file;
};

/* What is left of the width goes to the file first, then a little to the others. */
static struct columns
columns_for(int width)
{
    enum {
        FIXED = ACCOUNT_WIDTH + 1 + ARROW_WIDTH + RATE_WIDTH + PERCENT_WIDTH + TOTAL_WIDTH
    };
    size_t left = width > FIXED + 4 ? (size_t)(width - FIXED - 4) : 0;
    struct columns c = {.from = left < 60 ? left / 3 : 20, .client = left / 5};
    c.client = c.client < 24 ? c.client : 24;
    c.from = left >= 100 ? 26 : c.from;
    c.file = left - c.from - c.client;
    return c;
}

static const char *
direction_of(const struct control_session *s)
{
    bool reads = s->file_flags & VFS_READ, writes = s->file_flags & VFS_WRITE;
    return reads && writes ? "rw" : writes ? "up" : reads ? "dn" : "";
}

static void
put_percent(struct buf *out, const struct control_session *s)
{
    if (s->file_flags == 0 || s->file_size == 0)
        return;
    double share = (double)s->file_offset * 100 / (double)s->file_size;
    buf_printf(out, "%u%%", share > 100 ? 100 : (unsigned)share);
}

static void
put_what(struct buf *out, const struct control_session *s, size_t columns)
{
    struct buf text;
    if (s->file_flags != 0) {
        show_cell_end(out, bytes_of(s->path, s->path_len), columns);
        return;
    }
    buf_init(&text, 64);
    buf_put_str(&text, s->is_authenticated ? "idle " : "logging in ");
    show_span(&text, s->is_authenticated ? s->idle_ms : s->age_ms);
    show_cell(out, buf_bytes(&text), columns);
    buf_clear(&text);
}

static void
put_figures(struct buf *out, const struct control_session *s)
{
    struct buf cell;
    buf_init(&cell, 64);
    show_cell(out, bytes_str(direction_of(s)), ARROW_WIDTH - 1);
    if (rate_of(s) != 0)
        show_rate(&cell, rate_of(s));
    show_figure(out, buf_bytes(&cell), RATE_WIDTH);
    buf_reset(&cell);
    put_percent(&cell, s);
    show_figure(out, buf_bytes(&cell), PERCENT_WIDTH);
    buf_reset(&cell);
    size_put_human(&cell, total_of(s));
    show_figure(out, buf_bytes(&cell), TOTAL_WIDTH);
    buf_clear(&cell);
}

static void
put_row(struct buf *out, const struct control_session *s, int width)
{
    struct columns c = columns_for(width);
    show_cell(out, bytes_str(s->is_authenticated ? s->account : "-"), ACCOUNT_WIDTH);
    buf_put_u8(out, ' ');
    show_cell(out, bytes_str(s->host), c.from);
    buf_put_u8(out, ' ');
    show_cell(out, bytes_str(s->client), c.client);
    buf_put_u8(out, ' ');
    put_what(out, s, c.file);
    buf_put_u8(out, ' ');
    put_figures(out, s);
    if (s->throttle != 0)
        buf_put_u8(out, '*');
}

static void
put_names(struct buf *out, int width)
{
    struct columns c = columns_for(width);
    show_cell(out, BYTES_LIT("ACCOUNT"), ACCOUNT_WIDTH + 1);
    show_cell(out, BYTES_LIT("FROM"), c.from + 1);
    show_cell(out, BYTES_LIT("CLIENT"), c.client + 1);
    show_cell(out, BYTES_LIT("FILE"), c.file + 1);
    show_cell(out, BYTES_LIT(""), ARROW_WIDTH - 1);
    show_figure(out, BYTES_LIT("RATE"), RATE_WIDTH);
    show_figure(out, BYTES_LIT("%"), PERCENT_WIDTH);
    show_figure(out, BYTES_LIT("TOTAL"), TOTAL_WIDTH);
}

/* ---- the screen ---- */

static void
put_summary(struct buf *out, const struct top_view *v)
{
    const struct control_status *s = &v->status;
    uint64_t in = 0, out_rate = 0;
    for (size_t i = 0; i < v->n; i++) {
        in += v->rows[i].rate_in;
        out_rate += v->rows[i].rate_out;
    }
    buf_put_str(out, "ferryd ");
    text_escape(out, bytes_str(s->version), 20);
    buf_put_str(out, "  up ");
    show_span(out, s->uptime_ms);
    buf_printf(out, "  %u of %u connections, %u logged in  in ", s->n_connections,
               s->max_connections, s->n_authenticated);
    show_rate(out, in);
    buf_put_str(out, "  out ");
    show_rate(out, out_rate);
}

static void
put_logins(struct buf *out, const struct top_view *v)
{
    const struct control_counts *c = &v->status.counts;
    buf_printf(out,
               "logins %" PRIu64 " ok %" PRIu64 " failed  refused %" PRIu64
               "  penalised %" PRIu64 "  bans %" PRIu64 "  by %s%s",
               c->logins_ok, c->logins_failed,
               c->refused_ban + c->refused_penalty + c->refused_source +
                   c->refused_startup + c->refused_full,
               v->status.n_penalised, v->status.n_bans, order_names[v->order],
               v->status.is_stopping ? "  STOPPING" : "");
}

/* One line of the screen in a rendition (SGR), to its end and no further. */
static void
put_line(struct buf *out, const struct buf *text, int width, const char *rendition)
{
    buf_printf(out, "\x1b[%sm", rendition);
    show_cell(out, buf_bytes(text), (size_t)width);
    buf_put_str(out, "\x1b[0m\x1b[K");
}

static void
draw_rows(const struct top_view *v, struct buf *line, struct buf *out)
{
    for (size_t i = 0; i < lines_for_rows(v); i++) {
        size_t row = v->first + i;
        buf_reset(line);
        if (row < v->n)
            put_row(line, &v->rows[row], v->width);
        put_line(out, line, v->width, row < v->n && row == v->selected ? "7" : "0");
        buf_put_str(out, "\r\n");
    }
}

static const char keys[] = "arrows select  s sort  t throttle  k kill  q quit";

void
top_view_draw(const struct top_view *v, struct buf *out)
{
    struct buf line;
    buf_init(&line, 64 * 1024);
    buf_put_str(out, "\x1b[H");
    put_summary(&line, v);
    put_line(out, &line, v->width, "1");
    buf_put_str(out, "\r\n");
    buf_reset(&line);
    put_logins(&line, v);
    put_line(out, &line, v->width, "0");
    buf_put_str(out, "\r\n");
    buf_reset(&line);
    put_names(&line, v->width);
    put_line(out, &line, v->width, "4");
    buf_put_str(out, "\r\n");
    draw_rows(v, &line, out);
    buf_reset(&line);
    buf_put_str(&line, v->note[0] ? v->note : keys);
    put_line(out, &line, v->width, v->note[0] ? "1" : "2");
    buf_clear(&line);
}

void
top_view_list(const struct top_view *v, struct buf *out)
{
    put_summary(out, v);
    buf_put_u8(out, '\n');
    put_logins(out, v);
    buf_put_str(out, "\n");
    put_names(out, v->width);
    buf_put_u8(out, '\n');
    for (size_t i = 0; i < v->n; i++) {
        put_row(out, &v->rows[i], v->width);
        buf_put_u8(out, '\n');
    }
}
