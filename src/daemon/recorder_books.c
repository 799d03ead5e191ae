/* See recorder_books.h. */
#include "daemon/recorder_books.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"
#include "base/utf8.h"
#include "daemon/audit_record.h"

#define PREAUTH_MARK " [preauth]"

static struct timespec
wall_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now;
}

/* ---- opening ---- */

static void
on_own_line(void *ctx, enum log_level level, const char *text)
{
    struct books *b = ctx;
    const struct log_entry entry = {
        .time = wall_clock(), .level = level, .pid = (uint32_t)getpid(), .text = text};
    if (level <= b->config->level)
        log_target_write(&b->target, &entry);
}

static bool
wants_audit(const struct server_options *o)
{
    return o->audit_log && strcmp(o->audit_log, "none") != 0;
}

static void
tell_audit_tail(struct books *b)
{
    char hash[65];
    if (!b->has_audit || b->audit.tail.seq == 0)
        return;
    audit_hash_text(b->audit.tail.hash, hash);
    log_line(&b->sink, LOG_LEVEL_INFO, "audit log: line %llu has hash %s",
             (unsigned long long)b->audit.tail.seq, hash);
}

static enum err
open_events(struct books *b, uint64_t now_ms, struct fault *why)
{
    const struct server_options *o = b->config->options;
    const struct events_config config = {
        .programs = o->events,
        .user = o->event_user,
        .timeout_s = o->event_timeout_s,
        .state_dir = b->config->state_dir,
        .log = &b->sink,
    };
    if (!events_are_wanted(o->events))
        return ERR_NONE;
    return events_new(&config, now_ms, &b->events, why);
}

enum err
books_open(struct books *b, const struct recorder_config *config, uint64_t now_ms,
           struct fault *why)
{
    const struct server_options *o = config->options;
    *b = (struct books){.config = config, .sync_ms = UINT64_MAX, .audit.fd = -1};
    b->sink = (struct log_sink){.line = on_own_line, .ctx = b};
    enum err err = log_target_open(&b->target, (enum server_log_style)o->log_style,
                                   o->log_target, o->syslog_facility, why);
    if (err == ERR_NONE)
        err = log_limit_new(&b->line_limit);
    if (err == ERR_NONE)
        err = log_limit_new(&b->audit_limit);
    if (err == ERR_NONE && wants_audit(o)) {
        err = audit_open(&b->audit, o->audit_log, why);
        b->has_audit = err == ERR_NONE;
    }
    if (err == ERR_NONE)
        err = open_events(b, now_ms, why);
    tell_audit_tail(b);
    return err == ERR_NONE ? err : fault_set(why, err, 0, "the recorder: out of memory");
}

void
books_close(struct books *b)
{
    if (b->has_audit) {
        audit_sync(&b->audit);
        tell_audit_tail(b);
        audit_close(&b->audit);
    }
    events_free(b->events);
    log_limit_free(b->line_limit);
    log_limit_free(b->audit_limit);
    log_target_close(&b->target);
}

/* ---- lines ---- */

/* Senders encode what comes from outside. One that is owned by an attacker does not. */
static bool
is_encoded(struct bytes text)
{
    while (text.n != 0) {
        uint32_t cp;
        size_t len = utf8_sequence(text, &cp);
        if (len == 0 || utf8_is_unsafe(cp))
            return false;
        text = bytes_skip(text, len);
    }
    return true;
}

static bool
has_suffix(const struct buf *text, const char *suffix)
{
    size_t n = strlen(suffix);
    return text->n >= n && memcmp(text->p + text->n - n, suffix, n) == 0;
}

/* sshd marks the lines of its unprivileged child so too: whoever owns such a process
 * cannot say what the monitor says. */
static void
put_text(struct buf *out, struct bytes text, enum recorder_log from)
{
    if (is_encoded(text))
        buf_put(out, text);
    else
        text_escape(out, text, LOG_TEXT_MAX);
    if (from == RECORDER_LOG_PREAUTH && !has_suffix(out, PREAUTH_MARK))
        buf_put_str(out, PREAUTH_MARK);
}

