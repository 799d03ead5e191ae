/*
 * What a transfer's events become for people and programs: progress lines,
 * error lines, JSON, and in the end one exit status.
 */
#ifndef FERRY_CLI_REPORT_H
#define FERRY_CLI_REPORT_H

#include "cli/console.h"
#include "cli/progress.h"
#include "transfer/session.h"

enum report_direction { REPORT_NO_FILES, REPORT_DOWNLOAD, REPORT_UPLOAD };

enum { REPORT_ROWS = 8 }; /* running files kept for the display */

struct report_row {
    bool is_used;
    uint32_t job;
    struct buf path; /* remote, raw: with job, what tells the rows apart */
    struct buf name; /* shown: the last component, encoded */
    uint64_t size, done;
    struct progress_rate rate;
};

struct report {
    struct console *console;
    enum report_direction direction;
    bool is_many;         /* several files, or a tree: totals are shown */
    bool ignores_missing; /* rm -f: what is not there is no failure */
    bool is_silent;       /* a question of ours: its failure is not the user's */
    struct report_row rows[REPORT_ROWS];
    struct progress_rate total_rate;
    uint64_t start_ms, drawn_ms;
    struct transfer_totals last_totals; /* as the latest event told */
    /* towards the exit status */
    uint64_t n_succeeded, n_failed;
    enum transfer_failure first_failure, fatal_failure;
    uint32_t said_job; /* the latest job whose failure was said */
    bool has_said_lost;
    char last_said[512]; /* one cause that fails many files is said once */
};

/* console is borrowed. now_ms: monotonic. */
void report_init(struct report *r, struct console *console,
                 enum report_direction direction, uint64_t now_ms);
void report_clear(struct report *r);

/* totals: of all jobs (transfer_totals). */
void report_event(struct report *r, const struct transfer_event *ev,
                  const struct transfer_totals *totals, uint64_t now_ms);

/* Draw the progress if it is due. When the next drawing is due, in ms; UINT64_MAX:
 * there is none. */
uint64_t
report_tick(struct report *r, const struct transfer_totals *totals, uint64_t now_ms);

/* A failure that came from no event (a listing too long, ...). */
void report_failure(struct report *r, enum transfer_failure kind, const char *text);

/* The last lines, and the status of the whole. */
enum exit_status
report_finish(struct report *r, const struct transfer_totals *totals, uint64_t now_ms);

#endif
