/* ls, stat and df: what a server has, shown. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/json.h"
#include "cli/listing.h"
#include "cli/operands.h"

/* What the three share: the session that is running and which operand it is at. */
struct show {
    const struct invocation *inv;
    struct session *session;
    const struct target *target;
    struct listing listing;
    bool has_heading;
    bool is_first;
};

static void
out(struct show *show, struct buf *text)
{
    console_out(&show->session->console, buf_bytes(text));
    buf_clear(text);
}

static void
json_entry(struct show *show, const struct transfer_event *ev)
{
    const struct sftp_attrs *a = &ev->entry.attrs;
    struct buf text;
    buf_init(&text, 65536);
    json_begin(&text, "entry");
    json_text(&text, "dir", ev->path);
    json_text(&text, "name", ev->entry.filename);
    json_text(&text, "type", bytes_str(file_type_word(a)));
    if (a->flags & SFTP_ATTR_SIZE)
        json_number(&text, "size", a->size);
    if (a->flags & SFTP_ATTR_PERMISSIONS)
        json_number(&text, "mode", a->permissions & 07777);
    if (a->flags & SFTP_ATTR_UIDGID) {
        json_number(&text, "uid", a->uid);
        json_number(&text, "gid", a->gid);
    }
    if (a->flags & SFTP_ATTR_ACMODTIME) {
        json_number(&text, "mtime", a->mtime);
        json_number(&text, "atime", a->atime);
    }
    json_end(&text);
    out(show, &text);
}

/* ---- ls ---- */

static bool
is_hidden(const struct show *show, struct bytes name)
{
    return !show->inv->list_all && bytes_has_prefix(name, ".") && name.n != 0;
}

static void
put_heading(struct show *show, struct buf *text)
{
    if (!show->has_heading)
        return;
    if (!show->is_first)
        buf_put_u8(text, '\n');
    show->is_first = false;
    text_escape(text, bytes_str(show->target->path), 0);
    buf_put_str(text, ":\n");
}

static void
print_listing(struct show *show)
{
    const struct invocation *inv = show->inv;
    const struct console *c = &show->session->console;
    const struct listing_style style = {.is_long = inv->list_long,
                                        .is_human = inv->human,
                                        .is_single_column = inv->list_one,
                                        .by_time = inv->by_time,
                                        .by_size = inv->by_size,
                                        .is_reversed = inv->reversed,
                                        .has_color = c->has_color,
                                        .width = c->out_is_terminal ? console_width() : 0,
                                        .now = time(NULL)};
    struct buf text;
    buf_init(&text, SIZE_MAX / 2);
    if (!c->is_json) {
        put_heading(show, &text);
        listing_put(&text, &show->listing, &style);
    }
    listing_clear(&show->listing);
    out(show, &text);
}

static void
on_list_event(void *ctx, const struct transfer_event *ev)
{
    struct show *show = ctx;
    if (ev->type == TRANSFER_EV_JOB_DONE)
        print_listing(show);
    if (ev->type != TRANSFER_EV_ENTRY || is_hidden(show, ev->entry.filename))
        return;
    if (show->session->console.is_json)
        json_entry(show, ev);
    else if (listing_add(&show->listing, ev->entry.filename, &ev->entry.attrs) !=
             ERR_NONE)
        report_failure(&show->session->report, TRANSFER_LOCAL,
                       "the listing does not fit into memory; it is cut");
}

/* One job after the other, so that each has its own listing. */
static void
run_one(struct session *s, const struct operands *o, size_t index, void *ctx,
        enum transfer_verb verb)
{
    struct show *show = ctx;
    show->session = s;
    show->target = &o->targets[index];
    struct bytes path = bytes_str(show->target->path);
    if (path.n == 0)
        path = BYTES_LIT(".");
    session_add(s, &(struct transfer_spec){.verb = verb, .path = path});
    session_run(s);
}

static void
add_list(struct session *s, const struct operands *o, size_t index, void *ctx)
{
    run_one(s, o, index, ctx, TRANSFER_LIST);
}

static enum exit_status
show_all(const struct invocation *inv,
         void (*event)(void *ctx, const struct transfer_event *ev), operand_fn *add)
{
    struct show show = {.inv = inv, .has_heading = inv->n_operands > 1, .is_first = true};
    struct operands o = {0};
    enum exit_status status = operands_parse(&o, inv, inv->operands, inv->n_operands);
    if (status == EXIT_OK)
        status = operands_run(&o, REPORT_NO_FILES, event, add, &show);
    listing_clear(&show.listing);
    operands_clear(&o);
    return status;
}

enum exit_status
cmd_ls(const struct invocation *inv)
{
    return show_all(inv, on_list_event, add_list);
}

/* ---- stat ---- */

/* RFC 3339, UTC. */
static void
put_time(struct buf *text, const char *label, uint32_t seconds)
{
    time_t t = (time_t)seconds;
    struct tm tm;
    char stamp[32] = "?";
    if (gmtime_r(&t, &tm))
        strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &tm);
    buf_printf(text, "%9s %s\n", label, stamp);
}

