/* get, put and cat. */
#include <stdio.h>
#include <sys/stat.h>

#include "cli/operands.h"
#include "sftp/names.h"

static unsigned
transfer_flags(const struct invocation *inv)
{
    unsigned flags = 0;
    if (inv->recursive)
        flags |= TRANSFER_RECURSIVE;
    if (inv->preserve)
        flags |= TRANSFER_PRESERVE;
    if (inv->resume)
        flags |= TRANSFER_RESUME;
    if (inv->inplace)
        flags |= TRANSFER_INPLACE;
    if (inv->fsync)
        flags |= TRANSFER_FSYNC;
    return flags;
}

static bool
is_local_directory(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* ---- get ---- */

static void
add_get(struct session *s, const struct operands *o, size_t index, void *ctx)
{
    const char *local = ctx;
    s->report.is_many = s->report.is_many || o->n > 1;
    session_add(s, &(struct transfer_spec){.verb = TRANSFER_GET,
                                           .flags = transfer_flags(o->inv),
                                           .path = bytes_str(o->targets[index].path),
                                           .local = local});
}

static bool
has_empty_path(const struct operands *o)
{
    for (size_t i = 0; i < o->n; i++)
        if (o->targets[i].path[0] == '\0')
            return true;
    return false;
}

/* The last operand is where to put things, unless it is remote too. */
enum exit_status
cmd_get(const struct invocation *inv)
{
    size_t n = inv->n_operands;
    char *last = inv->operands[n - 1];
    bool has_local = n > 1 && !target_is_remote(last);
    char *local = has_local ? last : NULL;
    n -= has_local;
    struct operands o = {0};
    for (size_t i = 0; i < n && !inv->direct; i++)
        if (!target_is_remote(inv->operands[i]))
            return usage_error("%s: not a remote file (HOST:PATH)", inv->operands[i]);
    if (n > 1 && local && !is_local_directory(local))
        return usage_error("%s: several files need a directory to go to", local);
    enum exit_status status = operands_parse(&o, inv, inv->operands, n);
    if (status == EXIT_OK && has_empty_path(&o) && !inv->recursive)
        status = usage_error("name a file to get, or a directory with -r");
    if (status == EXIT_OK)
        status = operands_run(&o, REPORT_DOWNLOAD, NULL, add_get, local);
    operands_clear(&o);
    return status;
}

/* ---- put ---- */

struct put {
    const struct invocation *inv;
    bool is_directory; /* the remote place, as the STAT job saw it */
};

static void
on_put_event(void *ctx, const struct transfer_event *ev)
{
    struct put *put = ctx;
    if (ev->type == TRANSFER_EV_ENTRY)
        put->is_directory = S_ISDIR(ev->entry.attrs.permissions);
}

/* Several files onto one name would overwrite each other. */
static void
check_directory(struct session *s, struct put *put, struct bytes path)
{
    session_add(s, &(struct transfer_spec){.verb = TRANSFER_STAT, .path = path});
    session_run(s);
    if (!put->is_directory && s->report.n_failed == 0)
        report_failure(&s->report, TRANSFER_FAILED,
                       "several files need a remote directory to go to");
    s->report.n_succeeded = 0;
}

static void
add_put(struct session *s, const struct operands *o, size_t index, void *ctx)
{
    struct put *put = ctx;
    size_t n_sources = put->inv->n_operands - 1;
    struct bytes path = bytes_str(o->targets[index].path);
    if (path.n == 0)
        path = BYTES_LIT(".");
    if (n_sources > 1) {
        check_directory(s, put, path);
        s->report.is_many = true;
    }
    for (size_t i = 0; i < n_sources && s->report.n_failed == 0; i++)
        session_add(s, &(struct transfer_spec){.verb = TRANSFER_PUT,
                                               .flags = transfer_flags(put->inv),
                                               .path = path,
                                               .local = put->inv->operands[i]});
}

enum exit_status
cmd_put(const struct invocation *inv)
{
    struct put put = {.inv = inv};
    struct operands o = {0};
    char *const *last = &inv->operands[inv->n_operands - 1];
    if (!inv->direct && !target_is_remote(*last))
        return usage_error("%s: not a remote place (HOST:PATH)", *last);
    enum exit_status status = operands_parse(&o, inv, last, 1);
    if (status == EXIT_OK)
        status = operands_run(&o, REPORT_UPLOAD, on_put_event, add_put, &put);
    operands_clear(&o);
    return status;
}

/* ---- cat ---- */

static void
on_cat_event(void *ctx, const struct transfer_event *ev)
{
    struct session **session = ctx;
    if (ev->type != TRANSFER_EV_DATA || !*session)
        return;
    console_out(&(*session)->console, ev->data);
    /* Nobody reads any more: what is still under way is of no use. */
    if ((*session)->console.out_errno != 0)
        transfer_cancel_all((*session)->transfer);
}

static void
add_cat(struct session *s, const struct operands *o, size_t index, void *ctx)
{
    *(struct session **)ctx = s;
    session_add(s, &(struct transfer_spec){.verb = TRANSFER_CAT,
                                           .path = bytes_str(o->targets[index].path)});
    session_run(s); /* one after the other: their octets must not mix */
}

enum exit_status
cmd_cat(const struct invocation *inv)
{
    struct session *session = NULL;
    struct operands o = {0};
    if (inv->is_json)
        return usage_error("cat writes what is in the files, not JSON");
    enum exit_status status = operands_parse(&o, inv, inv->operands, inv->n_operands);
    if (status == EXIT_OK)
        status = operands_run(&o, REPORT_NO_FILES, on_cat_event, add_cat, &session);
    operands_clear(&o);
    return status;
}
