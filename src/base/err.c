/* See err.h. Formats into the latched fault; allocates nothing, so that a
 * failure to allocate can be reported too. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static enum err
latch(struct fault *f, enum err code, uint32_t reason, int sys_errno, const char *fmt,
      va_list ap)
{
    if (f->code != ERR_NONE)
        return f->code;
    f->code = code;
    f->reason = reason;
    f->sys_errno = sys_errno;
    int n = vsnprintf(f->text, sizeof f->text, fmt, ap);
    if (n < 0)
        f->text[0] = '\0';
    size_t used = strlen(f->text);
    if (sys_errno != 0 && used < sizeof f->text - 1)
        snprintf(f->text + used, sizeof f->text - used, ": %s", strerror(sys_errno));
    return code;
}

enum err
fault_set(struct fault *f, enum err code, uint32_t reason, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    enum err e = latch(f, code, reason, 0, fmt, ap);
    va_end(ap);
    return e;
}

enum err
fault_errno(struct fault *f, enum err code, int sys_errno, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    enum err e = latch(f, code, 0, sys_errno, fmt, ap);
    va_end(ap);
    return e;
}

const char *
err_name(enum err e)
{
    static const char *const names[] = {
        [ERR_NONE] = "none",     [ERR_PROTO] = "protocol", [ERR_AUTH] = "authentication",
        [ERR_LIMIT] = "limit",   [ERR_NOMEM] = "memory",   [ERR_IO] = "input/output",
        [ERR_CRYPTO] = "crypto", [ERR_CLOSED] = "closed",  [ERR_BUG] = "internal",
    };
    return (size_t)e < sizeof names / sizeof *names ? names[e] : "unknown";
}
