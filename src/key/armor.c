/* See armor.h. */
#include "key/armor.h"

#include <stdio.h>

#include "key/text_line.h"

enum { ARMOR_COLUMNS = 70 }; /* as ssh-keygen wraps */

/* Is line the frame's "-----<edge> label-----"? */
static bool
is_frame(struct bytes line, const char *edge, const char *label)
{
    char want[96];
    int n = snprintf(want, sizeof want, "-----%s %s-----", edge, label);
    return n > 0 && (size_t)n < sizeof want && bytes_eq_str(line, want);
}

bool
armor_find(struct bytes text, const char *label, struct bytes *body)
{
    struct bytes line;
    if (!text_next_line(&text, &line) || !is_frame(line, "BEGIN", label))
        return false;
    struct bytes rest = text, here = text;
    while (text_next_line(&rest, &line)) {
        if (is_frame(line, "END", label)) {
            *body = bytes_first(text, text.n - here.n);
            return true;
        }
        here = rest;
    }
    return false;
}

void
armor_put(struct bytes data, const char *label, struct buf *out)
{
    struct buf flat;
    buf_init(&flat, out->max);
    base64_encode(data, &flat);
    buf_printf(out, "-----BEGIN %s-----\n", label);
    for (size_t i = 0; i < flat.n; i += ARMOR_COLUMNS) {
        buf_put(out, bytes_first(bytes_skip(buf_bytes(&flat), i), ARMOR_COLUMNS));
        buf_put_u8(out, '\n');
    }
    buf_printf(out, "-----END %s-----\n", label);
    if (out->err == ERR_NONE)
        out->err = buf_err(&flat);
    buf_clear(&flat);
}
