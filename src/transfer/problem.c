/* See problem.h. */
#include "transfer/problem.h"

#include <errno.h>
#include <stdio.h>

enum { PATH_SHOWN = 200, WORDS_SHOWN = 160 };

static enum transfer_failure
kind_of_status(uint32_t status)
{
    static const enum transfer_failure kinds[] = {
        [SSH_FX_NO_SUCH_FILE] = TRANSFER_NOT_FOUND,
        [SSH_FX_PERMISSION_DENIED] = TRANSFER_DENIED,
        [SSH_FX_NO_CONNECTION] = TRANSFER_LOST,
        [SSH_FX_CONNECTION_LOST] = TRANSFER_LOST,
        [SSH_FX_OP_UNSUPPORTED] = TRANSFER_UNSUPPORTED,
    };
    enum transfer_failure kind = status < ARRAY_LEN(kinds) ? kinds[status] : TRANSFER_OK;
    return kind != TRANSFER_OK ? kind : TRANSFER_FAILED;
}

static void
write_text(struct problem *p, const char *doing, struct bytes path, struct bytes words)
{
    struct buf b;
    buf_init(&b, 4096);
    if (doing)
        buf_printf(&b, "cannot %s ", doing);
    if (path.n != 0)
        text_escape(&b, path, PATH_SHOWN);
    if (b.n != 0)
        buf_put_str(&b, ": ");
    text_escape(&b, words, WORDS_SHOWN);
    const char *text = buf_cstr(&b);
    snprintf(p->text, sizeof p->text, "%s", text ? text : "out of memory");
    buf_clear(&b);
}

struct problem
problem_status(const struct sftp_event *ev, const char *doing, struct bytes path)
{
    struct problem p = {.kind = kind_of_status(ev->status), .status = ev->status};
    struct bytes words = ev->text;
    if (words.n == 0)
        words = bytes_str(sftp_status_text(ev->status));
    write_text(&p, doing, path, words);
    return p;
}

struct problem
problem_local(int sys_errno, const char *doing, struct bytes path)
{
    struct problem p = {.kind = TRANSFER_LOCAL, .sys_errno = sys_errno};
    write_text(&p, doing, path, bytes_str(strerror(sys_errno)));
    return p;
}

struct problem
problem_text(enum transfer_failure kind, struct bytes path, const char *text)
{
    struct problem p = {.kind = kind};
    write_text(&p, NULL, path, bytes_str(text));
    return p;
}

struct transfer_problem
problem_view(const struct problem *p)
{
    return (struct transfer_problem){p->kind, p->status, p->sys_errno, p->text};
}
