/* ferryd session list, kill: who is connected, and ending that. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "admin/reach.h"
#include "admin/show.h"
#include "base/json.h"
#include "base/log.h"

enum { OUTPUT_MAX = 64 << 20 };

struct session_list {
    const struct admin_call *call;
    struct buf out;
    uint32_t n;
};

static void
put_json(struct buf *out, const struct control_session *s)
{
    json_begin(out, "session");
    json_number(out, "id", s->id);
    json_number(out, "pid", s->pid);
    json_bool(out, "authenticated", s->is_authenticated != 0);
    json_text(out, "account", bytes_str(s->account));
    json_text(out, "address", bytes_str(s->host));
    json_number(out, "port", s->port);
    json_text(out, "client", bytes_str(s->client));
    json_text(out, "method", bytes_str(s->method));
    json_number(out, "since", s->since_s > 0 ? (uint64_t)s->since_s : 0);
    json_number(out, "age_ms", s->age_ms);
    json_number(out, "idle_ms", s->idle_ms);
    json_number(out, "octets_in", s->octets_in);
    json_number(out, "octets_out", s->octets_out);
    json_number(out, "requests", s->n_requests);
    json_number(out, "files", s->n_files);
    json_number(out, "rate_in", s->rate_in);
    json_number(out, "rate_out", s->rate_out);
    json_number(out, "throttle", s->throttle);
    if (s->file_flags != 0) {
        json_text(out, "file", bytes_of(s->path, s->path_len));
        json_number(out, "file_flags", s->file_flags);
        json_number(out, "file_offset", s->file_offset);
        json_number(out, "file_size", s->file_size);
    }
    json_end(out);
}

/* "FROM" is as wide as an IPv6 address needs; the file comes last, whole. */
static void
put_line(struct buf *out, const struct control_session *s)
{
    struct buf cell;
    buf_init(&cell, 1024);
    buf_printf(out, "%-10" PRIu64 " ", s->id);
    show_cell(out, bytes_str(s->is_authenticated ? s->account : "(logging in)"), 16);
    buf_put_u8(out, ' ');
    show_cell(out, bytes_str(s->host), 24);
    buf_put_u8(out, ' ');
    show_cell(out, bytes_str(s->client), 18);
    buf_put_u8(out, ' ');
    show_span(&cell, s->age_ms);
    show_figure(out, buf_bytes(&cell), 8);
    buf_reset(&cell);
    show_span(&cell, s->idle_ms);
    show_figure(out, buf_bytes(&cell), 8);
    buf_reset(&cell);
    show_rate(&cell, s->rate_in);
    show_figure(out, buf_bytes(&cell), 10);
    buf_reset(&cell);
    show_rate(&cell, s->rate_out);
    show_figure(out, buf_bytes(&cell), 10);
    buf_put_u8(out, ' ');
    buf_clear(&cell);
    if (s->file_flags != 0)
        text_escape(out, bytes_of(s->path, s->path_len), 0);
    else
        buf_put_u8(out, '-');
    buf_put_u8(out, '\n');
}

static void
take_session(void *ctx, const struct control_reply *r)
{
    struct session_list *l = ctx;
    if (r->kind != CONTROL_SESSION_RECORD ||
        (l->call->user && strcmp(l->call->user, r->session.account) != 0))
        return;
    l->n++;
    if (l->call->is_json)
        put_json(&l->out, &r->session);
    else
        put_line(&l->out, &r->session);
}

static int
run_list(const struct admin_call *call)
{
    const struct control_request q = {.op = CONTROL_SESSIONS};
    struct session_list l = {.call = call};
    struct control_end end;
    buf_init(&l.out, OUTPUT_MAX);
    if (!call->is_json)
        buf_printf(&l.out, "%-10s %-16s %-24s %-18s %8s%8s%10s%10s %s\n", "ID", "ACCOUNT",
                   "FROM", "CLIENT", "AGE", "IDLE", "IN", "OUT", "FILE");
    int status = reach_once(call, &q, take_session, &l, &end);
    if (status == ADMIN_OK && l.n == 0 && !call->is_json) {
        buf_reset(&l.out);
        buf_put_str(&l.out, "nobody is connected\n");
    }
    if (status == ADMIN_OK && !show_print(&l.out))
        status = ADMIN_FAILED;
    buf_clear(&l.out);
    return status;
}

/* Decimal digits alone; never 0. */
static bool
parse_id(const char *text, uint64_t *id)
{
    char *end;
    errno = 0;
    *id = text[0] >= '0' && text[0] <= '9' ? strtoull(text, &end, 10) : 0;
    return *id != 0 && errno == 0 && *end == 0;
}

static int
run_kill(const struct admin_call *call)
{
    struct control_request q = {.op = CONTROL_KILL};
    struct control_end end;
    if ((call->n_operands == 1) == (call->user != NULL))
        return admin_misused(call, "kill what: either an ID or --user NAME");
    if (call->user && strlen(call->user) >= sizeof q.account)
        return admin_misused(call, "\"%s\": longer than a name can be", call->user);
    if (call->user)
        snprintf(q.account, sizeof q.account, "%s", call->user);
    else if (!parse_id(call->operands[0], &q.id))
        return admin_misused(call, "\"%s\" is no session's ID", call->operands[0]);
    if (call->user && q.account[0] == 0)
        return admin_misused(call, "--user needs NAME");
    int status = reach_once(call, &q, NULL, NULL, &end);
    if (status == ADMIN_OK)
        printf("%u session%s ended\n", end.n, end.n == 1 ? "" : "s");
    return status;
}

static const struct admin_option list_options[] = {
    ADMIN_FLAG_AT("json", is_json, "one object a line"),
    ADMIN_TEXT_AT("user", "NAME", user, "only sessions of this account"),
    {0},
};

static const struct admin_option kill_options[] = {
    ADMIN_TEXT_AT("user", "NAME", user, "all sessions of this account"),
    {0},
};

static const struct admin_verb verbs[] = {
    {"session", "list", "", "every connection and what it does", list_options, 0, 0,
     run_list},
    {"session", "kill", "[ID]", "end one connection, or all of an account", kill_options,
     0, 1, run_kill},
};

int
admin_session(int argc, char **argv, const char *config_path)
{
    return admin_run_verb(verbs, ARRAY_LEN(verbs), argc, argv, config_path);
}