static void
print_attrs(struct show *show, const struct sftp_attrs *a)
{
    struct buf text;
    buf_init(&text, 65536);
    buf_put_str(&text, "    path: ");
    text_escape(&text, bytes_str(show->target->path), 0);
    buf_printf(&text, "\n    type: %s\n", file_type_word(a));
    if (a->flags & SFTP_ATTR_SIZE)
        buf_printf(&text, "    size: %" PRIu64 "\n", a->size);
    if (a->flags & SFTP_ATTR_PERMISSIONS) {
        buf_printf(&text, "    mode: %04" PRIo32 " ", a->permissions & 07777);
        mode_put(&text, a);
        buf_put_u8(&text, '\n');
    }
    if (a->flags & SFTP_ATTR_UIDGID)
        buf_printf(&text, "   owner: %" PRIu32 " group %" PRIu32 "\n", a->uid, a->gid);
    if (a->flags & SFTP_ATTR_ACMODTIME) {
        put_time(&text, "modified:", a->mtime);
        put_time(&text, "accessed:", a->atime);
    }
    out(show, &text);
}

static void
on_stat_event(void *ctx, const struct transfer_event *ev)
{
    struct show *show = ctx;
    if (ev->type != TRANSFER_EV_ENTRY)
        return;
    if (show->session->console.is_json)
        json_entry(show, ev);
    else
        print_attrs(show, &ev->entry.attrs);
}

static void
add_stat(struct session *s, const struct operands *o, size_t index, void *ctx)
{
    run_one(s, o, index, ctx, o->inv->no_follow ? TRANSFER_LSTAT : TRANSFER_STAT);
}

enum exit_status
cmd_stat(const struct invocation *inv)
{
    return show_all(inv, on_stat_event, add_stat);
}

/* ---- df ---- */

/* What the four columns are made of: octets, or inodes. */
struct space {
    uint64_t total, used, available;
};

/* The server's numbers may overflow when multiplied: then the most that fits. */
static uint64_t
times(uint64_t blocks, uint64_t size)
{
    uint64_t product;
    return __builtin_mul_overflow(blocks, size, &product) ? UINT64_MAX : product;
}

static struct space
space_of(const struct sftp_msg_ext_statvfs_reply *v, bool is_inodes)
{
    uint64_t total = is_inodes ? v->files : v->blocks;
    uint64_t free_ = is_inodes ? v->ffree : v->bfree;
    uint64_t available = is_inodes ? v->favail : v->bavail;
    uint64_t unit = is_inodes ? 1 : v->frsize;
    return (struct space){times(total, unit),
                          times(total > free_ ? total - free_ : 0, unit),
                          times(available, unit)};
}

static void
put_amount(struct buf *text, uint64_t amount, bool is_human)
{
    struct buf number;
    buf_init(&number, 64);
    if (is_human)
        size_put_human(&number, amount);
    else
        buf_printf(&number, "%" PRIu64, amount);
    const char *s = buf_cstr(&number);
    buf_printf(text, " %15s", s ? s : "?");
    buf_clear(&number);
}

static void
print_space(struct show *show, const struct space *space)
{
    struct buf text;
    buf_init(&text, 65536);
    if (show->is_first)
        buf_printf(&text, " %15s %15s %15s %5s path\n",
                   show->inv->inodes ? "inodes" : "size", "used", "available", "use");
    show->is_first = false;
    put_amount(&text, space->total, show->inv->human);
    put_amount(&text, space->used, show->inv->human);
    put_amount(&text, space->available, show->inv->human);
    double share =
        space->total != 0 ? (double)space->used * 100 / (double)space->total : 0;
    buf_printf(&text, " %4.0f%% ", share);
    text_escape(&text, bytes_str(show->target->path), 0);
    buf_put_u8(&text, '\n');
    out(show, &text);
}

static void
json_space(struct show *show, const struct space *space)
{
    struct buf text;
    buf_init(&text, 65536);
    json_begin(&text, "space");
    json_text(&text, "path", bytes_str(show->target->path));
    json_text(&text, "unit", bytes_str(show->inv->inodes ? "inodes" : "octets"));
    json_number(&text, "total", space->total);
    json_number(&text, "used", space->used);
    json_number(&text, "available", space->available);
    json_end(&text);
    out(show, &text);
}

static void
on_df_event(void *ctx, const struct transfer_event *ev)
{
    struct show *show = ctx;
    if (ev->type != TRANSFER_EV_STATVFS)
        return;
    const struct space space = space_of(ev->statvfs, show->inv->inodes);
    if (show->session->console.is_json)
        json_space(show, &space);
    else
        print_space(show, &space);
}

static void
add_df(struct session *s, const struct operands *o, size_t index, void *ctx)
{
    run_one(s, o, index, ctx, TRANSFER_STATVFS);
}

enum exit_status
cmd_df(const struct invocation *inv)
{
    return show_all(inv, on_df_event, add_df);
}
