/* See ident.h. */
#include "ssh/ident.h"

#include <stdio.h>

#include "base/log.h"
#include "ssh/conn.h"

static enum err
refuse(struct fault *why, const char *what)
{
    return fault_set(why, ERR_PROTO, DISCONNECT_PROTOCOL_VERSION, "%s", what);
}

/* The line without its end. LF alone ends it too (old peers); a CR elsewhere
 * is a control character and refused with the others. */
static struct bytes
strip_line_end(struct bytes line)
{
    if (line.n != 0 && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

bool
ident_is_printable(struct bytes line)
{
    for (size_t i = 0; i < line.n; i++)
        if (line.p[i] < 0x20 || line.p[i] > 0x7e)
            return false;
    return true;
}

/* "SSH-2.0-software comments": the peer's protocol and software versions. */
static enum err
take_line(struct ident *id, struct bytes line, struct fault *why)
{
    if (line.n > IDENT_MAX - 2)
        return refuse(why, "the peer's identification line is longer than 255 octets");
    if (!ident_is_printable(line))
        return refuse(why, "the peer's identification line has control characters");
    if (!bytes_has_prefix(line, "SSH-2.0-") && !bytes_has_prefix(line, "SSH-1.99-"))
        return refuse(why, "the peer does not speak SSH 2.0");
    memcpy(id->line, line.p, line.n);
    id->line[line.n] = '\0';
    const char *software = strchr(strchr(id->line, '-') + 1, '-') + 1;
    snprintf(id->software, sizeof id->software, "%.*s", (int)strcspn(software, " "),
             software);
    return ERR_NONE;
}

/* A line that is not the identification: only a server may send some. */
static enum err
skip_line(struct ident *id, size_t n, bool may_have_lines_before, struct fault *why)
{
    if (!may_have_lines_before)
        return refuse(why, "the first line is not an SSH identification");
    id->n_pre_lines++;
    id->n_pre_octets += n;
    if (id->n_pre_lines > IDENT_PRE_LINES || id->n_pre_octets > IDENT_PRE_OCTETS)
        return refuse(why, "too much text before the SSH identification");
    return ERR_NONE;
}

enum err
ident_parse(struct ident *id, struct bytes in, bool may_have_lines_before, size_t *used,
            bool *is_done, struct fault *why)
{
    *used = 0;
    *is_done = false;
    while (in.n != 0) {
        const uint8_t *lf = memchr(in.p, '\n', in.n);
        if (!lf) {
            size_t most = may_have_lines_before ? IDENT_PRE_OCTETS : IDENT_MAX;
            return in.n >= most ? refuse(why, "the identification line does not end")
                                : ERR_NONE;
        }
        size_t n = (size_t)(lf - in.p) + 1;
        struct bytes line = strip_line_end(bytes_first(in, n - 1));
        *used += n;
        if (bytes_has_prefix(line, "SSH-")) {
            enum err e = take_line(id, line, why);
            *is_done = e == ERR_NONE;
            return e;
        }
        enum err e = skip_line(id, n, may_have_lines_before, why);
        if (e != ERR_NONE)
            return e;
        in = bytes_skip(in, n);
    }
    return ERR_NONE;
}
