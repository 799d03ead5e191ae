/*
 * ferryd top: what is being transferred, live. Asks the daemon once a second;
 * keys sort, throttle and end sessions. Without a terminal, or with --once, one
 * look.
 */
#include <inttypes.h>
#include <stdio.h>

#include "admin/reach.h"
#include "admin/show.h"
#include "admin/terminal.h"
#include "admin/top_view.h"
#include "base/log.h"
#include "config/value.h"
#include "net/clock.h"

enum {
    REFRESH_MS = 1000,
    NOTE_MS = 4000, /* how long an answer stands on the last line */
    SCREEN_MAX = 16 << 20,
    ENTRY_MAX = 16,
    PLAIN_WIDTH = 132, /* columns where there is no terminal */
};

/* What the last line is asking, if anything. */
enum top_prompt { PROMPT_NONE, PROMPT_KILL, PROMPT_RATE };

struct top {
    struct dialogue daemon;
    struct top_view view;
    enum top_prompt prompt;
    uint64_t prompt_id;           /* the session that it is about, whatever moves */
    char entry[ENTRY_MAX + 1];    /* PROMPT_RATE: what was typed */
    uint64_t refresh_ms, note_ms; /* when due */
    bool is_over;
    struct fault why; /* why it ended */
};

/* ---- asking ---- */

static void
take_record(void *ctx, const struct control_reply *r)
{
    struct top_view *v = ctx;
    if (r->kind == CONTROL_STATUS_RECORD)
        v->status = r->status;
    if (r->kind == CONTROL_SESSION_RECORD)
        top_view_add(v, &r->session);
}

static enum err
refresh(struct top *t)
{
    const struct control_request status = {.op = CONTROL_STATUS};
    const struct control_request sessions = {.op = CONTROL_SESSIONS};
    struct control_end end;
    enum err err =
        dialogue_ask(&t->daemon, &status, take_record, &t->view, &end, &t->why);
    if (err != ERR_NONE)
        return err;
    top_view_begin(&t->view);
    err = dialogue_ask(&t->daemon, &sessions, take_record, &t->view, &end, &t->why);
    top_view_settle(&t->view);
    return err;
}

static void
note(struct top *t, const char *text)
{
    snprintf(t->view.note, sizeof t->view.note, "%s", text);
    t->note_ms = clock_now_ms() + NOTE_MS;
}

/* Tell the daemon to do something; its answer goes to the last line. */
static void
order(struct top *t, const struct control_request *q, const char *done)
{
    struct control_end end;
    struct fault why = {0};
    enum err err = dialogue_ask(&t->daemon, q, NULL, NULL, &end, &why);
    if (err == ERR_CLOSED) {
        t->why = why;
        t->is_over = true;
    }
    note(t, err == ERR_NONE ? done : why.text);
    t->prompt = PROMPT_NONE;
    t->refresh_ms = 0; /* show what came of it */
}

/* ---- keys ---- */

static void
put_prompt(struct top *t)
{
    const struct control_session *s = top_view_selected(&t->view);
    struct buf text;
    buf_init(&text, TOP_NOTE_MAX);
    if (t->prompt == PROMPT_RATE) {
        buf_printf(&text,
                   "octets a second for session %" PRIu64 " (K, M, G; 0: no limit): %s_",
                   t->prompt_id, t->entry);
    } else {
        buf_printf(&text, "end session %" PRIu64 " of ", t->prompt_id);
        text_escape(&text, bytes_str(s && s->id == t->prompt_id ? s->account : ""), 64);
        buf_put_str(&text, "? y/n");
    }
    const char *line = buf_cstr(&text);
    snprintf(t->view.note, sizeof t->view.note, "%s", line ? line : "");
    t->note_ms = UINT64_MAX;
    buf_clear(&text);
}

static void
begin_prompt(struct top *t, enum top_prompt prompt)
{
    const struct control_session *s = top_view_selected(&t->view);
    if (!s) {
        note(t, "nobody is connected");
        return;
    }
    t->prompt = prompt;
    t->prompt_id = s->id;
    t->entry[0] = 0;
    put_prompt(t);
}

static void
end_prompt(struct top *t)
{
    t->prompt = PROMPT_NONE;
    t->view.note[0] = 0;
    t->note_ms = UINT64_MAX;
}

static void
on_kill_key(struct top *t, int key)
{
    const struct control_request q = {.op = CONTROL_KILL, .id = t->prompt_id};
    if (key == 'y' || key == 'Y')
        order(t, &q, "session ended");
    else
        end_prompt(t);
}

static void
set_rate(struct top *t)
{
    int64_t rate = config_size(t->entry);
    const struct control_request q = {
        .op = CONTROL_THROTTLE, .id = t->prompt_id, .rate = (uint64_t)rate};
    if (rate < 0) {
        t->prompt = PROMPT_NONE;
        note(t, "no such rate: digits, and maybe K, M or G");
        return;
    }
    order(t, &q, rate != 0 ? "session throttled" : "session not throttled any more");
}

