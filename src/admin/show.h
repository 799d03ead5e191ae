/*
 * Figures and names for people: spans of time, moments, rates, and texts from
 * outside in so many columns of a terminal.
 */
#ifndef FERRY_ADMIN_SHOW_H
#define FERRY_ADMIN_SHOW_H

#include "base/buf.h"

/* "12s", "5m03s", "2h15m", "3d04h" */
void show_span(struct buf *out, uint64_t ms);

/* "2026-11-22 21:40:05", in the local time zone. */
void show_moment(struct buf *out, int64_t seconds);

/* "98.4MB/s", "512B/s"; "-" for 0. */
void show_rate(struct buf *out, uint64_t octets_per_second);

/*
 * A text from outside, encoded for a terminal (text_escape), in exactly `columns`
 * columns: filled with blanks or cut with a "~" for its last. Wide characters take
 * two, combining ones none.
 */
void show_cell(struct buf *out, struct bytes text, size_t columns);

/* The same for its end: of a long path the name matters. */
void show_cell_end(struct buf *out, struct bytes text, size_t columns);

/* The same, right-aligned. For figures. */
void show_figure(struct buf *out, struct bytes text, size_t columns);

/* Columns of text that was encoded. */
size_t show_columns(struct bytes encoded);

/* Print what the buffer holds to standard output. False, having said so: it failed. */
bool show_print(const struct buf *out);

#endif
