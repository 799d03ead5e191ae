/*
 * What `ferryd top` shows, without the terminal itself: rows, their order, the
 * one that is selected, and the screen as text. Everything that a peer chose
 * is encoded and cut to its column.
 */
#ifndef FERRY_ADMIN_TOP_VIEW_H
#define FERRY_ADMIN_TOP_VIEW_H

#include "base/buf.h"
#include "daemon/control.h"

enum top_order {
    TOP_BY_RATE,
    TOP_BY_TOTAL,
    TOP_BY_ACCOUNT,
    TOP_BY_FROM,
    TOP_BY_AGE,
    TOP_ORDERS
};

enum {
    TOP_WIDTH_MIN = 40, /* columns and lines; smaller terminals see a part */
    TOP_HEIGHT_MIN = 6,
    TOP_SIZE_MAX = 1000,
    TOP_NOTE_MAX = 256,
};

struct top_view {
    struct control_session *rows; /* owned */
    size_t n, room;
    struct control_status status;
    enum top_order order;
    uint64_t selected_id;   /* 0: nobody */
    size_t selected, first; /* rows: the selected one's, and the first one shown */
    int width, height;
    char note[TOP_NOTE_MAX]; /* the last line; "" shows the keys */
};

void top_view_clear(struct top_view *v);

/* New rows: begin, add each, then settle: sorts, and finds the selected one again. */
void top_view_begin(struct top_view *v);
void top_view_add(struct top_view *v, const struct control_session *s);
void top_view_settle(struct top_view *v);

/* Terminal's size; clamped. */
void top_view_resize(struct top_view *v, int width, int height);

void top_view_next_order(struct top_view *v);
void top_view_move(struct top_view *v, int rows);

/* The selected one; NULL: nobody is connected. */
const struct control_session *top_view_selected(const struct top_view *v);

/* The whole screen, for the cursor at its top left, each line to its end. */
void top_view_draw(const struct top_view *v, struct buf *out);

/* Every row as plain lines, for files and pipes. */
void top_view_list(const struct top_view *v, struct buf *out);

#endif
