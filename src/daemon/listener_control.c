/* What the control socket asks of the listener; see control.h. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "daemon/listener_impl.h"
#include "net/clock.h"

static void
put_addresses(const struct listener *l, char text[CONTROL_TEXT_MAX])
{
    size_t n = 0;
    for (uint32_t i = 0; i < l->n_listen && n + NET_ADDR_TEXT_MAX + 2 < CONTROL_TEXT_MAX;
         i++) {
        char address[NET_ADDR_TEXT_MAX];
        net_addr_text(&l->bound[i], address);
        n += (size_t)snprintf(text + n, CONTROL_TEXT_MAX - n, "%s%s", i ? ", " : "",
                              address);
    }
}

static void
on_status(void *ctx, struct control_status *out)
{
    struct listener *l = ctx;
    size_t n_penalised = 0, n_noted = 0;
    uint64_t now = clock_now_ms();
    if (l->hooks->status)
        l->hooks->status(l->hooks_ctx, out);
    out->generation = l->generations[0]->number;
    out->started_s = l->started_s;
    out->reloaded_s = l->reloaded_s;
    out->uptime_ms = now - l->started_ms;
    put_addresses(l, out->listening);
    out->is_stopping = l->run->stop_ms != UINT64_MAX;
    out->n_connections = l->admission->n_used;
    out->n_authenticated = l->admission->n_used - l->admission->n_unauthenticated;
    out->max_connections = l->admission->limits.connections;
    if (l->penalties) {
        penalty_count(l->penalties, now, &n_penalised, &n_noted);
        out->n_bans = penalties_bans(l->penalties)->n;
    }
    out->n_penalised = n_penalised;
    out->n_noted = n_noted;
    rates_totals(l->rates, &out->octets_in, &out->octets_out);
    out->counts = l->counts;
}

static bool
on_next_session(void *ctx, uint64_t *cursor, struct control_session *out)
{
    struct listener *l = ctx;
    uint32_t at = (uint32_t)*cursor;
    const struct admission_place *p = admission_next(l->admission, &at);
    *cursor = at;
    if (!p)
        return false;
    uint32_t index = admission_index(l->admission, p);
    control_describe(p, index, board_at(l->pages, index), l->rates, clock_now_ms(), out);
    return true;
}

static bool
on_next_ban(void *ctx, uint64_t *cursor, struct control_ban *out)
{
    struct listener *l = ctx;
    return l->penalties &&
           control_next_ban(l->penalties, clock_now_ms(), time(NULL), cursor, out);
}

static enum err
on_kill(void *ctx, uint64_t id, const char *account, uint32_t *n, struct fault *why)
{
    struct listener *l = ctx;
    const struct admission_place *p;
    uint32_t cursor = 0;
    *n = 0;
    while ((p = admission_next(l->admission, &cursor)))
        if (id ? p->id == id : strcmp(p->account, account) == 0) {
            listener_signal(l->run, p, SIGTERM);
            ++*n;
        }
    return *n || !id ? ERR_NONE
                     : fault_set(why, ERR_AUTH, 0, "there is no connection %llu",
                                 (unsigned long long)id);
}

static enum err
on_throttle(void *ctx, uint64_t id, uint64_t rate, struct fault *why)
{
    struct listener *l = ctx;
    const struct admission_place *p = admission_find(l->admission, id);
    if (!p)
        return fault_set(why, ERR_AUTH, 0, "there is no connection %llu",
                         (unsigned long long)id);
    struct board_page *page = board_at(l->pages, admission_index(l->admission, p));
    atomic_store(&page->throttle, rate);
    return ERR_NONE;
}

static void
save_bans(const struct listener *l)
{
    if (l->hooks->bans_changed)
        l->hooks->bans_changed(l->hooks_ctx, penalties_bans(l->penalties));
}

static enum err
on_ban_add(void *ctx, const struct block *block, uint64_t seconds, const char *reason,
           struct fault *why)
{
    struct listener *l = ctx;
    int64_t now = time(NULL);
    if (!l->penalties)
        return fault_set(why, ERR_LIMIT, 0, "penalties are off");
    struct ban ban = {.block = *block, .since = now, .until = BAN_FOREVER};
    if (seconds != 0 && seconds < INT32_MAX)
        ban.until = now + (int64_t)seconds;
    snprintf(ban.reason, sizeof ban.reason, "%s", reason);
    enum err err = bans_add(penalties_bans(l->penalties), &ban, now);
    if (err != ERR_NONE)
        return fault_set(why, err, 0, "no more bans can be kept");
    save_bans(l);
    return ERR_NONE;
}

static enum err
on_ban_del(void *ctx, const struct block *block, uint32_t *n, struct fault *why)
{
    struct listener *l = ctx;
    if (!l->penalties)
        return fault_set(why, ERR_LIMIT, 0, "penalties are off");
    *n = bans_del(penalties_bans(l->penalties), block) ? 1 : 0;
    *n += (uint32_t)penalty_forgive(l->penalties, block);
    save_bans(l);
    return ERR_NONE;
}

static enum err
on_reload(void *ctx, struct fault *why)
{
    struct listener *l = ctx;
    if (!l->hooks->reload)
        return fault_set(why, ERR_LIMIT, 0, "there is no configuration to reload");
    return listener_reload(l->run, why);
}

static enum err
on_reopen(void *ctx, struct fault *why)
{
    struct listener *l = ctx;
    (void)why;
    if (l->hooks->reopen)
        l->hooks->reopen(l->hooks_ctx);
    return ERR_NONE;
}

void
listener_control_host(struct listener *l, struct control_host *host)
{
    *host = (struct control_host){
        .ctx = l,
        .status = on_status,
        .next_session = on_next_session,
        .next_ban = on_next_ban,
        .kill = on_kill,
        .throttle = on_throttle,
        .ban_add = on_ban_add,
        .ban_del = on_ban_del,
        .reload = on_reload,
        .reopen = on_reopen,
    };
}
