/* See report.h. */
#include "cli/report.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "sftp/names.h"

void
report_init(struct report *r, struct console *console, enum report_direction direction,
            uint64_t now_ms)
{
    *r = (struct report){.console = console, .direction = direction, .start_ms = now_ms};
    for (size_t i = 0; i < REPORT_ROWS; i++) {
        buf_init(&r->rows[i].path, SFTP_PATH_MAX * 2);
        buf_init(&r->rows[i].name, SFTP_PATH_MAX * 8);
    }
    progress_rate_start(&r->total_rate, now_ms, 0);
}

void
report_clear(struct report *r)
{
    for (size_t i = 0; i < REPORT_ROWS; i++) {
        buf_clear(&r->rows[i].path);
        buf_clear(&r->rows[i].name);
    }
}

/* ---- rows ---- */

static struct report_row *
row_find(struct report *r, const struct transfer_event *ev)
{
    for (size_t i = 0; i < REPORT_ROWS; i++) {
        struct report_row *row = &r->rows[i];
        if (row->is_used && row->job == ev->job &&
            bytes_eq(buf_bytes(&row->path), ev->path))
            return row;
    }
    return NULL;
}

/* NULL: all are taken; the file then shows in the totals only. */
static struct report_row *
row_take(struct report *r, const struct transfer_event *ev, uint64_t now_ms)
{
    for (size_t i = 0; i < REPORT_ROWS; i++) {
        struct report_row *row = &r->rows[i];
        if (row->is_used)
            continue;
        row->is_used = true;
        row->job = ev->job;
        buf_reset(&row->path);
        buf_put(&row->path, ev->path);
        buf_reset(&row->name);
        text_escape(&row->name, sftp_path_base(ev->path), 0);
        progress_rate_start(&row->rate, now_ms, ev->done);
        return row;
    }
    return NULL;
}

static void
row_update(struct report_row *row, const struct transfer_event *ev, uint64_t now_ms)
{
    if (!row)
        return;
    row->size = ev->size;
    row->done = ev->done;
    progress_rate_update(&row->rate, now_ms, ev->done);
}

/* ---- drawing ---- */

static void
put_row(struct buf *out, const struct report_row *row, uint64_t now_ms, bool is_finished)
{
    const struct progress_line line = {.name = buf_bytes(&row->name),
                                       .done = row->done,
                                       .size = row->size,
                                       .is_size_known = row->size != 0 || is_finished,
                                       .is_finished = is_finished,
                                       .rate = &row->rate,
                                       .now_ms = now_ms};
    progress_put_line(out, &line, console_width());
}

static unsigned
put_rows(struct report *r, struct buf *out, unsigned most, uint64_t now_ms)
{
    unsigned n = 0;
    for (size_t i = 0; i < REPORT_ROWS && n < most; i++) {
        if (!r->rows[i].is_used)
            continue;
        if (n++ != 0)
            buf_put_u8(out, '\n');
        put_row(out, &r->rows[i], now_ms, false);
    }
    return n;
}

static void
put_total(struct report *r, struct buf *out, const struct transfer_totals *t,
          uint64_t now_ms, bool is_finished)
{
    const struct progress_sum sum = {.files = t->files,
                                     .files_done = t->files_done,
                                     .size = t->bytes,
                                     .done = t->bytes_done,
                                     .is_finished = is_finished,
                                     .rate = &r->total_rate,
                                     .now_ms = now_ms};
    progress_put_total(out, &sum, console_width());
}

static void
draw(struct report *r, const struct transfer_totals *t, uint64_t now_ms)
{
    struct buf out;
    buf_init(&out, 65536);
    unsigned lines = put_rows(r, &out, r->is_many ? PROGRESS_ROWS : 1, now_ms);
    if (r->is_many) {
        if (lines++ != 0)
            buf_put_u8(&out, '\n');
        put_total(r, &out, t, now_ms, false);
    }
    if (lines != 0)
        console_draw(r->console, buf_bytes(&out), lines);
    buf_clear(&out);
    r->drawn_ms = now_ms;
}

static bool
has_display(const struct report *r)
{
    return r->direction != REPORT_NO_FILES && console_has_progress(r->console);
}

