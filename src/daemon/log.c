/* See log.h. */
#include "daemon/log.h"

#include <poll.h>
#include <stdio.h>
#include <sys/uio.h>
#include <unistd.h>

#include "daemon/log_format.h"

/* What is to be said, before it is known where. */
struct saying {
    enum log_level level;
    bool is_trace;
    uint32_t pid;
    const char *source, *text;
};

/* A pipe that is writable has room for PIPE_BUF octets, more than a line. */
static bool
is_reader_awake(void)
{
    struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
    return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT);
}

static bool
write_line(const struct daemon_log *log, const struct saying *s)
{
    struct log_entry entry = {.level = s->level,
                              .is_trace = s->is_trace,
                              .pid = s->pid,
                              .host = log->host,
                              .text = s->text};
    struct buf line;
    if (!is_reader_awake())
        return false;
    clock_gettime(CLOCK_REALTIME, &entry.time);
    buf_init(&line, LOG_LINE_OCTETS);
    log_put_line(&line, log->style, &entry);
    bool is_said = buf_err(&line) == ERR_NONE && write(STDERR_FILENO, line.p, line.n) > 0;
    buf_clear(&line);
    return is_said;
}

static bool
send_line(const struct daemon_log *log, const struct saying *s)
{
    struct log_message head = {.level = (uint32_t)s->level,
                               .is_trace = s->is_trace,
                               .pid = s->pid,
                               .n_lost = log->n_lost};
    snprintf(head.source, sizeof head.source, "%s", s->source);
    struct iovec parts[2] = {{&head, sizeof head},
                             {(void *)(uintptr_t)s->text, strlen(s->text)}};
    return writev(log->recorder, parts, 2) > 0;
}

/* The recorder is told with the next message; a reader of ours by a line. */
static bool
tell_lost(const struct daemon_log *log)
{
    char text[64];
    const struct saying lost = {
        .level = LOG_LEVEL_WARN, .pid = (uint32_t)getpid(), .source = "", .text = text};
    if (log->n_lost == 0 || log->recorder >= 0)
        return true;
    snprintf(text, sizeof text, "%u lines of the log were lost", log->n_lost);
    return write_line(log, &lost);
}

static void
say(struct daemon_log *log, const struct saying *s)
{
    bool is_said =
        tell_lost(log) && (log->recorder >= 0 ? send_line(log, s) : write_line(log, s));
    log->n_lost = is_said ? 0 : log->n_lost + 1;
}

static void
on_line(void *ctx, enum log_level level, const char *text)
{
    struct daemon_log *log = ctx;
    if (level <= log->level)
        daemon_log_about(log, level, log->source, log->pid, text);
}

static void
on_trace(void *ctx, enum trace_part part, const char *text)
{
    struct daemon_log *log = ctx;
    const struct saying s = {.level = LOG_LEVEL_DEBUG,
                             .is_trace = true,
                             .pid = (uint32_t)getpid(),
                             .source = log->source,
                             .text = text};
    (void)part;
    say(log, &s);
}

void
daemon_log_init(struct daemon_log *log, enum log_level level, const char *trace)
{
    *log = (struct daemon_log){
        .sink = {.line = on_line, .trace = on_trace, .ctx = log},
        .level = level,
        .style = SERVER_LOG_TEXT,
        .recorder = -1,
    };
    if (gethostname(log->host, sizeof log->host - 1) != 0)
        log->host[0] = 0;
    log->sink.trace_mask = trace ? log_trace_mask(trace) : 0;
}

void
daemon_log_to_recorder(struct daemon_log *log, int fd)
{
    log->recorder = fd;
}

void
daemon_log_set_subject(struct daemon_log *log, const char *address, uint32_t pid)
{
    daemon_log_set_source(log, address);
    log->pid = pid;
}

void
daemon_log_set_source(struct daemon_log *log, const char *address)
{
    snprintf(log->source, sizeof log->source, "%s", address);
}

void
daemon_log_about(struct daemon_log *log, enum log_level level, const char *source,
                 uint32_t pid, const char *text)
{
    const struct saying s = {.level = level,
                             .pid = pid ? pid : (uint32_t)getpid(),
                             .source = source,
                             .text = text};
    if (level <= log->level)
        say(log, &s);
}