static void
on_rate_key(struct top *t, int key)
{
    size_t n = strlen(t->entry);
    if (key == KEY_ENTER && n != 0) {
        set_rate(t);
        return;
    }
    if (key == KEY_ESCAPE || key == KEY_ENTER) {
        end_prompt(t);
        return;
    }
    if (key == KEY_ERASE && n != 0)
        t->entry[n - 1] = 0;
    if (key > ' ' && key < 0x7f && n < ENTRY_MAX) {
        t->entry[n] = (char)key;
        t->entry[n + 1] = 0;
    }
    put_prompt(t);
}

static void
on_command_key(struct top *t, int key)
{
    int page = t->view.height / 2;
    switch (key) {
    case 'q':
    case 'Q':
        t->is_over = true;
        break;
    case 's':
        top_view_next_order(&t->view);
        break;
    case 't':
        begin_prompt(t, PROMPT_RATE);
        break;
    case 'k':
        begin_prompt(t, PROMPT_KILL);
        break;
    case KEY_UP:
    case KEY_DOWN:
        top_view_move(&t->view, key == KEY_UP ? -1 : 1);
        break;
    case KEY_PAGE_UP:
    case KEY_PAGE_DOWN:
        top_view_move(&t->view, key == KEY_PAGE_UP ? -page : page);
        break;
    default:
        break;
    }
}

static void
on_key(struct top *t, int key)
{
    if (key == KEY_END_OF_INPUT)
        t->is_over = true;
    else if (t->prompt == PROMPT_KILL)
        on_kill_key(t, key);
    else if (t->prompt == PROMPT_RATE)
        on_rate_key(t, key);
    else
        on_command_key(t, key);
}

static void
on_keys(struct top *t)
{
    int keys[16];
    size_t n = terminal_keys(keys);
    for (size_t i = 0; i < n && !t->is_over; i++)
        on_key(t, keys[i]);
}

/* ---- the screen ---- */

static void
fit(struct top *t)
{
    int width, height;
    terminal_size(&width, &height);
    top_view_resize(&t->view, width, height);
}

static void
draw(struct top *t)
{
    struct buf screen;
    buf_init(&screen, SCREEN_MAX);
    top_view_draw(&t->view, &screen);
    if (buf_err(&screen) != ERR_NONE || terminal_write(buf_bytes(&screen)) != ERR_NONE)
        t->is_over = true;
    buf_clear(&screen);
}

static void
turn(struct top *t, const struct terminal *terminal)
{
    uint64_t now = clock_now_ms();
    if (now >= t->refresh_ms) {
        if (refresh(t) != ERR_NONE)
            t->is_over = true;
        t->refresh_ms = now + REFRESH_MS;
    }
    if (now >= t->note_ms)
        end_prompt(t);
    if (t->is_over)
        return;
    draw(t);
    uint64_t due = t->note_ms < t->refresh_ms ? t->note_ms : t->refresh_ms;
    switch (terminal_wait(terminal, clock_poll_timeout(due, clock_now_ms()))) {
    case NEWS_KEYS:
        on_keys(t);
        break;
    case NEWS_RESIZED:
        fit(t);
        (void)!terminal_write(BYTES_LIT("\x1b[2J"));
        break;
    case NEWS_STOP:
        t->is_over = true;
        break;
    case NEWS_NONE:
        break;
    }
}

static int
run_live(struct top *t)
{
    struct terminal terminal;
    if (terminal_enter(&terminal) != ERR_NONE)
        return admin_fail("the terminal cannot be set");
    fit(t);
    while (!t->is_over)
        turn(t, &terminal);
    terminal_leave(&terminal);
    return t->why.code == ERR_NONE ? ADMIN_OK : admin_fail("%s", t->why.text);
}

static int
run_once(struct top *t)
{
    struct buf out;
    top_view_resize(&t->view, PLAIN_WIDTH, TOP_SIZE_MAX);
    if (refresh(t) != ERR_NONE)
        return admin_fail("%s", t->why.text);
    buf_init(&out, SCREEN_MAX);
    top_view_list(&t->view, &out);
    int status = show_print(&out) ? ADMIN_OK : ADMIN_FAILED;
    buf_clear(&out);
    return status;
}

static int
run_top(const struct admin_call *call)
{
    struct top t = {.note_ms = UINT64_MAX};
    if (!reach_open(&t.daemon, call))
        return ADMIN_FAILED;
    top_view_resize(&t.view, PLAIN_WIDTH, TOP_SIZE_MAX);
    int status = call->is_once || !terminal_is_there() ? run_once(&t) : run_live(&t);
    top_view_clear(&t.view);
    dialogue_close(&t.daemon);
    return status;
}

static const struct admin_option options[] = {
    ADMIN_FLAG_AT("once", is_once, "one look, also on a terminal"),
    {0},
};

static const struct admin_verb verb = {
    "top", NULL, "", "what is being transferred, live", options, 0, 0, run_top};

int
admin_top(int argc, char **argv, const char *config_path)
{
    return admin_run_verb(&verb, 1, argc, argv, config_path);
}
