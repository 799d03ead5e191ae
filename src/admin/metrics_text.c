/* See metrics_text.h. */
#include "admin/metrics_text.h"

#include <inttypes.h>

enum metric_type { COUNTER, GAUGE };

/* One line with a figure; consecutive rows of one name are one metric. */
struct metric {
    const char *name;
    enum metric_type type;
    const char *help;  /* in the first row of a name */
    const char *label; /* "result=\"ok\""; NULL: none */
    size_t offset;     /* in struct control_status */
    size_t width;      /* octets of the member */
};

#define ROW(name, type, help, label, member)                              \
    {                                                                     \
        name, type, help, label, offsetof(struct control_status, member), \
            sizeof(((struct control_status *)0)->member)                  \
    }
#define PENALTY(kind, word)                                                          \
    ROW("ferry_misdeeds_total", COUNTER, "Misdeeds of sources that cost a penalty.", \
        "kind=\"" word "\"", counts.penalties[kind])

static const struct metric metrics[] = {
    ROW("ferry_start_time_seconds", GAUGE, "When the daemon was started, unix time.",
        NULL, started_s),
    ROW("ferry_config_generation", GAUGE, "Configurations read since the start.", NULL,
        generation),
    ROW("ferry_config_load_time_seconds", GAUGE,
        "When the configuration was read, unix time.", NULL, reloaded_s),
    ROW("ferry_connections", GAUGE, "Open connections.", NULL, n_connections),
    ROW("ferry_connections_authenticated", GAUGE, "Open connections that logged in.",
        NULL, n_authenticated),
    ROW("ferry_connections_limit", GAUGE, "Connections that may be open.", NULL,
        max_connections),
    ROW("ferry_connections_accepted_total", COUNTER, "Connections that were let in.",
        NULL, counts.accepted),
    ROW("ferry_connections_refused_total", COUNTER,
        "Connections that were refused before a login.", "reason=\"ban\"",
        counts.refused_ban),
    ROW("ferry_connections_refused_total", COUNTER, NULL, "reason=\"penalty\"",
        counts.refused_penalty),
    ROW("ferry_connections_refused_total", COUNTER, NULL, "reason=\"source\"",
        counts.refused_source),
    ROW("ferry_connections_refused_total", COUNTER, NULL, "reason=\"startups\"",
        counts.refused_startup),
    ROW("ferry_connections_refused_total", COUNTER, NULL, "reason=\"full\"",
        counts.refused_full),
    ROW("ferry_logins_total", COUNTER, "Logins.", "result=\"ok\"", counts.logins_ok),
    ROW("ferry_logins_total", COUNTER, NULL, "result=\"failed\"", counts.logins_failed),
    PENALTY(PENALTY_CRASH, "crash"),
    PENALTY(PENALTY_AUTHFAIL, "authfail"),
    PENALTY(PENALTY_BADUSER, "baduser"),
    PENALTY(PENALTY_NOAUTH, "noauth"),
    PENALTY(PENALTY_GRACE, "grace"),
    ROW("ferry_sources_penalised", GAUGE, "Sources refused because of penalties.", NULL,
        n_penalised),
    ROW("ferry_sources_noted", GAUGE, "Sources with any penalty.", NULL, n_noted),
    ROW("ferry_bans", GAUGE, "Bans by the administrator.", NULL, n_bans),
    ROW("ferry_file_bytes_total", COUNTER, "Octets of files transferred.",
        "direction=\"in\"", octets_in),
    ROW("ferry_file_bytes_total", COUNTER, NULL, "direction=\"out\"", octets_out),
    ROW("ferry_files_total", COUNTER, "Files closed, of connections that have ended.",
        NULL, counts.files),
    ROW("ferry_process_crashes_total", COUNTER,
        "Connection processes ended by a signal that was not the daemon's.", NULL,
        counts.crashes),
};

static uint64_t
value_of(const struct metric *m, const struct control_status *s)
{
    const uint8_t *at = (const uint8_t *)s + m->offset;
    uint64_t wide = 0;
    uint32_t narrow = 0;
    if (m->width == sizeof narrow) {
        memcpy(&narrow, at, sizeof narrow);
        return narrow;
    }
    memcpy(&wide, at, sizeof wide);
    return wide;
}

static void
put_head(struct buf *out, const char *name, enum metric_type type, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
               type == COUNTER ? "counter" : "gauge");
}

/* In a label's value only these three have to be escaped; the rest is printable. */
static void
put_label_value(struct buf *out, const char *text)
{
    for (; *text; text++)
        if (*text == '\\' || *text == '"')
            buf_printf(out, "\\%c", *text);
        else if ((uint8_t)*text >= 0x20 && (uint8_t)*text < 0x7f)
            buf_put_u8(out, (uint8_t)*text);
        else
            buf_put_u8(out, '?');
}

void
metrics_put(struct buf *out, const struct control_status *s)
{
    put_head(out, "ferry_build_info", GAUGE, "1, with the daemon's version.");
    buf_put_str(out, "ferry_build_info{version=\"");
    put_label_value(out, s->version);
    buf_put_str(out, "\"} 1\n");
    const char *name = "";
    for (size_t i = 0; i < ARRAY_LEN(metrics); i++) {
        const struct metric *m = &metrics[i];
        if (strcmp(m->name, name) != 0)
            put_head(out, m->name, m->type, m->help);
        name = m->name;
        buf_put_str(out, name);
        if (m->label)
            buf_printf(out, "{%s}", m->label);
        buf_printf(out, " %" PRIu64 "\n", value_of(m, s));
    }
}
