/* See log.h. */
#include "daemon/log.h"

#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_OCTETS = 1280 }; /* a text of 1 KiB with what goes in front of it */

static const char *const level_words[] = {
    [LOG_LEVEL_ERROR] = "error: ", [LOG_LEVEL_WARN] = "warning: ", [LOG_LEVEL_INFO] = "",
    [LOG_LEVEL_VERBOSE] = "",      [LOG_LEVEL_DEBUG] = "debug: ",
};

/* RFC 3339, UTC: needs no time zone file inside the sandbox. */
static void
put_time(char out[32])
{
    struct timespec now;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    size_t n = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + n, 32 - n, ".%03ldZ", now.tv_nsec / 1000000);
}

/* A pipe that is writable has room for PIPE_BUF octets, more than a line. */
static bool
is_reader_awake(void)
{
    struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
    return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT);
}

static void
write_line(struct daemon_log *log, const char *word, const char *text)
{
    char when[32], line[LINE_MAX_OCTETS], lost[48] = "";
    if (!is_reader_awake()) {
        log->n_lost++;
        return;
    }
    if (log->n_lost != 0)
        snprintf(lost, sizeof lost, "(%u lines lost before) ", log->n_lost);
    put_time(when);
    int n = snprintf(line, sizeof line, "%s ferryd[%ld]: %s%s%s", when, (long)getpid(),
                     lost, word, text);
    if (n < 0)
        return;
    size_t len = (size_t)n < sizeof line - 1 ? (size_t)n : sizeof line - 2;
    line[len++] = '\n';
    if (write(STDERR_FILENO, line, len) > 0)
        log->n_lost = 0;
    else
        log->n_lost++;
}

static void
on_line(void *ctx, enum log_level level, const char *text)
{
    struct daemon_log *log = ctx;
    if (level <= log->level)
        write_line(log, level_words[level], text);
}

static void
on_trace(void *ctx, enum trace_part part, const char *text)
{
    (void)part;
    write_line(ctx, "trace: ", text);
}

void
daemon_log_init(struct daemon_log *log, enum log_level level, const char *trace)
{
    *log = (struct daemon_log){
        .sink = {.line = on_line, .trace = on_trace, .ctx = log},
        .level = level,
    };
    log->sink.trace_mask = trace ? log_trace_mask(trace) : 0;
}
