/*
 * Progress on a terminal: the numbers, the smoothing and the lines, without
 * the terminal itself. One file: OpenSSH's line. Several: a few file lines and
 * a line of totals below them.
 */
#ifndef FERRY_CLI_PROGRESS_H
#define FERRY_CLI_PROGRESS_H

#include "base/buf.h"

enum {
    PROGRESS_ROWS = 3, /* file lines above the totals */
    PROGRESS_REDRAW_MS = 200,
    PROGRESS_STALL_MS = 5000, /* without an octet: "- stalled -" */
};

/* How fast something grows; smoothed over some seconds. */
struct progress_rate {
    uint64_t start_ms, start_done; /* a resume's first octets were not moved now */
    uint64_t last_ms, last_done;
    uint64_t moved_ms;        /* when it last grew */
    double octets_per_second; /* smoothed */
};

void progress_rate_start(struct progress_rate *r, uint64_t now_ms, uint64_t done);
void progress_rate_update(struct progress_rate *r, uint64_t now_ms, uint64_t done);

/* What a line shows. */
struct progress_line {
    struct bytes name; /* encoded for the terminal already */
    uint64_t done, size;
    bool is_size_known;
    bool is_finished; /* the average and the time taken instead of rate and ETA */
    const struct progress_rate *rate;
    uint64_t now_ms;
};

/* Append one line, at most `width` columns, without a line end. */
void progress_put_line(struct buf *out, const struct progress_line *line, int width);

struct progress_sum {
    uint64_t files, files_done;
    uint64_t size, done;
    bool is_finished;
    const struct progress_rate *rate;
    uint64_t now_ms;
};

/* Append "total  37/120 files  42%  1.7GB  98.4MB/s  00:23 ETA". */
void progress_put_total(struct buf *out, const struct progress_sum *sum, int width);

/* "1711MB": at most four digits and a unit, 6 characters. */
void size_put_short(struct buf *out, uint64_t octets);

/* "1.7G", "512": for people, as `ls -h` shows it. */
void size_put_human(struct buf *out, uint64_t octets);

#endif
