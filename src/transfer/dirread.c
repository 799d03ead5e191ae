/* See dirread.h. */
#include "transfer/dirread.h"

void
dirread_start(struct dirread *d, struct task *task, struct bytes path)
{
    *d = (struct dirread){.task = task};
    struct call *call = call_new(task, DIRREAD_OPEN);
    call_sent(call, sftp_client_opendir(task->t->client, &call->req, path));
}

static struct bytes
handle_of(const struct dirread *d)
{
    return bytes_of(d->handle, d->handle_len);
}

void
dirread_more(struct dirread *d)
{
    struct transfer *t = d->task->t;
    while (d->is_open && !d->is_at_end && d->n_reads < DIRREAD_AHEAD && !t->is_over) {
        struct call *call = call_new(d->task, DIRREAD_READ);
        d->n_reads++;
        call_sent(call, sftp_client_readdir(t->client, &call->req, handle_of(d)));
    }
}

void
dirread_stop(struct dirread *d)
{
    d->is_at_end = true;
    if (!d->is_open || d->task->t->is_over)
        return;
    d->is_open = false;
    struct call *call = call_new(d->task, DIRREAD_CLOSE);
    call_sent(call, sftp_client_close(d->task->t->client, &call->req, handle_of(d)));
}

static enum dirread_result
on_open(struct dirread *d, const struct sftp_event *ev)
{
    if (ev->reply != SSH_FXP_HANDLE) {
        bool was_wanted = !d->is_at_end;
        d->is_at_end = true;
        return was_wanted ? DIRREAD_FAILED : DIRREAD_NOTHING;
    }
    memcpy(d->handle, ev->handle.p, ev->handle.n);
    d->handle_len = ev->handle.n;
    d->is_open = true;
    if (d->is_at_end)
        dirread_stop(d); /* nobody wants it any more */
    else
        dirread_more(d);
    return DIRREAD_NOTHING;
}

static enum dirread_result
on_read(struct dirread *d, const struct sftp_event *ev)
{
    d->n_reads--;
    if (d->is_at_end)
        return DIRREAD_NOTHING; /* the READDIR that was sent ahead */
    /* A NAME without entries is how some servers say the end. */
    if (ev->reply == SSH_FXP_NAME && ev->names.count != 0)
        return DIRREAD_ENTRIES;
    dirread_stop(d);
    bool is_end = ev->reply == SSH_FXP_NAME || ev->status == SSH_FX_EOF;
    return is_end ? DIRREAD_DONE : DIRREAD_FAILED;
}

enum dirread_result
dirread_reply(struct dirread *d, const struct call *call, const struct sftp_event *ev)
{
    switch ((enum dirread_step)call->step) {
    case DIRREAD_OPEN:
        return on_open(d, ev);
    case DIRREAD_READ:
        return on_read(d, ev);
    case DIRREAD_CLOSE:
        return DIRREAD_NOTHING;
    }
    return DIRREAD_NOTHING;
}
