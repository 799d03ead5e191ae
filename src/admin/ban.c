/* ferryd ban list, add, del: addresses that may not connect. */
#include <stdio.h>

#include "admin/reach.h"
#include "admin/show.h"
#include "base/json.h"
#include "base/log.h"
#include "config/value.h"

enum { OUTPUT_MAX = 64 << 20 };

struct ban_list {
    const struct admin_call *call;
    struct buf out;
    uint32_t n;
};

static const char *
kind_of(const struct control_ban *b)
{
    if (b->kind == CONTROL_BAN_ADMIN)
        return "ban";
    return b->is_refused ? "penalty" : "noted";
}

static void
put_json(struct buf *out, const struct control_ban *b)
{
    json_begin(out, "ban");
    json_text(out, "address", bytes_str(b->block));
    json_text(out, "kind", bytes_str(kind_of(b)));
    json_bool(out, "refused", b->is_refused != 0);
    if (b->since_s > 0)
        json_number(out, "since", (uint64_t)b->since_s);
    if (b->until_s != BAN_FOREVER && b->until_s > 0)
        json_number(out, "until", (uint64_t)b->until_s);
    json_text(out, "reason", bytes_str(b->reason));
    json_end(out);
}

static void
put_line(struct buf *out, const struct control_ban *b)
{
    struct buf until;
    buf_init(&until, 64);
    show_cell(out, bytes_str(b->block), 40);
    buf_printf(out, " %-7s ", kind_of(b));
    if (b->until_s == BAN_FOREVER)
        buf_put_str(&until, "for ever");
    else
        show_moment(&until, b->until_s);
    show_cell(out, buf_bytes(&until), 19);
    buf_put_u8(out, ' ');
    text_escape(out, bytes_str(b->reason), 0);
    buf_put_u8(out, '\n');
    buf_clear(&until);
}

static void
take_ban(void *ctx, const struct control_reply *r)
{
    struct ban_list *l = ctx;
    if (r->kind != CONTROL_BAN_RECORD)
        return;
    l->n++;
    if (l->call->is_json)
        put_json(&l->out, &r->ban);
    else
        put_line(&l->out, &r->ban);
}

static int
run_list(const struct admin_call *call)
{
    const struct control_request q = {.op = CONTROL_BANS};
    struct ban_list l = {.call = call};
    struct control_end end;
    buf_init(&l.out, OUTPUT_MAX);
    if (!call->is_json)
        buf_printf(&l.out, "%-40s %-7s %-19s %s\n", "ADDRESS", "KIND", "UNTIL", "REASON");
    int status = reach_once(call, &q, take_ban, &l, &end);
    if (status == ADMIN_OK && l.n == 0 && !call->is_json) {
        buf_reset(&l.out);
        buf_put_str(&l.out, "nobody is banned or penalised\n");
    }
    if (status == ADMIN_OK && !show_print(&l.out))
        status = ADMIN_FAILED;
    buf_clear(&l.out);
    return status;
}

/* Checked here too, so that a slip of the fingers is a usage error. */
static bool
take_block(const char *text, struct control_request *q)
{
    struct block block;
    if (!block_parse(bytes_str(text), &block))
        return false;
    block_text(&block, q->block);
    return true;
}

static int
run_add(const struct admin_call *call)
{
    struct control_request q = {.op = CONTROL_BAN_ADD};
    struct control_end end;
    if (!take_block(call->operands[0], &q))
        return admin_misused(call, "\"%s\" is no address or network", call->operands[0]);
    int64_t seconds = call->duration ? config_time(call->duration) : 0;
    if (call->duration && seconds <= 0)
        return admin_misused(call, "\"%s\" is no time, such as 90, 30m or 2w",
                             call->duration);
    if (call->reason && strlen(call->reason) > BAN_REASON_MAX)
        return admin_misused(call, "a reason has at most %d octets", BAN_REASON_MAX);
    q.seconds = (uint64_t)seconds;
    snprintf(q.reason, sizeof q.reason, "%s", call->reason ? call->reason : "");
    int status = reach_once(call, &q, NULL, NULL, &end);
    if (status == ADMIN_OK)
        printf("%s is banned%s%s\n", q.block, call->duration ? " for " : " for ever",
               call->duration ? call->duration : "");
    return status;
}

static int
run_del(const struct admin_call *call)
{
    struct control_request q = {.op = CONTROL_BAN_DEL};
    struct control_end end;
    if (!take_block(call->operands[0], &q))
        return admin_misused(call, "\"%s\" is no address or network", call->operands[0]);
    int status = reach_once(call, &q, NULL, NULL, &end);
    if (status != ADMIN_OK)
        return status;
    if (end.n == 0)
        return admin_fail("%s is neither banned nor penalised", q.block);
    printf("%s is free again\n", q.block);
    return ADMIN_OK;
}

static const struct admin_option list_options[] = {
    ADMIN_FLAG_AT("json", is_json, "one object a line"),
    {0},
};

static const struct admin_option add_options[] = {
    ADMIN_TEXT_AT("for", "TIME", duration, "how long: 90, 30m, 2w (default: for ever)"),
    ADMIN_TEXT_AT("reason", "TEXT", reason, "shown in lists and in the log"),
    {0},
};

static const struct admin_verb verbs[] = {
    {"ban", "list", "", "bans, and sources that are penalised", list_options, 0, 0,
     run_list},
    {"ban", "add", "ADDRESS[/BITS]", "refuse an address or a network", add_options, 1, 1,
     run_add},
    {"ban", "del", "ADDRESS[/BITS]", "take a ban back and forgive penalties", NULL, 1, 1,
     run_del},
};

int
admin_ban(int argc, char **argv, const char *config_path)
{
    return admin_run_verb(verbs, ARRAY_LEN(verbs), argc, argv, config_path);
}