uint64_t
report_tick(struct report *r, const struct transfer_totals *totals, uint64_t now_ms)
{
    if (!has_display(r))
        return UINT64_MAX;
    r->is_many = r->is_many || totals->files > 1;
    progress_rate_update(&r->total_rate, now_ms, totals->bytes_done);
    if (now_ms - r->drawn_ms >= PROGRESS_REDRAW_MS)
        draw(r, totals, now_ms);
    return r->drawn_ms + PROGRESS_REDRAW_MS;
}

/* A single file's last line stays on the screen. */
static void
settle_row(struct report *r, const struct report_row *row, uint64_t now_ms)
{
    struct buf out;
    buf_init(&out, 16384);
    put_row(&out, row, now_ms, true);
    console_draw(r->console, buf_bytes(&out), 1);
    console_settle(r->console);
    buf_clear(&out);
}

/* ---- JSON ---- */

static void
json_file(struct report *r, const struct transfer_event *ev, const char *type)
{
    struct bytes local = bytes_str(ev->local);
    bool is_upload = r->direction == REPORT_UPLOAD;
    bool is_failure = ev->problem.kind != TRANSFER_OK && ev->problem.text;
    struct buf out;
    if (!r->console->is_json)
        return;
    buf_init(&out, 65536);
    json_begin(&out, type);
    json_text(&out, "src", is_upload ? local : ev->path);
    if (ev->local)
        json_text(&out, "dst", is_upload ? ev->path : local);
    json_number(&out, "size", ev->size);
    json_number(&out, "done", ev->done);
    if (is_failure) {
        json_text(&out, "text", bytes_str(ev->problem.text));
        json_text(&out, "kind",
                  bytes_str(exit_status_name(exit_status_of(ev->problem.kind))));
    }
    json_end(&out);
    console_out(r->console, buf_bytes(&out));
    buf_clear(&out);
}

static void
json_summary(struct report *r, const struct transfer_totals *t, enum exit_status status,
             uint64_t now_ms)
{
    struct buf out;
    if (!r->console->is_json)
        return;
    buf_init(&out, 4096);
    json_begin(&out, "summary");
    json_number(&out, "status", (uint64_t)status);
    json_text(&out, "result", bytes_str(exit_status_name(status)));
    json_number(&out, "files", t->files_done);
    json_number(&out, "failed", t->files_failed + t->dirs_failed);
    json_number(&out, "skipped", t->skipped);
    json_number(&out, "bytes", t->bytes_done);
    json_number(&out, "bytes_moved", t->bytes_moved);
    json_number(&out, "ms", now_ms - r->start_ms);
    json_end(&out);
    console_out(r->console, buf_bytes(&out));
    buf_clear(&out);
}

/* ---- failures ---- */

static void
note_failure(struct report *r, enum transfer_failure kind)
{
    r->n_failed++;
    if (r->first_failure == TRANSFER_OK)
        r->first_failure = kind;
    /* These end everything, however much was done before. */
    if (kind == TRANSFER_LOST || kind == TRANSFER_CANCELLED)
        r->fatal_failure =
            r->fatal_failure == TRANSFER_CANCELLED ? r->fatal_failure : kind;
}

/* Once for the connection, once for an interruption; else each in its own line. */
static void
say_failure(struct report *r, enum transfer_failure kind, const char *text)
{
    if (kind == TRANSFER_CANCELLED)
        return; /* the person knows */
    if (kind == TRANSFER_LOST) {
        if (r->has_said_lost)
            return;
        r->has_said_lost = true;
    }
    if (!text || strcmp(text, r->last_said) == 0)
        return;
    snprintf(r->last_said, sizeof r->last_said, "%s", text);
    bool was_json = r->console->is_json;
    r->console->is_json = false; /* the event itself has been written */
    console_error(r->console, "%s", text);
    r->console->is_json = was_json;
}

void
report_failure(struct report *r, enum transfer_failure kind, const char *text)
{
    note_failure(r, kind);
    say_failure(r, kind, text);
}

/* ---- events ---- */

static bool
is_no_failure(const struct report *r, const struct transfer_event *ev)
{
    return ev->problem.kind == TRANSFER_OK ||
           (r->ignores_missing && ev->problem.kind == TRANSFER_NOT_FOUND);
}

