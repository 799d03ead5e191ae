/* See log_format.h. */
#include "daemon/log_format.h"

#include <strings.h>

#include "base/json.h"

enum { FACILITY_AUTH = 4, SEVERITY_BITS = 3 };

static const struct {
    const char *prefix; /* in a text; sshd has the first two as well */
    const char *word;   /* in JSON */
    int severity;       /* RFC 3164 4.1.1 */
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error: ", "error", 3},
    [LOG_LEVEL_WARN] = {"warning: ", "warning", 4},
    [LOG_LEVEL_INFO] = {"", "info", 6},
    [LOG_LEVEL_VERBOSE] = {"", "verbose", 6},
    [LOG_LEVEL_DEBUG] = {"debug: ", "debug", 7},
};

static const char *
prefix_of(const struct log_entry *e)
{
    return e->is_trace ? "trace: " : levels[e->level].prefix;
}

/* Who speaks: readers of sshd's log look for sshd. */
static const char *
name_of(enum server_log_style style)
{
    return style == SERVER_LOG_OPENSSH ? "sshd" : "ferryd";
}

void
log_put_time(struct buf *out, struct timespec time)
{
    struct tm tm = {0};
    char text[32];
    gmtime_r(&time.tv_sec, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    buf_printf(out, "%s.%03ldZ", text, time.tv_nsec / 1000000);
}

/* "Nov 22 21:15:01": local time without a year and English months, whatever the
 * locale: RFC 3164 4.1.2. */
static void
put_syslog_time(struct buf *out, struct timespec time)
{
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm tm = {0};
    localtime_r(&time.tv_sec, &tm);
    buf_printf(out, "%s %2d %02d:%02d:%02d", months[tm.tm_mon], tm.tm_mday, tm.tm_hour,
               tm.tm_min, tm.tm_sec);
}

static void
put_json_line(struct buf *out, const struct log_entry *e)
{
    struct buf time;
    buf_init(&time, 64);
    log_put_time(&time, e->time);
    json_begin(out, "log");
    json_text(out, "time", buf_bytes(&time));
    json_text(out, "level", bytes_str(e->is_trace ? "trace" : levels[e->level].word));
    json_number(out, "pid", e->pid);
    json_text(out, "text", bytes_str(e->text));
    json_end(out);
    buf_clear(&time);
}

static void
put_text_line(struct buf *out, const struct log_entry *e)
{
    log_put_time(out, e->time);
    buf_printf(out, " ferryd[%u]: %s%s\n", e->pid, prefix_of(e), e->text);
}

static void
put_openssh_line(struct buf *out, const struct log_entry *e)
{
    put_syslog_time(out, e->time);
    buf_printf(out, " %s sshd[%u]: %s%s\n", e->host && e->host[0] ? e->host : "localhost",
               e->pid, prefix_of(e), e->text);
}

void
log_put_line(struct buf *out, enum server_log_style style, const struct log_entry *entry)
{
    switch (style) {
    case SERVER_LOG_JSON:
        put_json_line(out, entry);
        return;
    case SERVER_LOG_OPENSSH:
        put_openssh_line(out, entry);
        return;
    case SERVER_LOG_TEXT:
        break;
    }
    put_text_line(out, entry);
}

/* What stands behind "name[pid]: ": the text, or the object on one line. */
static void
put_message(struct buf *out, enum server_log_style style, const struct log_entry *e)
{
    if (style != SERVER_LOG_JSON) {
        buf_printf(out, "%s%s", prefix_of(e), e->text);
        return;
    }
    put_json_line(out, e);
    if (out->n != 0)
        buf_truncate(out, out->n - 1);
}

void
log_put_syslog(struct buf *out, enum server_log_style style, int facility,
               const struct log_entry *entry)
{
    buf_printf(out, "<%d>", facility << SEVERITY_BITS | levels[entry->level].severity);
    put_syslog_time(out, entry->time);
    buf_printf(out, " %s[%u]: ", name_of(style), entry->pid);
    put_message(out, style, entry);
}

void
log_put_journal(struct buf *out, enum server_log_style style, int facility,
                const struct log_entry *entry)
{
    buf_printf(out,
               "PRIORITY=%d\nSYSLOG_FACILITY=%d\nSYSLOG_IDENTIFIER=%s\nSYSLOG_PID=%u\n"
               "MESSAGE=",
               levels[entry->level].severity, facility, name_of(style), entry->pid);
    put_message(out, style, entry); /* holds no newline: it would begin a field */
    buf_put_u8(out, '\n');
}

int
log_facility(const char *word)
{
    static const struct {
        const char *word;
        int facility; /* RFC 3164 4.1.1 */
    } rows[] = {
        {"DAEMON", 3},  {"USER", 1},    {"AUTH", FACILITY_AUTH}, {"AUTHPRIV", 10},
        {"LOCAL0", 16}, {"LOCAL1", 17}, {"LOCAL2", 18},          {"LOCAL3", 19},
        {"LOCAL4", 20}, {"LOCAL5", 21}, {"LOCAL6", 22},          {"LOCAL7", 23},
    };
    if (!word)
        return FACILITY_AUTH; /* sshd's default */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strcasecmp(word, rows[i].word) == 0)
            return rows[i].facility;
    return -1;
}
