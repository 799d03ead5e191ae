/* ferryd status: one look at the whole daemon. */
#include <inttypes.h>
#include <stdio.h>

#include "admin/reach.h"
#include "admin/show.h"
#include "base/json.h"
#include "base/log.h"
#include "cli/progress.h"

enum { OUTPUT_MAX = 64 * 1024 };

static void
take_status(void *ctx, const struct control_reply *r)
{
    struct control_status *s = ctx;
    if (r->kind == CONTROL_STATUS_RECORD)
        *s = r->status;
}

static void
put_json(struct buf *out, const struct control_status *s)
{
    const struct control_counts *c = &s->counts;
    json_begin(out, "status");
    json_text(out, "version", bytes_str(s->version));
    json_number(out, "pid", s->pid);
    json_number(out, "uptime_ms", s->uptime_ms);
    json_number(out, "started", s->started_s > 0 ? (uint64_t)s->started_s : 0);
    json_number(out, "generation", s->generation);
    json_bool(out, "stopping", s->is_stopping != 0);
    json_text(out, "config", bytes_str(s->config));
    json_text(out, "listening", bytes_str(s->listening));
    json_number(out, "connections", s->n_connections);
    json_number(out, "authenticated", s->n_authenticated);
    json_number(out, "max_connections", s->max_connections);
    json_number(out, "accepted", c->accepted);
    json_number(out, "logins_ok", c->logins_ok);
    json_number(out, "logins_failed", c->logins_failed);
    json_number(out, "refused_full", c->refused_full);
    json_number(out, "refused_startup", c->refused_startup);
    json_number(out, "refused_source", c->refused_source);
    json_number(out, "refused_penalty", c->refused_penalty);
    json_number(out, "refused_ban", c->refused_ban);
    json_number(out, "penalised", s->n_penalised);
    json_number(out, "noted", s->n_noted);
    json_number(out, "bans", s->n_bans);
    json_number(out, "crashes", c->crashes);
    json_number(out, "octets_in", s->octets_in);
    json_number(out, "octets_out", s->octets_out);
    json_text(out, "walls", bytes_str(s->walls));
    json_end(out);
}

static void
put_octets(struct buf *out, const char *before, uint64_t octets)
{
    buf_put_str(out, before);
    size_put_human(out, octets);
    buf_put_u8(out, 'B');
}

static void
put_refused(struct buf *out, const struct control_counts *c)
{
    buf_printf(out,
               "refused      %" PRIu64 " banned, %" PRIu64 " penalised, %" PRIu64
               " too many of a source, %" PRIu64 " too many logging in, %" PRIu64
               " no place\n",
               c->refused_ban, c->refused_penalty, c->refused_source, c->refused_startup,
               c->refused_full);
}

/* The daemon's lines, each under the first. */
static void
put_walls(struct buf *out, struct bytes walls)
{
    const char *label = "walls        ";
    while (walls.n != 0) {
        const uint8_t *end = memchr(walls.p, '\n', walls.n);
        struct bytes line = bytes_first(walls, end ? (size_t)(end - walls.p) : walls.n);
        buf_put_str(out, label);
        text_escape(out, line, 0);
        buf_put_u8(out, '\n');
        walls = bytes_skip(walls, line.n + 1);
        label = "             ";
    }
}

static void
put_text(struct buf *out, const struct control_status *s)
{
    buf_put_str(out, "version      ");
    text_escape(out, bytes_str(s->version), 0);
    buf_printf(out, ", process %u%s\nup           ", s->pid,
               s->is_stopping ? ", stopping" : "");
    show_span(out, s->uptime_ms);
    buf_put_str(out, ", since ");
    show_moment(out, s->started_s);
    buf_put_str(out, "\nconfig       ");
    text_escape(out, bytes_str(s->config[0] ? s->config : "none"), 0);
    buf_printf(out, ", generation %u of ", s->generation);
    show_moment(out, s->reloaded_s);
    buf_put_str(out, "\nlistening    ");
    text_escape(out, bytes_str(s->listening), 0);
    buf_printf(out, "\nconnections  %u of %u, %u logged in\n", s->n_connections,
               s->max_connections, s->n_authenticated);
    buf_printf(out,
               "logins       %" PRIu64 " ok, %" PRIu64 " failed, of %" PRIu64
               " connections accepted\n",
               s->counts.logins_ok, s->counts.logins_failed, s->counts.accepted);
    put_refused(out, &s->counts);
    buf_printf(out,
               "sources      %" PRIu64 " penalised, %" PRIu64 " noted, %" PRIu64
               " banned\n",
               s->n_penalised, s->n_noted, s->n_bans);
    put_octets(out, "transferred  ", s->octets_in);
    put_octets(out, " in, ", s->octets_out);
    buf_printf(out, " out\ncrashes      %" PRIu64 "\n", s->counts.crashes);
    put_walls(out, bytes_str(s->walls));
}

static int
run_status(const struct admin_call *call)
{
    const struct control_request q = {.op = CONTROL_STATUS};
    struct control_status s = {0};
    struct control_end end;
    struct buf out;
    int status = reach_once(call, &q, take_status, &s, &end);
    if (status != ADMIN_OK)
        return status;
    buf_init(&out, OUTPUT_MAX);
    if (call->is_json)
        put_json(&out, &s);
    else
        put_text(&out, &s);
    if (!show_print(&out))
        status = ADMIN_FAILED;
    buf_clear(&out);
    return status;
}

static const struct admin_option options[] = {
    ADMIN_FLAG_AT("json", is_json, "one object"),
    {0},
};

static const struct admin_verb verb = {"status", NULL, "", "how the daemon is",
                                       options,  0,    0,  run_status};

int
admin_status(int argc, char **argv, const char *config_path)
{
    return admin_run_verb(&verb, 1, argc, argv, config_path);
}