static void
on_file_done(struct report *r, const struct transfer_event *ev, uint64_t now_ms)
{
    struct report_row *row = row_find(r, ev);
    r->n_succeeded++;
    if (row) {
        row->done = row->size = ev->size;
        row->is_used = false;
        if (has_display(r) && !r->is_many)
            settle_row(r, row, now_ms);
    }
    json_file(r, ev, "file");
}

static void
on_file_failed(struct report *r, const struct transfer_event *ev)
{
    struct report_row *row = row_find(r, ev);
    if (row)
        row->is_used = false;
    if (is_no_failure(r, ev))
        return;
    json_file(r, ev, "error");
    note_failure(r, ev->problem.kind);
    say_failure(r, ev->problem.kind, ev->problem.text);
    r->said_job = ev->job;
}

/* A job's own failure, unless one of its files has told it. */
static void
on_job_done(struct report *r, const struct transfer_event *ev)
{
    if (is_no_failure(r, ev)) {
        r->n_succeeded += r->direction == REPORT_NO_FILES;
        return;
    }
    bool is_said =
        r->said_job == ev->job ||
        (ev->totals && ev->totals->files_failed + ev->totals->dirs_failed != 0);
    if (is_said && ev->problem.kind != TRANSFER_CANCELLED)
        return;
    json_file(r, ev, "error");
    note_failure(r, ev->problem.kind);
    say_failure(r, ev->problem.kind, ev->problem.text);
}

static void
on_start(struct report *r, const struct transfer_event *ev, uint64_t now_ms)
{
    row_update(row_take(r, ev, now_ms), ev, now_ms);
    json_file(r, ev, "start");
}

static void
on_progress(struct report *r, const struct transfer_event *ev, uint64_t now_ms)
{
    struct report_row *row = row_find(r, ev);
    row_update(row ? row : row_take(r, ev, now_ms), ev, now_ms);
    json_file(r, ev, "progress");
}

void
report_event(struct report *r, const struct transfer_event *ev,
             const struct transfer_totals *totals, uint64_t now_ms)
{
    if (r->is_silent && ev->type != TRANSFER_EV_FAILED)
        return;
    r->is_many = r->is_many || (totals && totals->files > 1);
    switch (ev->type) {
    case TRANSFER_EV_FILE_START:
        on_start(r, ev, now_ms);
        break;
    case TRANSFER_EV_PROGRESS:
        on_progress(r, ev, now_ms);
        break;
    case TRANSFER_EV_FILE_DONE:
        on_file_done(r, ev, now_ms);
        break;
    case TRANSFER_EV_FILE_FAILED:
        on_file_failed(r, ev);
        break;
    case TRANSFER_EV_WARNING:
        console_warn(r->console, "%s", ev->problem.text ? ev->problem.text : "warning");
        break;
    case TRANSFER_EV_JOB_DONE:
        on_job_done(r, ev);
        break;
    case TRANSFER_EV_FAILED:
        note_failure(r, ev->problem.kind);
        say_failure(r, ev->problem.kind, ev->problem.text);
        break;
    default:
        break;
    }
}

/* ---- the end ---- */

static enum exit_status
status_of(const struct report *r)
{
    if (r->fatal_failure != TRANSFER_OK)
        return exit_status_of(r->fatal_failure);
    if (r->n_failed == 0)
        return EXIT_OK;
    return r->n_succeeded != 0 ? EXIT_SOME_FAILED : exit_status_of(r->first_failure);
}

enum exit_status
report_finish(struct report *r, const struct transfer_totals *totals, uint64_t now_ms)
{
    if (has_display(r) && r->is_many) {
        struct buf out;
        buf_init(&out, 16384);
        progress_rate_update(&r->total_rate, now_ms, totals->bytes_done);
        put_total(r, &out, totals, now_ms, true);
        console_erase(r->console);
        console_draw(r->console, buf_bytes(&out), 1);
        buf_clear(&out);
    }
    console_settle(r->console);
    enum exit_status status = status_of(r);
    json_summary(r, totals, status, now_ms);
    return status;
}