static bool
is_message(struct bytes message)
{
    struct log_message head;
    if (message.n <= sizeof head || message.n > sizeof head + LOG_TEXT_MAX)
        return false;
    memcpy(&head, message.p, sizeof head);
    return head.level <= LOG_LEVEL_DEBUG && head.is_trace <= 1 &&
           memchr(head.source, 0, sizeof head.source);
}

/* Whoever asks for debugging wants all of it. */
static bool
is_allowed(struct books *b, enum recorder_log from, const struct log_message *head,
           uint64_t now_ms)
{
    if (b->config->level >= LOG_LEVEL_DEBUG ||
        (from == RECORDER_LOG_TRUSTED && !head->source[0]))
        return true;
    return log_limit_allows(b->line_limit, head->source, now_ms);
}

static void
tell_lost(struct books *b, const struct log_message *head, uint32_t pid)
{
    if (head->n_lost != 0)
        log_line(&b->sink, LOG_LEVEL_WARN, "%u lines of process %u were lost",
                 head->n_lost, pid);
}

void
books_take_line(struct books *b, enum recorder_log from, struct bytes message,
                uint32_t pid, uint64_t now_ms)
{
    struct log_message head;
    struct buf text;
    if (!is_message(message)) {
        b->n_invalid++;
        return;
    }
    memcpy(&head, message.p, sizeof head);
    if (from == RECORDER_LOG_TRUSTED && head.pid != 0)
        pid = head.pid;
    if (!is_allowed(b, from, &head, now_ms))
        return;
    buf_init(&text, 8 * LOG_TEXT_MAX);
    put_text(&text, bytes_skip(message, sizeof head), from);
    const struct log_entry entry = {
        .time = wall_clock(),
        .level = (enum log_level)head.level,
        .is_trace = head.is_trace != 0,
        .pid = pid,
        .text = buf_cstr(&text),
    };
    tell_lost(b, &head, pid);
    if (entry.text)
        log_target_write(&b->target, &entry);
    buf_clear(&text);
}

/* ---- records ---- */

static bool
is_text(const char *text, size_t max)
{
    return memchr(text, 0, max) != NULL;
}

/* A path that the system could take. */
static bool
is_path(const uint8_t *path, uint32_t len)
{
    return len <= RECORD_PATH_MAX && (len == 0 || !memchr(path, 0, len));
}

bool
recorder_request_is_valid(const struct recorder_request *request, size_t n)
{
    const struct record *r = &request->record;
    return n == sizeof *request && record_word(r->kind) != NULL &&
           is_text(r->user, sizeof r->user) && is_text(r->address, sizeof r->address) &&
           is_text(r->client, sizeof r->client) && is_text(r->method, sizeof r->method) &&
           is_text(r->key, sizeof r->key) && is_text(r->root, sizeof r->root) &&
           is_text(r->text, sizeof r->text) && r->port <= UINT16_MAX &&
           r->is_virtual <= 1 && r->has_sha256 <= 1 && is_path(r->path, r->path_len) &&
           is_path(r->other, r->other_len);
}

static void
tell_audit_state(struct books *b, enum err err)
{
    bool is_failing = err != ERR_NONE;
    if (is_failing && !b->is_audit_failing)
        log_line(&b->sink, LOG_LEVEL_ERROR,
                 "the audit log cannot be written (%s); logins and transfers go on, the "
                 "lines that are lost are counted",
                 err == ERR_LIMIT ? "somebody holds its lock" : "no room or no disk");
    if (!is_failing && b->is_audit_failing)
        log_line(&b->sink, LOG_LEVEL_WARN, "the audit log is written again");
    b->is_audit_failing = is_failing;
}

static enum err
append(struct books *b, struct buf *line, struct timespec now, uint64_t now_ms)
{
    enum err err = audit_append(&b->audit, line, now);
    tell_audit_state(b, err);
    if (b->audit.is_dirty && b->sync_ms == UINT64_MAX)
        b->sync_ms = now_ms + BOOKS_SYNC_MS;
    return err;
}

/* Failed logins are strangers' doing: a flood of them is told in a number, and neither
 * fills the disk nor the events' queue. */
static bool
is_kept(struct books *b, const struct record *r, uint64_t now_ms)
{
    return r->kind != RECORD_LOGIN_FAILED ||
           log_limit_allows(b->audit_limit, r->address, now_ms);
}

static enum err
audit(struct books *b, const struct record *r, struct timespec now, uint64_t now_ms)
{
    struct buf line;
    if (!b->has_audit || r->kind == RECORD_UPLOAD_INTENT)
        return ERR_NONE;
    buf_init(&line, AUDIT_LINE_MAX);
    json_begin(&line, record_word(r->kind));
    record_put(&line, r, now);
    enum err err = append(b, &line, now, now_ms);
    buf_clear(&line);
    return err;
}

/* The event first: who is told that it failed says so in a record of its own. */
static enum recorder_result
keep(struct books *b, const struct record *r, uint64_t now_ms)
{
    struct timespec now = wall_clock();
    bool must_be_safe = r->kind == RECORD_UPLOAD || r->kind == RECORD_UPLOAD_INTENT;
    if (!is_kept(b, r, now_ms))
        return RECORDER_STORED;
    enum err err = b->events ? events_put(b->events, r, now, now_ms) : ERR_NONE;
    if (err != ERR_NONE && must_be_safe)
        return RECORDER_FAILED;
    return audit(b, r, now, now_ms) == ERR_NONE ? RECORDER_STORED : RECORDER_NOT_AUDITED;
}

bool
books_take_request(struct books *b, const struct recorder_request *request, size_t n,
                   struct recorder_receipt *receipt, uint64_t now_ms)
{
    *receipt = (struct recorder_receipt){.result = RECORDER_FAILED};
    if (!recorder_request_is_valid(request, n)) {
        if (b->n_invalid++ == 0)
            log_line(&b->sink, LOG_LEVEL_ERROR,
                     "a monitor sent a record that no honest one sends");
        if (n != sizeof *request)
            return false;
        receipt->id = request->id;
        return true;
    }
    receipt->id = request->id;
    receipt->result = (uint32_t)keep(b, &request->record, now_ms);
    return true;
}

/* ---- time ---- */

static void
tell_suppressed(struct books *b, uint64_t now_ms)
{
    struct log_limit_report report;
    while (log_limit_next(b->line_limit, now_ms, &report))
        log_line(&b->sink, LOG_LEVEL_WARN, "suppressed %u lines about %s", report.n,
                 report.source);
}

static void
audit_suppressed(struct books *b, uint64_t now_ms)
{
    struct log_limit_report report;
    while (log_limit_next(b->audit_limit, now_ms, &report)) {
        if (!b->has_audit)
            continue;
        struct buf line;
        struct timespec now = wall_clock();
        buf_init(&line, AUDIT_LINE_MAX);
        json_begin(&line, "suppressed");
        buf_put_str(&line, ",\"time\":\"");
        log_put_time(&line, now);
        buf_put_u8(&line, '"');
        json_text(&line, "address", bytes_str(report.source));
        json_number(&line, "lines", report.n);
        (void)!append(b, &line, now, now_ms); /* counted there */
        buf_clear(&line);
    }
}

void
books_tick(struct books *b, uint64_t now_ms)
{
    tell_suppressed(b, now_ms);
    audit_suppressed(b, now_ms);
    if (now_ms >= b->sync_ms) {
        audit_sync(&b->audit);
        b->sync_ms = UINT64_MAX;
    }
    if (b->events)
        events_tick(b->events, now_ms);
}

static uint64_t
least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t
books_deadline(const struct books *b)
{
    uint64_t deadline = least(log_limit_deadline(b->line_limit), b->sync_ms);
    deadline = least(deadline, log_limit_deadline(b->audit_limit));
    return b->events ? least(deadline, events_deadline(b->events)) : deadline;
}

void
books_reopen(struct books *b)
{
    struct fault why = {0};
    if (log_target_reopen(&b->target, &why) != ERR_NONE)
        log_line(&b->sink, LOG_LEVEL_ERROR, "%s; the old file is kept", why.text);
}
